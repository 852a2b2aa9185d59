"""What a reader would measure on a simulated 12-lead ECG is what was put into it."""

from functools import cache

import numpy as np
import pytest
import torch

from medcore.inputs import sha256
from medcore.inputs.signal import LEADS
from medcore.nets.average_beat import BEFORE, average_beat
from medcore.simulate.findings import BLOCKS, TERRITORIES, conduction
from medcore.simulate.rhythm import draw_heart
from medcore.simulate.twelve_leads import CLASSES, Diagnosis, electrocardiograms, twelve_leads

SEEDS = range(8)
RATE = 500


@cache
def beat(diagnosis: Diagnosis, seed: int) -> dict[str, np.ndarray]:
    """Average beat by lead in mV, from its own middle, without noise."""
    given = twelve_leads(seed, diagnosis, RATE, noise_mv=0.0, bpm=66, axis_deg=45)
    x = torch.from_numpy(given.samples)[None]
    mean = average_beat(x, torch.ones_like(x), RATE)[0][0].numpy()
    return dict(zip(LEADS, mean - np.median(mean, 1, keepdims=True), strict=True))


def at(seconds: float) -> int:
    """Sample of the average beat at that time from the middle of the QRS."""
    return round((BEFORE + seconds) * RATE)


def change(diagnosis: Diagnosis, lead: str, low: float, high: float, how: str = "mean") -> float:
    """By how much a stretch (s) of a lead differs from the same hearts' without the diagnosis, in the median heart."""

    def measured(d: Diagnosis, seed: int) -> float:
        return float(getattr(beat(d, seed)[lead][at(low) : at(high)], how)())

    return float(np.median([measured(diagnosis, s) - measured(Diagnosis(), s) for s in SEEDS]))


def width(diagnosis: Diagnosis) -> float:
    """Seconds for which the leads together move quickly, of the median heart."""
    found = []
    for seed in SEEDS:
        steep = np.abs(np.gradient(np.array([*beat(diagnosis, seed).values()]), axis=1)).sum(0)
        found.append(float((steep[at(-0.1) : at(0.15)] > 0.12 * steep.max()).sum() / RATE))
    return float(np.median(found))


def test_the_same_seed_draws_the_same_and_the_leads_agree() -> None:
    ill = Diagnosis(infarct="inferior")
    assert sha256(twelve_leads(3, ill)) == sha256(twelve_leads(3, ill)) != sha256(twelve_leads(4, ill))
    given = twelve_leads(3, ill)
    lead = dict(zip(given.leads, given.samples, strict=True))
    assert given.leads == LEADS and given.samples.shape == (12, 5000) and given.facts["simulated"] == "yes"
    assert np.allclose(lead["I"] + lead["III"], lead["II"], atol=1e-5)
    assert np.allclose(lead["aVR"] + lead["aVL"] + lead["aVF"], 0, atol=1e-5)


@pytest.mark.parametrize(
    ("territory", "over", "opposite"),
    [("inferior", "aVF", "aVL"), ("anteroseptal", "V2", None), ("anterior", "V3", "aVR"), ("lateral", "aVL", "III")],
)
def test_an_acute_infarct_lifts_st_and_takes_r_in_its_leads(territory: str, over: str, opposite: str | None) -> None:
    acute = Diagnosis(infarct=territory, stage="acute", size=0.9)
    assert change(acute, over, 0.09, 0.14) > 0.08
    assert opposite is None or change(acute, opposite, 0.09, 0.14) < 0
    old = Diagnosis(infarct=territory, stage="old", size=0.9)
    assert abs(change(old, over, 0.12, 0.16)) < 0.05
    assert change(old, over, -0.06, 0.01, "max") < -0.1, "R is lower"
    assert change(old, over, -0.06, -0.005, "min") < -0.05, "and Q deeper"
    assert change(Diagnosis(infarct=territory, stage="recent", size=0.9), over, 0.2, 0.3) < -0.05, "T is turned"


def test_a_larger_infarct_shows_more() -> None:
    small, large = (change(Diagnosis(infarct="inferior", size=s), "aVF", -0.06, 0.01, "max") for s in (0.35, 1.0))
    assert large < small - 0.1


def test_blocks_widen_the_qrs_on_their_side() -> None:
    usual = width(Diagnosis())
    assert width(Diagnosis(block="left")) > usual + 0.02
    assert width(Diagnosis(block="nonspecific")) > usual + 0.01
    assert width(Diagnosis(block="right")) > usual + 0.005
    assert change(Diagnosis(block="right"), "V1", 0.03, 0.08) > 0.05, "the end of QRS points to V1"
    assert change(Diagnosis(block="right"), "V6", 0.03, 0.08) < 0
    assert change(Diagnosis(block="left"), "V1", -0.1, 0.1) < -0.1
    assert change(Diagnosis(block="left"), "V6", 0.2, 0.3) < -0.1, "T against the QRS"
    assert change(Diagnosis(block="left_anterior"), "aVF", -0.02, 0.04) < -0.2, "the axis turns left"
    heart = draw_heart(np.random.default_rng(0), 45)
    assert conduction(np.random.default_rng(0), heart, "av_1").pr > 0.2 >= heart.pr


def test_a_thick_ventricle_is_high_and_strained() -> None:
    thick = Diagnosis(gain=1.8)
    sokolow = change(thick, "V5", -0.04, 0.04, "max") - change(thick, "V1", -0.04, 0.06, "min")
    assert sokolow > 0.8, "R in V5 and S in V1"
    assert change(Diagnosis(gain=1.8, strain=True), "V6", 0.2, 0.3) < -0.1
    assert Diagnosis(gain=1.8, strain=True).truth == [0, 0, 1, 0, 1]
    assert thick.truth == [0, 0, 0, 0, 1]


def test_changes_of_st_and_t() -> None:
    assert change(Diagnosis(change="flat_t"), "V5", 0.2, 0.3) < -0.03
    assert change(Diagnosis(change="inverted_t"), "V5", 0.2, 0.3) < -0.1
    assert change(Diagnosis(change="st_depression"), "V5", 0.09, 0.14) < -0.03
    assert Diagnosis(change="flat_t").truth == [0, 0, 1, 0, 0]


def test_every_combination_can_be_drawn_and_all_labels_are() -> None:
    for territory in TERRITORIES:
        for block in BLOCKS:
            given = twelve_leads(1, Diagnosis(territory, "acute", 1.0, block, None, 2.0, True), 100, seconds=5)
            assert np.isfinite(given.samples).all() and np.abs(given.samples).max() < 20
    truth = np.array([s.target for s in electrocardiograms(600, 2)])
    assert truth.shape == (600, len(CLASSES))
    assert (truth[:, 0] == 1 - truth[:, 1:].max(1)).all()
    assert (truth.mean(0) > (0.38, 0.12, 0.12, 0.12, 0.08)).all()
