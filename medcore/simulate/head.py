"""MR of a simulated head in three sequences, with a lesion at a known place or without."""

from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from medcore.datasets.sample import Sample
from medcore.inputs import Input, Volume
from medcore.simulate.seeds import case_seeds, facts

Rng = np.random.Generator
SEQUENCES = ("pre-contrast", "FLAIR", "post-contrast")
SIDES = ("left", "right")
# Signal of each tissue in the three sequences, as a share of fat's on T1.
AIR, FAT, BONE, CSF = (0.0, 0.0, 0.0), (0.95, 0.62, 0.98), (0.07, 0.06, 0.09), (0.16, 0.07, 0.18)
GREY, WHITE, OEDEMA, CORE, RIM = (
    (0.46, 0.50, 0.5),
    (0.6, 0.4, 0.64),
    (0.4, 0.8, 0.43),
    (0.3, 0.66, 0.34),
    (0.4, 0.78, 0.95),
)


@dataclass(frozen=True)
class Grid:
    """Places of the voxels: x to the patient's left, y to the back, z up, in mm from the middle of the brain, each
    (slices, rows, columns) float32; and the distances between slices and between pixels."""

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    apart: tuple[float, float]

    def blobs(self, rng: Rng, mm: float) -> np.ndarray:
        """Smooth noise of mean 0 and spread 1 whose hills are about `mm` wide."""
        from scipy.ndimage import gaussian_filter, zoom

        fine = [max(1.0, 0.5 * mm / d) for d in (self.apart[0], self.apart[1], self.apart[1])]
        small = [max(4, round(2 * n / f) + 2) for n, f in zip(self.x.shape, fine, strict=True)]
        coarse = gaussian_filter(rng.standard_normal(small).astype(np.float32), 1.0)
        out = zoom(
            coarse, [n / s for n, s in zip(self.x.shape, small, strict=True)], order=1, grid_mode=True, mode="nearest"
        )
        return np.asarray((out - out.mean()) / out.std())

    def ball(self, at: tuple[float, float, float], half: tuple[float, float, float]) -> np.ndarray:
        """Distance from `at` in half axes: 1 on the ellipsoid."""
        parts = ((v - a) / h for v, a, h in zip((self.x, self.y, self.z), at, half, strict=True))
        return np.asarray(np.sqrt(sum(p * p for p in parts)))


def head(
    seed: int, lesion: str | bool = True, slices: int = 20, size: int = 128, sequences: tuple[str, ...] = SEQUENCES
) -> tuple[Volume, np.ndarray]:
    """Axial MR and the true place of its lesion.

    lesion: "left" or "right" half of the brain, True for one drawn by the seed, False for none. The same seed with and
        without is the same person.
    slices, size: of the volume, (slices, size, size), with true distances; sequences: any of SEQUENCES

    Gives the Volume (int16, without a unit) and a (1, slices, size, size) bool mask.
    """
    who, body, ill, scan = (np.random.default_rng([seed, i]) for i in range(4))
    age, female = float(np.clip(who.normal(45, 14), 18, 85)), bool(who.random() < 0.45)
    grid, affine = _grid(who, slices, size)
    images = _anatomy(body, grid, age)
    marked = np.zeros(grid.x.shape, bool)
    if lesion:
        side = lesion if isinstance(lesion, str) else str(ill.choice(SIDES))
        images, marked = _with_lesion(ill, grid, images, side)
    shown = np.stack([images.signal[SEQUENCES.index(name)] for name in sequences])
    voxels = _scanned(scan, grid, shown)
    known = facts(age, female, modality="MR", body_part="HEAD")
    return Volume(voxels, affine, sequences, facts=known), marked[None]


def heads(n: int, seed: int) -> list[Sample]:
    """n heads of data set "simulated_head", input "mr", target a function that gives the mask; four in five have a
    lesion, and one in five lacks a sequence."""
    samples = []
    for case in case_seeds(n, seed):
        draw = np.random.default_rng([case, 9])
        ill, lost = bool(draw.random() < 0.8), draw.random()
        left_out = SEQUENCES[2] if lost < 0.12 else SEQUENCES[0] if lost < 0.2 else ""
        kept = tuple(s for s in SEQUENCES if s != left_out)
        samples.append(
            Sample(
                "simulated_head",
                str(case),
                str(case),
                partial(_load, case, ill, kept),
                partial(_truth, case, ill, kept),
            )
        )
    return samples


_made = lru_cache(maxsize=2)(head)  # input and truth are asked for one after the other


def _load(seed: int, lesion: bool, sequences: tuple[str, ...]) -> dict[str, Input]:
    return {"mr": _made(seed, lesion, sequences=sequences)[0]}


def _truth(seed: int, lesion: bool, sequences: tuple[str, ...]) -> np.ndarray:
    return _made(seed, lesion, sequences=sequences)[1]


def _grid(rng: Rng, slices: int, size: int) -> tuple[Grid, np.ndarray]:
    """Slices from the skull base to the vertex, a field of view of 23 to 26 cm, the head a little turned and off."""
    pixel = float(rng.uniform(228, 258)) / size
    apart = 112.0 / slices
    z0, centre = -48.0, float(rng.normal(0, 4))
    z, y, x = np.meshgrid(
        z0 + apart * np.arange(slices, dtype=np.float32),
        pixel * (np.arange(size, dtype=np.float32) - (size - 1) / 2) + centre,
        pixel * (np.arange(size, dtype=np.float32) - (size - 1) / 2),
        indexing="ij",
    )
    turn, nod = np.deg2rad(rng.normal(0, 3, 2))
    grow = 1 / float(rng.uniform(0.93, 1.07))
    xr, yr = grow * (x * np.cos(turn) + y * np.sin(turn)), grow * (y * np.cos(turn) - x * np.sin(turn))
    affine = np.eye(4)
    affine[:3, :3] = [[0, 0, pixel], [0, pixel, 0], [apart, 0, 0]]
    affine[:3, 3] = x.min(), y.min() - centre, z0
    return Grid(xr.astype(np.float32), (yr + nod * z).astype(np.float32), grow * z - nod * y, (apart, pixel)), affine


@dataclass(frozen=True)
class Images:
    """signal: (3, slices, rows, columns); brain, fluid: (slices, rows, columns) bool."""

    signal: np.ndarray
    brain: np.ndarray
    fluid: np.ndarray


def _anatomy(rng: Rng, grid: Grid, age: float) -> Images:
    """Scalp, skull, fluid, folded grey matter round white, ventricles that widen with age, fissure, eyes."""
    x, y, z = grid.x, grid.y, grid.z
    below = np.where(z < 0, 1 - 0.0025 * (z / 10) ** 2 * 4, 1)  # the skull base is narrower
    r = grid.ball((0, 0, 0), (67, 86, 68)) / below + 0.012 * grid.blobs(rng, 40)
    depth = (1 - r) * 70  # mm under the surface of the brain
    folds = np.abs(grid.blobs(rng, 26))
    wide = 0.7 + 0.6 * np.clip((age - 30) / 50, 0, 1)
    signal = np.zeros((3, *x.shape), np.float32)

    def paint(where: np.ndarray, tissue: tuple[float, float, float]) -> None:
        signal[:, where] = np.array(tissue, np.float32)[:, None]

    paint(depth > -13, FAT)
    paint(depth > -8, BONE)
    paint(depth > -2, CSF)
    brain = depth > 0
    paint(brain, GREY)
    paint((depth > 3.5) & (folds > np.clip(0.42 - depth / 75, 0.05, 1)), WHITE)
    fluid = (folds < 0.11 * wide) & (depth < 20) & brain
    middle = np.abs(x + 1.5 * np.sin(y / 30))
    fluid |= (middle < 0.9 * wide) & ((z > 26) | (np.abs(y) > 45)) & brain
    aside = np.abs(x) - 5 - 0.24 * np.abs(y + 4)  # the horns of the lateral ventricles part to front and back
    horns = np.sqrt((aside / (4.8 * wide)) ** 2 + ((y + 4) / 37) ** 2 + ((z - 14 + 0.08 * y) / (10 * wide)) ** 2)
    fluid |= (horns < 1) & (np.abs(x) > 1.2)
    for side in (-1, 1):
        paint(grid.ball((side * 15, -14, 6), (6, 13, 10)) < 1, GREY)
        paint(grid.ball((side * 11, 9, 2), (8, 14, 9)) < 1, GREY)
        paint(grid.ball((side * 27, -4, 0), (6, 16, 10)) < 1, GREY)
        paint(grid.ball((side * 31, -72, -40), (14, 14, 14)) < 1, FAT)
        paint(grid.ball((side * 31, -74, -40), (12, 12, 12)) < 1, CSF)
    fluid |= grid.ball((0, 2, -4), (2.2 * wide, 14, 10)) < 1
    fluid |= (grid.ball((0, 30, -34), (9, 5, 8)) < 1) & brain
    paint(fluid, CSF)
    paint(grid.ball((0, 92, 8), (4, 5, 60)) < 1, (0.3, 0.3, 0.9))  # the sagittal sinus takes up contrast
    return Images(signal, brain, fluid)


def _with_lesion(rng: Rng, grid: Grid, images: Images, side: str) -> tuple[Images, np.ndarray]:
    """A ragged blob in one half, bright on FLAIR; two in three have a core, and half of those a rim that enhances."""
    sign = 1 if side == "left" else -1
    half = tuple(float(v) for v in rng.uniform(11, 27) * rng.uniform(0.75, 1.25, 3))
    at = (sign * float(rng.uniform(22, 42)), float(rng.uniform(-48, 50)), float(rng.uniform(-5, 40)))
    r = grid.ball(at, (half[0], half[1], half[2])) + 0.14 * grid.blobs(rng, 24)
    own = (sign * grid.x > 1) & images.brain
    marked = (r < 1) & own & ~images.fluid
    signal = images.signal.copy()
    strength = float(rng.uniform(0.65, 1.0))

    def paint(where: np.ndarray, tissue: tuple[float, float, float]) -> None:
        new = np.array(tissue, np.float32)[:, None]
        signal[:, where] += strength * (new - signal[:, where])

    paint(marked, OEDEMA)
    if rng.random() < 0.66:
        core = (r < float(rng.uniform(0.4, 0.65))) & marked
        if rng.random() < 0.5:
            paint((r < 0.72) & marked, RIM)
        paint(core, CORE)
    return Images(signal, images.brain, images.fluid), marked


def _scanned(rng: Rng, grid: Grid, signal: np.ndarray) -> np.ndarray:
    """Partial volume, texture, the coil's uneven reach, noise of a magnitude image (Rice), the scanner's gain."""
    from scipy.ndimage import gaussian_filter

    out = []
    blur = float(rng.uniform(0.5, 0.8)) * 1.8 / grid.apart[1]
    for image in signal:
        soft = gaussian_filter(image, (0.3, blur, blur))
        soft *= 1 + 0.02 * grid.blobs(rng, 12)
        soft *= np.exp(float(rng.uniform(0.04, 0.12)) * grid.blobs(rng, 200))
        sigma = float(rng.uniform(0.008, 0.022))
        real, other = (sigma * rng.standard_normal(image.shape, np.float32) for _ in range(2))
        out.append(np.hypot(soft + real, other) * float(rng.uniform(400, 900)))
    return np.asarray(np.rint(np.stack(out)), np.int16)
