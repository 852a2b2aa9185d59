"""Arrays with a JSON header as one blob: what viewers fetch, and how maps are stored.

Four bytes: length of the header, little-endian. The header: JSON in UTF-8, ended by spaces so that what follows
begins on a multiple of 8 bytes. The arrays: little-endian, rows first, each begun on a multiple of 8 bytes; the
header's `arrays` gives name, dtype, shape and offset (from the header's end) of each.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from medcore.inputs import Image, Input, Record, Signal

SIDE = 2048
MAP_SIDE = 256
GAP = -32768


def pack(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """One blob of the header's facts and the arrays."""
    listed, body, offset = [], [], 0
    for name, array in arrays.items():
        raw = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
        listed.append({"name": name, "dtype": array.dtype.name, "shape": list(array.shape), "offset": offset})
        raw += bytes(-len(raw) % 8)
        offset += len(raw)
        body.append(raw)
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


def view_input(given: Input) -> bytes:
    """What a viewer needs of an input: pixels of a film, samples of a signal, values of a record."""
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
