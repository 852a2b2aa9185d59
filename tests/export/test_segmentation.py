"""A mask goes out as DICOM and comes back on the very voxels that it was drawn on."""

import io
from pathlib import Path

import highdicom
import numpy as np
import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset

from medcore.errors import Refused
from medcore.export.segmentation import opened, segmentation
from medcore.export.study import Study, header
from medcore.readers.deidentify import clean

HASH = "ab" * 32


def stored(folder: Path) -> list[Dataset]:
    """Headers of the series as the store has them: cleaned, in no order."""
    files = [dcmread(path) for path in sorted(folder.glob("*.dcm"))]
    cleaned = [written(clean(file, b"key", "somebody")) for file in files]
    headers = [header(content) for content in cleaned]
    assert all(h is not None and "PixelData" not in h for h in headers)
    mixed = np.random.default_rng(0).permutation(len(headers))
    return [h for i in mixed if (h := headers[i]) is not None]


def written(dataset: Dataset) -> bytes:
    out = io.BytesIO()
    dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()


def space(sources: list[Dataset]) -> tuple[np.ndarray, tuple[int, int, int]]:
    """The volume's affine by the files' own numbers, first slice to last, and its shape."""
    across, down = np.array(sources[0].ImageOrientationPatient, float).reshape(2, 3)
    corners = np.array([s.ImagePositionPatient for s in sources], float)
    corners = corners[np.argsort(corners @ np.cross(across, down))]
    rows, columns = (float(v) for v in sources[0].PixelSpacing)
    affine = np.eye(4)
    affine[:3, 0] = (corners[-1] - corners[0]) / (len(corners) - 1)
    affine[:3, 1], affine[:3, 2], affine[:3, 3] = down * rows, across * columns, corners[0]
    return affine, (len(sources), int(sources[0].Rows), int(sources[0].Columns))


def drawn(shape: tuple[int, ...], labels: int) -> np.ndarray:
    """No slice like another, and one label's first slice empty."""
    mask = np.random.default_rng(1).integers(0, 2, (labels, *shape), np.uint8)
    mask[0, 0] = 0
    return mask


def exported(mask: np.ndarray, affine: np.ndarray, sources: list[Dataset]) -> bytes:
    names = ("lesion", "oedema_around_the_lesion")[: len(mask)]
    study = Study(str(sources[0].StudyInstanceUID), "PSEUDONYM1", tuple(sources))
    return segmentation(mask, {n: n.capitalize() for n in names}, affine, study, "seg 1.0.0", HASH)


@pytest.mark.data
@pytest.mark.parametrize(("series", "labels"), [("ct_head_ge", 1), ("mr_t1_brain", 2)])
def test_each_frame_lies_on_its_own_slice(data: Path, series: str, labels: int) -> None:
    """An uneven, tilted CT and an oblique MR whose pixels aren't square."""
    sources = stored(data / "dicom_series" / "series" / series)
    affine, shape = space(sources)
    mask = drawn(shape, labels)
    content = exported(mask, affine, sources)

    made = dcmread(io.BytesIO(content))
    first = sources[0]
    assert made.SOPClassUID.name == "Segmentation Storage"
    assert made.StudyInstanceUID == first.StudyInstanceUID
    assert made.FrameOfReferenceUID == first.FrameOfReferenceUID
    assert made.SeriesInstanceUID != first.SeriesInstanceUID
    assert (made.PatientID, str(made.PatientName), made.PatientIdentityRemoved) == ("PSEUDONYM1", "PSEUDONYM1^", "YES")
    assert "Research use only" in made.ImageComments
    assert made.NumberOfFrames == labels * shape[0]
    # Frame by frame with pydicom alone: where it lies, what it was drawn on, and each voxel.
    by_place = {tuple(np.round(np.array(s.ImagePositionPatient, float), 2)): s.SOPInstanceUID for s in sources}
    order = [tuple(np.round(c, 2)) for c in _corners(sources, affine)]
    for frame, groups in zip(made.pixel_array, made.PerFrameFunctionalGroupsSequence, strict=True):
        place = tuple(np.round(np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float), 2))
        # One segment alone is named once for all frames.
        owner = groups if "SegmentIdentificationSequence" in groups else made.SharedFunctionalGroupsSequence[0]
        segment = owner.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        assert np.array_equal(frame, mask[segment - 1, order.index(place)])
        source = groups.DerivationImageSequence[0].SourceImageSequence[0]
        assert source.ReferencedSOPInstanceUID == by_place[place]
    assert made.SegmentSequence[0].SegmentLabel == "Lesion"
    assert {s.SegmentAlgorithmType for s in made.SegmentSequence} == {"AUTOMATIC"}

    again = highdicom.seg.segread(io.BytesIO(content))
    uids = [by_place[place] for place in order]
    assert np.array_equal(np.moveaxis(again.get_pixels_by_source_instance(uids), -1, 0), mask)
    assert np.array_equal(opened(content, [next(s for s in sources if s.SOPInstanceUID == u) for u in uids]), mask)


def _corners(sources: list[Dataset], affine: np.ndarray) -> np.ndarray:
    corners = np.array([s.ImagePositionPatient for s in sources], float)
    return np.asarray(corners[np.argsort(corners @ affine[:3, 0])])


@pytest.mark.data
def test_an_empty_mask_goes_out_too(data: Path) -> None:
    sources = stored(data / "dicom_series" / "series" / "ct_liver_seg" / "ct")
    affine, shape = space(sources)
    content = exported(np.zeros((1, *shape), np.uint8), affine, sources)
    assert dcmread(io.BytesIO(content)).pixel_array.sum() == 0


@pytest.mark.data
@pytest.mark.parametrize("wrong", ["shifted", "turned", "spread", "short", "nowhere"])
def test_a_mask_that_lies_elsewhere_is_refused(data: Path, wrong: str) -> None:
    sources = stored(data / "dicom_series" / "series" / "mr_t1_brain")
    affine, shape = space(sources)
    if wrong == "shifted":
        affine[:3, 3] += affine[:3, 1]  # by one row
    elif wrong == "turned":
        affine[:3, 1] *= -1
    elif wrong == "spread":
        affine[:3, 2] *= 1.05
    elif wrong == "short":
        shape = (shape[0] - 1, *shape[1:])
    else:
        del sources[3].ImagePositionPatient
    with pytest.raises(Refused, match="can't be joined"):
        exported(drawn(shape, 1), affine, sources)


@pytest.mark.data
def test_a_file_of_several_frames_keeps_its_own_order(data: Path) -> None:
    """Its frames run one way, the volume's slices the other: each mask still lies on its own frame."""
    source = header((data / "dicom_series" / "multiframe" / "ect_2frames.dcm").read_bytes())
    assert source is not None
    shared, frames = source.SharedFunctionalGroupsSequence[0], source.PerFrameFunctionalGroupsSequence
    corners = np.array([f.PlanePositionSequence[0].ImagePositionPatient for f in frames], float)
    across, down = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float).reshape(2, 3)
    rows, columns = (float(v) for v in shared.PixelMeasuresSequence[0].PixelSpacing)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 3] = corners[0] - corners[1], corners[1]
    affine[:3, 1], affine[:3, 2] = down * rows, across * columns
    mask = drawn((2, int(source.Rows), int(source.Columns)), 1)
    made = dcmread(io.BytesIO(exported(mask, affine, [source])))
    places = [g.PlanePositionSequence[0].ImagePositionPatient for g in made.PerFrameFunctionalGroupsSequence]
    for picture, place in zip(made.pixel_array, np.array(places, float), strict=True):
        assert np.array_equal(picture, mask[0, 0 if np.allclose(place, corners[1]) else 1])
