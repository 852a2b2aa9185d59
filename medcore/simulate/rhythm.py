"""When a heart beats and how each beat looks: the rhythms of `medcore.simulate.ecg`.

Times are in s, amplitudes in mV of the frontal plane. Intervals: PR 0.12-0.20 s, QRS about 0.09 s, QT = QTc · RR^(1/3)
(Fridericia) on a running mean of RR, because repolarisation follows the rate slowly.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from medcore.simulate.dipole import Wave, frontal

Rng = np.random.Generator


@dataclass(frozen=True)
class Heart:
    """One person's waves. P about the top of P, QRS about the R peak, T about the top of T at a QT of 0.4 s."""

    p: tuple[Wave, ...]
    qrs: tuple[Wave, ...]
    t: tuple[Wave, ...]
    pr: float
    qtc: float
    axis: float
    r_mv: float


@dataclass(frozen=True)
class Beat:
    """One beat: R peak `at`, P before it by `pr` (none where pr is None), `qrs` may be empty (a P not conducted)."""

    at: float
    pr: float | None
    p: tuple[Wave, ...]
    qrs: tuple[Wave, ...]
    t: tuple[Wave, ...]
    qt: float

    def waves(self, gain: float) -> list[Wave]:
        out = [w.moved(self.at - self.pr + 0.01, gain) for w in self.p] if self.pr is not None else []
        if self.qrs:
            stretch = self.qt / 0.4
            top = self.at - 0.04 + self.qt - 0.09 * stretch
            out += [w.moved(self.at, gain) for w in self.qrs]
            out += [w.moved(top, gain, stretch) for w in self.t]
        return out


@dataclass(frozen=True)
class Rhythm:
    """Beats in order of time, and what the atria do in between: (3, n) in mV or None."""

    beats: tuple[Beat, ...]
    atria: np.ndarray | None = None


def draw_heart(rng: Rng, axis_deg: float | None) -> Heart:
    """A healthy heart; its QRS axis is about 45° unless given."""
    axis = float(np.clip(rng.normal(45, 22), -25, 95)) if axis_deg is None else axis_deg
    r = float(rng.lognormal(np.log(1.15), 0.3))
    t_mv, t_angle = float(rng.lognormal(np.log(0.32), 0.45)), axis + float(rng.normal(0, 15))
    p_mv, p_angle = float(rng.lognormal(np.log(0.11), 0.3)), 55 + (axis - 45 if abs(axis - 45) > 90 else 0.0)
    width = float(rng.normal(1.1, 0.1))
    septal, late = float(rng.uniform(0.0, 0.1)), float(rng.uniform(0.05, 0.55))
    st = frontal(t_angle, 0.10 * t_mv, -0.03)
    return Heart(
        p=(
            Wave(-0.012, 0.020, 0.020, frontal(p_angle + 15, 0.6 * p_mv, -0.05)),
            Wave(0.018, 0.020, 0.022, frontal(p_angle - 15, 0.6 * p_mv, 0.05)),
        ),
        qrs=(
            Wave(-0.026 * width, 0.007, 0.008, frontal(axis + 160, septal * r, -0.22 * r)),
            Wave(0.0, 0.0105 * width, 0.010 * width, frontal(axis, r, 0.25 * r)),
            Wave(0.026 * width, 0.009 * width, 0.012 * width, frontal(axis - 140, late * r, 0.45 * r)),
        ),
        t=(
            Wave(-0.105, 0.035, 0.035, st),
            Wave(0.0, 0.055, 0.040, frontal(t_angle, t_mv, -0.18)),
        ),
        pr=float(np.clip(rng.normal(0.155, 0.018), 0.12, 0.2)),
        qtc=float(np.clip(rng.normal(0.405, 0.015), 0.36, 0.44)),
        axis=axis,
        r_mv=r,
    )


def sinus_times(rng: Rng, seconds: float, bpm: float) -> np.ndarray:
    """Times of a sinus node's firing: respiratory (0.2-0.33 Hz), slower (0.1 Hz) and wandering swings of the interval.

    Together they stay under a coefficient of variation of 0.1; they shrink at high rates.
    """
    calm = min(1.0, (75 / bpm) ** 2)
    breath, slow = rng.uniform(0.2, 0.33), rng.uniform(0.07, 0.13)
    depth, depth_slow = calm * rng.uniform(0.008, 0.06), calm * rng.uniform(0.005, 0.03)
    phase, phase_slow = rng.uniform(0, 2 * np.pi, 2)
    rr = 60 / bpm
    times, drift = [0.0], 0.0
    while times[-1] < seconds + 5 * rr:
        t = times[-1]
        drift = 0.9 * drift + calm * 0.007 * rng.standard_normal()
        swing = depth * np.sin(2 * np.pi * breath * t + phase) + depth_slow * np.sin(2 * np.pi * slow * t + phase_slow)
        times.append(t + rr * (1 + swing + drift + 0.006 * rng.standard_normal()))
    ticks = np.array(times)
    return np.asarray(ticks * rr * (len(ticks) - 1) / ticks[-1] - rr * (1 + rng.random()))


def _qt(heart: Heart, rr: np.ndarray) -> np.ndarray:
    """QT of each beat from the intervals before it, the latest counting most."""
    mean = np.empty_like(rr)
    level = rr[: min(4, len(rr))].mean()
    for i, r in enumerate(rr):
        level += 0.25 * (r - level)
        mean[i] = level
    return np.asarray(np.clip(heart.qtc * np.cbrt(mean), 0.22, 0.52))


def _beats(heart: Heart, times: np.ndarray, pr: float | None) -> list[Beat]:
    rr = np.diff(times, prepend=2 * times[0] - times[1])
    qt = _qt(heart, rr)
    return [Beat(float(t), pr, heart.p, heart.qrs, heart.t, float(q)) for t, q in zip(times, qt, strict=True)]


def _pr_at(heart: Heart, bpm: float) -> float:
    """PR shortens a little with the rate."""
    return float(np.clip(heart.pr - 0.0004 * (bpm - 70), 0.11, 0.2))


def normal(rng: Rng, heart: Heart, seconds: float, rate_hz: float, bpm: float | None) -> Rhythm:
    """Sinus rhythm, 52 to 98 a minute unless told."""
    rate = float(np.clip(rng.normal(72, 11), 52, 98)) if bpm is None else bpm
    return Rhythm(tuple(_beats(heart, sinus_times(rng, seconds, rate), _pr_at(heart, rate))))


def fibrillation(rng: Rng, heart: Heart, seconds: float, rate_hz: float, bpm: float | None) -> Rhythm:
    """Intervals without order (coefficient of variation 0.17-0.33, skewed to long ones), no P, f waves of 4-9 Hz."""
    rate = float(np.clip(rng.normal(92, 22), 50, 160)) if bpm is None else bpm
    spread = rng.uniform(0.17, 0.33) * min(1.0, (110 / rate) ** 0.5)
    n = int((seconds + 2) * rate / 60) + 3
    skewed = np.exp(0.4 * rng.standard_normal(n))
    rr = 60 / rate * (1 + spread * (skewed - skewed.mean()) / skewed.std())
    rr = np.maximum(rr, 0.29)
    times = np.cumsum(rr * (60 / rate) / rr.mean()) - 1
    f_mv = float(rng.lognormal(np.log(0.045), 0.5))
    return Rhythm(tuple(_beats(heart, times, None)), _f_waves(rng, round(seconds * rate_hz), rate_hz, f_mv))


def _f_waves(rng: Rng, n: int, rate_hz: float, mv: float) -> np.ndarray:
    """(3, n): two fronts of wandering frequency and height; largest in V1, as the right atrium lies beneath it."""
    t = np.arange(n) / rate_hz
    out = np.zeros((3, n))
    for share in (0.75, 0.4):
        wander = np.interp(t, np.arange(0, t[-1] + 2, 0.7), rng.normal(0, 0.45, int((t[-1] + 2) / 0.7) + 1))
        hertz = np.clip(rng.uniform(4.8, 7.8) + wander, 4, 9)
        phase = 2 * np.pi * np.cumsum(hertz) / rate_hz + rng.uniform(0, 2 * np.pi)
        height = 1 + 0.45 * np.interp(t, np.arange(0, t[-1] + 2, 1.3), rng.normal(0, 1, int((t[-1] + 2) / 1.3) + 1))
        wave = np.sin(phase) + 0.35 * np.sin(2 * phase + rng.uniform(0, 2 * np.pi))
        out += np.array(frontal(rng.uniform(-10, 100), share * mv, -1.2 * share * mv))[:, None] * height * wave
    return out


def _ectopic(rng: Rng, heart: Heart) -> tuple[tuple[Wave, ...], tuple[Wave, ...]]:
    """QRS (0.14 s and wider) and T of a beat that starts in a ventricle; T points the other way."""
    axis, mv = heart.axis + float(rng.uniform(70, 250)), heart.r_mv * float(rng.uniform(0.9, 1.6))
    back = float(rng.uniform(-0.7, 0.7)) * mv
    width = float(rng.uniform(0.85, 1.2))
    qrs = (
        Wave(-0.01, 0.026 * width, 0.022 * width, frontal(axis, 0.75 * mv, back)),
        Wave(0.035 * width, 0.018 * width, 0.032 * width, frontal(axis + 35, 0.55 * mv, 0.4 * back)),
    )
    t = (
        Wave(-0.09, 0.05, 0.05, frontal(axis + 180, 0.15 * mv, -0.1 * back)),
        Wave(0.0, 0.065, 0.048, frontal(axis + 180, 0.4 * mv, -0.4 * back)),
    )
    return qrs, t


def _early(rng: Rng, n: int) -> list[int]:
    """Which beats are followed by an early one: every second, every third, or now and then (at least one in 12)."""
    pattern = rng.choice(["bigeminy", "trigeminy", "isolated"], p=[0.12, 0.13, 0.75])
    if pattern == "isolated":
        count = max(2, round(n * rng.uniform(0.08, 0.2)))
        return sorted(
            int(i) for i in rng.choice(np.arange(2, max(4, n - 2), 2), min(count, (n - 3) // 2), replace=False)
        )
    return list(range(2, n - 2, 2 if pattern == "bigeminy" else 3))


def ventricular_premature(rng: Rng, heart: Heart, seconds: float, rate_hz: float, bpm: float | None) -> Rhythm:
    """Wide early beats without P; the sinus node keeps its time, so a full pause follows."""
    rate = float(np.clip(rng.normal(73, 10), 52, 98)) if bpm is None else bpm
    beats = _beats(heart, sinus_times(rng, seconds, rate), _pr_at(heart, rate))
    qrs, t = _ectopic(rng, heart)
    coupling = rng.uniform(0.55, 0.72)
    for i in _early(rng, len(beats)):
        rr = beats[i + 1].at - beats[i].at
        at = beats[i].at + rr * (coupling + 0.015 * rng.standard_normal())
        beats[i + 1] = Beat(float(at), None, (), qrs, t, float(np.clip(1.1 * beats[i].qt, 0.3, 0.5)))
    return Rhythm(tuple(beats))


def atrial_premature(rng: Rng, heart: Heart, seconds: float, rate_hz: float, bpm: float | None) -> Rhythm:
    """Narrow early beats with a P of another shape; they reset the sinus node, so the pause is short of full."""
    rate = float(np.clip(rng.normal(74, 11), 52, 98)) if bpm is None else bpm
    times = sinus_times(rng, seconds, rate)
    early = _early(rng, len(times))
    coupling, reset = rng.uniform(0.55, 0.75), rng.uniform(0.95, 1.15)
    rr = np.diff(times)
    for i in early:
        rr[i] *= coupling + 0.04 * rng.standard_normal()
        rr[i + 1] *= reset
    moved = times[0] + np.concatenate([[0.0], np.cumsum(rr)])
    beats = _beats(heart, moved, _pr_at(heart, rate))
    angle = rng.uniform(-110, 20)
    other = tuple(Wave(w.at, w.rise, w.fall, frontal(angle, 0.07, w.dipole[2])) for w in heart.p)
    for i in early:
        b = beats[i + 1]
        beats[i + 1] = Beat(b.at, heart.pr * rng.uniform(0.85, 1.15), other, b.qrs, b.t, b.qt)
    return Rhythm(tuple(beats))


def bradycardia(rng: Rng, heart: Heart, seconds: float, rate_hz: float, bpm: float | None) -> Rhythm:
    """Sinus rhythm under 50 a minute."""
    return normal(rng, heart, seconds, rate_hz, float(rng.uniform(36, 49)) if bpm is None else bpm)


def tachycardia(rng: Rng, heart: Heart, seconds: float, rate_hz: float, bpm: float | None) -> Rhythm:
    """Sinus rhythm over 100 a minute."""
    return normal(rng, heart, seconds, rate_hz, float(rng.uniform(104, 145)) if bpm is None else bpm)


def av_block_1(rng: Rng, heart: Heart, seconds: float, rate_hz: float, bpm: float | None) -> Rhythm:
    """First degree: every PR is 0.23 to 0.32 s."""
    rate = float(np.clip(rng.normal(68, 9), 50, 90)) if bpm is None else bpm
    return Rhythm(tuple(_beats(heart, sinus_times(rng, seconds, rate), float(rng.uniform(0.23, 0.32)))))


def wenckebach(rng: Rng, heart: Heart, seconds: float, rate_hz: float, bpm: float | None) -> Rhythm:
    """Second degree, type I: PR grows until a P isn't conducted."""
    rate = float(rng.uniform(66, 90)) if bpm is None else bpm
    cycle, first, step = int(rng.integers(3, 6)), rng.uniform(0.17, 0.22), rng.uniform(0.09, 0.15)
    beats = []
    for i, b in enumerate(_beats(heart, sinus_times(rng, seconds, rate), None)):
        k = i % cycle
        pr = float(first + step * sum(0.5**j for j in range(k)))
        conducted = k < cycle - 1
        beats.append(Beat(b.at + pr, pr, b.p, b.qrs if conducted else (), b.t, b.qt))
    return Rhythm(tuple(beats))


def bundle_branch(rng: Rng, heart: Heart, seconds: float, rate_hz: float, bpm: float | None) -> Rhythm:
    """Sinus rhythm with a QRS of 0.13 s and more: left (broad, notched, T against it) or right (broad end)."""
    rate = float(np.clip(rng.normal(74, 11), 52, 98)) if bpm is None else bpm
    a, r = heart.axis, heart.r_mv
    qrs: tuple[Wave, ...]
    t: tuple[Wave, ...]
    if rng.random() < 0.5:
        qrs = (
            Wave(-0.012, 0.020, 0.018, frontal(a - 5, 0.75 * r, 0.5 * r)),
            Wave(0.035, 0.018, 0.022, frontal(a - 25, 0.8 * r, 0.6 * r)),
        )
        t = (
            Wave(-0.1, 0.05, 0.05, frontal(a + 170, 0.12 * r, -0.2 * r)),
            Wave(0.0, 0.06, 0.045, frontal(a + 170, 0.3 * r, -0.35 * r)),
        )
    else:
        end = Wave(0.060, 0.020, 0.024, frontal(a + float(rng.uniform(130, 170)), 0.5 * r, -0.6 * r))
        qrs, t = (*heart.qrs, end), heart.t
    wide = Heart(heart.p, qrs, t, heart.pr + 0.015, heart.qtc + 0.03, a, r)
    return Rhythm(tuple(_beats(wide, sinus_times(rng, seconds, rate), wide.pr)))


def flutter(rng: Rng, heart: Heart, seconds: float, rate_hz: float, bpm: float | None) -> Rhythm:
    """Saw-tooth atria at 240 to 320 a minute, every second, third or fourth conducted."""
    ratio = int(rng.choice([2, 3, 4], p=[0.35, 0.15, 0.5])) if bpm is None else int(np.clip(round(290 / bpm), 1, 8))
    atrial = float(rng.uniform(240, 320)) / 60 if bpm is None else bpm * ratio / 60
    times = np.arange(-1.0 - rng.uniform(0, 1), seconds + 2, ratio / atrial)
    times = times + 0.004 * rng.standard_normal(len(times))
    phase = atrial * np.arange(round(seconds * rate_hz)) / rate_hz + rng.uniform(0, 1)
    saw = sum(np.sin(2 * np.pi * k * phase) / k**1.3 for k in (1, 2, 3))
    mv = rng.uniform(0.07, 0.14)
    atria = np.array(frontal(rng.uniform(-110, -50) if rng.random() < 0.5 else 15, mv, -0.05))[:, None] * saw
    return Rhythm(tuple(_beats(heart, times, None)), atria)


Maker = Callable[[Rng, Heart, float, float, float | None], Rhythm]
# the "other" rhythms: share among them, and the rates for which each may be asked
OTHER: dict[str, tuple[float, tuple[float, float], Maker]] = {
    "ventricular_premature": (0.24, (45, 110), ventricular_premature),
    "atrial_premature": (0.28, (45, 110), atrial_premature),
    "bradycardia": (0.10, (20, 52), bradycardia),
    "tachycardia": (0.12, (100, 220), tachycardia),
    "av_block_1": (0.07, (40, 110), av_block_1),
    "wenckebach": (0.04, (50, 100), wenckebach),
    "bundle_branch": (0.08, (45, 130), bundle_branch),
    "flutter": (0.07, (60, 180), flutter),
}


def other(rng: Rng, heart: Heart, seconds: float, rate_hz: float, bpm: float | None) -> Rhythm:
    """One of the rhythms that are neither normal nor fibrillation, by their shares among those that fit the rate."""
    fit = {n: share for n, (share, (low, high), _) in OTHER.items() if bpm is None or low <= bpm <= high}
    names, shares = list(fit), np.array(list(fit.values()))
    chosen = names[int(rng.choice(len(names), p=shares / shares.sum()))]
    return OTHER[chosen][2](rng, heart, seconds, rate_hz, bpm)


RHYTHMS: dict[str, Maker] = {"normal": normal, "atrial_fibrillation": fibrillation, "other": other}
