"""An attribution in words: where, or what, and its share of the whole."""

from collections.abc import Mapping

import numpy as np

from medcore.explain.blocks import blocks
from medcore.explain.regions import mirrored, regions
from medcore.i18n import N_, _
from medcore.inputs import Image, Input, Record, Signal, Volume
from medcore.measure.ecg import Measurement, measure
from medcore.tasks import Task

Parts = tuple[tuple[str, float], ...]


def parts(task: Task, inputs: Mapping[str, Input], values: Mapping[str, np.ndarray]) -> Parts:
    """(what, share) of every part of a map, the largest share first. Shares are of the positive values for pictures and
    signals, and of all values with their sign for records."""
    out: list[tuple[str, float]] = []
    for name, given in inputs.items():
        v = values[name]
        if isinstance(given, Record):
            out += _columns(task, name, v)
        elif isinstance(given, Signal):
            out += _stretches(given, v)
        elif isinstance(given, Image):
            out += [(region.title, region.share) for region in regions(v, mirrored=mirrored(given))]
        elif isinstance(given, Volume):
            out += blocks(given, v)
    return tuple(sorted(out, key=lambda pair: -abs(pair[1])))


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
    segments = measured(given).segments
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


def measured(given: Signal) -> Measurement:
    """Taken once and kept with the recording, which nothing changes: it takes longer than a small net."""
    known: Measurement | None = vars(given).get("_measured")
    if known is None:
        known = vars(given)["_measured"] = measure(given)
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
