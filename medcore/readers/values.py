"""Stored values of volumes, scaled and in a type that the rest of the product takes."""

from collections.abc import Sequence

import numpy as np


def rescaled(stored: np.ndarray, rescales: Sequence[tuple[float, float]]) -> np.ndarray:
    """(slices, …) each times its slope plus its intercept: int16 or int32 where the results are whole, else float32."""
    if set(rescales) == {(1.0, 0.0)}:
        return stored
    low, high = float(stored.min()), float(stored.max())
    ends = [end * slope + intercept for slope, intercept in set(rescales) for end in (low, high)]
    whole = stored.dtype.kind in "iu" and all(float(v).is_integer() for pair in set(rescales) for v in pair)
    dtype = _smallest(min(ends), max(ends)) if whole else np.dtype(np.float32)
    out = np.empty(stored.shape, dtype)
    for i, (slope, intercept) in enumerate(rescales):
        # One slice at a time and wide: nothing overflows, and no second volume of memory is taken.
        out[i] = stored[i].astype(np.float64) * slope + intercept
    return out


def plain(voxels: np.ndarray) -> np.ndarray:
    """Little-endian, and of at most 32 bits: wider numbers become int32 where they fit, else float32."""
    if voxels.dtype.kind == "f":
        return voxels.astype("<f4", copy=False)
    if voxels.dtype.itemsize < 4 or voxels.dtype == np.int32:
        return voxels.astype(voxels.dtype.newbyteorder("<"), copy=False)
    low, high = float(voxels.min()), float(voxels.max())
    return voxels.astype(np.int32 if _fits(np.dtype(np.int32), low, high) else np.float32)


def _smallest(low: float, high: float) -> np.dtype:
    wholes = (np.dtype(np.int16), np.dtype(np.int32))
    return next((d for d in wholes if _fits(d, low, high)), np.dtype(np.float32))


def _fits(dtype: np.dtype, low: float, high: float) -> bool:
    return bool(np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max)
