"""12-lead ECGs with a diagnosis: what was put into the dipole is the truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from medcore.datasets.sample import Sample
from medcore.inputs import Input, Signal
from medcore.inputs.signal import LEADS
from medcore.simulate import findings, noise, rhythm
from medcore.simulate.dipole import ELECTRODE_MATRIX, ELECTRODES
from medcore.simulate.ecg import moving_dipole, recorded
from medcore.simulate.seeds import case_seeds, facts

CLASSES = ("normal", "infarction", "st_t_change", "conduction", "hypertrophy")
ABNORMAL = 0.55  # share of ECGs with a finding
SHARES = (0.3, 0.28, 0.27, 0.15)  # of the first finding of those
COUNTS = (0.7, 0.23, 0.07)  # of those with one, two, three findings
CHEST = np.array([0.78, 0.78, 1.2])  # leftwards, to the feet, to the back


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong with a heart; nothing, unless told.

    infarct: one of findings.TERRITORIES; stage: "acute", "recent" or "old"; size: 0.3 small to 1 large
    block: one of findings.BLOCKS; change: one of findings.CHANGES
    gain: how much higher than usual the left ventricle's QRS is (1.4 to 2.2); strain: whether ST and T turn against it
    """

    infarct: str | None = None
    stage: str = "old"
    size: float = 0.8
    block: str | None = None
    change: str | None = None
    gain: float | None = None
    strain: bool = False

    @property
    def truth(self) -> list[int]:
        """A row of 0 and 1 in the order of CLASSES; strain is a change of ST and T too."""
        changed = self.change is not None or (self.gain is not None and self.strain)
        there = [self.infarct is not None, changed, self.block is not None, self.gain is not None]
        return [int(not any(there)), *map(int, there)]

    def applied(self, rng: np.random.Generator, heart: rhythm.Heart) -> rhythm.Heart:
        """The heart with it. The infarct comes last: muscle that is dead stays so in a blocked or thick ventricle."""
        if self.gain is not None:
            heart = findings.hypertrophy(rng, heart, self.gain, self.strain)
        if self.block is not None:
            heart = findings.conduction(rng, heart, self.block)
        if self.change is not None:
            heart = findings.repolarisation(rng, heart, self.change)
        if self.infarct is not None:
            heart = findings.infarction(rng, heart, self.infarct, self.stage, self.size)
        return heart


def twelve_leads(
    seed: int,
    diagnosis: Diagnosis | None = None,
    rate_hz: float = 500,
    seconds: float = 10,
    bpm: float | None = None,
    noise_mv: float | None = None,
    axis_deg: float | None = None,
    leads: Sequence[str] = LEADS,
) -> Signal:
    """A resting ECG in sinus rhythm, in mV, of a heart with that diagnosis; other arguments as in `ecg.ecg`.

    Each patient's chest differs: the electrodes see the dipole by Dower's matrix with 12 % of change in each entry, and
    by CHEST, which brings the leads to the heights that adults' ECGs have, with 15 % of change in each direction.
    """
    rng = np.random.default_rng(seed)
    age, female = float(np.clip(rng.normal(60, 16), 18, 95)), bool(rng.random() < 0.5)
    n = round(seconds * rate_hz)
    heart = rhythm.draw_heart(rng, axis_deg)
    heart = (diagnosis or Diagnosis()).applied(np.random.default_rng([seed, 2]), heart)
    beating = rhythm.normal(rng, heart, seconds, rate_hz, bpm)
    chest = ELECTRODE_MATRIX * (1 + 0.12 * rng.standard_normal(ELECTRODE_MATRIX.shape))
    chest = chest * CHEST * np.exp(0.15 * rng.standard_normal(3))
    electrodes = chest @ moving_dipole(rng, beating, n, rate_hz)
    disturbance = 0.5 * noise.everyday(rng, len(ELECTRODES), n, rate_hz)  # lying still, with glued electrodes
    return recorded(electrodes, disturbance, noise_mv, rate_hz, leads, facts(age, female, modality="ECG"))


def draw_diagnosis(rng: np.random.Generator) -> Diagnosis:
    """None in 45 of 100, else one to three findings."""
    if rng.random() > ABNORMAL:
        return Diagnosis()
    count = int(rng.choice([1, 2, 3], p=COUNTS))
    found = {CLASSES[1 + int(i)] for i in rng.choice(4, count, replace=False, p=SHARES)}
    thick = "hypertrophy" in found
    return Diagnosis(
        infarct=str(rng.choice([*findings.TERRITORIES])) if "infarction" in found else None,
        stage=str(rng.choice(["acute", "recent", "old"], p=[0.25, 0.3, 0.45])),
        size=float(rng.uniform(0.35, 1.0)),
        block=str(rng.choice(findings.BLOCKS)) if "conduction" in found else None,
        change=str(rng.choice(findings.CHANGES)) if "st_t_change" in found and not thick else None,
        gain=float(rng.uniform(1.4, 2.2)) if thick else None,
        strain="st_t_change" in found or bool(rng.random() < 0.3),
    )


def electrocardiograms(n: int, seed: int) -> list[Sample]:
    """n ECGs of data set "simulated_ecg", input "ecg" (12 leads, 250 Hz, 10 s), target a row as in CLASSES."""
    samples = []
    for case in case_seeds(n, seed):
        diagnosis = draw_diagnosis(np.random.default_rng([case, 1]))
        name = f"{case:016d}"
        samples.append(Sample("simulated_ecg", name, name, partial(_load, case, diagnosis), diagnosis.truth))
    return samples


def _load(case: int, diagnosis: Diagnosis) -> dict[str, Input]:
    return {"ecg": twelve_leads(case, diagnosis, rate_hz=250)}
