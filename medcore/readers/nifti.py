"""NIfTI: volumes of one file each (.nii, .nii.gz), versions 1 and 2.

https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h
"""

import math
import posixpath
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from medcore.errors import Refused
from medcore.i18n import _
from medcore.inputs import Volume
from medcore.readers.base import Found, check_size, clean_facts, unique, words
from medcore.readers.sequences import SEQUENCES, apart_from_sequence, sequence
from medcore.readers.values import plain, rescaled

GZIP = b"\x1f\x8b"
MOST_CHANNELS = 8
THICKEST = 0.9  # an axis of this share of the largest distance may be the one that the slices are counted along
_HEADER = {348: (344, b"n+1\0"), 540: (4, b"n+2\0")}  # size: where its name stands, and the name
_TO_MM = {1: 1000.0, 3: 0.001}  # metres, micrometres; NIFTI_UNITS_MM is 2, and what says nothing is taken for it
_DTYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
_KEPT = words(  # numbers that say how to read the values and where they lie; every text and every extension goes
    "dim datatype bitpix pixdim scl_slope scl_inter cal_max cal_min xyzt_units qform_code sform_code quatern_b"
    " quatern_c quatern_d qoffset_x qoffset_y qoffset_z srow_x srow_y srow_z"
)


def is_nifti(start: bytes) -> bool:
    """Whether these bytes, some 350 at least, begin a NIfTI file that holds header and values."""
    return any(_order(start, size) and start[at : at + 4] == name for size, (at, name) in _HEADER.items())


def _order(start: bytes, size: int) -> str:
    """How its numbers are written, "<" or ">"; "" where this is no header of that size."""
    return {size.to_bytes(4, "little"): "<", size.to_bytes(4, "big"): ">"}.get(start[:4], "")


def groups(names: Iterable[str]) -> list[list[str]]:
    """Names of the files that are read together: those of one folder that differ only in the sequence named."""
    found: dict[object, list[str]] = {}
    for name in names:
        folder, base = posixpath.split(name)
        word = sequence(base)
        key = (folder, apart_from_sequence(base)) if word else name
        if word in map(sequence, map(posixpath.basename, found.get(key, []))):
            key = name
        found.setdefault(key, []).append(name)
    return list(found.values())


def read(files: Mapping[str, bytes], case: str = "") -> list[Found]:
    """The volumes of a group: one of several channels where all lie on one grid, else one a file.

    The sequence is told by the file's name, and is another for each.
    Raises Refused for what is damaged, too large, or no volume.
    """
    named = {sequence(posixpath.basename(name)): content for name, content in files.items()}
    parts = [_one(named[word], word) for word in sorted(named, key=("", *SEQUENCES).index)]
    volumes, first = [p.volume for p in parts], parts[0].volume
    if len(first.voxels) == 1 and all(_on_one_grid(first, v) for v in volumes):
        check_size(sum(v.voxels.nbytes for v in volumes))
        joined = replace(
            first,
            voxels=np.concatenate([v.voxels for v in volumes]) if len(volumes) > 1 else first.voxels,
            channels=tuple(c for v in volumes for c in v.channels),
            window=first.window if len(volumes) == 1 else None,
            facts=clean_facts({"sequence": ", ".join(p.word for p in parts)}),
        )
        cleaned = {p.name: p.cleaned for p in parts}
        return [Found(joined, cleaned, None, unique(r for p in parts for r in p.remarks), case)]
    return [
        Found(replace(p.volume, facts=clean_facts({"sequence": p.word})), {p.name: p.cleaned}, None, p.remarks, case)
        for p in parts
    ]


def _on_one_grid(a: Volume, b: Volume) -> bool:
    return a.voxels.shape == b.voxels.shape and bool(np.allclose(a.affine, b.affine, atol=1e-3))


@dataclass(frozen=True)
class _Part:
    """One file's volume, and a file that holds its numbers and nothing else. word: the sequence, "" if not told."""

    word: str
    volume: Volume
    cleaned: bytes
    remarks: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.word or 'volume'}.nii"


def _one(content: bytes, word: str) -> _Part:
    header = _header(_inflated(content, 544))
    shape, dtype = _layout(header)
    begin, size = _begin(header), math.prod(shape) * dtype.itemsize
    check_size(begin + size)
    whole = _inflated(content, begin + size)
    if len(whole) < begin + size:
        raise Refused(
            _("The NIfTI file holds {have:,} of the {need:,} bytes that its header announces.").format(
                have=len(whole), need=begin + size
            ),
            _("It is cut off: copy or export it again."),
        )
    stored = np.frombuffer(whole, dtype, math.prod(shape), begin).reshape(shape[::-1])
    voxels, remarks = _values(stored, header)
    affine, placed, spaced = _place(header, remarks)
    voxels, affine = upright(voxels, affine)
    low, high = float(header["cal_min"]), float(header["cal_max"])
    volume = Volume(
        voxels=np.ascontiguousarray(voxels),
        affine=affine,
        channels=(word,) if len(voxels) == 1 else tuple(str(i + 1) for i in range(len(voxels))),
        spacing_real=spaced,
        placed=placed,
        window=((low + high) / 2, high - low) if abs(low) < 1e9 and low < high < 1e9 else None,
    )
    cleaned = _cleaned(header, memoryview(whole)[begin : begin + size])
    return _Part(word, volume, cleaned, tuple(remarks))


def _damaged() -> Refused:
    return Refused(_("The NIfTI file is cut off or damaged."), _("Copy or export it again."))


def _inflated(content: bytes, need: int) -> bytes:
    """The first `need` bytes, or all where there are fewer. Of a packed file no more than that is unpacked."""
    if not content.startswith(GZIP):
        return content
    out = bytearray()
    while len(out) < need and content:
        inflater = zlib.decompressobj(31)
        try:
            out += inflater.decompress(content, need - len(out))
        except zlib.error:
            raise _damaged() from None
        content = inflater.unused_data  # a file may be packed in several pieces
        if not inflater.eof:
            break
    return bytes(out)


def _header(start: bytes) -> Any:
    """The header by nibabel. Raises Refused where there is none."""
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    size = next((s for s in _HEADER if _order(start, s)), 0)
    if not size or len(start) < size:
        raise _damaged()
    kind = Nifti1Header if size == 348 else Nifti2Header
    return kind(start[:size], endianness=_order(start, size), check=False)  # type: ignore[no-untyped-call]


def _layout(header: Any) -> tuple[tuple[int, ...], np.dtype]:
    """(columns, rows, slices, channels) as the file counts them, and the type of its numbers."""
    count = int(header["dim"][0])
    sizes = [int(n) for n in header["dim"][1 : count + 1]]
    if not 2 <= count <= 7 or min(sizes) < 1:
        raise _damaged()
    sizes += [1] * (4 - len(sizes))
    if sizes[3] > MOST_CHANNELS or max(sizes[4:], default=1) > 1:
        raise Refused(
            _("The NIfTI file holds {n} volumes; at most {most} on one grid are read.").format(
                n=math.prod(sizes[3:]), most=MOST_CHANNELS
            ),
            _("Export one volume of it, or a mean over time, as a file of its own."),
        )
    code = int(header["datatype"])
    if code not in _DTYPES:
        raise Refused(
            _("The voxels of the NIfTI file are no plain numbers (data type {code}).").format(code=code),
            _("Export the volume as grey values: 8 or 16 bits, or floating-point."),
        )
    return tuple(sizes[:4]), np.dtype(header.endianness + _DTYPES[code])


def _begin(header: Any) -> int:
    """Where the values begin; a header that says nothing is followed by them."""
    least = 4 + int(header["sizeof_hdr"])
    offset = float(header["vox_offset"])
    if not 0 <= offset < 2**31:
        raise _damaged()
    return max(least, int(offset))


def _values(stored: np.ndarray, header: Any) -> tuple[np.ndarray, list[str]]:
    """(channels, slices, rows, columns) as the file counts them, scaled by its slope and intercept, and remarks."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    remarks = []
    if stored.dtype.kind == "f":
        good = np.isfinite(stored)
        if not good.all():
            remarks.append(_("{n:,} voxels hold no number: 0 stands in.").format(n=int(good.size - good.sum())))
            stored = np.where(good, stored, 0)
    if math.isfinite(slope) and slope != 0 and math.isfinite(intercept):
        slices = stored.reshape(-1, *stored.shape[2:])
        with np.errstate(over="ignore", invalid="ignore"):
            stored = rescaled(slices, [(slope, intercept)] * len(slices)).reshape(stored.shape)
    with np.errstate(over="ignore"):
        voxels = plain(stored)
    if voxels.dtype.kind == "f" and not np.isfinite(voxels).all():
        raise Refused(_("The values of the NIfTI file are too large to be read."), _("Export them on a smaller scale."))
    return voxels, remarks


def _place(header: Any, remarks: list[str]) -> tuple[np.ndarray, bool, bool]:
    """(affine, placed, spacing_real). affine: (4, 4) from (column, row, slice) as the file counts them to mm in
    DICOM's axes."""
    to_mm = _TO_MM.get(int(header["xyzt_units"]) & 7, 1.0)
    sizes = np.array(header["pixdim"][1:4], np.float64) * to_mm
    spaced = bool(np.isfinite(sizes).all() and (sizes > 0).all() and (sizes < 1000).all())
    affine = np.eye(4)
    placed = int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0
    if placed:
        try:
            affine = np.array(header.get_best_affine(), np.float64)
        except Exception:  # a quaternion that turns nothing, distances of 0
            placed = False
        affine[:3] *= to_mm
        lengths = np.linalg.norm(affine[:3, :3], axis=0)
        inside = np.isfinite(affine).all() and (lengths > 1e-4).all() and (lengths < 1000).all()
        placed = placed and bool(inside and abs(np.linalg.det(affine[:3, :3])) > 1e-3 * lengths.prod())
    if not placed:
        # As the format has it where it says nothing: columns run to the patient's left side, rows to the head.
        affine = np.diag([*(sizes if spaced else np.ones(3)), 1.0])
        remarks.append(_("The file doesn't say how the volume lies in the patient: no sides are named."))
    if not placed and not spaced:
        remarks.append(
            _("The file doesn't say how far apart the voxels are: 1 mm stands in, and nothing is measured in mm.")
        )
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine, placed, placed or spaced


def upright(voxels: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Axes in the order and direction in which slices are looked at.

    voxels: (channels, slices, rows, columns), affine: (4, 4) from (column, row, slice), as the file counts them.
    Slices are counted along the axis of the largest distance, along the body where distances are about equal.
    Rows run to the back or to the feet, columns to the left or to the back, slices along columns × rows, as in DICOM.
    The affine that comes back is from (slice, row, column).
    """
    from nibabel.orientations import io_orientation

    turned = io_orientation(affine)  # type: ignore[no-untyped-call]
    nearest = [int(axis) for axis in turned[:, 0]]  # the patient's axis that each of the file's is nearest to
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    along = nearest.index(2)
    if lengths[along] < THICKEST * lengths.max():
        along = int(lengths.argmax())
    columns, rows = sorted((a for a in range(3) if a != along), key=lambda a: nearest[a])
    voxels = voxels.transpose(0, 3 - along, 3 - rows, 3 - columns)
    vectors = [affine[:3, a].copy() for a in (along, rows, columns)]
    flips = [
        False,
        turned[rows, 1] == (1 if nearest[rows] == 2 else -1),
        turned[columns, 1] == -1,
    ]
    signs = [-1 if flip else 1 for flip in flips]
    flips[0] = bool(np.cross(signs[2] * vectors[2], signs[1] * vectors[1]) @ vectors[0] < 0)
    corner = affine[:3, 3].copy()
    for i, flip in enumerate(flips):
        if flip:
            corner += vectors[i] * (voxels.shape[i + 1] - 1)
            vectors[i] = -vectors[i]
            voxels = np.flip(voxels, i + 1)
    out = np.eye(4)
    out[:3] = np.stack([*vectors, corner], 1) + 0.0  # no negative zeros
    return voxels, out


def _cleaned(header: Any, values: memoryview) -> bytes:
    """A file of the numbers that _KEPT names and the values."""
    out = type(header)(endianness=header.endianness)
    for name in _KEPT:
        out[name] = header[name]
    out["vox_offset"] = 4 + int(header["sizeof_hdr"])
    return b"".join([out.binaryblock, bytes(4), values])
