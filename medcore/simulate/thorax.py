"""Chest films of a simulated thorax, with a consolidation at a known place or without."""

from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from medcore.datasets.sample import Sample
from medcore.inputs import Image, Input
from medcore.simulate import xray
from medcore.simulate.anatomy import SOFT, ZONES, Build, cage_half, draw_build, hounsfield, lungs
from medcore.simulate.seeds import case_seeds, facts
from medcore.simulate.tubes import Points, ribs, shoulders, spine, vessels

Rng = np.random.Generator
MASK_MM = 12.0  # consolidated lung along the ray from which a pixel counts as affected
EDGE = 2.5  # half axes from a consolidation's middle to where its haze has ended
LUNG_MM, SPINE_MM = 30.0, 20.0  # lung along the ray from which a pixel counts as lung, as far from the middle as this


def film(
    seed: int,
    consolidation: str | bool | None = None,
    size: int = 512,
    view: str = "PA",
    child: bool = False,
) -> tuple[Image, np.ndarray]:
    """A frontal film and the true place of its consolidation.

    consolidation: one of ZONES (the patient's side: "right_…" lies on the film's left), True for one to three drawn by
        the seed, None or False for clear lungs. The same seed with and without is the same person on the same film.
    size: pixels of the longer side; view: "PA" or "AP"
    child: one to five years old, else an adult

    Gives the Image (12 bits, spacing in mm at the detector) and a (rows, cols) bool mask: at least MASK_MM of
    consolidated lung lies on the ray. The mask is empty where there is no consolidation.
    """
    return film_with_lungs(seed, consolidation, size, view, child)[:2]


def film_with_lungs(
    seed: int,
    consolidation: str | bool | None = None,
    size: int = 512,
    view: str = "PA",
    child: bool = False,
) -> tuple[Image, np.ndarray, np.ndarray]:
    """As `film`, and where the lungs are, (rows, cols) bool: at least LUNG_MM of lung, filled or not, lies on the ray.
    As people outline them: with what is behind the heart and the domes of the diaphragm, without the spine.
    """
    if isinstance(consolidation, str) and consolidation not in ZONES:
        raise ValueError(f"consolidation is {consolidation!r}, not one of {', '.join(ZONES)}")
    who, body, ill, shot = (np.random.default_rng([seed, i]) for i in range(4))
    age = float(who.uniform(1, 5.9)) if child else float(np.clip(who.normal(52, 17), 18, 94))
    female = bool(who.random() < 0.45)
    build = draw_build(who, age, female, view == "AP")
    rays = xray.draw_rays(shot, build, size, view)
    x, y, z = rays.places(build.scale)
    lung = lungs(build, x, y, z, rays.voxel_mm / build.scale)
    hu = hounsfield(build, x, y, z, lung, rays.voxel_mm / build.scale)
    filled = np.zeros_like(lung)
    for zone in _zones(ill, consolidation, child) if consolidation else []:
        np.maximum(filled, _filled(ill, _centre(ill, build, zone), x, y, z) * lung, out=filled)
    hu += filled * (SOFT - 25 - build.lung)
    blood, bronchi = vessels(build, body)
    bone = Points.joined(ribs(build, body) + shoulders(build, body, view == "AP") + spine(build))
    clear, full = rays.at(lung - filled, blood.at, build.scale), rays.at(filled, bronchi.at, build.scale)
    path = rays.project(hu)
    path += rays.splat(Points(blood.at, blood.weight * clear), build.scale)
    path -= rays.splat(Points(bronchi.at, bronchi.weight * full), build.scale)
    path += rays.splat(bone, build.scale)
    pixels = xray.develop(shot, path, rays, view)
    beside = lung * (np.abs(x) > SPINE_MM)
    on_ray = [rays.enlarge((part.sum(2) * rays.step_mm).astype(np.float32)) / build.scale for part in (filled, beside)]
    known = facts(age, female, modality="DX", view=view, body_part="CHEST")
    shown = Image(pixels, spacing_mm=(rays.pixel_mm, rays.pixel_mm), bits=12, facts=known)
    return shown, on_ray[0] > MASK_MM, on_ray[1] > LUNG_MM


@dataclass(frozen=True)
class _Blob:
    at: tuple[float, float, float]
    size: tuple[float, float, float]


def _centre(rng: Rng, build: Build, zone: str) -> _Blob:
    """The middle of a consolidation within a third of a lung's height, and its half axes in adult mm."""
    side, third = zone.split("_")
    sign = -1 if side == "right" else 1
    bottom, top = build.domes[sign > 0] - 12, 112 * build.height
    step = (top - bottom) / 3
    z = bottom + step * (("lower", "mid", "upper").index(third) + float(rng.uniform(0.38, 0.62)))
    wide, deep = (float(v) for v in cage_half(build, np.array(z)))
    x = sign * float(rng.uniform(0.5, 0.68)) * (wide - 6) + sign * 8
    y = float(rng.uniform(-0.55, 0.45)) * deep
    half = float(rng.uniform(0.7, 1.1)) * step
    return _Blob((x, y, z), (0.95 * half * float(rng.uniform(0.8, 1.2)), 1.35 * half, 0.75 * half))


def _zones(rng: Rng, consolidation: str | bool, child: bool) -> list[str]:
    """Where the lungs are filled: the zone asked for, else one to three; children's pneumonia is patchy more often."""
    if isinstance(consolidation, str):
        return [consolidation]
    count = 1 + int(rng.random() < (0.9 if child else 0.5)) + int(rng.random() < (0.7 if child else 0.2))
    weights = (0.14, 0.16, 0.26, 0.10, 0.12, 0.22)
    return [ZONES[i] for i in rng.choice(len(ZONES), count, replace=False, p=weights)]


def _filled(rng: Rng, blob: _Blob, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Share of the air spaces that are filled, 0 to 1: a dense middle of uneven edge that fades into ground glass."""
    out = np.zeros(x.shape, np.float32)
    # only the voxels around it: the rest of the chest stays clear
    near_x, near_y, near_z = (np.abs(v - a) < EDGE * s for v, a, s in zip((x, y, z), blob.at, blob.size, strict=True))
    rows, cols, depths = (np.flatnonzero(n) for n in (near_z.any((1, 2)), near_x.any((0, 2)), near_y[0, 0]))
    box = tuple(slice(int(i[0]), int(i[-1]) + 1) for i in (rows, cols, depths))
    dx, dy, dz = ((v[box] - a) / s for v, a, s in zip((x, y, z), blob.at, blob.size, strict=True))
    r = np.sqrt(dx * dx + dy * dy + dz * dz)
    rough, fine = (_noise(rng, r.shape, s) for s in (6.0, 2.0))
    r += 0.16 * rough + 0.05 * fine
    middle = np.clip((1.3 - r) / 0.6, 0, 1)
    glass = np.clip((EDGE - 0.2 - r) / 1.1, 0, 1) * np.clip(0.5 + 0.15 * rough + 0.1 * fine, 0.1, 1)
    dense, hazy = float(rng.uniform(0.8, 1.0)), float(rng.uniform(0.5, 0.9))
    out[box] = np.maximum(dense * middle, hazy * glass) * (x[box] * blob.at[0] > 0)
    return out


def _noise(rng: Rng, shape: tuple[int, ...], voxels: float) -> np.ndarray:
    """Smooth noise of unit spread; depth voxels are about twice as thick as the others."""
    from scipy.ndimage import gaussian_filter

    out = gaussian_filter(
        rng.standard_normal(shape, np.float32), (voxels, voxels, voxels / 2), mode="wrap", truncate=2.5
    )
    return np.asarray(out / out.std())


def films(n: int, seed: int) -> list[Sample]:
    """n films of data set "simulated_film", input "film", half with pneumonia (target 1); every third of a child.

    Facts name the view; source is "simulated_adult" or "simulated_child".
    """
    return [_sample("simulated_film", case, ill, target=int(ill)) for case, ill in _halves(n, seed)]


def films_with_lungs(n: int, seed: int) -> list[Sample]:
    """The same films as data set "simulated_lungs"; target a function that gives the lungs, (1, rows, columns)."""
    return [_sample("simulated_lungs", case, ill) for case, ill in _halves(n, seed)]


def _halves(n: int, seed: int) -> list[tuple[int, bool]]:
    return [(case, bool(i % 2)) for i, case in enumerate(case_seeds(n, seed))]


def _sample(dataset: str, case: int, ill: bool, target: int | None = None) -> Sample:
    rng = np.random.default_rng([case, 9])
    child = bool(rng.random() < 1 / 3)
    view = "AP" if child or rng.random() < 0.4 else "PA"
    drawn = (case, ill, view, child)
    source, name = "simulated_child" if child else "simulated_adult", f"{case:016d}"
    truth = partial(_lungs, *drawn) if target is None else target
    place = partial(_filled_at, *drawn) if target else None
    return Sample(dataset, name, name, partial(_load, *drawn), truth, source, facts={"view": view}, place=place)


_made = lru_cache(maxsize=2)(film_with_lungs)  # film and lungs are asked for one after the other


def _load(case: int, ill: bool, view: str, child: bool) -> dict[str, Input]:
    return {"film": _made(case, ill, view=view, child=child)[0]}


def _lungs(case: int, ill: bool, view: str, child: bool) -> np.ndarray:
    return _made(case, ill, view=view, child=child)[2][None]


def _filled_at(case: int, ill: bool, view: str, child: bool, _film: Image) -> np.ndarray:
    return _made(case, ill, view=view, child=child)[1]
