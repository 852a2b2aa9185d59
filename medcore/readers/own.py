"""The product's own neutral file: any input, bit for bit, and nothing that names anybody.

`MEDCORE1`, the length of the header (4 bytes, little-endian), the header as JSON, the arrays' bytes.
"""

import json
import re
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from medcore.errors import Refused
from medcore.i18n import _
from medcore.inputs import KINDS, Image, Input, Outlines, Record, Signal, Volume
from medcore.inputs.outlines import CODE, DRAWN, MOST
from medcore.readers.base import check_size, clean_facts
from medcore.readers.identity import holds_identity

MAGIC = b"MEDCORE1"
_UID = re.compile(r"2\.25\.\d{1,39}")
_DTYPE = re.compile(r"[|<>][iuf][1248]")


def write(given: Input) -> dict[str, bytes]:
    """One file by neutral name, from which `read` gives the same input again."""
    array, header = describe(given)
    if array is not None:
        header["array"] = {"dtype": array.dtype.str, "shape": array.shape}
    text = json.dumps({"kind": given.kind, **header}, ensure_ascii=False).encode()
    raw = b"" if array is None else np.ascontiguousarray(array).tobytes()
    return {f"{given.kind}.medcore": MAGIC + struct.pack("<I", len(text)) + text + raw}


def describe(given: Input) -> tuple[np.ndarray | None, dict[str, Any]]:
    """(its array, all else as JSON values)."""
    facts = clean_facts(given.facts)
    if isinstance(given, Record):
        return None, {"values": dict(given.values), "facts": facts}
    if isinstance(given, Image):
        return given.pixels, {
            "monochrome1": given.monochrome1,
            "spacing_mm": given.spacing_mm,
            "bits": given.bits,
            "window": given.window,
            "facts": facts,
        }
    if isinstance(given, Signal):
        return given.samples, {"rate_hz": given.rate_hz, "leads": given.leads, "units": given.units, "facts": facts}
    if isinstance(given, Volume):
        return given.voxels, {
            "affine": given.affine.tolist(),
            "channels": given.channels,
            "units": given.units,
            "spacing_real": given.spacing_real,
            "placed": given.placed,
            "positions_mm": given.positions_mm,
            "window": given.window,
            "padding": given.padding,
            "facts": facts,
        }
    if isinstance(given, Outlines):
        return given.bits, {
            "corners_mm": given.corners_mm.tolist(),
            "steps_mm": given.steps_mm.tolist(),
            "names": given.names,
            "drawn": given.drawn,
            "study": given.study,
            "facts": facts,
        }
    raise TypeError(given.kind)


def rebuild(kind: str, array: np.ndarray | None, header: Mapping[str, Any]) -> Input:
    """The input that `describe` took apart. Raises KeyError, TypeError or ValueError on what doesn't fit."""
    facts = clean_facts({str(k): str(v) for k, v in header["facts"].items()})
    if kind == "record":
        return Record(values=_values(header["values"]), facts=facts)
    if array is None:
        raise ValueError(kind)
    if kind == "image":
        if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3) or 0 in array.shape:
            raise ValueError(kind)
        return Image(
            pixels=array,
            monochrome1=bool(header["monochrome1"]),
            spacing_mm=_pair(header["spacing_mm"]),
            bits=int(header["bits"]),
            window=_pair(header["window"]),
            facts=facts,
        )
    if kind == "volume":
        return _volume(array, header, facts)
    if kind == "outlines":
        return _outlines(array, header, facts)
    leads, units = (tuple(str(v)[:24] for v in header[k]) for k in ("leads", "units"))
    rate = float(header["rate_hz"])
    if array.ndim != 2 or array.dtype != np.float32 or not len(array) == len(leads) == len(units) or not 0 < rate < 1e9:
        raise ValueError(kind)
    if any(holds_identity(v) for v in leads + units):
        raise ValueError(kind)
    return Signal(samples=array, rate_hz=rate, leads=leads, units=units, facts=facts)


def _volume(voxels: np.ndarray, header: Mapping[str, Any], facts: dict[str, str]) -> Volume:
    affine = np.array(header["affine"], np.float64)
    channels, units = tuple(str(v)[:24] for v in header["channels"]), str(header["units"])
    positions, padding = header["positions_mm"], header["padding"]
    if voxels.ndim != 4 or 0 in voxels.shape or affine.shape != (4, 4) or len(channels) != len(voxels):
        raise ValueError("volume")
    if not np.isfinite(affine).all() or np.linalg.det(affine) == 0 or units not in ("", "HU"):
        raise ValueError("volume")
    if any(holds_identity(c) for c in channels) or (voxels.dtype.kind == "f" and not np.isfinite(voxels).all()):
        raise ValueError("volume")
    if positions is not None and len(positions) != voxels.shape[1]:
        raise ValueError("volume")
    return Volume(
        voxels=voxels,
        affine=affine,
        channels=channels,
        units=units,
        spacing_real=bool(header["spacing_real"]),
        placed=bool(header["placed"]),
        positions_mm=None if positions is None else tuple(float(v) for v in positions),
        window=_pair(header["window"]),
        padding=None if padding is None else float(padding),
        facts=facts,
    )


def _outlines(bits: np.ndarray, header: Mapping[str, Any], facts: dict[str, str]) -> Outlines:
    corners, steps = (np.array(header[name], np.float64) for name in ("corners_mm", "steps_mm"))
    names, drawn = (tuple(str(v) for v in header[name]) for name in ("names", "drawn"))
    study = str(header["study"])
    if bits.ndim != 3 or bits.dtype != np.uint8 or 0 in bits.shape or corners.shape != (len(bits), 3):
        raise ValueError("outlines")
    if steps.shape != (3, 2) or not np.isfinite(corners).all() or not np.isfinite(steps).all():
        raise ValueError("outlines")
    if not len(names) == len(drawn) <= MOST or not all(map(CODE.fullmatch, names)) or not DRAWN.issuperset(drawn):
        raise ValueError("outlines")
    if not _UID.fullmatch(study):
        raise ValueError("outlines")
    return Outlines(bits, corners, steps, names, drawn, study, facts)


def _pair(value: Any) -> tuple[float, float] | None:
    return None if value is None else (float(value[0]), float(value[1]))


def _values(values: Mapping[str, Any]) -> dict[str, float | str | None]:
    for name, value in values.items():
        if value is not None and not isinstance(value, float | int | str):
            raise ValueError(name)
        if holds_identity(name) or (isinstance(value, str) and (len(value) > 40 or holds_identity(value))):
            raise ValueError(name)
    return dict(values)


def read(content: bytes) -> Input:
    """The input in one of our own files. Raises Refused when it isn't whole."""
    try:
        (length,) = struct.unpack_from("<I", content, len(MAGIC))
        start = len(MAGIC) + 4 + length
        header = json.loads(content[len(MAGIC) + 4 : start])
        if header["kind"] not in KINDS:
            raise ValueError(header["kind"])
        array = _array(header["array"], content, start) if "array" in header else None
        return rebuild(header["kind"], array, header)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, struct.error):
        raise Refused(_("The MedCore file is damaged."), _("Export it again.")) from None


def _array(stated: Mapping[str, Any], content: bytes, start: int) -> np.ndarray:
    if not _DTYPE.fullmatch(stated["dtype"]):
        raise ValueError(stated["dtype"])
    dtype, shape = np.dtype(stated["dtype"]), tuple(int(n) for n in stated["shape"])
    count = 1
    for n in shape:
        count *= n
    check_size(count * dtype.itemsize)
    if min(shape, default=0) < 0 or len(content) - start != count * dtype.itemsize:
        raise ValueError(shape)
    return np.frombuffer(content, dtype, count, start).reshape(shape)
