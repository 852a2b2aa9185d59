"""The simulated film: a consolidation lies where it was asked for and shows there, and nowhere else."""

from functools import cache

import numpy as np
import pytest

from medcore.inputs import Image, ImageField, sha256
from medcore.learn.predict import answer
from medcore.packages import shipped
from medcore.settings import settings
from medcore.simulate.anatomy import ZONES
from medcore.simulate.thorax import film, film_with_lungs, films, films_with_lungs

SMALL = 256
Film = tuple[Image, np.ndarray]


@cache
def made(seed: int, zone: str | bool | None, view: str = "PA", child: bool = False) -> Film:
    return film(seed, zone, SMALL, view, child)


def test_same_seed_same_film() -> None:
    a, b = film(4, True, 128), film(4, True, 128)
    assert sha256(a[0]) == sha256(b[0]) != sha256(film(5, True, 128)[0])
    assert np.array_equal(a[1], b[1])
    assert sha256(films(2, 3)[1].load()["film"]) == sha256(films(3, 3)[1].load()["film"])


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("view", ["PA", "AP"])
def test_consolidation_lies_and_shows_in_its_zone(zone: str, view: str) -> None:
    child = view == "AP"
    with_it, mask = made(7, zone, view, child)
    without, empty = made(7, None, view, child)
    assert mask.shape == with_it.pixels.shape
    assert mask.sum() > 0.004 * mask.size
    assert not empty.any()
    col = np.median(np.nonzero(mask)[1])
    assert (col < mask.shape[1] / 2) == zone.startswith("right")  # the patient's right is on the film's left
    brighter = with_it.pixels.astype(float) - without.pixels
    assert brighter[mask].mean() > 0.04 * 4095
    assert brighter[mask].mean() > 4 * abs(brighter[~mask].mean())


def test_thirds_of_the_lung_lie_above_each_other() -> None:
    for side in ("right", "left"):
        masks = [made(7, f"{side}_{third}", "PA", False)[1] for third in ("upper", "mid", "lower")]
        heights = [np.median(np.nonzero(mask)[0]) for mask in masks]
        assert heights[0] + 15 < heights[1]
        assert heights[1] + 15 < heights[2]


def test_a_film_looks_like_a_chest() -> None:
    """Lungs dark on both sides of a bright middle, belly bright, twelve bits in use."""
    for seed, child in ((0, False), (2, True)):
        given, _ = film(seed, None, SMALL, "AP" if child else "PA", child)
        p = given.pixels.astype(float)
        rows, cols = p.shape
        band = p[int(0.35 * rows) : int(0.55 * rows)]
        middle = band[:, int(0.46 * cols) : int(0.54 * cols)].mean()
        right, left = (
            band[:, int(0.2 * cols) : int(0.36 * cols)].mean(),
            band[:, int(0.66 * cols) : int(0.8 * cols)].mean(),
        )
        assert middle > right + 600
        assert middle > left + 300
        assert p[int(0.88 * rows) : int(0.93 * rows), int(0.4 * cols) : int(0.6 * cols)].mean() > right + 600
        assert given.pixels.dtype == np.uint16
        assert 2500 < given.pixels.max() <= 4095
        assert given.pixels.std() > 400


def test_facts_spacing_and_field() -> None:
    for view, child in (("PA", False), ("AP", True)):
        given, _ = film(3, True, 512, view, child)
        assert max(given.pixels.shape) == 512
        assert given.spacing_mm is not None
        assert (0.2 if child else 0.5) < given.spacing_mm[0] < 1.0
        assert given.facts["simulated"] == "yes"
        assert given.facts["view"] == view
        assert (int(given.facts["age_years"]) < 6) == child
        assert ImageField(size=192, views=("PA", "AP")).check(given) == []


def test_films_are_half_pneumonia_of_both_kinds_of_patients() -> None:
    some = films(60, 2)
    assert np.mean([s.target for s in some]) == 0.5
    assert {s.source for s in some} == {"simulated_adult", "simulated_child"}
    assert {s.facts["view"] for s in some} == {"PA", "AP"}
    assert len({s.patient for s in some}) == 60


@pytest.mark.parametrize(("seed", "view", "child"), [(3, "PA", False), (8, "AP", False), (2, "AP", True)])
def test_the_lungs_lie_on_both_sides_and_are_darker_than_the_rest(seed: int, view: str, child: bool) -> None:
    given, filled, lungs = film_with_lungs(seed, None, SMALL, view, child)
    assert lungs.shape == given.pixels.shape and lungs.dtype == bool and not filled.any()
    assert 0.2 < lungs.mean() < 0.6
    half = lungs.shape[1] // 2
    for side in (lungs[:, :half], lungs[:, half:]):
        assert side.mean() > 0.15
    rows, columns = lungs.shape
    assert lungs[rows // 4 : rows // 2, round(0.48 * columns) : round(0.52 * columns)].mean() < 0.1, "the spine is out"
    pixels = given.pixels.astype(float)
    body = pixels > 0.2 * pixels.max()  # less the air around the body
    assert pixels[lungs].mean() < pixels[~lungs & body].mean() - 300


def test_a_consolidation_hides_no_lung() -> None:
    given, filled, lungs = film_with_lungs(7, True, SMALL)
    clear, _none, same = film_with_lungs(7, None, SMALL)
    np.testing.assert_array_equal(lungs, same)
    assert (lungs & filled).sum() > 0.9 * filled.sum()
    assert given.pixels[lungs & filled].mean() > clear.pixels[lungs & filled].mean() + 200


def test_films_with_lungs_are_the_same_films_with_their_lungs_as_target() -> None:
    (plain, other), (sample, _second) = films(2, 3), films_with_lungs(2, 3)
    assert sha256(sample.load()["film"]) == sha256(plain.load()["film"]) != sha256(other.load()["film"])
    assert sample.dataset != plain.dataset and sample.facts == plain.facts
    target = sample.target()
    assert target.shape == (1, *sample.load()["film"].pixels.shape) and 0.15 < target.mean() < 0.6


def test_an_unknown_zone_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="right_upper"):
        film(1, "upper_right", 128)


@pytest.mark.parametrize(("child", "least"), [(True, 1.0), (False, 0.75)], ids=["children", "adults"])
def test_the_shipped_net_says_more_of_a_consolidated_lung_than_of_the_same_lung_clear(
    child: bool, least: float
) -> None:
    """Eight people, each with and without."""
    package = shipped(settings().models)["cxr_pneumonia"]

    def said(seed: int, ill: bool) -> float:
        given, _mask = film(seed, ill, view="AP" if child else "PA", child=child)
        return answer(package, {"film": given}, "cpu").probabilities["pneumonia"]

    risen = np.array([said(seed, True) - said(seed, False) for seed in range(300 + child, 316, 2)])
    assert (risen > 0).mean() >= least
    assert risen.mean() > 0.1
