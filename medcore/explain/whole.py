"""What a version goes by as a whole: its maps over many cases, by group, and of right and of wrong answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medcore.explain.words import measured
from medcore.inputs import Image, Input, Signal, Volume
from medcore.measure.ecg import AFTER, BEFORE
from medcore.measure.leads import millivolt_rows
from medcore.outcomes.metrics import bootstrap

SIDE = 32  # cells of an average picture along each side
BEAT_HZ = 100  # of an average beat
SHOWN = 12  # parts that are told
FEWEST = 5  # cases of a group
RIGHT, WRONG = "right", "wrong"


@dataclass(frozen=True)
class Told:
    """One explained case.

    groups: those that it belongs to, by what they are about: "answer", "outcome" (RIGHT or WRONG), "age", "sex" …
    parts: (what, share) of its whole map; picture: its map on a grid that all cases of its kind share (`picture_of`)
    """

    patient: str
    groups: Mapping[str, str]
    parts: Sequence[tuple[str, float]]
    picture: Mapping[str, np.ndarray]


def picture_of(inputs: Mapping[str, Input], values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A map on a grid that all cases of its kind share.

    "": (SIDE, SIDE) of a film or of a volume's slices together, the share of the positive values that each cell holds
    each lead: (2, n) of a signal, its median beat in mV and the mean of the map over the same beats, as a share of its
        largest; n samples at BEAT_HZ from BEFORE s before to AFTER s after R; nothing where no beat is found
    A record has no picture: its columns are its parts.
    """
    out: dict[str, np.ndarray] = {}
    for name, given in inputs.items():
        if name not in values:
            continue
        v = np.clip(values[name], 0, None)
        if isinstance(given, Image | Volume):
            out[""] = _cells(v.sum(0) if v.ndim == 3 else v)
        elif isinstance(given, Signal):
            out |= _beats(given, v)
    return out


def _cells(v: np.ndarray) -> np.ndarray:
    """(SIDE, SIDE) that add up to 1, or are all 0."""
    rows, columns = (np.minimum(np.arange(n) * SIDE // n, SIDE - 1) for n in v.shape)
    cells = np.zeros((SIDE, SIDE))
    np.add.at(cells, (rows[:, None], columns[None]), v)
    return cells / (cells.sum() or 1.0)


def _beats(given: Signal, v: np.ndarray) -> dict[str, np.ndarray]:
    found = measured(given)
    if found.beat is None:
        return {}
    n = round((BEFORE + AFTER) * BEAT_HZ)
    offsets = np.arange(n) / BEAT_HZ - BEFORE
    at = np.asarray(found.r_peaks)[:, None] + (offsets * given.rate_hz).round().astype(int)
    at = at[(at >= 0).all(1) & (at < v.shape[1]).all(1)]
    if not len(at):
        return {}
    # The map is finer than a sample of the beat: each takes the mean of what lies round it.
    wide = max(1, round(given.rate_hz / BEAT_HZ))
    smooth = np.stack([np.convolve(row, np.full(wide, 1 / wide), "same") for row in v])
    mapped = smooth[:, at].mean(1)
    seconds = (np.arange(found.beat.samples.shape[1]) - found.beat.r_index) / found.beat.rate_hz
    top = float(mapped.max()) or 1.0
    rows = millivolt_rows(given)
    return {
        lead: np.stack([np.interp(offsets, seconds, found.beat.samples[i]), mapped[rows[lead]] / top])
        for i, lead in enumerate(found.beat.leads)
    }


def whole(cases: Sequence[Told]) -> dict[str, Any]:
    """Over all cases and over each group of at least FEWEST.

    n: cases; parts: the SHOWN of the largest share, the largest first
    importance: under "" for all and under "group:value" {n, share: {part: {value, low, high}}, signed: {part: …}}: the
        mean share whatever its sign with its 95 % range over patients, and the mean with its sign
    pictures: for "", RIGHT and WRONG, by the names of `picture_of`, {n, mean}: over how many cases, and their mean as
        lists
    """
    titles = list(dict.fromkeys(title for case in cases for title, _share in case.parts))
    table = np.zeros((len(cases), len(titles)))
    for i, case in enumerate(cases):
        for title, share in case.parts:
            table[i, titles.index(title)] += share
    order = np.argsort(-np.abs(table).sum(0), kind="stable")[:SHOWN]
    groups: dict[str, list[int]] = {"": list(range(len(cases)))}
    for i, case in enumerate(cases):
        for group, value in case.groups.items():
            groups.setdefault(f"{group}:{value}", []).append(i)
    parts, patients = [titles[k] for k in order], [case.patient for case in cases]
    importance = {
        name: _importance(table[rows][:, order], parts, [patients[i] for i in rows])
        for name, rows in sorted(groups.items())
        if len(rows) >= FEWEST
    }
    ended = {"": cases} | {end: [c for c in cases if c.groups.get("outcome") == end] for end in (RIGHT, WRONG)}
    pictures = {end: _mean(of) for end, of in ended.items() if len(of) >= FEWEST}
    return {"n": len(cases), "parts": parts, "importance": importance, "pictures": pictures}


def _importance(table: np.ndarray, parts: Sequence[str], patients: Sequence[str]) -> dict[str, Any]:
    def mean(index: np.ndarray) -> dict[str, float]:
        return dict(zip(parts, np.abs(table[index]).mean(0).tolist(), strict=True))

    return {
        "n": len(table),
        "share": bootstrap(mean, patients),
        "signed": dict(zip(parts, table.mean(0).tolist(), strict=True)),
    }


def _mean(cases: Sequence[Told]) -> dict[str, Any]:
    """Of each picture over the cases that have it, and of how many those are."""
    names = list(dict.fromkeys(name for case in cases for name in case.picture))
    out = {}
    for name in names:
        found = [case.picture[name] for case in cases if name in case.picture]
        if len(found) >= FEWEST:
            out[name] = {"n": len(found), "mean": np.round(np.mean(found, 0), 5).tolist()}
    return out
