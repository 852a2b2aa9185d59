"""What infarction, conduction block, hypertrophy and disturbed repolarisation do to the waves of a heart.

Textbook rules (Surawicz B et al., Circulation 2009;119:e235-e261, "AHA/ACCF/HRS recommendations", parts III to VI;
Thygesen K et al., Circulation 2018;138:e618-e651) as changes of the dipole: dead muscle no longer pulls the first
40 ms towards itself, injured muscle pulls the ST segment, a blocked branch leaves its side for the end of the QRS,
thick muscle pulls longer and harder. Axes: x to the patient's left, y to the feet, z to the back; mV and s.
"""

from dataclasses import replace

import numpy as np

from medcore.simulate.dipole import Wave, frontal
from medcore.simulate.rhythm import Heart

Rng = np.random.Generator
Dipole = tuple[float, float, float]
# where the wall of each territory lies, seen from the middle of the heart
TERRITORIES: dict[str, Dipole] = {
    "inferior": (-0.1, 0.95, 0.1),
    "anteroseptal": (-0.1, 0.0, -1.0),
    "anterior": (0.5, 0.1, -0.85),
    "lateral": (0.95, -0.25, 0.1),
    "inferolateral": (0.6, 0.75, 0.3),
    "posterior": (0.1, 0.35, 0.95),
}
BLOCKS = ("left", "right", "left_anterior", "av_1", "nonspecific")
CHANGES = ("flat_t", "inverted_t", "st_depression")


def _towards(wall: Dipole, mv: float) -> Dipole:
    x, y, z = (mv * v / float(np.linalg.norm(wall)) for v in wall)
    return x, y, z


def _less(dipole: Dipole, wall: Dipole, share: float) -> Dipole:
    """The dipole with `share` of what points to the wall taken off."""
    d, w = np.array(dipole), np.array(wall) / np.linalg.norm(wall)
    x, y, z = (float(v) for v in d - share * max(0.0, float(d @ w)) * w)
    return x, y, z


def infarction(rng: Rng, heart: Heart, territory: str, stage: str, size: float) -> Heart:
    """Q waves away from the territory and less R towards it; then by stage: "acute" ST towards it (0.1 to 0.4 mV),
    "recent" T away from it, "old" Q alone. size: 0.3 small, 1 large."""
    wall = TERRITORIES[territory]
    # the first third of the QRS loses most; later waves, however many, little
    shares = [size * share for share in (1.0, 0.6, *([0.2] * len(heart.qrs)))]
    lost = [replace(w, dipole=_less(w.dipole, wall, share)) for w, share in zip(heart.qrs, shares, strict=False)]
    q = Wave(-0.022, 0.011, 0.012, _towards(wall, -0.55 * size * heart.r_mv))
    t = list(heart.t)
    if stage == "acute":
        mv = size * float(rng.uniform(0.15, 0.4))
        t += [Wave(-0.15, 0.05, 0.06, _towards(wall, mv)), Wave(-0.04, 0.06, 0.05, _towards(wall, 0.8 * mv))]
    elif stage == "recent":
        turned = size * float(rng.uniform(0.25, 0.55))
        t += [Wave(0.0, 0.05, 0.045, _towards(wall, -turned))]
    return replace(heart, qrs=(q, *lost), t=tuple(t))


def left_block(rng: Rng, heart: Heart) -> Heart:
    """QRS of 0.13 s and more, notched, to the left and back; ST and T against it."""
    a, r, wide = heart.axis, heart.r_mv, float(rng.uniform(0.9, 1.2))
    qrs = (
        Wave(-0.012, 0.020 * wide, 0.018 * wide, frontal(a - 5, 0.75 * r, 0.5 * r)),
        Wave(0.035 * wide, 0.018 * wide, 0.022 * wide, frontal(a - 25, 0.8 * r, 0.6 * r)),
    )
    t = (
        Wave(-0.1, 0.05, 0.05, frontal(a + 170, 0.12 * r, -0.2 * r)),
        Wave(0.0, 0.06, 0.045, frontal(a + 170, 0.3 * r, -0.35 * r)),
    )
    return replace(heart, qrs=qrs, t=t, pr=heart.pr + 0.015, qtc=heart.qtc + 0.03)


def right_block(rng: Rng, heart: Heart, share: float = 1.0) -> Heart:
    """A broad end of the QRS to the right and front (R' in V1, S in I and V6); share under 1 is incomplete."""
    angle, mv = heart.axis + float(rng.uniform(130, 170)), 0.5 * share * heart.r_mv
    end = Wave(0.040 + 0.020 * share, 0.014 + 0.006 * share, 0.014 + 0.010 * share, frontal(angle, mv, -1.2 * mv))
    t = Wave(0.0, 0.05, 0.045, (0.0, 0.0, 0.15 * share))
    return replace(heart, qrs=(*heart.qrs, end), t=(*heart.t, t), qtc=heart.qtc + 0.02 * share)


def left_anterior_block(rng: Rng, heart: Heart) -> Heart:
    """Axis between -45° and -75°: first down and right (q in aVL, r in II), then up and left, a little late."""
    axis, r = float(rng.uniform(-75, -45)), heart.r_mv
    qrs = (
        replace(heart.qrs[0], dipole=frontal(axis + 165, 0.25 * r, -0.2 * r)),
        Wave(0.004, 0.011, 0.013, frontal(axis, r, 0.2 * r)),
        Wave(0.032, 0.010, 0.014, frontal(axis - 20, 0.4 * r, 0.35 * r)),
    )
    return replace(heart, qrs=qrs, axis=axis)


def conduction(rng: Rng, heart: Heart, block: str) -> Heart:
    """One of BLOCKS; "av_1" is a PR of 0.22 to 0.30 s, "nonspecific" a QRS stretched by a quarter to a half; one right
    block in two is incomplete."""
    if block == "nonspecific":
        stretch = float(rng.uniform(1.25, 1.5))
        return replace(heart, qrs=tuple(w.moved(0.0, 0.9, stretch) for w in heart.qrs), qtc=heart.qtc + 0.02)
    if block == "av_1":
        return replace(heart, pr=float(rng.uniform(0.22, 0.30)))
    if block == "right":
        return right_block(rng, heart, float(rng.choice([0.55, 1.0])))
    return {"left": left_block, "left_anterior": left_anterior_block}[block](rng, heart)


def hypertrophy(rng: Rng, heart: Heart, gain: float, strain: bool) -> Heart:
    """Left ventricle: QRS `gain` times as high (1.4 to 2.2), more to the left and back and a little wider; with strain
    ST and T turn against it."""
    qrs = [w.moved(0.0, gain, 1.06) for w in heart.qrs]
    x, y, z = qrs[1].dipole
    qrs[1] = replace(qrs[1], dipole=(x + 0.25 * heart.r_mv * gain, y, z + 0.35 * heart.r_mv * gain))
    t = heart.t
    if strain:
        mv = float(rng.uniform(0.2, 0.4)) * gain
        t = tuple(w.moved(0.0, 0.4) for w in heart.t)
        t += (
            Wave(-0.09, 0.05, 0.05, (-0.25 * mv, -0.05 * mv, -0.1 * mv)),
            Wave(0.0, 0.055, 0.04, (-mv, -0.2 * mv, -0.3 * mv)),
        )
    return replace(heart, qrs=tuple(qrs), t=t, r_mv=heart.r_mv * gain)


def repolarisation(rng: Rng, heart: Heart, change: str) -> Heart:
    """One of CHANGES, with a QT a little longer or shorter."""
    if change == "flat_t":
        t = tuple(w.moved(0.0, float(rng.uniform(0.05, 0.35))) for w in heart.t)
    elif change == "inverted_t":
        wall = TERRITORIES[str(rng.choice(["anterior", "lateral", "inferolateral"]))]
        turned = Wave(0.0, 0.055, 0.045, _towards(wall, -float(rng.uniform(0.3, 0.6))))
        t = (*(w.moved(0.0, 0.5) for w in heart.t), turned)
    else:
        wall = TERRITORIES[str(rng.choice(["lateral", "inferolateral", "anterior"]))]
        mv = -float(rng.uniform(0.08, 0.2))
        t = (*(w.moved(0.0, 0.6) for w in heart.t), Wave(-0.15, 0.05, 0.06, _towards(wall, mv)))
    return replace(heart, t=t, qtc=heart.qtc + float(rng.uniform(-0.02, 0.04)))
