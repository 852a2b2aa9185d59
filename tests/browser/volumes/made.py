"""Volumes of which every value is known, and real series as they lie on disk, packed for the viewer."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from medcore.settings import settings
from medcore.store.pack import pack

SERIES = ("ct_head_ge", "mr_t1_brain")


def packed(voxels: np.ndarray, affine: np.ndarray, **more: Any) -> bytes:
    """int16 (channels, slices, rows, columns) with the header that the viewer reads."""
    normal = np.cross(affine[:3, 1], affine[:3, 2])
    normal /= np.linalg.norm(normal)
    header = {
        "kind": "volume",
        "channels": ["", "FLAIR", "T1"][: len(voxels)] if len(voxels) == 1 else ["T2", "FLAIR", "T1"][: len(voxels)],
        "units": "",
        "spacing_mm": np.linalg.norm(affine[:3, :3], axis=0).tolist(),
        "spacing_real": True,
        "affine": affine.tolist(),
        "window": None,
        "range": [np.percentile(c, (1, 99)).tolist() for c in voxels],
        "facts": {},
        "positions_mm": [float(normal @ affine[:3, 0] * i) for i in range(voxels.shape[1])],
        "remarks": [],
        "scale": 1.0,
        "offset": 0.0,
    }
    return pack({**header, **more}, {"voxels": voxels.astype(np.int16)})


def affine(slice_step: tuple[float, ...], row_step: tuple[float, ...], column_step: tuple[float, ...]) -> np.ndarray:
    """From steps in patient mm; the first voxel lies at (-30, -40, 10)."""
    found = np.eye(4)
    found[:3, :3] = np.array([slice_step, row_step, column_step]).T
    found[:3, 3] = (-30, -40, 10)
    return found


AXIAL = affine((0, 0, 4), (0, 2, 0), (1, 0, 0))


def marked() -> np.ndarray:
    """20 slices × 40 rows × 60 columns: 100 everywhere, a corner block 1000, and a sphere-like block 600 in the middle.

    The corner: first slices (feet), first rows (front), first columns (right side of the patient).
    """
    voxels = np.full((1, 20, 40, 60), 100, np.int16)
    voxels[0, :5, :10, :15] = 1000
    voxels[0, 8:12, 16:24, 25:35] = 600
    return voxels


def ct() -> bytes:
    """Axial, as CT is: 1 × 2 mm pixels, 4 mm apart."""
    return packed(marked() - 100, AXIAL, units="HU", window=[500, 1200])


def sagittal() -> bytes:
    """The same patient in sagittal slices from left to right, rows from head to foot, columns front to back."""
    voxels = np.flip(np.transpose(marked(), (0, 3, 1, 2)), (1, 2))
    turned = affine((-1, 0, 0), (0, 0, -4), (0, 2, 0))
    turned[:3, 3] = (29, -40, 86)
    return packed(voxels, turned, window=[500, 1200])


def three() -> bytes:
    """Three sequences; the second is twice the first, the third in thousandths."""
    one = marked()
    voxels = np.concatenate([one, 2 * one, one // 2])
    return packed(voxels, AXIAL, scale=0.5, offset=10.0, range=[[60.0, 310.0], [110.0, 610.0], [35.0, 160.0]])


def gap() -> bytes:
    """As `ct`, but between slices 9 and 10 (counted from 0) two are missing."""
    steps = np.arange(20) * 4.0
    steps[10:] += 8
    return packed(marked() - 100, AXIAL, units="HU", positions_mm=steps.tolist())


def flat() -> bytes:
    """As `ct`, without spacing in the file."""
    return packed(marked(), affine((0, 0, 1), (0, 1, 0), (1, 0, 0)), spacing_real=False)


def tilted() -> bytes:
    """As `ct`, each slice 2 mm further to the back than the one below it."""
    return packed(marked() - 100, affine((0, 2, 4), (0, 2, 0), (1, 0, 0)), units="HU")


def single() -> bytes:
    return packed(marked()[:, 9:10], AXIAL)


def large() -> bytes:
    """512 × 512 × 60, as a chest CT is, of smooth blobs."""
    z, y, x = np.mgrid[0:60, 0:512, 0:512].astype(np.float32)
    body = ((x - 256) / 210) ** 2 + ((y - 256) / 160) ** 2
    voxels = np.where(body < 1, 40 + 60 * np.sin(x / 9) * np.cos(y / 11 + z / 5), -1000)
    for side in (150, 360):
        voxels[((x - side) / 70) ** 2 + ((y - 250) / 100) ** 2 + ((z - 30) / 34) ** 2 < 1] = -800
    return packed(voxels[None], affine((0, 0, 5), (0, 0.7, 0), (0.7, 0, 0)), units="HU", window=[40, 400])


def series(name: str) -> bytes:
    """A real series, by position along its normal."""
    from pydicom import dcmread

    folder = settings().data
    assert folder
    files = [dcmread(path) for path in sorted((folder / "dicom_series" / "series" / name).glob("*.dcm"))]
    turn = np.array(files[0].ImageOrientationPatient, float)
    normal = np.cross(turn[:3], turn[3:])
    places = {id(f): np.array(f.ImagePositionPatient, float) for f in files}
    files.sort(key=lambda f: normal @ places[id(f)])
    first, last = places[id(files[0])], places[id(files[-1])]
    rows, columns = (float(v) for v in files[0].PixelSpacing)
    found = np.eye(4)
    found[:3, :3] = np.array([(last - first) / (len(files) - 1), turn[3:] * rows, turn[:3] * columns]).T
    found[:3, 3] = first
    ct_ = files[0].Modality == "CT"
    values = [f.pixel_array * float(f.get("RescaleSlope", 1)) + float(f.get("RescaleIntercept", 0)) for f in files]
    window = [float(np.atleast_1d(files[0].get(n) or 0)[0]) for n in ("WindowCenter", "WindowWidth")]
    return packed(
        np.stack(values)[None],
        found,
        units="HU" if ct_ else "",
        window=window if window[1] else None,
        positions_mm=[float(normal @ (places[id(f)] - first)) for f in files],
    )


MADE: Mapping[str, Callable[[], bytes]] = {
    f.__name__: f for f in (ct, sagittal, three, gap, flat, tilted, single, large)
}


@cache
def blob(kind: str, name: str) -> bytes:
    """An input, the map over it, or its mask, as the routes give them."""
    given = series(name) if name in SERIES else MADE[name]()
    if kind == "input":
        return given
    from medcore.store.pack import unpack

    shape = unpack(given)[1]["voxels"].shape[1:]
    s, r, c = (np.linspace(-1, 1, n, dtype=np.float32) for n in shape)
    # Left of the middle: where a temporal lobe lies in a head.
    far = np.sqrt((0.4 * s[:, None, None]) ** 2 + (r[:, None] - 0.05) ** 2 + (c - 0.42) ** 2)
    if kind == "map":
        return pack({"label": "x", "words": []}, {"map": np.rint(127 * np.exp(-((far / 0.2) ** 2))).astype(np.int8)})
    far = far + 0.02 * np.sin(19 * r[:, None] + 4 * s[:, None, None]) + 0.02 * np.cos(17 * c)
    parts = [(far > 0.08) & (far < 0.17), (far >= 0.17) & (far < 0.26), far <= 0.08]
    labels = [("rim", "Enhancing part"), ("around", "Surrounding change"), ("core", "Centre")]
    voxel = abs(np.linalg.det(np.array(unpack(given)[0]["affine"])[:3, :3])) / 1000
    real = unpack(given)[0]["spacing_real"]
    header = [
        {"name": n, "title": t, "volume_ml": float(p.sum() * voxel) if real else None}
        for (n, t), p in zip(labels, parts, strict=True)
    ]
    return pack({"labels": header, "leading": ["Flair"]}, {"mask": np.stack(parts).astype(np.uint8)})
