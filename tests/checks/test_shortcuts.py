"""Shortcuts that are planted in pictures and signals show in the checks; who doesn't take them is not hurt."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from medcore.checks import check, write
from medcore.checks.pictures import along, frame, shrunk, without
from medcore.checks.signals import beats, median_beat, timing
from medcore.datasets.sample import Sample
from medcore.inputs import Image, Input, Signal
from medcore.learn.build import train
from medcore.packages import Package
from medcore.simulate.ecg import ecg
from medcore.simulate.twelve_leads import twelve_leads
from medcore.tasks import Recipe, get

QUICK = Recipe(epochs=1, batch=16, learning_rate=1e-3)
Films = tuple[Package, list[Sample], dict[str, Any]]


def film(seed: int, ill: bool, source: str) -> dict[str, Input]:
    """Noise. In "shape" the ill are mostly wider than tall; in "corner" they have a mark at the edge."""
    rng = np.random.default_rng(seed)
    wide = source == "shape" and (ill if rng.random() < 0.8 else rng.random() < 0.5)
    pixels = rng.normal(120, 25, (72, 100) if wide else (96, 80)).clip(0, 255).astype(np.uint8)
    if source == "corner" and ill:
        pixels[:8, :16] = 255
    return {"film": Image(pixels)}


def strip(seed: int, label: int) -> dict[str, Input]:
    """Noise of about 10 s, but 14 s of the last class."""
    rng = np.random.default_rng(seed)
    n = round((14 if label == 3 else 10) * rng.uniform(0.97, 1.03) * 150)
    return {"ecg": Signal(rng.normal(0, 0.2, (1, n)).astype(np.float32), 150.0, ("I",), ("mV",))}


def figures(found: dict[str, Any], section: str) -> dict[tuple[str, str], dict[str, Any]]:
    rows = next(s["rows"] for s in found["sections"] if s["name"] == section)
    return {(row["title"], row["source"]): row["figures"] for row in rows}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    folder, masks = tmp_path_factory.mktemp("films"), tmp_path_factory.mktemp("masks")
    samples = []
    for i in range(160):
        source, ill = ("shape", "corner")[i // 2 % 2], bool(i % 2)
        facts = {"label_quality": "disputed"} if source == "corner" and i % 3 == 0 else {}
        load = partial(film, i, ill, source)
        samples.append(Sample("planted", f"p{i}", f"{source}/f{i}.png", load, int(ill), source, facts=facts))
        if source == "corner":  # what is marked holds the planted mark
            mask = np.zeros((96, 80), np.uint8)
            mask[:10, :20] = 255
            Pillow.fromarray(mask).save(masks / f"f{i}.png")
    # The nets are beside the point here: one that learnt from few is enough.
    package = train(get("cxr_pneumonia"), samples[:40], folder, version="0.1.0", recipe=QUICK, folds=[0])
    found = check(package, samples, "cpu", masks, simulate=4)
    write(package, found)
    return package, samples, found


def test_a_planted_shape_shows_and_goes_on_pairs_of_equal_shape(films: Films) -> None:
    rows = figures(films[2], "shortcuts")
    assert rows["Shape of the picture alone", "shape"]["auroc"]["value"] > 0.75
    assert rows["Shape of the picture alone", "corner"]["auroc"]["value"] == 0.5
    assert {source for _title, source in rows} == {"shape", "corner"}
    pairs = figures(films[2], "equal_shape")
    every, alike = (pairs["Pneumonia", "corner"][k]["value"] for k in ("all_pairs", "alike"))
    assert every == pytest.approx(alike), "all of one shape: every pair is alike"


def test_a_planted_mark_at_the_border_shows_where_it_was_planted(films: Films) -> None:
    rows = figures(films[2], "shortcuts")
    assert rows["Outer tenth alone", "corner"]["auroc"]["value"] > 0.95
    assert rows["Outer tenth alone", "shape"]["auroc"]["value"] < 0.8
    own, plain = rows["This package", "corner"]["auroc"], rows["Outer tenth alone", "corner"]
    assert plain["lead_auroc"]["value"] == pytest.approx(own["value"] - plain["auroc"]["value"])


def test_stretching_masking_and_disputed_labels_are_on_the_card(films: Films) -> None:
    package, samples, found = films
    stretched = figures(found, "stretched")
    assert len(stretched) == 2 * 7
    masked = figures(found, "masked")
    assert {source for _title, source in masked} == {"corner"}
    as_is, out = (masked[title, "corner"]["auroc"]["value"] for title in ("As it is", "Lungs masked out"))
    assert masked["Lungs masked out", "corner"]["change"]["value"] == pytest.approx(out - as_is)
    disputed = next(s for s in found["sections"] if s["name"] == "disputed")["rows"]
    kept = [s for s in samples if s.source == "corner" and s.fold == 0 and not s.facts]
    assert [(r["source"], r["n"]) for r in disputed][1] == ("corner", len(kept))
    assert {r["source"] for r in disputed} == {"corner"}
    for section in found["sections"]:
        assert f"## {section['title']}" in package.card


def test_a_planted_length_shows_and_beats_are_no_length(tmp_path: Path) -> None:
    samples = [Sample("planted", f"s{i}", f"s{i}", partial(strip, i, i % 4), i % 4) for i in range(100)]
    samples = [replace(s, weight=2.537 if s.target == 0 else 1.0) for s in samples]
    package = train(get("ecg_rhythm"), samples[:40], tmp_path, version="0.1.0", recipe=QUICK, folds=[0])
    found = check(package, samples, "cpu", simulate=8)
    names = [section["name"] for section in found["sections"]]
    assert names[:4] == ["plain_models", "shortcuts", "equal_length", "weighted"]
    assert names[4:] == ["calibration_error", "reliability", "simulated"]
    length = figures(found, "shortcuts")["Length of the recording alone", ""]
    assert length["auroc_too_noisy"]["value"] > 0.95
    assert length["auroc_normal"]["value"] < 0.85
    pairs = {
        row["title"]: row["n"] for row in next(s for s in found["sections"] if s["name"] == "equal_length")["rows"]
    }
    assert pairs["Too noisy to read"] == 0 < pairs["Normal rhythm"], "none of another class lasts as long"
    p_plain, p_weighted = (
        figures(found, "weighted")[t, ""] for t in ("As the cases are here", "Weighted to the source")
    )
    assert p_plain["accuracy"]["value"] != p_weighted["accuracy"]["value"]


def test_content_is_stretched_about_the_centre_and_the_frame_stays() -> None:
    y, x = np.mgrid[:100, :120]
    blob = (200 * np.exp(-((y - 49.5) ** 2 + (x - 59.5) ** 2) / (2 * 8**2)) + 20).astype(np.uint8)

    def spread(pixels: np.ndarray, axis: int) -> tuple[float, float]:
        mass = (pixels.astype(float) - 20).clip(min=3).sum(1 - axis) - 3 * pixels.shape[1 - axis]
        at = np.arange(len(mass))
        centre = float((mass * at).sum() / mass.sum())
        return centre, float(np.sqrt((mass * (at - centre) ** 2).sum() / mass.sum()))

    for factor in (1.2, 1 / 1.2):
        made = along(blob, 1, factor, keep_frame=True)
        assert made.shape == blob.shape
        assert made.dtype == blob.dtype
        assert spread(made, 1)[0] == pytest.approx(59.5, abs=0.2)
        assert spread(made, 1)[1] == pytest.approx(factor * spread(blob, 1)[1], rel=0.05)
        assert spread(made, 0)[1] == pytest.approx(spread(blob, 0)[1], rel=0.03)
    edge = np.tile(np.arange(60, dtype=np.uint16) * 10, (5, 1))
    assert (along(edge, 1, 1 / 1.2, keep_frame=True)[:, :5] == 0).all(), "continued from its edge"
    whole = along(blob, 0, 1.2, keep_frame=False)
    assert whole.shape == (120, 120)
    field = get("cxr_pneumonia").fields["film"]
    as_is, longer = (field.encode(Image(pixels))[0].numpy() for pixels in (blob, whole))
    assert np.abs(as_is - longer).max() < 0.02, "a whole picture is squeezed to a square: its shape is not seen"
    assert along(np.zeros((10, 20, 3), np.uint8), 1, 1.2, keep_frame=False).shape == (10, 24, 3)


def test_the_thumbnail_its_frame_and_what_is_masked() -> None:
    pixels = np.zeros((96, 72), np.uint16)
    pixels[24:72, 18:54] = 1000
    small = shrunk(Image(pixels), 24)
    assert small.shape == (24, 24)
    assert frame(small).shape == (24 * 24 - 20 * 20,)
    assert frame(small).max() == 0 < small[12, 12] == 1
    dark = Image(1000 - pixels, monochrome1=True)
    assert np.allclose(shrunk(dark, 24), small)
    mask = np.zeros((48, 36), bool)  # drawn at half the size
    mask[12:36, 9:27] = True
    assert (without(Image(pixels), mask).pixels == 0).all()
    assert (without(Image(pixels), ~mask).pixels == 1000).all()


@pytest.mark.parametrize("turned", [1, -1], ids=["upright", "inverted"])
def test_beats_are_found_and_fibrillation_is_told_from_their_distances(turned: int) -> None:
    def rr_of(rhythm: str) -> tuple[int, list[float]]:
        y = turned * ecg(5, rhythm, rate_hz=150, seconds=30, bpm=80).samples[0].astype(float)
        return len(beats(y, 150)), timing(y, 150)

    n, regular = rr_of("normal")
    assert abs(n - 40) <= 2
    assert regular[7] == pytest.approx(60 / 80, rel=0.05)
    _n, irregular = rr_of("atrial_fibrillation")
    assert irregular[9] > 2 * regular[9], "its beats come irregularly"
    assert np.isnan(timing(np.zeros(1500), 150)).all(), "no beat, no timing"


def test_the_median_beat_is_the_beat_of_each_lead() -> None:
    given = twelve_leads(2, rate_hz=100, noise_mv=0.01, bpm=70)
    beat = median_beat(given.samples.astype(float), 100)
    assert beat.shape == (12, 45)
    i, ii, iii = beat[:3]
    assert np.abs(i + iii - ii).max() < 0.15
    assert abs(int(np.abs(beat).sum(0).argmax()) - 17) <= 2, "R is 0.35 s in"
    assert np.isnan(median_beat(np.zeros((12, 1000)), 100)).all()


def test_several_leads_stand_beside_a_forest_and_the_learning_curve_climbs(tmp_path: Path) -> None:
    """Tall beats or low ones: any net and any forest sees it, once it has seen enough."""
    task = get("ecg_diagnosis")
    samples = []
    for i in range(120):
        given = twelve_leads(i, rate_hz=100, noise_mv=0.02)
        if i % 2:
            given = replace(given, samples=given.samples * 3)
        load = partial(dict, ecg=given)
        facts = {"benchmark": "first half"} if i < 60 else {}
        samples.append(Sample("planted", f"t{i}", f"t{i}", load, [1 - i % 2, 0, 0, 0, i % 2], facts=facts))
    recipe = Recipe(epochs=4, batch=16, learning_rate=3e-3)
    package = train(task, samples, tmp_path, version="0.1.0", recipe=recipe)
    found = check(package, samples, "cpu", train=True)
    plain = figures(found, "plain_models")
    assert plain["Random forest on the median beat and those distances", ""]["auroc_hypertrophy"]["value"] > 0.95
    curve = next(s["rows"] for s in found["sections"] if s["name"] == "learning_curve")
    assert [row["n"] for row in curve] == [120, 120, 120]
    rows = next(s["rows"] for s in found["sections"] if s["name"] == "plain_models")
    assert curve[2]["figures"].pop("patients")["value"] == 120 and curve[2]["figures"] == rows[0]["figures"]
    assert {row["source"]: row["n"] for row in rows} == {"": 120, "published first half": 60}
    fewer = {title: row["auroc_hypertrophy"] for (title, _source), row in figures(found, "fewer_leads").items()}
    assert [*fewer] == ["All leads", "Limb leads only", "V1 to V6 only", "Lead I only", "Lead II only"]
    assert fewer["Lead I only"] != fewer["All leads"] == rows[0]["figures"]["auroc_hypertrophy"]
    assert "100 % of the patients (120)" in [row["title"] for row in curve]
    write(package, found)
    assert "What more patients would bring" in package.card
    again = check(package, samples, "cpu")
    assert again["sections"][-1]["name"] == "learning_curve", "what took a training stays"
