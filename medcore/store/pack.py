"""Arrays with a JSON header as one blob: what viewers fetch, and how maps are stored.

Four bytes: length of the header, little-endian. The header: JSON in UTF-8, ended by spaces so that what follows
begins on a multiple of 8 bytes. The arrays: little-endian, rows first, each begun on a multiple of 8 bytes; the
header's `arrays` gives name, dtype, shape and offset (from the header's end) of each.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from medcore.i18n import _
from medcore.inputs import Image, Input, Record, Signal, Volume

SIDE = 2048
MAP_SIDE = 256
GAP = -32768


def pack(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """One blob of the header's facts and the arrays."""
    listed: list[dict[str, Any]] = []
    body: list[bytes | memoryview] = []
    offset = 0
    for name, array in arrays.items():
        raw = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        listed.append({"name": name, "dtype": array.dtype.name, "shape": list(array.shape), "offset": offset})
        # The array itself, not a copy: a volume has hundreds of megabytes.
        body += [raw.reshape(-1).view(np.uint8).data, bytes(-raw.nbytes % 8)]
        offset += raw.nbytes + len(body[-1])
    text = json.dumps({**header, "arrays": listed}, ensure_ascii=False).encode()
    text += b" " * (-(len(text) + 4) % 8)
    return b"".join([len(text).to_bytes(4, "little"), text, *body])


def unpack(blob: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header (less `arrays`) and arrays of a blob."""
    start = 4 + int.from_bytes(blob[:4], "little")
    header = json.loads(blob[4:start])
    arrays = {}
    for a in header.pop("arrays"):
        dtype = np.dtype(a["dtype"]).newbyteorder("<")
        count = int(np.prod(a["shape"], dtype=int))
        arrays[a["name"]] = np.frombuffer(blob, dtype, count, start + a["offset"]).reshape(a["shape"])
    return header, arrays


def view_input(given: Input, remarks: Sequence[str] = ()) -> bytes:
    """What a viewer needs of an input: pixels of a film, samples of a signal, voxels of a volume, values of a record.

    remarks: what was said of it when it was read; a volume's viewer shows them
    """
    if isinstance(given, Volume):
        return _stack(given, remarks)
    if isinstance(given, Image):
        return _film(given)
    if isinstance(given, Signal):
        return _trace(given)
    assert isinstance(given, Record)
    return pack({"kind": "record", "values": dict(given.values)}, {})


def _film(given: Image) -> bytes:
    """pixels: uint16, stored value less `offset`, longest side at most SIDE by averaging over areas."""
    pixels, scale = shrink(given.pixels, SIDE)
    low = float(np.floor(pixels.min()))
    span = float(pixels.max()) - low
    step = max(1.0, span / 65535)
    header = {
        "kind": "image",
        "offset": low,
        "step": step,
        "rows": given.pixels.shape[0],
        "columns": given.pixels.shape[1],
        "monochrome1": given.monochrome1,
        "spacing_mm": [s * scale for s in given.spacing_mm] if given.spacing_mm else None,
        "window": given.window,
        "bits": given.bits,
    }
    return pack(header, {"pixels": np.rint((pixels - low) / step).astype(np.uint16)})


def _trace(given: Signal) -> bytes:
    """samples: int16 (leads, samples) in thousandths of the lead's unit (µV for mV), GAP where not recorded.

    A lead that doesn't fit is divided by its entry of `divisors`.
    """
    y = given.samples.astype(np.float64) * 1000
    peak = np.nanmax(np.abs(y), axis=1, initial=0.0, where=np.isfinite(y))
    divisors = np.maximum(1.0, peak / 32767)
    whole = np.where(np.isfinite(y), np.rint(y / divisors[:, None]), GAP).astype(np.int16)
    header = {
        "kind": "signal",
        "rate_hz": given.rate_hz,
        "leads": given.leads,
        "units": given.units,
        "divisors": divisors.tolist(),
    }
    return pack(header, {"samples": whole})


def _stack(given: Volume, remarks: Sequence[str]) -> bytes:
    """voxels: int16 (channels, slices, rows, columns); value in the volume's unit = voxel * `scale` + `offset`.

    `channels`: titles in the asker's language. `range`: 1st and 99th percentile of each channel, less what fills the
    outside. `positions_mm`: of each slice along the normal of the slices. `placed`: False where no sides may be named.
    """
    voxels, scale, offset = _to_int16(given.voxels)
    header = {
        "kind": "volume",
        "channels": [_(name) for name in given.channels],
        "units": given.units,
        "scale": scale,
        "offset": offset,
        "spacing_mm": given.spacing_mm,
        "spacing_real": given.spacing_real,
        "placed": given.placed,
        "affine": given.affine.tolist(),
        "positions_mm": given.along_mm,
        "window": given.window,
        "padding": given.padding,
        "range": [_middle(channel, given.padding) for channel in given.voxels],
        "facts": dict(given.facts),
        "remarks": list(remarks),
    }
    return pack(header, {"voxels": voxels})


def _to_int16(voxels: np.ndarray) -> tuple[np.ndarray, float, float]:
    """(int16, scale, offset) with voxels = int16 * scale + offset: exact for whole numbers that span less than 2^16."""
    if voxels.dtype == np.int16:
        return voxels, 1.0, 0.0
    low, high = float(voxels.min()), float(voxels.max())
    whole = voxels.dtype.kind in "iu"
    if whole and low >= -32768 and high <= 32767:
        return voxels.astype(np.int16), 1.0, 0.0
    scale = 1.0 if whole and high - low <= 65535 else (high - low) / 65535 or 1.0
    offset = low + 32768 * scale
    out = np.empty(voxels.shape, np.int16)
    for channel, stored in zip(out, voxels, strict=True):
        for i, picture in enumerate(stored):  # by slices: in 64 bits a volume would take four times its memory
            channel[i] = np.rint((picture.astype(np.float64) - offset) / scale)
    return out, scale, offset


def _middle(voxels: np.ndarray, padding: float | None) -> list[float]:
    """1st and 99th percentile of some hundred thousand voxels, spread evenly."""
    flat = voxels.reshape(-1)
    some = flat[:: max(1, flat.size // 100_000) | 1]  # an odd step meets all columns
    some = some[some != padding] if padding is not None and (some != padding).any() else some
    low, high = np.percentile(some, [1, 99])
    return [float(low), float(high)]


def shrink(picture: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    """(rows, columns[, 3]) with its longest side at most `side`, by averaging over areas; and by how much."""
    from PIL import Image as Pillow

    rows, columns = picture.shape[:2]
    scale = max(rows, columns) / side
    if scale <= 1:
        return picture, 1.0
    size = (max(1, round(columns / scale)), max(1, round(rows / scale)))
    planes = picture[..., None] if picture.ndim == 2 else picture
    small = [
        np.asarray(Pillow.fromarray(planes[..., i].astype(np.float32)).resize(size, Pillow.Resampling.BOX))
        for i in range(planes.shape[2])
    ]
    return (small[0] if picture.ndim == 2 else np.stack(small, -1)), scale
