"""Remarks on ECGs: what they catch and how often they are wrong, on real recordings."""

import csv
import logging
from dataclasses import replace

import numpy as np
import pytest

from medcore.datasets.cinc2017 import cinc2017
from medcore.inputs import Record, Signal
from medcore.inputs.signal import LEADS
from medcore.measure import quality
from medcore.measure.leads import swapped
from medcore.readers import read
from medcore.simulate import ecg as simulator

LOG = logging.getLogger(__name__)  # figures: pytest --log-cli-level=INFO


@pytest.fixture(scope="module")
def real(data) -> list[Signal]:
    """Every second record of PTB-XL."""
    folder = data / "ptbxl"
    with (folder / "ptbxl_database.csv").open(encoding="utf-8") as lines:
        paths = [folder / row["filename_lr"] for row in csv.DictReader(lines)][::2]
    names = [[p.with_suffix(e) for e in (".hea", ".dat")] for p in paths if p.with_suffix(".hea").is_file()]
    return [read({p.name: p.read_bytes() for p in both})[0].input for both in names]


def rewired(given: Signal, order: dict[str, tuple[str, int]]) -> Signal:
    """Leads as swapped cables record them: lead → (lead it shows, sign)."""
    rows = {n: i for i, n in enumerate(given.leads)}
    samples = given.samples.copy()
    for lead, (shown, sign) in order.items():
        samples[rows[lead]] = sign * given.samples[rows[shown]]
    return replace(given, samples=samples)


ARMS = {"I": ("I", -1), "II": ("III", 1), "III": ("II", 1), "aVR": ("aVL", 1), "aVL": ("aVR", 1)}


@pytest.mark.data
def test_swapped_arms_are_found_and_right_cables_are_not_blamed(real):
    blamed = [swapped(s) for s in real]
    found = [swapped(rewired(s, ARMS)) for s in real]
    share = found.count("arms") / len(real)
    wrong = len(real) - blamed.count("")
    LOG.info(f"{len(real)} records: {wrong} blamed wrongly, {100 * share:.1f} % of swapped arms found")
    assert wrong <= 0.01 * len(real)
    assert share > 0.8


@pytest.mark.data
def test_an_arm_on_the_right_leg_leaves_a_flat_lead(real):
    """The leg electrodes have nearly one potential: the lead between them is flat (Batchvarov 2007)."""
    rng = np.random.default_rng(0)
    right, left = 0, 0
    for given in real[:60]:
        rows = {n: i for i, n in enumerate(given.leads)}
        quiet = 0.005 * rng.standard_normal(given.samples.shape[1]).astype(np.float32)
        ra_rl, la_rl = given.samples.copy(), given.samples.copy()
        ra_rl[rows["II"]], ra_rl[rows["I"]] = quiet, -given.samples[rows["III"]]
        la_rl[rows["III"]], la_rl[rows["I"]] = quiet, given.samples[rows["II"]]
        right += swapped(replace(given, samples=ra_rl)) == "right arm and leg"
        left += swapped(replace(given, samples=la_rl)) == "left arm and leg"
    assert right >= 50
    assert left >= 50


@pytest.mark.data
def test_few_real_recordings_are_remarked_on(real):
    told = [r for s in real for r in quality.of_ecg(s)]
    n = sum(bool(quality.of_ecg(s)) for s in real)
    LOG.info(f"PTB-XL: {n} of {len(real)} records have a remark: { {r[:40]: told.count(r) for r in told} }")
    assert n <= 0.08 * len(real)


@pytest.mark.data
def test_noise_is_told_where_readers_could_not_read(data):
    samples = cinc2017(data / "cinc2017")
    share = {}
    for target, step in ((0, 8), (3, 1)):
        some = [s.load()["ecg"] for s in samples if s.target == target][::step]
        share[target] = np.mean([any("Noise" in r for r in quality.of_ecg(s)) for s in some])
    LOG.info(f"CinC 2017: told of {100 * share[3]:.0f} % too noisy to read, of {100 * share[0]:.1f} % normal strips")
    assert share[0] <= 0.025
    assert share[3] >= 0.3


def twelve(seed: int = 1) -> Signal:
    return simulator.ecg(seed, rate_hz=500, seconds=10, noise_mv=0.01, leads=LEADS)


def remark(given: Signal) -> str:
    (only,) = quality.of_ecg(given)
    return only


def changed(lead: str, values: object, part: slice = slice(None)) -> Signal:
    given = twelve()
    samples = given.samples.copy()
    samples[given.leads.index(lead), part] = values
    return replace(given, samples=samples)


def test_a_clean_ecg_has_no_remark():
    for seed in range(5):
        assert quality.of_ecg(twelve(seed)) == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (changed("V3", 0.0), "Nothing moves in lead V3: check the electrode"),
        (changed("V3", np.nan), "Nothing moves in lead V3: check the electrode"),
        (changed("V5", 0.2, slice(1000, 2500)), "nothing was recorded in lead V5"),
        (changed("V5", np.nan, slice(1000, 2500)), "nothing was recorded in lead V5"),
        (changed("V1", np.random.default_rng(0).normal(0, 0.2, 5000)), "Noise or movement hides part of lead V1"),
        (changed("V2", np.sin(np.arange(5000) / 100) * 3), "Noise or movement hides part of lead V2"),
        (rewired(twelve(), ARMS), "arm cables may be swapped"),
        (changed("III", 3 * twelve().samples[0]), "contradict each other"),
    ],
)
def test_each_fault_is_one_sentence_with_what_to_do(given, says):
    text = remark(given)
    assert says in text
    assert text.endswith(".")
    assert text.count(". ") == 0
    assert any(word in text for word in ("check", "record it again", "read the rest"))


def test_noise_in_all_leads_is_told_once():
    given = twelve()
    noise = np.random.default_rng(0).normal(0, 0.2, given.samples.shape).astype(np.float32)
    noise[2] = noise[1] - noise[0]
    text = quality.of_ecg(replace(given, samples=given.samples + noise))
    assert "all leads" in text[0]


def test_what_is_no_ecg_is_left_alone():
    assert quality.remarks(Record({"age": 61})) == ()
    pressure = Signal(np.ones((1, 5000), np.float32), 100.0, ("ABP",), ("mmHg",))
    assert quality.remarks(pressure) == ()
    assert quality.remarks(Signal(np.ones((1, 20), np.float32), 500.0, ("I",), ("mV",))) == ()
