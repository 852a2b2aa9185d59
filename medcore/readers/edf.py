"""EDF and EDF+: signals of any rate in records of a fixed length.

After Kemp B et al., Electroencephalogr Clin Neurophysiol 1992;82:391-393 and Kemp B, Olivan J, Clin Neurophysiol
2003;114:1755-1761 (https://www.edfplus.info/specs/).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from medcore.errors import Refused
from medcore.i18n import _
from medcore.inputs import Signal
from medcore.inputs.signal import LEADS, lead_name
from medcore.readers import own, wfdb
from medcore.readers.base import Found, age_fact, check_size, sex_fact, voltage
from medcore.readers.deidentify import shifted, somebody

_FIELDS = {  # of each signal, in this order: width in characters
    "label": 16, "transducer": 80, "unit": 8, "low": 8, "high": 8, "digital_low": 8, "digital_high": 8,
    "filters": 80, "samples": 8, "reserved": 32,
}  # fmt: skip
_ANNOTATIONS = "EDF Annotations"
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


@dataclass(frozen=True)
class Channel:
    """One signal's declaration. samples: a record; at: bytes before its samples in a record."""

    label: str
    unit: str
    gain: float
    offset: float
    samples: int
    at: int


@dataclass(frozen=True)
class Header:
    """seconds: of a record; records: how many (-1: as many as the file has); start: bytes before the first."""

    patient: str
    started: date | None
    plus: str
    start: int
    records: int
    seconds: float
    channels: tuple[Channel, ...]

    @property
    def record_bytes(self) -> int:
        return 2 * sum(c.samples for c in self.channels)


def read(content: bytes, key: bytes = b"", case: str = "") -> list[Found]:
    """The signals, one `Signal` for each rate, in mV for voltages.

    Gaps between the records of an EDF+D file are NaN. Of the patient's fields sex and age are kept, and the date
    moved by the patient's offset; recorder, free text and annotations go no further.
    """
    header = parse(content)
    n = _records_held(header, content)
    stored = np.frombuffer(content, "<i2", n * header.record_bytes // 2, header.start).reshape(n, -1)
    notes = [c for c in header.channels if c.label == _ANNOTATIONS]
    channels = [c for c in header.channels if c.label != _ANNOTATIONS and c.samples]
    if not channels or header.seconds <= 0:
        raise Refused(_("The EDF file holds annotations only."), _("Upload the file that holds the signals."))
    if max(c.samples for c in channels) / header.seconds > 1e7:
        raise _wrong()
    onsets, annotated = _timekeeping(stored, notes[0]) if notes else (np.arange(n) * header.seconds, False)
    if header.plus != "EDF+D":
        onsets = np.arange(n) * header.seconds
    gaps = _gaps(onsets, header.seconds)
    remarks = []
    if gaps:
        remarks.append(_("The recording was interrupted (gaps: {n}); the gaps stay empty.").format(n=gaps))
    if annotated:
        remarks.append(_("The file's annotations are free text, which may name somebody; they aren't kept."))
    who, facts = _who(header, key)
    found = []
    for samples in dict.fromkeys(c.samples for c in channels):
        same = [c for c in channels if c.samples == samples]
        signal = Signal(
            samples=_decode(stored, same, onsets if gaps else None, header.seconds),
            rate_hz=samples / header.seconds,
            leads=tuple(_lead(c.label, i) for i, c in enumerate(same)),
            units=tuple(wfdb.unit(c.unit) if c.unit else "?" for c in same),
            facts=facts,
        )
        found.append(Found(signal, own.write(signal), who, tuple(remarks), case))
    return found


def parse(content: bytes) -> Header:
    """Raises Refused where a header can't be followed."""
    head = content[:256].decode("latin-1")
    count = _whole(head[252:256])
    start = _whole(head[184:192])
    if len(head) < 256 or count < 1 or start != 256 * (count + 1) or len(content) < start:
        raise _wrong()
    columns, at = {}, 256
    for name, width in _FIELDS.items():
        block = content[at : at + width * count].decode("latin-1")
        columns[name] = [block[i * width : (i + 1) * width].strip() for i in range(count)]
        at += width * count
    channels, before = [], 0
    for i in range(count):
        channel = _channel({name: values[i] for name, values in columns.items()}, before)
        channels.append(channel)
        before += 2 * channel.samples
    return Header(
        patient=head[8:88].strip(),
        started=_day(head[88:168], head[168:176]),
        plus=head[192:197],
        start=start,
        records=_whole(head[236:244], low=-1),
        seconds=_number(head[244:252]),
        channels=tuple(channels),
    )


def _wrong() -> Refused:
    return Refused(
        _("The header of the EDF file can't be understood: it is cut off or damaged."),
        _("Copy or export it again from its source."),
    )


def _number(text: str) -> float:
    text = text.strip().replace(",", ".")
    if not _NUMBER.fullmatch(text) or abs(float(text)) > 1e12:
        raise _wrong()
    return float(text)


def _whole(text: str, low: int = 0) -> int:
    if not re.fullmatch(r"-?\d+", text.strip()) or int(text) < low:
        raise _wrong()
    return int(text)


def _channel(field: dict[str, str], at: int) -> Channel:
    samples = _whole(field["samples"])
    if field["label"] == _ANNOTATIONS:
        return Channel(_ANNOTATIONS, "", 1.0, 0.0, samples, at)
    low, high = _number(field["low"]), _number(field["high"])
    digital_low, digital_high = _number(field["digital_low"]), _number(field["digital_high"])
    if digital_low == digital_high or low == high:
        raise Refused(
            _("A signal of the EDF file has no scale: its lowest and highest values are the same."),
            _("Export the recording again from its source."),
        )
    gain = (high - low) / (digital_high - digital_low)
    return Channel(field["label"], field["unit"], gain, low - digital_low * gain, samples, at)


def _records_held(header: Header, content: bytes) -> int:
    held = (len(content) - header.start) // header.record_bytes if header.record_bytes else 0
    n = held if header.records == -1 else header.records
    if n > held or n == 0:
        raise Refused(
            _("The EDF file ends after {held} of {n} records.").format(held=held, n=max(n, 1)),
            _("The copy is cut off: copy it again from its source."),
        )
    return n


def _timekeeping(stored: np.ndarray, channel: Channel) -> tuple[np.ndarray, bool]:
    """When each record began in s, by the first annotation in it; and whether there are any with a text."""
    onsets, annotated = np.full(len(stored), np.nan), False
    first = channel.at // 2
    for i, record in enumerate(stored[:, first : first + channel.samples]):
        lists = [part for part in record.tobytes().split(b"\0") if part]
        start = re.match(rb"([+-]\d+(\.\d*)?)\x14\x14", lists[0]) if lists else None
        onsets[i] = float(start[1]) if start else np.nan
        annotated |= any(text for part in lists for text in part.split(b"\x14")[1:])
    return onsets, annotated


def _gaps(onsets: np.ndarray, seconds: float) -> int:
    """How many records begin later than the one before ends. Raises Refused where they overlap."""
    late = np.diff(onsets) - seconds
    if not np.isfinite(onsets).all() or (late < -1e-3 * max(1.0, seconds)).any():
        raise Refused(
            _("The EDF+ file is discontinuous, and the times of its records are missing or overlap."),
            _("Export it as a continuous recording (EDF+C)."),
        )
    return int((late > 1e-3 * max(1.0, seconds)).sum())


def _decode(stored: np.ndarray, channels: Sequence[Channel], onsets: np.ndarray | None, seconds: float) -> np.ndarray:
    """(channels, samples) float32, each record where it began."""
    samples = channels[0].samples
    n = len(stored) * samples
    check_size(4 * n * len(channels))
    values = np.empty((len(channels), len(stored), samples), np.float32)
    for row, c in zip(values, channels, strict=True):
        first, factor = c.at // 2, voltage(c.unit)[1]
        row[:] = stored[:, first : first + samples] * (c.gain * factor) + c.offset * factor
    if onsets is None:
        return values.reshape(len(channels), n)
    starts = np.rint((onsets - onsets[0]) * samples / seconds)
    check_size(4 * int(starts[-1] + samples) * len(channels))
    out = np.full((len(channels), int(starts[-1]) + samples), np.nan, np.float32)
    for i, start in enumerate(starts.astype(np.int64)):
        out[:, start : start + samples] = values[:, i]
    return out


def _lead(label: str, index: int) -> str:
    """A lead's usual spelling: "ECG V2" and "EKG-aVR" become V2 and aVR; other labels stay, as `wfdb.lead` has it."""
    short = lead_name(re.sub(r"^(ECG|EKG)[ -]+(Lead )?", "", label, flags=re.IGNORECASE))
    return short if short in LEADS else wfdb.lead(label, index)


def _day(recording: str, started: str) -> date | None:
    """The date of an EDF+ recording field (Startdate 02-MAR-2002), else of the header's own (02.03.02)."""
    try:
        plus = re.match(r"Startdate (\d\d)-([A-Z]{3})-(\d{4})", recording)
        if plus:
            return date(int(plus[3]), _MONTHS.index(plus[2]) + 1, int(plus[1]))
        short = re.fullmatch(r"(\d\d)\.(\d\d)\.(\d\d)", started)
        if short:
            day, month, year = map(int, short.groups())
            return date(year + (1900 if year >= 85 else 2000), month, day)  # the clipping date of EDF is 1985
    except ValueError:
        pass
    return None


def _who(header: Header, key: bytes) -> tuple[str | None, dict[str, str]]:
    """What identifies the patient, and facts that name nobody. EDF+ has code, sex, birth date, name; X is unknown."""
    if not header.plus.startswith("EDF+"):
        named = somebody(header.patient.replace("X", ""))
        return (header.patient, shifted(header.started, key, header.patient)) if named else (None, {})
    parts = [p if p != "X" else "" for p in (header.patient.split() + ["X"] * 4)[:4]]
    code, sex, birth, name = parts
    person = somebody(code) or (f"{name}|{birth}" if somebody(name) and birth else None)
    facts = {"sex": sex_fact(sex)} if sex_fact(sex) else {}
    born = _day(f"Startdate {birth}", "")
    if born and header.started and 0 <= (years := (header.started - born) / timedelta(days=365.2425)) < 130:
        facts["age_years"] = age_fact(int(years))
    return person, facts | shifted(header.started, key, person)
