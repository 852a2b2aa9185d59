"""Volumes out of DICOM: the files of a series, or the frames of one file."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from medcore.errors import Refused
from medcore.i18n import _
from medcore.inputs import Volume
from medcore.readers import deidentify, geometry
from medcore.readers.base import check_size
from medcore.readers.dicom import refuse_other_objects
from medcore.readers.dicom_file import number
from medcore.readers.geometry import Slice, Stack
from medcore.readers.pixels import check, decode_grey
from medcore.readers.values import plain, rescaled

STACKED = frozenset(["CT", "MR", "PT"])
"""Modalities whose pictures are slices. Films, ultrasound and angiograms of one series stay pictures."""


@dataclass(frozen=True)
class Built:
    """A volume (without facts), the files that it came from in their order, and what is to be said of it."""

    volume: Volume
    sources: tuple[int, ...]
    remarks: tuple[str, ...]


def is_slice(dataset: Dataset) -> bool:
    """One grey picture of CT, MR or PET."""
    return (
        str(dataset.get("Modality", "")) in STACKED
        and str(dataset.get("PhotometricInterpretation", "")) == "MONOCHROME2"
        and "PixelData" in dataset
        and (number(dataset, "NumberOfFrames", 1) or 1) <= 1
    )


def is_stack(dataset: Dataset) -> bool:
    """One file of several grey frames that say where they lie, or that are CT, MR or PET.

    Raises Refused for what holds no picture, or claims more than is read.
    """
    refuse_other_objects(dataset)
    grey = str(dataset.get("PhotometricInterpretation", "")) == "MONOCHROME2" and "PixelData" in dataset
    if not grey or (number(dataset, "NumberOfFrames", 1) or 1) <= 1:
        return False
    check(dataset)  # before anything is counted by frames
    return str(dataset.get("Modality", "")) in STACKED or all(s.position for s in slices_of(dataset, 0))


def alike(a: Slice, b: Slice) -> bool:
    """Whether both lie in parallel planes on the same grid."""
    if (a.position is None) != (b.position is None):
        return False
    return _near(a.orientation, b.orientation, 1e-3) and _near(a.spacing, b.spacing, 1e-4)


def _near(a: Sequence[float] | None, b: Sequence[float] | None, within: float) -> bool:
    if a is None or b is None:
        return a is b
    return all(abs(one - two) <= within for one, two in zip(a, b, strict=True))


def volumes(datasets: Sequence[Dataset], slices: Sequence[Slice] = ()) -> tuple[list[Built], list[int]]:
    """The volumes in one file of several frames, or in files of a slice each; and the numbers of those files that lie
    by themselves.

    slices: one a file, whose pictures are checked already; none for a file of several frames
    Raises Refused for what can't be drawn right, or would be too large.
    """
    first, said = datasets[0], []
    frames = 1 if slices else check(first)
    check_size(len(datasets) * frames * int(first.Rows) * int(first.Columns) * -(-int(first.BitsAllocated) // 8))
    slices = slices or slices_of(first, 0)
    if not all(alike(s, slices[0]) for s in slices):
        raise Refused(
            _("The frames of this file lie in different directions or distances: they form no stack."),
            _("Export the frames as files of their own and upload those."),
        )
    parts, remarks = geometry.apart(slices, lambda s: _marks(datasets[s.source], s.frame))
    alone = [part[0].source for part in parts if len(part) == 1]
    if frames > 1 and len(alone) == len(parts):
        raise Refused(
            _("The frames of this file lie all at one place: they form no stack."),
            _("Export the frames as files of their own and upload those."),
        )
    if frames > 1 and alone:
        said.append(_("{n} frames lie by themselves and are left out.").format(n=len(alone)))
    stacks = [geometry.stack(part) for part in parts if len(part) > 1]
    built = [_volume(stack, datasets, frames, [*remarks, *said]) for stack in stacks]
    return built, [] if frames > 1 else alone


# where the slices lie


def slices_of(dataset: Dataset, source: int) -> list[Slice]:
    """What the header says of each frame: in its own functional groups, in those of all frames, or for the file."""
    shared = items(dataset, "SharedFunctionalGroupsSequence")
    frames = items(dataset, "PerFrameFunctionalGroupsSequence")
    count = int(number(dataset, "NumberOfFrames", 1) or 1)
    if count == len(frames):
        return [_slice([frame, *shared, dataset], source, i) for i, frame in enumerate(frames)]
    only = _slice([*shared, dataset], source, 0)
    # Where the file as a whole lies, not all of its frames can lie.
    return [only] if count == 1 else [replace(only, frame=i, number=float(i), position=None) for i in range(count)]


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    try:
        return list(dataset.get(keyword) or [])
    except Exception:
        return []


def _slice(places: Sequence[Dataset], source: int, frame: int) -> Slice:
    orientation = _numbers(places, "PlaneOrientationSequence", "ImageOrientationPatient", 6)
    spacing = _numbers(places, "PixelMeasuresSequence", "PixelSpacing", 2)
    measures = _numbers(places, "PixelMeasuresSequence", "SpacingBetweenSlices", 1)
    location = _numbers(places, "", "SliceLocation", 1)
    counted = _numbers(places, "FrameContentSequence", "InStackPositionNumber", 1) or _numbers(
        places, "", "InstanceNumber", 1
    )
    return Slice(
        source=source,
        frame=frame,
        number=counted[0] if counted else float(frame),
        position=_numbers(places, "PlanePositionSequence", "ImagePositionPatient", 3),
        orientation=orientation if orientation and _are_axes(orientation) else None,
        spacing=(spacing[0], spacing[1]) if spacing and all(0 < v < 1000 for v in spacing) else None,
        location=location[0] if location else None,
        thickness=measures[0] if measures and 0 < measures[0] < 1000 else None,
    )


def _marks(dataset: Dataset, frame: int) -> list[object]:
    """What may tell pictures of one place apart: echo, diffusion weighting, time, inversion, flip angle, kind …"""
    where = _groups(dataset, frame)
    times = ("FrameContentSequence", "TemporalPositionIndex"), ("", "TemporalPositionIdentifier")
    return [
        _numbers(where, "MREchoSequence", "EffectiveEchoTime", 1) or _numbers(where, "", "EchoTime", 1),
        _numbers(where, "MRDiffusionSequence", "DiffusionBValue", 1),
        next(filter(None, (_numbers(where, sequence, tag, 1) for sequence, tag in times)), None),
        *(_numbers(where, "", tag, 1) for tag in ("InversionTime", "FlipAngle", "AcquisitionNumber")),
        str(dataset.get("ImageType", "")),
    ]


def _numbers(places: Sequence[Dataset], sequence: str, keyword: str, n: int) -> tuple[float, ...] | None:
    """The tag's numbers, of the first place that has it; None where they aren't `n` finite ones."""
    for place in places:
        for item in [*(items(place, sequence) if sequence else []), place]:
            try:
                raw: Any = item.get_item(keyword)
                if isinstance(raw, RawDataElement) and (raw.VR or dictionary_VR(keyword)) in ("DS", "IS") and raw.value:
                    # A third of the time to open a series went into pydicom's checks of decimal strings.
                    value: Any = raw.value.decode("ascii").rstrip(" \0").split("\\")
                else:
                    value = item.get(keyword)
                    value = [] if value is None or value == "" else [value] if n == 1 else value
                numbers = tuple(float(v) for v in value)
            except Exception:
                continue
            if not numbers:
                continue
            if len(numbers) == n and all(map(math.isfinite, numbers)):
                return numbers
    return None


def _are_axes(orientation: tuple[float, ...]) -> bool:
    """Two directions at right angles."""
    rows, columns = np.array(orientation).reshape(2, 3)
    lengths = np.array([rows @ rows, columns @ columns])
    return bool(np.abs(lengths - 1).max() < 0.02 and abs(rows @ columns) < 0.02)


# values


def _volume(stack: Stack, datasets: Sequence[Dataset], frames: int, remarks: Sequence[str]) -> Built:
    voxels = _stored(stack, datasets, frames)
    first, middle = datasets[stack.slices[0].source], datasets[stack.slices[len(stack.slices) // 2].source]
    rescales = [_rescale(datasets[s.source], s.frame) for s in stack.slices]
    said = [*stack.remarks, *remarks]
    hounsfield = str(first.get("Modality", "")) == "CT" and None not in rescales and _unit_of(first) in ("", "HU")
    applied = hounsfield or len(set(rescales)) > 1
    if applied:
        voxels = rescaled(voxels, [r or (1.0, 0.0) for r in rescales])
    if applied and not hounsfield:
        said.append(_("Each slice has a scale of its own: the values are the stored ones times that scale."))
    padding = _padding(first, voxels, rescales[0] if applied else None, hounsfield)
    if padding is not None:
        said.append(
            _("Outside the scan the files hold {value:g} as a filling, which is no tissue.").format(value=padding)
        )
    volume = Volume(
        voxels=plain(voxels)[None],
        affine=stack.affine,
        channels=(deidentify.sequence_of(first),),
        units="HU" if hounsfield else "",
        spacing_real=stack.spacing_real,
        placed=stack.placed,
        positions_mm=stack.positions_mm,
        window=_window(middle, None if applied else _rescale(middle, 0)),
        padding=padding,
    )
    return Built(volume, tuple(dict.fromkeys(s.source for s in stack.slices)), tuple(said))


def _stored(stack: Stack, datasets: Sequence[Dataset], frames: int) -> np.ndarray:
    """(slices, rows, columns): the values as stored."""
    first = datasets[0]
    if frames > 1:
        whole = decode_grey(first)
        order = [s.frame for s in stack.slices]
        kept = whole if order == list(range(len(whole))) else whole[order]
        return np.ascontiguousarray(kept, kept.dtype.newbyteorder("<"))
    voxels: np.ndarray | None = None
    for i, s in enumerate(stack.slices):
        picture = decode_grey(datasets[s.source])
        if voxels is None:
            dtype = picture.dtype.newbyteorder("<")
            voxels = np.empty((len(stack.slices), int(first.Rows), int(first.Columns)), dtype)
        voxels[i] = picture
    assert voxels is not None
    return voxels


def _groups(dataset: Dataset, frame: int) -> list[Dataset]:
    """Where a frame's tags are looked for, the nearest first."""
    own = items(dataset, "PerFrameFunctionalGroupsSequence")[frame : frame + 1]
    return [*own, *items(dataset, "SharedFunctionalGroupsSequence"), dataset]


def _rescale(dataset: Dataset, frame: int) -> tuple[float, float] | None:
    """(slope, intercept), None where the file has none."""
    where, sequence = _groups(dataset, frame), "PixelValueTransformationSequence"
    intercept = _numbers(where, sequence, "RescaleIntercept", 1)
    slope = _numbers(where, sequence, "RescaleSlope", 1)
    if intercept is None and slope is None:
        return None
    return (slope or (1.0,))[0] or 1.0, (intercept or (0.0,))[0]


def _unit_of(dataset: Dataset) -> str:
    """RescaleType as stated, "" where it isn't; then a CT is in HU (PS3.3 C.11.1.1.2)."""
    for place in _groups(dataset, 0):
        for item in [*items(place, "PixelValueTransformationSequence"), place]:
            if item.get("RescaleType"):
                return str(item.RescaleType)
    return ""


def _padding(
    dataset: Dataset, voxels: np.ndarray, rescale: tuple[float, float] | None, hounsfield: bool
) -> float | None:
    """The value that fills what was not scanned: PixelPaddingValue if it occurs; in CT else what lies below air."""
    stated = _numbers([dataset], "", "PixelPaddingValue", 1)
    slope, intercept = rescale or (1.0, 0.0)
    if stated and bool((voxels == stated[0] * slope + intercept).any()):
        return stated[0] * slope + intercept
    lowest = float(voxels.min())
    return lowest if hounsfield and lowest < -1024 else None


def _window(dataset: Dataset, undo: tuple[float, float] | None) -> tuple[float, float] | None:
    """The first window that the file suggests. undo: the scale to take back, for values that stay as stored."""
    where = _groups(dataset, 0)
    both = [_first(where, keyword) for keyword in ("WindowCenter", "WindowWidth")]
    slope, intercept = undo or (1.0, 0.0)
    if both[0] is None or both[1] is None or not 0 < both[1] < 1e9 or not abs(both[0]) < 1e9:
        return None
    return (both[0] - intercept) / slope, abs(both[1] / slope)


def _first(places: Sequence[Dataset], keyword: str) -> float | None:
    for place in places:
        for item in [*items(place, "FrameVOILUTSequence"), place]:
            try:
                value = number(item, keyword)
            except Refused:
                continue
            if value is not None and math.isfinite(value):
                return value
    return None
