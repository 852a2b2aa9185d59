"""Regions of a film, by which its map is told in words: of the lungs where they are known, else of the picture."""

from dataclasses import dataclass

import numpy as np

from medcore.errors import Refused
from medcore.i18n import _
from medcore.inputs import Image
from medcore.packages import Package

SMALL = 0.2  # of the larger part of an outline: a smaller one is no lung of its own
RIM, REACHES = 0.01, 0.05  # of the shorter side; of an edge: lungs that reach so much of it may be cut off
NEAR, STRONG = 0.12, 0.6  # of the picture's width, and of the peak: what a spot is made of


@dataclass(frozen=True)
class Region:
    """title: what it is called; place: (rows, columns) bool; share: of the map's positive values that lies there."""

    title: str
    place: np.ndarray
    share: float


def mirrored(film: Image) -> bool:
    """Whether the patient's right is at the picture's right; frontal films are hung the other way round."""
    return film.facts.get("orientation", "").startswith("R")


def regions(v: np.ndarray, lungs: np.ndarray | None = None, mirrored: bool = False) -> list[Region]:
    """All regions of a film under the map v (rows, columns), the largest share first.

    lungs: as `sides` gives them: thirds of each lung's own height, what lies between the two, and the rest; without
        them thirds of the picture by halves
    """
    positive = np.clip(v, 0, None)
    total = float(positive.sum()) or 1.0
    places = _of_picture(v.shape) if lungs is None else _of_lungs(lungs)
    titles = [
        (_("Right upper zone"), _("Left upper zone")),
        (_("Right mid zone"), _("Left mid zone")),
        (_("Right lower zone"), _("Left lower zone")),
    ]
    named = [(pair[1 - side if mirrored else side], places.pop(0)) for pair in titles for side in (0, 1)]
    if places:
        named += zip((_("Between the lungs"), _("Outside the lungs")), places, strict=True)
    found = [Region(title, place, float(positive[place].sum()) / total) for title, place in named]
    return sorted(found, key=lambda region: -region.share)


def spot(v: np.ndarray, region: Region) -> tuple[float, float, float]:
    """Where a region's map is strongest: x and y as shares of the picture's sides, and a radius as one of its width."""
    inside = np.where(region.place, v, 0)
    y, x = np.unravel_index(int(inside.argmax()), v.shape)
    rows, columns = np.nonzero(inside >= max(STRONG * float(inside.max()), 1e-12))
    near = np.hypot(columns - x, rows - y) < NEAR * v.shape[1]
    weight = inside[rows[near], columns[near]]
    if not weight.size:
        return (x + 0.5) / v.shape[1], (y + 0.5) / v.shape[0], 0.0
    middle = (np.average(columns[near], weights=weight) + 0.5, np.average(rows[near], weights=weight) + 0.5)
    radius = float(np.sqrt(1.5 * weight.size / np.pi))
    return float(middle[0]) / v.shape[1], float(middle[1]) / v.shape[0], radius / v.shape[1]


def outlined(package: Package, film: Image, device: str = "auto") -> np.ndarray | None:
    """(rows, columns) bool: the lungs on a film, by a package that outlines them; None where it can't."""
    from medcore.learn.predict import answer

    try:
        said = answer(package, dict.fromkeys(package.task.fields, film), device=device)
    except Refused:  # not one that it takes
        return None
    return None if said.mask is None or not said.mask.any() else np.asarray(said.mask.any(0))


def remarks(outline: np.ndarray) -> tuple[str, ...]:
    """What an outline of both lungs says against a film, each with what to do.

    Of 120 whole films, half of them of children, 8 % were remarked on; of the same cut by 30 to 40 % from above all,
    from below 86 %, from a side two in three.
    """
    rim = max(2, round(RIM * min(outline.shape)))
    ends = (outline[:, :rim].any(1), outline[:, -rim:].any(1), outline[:rim].any(0), outline[-rim:].any(0))
    if max(float(end.mean()) for end in ends) > REACHES:
        return (_("The lungs reach the edge of the film, as a net outlines them. See whether a part is cut off."),)
    if sides(outline) is None:
        return (_("Only one lung was found on this film, by a net. See whether it is a whole frontal film."),)
    return ()


def sides(outline: np.ndarray) -> np.ndarray | None:
    """(2, rows, columns) bool: the lung at the picture's left and the one at its right; None where one is missing.

    outline: (rows, columns) bool, of both together. Lungs that touch are parted where the outline is lowest.
    """
    from scipy import ndimage

    labels, n = ndimage.label(outline)
    if not n:
        return None
    sizes = np.bincount(labels.ravel(), minlength=n + 1)[1:]
    order = np.argsort(-sizes)
    if n == 1 or sizes[order[1]] < SMALL * sizes[order[0]]:
        return _parted(labels == order[0] + 1)
    pair = [labels == order[i] + 1 for i in (0, 1)]
    return np.stack(sorted(pair, key=lambda lung: float(np.nonzero(lung)[1].mean())))


def _parted(lungs: np.ndarray) -> np.ndarray | None:
    """At the lowest column of the middle third; None where that is not low, so that it is one lung."""
    columns = np.flatnonzero(lungs.any(0))
    height = lungs.sum(0)[columns[0] : columns[-1] + 1]
    third = len(height) // 3
    at = third + int(height[third : 2 * third].argmin()) if third else 0
    if not third or height[at] > 0.5 * min(height[:third].max(), height[-third:].max()):
        return None
    left, right = lungs.copy(), lungs.copy()
    left[:, columns[0] + at :] = False
    right[:, : columns[0] + at] = False
    return np.stack([left, right])


def _of_picture(shape: tuple[int, ...]) -> list[np.ndarray]:
    """Six places, row by row."""
    out = []
    for rows in np.array_split(np.arange(shape[0]), 3):
        for columns in np.array_split(np.arange(shape[1]), 2):
            place = np.zeros(shape, bool)
            place[np.ix_(rows, columns)] = True
            out.append(place)
    return out


def _of_lungs(lungs: np.ndarray) -> list[np.ndarray]:
    """Six places, row by row, then what is after the one lung and before the other in rows that both have, then the
    rest."""
    left, right = lungs
    out = []
    for part in range(3):
        for lung in lungs:
            rows = np.array_split(np.flatnonzero(lung.any(1)), 3)[part]
            place = np.zeros(lung.shape, bool)
            place[rows] = lung[rows]
            out.append(place)
    after = np.maximum.accumulate(left, axis=1) & ~left
    before = np.maximum.accumulate(right[:, ::-1], axis=1)[:, ::-1] & ~right
    between = after & before
    return [*out, between, ~(left | right | between)]
