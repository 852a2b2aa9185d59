"""DICOM Segmentation: outlines that were drawn on a series, by a person or by a program."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from medcore.errors import Refused
from medcore.i18n import _
from medcore.inputs.outlines import CODE, DRAWN, MOST, OWN, Outlines
from medcore.readers import deidentify
from medcore.readers.base import Found
from medcore.readers.dicom_file import number, registered
from medcore.readers.geometry import SAME_PLACE_MM
from medcore.readers.own import write
from medcore.readers.pixels import check, decode
from medcore.readers.series import alike, items, slices_of


def is_one(dataset: Dataset) -> bool:
    return registered(dataset.get("SOPClassUID")) == "Segmentation Storage"


def read(dataset: Dataset, key: bytes = b"", case: str = "") -> Found:
    """The segments of one file, those that fractions are given of where it is at least a half.

    Free text (labels, descriptions, who drew it) is left out: a segment is called by its code.
    Raises Refused where the frames don't say what they show and where they lie.
    """
    check(dataset)
    slices = slices_of(dataset, 0)
    numbers = [int(number(s, "SegmentNumber", 0) or 0) for s in items(dataset, "SegmentSequence")]
    shown = [_segment(dataset, i) for i in range(len(slices))]
    first = slices[0]
    if not (first.spacing and first.orientation and all(s.position and alike(s, first) for s in slices)):
        raise Refused(
            _("The frames of this segmentation don't say where they lie, or lie in different directions."),
            _("Export it again, as one DICOM SEG on the slices of its series."),
        )
    if not numbers or not set(shown) <= set(numbers):
        raise Refused(
            _("The segmentation doesn't say which of its segments each frame shows."),
            _("Export it again, as one DICOM SEG of binary or fractional segments."),
        )
    axes = np.array(first.orientation).reshape(2, 3)
    corners = np.array([s.position for s in slices])
    heights = np.round(corners @ np.cross(*axes) / SAME_PLACE_MM).astype(np.int64)
    _places, starts, at = np.unique(heights, return_index=True, return_inverse=True)
    frames = decode(dataset).reshape(len(slices), int(dataset.Rows), int(dataset.Columns))
    half = (number(dataset, "MaximumFractionalValue", 1) or 1) / 2  # 1: binary
    bits = np.zeros((len(starts), *frames.shape[1:]), np.uint8)
    for frame, segment, place in zip(frames, shown, at, strict=True):
        if (bit := numbers.index(segment)) < MOST:
            bits[place] |= (frame >= half).astype(np.uint8) << bit
    segments = items(dataset, "SegmentSequence")[:MOST]
    who = None if deidentify.cleaned_before(dataset) else deidentify.person(dataset)
    clean = deidentify.clean(dataset, key, who)
    outlines = Outlines(
        bits=bits,
        corners_mm=corners[starts],
        steps_mm=np.stack([axes[1] * first.spacing[0], axes[0] * first.spacing[1]], 1),
        names=tuple(_name(segment) for segment in segments),
        drawn=tuple(_drawn(segment) for segment in segments),
        study=str(clean.StudyInstanceUID),
    )
    said = _("The file marks {n} segments; the first {most} are shown.").format(n=len(numbers), most=MOST)
    return Found(outlines, write(outlines), who, (said,) if len(numbers) > MOST else (), case)


def _segment(dataset: Dataset, frame: int) -> int:
    """The number of the segment that a frame shows; 0 where that isn't said."""
    groups = items(dataset, "PerFrameFunctionalGroupsSequence")
    for place in (*groups[frame : frame + 1], *items(dataset, "SharedFunctionalGroupsSequence")):
        for item in items(place, "SegmentIdentificationSequence"):
            return int(number(item, "ReferencedSegmentNumber", 0) or 0)
    return 0


def _drawn(segment: Dataset) -> str:
    how = str(segment.get("SegmentAlgorithmType") or "")
    return how if how in DRAWN else ""


def _name(segment: Dataset) -> str:
    """What it is, as "scheme:value" of a code that is known; "" for any other."""
    for code in items(segment, "SegmentedPropertyTypeCodeSequence"):
        scheme, value = str(code.get("CodingSchemeDesignator", "")), str(code.get("CodeValue", ""))
        if scheme == OWN and CODE.fullmatch(f"{scheme}:{value}"):
            return f"{scheme}:{value}"
        if scheme == "SRT":  # SNOMED's older codes
            value = _snomed()["SRT"].get(value, "")
        if scheme in ("SRT", "SCT") and value in meanings():
            return f"SCT:{value}"
    return ""


@cache
def _snomed() -> Mapping[str, Mapping[str, str]]:
    from pydicom.sr._snomed_dict import mapping

    return mapping


@cache
def meanings() -> Mapping[str, str]:
    """What SNOMED CT's codes of the DICOM standard mean, in the fewest words that the standard has for each."""
    from pydicom.sr._concepts_dict import concepts as _concepts

    concepts: Any = _concepts

    known: dict[str, str] = {}
    for codes in concepts["SCT"].values():
        for value, (meaning, *_rest) in codes.items():
            known[value] = min(known.get(value, meaning), meaning, key=len)
    return known
