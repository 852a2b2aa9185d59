"""GE MUSE: XML with the samples of each lead as base64 of 16-bit values.

There is no public definition; after GE's MUSE XML Developer's Schema as open converters use it (ecg2dcm; PhysioNet's
muse readers): value = sample × LeadAmplitudeUnitsPerBit, rate = SampleBase × 10^SampleExponent.
"""

import base64
import re
from datetime import date
from xml.etree.ElementTree import Element

import numpy as np

from medcore.errors import Refused
from medcore.i18n import _
from medcore.inputs import Signal
from medcore.inputs.signal import LEADS
from medcore.readers import own, xml
from medcore.readers.base import Found, age_fact, check_size, known_lead, sex_fact
from medcore.readers.deidentify import shifted, somebody

_TO_MILLIVOLT = {"MICROVOLTS": 1e-3, "MILLIVOLTS": 1.0}
_YEARS = {"YEARS": 1.0, "MONTHS": 1 / 12, "WEEKS": 1 / 52.18, "DAYS": 1 / 365.25}
# Einthoven's and Goldberger's leads as shares of I and II
_DERIVED = {"III": (-1.0, 1.0), "aVR": (-0.5, -0.5), "aVL": (1.0, -0.5), "aVF": (-0.5, 1.0)}


def read(content: bytes, key: bytes = b"", case: str = "") -> list[Found]:
    """The rhythm strip in mV; leads that follow from I and II are computed where the file lacks them, said so.

    Of the patient's fields sex and age are kept, and the date moved by the patient's offset; statements, measurements,
    devices, places and staff go no further.
    """
    root = xml.parse(content)
    waveforms = root.findall("Waveform")
    rhythm = next((w for w in waveforms if xml.text(w, "WaveformType").lower() == "rhythm"), None)
    if rhythm is None:
        raise Refused(
            _("The MUSE file holds an averaged beat but no recording.")
            if waveforms
            else _("The MUSE file holds no recording."),
            _("Export the ECG with its rhythm strip."),
        )
    rows = _rows(rhythm)
    off = [name for name, (_y, is_off) in rows.items() if is_off]
    samples = {name: y for name, (y, _off) in rows.items()}
    computed = _derive(samples)
    order = sorted(samples, key=lambda name: LEADS.index(name) if name in LEADS else len(LEADS))
    who, facts = _who(root, key)
    signal = Signal(
        np.stack([samples[name] for name in order]), _rate(rhythm), tuple(order), ("mV",) * len(order), facts
    )
    remarks = []
    if len(waveforms) > 1:
        remarks.append(_("The file also holds averaged beats; they aren't read."))
    if computed:
        remarks.append(
            _("The file doesn't store {leads}; they are computed from I and II.").format(leads=", ".join(computed))
        )
    if off:
        remarks.append(
            _("The recorder marked an electrode as off in {leads}: don't rely on it.").format(leads=", ".join(off))
        )
    return [Found(signal, own.write(signal), who, tuple(remarks), case)]


def _wrong() -> Refused:
    return Refused(
        _("The waveform in the MUSE file is damaged: its leads don't fit what it says of them."),
        _("Export the ECG again from its source."),
    )


def _number(element: Element, name: str, default: str = "") -> float:
    text = xml.text(element, name) or default
    if not re.fullmatch(r"-?\d{1,9}(\.\d{1,9})?", text):
        raise _wrong()
    return float(text)


def _rate(rhythm: Element) -> float:
    exponent = _number(rhythm, "SampleExponent", "0")
    rate = float(_number(rhythm, "SampleBase") * 10**exponent) if abs(exponent) <= 6 else 0.0
    if not 0 < rate < 1e7:
        raise _wrong()
    return rate


def _rows(rhythm: Element) -> dict[str, tuple[np.ndarray, bool]]:
    """Samples in mV by lead, and whether the recorder marked it as off."""
    rows: dict[str, tuple[np.ndarray, bool]] = {}
    for i, lead in enumerate(rhythm.iterfind("LeadData")):
        name = known_lead(xml.text(lead, "LeadID"), i)
        if name in rows:
            raise _wrong()
        rows[name] = (_samples(lead), xml.text(lead, "LeadOff").upper() == "TRUE")
    if not rows or len({len(y) for y, _off in rows.values()}) > 1:
        raise _wrong()
    return rows


def _samples(lead: Element) -> np.ndarray:
    packed = lead.findtext("WaveFormData") or ""
    factor = _TO_MILLIVOLT.get(xml.text(lead, "LeadAmplitudeUnits").upper() or "MICROVOLTS")
    check_size(4 * len(packed))
    if factor is None or _number(lead, "LeadSampleSize", "2") != 2:
        raise Refused(
            _("The samples of the MUSE file are stored in a way that isn't read."),
            _("Export the ECG with 16-bit samples in microvolts."),
        )
    try:
        raw = base64.b64decode("".join(packed.split()), validate=True)
    except ValueError:
        raise _wrong() from None
    if not raw or len(raw) != 2 * _number(lead, "LeadSampleCountTotal", str(len(raw) // 2)):
        raise _wrong()
    steps = np.frombuffer(raw, "<i2")
    return (steps * (_number(lead, "LeadAmplitudeUnitsPerBit") * factor)).astype(np.float32)


def _derive(samples: dict[str, np.ndarray]) -> list[str]:
    """Puts in the limb leads that follow from I and II and aren't there; their names."""
    if "I" not in samples or "II" not in samples:
        return []
    missing = [name for name in _DERIVED if name not in samples]
    for name in missing:
        a, b = _DERIVED[name]
        samples[name] = np.asarray(a * samples["I"] + b * samples["II"], np.float32)
    return missing


def _who(root: Element, key: bytes) -> tuple[str | None, dict[str, str]]:
    """What identifies the patient, and facts that name nobody."""
    of = root.find("PatientDemographics")
    name = " ".join(xml.text(of, f"Patient{part}Name") for part in ("Last", "First")).strip()
    born = xml.text(of, "DateofBirth")
    who = somebody(xml.text(of, "PatientID")) or (f"{name}|{born}" if somebody(name) and born else None)
    facts = {"modality": "ECG"}
    sex = sex_fact(xml.text(of, "Gender"))
    if sex:
        facts["sex"] = sex
    age = xml.text(of, "PatientAge")
    if re.fullmatch(r"\d{1,3}", age) and xml.text(of, "AgeUnits").upper() in _YEARS:
        facts["age_years"] = age_fact(int(age) * _YEARS[xml.text(of, "AgeUnits").upper()])
    stated = re.fullmatch(r"(\d\d)-(\d\d)-(\d{4})", xml.text(root, "TestDemographics/AcquisitionDate"))
    try:
        when = date(int(stated[3]), int(stated[1]), int(stated[2])) if stated else None
    except ValueError:
        when = None
    return who, facts | shifted(when, key, who)
