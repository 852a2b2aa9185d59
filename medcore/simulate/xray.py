"""From a chest in Hounsfield units to a film: rays, absorption, scatter, the detector's curve, letters and edges."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from medcore.simulate.anatomy import Build, Rng
from medcore.simulate.tubes import Points

WATER = 0.0195  # linear absorption of water per mm at about 70 keV
COARSE = 160  # voxels along the film's longer side
DEPTH = 48


@dataclass(frozen=True)
class Rays:
    """Straight lines from the tube's focus to the detector, and the voxels along them.

    rows, cols: of the film; pixel_mm: at the detector; centre: (x, z) in mm that the middle of the film sees
    roll: the patient's tilt on the film, yaw: turn about the long axis, in radians
    distance: focus to detector; near: y of the detector; sign: 1 if the detector is in front (PA), -1 behind (AP)
    span: mm of depth that the voxels cover, back and front of 0
    """

    rows: int
    cols: int
    pixel_mm: float
    centre: tuple[float, float]
    roll: float
    yaw: float
    distance: float
    near: float
    sign: int
    span: float

    @property
    def step_mm(self) -> float:
        return 2 * self.span / DEPTH

    @property
    def voxel_mm(self) -> float:
        return self.pixel_mm * max(self.rows, self.cols) / COARSE

    @property
    def coarse(self) -> tuple[int, int]:
        longer = max(self.rows, self.cols)
        return round(self.rows * COARSE / longer), round(self.cols * COARSE / longer)

    def magnification(self, y: np.ndarray) -> np.ndarray:
        """How much larger than life a thing at depth y (mm) is on the detector."""
        return np.asarray(self.distance / (self.distance - self.sign * (self.near - y)))

    def places(self, scale: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """x, y, z (rows, cols, depth) float32 of the voxels, in adult mm of a body scaled by `scale`."""
        nr, nc = self.coarse
        y = ((np.arange(DEPTH) + 0.5) * self.step_mm - self.span).astype(np.float32)
        u = ((np.arange(nc) + 0.5) / nc - 0.5) * self.cols * self.pixel_mm
        v = -((np.arange(nr) + 0.5) / nr - 0.5) * self.rows * self.pixel_mm
        uu, vv = np.meshgrid(u, v)
        x = uu * math.cos(self.roll) - vv * math.sin(self.roll) + self.centre[0]
        z = uu * math.sin(self.roll) + vv * math.cos(self.roll) + self.centre[1]
        m = self.magnification(y).astype(np.float32)
        x3, z3 = x.astype(np.float32)[..., None] / m, z.astype(np.float32)[..., None] / m
        return (x3 + np.float32(self.yaw) * y) / scale, np.broadcast_to(y / scale, x3.shape), z3 / scale

    def pixels(self, at: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Film row, column (float) and magnification of (n, 3) places in adult mm."""
        y = at[:, 1] * scale
        m = self.magnification(y)
        x = (at[:, 0] * scale - self.yaw * y) * m - self.centre[0]
        z = at[:, 2] * scale * m - self.centre[1]
        u = x * math.cos(self.roll) + z * math.sin(self.roll)
        v = -x * math.sin(self.roll) + z * math.cos(self.roll)
        return np.asarray(self.rows / 2 - v / self.pixel_mm), np.asarray(self.cols / 2 + u / self.pixel_mm), m

    def at(self, volume: np.ndarray, places: np.ndarray, scale: float) -> np.ndarray:
        """The value of a voxel volume at (n, 3) places in adult mm; 0 off the film."""
        row, col, _ = self.pixels(places, scale)
        nr, nc = self.coarse
        i = np.floor(row * nr / self.rows).astype(np.int64)
        j = np.floor(col * nc / self.cols).astype(np.int64)
        k = np.floor((places[:, 1] * scale + self.span) / self.step_mm).astype(np.int64)
        inside = (i >= 0) & (i < nr) & (j >= 0) & (j < nc) & (k >= 0) & (k < DEPTH)
        out = np.zeros(len(places), np.float32)
        out[inside] = volume[i[inside], j[inside], k[inside]]
        return out

    def project(self, hu: np.ndarray) -> np.ndarray:
        """(rows, cols) absorption along the rays, without a unit, of a volume in HU."""
        return self.enlarge((hu / 1000 + 1).sum(2) * np.float32(self.step_mm * WATER))

    def splat(self, points: Points, scale: float) -> np.ndarray:
        """(rows, cols) absorption of points that hold HU · mm³ of an adult."""
        from scipy.ndimage import gaussian_filter

        row, col, m = self.pixels(points.at, scale)
        weight = points.weight * (scale**3 * WATER / 1000 / self.pixel_mm**2) * m * m
        i, j = np.floor(row).astype(np.int64), np.floor(col).astype(np.int64)
        inside = (i >= 0) & (i < self.rows) & (j >= 0) & (j < self.cols)
        flat = np.bincount(i[inside] * self.cols + j[inside], weight[inside], self.rows * self.cols)
        return np.asarray(gaussian_filter(flat.reshape(self.rows, self.cols).astype(np.float32), 1.0))

    def enlarge(self, coarse: np.ndarray) -> np.ndarray:
        """(rows, cols) of a picture on the voxels' grid."""
        from scipy.ndimage import zoom

        nr, nc = coarse.shape
        return np.asarray(zoom(coarse, (self.rows / nr, self.cols / nc), order=3, grid_mode=True, mode="nearest"))


def draw_rays(rng: Rng, build: Build, size: int, view: str) -> Rays:
    """The room: focus 1.8 m away for PA, 1.0 to 1.3 m for AP (1.0 to 1.15 m for a child), a nearly straight patient."""
    pa = view == "PA"
    aspect = float(rng.uniform(0.74, 0.96)) if build.child else 1.0
    across = (375.0 if build.child else 385.0) * build.scale * build.width * float(rng.uniform(0.95, 1.15))
    half = 128 * build.scale * build.depth + (0 if build.child else 18)
    return Rays(
        rows=round(size * aspect),
        cols=size,
        pixel_mm=across * (1.06 if pa else 1.12) / size,
        centre=(float(rng.normal(0, 6)) * build.scale, (float(rng.normal(6, 12))) * build.scale),
        roll=float(rng.normal(0, 0.02 if pa else 0.035)),
        yaw=float(rng.normal(0, 0.025 if pa else 0.05)),
        distance=1800.0 if pa else float(rng.uniform(1000, 1150 if build.child else 1300)),
        near=half + 20 if pa else -half - 20,
        sign=1 if pa else -1,
        span=half,
    )


def develop(rng: Rng, path: np.ndarray, rays: Rays, view: str) -> np.ndarray:
    """(rows, cols) uint16 of 12 bits: what the detector makes of the absorption `path`.

    Beer-Lambert, scatter from all around (a broad blur of what got through), quantum noise, a logarithmic detector,
    what digital radiography does to its signal (edges up, broad differences down; Prokop et al., J Thorac Imaging 2003)
    and the S-curve that films are shown with, then edges of the field and letters.
    """
    from scipy.ndimage import gaussian_filter

    through = np.exp(-np.clip(path, 0, 12))
    scatter = _broad(np.minimum(through, 0.12), rays.cols / 14)
    dose = through + float(rng.uniform(0.25, 0.5) if view == "PA" else rng.uniform(0.4, 0.8)) * scatter
    grain = gaussian_filter(rng.standard_normal(path.shape, np.float32), 0.5)
    dose *= 1 + float(rng.uniform(0.006, 0.02)) * grain * np.sqrt(0.03 / np.maximum(dose, 0.001))
    dense = gaussian_filter(-np.log(np.maximum(dose, 1e-5)), 0.55)
    broad, fine = _broad(dense, rays.cols / 12), gaussian_filter(dense, rays.cols / 100)
    dense += float(rng.uniform(0.2, 0.6)) * (dense - fine) - float(rng.uniform(0.1, 0.25)) * broad
    low, high = np.percentile(dense[rays.rows // 5 : -rays.rows // 6, rays.cols // 8 : -rays.cols // 8], [5, 95])
    middle, width = low + float(rng.uniform(0.25, 0.4)) * (high - low), (high - low) * float(rng.uniform(0.42, 0.55))
    grey = 1 / (1 + np.exp(-(dense - middle) / width))
    grey = float(rng.uniform(0.83, 0.93)) * grey ** float(rng.uniform(0.85, 1.2))
    grey = _letters(rng, _collimated(rng, grey), rays, view)
    return np.asarray(np.clip(np.rint(grey * 4095), 0, 4095), np.uint16)


def _broad(picture: np.ndarray, spread: float) -> np.ndarray:
    """A picture blurred by `spread` pixels, by way of every fourth."""
    from scipy.ndimage import gaussian_filter, zoom

    small = gaussian_filter(picture[::4, ::4], spread / 4, mode="nearest")
    rows, cols = picture.shape
    at = (rows / small.shape[0], cols / small.shape[1])
    return np.asarray(zoom(small, at, order=1, grid_mode=True, mode="nearest"))


def _collimated(rng: Rng, grey: np.ndarray) -> np.ndarray:
    """Two films in five show an edge of the exposed field, slightly askew, black beyond."""
    if rng.random() > 0.4:
        return grey
    rows, cols = grey.shape
    v, u = np.mgrid[0:rows, 0:cols].astype(np.float32)
    tilt = float(rng.normal(0, 0.02))
    for side in rng.choice(4, rng.integers(1, 4), replace=False):
        inset = float(rng.uniform(0.01, 0.05)) * cols
        from_edge = (u + tilt * v, cols - u + tilt * v, v - tilt * u, rows - v - tilt * u)[side]
        grey = grey * np.clip((from_edge - inset) / 1.5, 0.02, 1)
    return grey


def _letters(rng: Rng, grey: np.ndarray, rays: Rays, view: str) -> np.ndarray:
    """The lead marker of the patient's right (or left) side, and on some AP films the word for it."""
    from scipy.ndimage import gaussian_filter

    side = "R" if rng.random() < 0.6 else "L"
    rows, cols = grey.shape
    sheet = Picture.new("L", (cols, rows))
    draw = ImageDraw.Draw(sheet)
    across = float(rng.uniform(0.02, 0.09))
    at = (across if side == "R" else 0.95 - across) * cols, float(rng.uniform(0.03, 0.25)) * rows
    draw.text(at, side, fill=255, font=ImageFont.load_default(size=cols * float(rng.uniform(0.035, 0.055))))
    if view == "AP" and rng.random() < 0.35:
        word = "AP" if rng.random() < 0.5 else "PORTABLE"
        where = (float(rng.choice([0.03, 0.8])) * cols, float(rng.uniform(0.3, 0.5)) * rows)
        draw.text(where, word, fill=230, font=ImageFont.load_default(size=cols * 0.025))
    ink = gaussian_filter(np.asarray(sheet, np.float32) / 255, 0.5)
    return np.asarray(grey * (1 - ink) + 0.99 * ink)
