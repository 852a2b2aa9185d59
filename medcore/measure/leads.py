"""What the leads of an ECG say of their electrodes: noise, electrodes off, Einthoven's law, cables that were swapped.

Thresholds were set on the public CinC 2017 strips (150 Hz) and PTB-XL (12 leads, 100 Hz); tests/measure/test_quality.py
gives what they catch and how often they are wrong.
"""

from dataclasses import dataclass

import numpy as np

from medcore.inputs import Signal
from medcore.inputs.signal import lead_name

FLAT_MV = 0.01
OFF_SECONDS = 1.0
NOISE_MV = 0.03
WANDER_MV = 0.7


@dataclass(frozen=True)
class Trace:
    """How one lead in mV looks.

    recorded: share of the samples that are there; span_mv: between its 1st and 99th percentile
    off_seconds: that it stands still; noise_mv: root mean square of what is faster than 40 ms, in the quietest quarter
    of its stretches of 0.2 s (so without the QRS); wander_mv: change of the baseline in half a second, 90th percentile
    """

    recorded: float
    span_mv: float
    off_seconds: float
    noise_mv: float
    wander_mv: float

    @property
    def flat(self) -> bool:
        return self.recorded == 0 or self.span_mv < FLAT_MV

    @property
    def noisy(self) -> bool:
        return self.noise_mv > NOISE_MV or self.wander_mv > WANDER_MV


def millivolt_rows(given: Signal) -> dict[str, int]:
    """Row of each lead in mV by its usual name; of several rows of one name the first, as `SignalField` reads it."""
    rows: dict[str, int] = {}
    for i, (name, unit) in enumerate(zip(given.leads, given.units, strict=True)):
        if unit == "mV":
            rows.setdefault(lead_name(name), i)
    return rows


def moving_mean(y: np.ndarray, samples: float) -> np.ndarray:
    """(n,) mean over an odd number of samples about each."""
    k = max(1, int(samples) | 1)
    total = np.cumsum(np.pad(y, (k // 2 + 1, k // 2), mode="edge"))
    return np.asarray((total[k:] - total[:-k]) / k)


def filled(y: np.ndarray) -> np.ndarray:
    """(n,) float64 with gaps bridged by straight lines; zeros where nothing was recorded."""
    there = np.isfinite(y)
    if not there.any():
        return np.zeros(len(y))
    at = np.arange(len(y))
    return np.asarray(np.interp(at, at[there], y[there].astype(np.float64)))


def look(y: np.ndarray, rate_hz: float) -> Trace:
    """One lead (n,) in mV."""
    good = y[np.isfinite(y)].astype(np.float64)
    window = int(0.2 * rate_hz)
    if len(good) < 5 * window or window < 4:
        span = float(np.ptp(good)) if len(good) else 0.0
        return Trace(len(good) / max(1, len(y)), span, 0.0, 0.0, 0.0)
    low, high = np.percentile(good, [1, 99])
    base = moving_mean(good, 0.6 * rate_hz)
    beats = good - base
    fast = _windows(beats - moving_mean(beats, 0.04 * rate_hz), window)
    steps = np.abs(np.diff(base[:: int(0.5 * rate_hz)]))
    return Trace(
        recorded=len(good) / len(y),
        span_mv=float(high - low),
        off_seconds=_still(good, rate_hz),
        noise_mv=float(np.percentile(np.sqrt((fast**2).mean(1)), 25)),
        wander_mv=float(np.percentile(steps, 90)) if len(steps) else 0.0,
    )


def _windows(y: np.ndarray, window: int) -> np.ndarray:
    n = len(y) // window
    return y[: n * window].reshape(n, window)


def _still(y: np.ndarray, rate_hz: float) -> float:
    """Seconds in which it moves by less than 5 µV for a second or longer."""
    still = np.ptp(_windows(y, int(0.5 * rate_hz)), axis=1) < 0.005
    edges = np.flatnonzero(np.diff(np.concatenate([[0], still.astype(int), [0]])))
    return sum(0.5 * float(b - a) for a, b in zip(edges[::2], edges[1::2], strict=True) if 0.5 * (b - a) >= OFF_SECONDS)


def einthoven_mv(given: Signal) -> float | None:
    """Root mean square of I + III - II in mV, each lead less its median; None where one of them is missing."""
    rows = millivolt_rows(given)
    if not {"I", "II", "III"} <= rows.keys():
        return None
    i, ii, iii = (given.samples[rows[n]].astype(np.float64) for n in ("I", "II", "III"))
    rest = i + iii - ii
    rest = rest[np.isfinite(rest)]
    return float(np.sqrt(np.mean((rest - np.median(rest)) ** 2))) if len(rest) else None


def swapped(given: Signal) -> str:
    """Which limb cables look swapped: "arms", "right arm and leg", "left arm and leg", or "".

    After Batchvarov VN, Malik M, Camm AJ, Europace 2007;9:1081-1090. Arms: lead I is upside down (its QRS points
    down) against V6, which it should resemble; a heart on the right side does the same. An arm and the neutral
    electrode of the right leg: the lead between the two legs is nearly flat, II for the right arm and III for the left.
    """
    rows = millivolt_rows(given)
    if not {"I", "II", "III"} <= rows.keys():
        return ""
    waves = {n: _waves(given.samples[r], given.rate_hz) for n, r in rows.items()}
    size = {n: float(np.ptp(np.percentile(waves[n], [0.5, 99.5]))) for n in ("I", "II", "III")}
    if min(size["I"], size["III"]) > FLAT_MV and size["II"] < 0.1 * max(size["I"], size["III"]):
        return "right arm and leg"
    if min(size["I"], size["II"]) > FLAT_MV and size["III"] < 0.1 * max(size["I"], size["II"]):
        return "left arm and leg"
    if "V6" not in rows:
        return ""
    return "arms" if _points(waves["I"]) < 0 and _alike(waves["I"], waves["V6"]) < -0.5 else ""


def _waves(y: np.ndarray, rate_hz: float) -> np.ndarray:
    z = filled(y)
    return np.asarray(z - moving_mean(z, 0.6 * rate_hz))


def _points(y: np.ndarray) -> float:
    """Above 0 where the tallest waves point up: the third moment, which the QRS dominates."""
    return float((y**3).mean())


def _alike(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation."""
    size = float(np.sqrt((a * a).mean() * (b * b).mean()))
    return float((a * b).mean()) / size if size > 0 else 0.0
