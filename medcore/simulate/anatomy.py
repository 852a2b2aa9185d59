"""A small three-dimensional chest in Hounsfield units.

Soft parts, lungs and air are a function of position (`hounsfield`); bones and vessels, too thin for a coarse grid, are
solid tubes (`medcore.simulate.tubes`). A film sums both along its rays; a CT could sample the same on a grid.

Millimetres; x to the patient's left, y to the front, z up; the origin lies in the middle of the chest at carina level.
All sizes are an adult's and are scaled by `Build.scale`.
"""

import math
from dataclasses import dataclass

import numpy as np

Rng = np.random.Generator
ZONES = ("right_upper", "right_mid", "right_lower", "left_upper", "left_mid", "left_lower")
SOFT, FAT, BLOOD, AIR = 40.0, -95.0, 45.0, -990.0


@dataclass(frozen=True)
class Build:
    """One person's measures, as factors of, or mm added to, the usual adult.

    scale: of everything; width, depth, height: of the chest; heart: of the heart's size; fat_mm: under the skin
    domes: height of the right and left dome of the diaphragm; rib_drop: how steeply ribs fall
    lung: HU of aerated lung; breast: size of breast shadows (0 none); bone: mineral content; arms: seen at the sides
    """

    scale: float
    width: float
    depth: float
    height: float
    heart: float
    fat_mm: float
    domes: tuple[float, float]
    rib_drop: float
    lung: float
    breast: float
    bone: float
    arms: bool
    child: bool


def draw_build(rng: Rng, age: float, female: bool, supine: bool) -> Build:
    """Measures of a person; supine films show higher domes."""
    child = age < 10
    up = 8.0 if supine else 0.0
    right = float(rng.normal(-92, 8)) + up
    return Build(
        scale=(0.50 + 0.022 * age if child else 0.93 if female else 1.0) * float(rng.normal(1, 0.03)),
        width=float(rng.normal(0.96 if child else 1.0, 0.04)),
        depth=float(rng.normal(1.0, 0.06)),
        height=float(rng.normal(0.88 if child else 1.0, 0.04)),
        heart=float(rng.normal(1.12 if child else 1.0, 0.06)),
        fat_mm=float(rng.uniform(4, 10) if child else np.clip(rng.lognormal(2.6, 0.4), 6, 40)),
        domes=(right, right - float(rng.uniform(4, 16))),
        rib_drop=float(rng.normal(0.62 if child else 1.0, 0.1)),
        lung=float(rng.normal(-790 if child else -830, 22)),
        breast=float(rng.uniform(0.5, 1.2)) if female and age > 16 and rng.random() < 0.85 else 0.0,
        bone=float(rng.normal(0.75 if child else 1.0 - max(0.0, age - 60) * 0.008, 0.08)),
        arms=bool(rng.random() < (0.8 if child else 0.35)),
        child=child,
    )


# z in adult mm, and what the chest measures there
_Z = np.array([-260, -200, -150, -100, -50, 0, 40, 70, 95, 115, 130, 150, 172, 195, 260], float)
_BODY_WIDTH = np.array([150, 152, 155, 158, 162, 166, 172, 186, 200, 200, 186, 130, 72, 58, 60], float)
_BODY_DEPTH = np.array([104, 106, 110, 113, 115, 114, 110, 104, 97, 88, 80, 70, 62, 58, 60], float)
_CAGE_Z = np.array([-220, -160, -110, -60, -10, 30, 60, 85, 103, 115, 122, 126], float)
_CAGE_WIDTH = np.array([136, 138, 137, 133, 124, 112, 99, 82, 64, 45, 26, 1], float)
_CAGE_DEPTH = np.array([92, 93, 93, 91, 87, 79, 70, 58, 46, 34, 21, 1], float)
_MID_Z = np.array([-220, -120, -60, -20, 15, 45, 60, 80, 110, 140], float)
_MID_RIGHT = np.array([20, 20, 20, 22, 23, 22, 23, 24, 22, 20], float)
_MID_LEFT = np.array([20, 20, 22, 26, 27, 24, 26, 22, 19, 17], float)


class _Table:
    """Piecewise linear values looked up at 1 mm steps: much quicker than np.interp on a volume."""

    def __init__(self, z: np.ndarray, values: np.ndarray) -> None:
        self.low = float(z[0])
        self.values = np.interp(np.arange(z[0], z[-1] + 1), z, values).astype(np.float32)

    def __call__(self, index: np.ndarray) -> np.ndarray:
        return np.asarray(self.values[np.clip(index - int(self.low), 0, len(self.values) - 1)])


def _edge(inside_mm: np.ndarray, voxel: float) -> np.ndarray:
    """Share of a voxel that is inside, from the depth of its middle below the surface."""
    return np.asarray(np.clip(inside_mm / voxel + 0.5, 0, 1))


def cage_half(build: Build, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half width and half depth of the inner chest wall at z (adult mm, before scaling)."""
    return (
        np.interp(z, _CAGE_Z * build.height, _CAGE_WIDTH) * build.width,
        np.interp(z, _CAGE_Z * build.height, _CAGE_DEPTH) * build.depth,
    )


def lungs(build: Build, x: np.ndarray, y: np.ndarray, z: np.ndarray, voxel: float) -> np.ndarray:
    """Share of lung at each place: chest wall, less diaphragm, mediastinum, spine and heart. Adult mm."""
    iz = np.rint(z).astype(np.int32)
    zc = _CAGE_Z * build.height
    wide, deep = _Table(zc, _CAGE_WIDTH * build.width)(iz), _Table(zc, _CAGE_DEPTH * build.depth)(iz)
    out = _edge((1 - np.sqrt((x / wide) ** 2 + (y / deep) ** 2)) * np.minimum(wide, 90), voxel)
    side = np.abs(x)
    left = x > 0
    top = np.where(left, np.float32(build.domes[1]), np.float32(build.domes[0]))
    dome = top - 34 * ((side - 62) / (62 * build.width)) ** 2 - 26 * ((y - 18) / 70) ** 2 - 0.16 * np.maximum(18 - y, 0)
    out *= _edge(z - dome, voxel)
    middle = np.where(left, _Table(_MID_Z, _MID_LEFT)(iz), _Table(_MID_Z, _MID_RIGHT)(iz))
    middle = middle - 0.16 * np.maximum(-y - 20, 0) * (z > -70) - 0.22 * np.maximum(y - 45, 0)
    out *= _edge(side - middle, voxel)
    for part in _heart(build, x, y, z):
        out *= 1 - _edge((1 - np.sqrt(part)) * 48, voxel)
    return np.asarray(out)


def _heart(build: Build, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> list[np.ndarray]:
    """Ellipsoids of ventricles, right atrium, aortic knob and pulmonary trunk: 1 at the surface, less within."""
    h = build.heart
    base = float(np.mean(build.domes)) + 42
    u = (x - 30) * 0.79 + (y - 26) * 0.2 - (z - base) * 0.58
    v = (x - 30) * 0.59 + (z - base) * 0.81
    w = (y - 26) - 0.2 * u
    return [
        (u / (66 * h)) ** 2 + (v / (45 * h)) ** 2 + (w / (44 * h)) ** 2,
        ((x + 8) / (34 * h)) ** 2 + ((y - 24) / (38 * h)) ** 2 + ((z - base - 8) / (46 * h)) ** 2,
        ((x - 21) / 17) ** 2 + ((y + 8) / 24) ** 2 + ((z - 50 * build.height) / 17) ** 2,
        ((x - 22) / 20) ** 2 + ((y - 12) / 22) ** 2 + ((z - 14 * build.height) / 26) ** 2,
    ]


def hounsfield(build: Build, x: np.ndarray, y: np.ndarray, z: np.ndarray, lung: np.ndarray, voxel: float) -> np.ndarray:
    """HU of soft parts and air at each place, `lung` being the share of lung there. Adult mm, float32."""
    iz = np.rint(z).astype(np.int32)
    wide, deep = _Table(_Z, _BODY_WIDTH * build.width)(iz), _Table(_Z, _BODY_DEPTH * build.depth)(iz)
    extra = max(0.0, build.fat_mm - 14)
    wide, deep = wide + extra, deep + 0.7 * extra
    depth = (1 - np.sqrt((x / wide) ** 2 + (y / deep) ** 2)) * np.minimum(wide, 125)
    body = _edge(depth, voxel)
    hu = -1000 + body * (1000 + SOFT) + body * (FAT - SOFT) * (1 - _edge(depth - build.fat_mm, 6.0))
    if build.breast:
        for sign in (-1, 1):
            r2 = ((x - sign * 82) / 58) ** 2 + ((y - deep * 0.75) / (52 * build.breast)) ** 2 + ((z + 62) / 52) ** 2
            shadow = _edge((1 - np.sqrt(r2)) * 55, voxel)
            hu = np.maximum(hu, -1000 + shadow * 970)
    if build.arms:
        for sign in (-1, 1):
            r = np.hypot(x - sign * (215 + 0.12 * (90 - z)) * build.width, y + 10)
            arm = _edge(np.float32(40 + build.fat_mm / 2) - r, voxel) * (z < 105)
            hu = np.maximum(hu, -1000 + arm * 1020)
    hu += lung * (build.lung - 25 * (y / 90) - hu)
    return np.asarray(_hollows(build, hu, x, y, z, voxel), np.float32)


def _hollows(build: Build, hu: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray, voxel: float) -> np.ndarray:
    """Windpipe, main bronchi and the stomach's bubble; the spine, which is too thick for a tube."""
    carina = 38 * build.height
    air = _edge(9.0 - np.hypot(x - 3, y + 12), voxel) * (z > carina)
    for sign, fall in ((-1, 0.75), (1, 0.55)):
        along = np.clip((carina - z) / fall, 0, 42)
        air = np.maximum(
            air, _edge(6.5 - np.hypot(x - 3 - sign * along, y + 12), voxel) * (z <= carina) * (z > carina - 42 * fall)
        )
    bubble = ((x - 68) / 34) ** 2 + ((y - 20) / 30) ** 2 + ((z - build.domes[1] + 26) / 14) ** 2
    air = np.maximum(air, 0.85 * _edge((1 - np.sqrt(bubble)) * 16, voxel))
    hu = hu + air * (AIR - hu)
    pitch = 23.5 * build.height
    disc = np.abs((z / pitch) % 1 - 0.5)
    plate = np.exp(-(((disc - 0.36) / 0.05) ** 2))
    body = np.where(disc < 0.4, 190.0, 20.0) + 280 * plate
    inside = _edge((1 - np.sqrt((x / 18.5) ** 2 + ((y + 56) / 17) ** 2)) * 18, voxel)
    return np.asarray(hu + inside * build.bone * body)
