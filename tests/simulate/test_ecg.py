"""The simulated ECG: what a reader would measure on it is what was asked for."""

import numpy as np
import pytest
from scipy.signal import butter, find_peaks, sosfiltfilt

from medcore.inputs import Signal, sha256
from medcore.inputs.signal import LEADS, SignalField
from medcore.simulate.dipole import frontal, potentials, to_leads
from medcore.simulate.ecg import CLASSES, ecg, strips
from medcore.simulate.rhythm import OTHER, draw_heart


def beats(given: Signal) -> np.ndarray:
    """Times of R peaks in s: energy of 8 to 25 Hz above half of its usual top."""
    rate = given.rate_hz
    y = sosfiltfilt(butter(3, [8, 25], "band", fs=rate, output="sos"), given.samples[0].astype(float))
    energy = np.sqrt(np.convolve(y * y, np.ones(int(0.1 * rate)) / int(0.1 * rate), "same"))
    tops = [energy[i : i + int(2 * rate)].max() for i in range(0, len(energy) - int(2 * rate), int(2 * rate))]
    peaks, _ = find_peaks(energy, height=0.45 * np.median(tops), distance=int(0.25 * rate))
    return peaks / rate


def spread(times: np.ndarray) -> float:
    rr = np.diff(times)
    return float(rr.std() / rr.mean())


def test_same_seed_same_strip() -> None:
    assert sha256(ecg(3, "other")) == sha256(ecg(3, "other")) != sha256(ecg(4, "other"))
    a, b = strips(4, 1)[3], strips(8, 1)[3]
    assert a.target == b.target
    assert sha256(a.load()["ecg"]) == sha256(b.load()["ecg"])


@pytest.mark.parametrize("bpm", [55, 72, 95])
@pytest.mark.parametrize("rhythm", ["normal", "atrial_fibrillation"])
def test_rate_is_as_asked(rhythm: str, bpm: float) -> None:
    for seed in range(3):
        times = beats(ecg(seed, rhythm, bpm=bpm, noise_mv=0.02, axis_deg=30, seconds=60))
        assert 60 / np.diff(times).mean() == pytest.approx(bpm, rel=0.03), seed


def test_fibrillation_is_irregular_and_sinus_rhythm_is_not() -> None:
    for seed in range(12):
        assert spread(beats(ecg(seed, "normal", noise_mv=0.02, axis_deg=30))) < 0.1, seed
        assert spread(beats(ecg(seed, "atrial_fibrillation", noise_mv=0.02, axis_deg=30))) > 0.15, seed


def mean_beat(given: Signal) -> np.ndarray:
    """Median of the beats, -0.4 to 0.6 s about the peak, baseline at its median."""
    y, rate = given.samples[0], given.rate_hz
    at = (beats(given) * rate).astype(int)
    at = at[(at > 0.4 * rate) & (at < len(y) - 0.6 * rate)]
    beat = np.median([y[i - int(0.4 * rate) : i + int(0.6 * rate)] for i in at], axis=0)
    return np.asarray(beat - np.median(beat))


def test_p_wave_in_sinus_rhythm_only() -> None:
    """The top between 0.24 and 0.1 s before R stands out where there is a P, on the mean of many beats."""

    def p_height(rhythm: str) -> float:
        found = []
        for seed in range(5):
            beat = mean_beat(ecg(seed, rhythm, bpm=70, noise_mv=0.0, axis_deg=40))
            found.append(beat[48:93].max() - np.median(beat[30:48]))
        return float(np.median(found))

    assert p_height("normal") > 2.5 * p_height("atrial_fibrillation")
    assert p_height("normal") > 0.03


def test_qt_follows_the_rate() -> None:
    """T lies earlier after R at a higher rate."""
    for seed in range(4):
        slow, fast = (mean_beat(ecg(seed, "normal", bpm=bpm, noise_mv=0.0, axis_deg=0)) for bpm in (55, 95))
        assert 0.02 * 300 < np.argmax(slow[160:260]) - np.argmax(fast[160:260]) < 0.12 * 300, seed


def test_twelve_leads_agree_with_einthoven_and_goldberger() -> None:
    for rhythm in CLASSES:
        given = ecg(5, rhythm, leads=LEADS, rate_hz=500, seconds=10)
        lead = dict(zip(given.leads, given.samples, strict=True))
        assert given.samples.shape == (12, 5000)
        assert np.allclose(lead["I"] + lead["III"], lead["II"], atol=1e-5)
        assert np.allclose(lead["aVR"] + lead["aVL"] + lead["aVF"], 0, atol=1e-5)
        assert lead["V1"].std() > 0.01


@pytest.mark.parametrize("axis", [-60, 0, 45, 90, 150])
def test_axis_is_as_asked(axis: float) -> None:
    dipole = np.array(frontal(axis, 1.0))[:, None]
    i, avf = to_leads(potentials(dipole), ("I", "aVF"))[:, 0]
    assert np.degrees(np.arctan2(avf * 2 / np.sqrt(3), i)) == pytest.approx(axis, abs=0.1)
    given = ecg(2, "normal", axis_deg=axis, noise_mv=0, leads=("I", "aVF"), rate_hz=500)
    i, avf = (s[np.argmax(np.abs(given.samples).sum(0))] for s in given.samples)
    off = (np.degrees(np.arctan2(avf * 2 / np.sqrt(3), i)) - axis + 180) % 360 - 180
    assert abs(off) < 25


def test_noise_is_as_loud_as_asked_and_nothing_else_changes() -> None:
    clean = ecg(8, "normal", noise_mv=0)
    for loud in (0.05, 0.2):
        noise = (ecg(8, "normal", noise_mv=loud).samples - clean.samples)[0]
        assert 0.1 * loud < noise.std() < 1.2 * loud  # the recorder's filter takes part of it


def test_each_other_rhythm_shows_what_it_is_called() -> None:
    rng = np.random.default_rng(0)
    made = {n: maker(rng, draw_heart(rng, 40), 30, 300, None) for n, (_, _, maker) in OTHER.items()}
    rr = {n: np.diff([b.at for b in r.beats if b.qrs]) for n, r in made.items()}
    assert rr["ventricular_premature"].min() < 0.8 * np.median(rr["ventricular_premature"])
    assert rr["atrial_premature"].min() < 0.85 * np.median(rr["atrial_premature"])
    assert 60 / rr["bradycardia"].mean() < 50 < 100 < 60 / rr["tachycardia"].mean()
    assert all(b.pr is not None and b.pr > 0.2 for b in made["av_block_1"].beats)
    assert any(not b.qrs for b in made["wenckebach"].beats)
    assert rr["flutter"].std() < 0.02 * rr["flutter"].mean()
    assert made["flutter"].atria is not None


def test_strips_are_taken_by_a_field_and_have_all_classes() -> None:
    some = strips(400, 3)
    share = np.bincount([s.target for s in some], minlength=4) / len(some)
    assert np.allclose(share, (0.37, 0.14, 0.44, 0.05), atol=0.07)
    field = SignalField(leads=("I",), rate_hz=100, min_seconds=9, max_seconds=61)
    lengths = []
    for sample in some[:40]:
        given = sample.load()["ecg"]
        field.check(given)
        lengths.append(given.seconds)
        assert np.isfinite(given.samples).all()
        assert given.facts["simulated"] == "yes"
    assert 0.4 < np.mean([s == 30 for s in lengths]) < 0.95


def test_too_noisy_strips_hide_their_beats() -> None:
    """Beats resemble each other in a readable strip, and don't in one that is too noisy."""

    def likeness(rhythm: str, seed: int) -> float:
        given = ecg(seed, rhythm, axis_deg=30)
        y, at = given.samples[0], (beats(given) * given.rate_hz).astype(int)
        cut = np.array([y[i - 60 : i + 60] for i in at if 60 <= i < len(y) - 60])
        if len(cut) < 4:
            return 0.0
        middle = np.median(cut, axis=0)
        return float(np.median([np.corrcoef(c, middle)[0, 1] for c in cut]))

    noisy, fine = ([likeness(r, s) for s in range(9)] for r in ("too_noisy", "normal"))
    assert np.median(noisy) < 0.65 < 0.85 < np.median(fine)
