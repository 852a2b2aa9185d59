"""ECGs of a moving dipole: rhythm, rate, noise and axis as arguments, truth known."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from medcore.datasets.sample import Sample
from medcore.inputs import Input, Signal
from medcore.simulate import noise
from medcore.simulate.dipole import ELECTRODES, potentials, render, to_leads
from medcore.simulate.rhythm import RHYTHMS, Rhythm, draw_heart
from medcore.simulate.seeds import case_seeds, facts

CLASSES = ("normal", "atrial_fibrillation", "other", "too_noisy")
SHARES = (0.37, 0.14, 0.44, 0.05)
HANDHELD, CLINICAL = (0.5, 40.0), (0.05, 150.0)


def ecg(
    seed: int,
    rhythm: str = "normal",
    rate_hz: float = 300,
    seconds: float = 30,
    bpm: float | None = None,
    noise_mv: float | None = None,
    axis_deg: float | None = None,
    leads: Sequence[str] = ("I",),
) -> Signal:
    """An ECG in mV.

    rhythm: "normal", "atrial_fibrillation", "other" (one of `rhythm.OTHER`) or "too_noisy"
    bpm: mean ventricular rate a minute (the sinus node's, where early beats come in between), drawn if None
    noise_mv: root mean square of the noise in lead I before the recorder's filter, drawn if None; 0 leaves it clean
    axis_deg: of the QRS in the frontal plane, drawn around 45° if None
    leads: any of the twelve; one alone is recorded as a handheld device does (0.5 to 40 Hz), more as on a clinical
        cardiograph (0.05 to 150 Hz). All come of one dipole and one set of electrodes, so II = I + III to rounding.
    """
    rng = np.random.default_rng(seed)
    age, female = float(np.clip(rng.normal(60, 16), 18, 95)), bool(rng.random() < 0.5)
    n = round(seconds * rate_hz)
    heart = draw_heart(rng, axis_deg)
    beneath = str(rng.choice(CLASSES[:3])) if rhythm == "too_noisy" else rhythm
    beating = RHYTHMS[beneath](rng, heart, seconds, rate_hz, bpm)
    electrodes = potentials(moving_dipole(rng, beating, n, rate_hz))
    disturbance = noise.everyday(rng, len(ELECTRODES), n, rate_hz)
    if rhythm == "too_noisy":
        more, through = noise.unreadable(rng, len(ELECTRODES), n, rate_hz)
        electrodes, disturbance = electrodes * through, disturbance + more
    return recorded(electrodes, disturbance, noise_mv, rate_hz, leads, facts(age, female, modality="ECG"))


def recorded(
    electrodes: np.ndarray,
    disturbance: np.ndarray,
    noise_mv: float | None,
    rate_hz: float,
    leads: Sequence[str],
    known: Mapping[str, str],
) -> Signal:
    """The leads of (9, n) electrode potentials and what disturbs them, through the recorder's filter; for `noise_mv`
    and `leads` see `ecg`."""
    if noise_mv is not None:
        disturbance *= noise_mv / to_leads(disturbance, ("I",)).std()
    samples = to_leads(electrodes + disturbance, leads)
    samples = noise.recorder(samples, rate_hz, *(HANDHELD if len(leads) == 1 else CLINICAL))
    return Signal(
        samples=samples.astype(np.float32),
        rate_hz=float(rate_hz),
        leads=tuple(leads),
        units=("mV",) * len(leads),
        facts=known,
    )


def moving_dipole(rng: np.random.Generator, rhythm: Rhythm, n: int, rate_hz: float) -> np.ndarray:
    """(3, n) in mV; breathing moves the heart and with it the height of all waves."""
    breath, depth, phase = rng.uniform(0.2, 0.33), rng.uniform(0.01, 0.08), rng.uniform(0, 2 * np.pi)
    waves = []
    for beat in rhythm.beats:
        gain = 1 + depth * np.sin(2 * np.pi * breath * beat.at + phase) + 0.02 * rng.standard_normal()
        waves += beat.waves(float(gain))
    dipole = render(waves, n, rate_hz)
    return dipole if rhythm.atria is None else dipole + rhythm.atria


def strips(n: int, seed: int) -> list[Sample]:
    """n handheld strips of data set "simulated_strip", input "ecg" (lead I, 300 Hz), target the index in CLASSES.

    Seven in ten last 30 s, the others 9 to 61 s, whatever the class; one in ten was held the other way round.
    """
    samples = []
    for case in case_seeds(n, seed):
        rng = np.random.default_rng([case, 1])
        target = int(rng.choice(len(CLASSES), p=SHARES))
        seconds = 30.0 if rng.random() < 0.7 else round(float(rng.uniform(9, 61)), 2)
        axis = float(np.clip(rng.normal(40, 28), -40, 100)) + (180 if rng.random() < 0.1 else 0)
        name = f"{case:016d}"
        load = partial(_load, case, CLASSES[target], seconds, axis)
        samples.append(Sample("simulated_strip", name, name, load, target))
    return samples


def _load(case: int, rhythm: str, seconds: float, axis: float) -> dict[str, Input]:
    return {"ecg": ecg(case, rhythm, seconds=seconds, axis_deg=axis)}
