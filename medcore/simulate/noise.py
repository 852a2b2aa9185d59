"""What else an ECG electrode picks up: breathing, the mains, muscle, movement, and skin that lets go.

Noise arises at each electrode, so that leads that share one share its noise. All in mV.
"""

import numpy as np

Rng = np.random.Generator


def shaped(rng: Rng, count: int, n: int, rate_hz: float, low: float, high: float, slope: float = 0.0) -> np.ndarray:
    """(count, n) random signals of root mean square 1 within low..high Hz, amplitude falling by frequency^slope."""
    hertz = np.fft.rfftfreq(n, 1 / rate_hz)
    inside = (hertz >= low) & (hertz <= min(high, rate_hz / 2))
    if not inside.any():
        inside[1] = True
    weight = np.where(inside, np.maximum(hertz, 1e-3) ** -slope, 0)
    spectrum = weight * (rng.standard_normal((count, len(hertz))) + 1j * rng.standard_normal((count, len(hertz))))
    out = np.fft.irfft(spectrum, n)
    return np.asarray(out / np.sqrt((out**2).mean(1, keepdims=True)))


def _bursts(rng: Rng, count: int, n: int, rate_hz: float, strength: float) -> np.ndarray:
    """(count, n) slowly changing positive gain of mean about 1; strength 0 is even, 1 comes in bursts."""
    gain = np.exp(strength * shaped(rng, count, n, rate_hz, 0.03, 0.6))
    return np.asarray(gain / gain.mean(1, keepdims=True))


def _bumps(rng: Rng, n: int, rate_hz: float, times: np.ndarray, mv: float) -> np.ndarray:
    """(n,) a finger that moves: lone swings of 0.1 to 0.5 s, some there and back."""
    t = np.arange(n) / rate_hz
    out = np.zeros(n)
    for at in times:
        u = (t - at) / rng.uniform(0.07, 0.3)
        out += mv * rng.standard_normal() * np.exp(-0.5 * u * u) * (1.6 * u if rng.random() < 0.5 else 1.0)
    return out


def _pops(rng: Rng, n: int, rate_hz: float, times: np.ndarray, mv: float) -> np.ndarray:
    """(n,) an electrode that jumps and creeps back."""
    t = np.arange(n) / rate_hz
    out = np.zeros(n)
    for at in times:
        out += (
            mv
            * rng.standard_normal()
            * np.where(t >= at, np.exp(-np.clip(t - at, 0, None) / rng.uniform(0.05, 0.6)), 0)
        )
    return out


def everyday(rng: Rng, count: int, n: int, rate_hz: float) -> np.ndarray:
    """(count, n) what every recording has: wander, breath, mains, muscle, movement now and then, settling at first."""
    seconds = n / rate_hz
    t = np.arange(n) / rate_hz
    breath = np.sin(2 * np.pi * rng.uniform(0.18, 0.35) * t + rng.uniform(0, 2 * np.pi))
    hum = np.sin(2 * np.pi * rng.choice([50, 60]) * t + rng.uniform(0, 2 * np.pi)) * (rate_hz > 121)
    quiet = float(rng.lognormal(0.1, 0.65))
    out = 0.07 * quiet * shaped(rng, count, n, rate_hz, 0.05, 1.5, 1.0)
    out += 0.010 * quiet * shaped(rng, count, n, rate_hz, 0.5, 12, 0.7)
    out += 0.05 * rng.standard_normal((count, 1)) * breath
    out += 0.004 * rng.standard_normal((count, 1)) * hum
    out += (
        float(rng.lognormal(np.log(0.005), 0.8))
        * shaped(rng, count, n, rate_hz, 12, 110)
        * _bursts(rng, count, n, rate_hz, 0.7)
    )
    for row in out:
        row += _bumps(rng, n, rate_hz, rng.uniform(0, seconds, rng.poisson(0.05 * seconds)), 0.16)
        row += _bumps(rng, n, rate_hz, rng.exponential(0.7, rng.poisson(2)), 0.3)
        row += 0.4 * rng.standard_normal() * np.exp(-t / rng.uniform(0.2, 0.7))
    return out


def unreadable(rng: Rng, count: int, n: int, rate_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """(count, n) noise that hides the heart for most of the time, and (n,) how much of the heart still gets through."""
    seconds = n / rate_hz
    out, through = np.zeros((count, n)), np.full(n, float(rng.uniform(0.25, 1.0)))
    kinds = rng.choice(
        ["motion", "muscle", "pops", "contact"], rng.integers(1, 3), replace=False, p=[0.45, 0.2, 0.15, 0.2]
    )
    size = float(rng.lognormal(0, 0.35))
    if "motion" in kinds:
        gain = _bursts(rng, count, n, rate_hz, 0.6)
        out += (
            size
            * gain
            * (0.45 * shaped(rng, count, n, rate_hz, 0.3, 4, 0.9) + 0.10 * shaped(rng, count, n, rate_hz, 3, 25, 0.8))
        )
    if "muscle" in kinds:
        out += size * 0.13 * shaped(rng, count, n, rate_hz, 5, 100, 0.5) * _bursts(rng, count, n, rate_hz, 0.5)
    if "pops" in kinds:
        for row in out:
            row += _pops(rng, n, rate_hz, rng.uniform(0, seconds, rng.poisson(1.2 * seconds) + 3), 0.7 * size)
    if "contact" in kinds:
        touch = shaped(rng, 1, n, rate_hz, 0.03, 0.4)[0] > 0.3
        through = np.where(touch, through, 0.03)
        out += np.where(touch, 0.25, 0.05) * size * shaped(rng, count, n, rate_hz, 0.4, 15, 0.9)
        for row in out:
            row += _pops(rng, n, rate_hz, np.flatnonzero(np.diff(touch)) / rate_hz, 1.0)
    return out, through


def recorder(samples: np.ndarray, rate_hz: float, low: float, high: float) -> np.ndarray:
    """(leads, n) through the recorder's own high-pass `low` and low-pass `high` in Hz, causal as in the device."""
    from scipy.signal import butter, lfilter

    b, a = butter(1, low, "high", fs=rate_hz)
    out = lfilter(b, a, samples, axis=1)
    if high < rate_hz / 2:
        b, a = butter(2, high, "low", fs=rate_hz)
        out = lfilter(b, a, out, axis=1)
    return np.asarray(out)
