"""Remarks on films: how often a real one is flagged wrongly, and how many altered ones are found.

Films of patients that the templates never saw (the other half of cxr_pneumonia, see fit_film.py).
"""

import logging
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image as Pillow

from medcore.inputs import Image
from medcore.measure import film, quality
from medcore.readers import read
from medcore.simulate import thorax
from tests.measure.fit_film import cut, films

LOG = logging.getLogger(__name__)  # figures: pytest --log-cli-level=INFO


@pytest.fixture(scope="module")
def unseen(data) -> list[tuple[dict[str, str], np.ndarray]]:
    return films(data / "cxr_pneumonia", fitted=False)


def photograph(pixels: np.ndarray, rng: np.random.Generator, side: int = 900) -> np.ndarray:
    """A screen with dark seams between its dots, photographed at a slant in uneven light with its frame around it."""
    dots = 4
    shown = np.asarray(Pillow.fromarray(pixels).resize((400, 400)), np.float32) / 255
    dot = np.ones((dots, dots), np.float32)
    dot[-1], dot[:, -1] = 0.35, 0.35
    screen = np.pad(np.kron(shown, np.ones((dots, dots))) * np.tile(dot, (400, 400)), 96)
    screen = np.pad(screen, 80, constant_values=float(rng.uniform(0.2, 0.7)))
    n = len(screen)
    edge = rng.uniform(0, 0.05 * n, 8)
    quad = (edge[0], edge[1], edge[2], n - edge[3], n - edge[4], n - edge[5], n - edge[6], edge[7])
    seen = Pillow.fromarray((255 * screen).astype(np.uint8)).transform(
        (side, side), Pillow.Transform.QUAD, quad, Pillow.Resampling.BILINEAR
    )
    y, x = np.mgrid[0:side, 0:side] / side
    light = 1 + 0.3 * (x * rng.uniform(-1, 1) + y * rng.uniform(-1, 1))
    return np.clip(np.asarray(seen, np.float32) * light + rng.normal(0, 2, (side, side)), 0, 255).astype(np.uint8)


@pytest.mark.data
@pytest.mark.slow
def test_a_real_film_is_flagged_in_less_than_two_of_a_hundred(unseen):
    flags = {"turned": 0, "inverted": 0, "cut": 0, "photographed": 0, "lateral": 0}
    by_source = {"nih": [0, 0], "kermany": [0, 0]}
    for row, pixels in unseen:
        seen = film.look(Image(pixels))
        for name in flags:
            flags[name] += bool(getattr(seen, name))
        by_source[row["source"]][0] += bool(quality.of_film(Image(pixels)))
        by_source[row["source"]][1] += 1
    total, n = sum(f for f, _n in by_source.values()), len(unseen)
    LOG.info(f"{n} real films: {total} flagged ({100 * total / n:.2f} %); {flags}; by source {by_source}")
    assert n > 800
    assert total / n <= 0.02


@pytest.mark.data
@pytest.mark.slow
def test_turned_and_inverted_films_are_found(unseen):
    found = {90: 0, 180: 0, 270: 0}
    inverted = 0
    some = unseen[::3]
    for _row, pixels in some:
        for angle in found:
            found[angle] += film.look(Image(np.rot90(pixels, -angle // 90))).turned == angle
        inverted += film.look(Image(255 - pixels)).inverted
    LOG.info(f"of {len(some)}: turned {found}, inverted {inverted}")
    assert min(found.values()) > 0.9 * len(some)
    assert inverted > 0.8 * len(some)


@pytest.mark.data
@pytest.mark.slow
def test_cut_films_are_found(unseen):
    rng = np.random.default_rng(1)
    share = {
        part: np.mean([film.look(Image(cut(p, part, float(rng.uniform(0.3, 0.5))))).cut for _r, p in unseen[::3]])
        for part in ("side", "below")
    }
    other = np.mean([film.look(Image(cut(p[:, ::-1], "side", 0.4)[:, ::-1])).cut for _r, p in unseen[::3]])
    LOG.info(f"cut by 30 to 50 %: {share}, at the other side {other:.3f}")
    assert share["side"] > 0.9
    assert other > 0.85
    assert share["below"] > 0.6


@pytest.mark.data
@pytest.mark.slow
def test_photographs_of_a_screen_are_found(unseen):
    rng = np.random.default_rng(2)
    pictures = [photograph(p, rng) for _row, p in unseen[::60]]
    small = [np.asarray(Pillow.fromarray(p).resize((600, 600))) for p in pictures]
    share, of_small = (np.mean([film.moire(p) > film.MOIRE for p in some]) for some in (pictures, small))
    LOG.info(
        f"of {len(pictures)} photographs of a screen {100 * share:.0f} % are found by their pattern,"
        f" of small ones {100 * of_small:.0f} %"
    )
    assert share > 0.9
    assert of_small > 0.5
    tinted = np.stack([pictures[0], pictures[0], (0.9 * pictures[0]).astype(np.uint8)], -1)
    assert film.look(Image(tinted)).photographed


def test_a_simulated_film_is_plain_and_a_tinted_one_is_a_photograph():
    flagged = 0
    for seed in range(9):
        given, _mask = thorax.film(seed, size=256, child=seed % 3 == 0)
        flagged += bool(quality.of_film(given))
    assert flagged == 0
    grey = (given.pixels / given.pixels.max() * 255).astype(np.uint8)
    colour = np.stack([grey, grey, (grey * 0.94).astype(np.uint8)], -1)
    assert any("photograph" in r for r in quality.of_film(Image(colour)))
    assert not quality.of_film(Image(np.stack([grey] * 3, -1)))


@pytest.mark.parametrize(("turn", "says"), [(1, "turned by 270°"), (2, "turned by 180°"), (3, "turned by 90°")])
def test_each_remark_is_a_sentence_with_what_to_do(turn, says):
    given, _mask = thorax.film(1, size=256)
    (remark,) = quality.of_film(replace(given, pixels=np.rot90(given.pixels, turn)))
    assert says in remark
    assert remark.endswith("upload it upright.")


def test_what_is_no_chest_film_is_left_alone():
    given, _mask = thorax.film(1, size=256)
    turned = replace(given, pixels=np.rot90(given.pixels))
    for facts in ({"modality": "MG"}, {"body_part": "KNEE"}):
        assert film.look(replace(turned, facts=facts)) is None
    rng = np.random.default_rng(0)
    assert film.look(Image(rng.integers(0, 255, (300, 300, 3), np.uint8))) is None
    assert film.look(Image(np.zeros((8, 8), np.uint8))) is None
    assert film.look(Image(np.full((80, 80), 7, np.uint8))) is not None


@pytest.mark.data
def test_real_dicom_films(data):
    folder = data / "dicom_series" / "xray"

    def given(name: str) -> Image:
        return read({"a": (folder / name).read_bytes()})[0].input

    assert not quality.of_film(given("chest_pa_jpeg.dcm"))
    assert not quality.of_film(given("cr_mono1_chest_15bit_j2k_lossy.dcm"))
    assert film.look(given("chest_pa_made_monochrome1.dcm")).inverted  # its tag was set wrongly on purpose
    assert not quality.of_film(given("mg_12bit_j2k_lossy.dcm"))


def test_what_resembles_no_frontal_chest_is_suspected_only_where_no_view_is_named():
    """Shapes of no body: no set here has a lateral film."""
    shapes = (255 * np.random.default_rng(1).random((40, 32))).astype(np.uint8)
    strange = Image(np.asarray(Pillow.fromarray(shapes).resize((160, 200), Pillow.Resampling.BICUBIC)))
    assert film.look(strange).lateral
    assert not film.look(replace(strange, facts={"view": "PA"})).lateral
