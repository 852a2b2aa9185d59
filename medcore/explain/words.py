"""An attribution in words: where, or what, and its share of the whole."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from medcore.i18n import N_, _
from medcore.inputs import Image, Input, Record, Signal, Volume
from medcore.measure.ecg import Segment, measure
from medcore.tasks import Task

Words = tuple[tuple[str, float], ...]


def words(task: Task, inputs: Mapping[str, Input], values: Mapping[str, np.ndarray], most: int = 4) -> Words:
    """(what, share) of the parts that counted most. Shares are of the positive values for pictures and signals,
    and of all values with their sign for records."""
    out: list[tuple[str, float]] = []
    for name, given in inputs.items():
        v = values[name]
        if isinstance(given, Record):
            out += _columns(task, name, v)
        elif isinstance(given, Signal):
            out += _stretches(given, v)
        elif isinstance(given, Image):
            out += _zones(v, mirrored=given.facts.get("orientation", "").startswith("R"))
        elif isinstance(given, Volume):
            out += _slices(v)
    out.sort(key=lambda pair: -abs(pair[1]))
    return tuple((what, share) for what, share in out[:most] if abs(share) >= 0.01)


def _columns(task: Task, name: str, v: np.ndarray) -> list[tuple[str, float]]:
    total = float(np.abs(v).sum()) or 1.0
    columns = task.fields[name].columns  # type: ignore[attr-defined]
    return [(_(column.title), float(x) / total) for column, x in zip(columns, v, strict=True)]


WAVES = {
    "P": N_("Lead {lead}, P wave"),
    "QRS": N_("Lead {lead}, QRS"),
    "ST": N_("Lead {lead}, ST segment"),
    "T": N_("Lead {lead}, T wave"),
    "": N_("Lead {lead}, between the waves"),
}


def _waves(given: Signal, v: np.ndarray) -> list[tuple[str, float]]:
    """Each lead by the segments of its beats, of as much as is delineated; [] where no beat is."""
    segments = _segments(given)
    if not segments:
        return []
    kinds = np.full(max(s.end for s in segments), "", "U3")
    for s in segments:
        kinds[s.start : s.end] = s.kind
    positive = np.clip(v[:, : len(kinds)], 0, None)
    total = float(positive.sum()) or 1.0
    return [
        (_(text).format(lead=given.leads[i]), float(positive[i, kinds == kind].sum()) / total)
        for i in np.flatnonzero(v.any(1))
        for kind, text in WAVES.items()
    ]


def _segments(given: Signal) -> tuple[Segment, ...]:
    """Taken once and kept with the recording, which nothing changes: it takes longer than a small net."""
    known: tuple[Segment, ...] | None = vars(given).get("_segments")
    if known is None:
        known = vars(given)["_segments"] = measure(given).segments
    return known


def _stretches(given: Signal, v: np.ndarray, seconds: float = 1.0) -> list[tuple[str, float]]:
    """Each lead by the segments of its beats; where there are none each as a whole, or seconds of the only one."""
    if found := _waves(given, v):
        return found
    positive = np.clip(v, 0, None)
    total = float(positive.sum()) or 1.0
    read = np.flatnonzero(v.any(1))
    if len(read) != 1:
        return [(_("Lead {lead}").format(lead=given.leads[i]), float(positive[i].sum()) / total) for i in read]
    (i,) = read
    step = max(1, round(seconds * given.rate_hz))
    out = []
    for start in range(0, positive.shape[1], step):
        share = float(positive[i, start : start + step].sum()) / total
        low = start / given.rate_hz
        out.append((_("Lead {lead}, {a:.0f} to {b:.0f} s").format(lead=given.leads[i], a=low, b=low + seconds), share))
    return out


def _zones(v: np.ndarray, mirrored: bool = False) -> list[tuple[str, float]]:
    """Thirds by halves. The patient's right is at the picture's left, as frontal films are hung, or at its right where
    the file says so (`mirrored`)."""
    positive = np.clip(v, 0, None)
    total = float(positive.sum()) or 1.0
    names = [
        [_("Right upper zone"), _("Left upper zone")],
        [_("Right mid zone"), _("Left mid zone")],
        [_("Right lower zone"), _("Left lower zone")],
    ]
    return [
        (names[i][1 - j if mirrored else j], float(part.sum()) / total)
        for i, band in enumerate(np.array_split(positive, 3, axis=0))
        for j, part in enumerate(np.array_split(band, 2, axis=1))
    ]


def _slices(v: np.ndarray, parts: int = 8) -> list[tuple[str, float]]:
    """Runs of slices, counted from 1."""
    positive = np.clip(v, 0, None).sum((1, 2))
    total = float(positive.sum()) or 1.0
    ends = np.linspace(0, len(v), min(parts, len(v)) + 1).round().astype(int)
    return [
        (_("Slices {a} to {b}").format(a=a + 1, b=b), float(positive[a:b].sum()) / total) for a, b in pairwise(ends)
    ]
