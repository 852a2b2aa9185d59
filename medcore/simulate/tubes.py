"""Bones and vessels of the chest: solid tubes, sampled as points that each hold a share of the volume.

Millimetres of an adult, axes as in `medcore.simulate.anatomy`.
"""

import math
from dataclasses import dataclass

import numpy as np

from medcore.simulate.anatomy import Build, Rng, cage_half

GOLDEN = math.pi * (3 - math.sqrt(5))


@dataclass(frozen=True)
class Points:
    """`at` (n, 3) in mm, `weight` (n,) excess HU · mm³ over what surrounds the tube."""

    at: np.ndarray
    weight: np.ndarray

    @staticmethod
    def joined(parts: "list[Points]") -> "Points":
        return Points(np.concatenate([p.at for p in parts]), np.concatenate([p.weight for p in parts]))


def _bone(
    path: np.ndarray, half: tuple[float, float], upright: np.ndarray, hu: tuple[float, float], dense: int
) -> Points:
    """A bone along `path` (k, 3): an ellipse of half axes `half` (along `upright`, and across), shell and core of `hu`.

    `dense` points a step of 1 mm, turned by the golden angle from step to step so that they never line up.
    """
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    s = np.arange(0.5, length[-1], 1.0)
    middle = np.stack([np.interp(s, length, path[:, i]) for i in range(3)], 1)
    along = np.gradient(middle, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    n = upright - along * (along @ upright)[:, None]
    n /= np.linalg.norm(n, axis=1, keepdims=True)
    across = np.cross(along, n)
    i = np.arange(dense)
    r = np.sqrt((i + 0.5) / dense)
    turn = i * GOLDEN + (np.arange(len(s)) * 2.399 * 0.618)[:, None]
    a, b = half[0] * r * np.cos(turn), half[1] * r * np.sin(turn)
    jitter = (((np.arange(len(s))[:, None] * 0.754877 + i * 0.569840) % 1) - 0.5)[..., None] * along[:, None]
    at = middle[:, None] + a[..., None] * n[:, None] + b[..., None] * across[:, None] + jitter
    volume = math.pi * half[0] * half[1] / dense
    weight = np.broadcast_to(np.where(r > 0.80, hu[0], hu[1]) * volume, a.shape)
    return Points(at.reshape(-1, 3), weight.reshape(-1))


def ribs(build: Build, rng: Rng) -> list[Points]:
    """Twelve pairs: from the spine round the side, falling, to the cartilage in front."""
    out = []
    drop = build.rib_drop
    for k in range(12):
        first = (112 - 21.5 * k) * build.height
        end = (1.9, 2.2, 2.35, 2.4, 2.42, 2.4, 2.35, 2.2, 2.1, 1.95, 1.35, 0.95)[k] + 0.04 * float(rng.normal())
        fall = (22, 48, 62, 70, 76, 80, 84, 88, 90, 90, 55, 38)[k] * drop * build.height
        turn = np.linspace(0.20, end, 60)
        part = (turn - 0.20) / (2.4 - 0.20)
        bow = 3 * float(rng.normal())
        z = first + 5 * np.sin(np.pi * np.clip(part * 4, 0, 1)) - fall * part**1.15
        wide, deep = cage_half(build, np.minimum(z, (104 - 6 * (k == 0)) * build.height))
        wide, deep = wide + 4, deep + 4
        for sign in (-1, 1):
            x = sign * np.maximum(wide * np.sin(turn) + bow * part, 20)
            path = np.stack([x, -deep * np.cos(turn), z], 1)
            half = (5.4 + 0.6 * (2 < k < 9), 3.5) if k else (7.0, 3.0)
            out.append(_bone(path, half, np.array([0.0, 0, 1]), (2800 * build.bone, 450 * build.bone), 60))
    return out


def _line(*corners: tuple[float, float, float]) -> np.ndarray:
    """(40, 3) a smooth curve through the corners."""
    c = np.array(corners, float)
    t, u = np.linspace(0, 1, len(c)), np.linspace(0, 1, 40)
    fine = np.stack([np.interp(u, t, c[:, i]) for i in range(3)], 1)
    kernel = np.hanning(11) / np.hanning(11).sum()
    padded = np.concatenate([np.repeat(fine[:1], 5, 0), fine, np.repeat(fine[-1:], 5, 0)])
    return np.stack([np.convolve(padded[:, i], kernel, "valid") for i in range(3)], 1)


def shoulders(build: Build, rng: Rng, supine: bool) -> list[Points]:
    """Clavicles, scapulae and the upper ends of the arms."""
    out = []
    up, side = np.array([0.0, 0, 1]), np.array([1.0, 0, 0])
    hard, soft = (2500 * build.bone, 420 * build.bone), (900 * build.bone, 450 * build.bone)
    w, lift = build.width, float(rng.normal(8 if supine else 0, 4)) * build.height
    inner = 100.0 if supine else 114.0  # the arms forward, for a PA film, draw the shoulder blades off the lungs
    for sign in (-1, 1):

        def line(*corners: tuple[float, float, float], sign: int = sign) -> np.ndarray:
            return _line(*((sign * x * w, y, z * build.height + lift) for x, y, z in corners))

        collar = line((16, 52, 86), (50, 56, 94), (100, 22, 110), (146, 4, 114), (166, -6, 111))
        out.append(_bone(collar, (6.2, 5.4), up, hard, 64))
        out.append(
            _bone(line((inner - 6, -88, 100), (inner, -96, 40), (inner + 22, -88, -28)), (1.5, 3.0), side, soft, 16)
        )
        out.append(_bone(line((inner + 22, -88, -28), (150, -66, 34), (164, -42, 78)), (3.6, 4.0), side, soft, 24))
        out.append(_bone(line((inner, -92, 82), (145, -72, 104), (176, -30, 116)), (5.0, 3.5), up, soft, 30))
        out.append(_bone(line((inner + 12, -90, -10), (138, -80, 40), (148, -70, 92)), (23.0, 2.0), side, soft, 90))
        out.append(_bone(line((160, -38, 64), (165, -34, 92)), (6.0, 8.0), side, soft, 44))
        head = line((186, -18, 112), (187, -18, 98), (188, -18, 84), (194, -14, 62))
        out.append(_bone(head, (21.0, 20.0), side, (700 * build.bone, 220 * build.bone), 160))
        shaft = line((190, -14, 70), (206, -10, 0), (228, -8, -150))
        out.append(_bone(shaft, (11.0, 11.0), side, (2000 * build.bone, 30.0), 70))
    return out


def spine(build: Build) -> list[Points]:
    """Pedicles, spinous and transverse processes; the bodies belong to the soft volume."""
    out = []
    pitch = 23.5 * build.height
    for k in range(-9, 9):
        z = (k + 0.5) * pitch
        for sign in (-1, 1):
            turn = np.linspace(0, 2 * np.pi, 24)
            ring = np.stack([sign * 13 + 4 * np.cos(turn), np.full(24, -74.0), z + 3 + 6 * np.sin(turn)], 1)
            out.append(_bone(ring, (1.3, 5.0), np.array([0.3, 0, 1.0]), (900 * build.bone, 700 * build.bone), 10))
            side = _line((sign * 14, -80, z + 2), (sign * 24, -86, z + 3), (sign * 32, -88, z + 5))
            out.append(_bone(side, (4.0, 3.5), np.array([0.0, 0, 1.0]), (1000 * build.bone, 300 * build.bone), 24))
        back = _line((0, -84, z), (0, -98, z - 10), (0, -104, z - 16))
        out.append(_bone(back, (3.0, 5.0), np.array([1.0, 0, 0]), (1100 * build.bone, 500 * build.bone), 24))
    out.append(
        _bone(_line((0, 84, 62), (0, 92, 0), (0, 96, -60)), (17.0, 5.0), np.array([1.0, 0, 0]), (300.0, 110.0), 90)
    )
    return out


def vessels(build: Build, rng: Rng, generations: int = 6) -> tuple[Points, Points]:
    """Arteries and veins of both lungs, and the bronchi beside the arteries (for air within consolidation).

    From each hilum a tree that forks in two: radius × 0.77, length × 0.8, and a random turn.
    """
    blood, bronchi = [], []
    for sign in (-1, 1):
        n = 17
        fan = np.linspace(-1.35, 1.3, n) + 0.12 * rng.standard_normal(n)
        start = np.stack([sign * (30 + 5 * rng.random(n)), -8 + 10 * rng.standard_normal(n), 12 + 16 * np.sin(fan)], 1)
        start[:, 2] *= build.height
        course = np.stack([sign * np.cos(fan), 0.55 * rng.standard_normal(n), np.sin(fan) - 0.15], 1)
        radius, length = (
            np.where(np.sin(fan) < 0.2, 3.5, 2.8) * rng.uniform(0.8, 1.15, n),
            27 * rng.uniform(0.7, 1.3, n),
        )
        for _ in range(generations):
            course /= np.linalg.norm(course, axis=1, keepdims=True)
            end = start + course * length[:, None] * build.height
            blood.append(_threads(rng, start, end, radius))
            bronchi.append(_threads(rng, start + 2.5 * radius[:, None], end + 2.5 * radius[:, None], 0.75 * radius))
            start, course = (
                np.repeat(end, 2, 0),
                np.repeat(course, 2, 0) + 0.36 * rng.standard_normal((2 * len(end), 3)),
            )
            radius = np.repeat(radius, 2) * rng.uniform(0.66, 0.88, 2 * len(end))
            length = np.repeat(length, 2) * rng.uniform(0.62, 0.98, 2 * len(end))
        hilum = _line((sign * 26, -6, 28), (sign * 34, -8, 10), (sign * 32, -10, -14))
        blood.append(_bone(hilum, (7.0, 8.0), np.array([1.0, 0, 0]), (850.0, 850.0), 60))
    return Points.joined(blood), Points.joined(bronchi)


def _threads(rng: Rng, start: np.ndarray, end: np.ndarray, radius: np.ndarray) -> Points:
    """Thin tubes between (n, 3) places, slightly bent, of excess 850 HU against air-filled lung."""
    steps, ring = 24, 4
    u = (np.arange(steps) + 0.5) / steps
    bend = (rng.standard_normal((len(start), 1, 3)) * 0.06) * (np.sin(np.pi * u)[:, None])
    length = np.linalg.norm(end - start, axis=1)
    middle = start[:, None] + (end - start)[:, None] * u[:, None] + bend * length[:, None, None]
    offset = rng.uniform(-1, 1, (len(start), steps, ring, 3)) * (0.78 * radius[:, None, None, None])
    at = middle[:, :, None] + offset
    weight = np.broadcast_to((850 * np.pi * radius**2 * length / (steps * ring))[:, None, None], at.shape[:3])
    return Points(at.reshape(-1, 3), weight.reshape(-1))
