"""A small three-dimensional chest in Hounsfield units.

Soft parts, lungs and air are a function of position (`hounsfield`); bones and vessels, too thin for a coarse grid, are
solid tubes (`medcore.simulate.tubes`). A film sums both along its rays; a CT could sample the same on a grid.

Millimetres; x to the patient's left, y to the front, z up; the origin lies in the middle of the chest at carina level.
All sizes are an adult's and are scaled by `Build.scale`.
"""

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
    lung: HU of aerated lung; breast: size of breast shadows (0 none)
    bone: how much bones absorb: by their mineral, and more on a child's film, which is taken at a lower voltage
    bubble: size of the stomach's air (0 none); arms: seen at the sides
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
    bubble: float
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
        lung=float(rng.normal(-815 if child else -830, 20)),
        breast=float(rng.uniform(0.5, 1.2)) if female and age > 16 and rng.random() < 0.85 else 0.0,
        bone=float(rng.normal(1.4 if child else 0.9 - max(0.0, age - 60) * 0.008, 0.08)),
        bubble=float(rng.uniform(0.5, 1.1)) if rng.random() < 0.55 else 0.0,
        arms=bool(rng.random() < (0.8 if child else 0.35)),
        child=child,
    )


# z in adult mm, and what the chest measures there
_Z = np.array([-260, -200, -150, -100, -50, 0, 40, 70, 95, 115, 130, 150, 172, 195, 260], float)
_BODY_WIDTH = np.array([150, 152, 155, 158, 162, 166, 172, 186, 200, 200, 186, 130, 72, 58, 60], float)
_BODY_DEPTH = np.array([104, 106, 110, 113, 115, 114, 110, 104, 97, 88, 80, 70, 62, 58, 60], float)
_CAGE_Z = np.array([-220, -160, -110, -60, -10, 30, 60, 85, 103, 115, 123, 129], float)
_CAGE_WIDTH = np.array([136, 138, 137, 133, 125, 114, 103, 90, 77, 63, 45, 1], float)
_CAGE_DEPTH = np.array([92, 93, 93, 91, 87, 79, 70, 60, 50, 40, 28, 1], float)
_MID_Z = np.array([-220, -120, -60, -20, 15, 45, 60, 80, 110, 140], float)
_MID_RIGHT = np.array([24, 24, 26, 30, 31, 30, 31, 32, 32, 28], float)
_MID_LEFT = np.array([22, 22, 26, 32, 33, 33, 34, 31, 30, 26], float)


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
    out = _edge((1 - np.sqrt((x / wide) ** 2 + (y / deep) ** 2)) * np.minimum(wide, 90), 2 * voxel)
    side = np.abs(x)
    left = x > 0
    top = np.where(left, np.float32(build.domes[1]), np.float32(build.domes[0]))
    fall = (side - 58) / (70 * build.width)
    dome = (
        top
        - np.where(fall > 0, np.float32(42), np.float32(9)) * fall * fall
        - 26 * ((y - 18) / 70) ** 2
        - 0.25 * np.maximum(-5 - y, 0)
    )
    out *= _edge(z - dome, 2.5 * voxel)
    middle = np.where(left, _Table(_MID_Z, _MID_LEFT)(iz), _Table(_MID_Z, _MID_RIGHT)(iz))
    depth = y[0, 0]
    # the great vessels lie in the middle; in front the lungs nearly meet, behind they reach round the spine
    middle = 3 + (middle - 3) * np.exp(-((depth / 33) ** 4))
    out *= _edge(side - middle, voxel)
    out *= 1 - _edge((1 - np.sqrt((x / 23) ** 2 + ((y + 62) / 27) ** 2)) * 23, voxel)
    for part in _heart(build, x, y, z):
        out *= 1 - _edge((1 - np.sqrt(part)) * 48, 2 * voxel)
    return np.asarray(out)


def _heart(build: Build, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> list[np.ndarray]:
    """Ellipsoids of ventricles, right atrium, aortic knob and pulmonary trunk: 1 at the surface, less within."""
    h = build.heart
    base = float(np.mean(build.domes)) + 36
    u = (x - 30) * 0.79 + (y - 26) * 0.2 - (z - base) * 0.58
    v = (x - 30) * 0.59 + (z - base) * 0.81
    w = (y - 18) - 0.2 * u
    return [
        (u / (66 * h)) ** 2 + (v / (45 * h)) ** 2 + (w / (54 * h)) ** 2,
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
    q, r = (x / wide) ** 2, (y / deep) ** 2
    shape = 0.5 * (np.sqrt(q + r) + np.sqrt(np.sqrt(q * q + r * r)))  # between an ellipse and a box
    depth = (1 - shape) * np.minimum(wide, 125)
    body = _edge(depth, 2.5 * voxel)
    hu = -1000 + body * (1000 + SOFT) + body * (FAT - SOFT) * (1 - _edge(depth - build.fat_mm, 6.0))
    if build.breast:
        for sign in (-1, 1):
            r2 = ((x - sign * 84) / 60) ** 2 + ((y - deep * 0.9) / (34 * build.breast)) ** 2 + ((z + 66) / 55) ** 2
            hu = np.maximum(hu, -1000 + _edge((1 - np.sqrt(r2)) * 40, 2.5 * voxel) * 950)
    if build.arms:
        for sign in (-1, 1):
            r2 = np.hypot(x - sign * (222 + 0.12 * (90 - z)) * build.width, y + 10)
            hu = np.maximum(hu, -1000 + _edge(np.float32(40 + build.fat_mm / 2) - r2, 2.5 * voxel) * (z < 105) * 1020)
    hu += lung * (build.lung - 25 * (y / 90) - hu)
    _hollow(build, hu, x, y[0, 0], z, voxel)
    return np.asarray(hu, np.float32)


def _hollow(build: Build, hu: np.ndarray, x: np.ndarray, depth: np.ndarray, z: np.ndarray, voxel: float) -> None:
    """Puts windpipe, main bronchi, the stomach's bubble and the spine's bodies into `hu`, each where its depth is."""

    def within(low: float, high: float) -> slice:
        return slice(int(np.searchsorted(depth, low)), int(np.searchsorted(depth, high)))

    k = within(-30, 6)
    u, w, y = x[..., k] - 3, z[..., k], depth[k]
    carina = 38 * build.height
    air = _edge(9.0 - np.hypot(u, y + 12), voxel) * (w > carina)
    for sign, fall in ((-1, 0.75), (1, 0.55)):
        along = np.clip((carina - w) / fall, 0, 42)
        air = np.maximum(air, _edge(6.5 - np.hypot(u - sign * along, y + 12), voxel) * (along > 0) * (along < 42))
    hu[..., k] += air * (AIR - hu[..., k])
    if build.bubble:
        k = within(-15, 60)
        size = build.bubble
        r2 = ((x[..., k] - 70) / (36 * size)) ** 2 + ((depth[k] - 22) / (30 * size)) ** 2
        r2 = r2 + ((z[..., k] - build.domes[1] + 12 + 12 * size) / (12 * size)) ** 2
        hu[..., k] += 0.85 * _edge((1 - np.sqrt(r2)) * 14, 2 * voxel) * (AIR - hu[..., k])
    k = within(-78, -34)
    disc = np.abs((z[..., k] / (23.5 * build.height)) % 1 - 0.5)
    body = np.where(disc < 0.4, 120.0, 0.0) + 240 * np.exp(-(((disc - 0.37) / 0.045) ** 2))
    waist = 18.5 - 3.0 * np.cos(np.pi * np.minimum(disc / 0.4, 1)) * (disc < 0.4)
    inside = _edge((1 - np.sqrt((x[..., k] / waist) ** 2 + ((depth[k] + 56) / 17) ** 2)) * 18, voxel)
    hu[..., k] += inside * build.bone * body
