"""What a chest film's own pixels say of how it was taken: turned, inverted, cut, photographed, not frontal.

Three linear templates on a thumbnail (film.json), fitted on half of the patients of the chest films by
tests/measure/fit_film.py; thresholds are set on the same half. tests/measure/test_film.py measures on the other half
how often a real film is flagged wrongly and how many altered ones are found. A lateral film is only suspected, because
no set here has one: it is whatever resembles a frontal chest film less than nearly all real ones do, any way up.
"""

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from medcore.inputs import Image
from medcore.inputs.image import colourfulness

SIDE = 20
FINE = 320  # pixels a side are more than enough for a thumbnail
MODALITIES = ("", "CR", "DX", "RG", "XR", "RF", "OT", "SC")
TURNED = 5.0  # by how much another way up must score higher; a cut film seldom does
CHEST = 5.0  # what a film must score, some way up, to be told that it is turned or inverted
FRONTAL = 2.5  # below this, any way up, it hardly is a frontal chest film
CUT_SIDE, CUT_BELOW = 0.0, 2.0
COLOUR = 0.01
MOIRE = 3.2  # the 1,957 real films reach 2.6


@dataclass(frozen=True)
class Look:
    """turned: degrees clockwise by which the film was turned (0, 90, 180, 270). lateral: only if no view is named."""

    turned: int = 0
    inverted: bool = False
    cut: bool = False
    photographed: bool = False
    lateral: bool = False


def look(given: Image) -> Look | None:
    """None where the input isn't a chest film by what it says of itself, or is a colour picture."""
    if given.facts.get("modality", "") not in MODALITIES or given.facts.get("body_part", "CHEST") != "CHEST":
        return None
    tint = colourfulness(given.pixels)
    if tint > 6 * COLOUR or min(given.pixels.shape[:2]) < SIDE:
        return None
    picture = thumbnail(given)
    scores = [_score("upright", np.rot90(picture, k)) for k in range(4)]
    photographed = tint > COLOUR or moire(given.pixels) > MOIRE
    best, worst = int(np.argmax(scores)), int(np.argmin(scores))
    if scores[best] > CHEST and scores[best] - scores[0] > TURNED and scores[best] > -scores[worst]:
        # rot90 turns counter-clockwise: what undoes the film's own turn is as much clockwise
        return Look(turned=90 * best, photographed=photographed)
    if worst == 0 and -scores[0] > CHEST and -scores[0] > scores[best]:
        return Look(inverted=True, photographed=photographed)
    if scores[best] < FRONTAL:
        return Look(lateral=not given.facts.get("view"), photographed=photographed)
    side = max(_score("side", picture), _score("side", picture[:, ::-1]))
    return Look(cut=side > CUT_SIDE or _score("below", picture) > CUT_BELOW, photographed=photographed)


def thumbnail(given: Image) -> np.ndarray:
    """(SIDE, SIDE) float32, dense structures high, mean 0 and standard deviation 1."""
    from PIL import Image as Pillow

    step = max(1, min(given.pixels.shape[:2]) // FINE)
    seen = replace(given, pixels=given.pixels[::step, ::step])
    picture = Pillow.fromarray(np.ascontiguousarray(seen.brightness()))
    small = np.asarray(picture.resize((SIDE, SIDE), Pillow.Resampling.BOX), np.float32)
    small = small - small.mean()
    return np.asarray(small / max(float(small.std()), 1e-6))


@cache
def _templates() -> dict[str, tuple[np.ndarray, float]]:
    stored = json.loads(Path(__file__).with_suffix(".json").read_text())
    return {k: (np.array(v["weights"], np.float32).reshape(SIDE, SIDE), float(v["level"])) for k, v in stored.items()}


def _score(name: str, picture: np.ndarray) -> float:
    weights, level = _templates()[name]
    return float((weights * picture).sum()) + level


def moire(pixels: np.ndarray) -> float:
    """How far the sharpest line in the spectrum stands above what is usual at its fineness, in natural logarithms.

    The dots of a screen beat with those of a camera, which gives a fine regular pattern that no film has. Looked at in
    the middle 512 pixels; slow changes and lines that are upright or level (grids, borders) are passed over.
    """
    from scipy.fft import rfft2  # keeps 32 bits, as numpy's does not

    rows, columns = pixels.shape[:2]
    n = min(512, rows, columns)
    top, left = (rows - n) // 2, (columns - n) // 2
    part = pixels[top : top + n, left : left + n].astype(np.float32)
    part = part if part.ndim == 2 else part.mean(2)
    window = np.hanning(n).astype(np.float32)
    strength = np.abs(rfft2((part - part.mean()) * window[:, None] * window)).ravel() + 1e-6
    found = (strength[ring] for ring in _rings(n))
    return max((float(np.log(v.max() / np.median(v))) for v in found), default=0.0)


@cache
def _rings(n: int) -> list[np.ndarray]:
    """Where in the spectrum of n × n pixels what is equally fine stands, a ring each."""
    down, across = np.abs(np.fft.fftfreq(n))[:, None], np.fft.rfftfreq(n)[None]
    fineness = np.hypot(down, across)
    seen = np.flatnonzero((fineness > 0.08) & (fineness < 0.5) & (down > 0.02) & (across > 0.02))
    if len(seen) < 200:
        return []
    ring = (fineness.ravel()[seen] * 40).astype(np.int64)
    rings = [seen[ring == k] for k in np.unique(ring)]
    return [r for r in rings if len(r) > 20]
