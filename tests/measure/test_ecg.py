"""Beats and intervals against what is known: annotated beats, the simulator's own intervals, recorders' own figures."""

import logging
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medcore.inputs import Signal
from medcore.inputs.signal import LEADS
from medcore.measure.ecg import Measurement, measure
from medcore.readers import read
from medcore.simulate import ecg as simulator
from medcore.simulate import rhythm

LOG = logging.getLogger(__name__)  # figures: pytest --log-cli-level=INFO
BEATS = set(range(1, 14)) | {25, 30, 34, 35, 38}  # WFDB's codes of annotations that are a QRS (ecgcodes.h)
WINDOW_S = 0.15  # within which a found beat is the annotated one (ANSI/AAMI EC57)


def simulated(
    seed: int, kind: str = "normal", rate: float = 500, noise: float = 0.02
) -> tuple[Signal, list[rhythm.Beat]]:
    """Twelve leads of 10 s and the whole beats in them, by drawing the same heart again."""
    given = simulator.ecg(seed, kind, rate_hz=rate, seconds=10, noise_mv=noise, leads=LEADS)
    rng = np.random.default_rng(seed)
    rng.normal(60, 16), rng.random()  # age and sex are drawn first
    beats = rhythm.RHYTHMS[kind](rng, rhythm.draw_heart(rng, None), 10, rate, None).beats
    return given, [b for b in beats if 0.5 < b.at < 9.3 and b.qrs]


def qrs_ms(beat: rhythm.Beat) -> float:
    """From where its first wave rises to 4 % of its top (2.5 standard deviations) to where the last falls to it."""
    tall = max(np.linalg.norm(w.dipole) for w in beat.qrs)
    waves = [w for w in beat.qrs if np.linalg.norm(w.dipole) > 0.08 * tall]
    return 1000 * (max(w.at + 2.5 * w.fall for w in waves) - min(w.at - 2.5 * w.rise for w in waves))


@pytest.mark.parametrize(("rate", "noise"), [(500, 0.02), (100, 0.02), (1000, 0.05)])
def test_intervals_are_the_simulators(rate, noise):
    errors = []
    for seed in range(8):
        given, beats = simulated(seed, "normal", rate, noise)
        found = measure(given)
        truth = {
            "rate_bpm": 60 / float(np.diff([b.at for b in beats]).mean()),
            "pr_ms": 1000 * float(np.median([b.pr for b in beats])),
            "qrs_ms": qrs_ms(beats[0]),
            "qt_ms": 1000 * float(np.median([b.qt for b in beats])),
        }
        assert found.lead == "II"
        errors.append([getattr(found, k) - v for k, v in truth.items()])
        assert found.qtc_bazett_ms == pytest.approx(found.qt_ms * (found.rate_bpm / 60) ** 0.5)
        assert found.qtc_fridericia_ms == pytest.approx(found.qt_ms * (found.rate_bpm / 60) ** (1 / 3))
    worst = np.abs(errors).max(0)
    LOG.info(f"{rate} Hz: worst errors of rate, PR, QRS, QT: {worst.round(1)}; mean {np.mean(errors, 0).round(1)}")
    assert (worst <= [3, 10, 12, 10]).all()
    assert (np.abs(np.mean(errors, 0)) <= [1, 4, 6, 4]).all()


def test_atrial_fibrillation_has_no_pr():
    found = [measure(simulated(seed, "atrial_fibrillation")[0]) for seed in range(8)]
    assert sum(m.pr_ms is None for m in found) >= 7
    assert all(any("PR isn't measurable" in r for r in m.remarks) for m in found if m.pr_ms is None)
    assert not any(s.kind == "P" for m in found if m.pr_ms is None for s in m.segments)
    assert sum(m.qrs_ms is not None for m in found) >= 7
    assert all(m.rate_bpm for m in found)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "known"),
    [
        # measured by the recorder and by a reader on its averaged beat, in the file's own annotations
        (
            "hl7_aecg/example_aecg.xml",
            {"pr_ms": (148, 12), "qrs_ms": (120, 12), "qt_ms": (420, 20), "qtc_bazett_ms": (443, 20)},
        ),
        ("muse_dicom_synthetic/synthetic_muse.xml", {"rate_bpm": (72, 1)}),
    ],
)
def test_intervals_are_near_a_recorders_own(data, name, known):
    found = measure(read({"a": (data / "wfdb_samples" / name).read_bytes()})[0].input)
    for field, (value, within) in known.items():
        assert getattr(found, field) == pytest.approx(value, abs=within), field


def annotated(atr: bytes) -> Iterator[int]:
    """Samples of the beats in a WFDB annotation file (annot(5), MIT format)."""
    at, i = 0, 0
    while i + 2 <= len(atr):
        (word,) = struct.unpack_from("<H", atr, i)
        code, low = word >> 10, word & 0x3FF
        i += 2
        if code == 59:  # SKIP: a long interval follows, its high half first
            high, rest = struct.unpack_from("<hH", atr, i)
            at += (high << 16) + rest
            i += 4
        elif code == 63:  # AUX: a text
            i += low + low % 2
        elif code < 50:
            if code == low == 0:
                return
            at += low
            if code in BEATS:
                yield at


@pytest.mark.data
@pytest.mark.slow
def test_beats_of_mitbih_are_found(data):
    """The first five minutes of each record."""
    hits = false = missed = 0
    for header in sorted((data / "mitbih").glob("*.hea")):
        given = signal_of(header)
        n = int(300 * given.rate_hz)
        found = np.array(measure(replace(given, samples=given.samples[:, :n])).r_peaks)
        truth = np.array([b for b in annotated(header.with_suffix(".atr").read_bytes()) if b < n])
        near = np.abs(found[:, None] - truth[None]) <= WINDOW_S * given.rate_hz
        hits += int(near.any(0).sum())
        missed += int((~near.any(0)).sum())
        false += int((~near.any(1)).sum())
    sensitivity, predictivity = hits / (hits + missed), hits / (hits + false)
    LOG.info(f"{hits + missed} beats: sensitivity {sensitivity:.4f}, positive predictivity {predictivity:.4f}")
    assert hits + missed > 7000
    assert sensitivity > 0.97
    assert predictivity > 0.98


def signal_of(header: Path) -> Signal:
    files = {p.name: p.read_bytes() for p in (header, header.with_suffix(".dat"))}
    found = read(files)[0].input
    assert isinstance(found, Signal)
    return found


@pytest.mark.data
def test_half_an_hour_is_measured_whole(data):
    found = measure(signal_of(data / "mitbih" / "101.hea"))
    assert len(found.r_peaks) == pytest.approx(1865, abs=10)
    assert found.r_peaks[-1] > 640_000
    assert max(s.end for s in found.segments) < 40 * 360


def test_segments_lie_in_order_and_within_the_beats():
    given, _beats = simulated(3)
    found = measure(given)
    kinds = [s.kind for s in found.segments]
    assert {k: kinds.count(k) for k in set(kinds)} == dict.fromkeys(("P", "QRS", "ST", "T"), len(found.r_peaks)) or (
        min(kinds.count(k) for k in ("P", "QRS", "ST", "T")) >= len(found.r_peaks) - 2
    )
    for a, b in zip(found.segments, found.segments[1:], strict=False):
        assert a.start < a.end <= b.start + 2
    for r in found.r_peaks[1:-1]:
        assert any(s.kind == "QRS" and s.start <= r < s.end for s in found.segments)


def test_the_average_beat_has_its_r_peak_where_it_says():
    given, _beats = simulated(4)
    beat = measure(given).beat
    assert beat.leads == LEADS
    assert beat.samples.shape == (12, round(0.9 * 500))
    ii = beat.samples[LEADS.index("II")]
    assert int(np.argmax(ii)) == pytest.approx(beat.r_index, abs=3)
    i, iii = (beat.samples[LEADS.index(n)] for n in ("I", "III"))
    np.testing.assert_allclose(i + iii, ii, atol=0.05)


def same(a: Measurement, b: Measurement) -> bool:
    return (a.rate_bpm, a.pr_ms, a.qrs_ms, a.qt_ms) == (b.rate_bpm, b.pr_ms, b.qrs_ms, b.qt_ms)


def test_einthoven_by_the_residual():
    given, _beats = simulated(5)
    assert measure(given).einthoven_mv == pytest.approx(0, abs=1e-4)
    samples = given.samples.copy()
    samples[2] *= 1.5
    wrong = replace(given, samples=samples)
    assert measure(wrong).einthoven_mv == pytest.approx(float(np.std(samples[2]) / 3), rel=0.05)
    assert measure(replace(given, samples=samples[3:], leads=LEADS[3:], units=("mV",) * 9)).einthoven_mv is None


@pytest.mark.parametrize(
    "given",
    [
        Signal(np.zeros((1, 5000), np.float32), 500.0, ("I",), ("mV",)),
        Signal(np.full((1, 5000), np.nan, np.float32), 500.0, ("I",), ("mV",)),
        Signal(np.ones((1, 13), np.float32), 500.0, ("II",), ("mV",)),
        Signal(np.sin(np.arange(5000, dtype=np.float32))[None], 500.0, ("resp",), ("mmHg",)),
        Signal(np.sin(np.arange(500, dtype=np.float32))[None], 50.0, ("I",), ("mV",)),
        Signal(np.sin(np.arange(5000, dtype=np.float32) / 800)[None], 500.0, ("I",), ("mV",)),
        Signal(np.random.default_rng(0).normal(0, 0.3, (2, 3000)).astype(np.float32), 300.0, ("I", "II"), ("mV",) * 2),
    ],
    ids=["flat", "not recorded", "short", "no ECG", "slow", "wander", "noise"],
)
def test_what_cannot_be_measured_says_so(given):
    found = measure(given)
    assert found.remarks or found.pr_ms is not None
    if found.lead == "":
        assert found.rate_bpm is found.beat is None
        assert "Nothing can be measured" in found.remarks[0]
    assert found.as_json()["lead"] == found.lead


def test_flat_leads_and_gaps_leave_the_rest_measurable():
    given, _beats = simulated(6)
    samples = given.samples.copy()
    samples[[1, 7, 9]] = 0
    part = measure(replace(given, samples=samples))
    assert part.lead == "V5"
    assert set(part.beat.leads) == set(LEADS) - {"II", "V2", "V4"}
    samples = given.samples.copy()
    samples[:, 2000:2600] = np.nan
    gap = measure(replace(given, samples=samples))
    whole = measure(given)
    assert gap.rate_bpm == pytest.approx(whole.rate_bpm, rel=0.05)
    assert gap.qrs_ms == pytest.approx(whole.qrs_ms, abs=10)
    assert not any(2050 < r < 2550 for r in gap.r_peaks)


@pytest.mark.parametrize("rate", [2000, 249.89])
def test_other_rates_give_the_same_intervals(rate):
    given, _beats = simulated(7, rate=rate)
    at_500 = measure(simulated(7)[0])
    found = measure(given)
    assert found.rate_bpm == pytest.approx(at_500.rate_bpm, abs=2)
    assert found.qt_ms == pytest.approx(at_500.qt_ms, abs=15)
    assert found.qrs_ms == pytest.approx(at_500.qrs_ms, abs=10)
