"""WFDB records: a header (.hea) with its signal files (.dat, .mat …).

Read from memory: the library `wfdb` opens any path or address that a header names, which an upload must not.
"""

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from medcore.errors import Refused
from medcore.i18n import _
from medcore.inputs import Signal
from medcore.inputs.signal import lead_name
from medcore.readers import own, wfdb_formats
from medcore.readers.base import Found, check_size, voltage
from medcore.readers.identity import holds_identity
from medcore.readers.wfdb_header import FORMATS, Header, Line, parse

_LAYOUT = "~"


def parts(header: bytes, other: Callable[[str], bytes | None]) -> set[str]:
    """Base names of all files that a record is made of, signal files of its segments included.

    other: gives a file beside the header by its base name, None where there is none
    """
    parsed = parse(header)
    wanted = set(parsed.files)
    for name in {name for name, _n in parsed.segments if name != _LAYOUT}:
        segment = f"{posixpath.basename(name)}.hea"
        wanted.add(segment)
        content = other(segment)
        if content is not None:
            wanted |= parse(content).files
    return wanted


def read(header: bytes, others: Mapping[str, bytes], case: str = "") -> list[Found]:
    """The signals of one record, one for each rate.

    header: the record's .hea; others: the files beside it by base name (signal files; headers of segments).
    A sample that was not recorded is NaN. Comments, dates and names in the header go no further.
    """
    parsed = parse(header)
    columns = _segments(parsed, others) if parsed.segments else _record(parsed, others)
    found = []
    for per_frame in dict.fromkeys(c.line.per_frame for c in columns):
        same = [c for c in columns if c.line.per_frame == per_frame]
        signal = Signal(
            samples=np.stack([c.values for c in same]),
            rate_hz=parsed.rate_hz * per_frame,
            leads=tuple(lead(c.line.name, i) for i, c in enumerate(same)),
            units=tuple(unit(c.line.unit) for c in same),
            facts=parsed.facts,
        )
        found.append(Found(input=signal, files=own.write(signal), case=case))
    return found


def lead(name: str, index: int) -> str:
    """A lead's usual spelling; what may name a person, or no name at all, becomes its place."""
    odd = len(name) > 24 or holds_identity(name) or re.search(r"\d{5}", name)
    name = lead_name(re.sub(r"[^\w .,+/()-]", "", name))
    return f"channel {index + 1}" if odd or not name else name


def unit(name: str) -> str:
    """A unit's usual spelling; what can't be one is "?"."""
    name = voltage(name)[0]
    return name if re.fullmatch(r"[A-Za-z%°µΩ/^*0-9.\[\]-]{1,12}", name) and not holds_identity(name) else "?"


class _Column:
    """One signal's declaration and its values in its own unit (mV for voltages), float32, NaN where not recorded."""

    def __init__(self, line: Line, values: np.ndarray) -> None:
        self.line = line
        self.values = values


def _nothing(line: Line, n: int) -> _Column:
    return _Column(line, np.full(n * line.per_frame, np.nan, np.float32))


def _record(header: Header, others: Mapping[str, bytes], wanted: int | None = None) -> list[_Column]:
    """The signals of a record without segments, `wanted` frames of it where a master header says how many."""
    missing = sorted(header.files - others.keys())
    if missing:
        raise Refused(
            _("The header names the signal file {files}, which is not there.").format(files=", ".join(missing[:3])),
            _("Upload the header and its signal file together, or both in one ZIP, under their own names."),
        )
    groups: dict[str, list[int]] = {}
    for i, line in enumerate(header.lines):
        if line.fmt not in FORMATS:
            raise Refused(
                _("The WFDB header asks for signal format {fmt}, which is not known.").format(fmt=line.fmt),
                _("Convert the recording to format 16 (with WFDB's xform) and upload that."),
            )
        if line.fmt != 0 and line.file != _LAYOUT:
            groups.setdefault(line.file, []).append(i)
    n = wanted if wanted is not None else header.length
    lines = {file: [header.lines[i] for i in members] for file, members in groups.items()}
    held = {file: _frames_held(lines[file], others[file]) for file in groups}
    if n is None:
        n = min(held.values(), default=0)
    for file, have in held.items():
        if have < n or n == 0:
            raise Refused(
                _("The signal file {file} ends after {have} of {n} samples.").format(file=file, have=have, n=n),
                _("The copy is cut off: copy it again from its source."),
            )
    check_size(4 * n * sum(line.per_frame for line in header.lines))
    columns = [_nothing(line, n if line.file not in groups else 0) for line in header.lines]
    for file, members in groups.items():
        for i, column in zip(members, _decode(lines[file], others[file], n), strict=True):
            columns[i] = column
    return columns


def _frames_held(lines: Sequence[Line], content: bytes) -> int:
    return wfdb_formats.frames_in(lines[0].fmt, content, lines[0].offset, sum(line.per_frame for line in lines))


def _decode(lines: Sequence[Line], content: bytes, n: int) -> list[_Column]:
    """The signals that share one file: decoded, put right by their skew, scaled."""
    fmt = lines[0].fmt
    flat = wfdb_formats.frames(fmt, content, lines[0].offset, n, [line.per_frame for line in lines])
    columns, at = [], 0
    for line in lines:
        digital = flat[:, at : at + line.per_frame].reshape(-1)
        at += line.per_frame
        if fmt == 8:  # first differences
            digital = digital.cumsum(dtype=np.int64) + line.first
        values = ((digital - line.baseline) * (voltage(line.unit)[1] / line.gain)).astype(np.float32)
        missing = wfdb_formats.invalid(fmt)
        if missing is not None:
            values[digital == missing] = np.nan
        if line.skew:
            shift = min(line.skew * line.per_frame, len(values))
            values = np.concatenate([values[shift:], np.full(shift, np.nan, np.float32)])
        columns.append(_Column(line, values))
    return columns


def _segments(master: Header, others: Mapping[str, bytes]) -> list[_Column]:
    """The signals of a record in segments, one after the other.

    A first segment of no length is the layout: it lists all signals that come and go. Without it all segments hold
    the same ones.
    """
    total = sum(n for _name, n in master.segments)
    headers = {name: _segment_header(name, others) for name, _n in master.segments if name != _LAYOUT}
    if not headers:
        raise Refused(_("The WFDB record consists of gaps only."), _("Upload the segments that hold signals."))
    variable = master.segments[0][1] == 0
    layout = headers[master.segments[0][0]] if variable else next(iter(headers.values()))
    check_size(4 * total * sum(line.per_frame for line in layout.lines))
    whole = [_nothing(line, total) for line in layout.lines]
    at = 0
    for name, n in master.segments:
        if name != _LAYOUT and n > 0:
            part = _record(headers[name], others, n)
            for i, column in enumerate(whole):
                _fill(column, _same(column.line, i, part, variable), at)
        at += n
    return whole


def _segment_header(name: str, others: Mapping[str, bytes]) -> Header:
    content = others.get(f"{posixpath.basename(name)}.hea")
    if content is None:
        raise Refused(
            _("The header names the segment {name}, whose .hea file is not there.").format(name=name),
            _("Upload all segments with the master header, best in one ZIP."),
        )
    header = parse(content)
    if header.segments:
        raise Refused(_("A segment of the WFDB record has segments itself."), _("Upload its segments on their own."))
    return header


def _same(line: Line, index: int, part: Sequence[_Column], by_name: bool) -> _Column | None:
    if not by_name:
        return part[index] if index < len(part) else None
    return next((c for c in part if c.line.name == line.name), None)


def _fill(column: _Column, part: _Column | None, at: int) -> None:
    if part is None:
        return
    line, other = column.line, part.line
    if (line.per_frame, voltage(line.unit)[0]) != (other.per_frame, voltage(other.unit)[0]):
        raise Refused(
            _("Rate or unit of a lead differs between the segments of the WFDB record."),
            _("Upload the segments one by one."),
        )
    start = at * line.per_frame
    column.values[start : start + len(part.values)] = part.values
