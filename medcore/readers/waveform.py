"""DICOM waveforms: the rhythm strip of an ECG."""

import re

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medcore.errors import Refused
from medcore.i18n import _
from medcore.inputs import Signal
from medcore.inputs.signal import lead_name
from medcore.readers import deidentify
from medcore.readers.base import check_size, known_lead, voltage

_SAMPLES = {"SB": "i1", "UB": "u1", "SS": "i2", "US": "u2", "SL": "i4", "UL": "u4"}
_UNITS = {"uV": "uV", "mV": "mV", "nV": "nV", "V": "V", "mm[Hg]": "mmHg", "Ohm": "Ohm", "cm[H2O]": "cmH2O", "%": "%"}


def read_waveform(dataset: Dataset, facts: dict[str, str]) -> tuple[Signal, Sequence, tuple[str, ...]]:
    """The first group of channels that is no median beat: (signal, that group cleaned, remarks).

    Voltages come in mV, other channels in their own unit, padding as NaN.
    """
    groups = list(dataset.WaveformSequence)
    group = next((g for g in groups if "MEDIAN" not in str(g.get("MultiplexGroupLabel", "")).upper()), None)
    if group is None:
        raise Refused(
            _("The DICOM file holds an averaged beat but no recording."), _("Export the ECG with its rhythm strip.")
        )
    try:
        raw, rate = _raw(group, dataset.file_meta.TransferSyntaxUID.is_little_endian)
        channels = [_Channel(c, i) for i, c in enumerate(group.ChannelDefinitionSequence)]
    except Refused:
        raise
    except Exception:
        raise _wrong() from None
    if len(channels) != raw.shape[1]:
        raise _wrong()
    padding = _padding(group, raw.dtype)
    samples = np.stack([c.scale(raw[:, i], padding) for i, c in enumerate(channels)])
    signal = Signal(samples, rate, tuple(c.name for c in channels), tuple(c.unit for c in channels), facts)
    remarks = [] if len(groups) == 1 else [_("The file also holds averaged beats or further groups; they aren't read.")]
    if any(c.unit == "?" for c in channels):
        remarks.append(_("Some channels have no unit; they aren't drawn or read as mV."))
    return signal, Sequence([_cleaned(group, channels)]), tuple(remarks)


def _wrong() -> Refused:
    return Refused(
        _("The waveform in the DICOM file is damaged: its channels don't fit its data."),
        _("Export the ECG again from its source."),
    )


def _raw(group: Dataset, little_endian: bool) -> tuple[np.ndarray, float]:
    """((samples, channels) of stored values, rate in Hz)."""
    n, channels = int(group.NumberOfWaveformSamples), int(group.NumberOfWaveformChannels)
    rate, kind = float(group.SamplingFrequency), str(group.WaveformSampleInterpretation)
    if kind not in _SAMPLES:
        raise Refused(
            _("The waveform's samples are companded audio, which isn't read."),
            _("Export the ECG with plain 16-bit samples."),
        )
    dtype = np.dtype(_SAMPLES[kind]).newbyteorder("<" if little_endian else ">")
    need = n * channels * dtype.itemsize
    check_size(4 * n * channels)
    data: bytes = group.WaveformData
    if n < 1 or channels < 1 or not 0 < rate < 1e7:
        raise _wrong()
    if len(data) < need:
        raise Refused(
            _("WaveformData (5400,1010) holds {have:,} of the {need:,} bytes that the header announces.").format(
                have=len(data), need=need
            ),
            _("The file is cut off or its header is wrong: export it again from its source."),
        )
    return np.frombuffer(data, dtype, n * channels).reshape(n, channels), rate


def _padding(group: Dataset, dtype: np.dtype) -> float | None:
    value = group.get("WaveformPaddingValue")
    if not isinstance(value, bytes) or len(value) < dtype.itemsize:
        return None
    return float(np.frombuffer(value, dtype, 1)[0])


class _Channel:
    """One lead: its neutral name, its unit, and how stored values become values in it."""

    def __init__(self, item: Dataset, index: int) -> None:
        self.item = item
        self.name = _name(item, index)
        self.factor, self.baseline, self.code = 1.0, 0.0, ""
        sensitivity = item.get("ChannelSensitivity")
        if sensitivity is not None:
            correction = item.get("ChannelSensitivityCorrectionFactor")
            self.factor = float(sensitivity) * float(1 if correction is None else correction)
            self.baseline = float(item.get("ChannelBaseline") or 0)
            units = item.get("ChannelSensitivityUnitsSequence") or []
            code = str(units[0].get("CodeValue", "")) if units else ""
            self.code = code if code in _UNITS else ""
        self.unit, self.to_unit = voltage(_UNITS[self.code]) if self.code else ("?", 1.0)

    def scale(self, raw: np.ndarray, padding: float | None) -> np.ndarray:
        values = ((raw * self.factor + self.baseline) * self.to_unit).astype(np.float32)
        if padding is not None:
            values[raw == padding] = np.nan
        return values


def _name(item: Dataset, index: int) -> str:
    """The lead by its code's meaning; a text that is no known lead could name somebody and becomes its place."""
    source = item.get("ChannelSourceSequence") or []
    meaning = str(source[0].get("CodeMeaning", "")) if source else str(item.get("ChannelLabel", ""))
    return known_lead(re.split(r"[(,]", lead_name(meaning))[0], index)


def _cleaned(group: Dataset, channels: list[_Channel]) -> Dataset:
    """The group after the table of `deidentify`, with codes written anew."""
    out = deidentify.keep(group)
    out.ChannelDefinitionSequence = Sequence([_cleaned_channel(c) for c in channels])
    return out


def _cleaned_channel(channel: _Channel) -> Dataset:
    out = deidentify.keep(channel.item)
    out.ChannelSourceSequence = Sequence([_code(channel.name, f"Lead {channel.name}")])
    if channel.code:
        out.ChannelSensitivityUnitsSequence = Sequence([_code(channel.code, channel.code, "UCUM")])
    return out


def _code(value: str, meaning: str, scheme: str = "99MEDCORE") -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code
