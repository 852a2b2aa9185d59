"""HL7 annotated ECG (aECG): XML with a sequence of digits for each lead.

After the HL7 aECG implementation guide of 21 March 2005 (Brown BD, Badilini F) on ANSI/HL7 V3 ECG, R1-2004.
"""

import re
from collections.abc import Iterator
from datetime import date
from xml.etree.ElementTree import Element

import numpy as np

from medcore.errors import Refused
from medcore.i18n import _
from medcore.inputs import Signal
from medcore.readers import own, wfdb, xml
from medcore.readers.base import Found, age_fact, check_size, known_lead, voltage
from medcore.readers.deidentify import shifted, somebody

_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
_AGE = "21612-7"  # LOINC, reported age


def read(content: bytes, key: bytes = b"", case: str = "") -> list[Found]:
    """One signal for each set of leads recorded together, voltages in mV.

    Averaged beats are no recording and are left out, said so. Of the patient's fields sex and age are kept, and the
    date moved by the patient's offset; annotations, comments, devices and places go no further.
    """
    root = xml.parse(content)
    who, facts = _who(root, key)
    averaged = root.find(".//derivedSeries") is not None
    found = []
    for series in root.iterfind("component/series"):
        kind = series.find("code")
        if kind is not None and kind.get("code") == "REPRESENTATIVE_BEAT":
            averaged = True
            continue
        found += [_signal(group, facts) for group in series.iterfind("component/sequenceSet")]
    signals = [s for s in found if s is not None]
    if not signals:
        raise Refused(
            _("The aECG file holds an averaged beat but no recording.")
            if averaged
            else _("The aECG file holds no recording."),
            _("Export the ECG with its rhythm strip."),
        )
    remarks = [_("The file also holds averaged beats; they aren't read.")] if averaged else []
    if any("?" in s.units for s in signals):
        remarks.append(_("Some channels have no unit; they aren't drawn or read as mV."))
    return [Found(s, own.write(s), who, tuple(remarks), case) for s in signals]


def _wrong(what: str) -> Refused:
    return Refused(
        _("The aECG file can't be understood: {what}.").format(what=what), _("Export the ECG again from its source.")
    )


def _signal(group: Element, facts: dict[str, str]) -> Signal | None:
    """The leads of one set of sequences; None where it has none."""
    rate, rows, leads, units = None, [], [], []
    for sequence in group.iterfind("component/sequence"):
        code, value = sequence.find("code"), sequence.find("value")
        name = "" if code is None else code.get("code", "")
        if value is None:
            continue
        if name.startswith("TIME_"):
            rate = _rate(value)
        elif value.find("digits") is not None:
            y, unit = _lead(value)
            rows.append(y)
            leads.append(known_lead(name, len(rows) - 1))
            units.append(unit)
    if not rows:
        return None
    if rate is None:
        raise _wrong(_("it doesn't say at which rate it was recorded"))
    if len({len(y) for y in rows}) > 1 or not len(rows[0]):
        raise _wrong(_("its leads differ in length, or are empty"))
    return Signal(np.stack(rows), rate, tuple(leads), tuple(units), facts)


def _rate(value: Element) -> float:
    """Hz, by the increment of the time sequence."""
    increment = value.find("increment")
    step = _number(increment) if increment is not None else 0.0
    seconds = step * _SECONDS.get("" if increment is None else increment.get("unit", "s"), 0.0)
    if not 1e-7 < seconds < 1e3:
        raise _wrong(_("it doesn't say at which rate it was recorded"))
    return float(round(1 / seconds, 6))


def _lead(value: Element) -> tuple[np.ndarray, str]:
    """(samples float32, unit) of an SLIST_PQ: origin + scale × digits, each with its own unit."""
    text = xml.text(value, "digits")
    check_size(4 * len(text))
    try:
        digits = np.fromstring(text, sep=" ")
    except ValueError:
        raise _wrong(_("a lead holds what is no number")) from None
    if not (np.abs(digits) < 1e12).all():
        raise _wrong(_("a lead holds what is no number"))
    scale, origin = value.find("scale"), value.find("origin")
    if scale is None:
        raise _wrong(_("a lead has no scale"))
    unit, factor = voltage(scale.get("unit", ""))
    offset = 0.0
    if origin is not None and _number(origin):
        offset_unit, offset_factor = voltage(origin.get("unit", scale.get("unit", "")))
        if offset_unit != unit:
            raise _wrong(_("origin and scale of a lead have different units"))
        offset = _number(origin) * offset_factor
    return (digits * (_number(scale) * factor) + offset).astype(np.float32), wfdb.unit(unit)


def _number(element: Element) -> float:
    text = element.get("value", "").strip()
    if not re.fullmatch(r"[-+]?(\d{1,15}\.?\d{0,15}|\.\d{1,15})([eE][-+]?\d{1,2})?", text) or abs(float(text)) > 1e12:
        raise _wrong(_("a lead holds what is no number"))
    return float(text)


def _day(text: str) -> date | None:
    """The date of an HL7 time (YYYYMMDD…)."""
    match = re.match(r"(\d{4})(\d\d)(\d\d)", text)
    try:
        return date(*map(int, match.groups())) if match else None
    except ValueError:
        return None


def _times(root: Element) -> Iterator[str]:
    for path in ("effectiveTime", "component/series/effectiveTime"):
        for name in ("center", "low"):
            for element in root.iterfind(f"{path}/{name}"):
                yield element.get("value", "")


def _who(root: Element, key: bytes) -> tuple[str | None, dict[str, str]]:
    """What identifies the subject, and facts that name nobody."""
    facts = {"modality": "ECG"}
    subject = root.find(".//trialSubject")
    person = None if subject is None else subject.find("subjectDemographicPerson")
    named = None if subject is None else subject.find("id")
    parts = [] if named is None else [text for text in (named.get("extension"), named.get("root")) if text]
    who = "|".join(parts) if parts and somebody(parts[0]) else None  # the root alone may be a whole place's
    gender = None if person is None else person.find("administrativeGenderCode")
    if gender is not None and gender.get("code") in ("F", "M"):
        facts["sex"] = gender.get("code", "")
    age = _age(root, person)
    if age is not None:
        facts["age_years"] = age_fact(age)
    when = next(filter(None, map(_day, _times(root))), None)
    return who, facts | shifted(when, key, who)


def _age(root: Element, person: Element | None) -> float | None:
    """In years: as reported, else from the year of birth."""
    for told in root.iter("relatedObservation"):
        code, value = told.find("code"), told.find("value")
        if code is not None and value is not None and code.get("code") == _AGE and value.get("unit") == "a":
            years = re.fullmatch(r"\d{1,3}", value.get("value", ""))
            return float(years[0]) if years and int(years[0]) < 130 else None
    birth = None if person is None else person.find("birthTime")
    born = re.match(r"\d{4}", "" if birth is None else birth.get("value", ""))
    seen = next(filter(None, (re.match(r"\d{4}", t) for t in _times(root))), None)
    years_old = int(seen[0]) - int(born[0]) if born and seen else -1
    return float(years_old) if 0 <= years_old < 130 else None
