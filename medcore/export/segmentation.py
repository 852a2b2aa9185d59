"""DICOM Segmentation: a mask on the very slices that it was drawn on."""

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydicom import dcmwrite
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from medcore.errors import Refused
from medcore.export.report import MAKER, RESEARCH
from medcore.export.study import Study, mark
from medcore.i18n import _
from medcore.inputs.outlines import NEAR_MM, OWN

if TYPE_CHECKING:
    from highdicom.seg import SegmentDescription

SERIES = 9002


def segmentation(
    mask: np.ndarray, labels: Mapping[str, str], affine: np.ndarray, study: Study, package: str, package_hash: str
) -> bytes:
    """A PS3.10 file with one binary segment a label, every slice in it, opened again and compared before it is given.

    mask: (labels, slices, rows, columns) of 0 and 1; labels: name → title, in that order
    affine: (4, 4), from (slice, row, column) to mm in the patient's space as DICOM has it, of the volume that it is of
    study: its sources are the headers of that volume's stored files: single slices, or one of several frames

    Raises Refused where the mask doesn't lie on the stored slices.
    """
    from highdicom.seg import Segmentation, SegmentationTypeValues

    sources, frames = on_slices(mask.shape[1:], affine, study.sources)
    thickness = float(np.linalg.norm(affine[:3, 0]))
    made = Segmentation(
        source_images=[_headed(source, study, thickness) for source in sources],
        # (frames, rows, columns, labels), the frames in the order of the sources
        pixel_array=np.moveaxis(mask[:, frames], 0, -1).astype(np.uint8),
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=_descriptions(labels, package, package_hash),
        series_instance_uid=generate_uid(prefix=None),
        series_number=SERIES,
        sop_instance_uid=generate_uid(prefix=None),
        instance_number=1,
        manufacturer=MAKER,
        manufacturer_model_name=package[:64],
        software_versions=package[:64],
        device_serial_number=package_hash[:16],
        omit_empty_frames=False,
        content_label="MODEL",
        content_description="Outlined by a model, research use only",
        series_description="Model outline, research use only",
    )
    mark(made, RESEARCH)
    out = io.BytesIO()
    dcmwrite(out, made, enforce_file_format=True)
    content = out.getvalue()
    if not np.array_equal(opened(content, sources)[:, np.argsort(frames)], mask):
        raise RuntimeError("the segmentation is not what it was made of")
    return content


def opened(content: bytes, sources: Sequence[Dataset]) -> np.ndarray:
    """(segments, frames, rows, columns) uint8 of such a file, a frame for each source or for each of its frames."""
    from highdicom.seg import segread

    made = segread(io.BytesIO(content))
    if len(sources) == 1 and "NumberOfFrames" in sources[0]:
        numbers = list(range(1, int(sources[0].NumberOfFrames) + 1))
        uid = sources[0].SOPInstanceUID
        found = made.get_pixels_by_source_frame(uid, numbers, ignore_spatial_locations=True)
    else:
        uids = [source.SOPInstanceUID for source in sources]
        found = made.get_pixels_by_source_instance(uids, ignore_spatial_locations=True)
    return np.asarray(np.moveaxis(found, -1, 0), np.uint8)


def on_slices(
    shape: tuple[int, ...], affine: np.ndarray, sources: Sequence[Dataset]
) -> tuple[list[Dataset], np.ndarray]:
    """(sources in the order of the mask's slices, slice of the mask by frame of the object that is written).

    Single slices are put in order; a file of several frames keeps its own order and the mask's slices follow it.
    """
    corners = _corners(sources)
    if len(corners) != shape[0]:
        raise _elsewhere()
    order = np.argsort(corners @ affine[:3, 0])
    first, rows = affine[:3, 3], affine[:3, 1:3]
    off = corners[order] - first
    # What is left of each corner besides the way along the slices' direction must be nothing.
    along = affine[:3, 0] / np.linalg.norm(affine[:3, 0])
    sideways = np.linalg.norm(off - np.outer(off @ along, along), axis=1).max()
    if sideways > NEAR_MM or not all(_same_plane(source, rows, shape) for source in sources):
        raise _elsewhere()
    if len(sources) > 1:
        return [sources[i] for i in order], np.arange(shape[0])
    return list(sources), np.argsort(order)


def _corners(sources: Sequence[Dataset]) -> np.ndarray:
    """(frames, 3): where the middle of the first voxel of each lies, in mm."""
    found = []
    for source in sources:
        groups = source.get("PerFrameFunctionalGroupsSequence")
        places = [g.PlanePositionSequence[0] for g in groups] if groups else [source]
        found += [p.get("ImagePositionPatient") for p in places]
    if any(p is None or len(p) != 3 for p in found):
        raise Refused(
            _("The stored files don't say where their slices lie."), _("A segmentation can't be joined to them.")
        )
    return np.array(found, float)


def _same_plane(source: Dataset, rows: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether the file's rows and columns run as the volume's do, as many and as far apart."""
    shared = source.get("SharedFunctionalGroupsSequence")
    turned = shared[0].PlaneOrientationSequence[0] if shared else source
    spaced = shared[0].PixelMeasuresSequence[0] if shared else source
    if (int(source.Rows), int(source.Columns)) != shape[1:]:
        return False
    across, down = np.array(turned.ImageOrientationPatient, float).reshape(2, 3)
    between_rows, between_columns = (float(v) for v in spaced.PixelSpacing)
    steps = np.stack([down * between_rows, across * between_columns], 1)
    return bool(np.allclose(steps, rows, atol=NEAR_MM / max(shape[1:])))


def _elsewhere() -> Refused:
    return Refused(
        _("The mask doesn't lie on the slices that are stored."), _("A segmentation can't be joined to them.")
    )


def _headed(source: Dataset, study: Study, thickness: float) -> Dataset:
    """The source's header with the study's pseudonym, and every tag there that the standard wants. thickness: in mm,
    where a single slice doesn't say its own."""
    out = Dataset()
    out.update(source)
    out.update(study.head)
    if out.get("SliceThickness") is None and "NumberOfFrames" not in out:
        out.SliceThickness = round(thickness, 4)
    out.file_meta = source.file_meta
    return out


def _descriptions(labels: Mapping[str, str], package: str, package_hash: str) -> "list[SegmentDescription]":
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentAlgorithmTypeValues, SegmentDescription
    from highdicom.sr import CodedConcept
    from pydicom.sr.codedict import codes

    by = AlgorithmIdentificationSequence(
        name=package[:64], family=codes.DCM.ArtificialIntelligence, version=package_hash[:16]
    )
    return [
        SegmentDescription(
            segment_number=n,
            segment_label=title[:64],
            segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
            segmented_property_type=CodedConcept(name, OWN, title[:64]),
            algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=by,
        )
        for n, (name, title) in enumerate(labels.items(), 1)
    ]
