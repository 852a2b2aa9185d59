"""The heart as one moving dipole: waves in, electrode potentials and leads out.

Each wave of the ECG (P, Q, R, S, T …) is a Gaussian in time of a fixed direction (McSharry PE et al., IEEE Trans Biomed
Eng 2003;50:289-294; the three components as in Sameni R et al., EURASIP J Adv Signal Process 2007:043407). The chest is
Dower's matrix (Dower GE et al., J Electrocardiol 1980;13:27-31). Axes: x to the patient's left, y to the feet, z to the
back; mV. A territory or a block later is a change of waves; nothing else has to know of it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from medcore.inputs.signal import DOWER

ELECTRODES = ("RA", "LA", "LL", "V1", "V2", "V3", "V4", "V5", "V6")
_I, _II = np.array(DOWER["I"]), np.array(DOWER["II"])
# (9 electrodes, 3): potentials against the mean of the three limbs
ELECTRODE_MATRIX = np.array(
    [-(_I + _II) / 3, (2 * _I - _II) / 3, (2 * _II - _I) / 3, *(DOWER[f"V{i}"] for i in range(1, 7))]
)
_LIMBS = {
    "I": (-1, 1, 0),
    "II": (-1, 0, 1),
    "III": (0, -1, 1),
    "aVR": (1, -0.5, -0.5),
    "aVL": (-0.5, 1, -0.5),
    "aVF": (-0.5, -0.5, 1),
}
# what each of the 12 leads takes of each electrode: noise added to electrodes keeps I + III = II
LEAD_WEIGHTS: dict[str, np.ndarray] = {
    **{name: np.array([*w, 0, 0, 0, 0, 0, 0], float) for name, w in _LIMBS.items()},
    **{f"V{i}": np.array([-1 / 3] * 3 + [float(i == j) for j in range(1, 7)]) for i in range(1, 7)},
}


@dataclass(frozen=True)
class Wave:
    """at: time of its top in s; rise, fall: standard deviations before and after it in s; dipole: (x, y, z) in mV."""

    at: float
    rise: float
    fall: float
    dipole: tuple[float, float, float]

    def moved(self, by: float, gain: float = 1.0, stretch: float = 1.0) -> "Wave":
        """Stretched in time about 0, then `by` seconds later, `gain` times as high."""
        x, y, z = self.dipole
        return replace(
            self,
            at=self.at * stretch + by,
            rise=self.rise * stretch,
            fall=self.fall * stretch,
            dipole=(x * gain, y * gain, z * gain),
        )


def frontal(angle_deg: float, mv: float, back_mv: float = 0.0) -> tuple[float, float, float]:
    """The dipole that limb leads show at `angle_deg` (0° = lead I, 90° = aVF) and `mv`, with `back_mv` to the back."""
    angle = math.radians(angle_deg)
    # two equations: lead I = mv cos, aVF = mv sin · √3/2 (aVF is recorded short by that factor)
    lead_i, avf = _I, _II - _I / 2
    want = [mv * math.cos(angle), mv * math.sin(angle) * math.sqrt(3) / 2]
    x, y = np.linalg.solve(np.array([lead_i[:2], avf[:2]]), want)
    return float(x), float(y), back_mv


def render(waves: Sequence[Wave], n: int, rate_hz: float) -> np.ndarray:
    """(3, n) dipole in mV: the sum of the waves."""
    dipole = np.zeros((3, n))
    for wave in waves:
        first = max(0, int((wave.at - 4 * wave.rise) * rate_hz))
        last = min(n, int((wave.at + 4 * wave.fall) * rate_hz) + 1)
        if first < last:
            t = np.arange(first, last) / rate_hz - wave.at
            shape = np.exp(-0.5 * (t / np.where(t < 0, wave.rise, wave.fall)) ** 2)
            dipole[:, first:last] += np.array(wave.dipole)[:, None] * shape
    return dipole


def potentials(dipole: np.ndarray) -> np.ndarray:
    """(9, n) electrode potentials in mV of a (3, n) dipole."""
    return np.asarray(ELECTRODE_MATRIX @ dipole)


def to_leads(electrodes: np.ndarray, leads: Sequence[str]) -> np.ndarray:
    """(leads, n) of (9, n) electrode potentials."""
    return np.asarray(np.stack([LEAD_WEIGHTS[lead] for lead in leads]) @ electrodes)
