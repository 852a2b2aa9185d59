"""Regions of a film: of its lungs, and where in them a map is strongest."""

import numpy as np
import pytest

from medcore.explain.regions import regions, remarks, sides, spot


def lungs(apart: bool = True) -> np.ndarray:
    """(60, 90) bool: two uprights, the left one from row 12 on, the right one from row 6; or joined below."""
    outline = np.zeros((60, 90), bool)
    outline[12:48, 10:30] = outline[6:54, 50:80] = True
    if not apart:
        outline[40:44, 30:50] = True
    return outline


@pytest.mark.parametrize("apart", [True, False])
def test_the_lungs_are_told_apart_by_their_side(apart: bool) -> None:
    found = sides(lungs(apart))
    assert found is not None
    left, right = found
    assert left[20, 20] and not left[20, 60] and right[20, 60] and not right[20, 20]
    assert np.array_equal(left | right, lungs(apart))


def test_one_lung_and_none_are_not_two() -> None:
    one = np.zeros((60, 90), bool)
    one[10:50, 10:40] = True
    assert sides(one) is None and sides(np.zeros((60, 90), bool)) is None
    one[5, 80] = True
    assert sides(one) is None, "a speck is no lung"


@pytest.mark.parametrize(
    ("row", "column", "title"),
    [
        (13, 15, "Right upper zone"),
        (30, 15, "Right mid zone"),
        (47, 15, "Right lower zone"),
        (7, 60, "Left upper zone"),
        (30, 40, "Between the lungs"),
        (2, 2, "Outside the lungs"),
        (58, 60, "Outside the lungs"),
    ],
)
def test_a_place_is_told_by_the_lung_that_it_lies_in(row: int, column: int, title: str) -> None:
    values = np.zeros((60, 90))
    values[row, column] = 1
    first, *rest = regions(values, sides(lungs()))
    assert (first.title, first.share) == (title, 1.0) and sum(r.share for r in rest) == 0
    x, y, _radius = spot(values, first)
    assert (x, y) == pytest.approx(((column + 0.5) / 90, (row + 0.5) / 60))
    mirrored = regions(values, sides(lungs()), mirrored=True)[0].title
    assert (
        mirrored
        == {"Right": "Left", "Left": "Right"}.get(title.split()[0], title.split()[0]) + title[len(title.split()[0]) :]
    )


def test_regions_cover_the_film_once() -> None:
    values = np.random.default_rng(0).random((60, 90))
    for outline in (None, sides(lungs()), sides(lungs(apart=False))):
        found = regions(values, outline)
        assert sum(r.share for r in found) == pytest.approx(1)
        assert np.array_equal(sum(r.place.astype(int) for r in found), np.ones((60, 90)))


def test_a_map_of_nothing_has_no_share_anywhere() -> None:
    found = regions(-np.ones((60, 90)), sides(lungs()))
    assert all(r.share == 0 for r in found) and spot(-np.ones((60, 90)), found[0])[2] == 0


@pytest.mark.parametrize(
    ("part", "says"),
    [
        (np.s_[:, :], ()),
        (np.s_[:, 20:], ("edge",)),
        (np.s_[10:, :], ("edge",)),
        (np.s_[:40, :], ("edge",)),
        (np.s_[:, 35:], ("one lung",)),
    ],
)
def test_a_film_that_cuts_a_lung_off_is_remarked_on(part: tuple[slice, slice], says: tuple[str, ...]) -> None:
    found = remarks(lungs()[part])
    assert len(found) == len(says) and all(word in said for word, said in zip(says, found, strict=True))
