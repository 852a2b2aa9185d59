"""WFDB headers: text in, declarations out.

After the WFDB manual, header(5): https://physionet.org/physiotools/wag/header-5.htm
"""

import re
from dataclasses import dataclass

from medcore.errors import Refused
from medcore.i18n import _
from medcore.readers.base import age_fact, sex_fact

_RECORD = re.compile(
    r"(?P<name>[^\s/]+)(/(?P<segments>\d+))?\s+(?P<signals>\d{1,4})"
    r"(\s+(?P<rate>\d+\.?\d*([eE][-+]?\d+)?)(/\S*)?(\s+(?P<length>\d+)(\s.*)?)?)?\s*"
)
_FORMAT = re.compile(r"(?P<fmt>\d+)(x(?P<per_frame>\d+))?(:(?P<skew>\d+))?(\+(?P<offset>\d+))?")
_GAIN = re.compile(r"(?P<gain>[-+]?\d+\.?\d*([eE][-+]?\d+)?)(\((?P<baseline>[-+]?\d+)\))?(/(?P<unit>\S+))?")
FORMATS = frozenset([0, 8, 16, 24, 32, 61, 80, 160, 212, 310, 311, 508, 516, 524])
_AGE = re.compile(r"\bage\b[>:\s]*(\d{1,3})\b|^\s*(\d{1,3})\s+[MF]\b", re.IGNORECASE)
_SEX = re.compile(r"\b(?:sex|gender)\b[>:\s]*(male|female|m|f)\b|^\s*\d{1,3}\s+([MF])\b", re.IGNORECASE)


@dataclass(frozen=True)
class Line:
    """One signal's declaration. gain: digital steps a unit; baseline: the digital value of 0."""

    file: str
    fmt: int
    per_frame: int
    skew: int
    offset: int
    gain: float
    baseline: int
    unit: str
    first: int
    name: str


@dataclass(frozen=True)
class Header:
    """A record: its rate in frames per second, its frames (None: as many as the file has), and either signals or
    segments (name or "~", frames)."""

    rate_hz: float
    length: int | None
    lines: tuple[Line, ...]
    segments: tuple[tuple[str, int], ...]
    facts: dict[str, str]

    @property
    def files(self) -> set[str]:
        """The signal files that it names."""
        return {line.file for line in self.lines if line.fmt != 0 and line.file != "~"}


def text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def is_header(content: bytes) -> bool:
    """By its first two lines: a record line, then a signal's or a segment's."""
    lines = [s for s in text(content[:4096]).splitlines() if s.strip() and not s.lstrip().startswith("#")][:2]
    record = _RECORD.fullmatch(lines[0].strip()) if lines else None
    if record is None:
        return False
    if len(lines) < 2:
        return record["rate"] is not None and int(record["signals"]) == 0
    words = lines[1].split()
    if len(words) < 2 or record["segments"]:
        return len(words) >= 2 and words[1].isdigit()
    fmt = _FORMAT.fullmatch(words[1])
    return fmt is not None and int(fmt["fmt"]) in FORMATS


def parse(content: bytes) -> Header:
    """Raises Refused, naming the line, where a header can't be followed."""
    numbered = [(i, s.strip()) for i, s in enumerate(text(content).splitlines(), 1)]
    stated = [(i, s) for i, s in numbered if s and not s.startswith("#")]
    record = _RECORD.fullmatch(stated[0][1]) if stated else None
    if record is None:
        raise _wrong(stated[0][0] if stated else 1)
    count = int(record["segments"] or record["signals"])
    rate = float(record["rate"] or 250)
    if count == 0 or not 0 < rate < 1e7:
        raise Refused(
            _("The WFDB header describes no signal."), _("Upload the header that belongs to the signal file.")
        )
    if len(stated) - 1 < count:
        raise Refused(
            _("The WFDB header announces {count} lines and has {have}.").format(count=count, have=len(stated) - 1),
            _("The header is cut off: copy it again from its source."),
        )
    below = stated[1 : count + 1]
    comments = [s.lstrip("#") for _i, s in numbered if s.startswith("#")]
    return Header(
        rate_hz=rate,
        length=int(record["length"]) if record["length"] and int(record["length"]) else None,
        lines=() if record["segments"] else tuple(_line(i, s) for i, s in below),
        segments=tuple(_segment(i, s) for i, s in below) if record["segments"] else (),
        facts=_facts(comments),
    )


def _wrong(line: int) -> Refused:
    return Refused(
        _("Line {line} of the WFDB header can't be understood.").format(line=line),
        _("Copy the header again from its source, or correct that line."),
    )


def _segment(number: int, line: str) -> tuple[str, int]:
    words = line.split()
    if len(words) < 2 or not words[1].isdigit():
        raise _wrong(number)
    return words[0], int(words[1])


def _line(number: int, line: str) -> Line:
    words = line.split(maxsplit=8)
    fmt = _FORMAT.fullmatch(words[1]) if len(words) > 1 else None
    gain = _GAIN.fullmatch(words[2]) if len(words) > 2 else None
    if fmt is None or (len(words) > 2 and gain is None):
        raise _wrong(number)
    try:
        _resolution, zero, first, _checksum, _block = (int(w) for w in (words[3:8] + ["0"] * 5)[:5])
    except ValueError:
        raise _wrong(number) from None
    stated = gain["baseline"] if gain else None
    return Line(
        file=words[0],
        fmt=int(fmt["fmt"]),
        per_frame=int(fmt["per_frame"] or 1) or 1,
        skew=int(fmt["skew"] or 0),
        offset=int(fmt["offset"] or 0),
        gain=(float(gain["gain"]) if gain else 0.0) or 200.0,
        baseline=int(stated) if stated is not None else zero,
        unit=(gain["unit"] if gain else None) or "mV",
        first=first,
        name=words[8].strip() if len(words) > 8 else "",
    )


def _facts(comments: list[str]) -> dict[str, str]:
    """Age and sex from comments such as `# age: 81  sex: female`; whatever else they say is not kept."""
    facts = {}
    for comment in comments:
        if "age_years" not in facts and (age := _AGE.search(comment)) and float(age[1] or age[2]) < 130:
            facts["age_years"] = age_fact(float(age[1] or age[2]))
        if "sex" not in facts and (sex := _SEX.search(comment)):
            facts["sex"] = sex_fact(sex[1] or sex[2])
    return facts
