"""Where the slices of a stack lie: in which order, how far apart, and what is odd about it."""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from medcore.errors import Refused
from medcore.i18n import _

SAME_PLACE_MM = 0.01  # positions are written with two to six decimals
UNEVEN = 0.05  # of the usual distance; far more than the rounding of positions
TILT_DEGREES = 0.5

_FACING = {  # rows' and columns' directions of a plane whose normal is nearest to x, y, z
    0: (0.0, 1.0, 0.0, 0.0, 0.0, -1.0),
    1: (1.0, 0.0, 0.0, 0.0, 0.0, -1.0),
    2: (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
}


@dataclass(frozen=True)
class Slice:
    """One picture of a stack, as its header places it.

    source: number of its file in the stack; frame: its number in that file
    number: what the file counts it as, the last resort for the order
    position: mm of the first pixel's middle, and orientation: directions of rows and columns (DICOM's
        ImagePositionPatient, ImageOrientationPatient); spacing: mm between rows and between columns. None: not said
    location: SliceLocation in mm; thickness: SpacingBetweenSlices in mm
    """

    source: int
    frame: int
    number: float
    position: tuple[float, ...] | None = None
    orientation: tuple[float, ...] | None = None
    spacing: tuple[float, float] | None = None
    location: float | None = None
    thickness: float | None = None


@dataclass(frozen=True)
class Stack:
    """Slices in order. affine, spacing_real, placed, positions_mm: as of medcore.inputs.Volume."""

    slices: tuple[Slice, ...]
    affine: np.ndarray
    spacing_real: bool
    placed: bool
    positions_mm: tuple[float, ...] | None
    remarks: tuple[str, ...]


def apart(slices: Sequence[Slice], marks: Callable[[Slice], Sequence[object]]) -> tuple[list[list[Slice]], list[str]]:
    """The slices as stacks that have one picture a place: several echoes or times of one series come apart.

    marks: what may tell pictures of one place apart, the surest first: echo time, diffusion weighting, time …
    Raises Refused where pictures lie at one place and nothing says which belong together.
    """
    places = _places(slices)
    most = max(Counter(places).values())
    if most == 1:
        return [list(slices)], []
    place_of = dict(zip(slices, places, strict=True))
    marked = [(s, marks(s)) for s in slices]
    for i in range(len(marked[0][1])):
        groups: dict[object, list[Slice]] = {}
        for s, mark in marked:
            groups.setdefault(mark[i], []).append(s)
        if all(max(Counter(place_of[s] for s in group).values()) == 1 for group in groups.values()):
            return list(groups.values()), []
    if set(Counter(places).values()) != {most}:
        raise Refused(
            _("Several pictures of the series lie at the same place, and nothing says which of them belong together."),
            _("Export the series again, one sequence or one time at a time."),
        )
    ranks: list[list[Slice]] = [[] for _i in range(most)]
    for place in set(places):
        here = sorted((s for s in slices if place_of[s] == place), key=lambda s: (s.number, s.source, s.frame))
        for rank, s in zip(ranks, here, strict=True):
            rank.append(s)
    remark = _("{n} pictures lie at each place: they are shown as {n} stacks, in the order of their numbers.")
    return ranks, [remark.format(n=most)]


def _places(slices: Sequence[Slice]) -> list[int]:
    """A number for each slice, equal for those at one place."""
    if any(s.position is None for s in slices):
        return list(range(len(slices)))
    points = np.array([s.position for s in slices])
    away = points - points[0]
    order = np.argsort(away @ away[np.abs(away).max(1).argmax()], kind="stable")
    out = [0] * len(slices)
    for before, i in itertools.pairwise(order):
        out[i] = out[before] + bool(np.abs(points[i] - points[before]).max() > SAME_PLACE_MM)
    return out


def stack(slices: Sequence[Slice]) -> Stack:
    """The slices by their place along the normal, and what is to be said of them.

    They share orientation and spacing. Where no position is given, SliceLocation orders them, then their number.
    Raises Refused where they form no straight stack.
    """
    first = slices[0]
    remarks: list[str] = []
    spacing_real = first.spacing is not None
    if not spacing_real:
        remarks.append(
            _("The files don't say how far apart the pixels are: 1 mm stands in, and nothing is measured in mm.")
        )
    if first.position is None:
        ordered, along, real = _without_positions(slices, remarks)
        axes = _unit(first.orientation or _FACING[2])
        corner, step = np.zeros(3), np.cross(axes[0], axes[1]) * (along[-1] - along[0]) / (len(along) - 1)
        return Stack(
            tuple(ordered), _affine(axes, first.spacing, corner, step), spacing_real and real, False,
            _uneven(along, remarks), tuple(remarks),
        )  # fmt: skip
    points = np.array([s.position for s in slices])
    placed = first.orientation is not None
    axes = _unit(first.orientation or _facing(points))
    if not placed:
        remarks.append(_("The files don't say how the slices are turned: no sides are named."))
    normal = np.cross(axes[0], axes[1])
    order = np.argsort(points @ normal, kind="stable")
    points, along = points[order], (points @ normal)[order]
    if float(np.diff(along).min()) < SAME_PLACE_MM:
        raise Refused(
            _("Pictures of the series lie beside each other in one plane, not as a stack."),
            _("Upload the pictures that you need one by one."),
        )
    _check_straight(points, along, first.spacing)
    remarks += _tilt(points[-1] - points[0], normal)
    affine = _affine(axes, first.spacing, points[0], (points[-1] - points[0]) / (len(points) - 1))
    positions = _uneven(along, remarks)
    return Stack(tuple(slices[i] for i in order), affine, spacing_real, placed, positions, tuple(remarks))


def _without_positions(slices: Sequence[Slice], remarks: list[str]) -> tuple[list[Slice], np.ndarray, bool]:
    """(slices in order, where each lies along the normal in mm, whether these distances are real)."""
    locations = [s.location for s in slices if s.location is not None]
    if len(locations) == len(slices) and min(np.diff(sorted(locations))) > SAME_PLACE_MM:
        remarks.append(
            _("The files hold no positions: the slices are ordered by SliceLocation, and no sides are named.")
        )
        return sorted(slices, key=lambda s: s.location or 0.0), np.sort(np.array(locations)), True
    ordered = sorted(slices, key=lambda s: (s.number, s.source, s.frame))
    thickness = slices[0].thickness
    remarks.append(
        _("The files hold no positions: the slices are ordered by their numbers, and no sides are named.")
        if thickness
        else _(
            "The files hold no positions: the slices are ordered by their numbers, 1 mm stands for their distance,"
            " and no sides are named."
        )
    )
    return ordered, (thickness or 1.0) * np.arange(len(slices)), thickness is not None


def _unit(orientation: Sequence[float]) -> np.ndarray:
    """(2, 3): directions of the rows and of the columns."""
    axes = np.array(orientation, float).reshape(2, 3)
    unit: np.ndarray = axes / np.linalg.norm(axes, axis=1, keepdims=True)
    return unit


def _facing(points: np.ndarray) -> tuple[float, ...]:
    """A plane at right angles to the axis along which the points spread most."""
    return _FACING[int(np.ptp(points, axis=0).argmax())]


def _affine(axes: np.ndarray, spacing: tuple[float, float] | None, corner: np.ndarray, step: np.ndarray) -> np.ndarray:
    """(4, 4): from (slice, row, column) to mm. PixelSpacing is (between rows, between columns), PS3.3 C.7.6.2.1.1."""
    rows, columns = spacing or (1.0, 1.0)
    affine = np.eye(4)
    affine[:3] = np.stack([step, axes[1] * rows, axes[0] * columns, corner], 1)
    return affine


def _check_straight(points: np.ndarray, along: np.ndarray, spacing: tuple[float, float] | None) -> None:
    """Refuse slices that are shifted sideways: what lies between them couldn't be drawn right."""
    share = (along - along[0]) / (along[-1] - along[0])
    off = np.linalg.norm(points - points[0] - share[:, None] * (points[-1] - points[0]), axis=1).max()
    if off > max(1.0, *(spacing or (0.0, 0.0))):
        raise Refused(
            _("The slices are shifted sideways by up to {mm:.1f} mm: they form no straight stack.").format(mm=off),
            _("Export the series again as parallel slices, or upload the slices that you need one by one."),
        )


def _tilt(direction: np.ndarray, normal: np.ndarray) -> list[str]:
    across = direction - (direction @ normal) * normal
    degrees = math.degrees(math.atan2(float(np.linalg.norm(across)), float(direction @ normal)))
    if degrees < TILT_DEGREES:
        return []
    said = _("The slices lean by {degrees:.1f}° against the direction in which they are stacked (gantry tilt).")
    return [said.format(degrees=degrees)]


def _uneven(along: np.ndarray, remarks: list[str]) -> tuple[float, ...] | None:
    """Where the slices lie, and a remark, if their distances differ; None where one distance says it all."""
    steps = np.diff(along)
    usual = float(np.median(steps))
    if np.abs(steps - usual).max() <= max(UNEVEN * usual, SAME_PLACE_MM):
        return None
    times = np.round(steps / usual)
    if np.abs(steps - times * usual).max() <= max(UNEVEN * usual, SAME_PLACE_MM):
        remarks.append(
            _("Slices are missing: {n} by the distance of their neighbours, which is up to {mm:.1f} mm.").format(
                n=int((times - 1).sum()), mm=steps.max()
            )
        )
    else:
        remarks.append(
            _("The slices are unevenly spaced, {low:.1f} to {high:.1f} mm apart.").format(
                low=steps.min(), high=steps.max()
            )
        )
    return tuple(float(v) for v in along)
