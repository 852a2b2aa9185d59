"""Outlines come in as DICOM Segmentation: on the slices that they were drawn on, and with nobody's words."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from medcore.inputs import Outlines, Volume
from medcore.readers import read, read_each
from medcore.readers.own import describe, rebuild
from medcore.readers.segmentation import meanings
from tests.readers.make import frames, one, part10, stack

pytestmark = [pytest.mark.data, pytest.mark.filterwarnings("ignore::UserWarning")]


@pytest.fixture(scope="module")
def liver(data: Path) -> Path:
    return data / "dicom_series/series/ct_liver_seg"


def segmentation(liver: Path) -> Dataset:
    return dcmread(liver / "seg.dcm")


def outlines(given: Dataset) -> Outlines:
    found = one(part10(given)).input
    assert isinstance(found, Outlines)
    return found


def volume(liver: Path) -> Volume:
    (found,) = read({path.name: path.read_bytes() for path in (liver / "ct").iterdir()}, b"secret")
    assert isinstance(found.input, Volume)
    return found.input


def test_a_real_liver_lies_on_the_liver(liver: Path) -> None:
    """The file has its frames from the feet up, each at its own position; the stored pixels are pydicom's."""
    made, given = segmentation(liver), volume(liver)
    laid = outlines(made).on(given)
    assert laid is not None
    for groups, frame in zip(made.PerFrameFunctionalGroupsSequence, made.pixel_array, strict=True):
        corner = [float(v) for v in groups.PlanePositionSequence[0].ImagePositionPatient]
        at = (np.linalg.inv(given.affine) @ [*corner, 1])[:3]
        np.testing.assert_allclose(at, [round(at[0]), 0, 0], atol=1e-3)
        np.testing.assert_array_equal(laid[round(at[0])], frame)
    # It was drawn generously, but turned or moved it holds less that has a liver's density.
    elsewhere = [laid[::-1], laid[:, ::-1], laid[:, :, ::-1], np.roll(laid, 8, 1), np.roll(laid, 8, 2)]
    like_liver = [np.mean(np.abs(given.voxels[0][marked > 0] - 50) < 60) for marked in (laid, *elsewhere)]
    assert np.argmax(like_liver) == 0 and like_liver[0] > 0.8


def test_it_is_called_by_its_code_and_by_how_it_was_drawn(liver: Path) -> None:
    given = outlines(segmentation(liver))
    (name,) = given.names
    scheme, value = name.split(":")
    assert (scheme, meanings()[value], given.drawn) == ("SCT", "Liver", ("SEMIAUTOMATIC",))


def test_no_word_that_a_person_wrote_gets_through(liver: Path) -> None:
    made = segmentation(liver)
    segment = made.SegmentSequence[0]
    segment.SegmentLabel = segment.SegmentDescription = segment.SegmentAlgorithmName = "MARK"
    segment.SegmentAlgorithmType = "MARK"
    segment.SegmentedPropertyTypeCodeSequence[0].CodeMeaning = "MARK"
    made.ContentCreatorName = made.ContentLabel = made.SeriesDescription = "MARK"
    made.PatientName, made.PatientID = "MARK^MARK", "MARK"
    found = one(part10(made))
    assert found.person == "MARK"
    assert b"MARK" not in b"".join(found.files.values())
    segment.SegmentedPropertyTypeCodeSequence[0].CodeValue = "MARK"
    assert outlines(made).names == ("",)


def test_fractions_count_from_a_half(liver: Path) -> None:
    made = segmentation(liver)
    stored = np.random.default_rng(0).integers(0, 201, made.pixel_array.shape, np.uint8)
    made.SegmentationType, made.MaximumFractionalValue = "FRACTIONAL", 200
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit, made.PixelData = 7, stored.tobytes()
    order = np.argsort(
        [g.PlanePositionSequence[0].ImagePositionPatient[2] for g in made.PerFrameFunctionalGroupsSequence]
    )
    np.testing.assert_array_equal(outlines(made).bits, (stored >= 100)[order])


def several(made: Dataset, n: int) -> Dataset:
    """The same frames once for each of `n` segments; of the later ones a column less each."""
    whole, first = made.pixel_array, made.SegmentSequence[0]
    groups, segments, pixels = [], [], []
    for i in range(n):
        segments.append(deepcopy(first))
        segments[-1].SegmentNumber = i + 1
        for frame, group in zip(whole, made.PerFrameFunctionalGroupsSequence, strict=True):
            groups.append(deepcopy(group))
            shown = Dataset()
            shown.ReferencedSegmentNumber = i + 1
            groups[-1].SegmentIdentificationSequence = [shown]
            (part := frame.copy())[:, :i] = 0
            part[:, i] = 1
            pixels.append(part)
    made.SegmentSequence, made.PerFrameFunctionalGroupsSequence, made.NumberOfFrames = segments, groups, len(groups)
    made.PixelData = np.packbits(np.stack(pixels).ravel(), bitorder="little").tobytes()
    return made


def test_segments_may_overlap_and_the_first_six_are_shown(liver: Path) -> None:
    (found,) = read({"seg.dcm": part10(several(segmentation(liver), 8))})
    assert isinstance(found.input, Outlines)
    assert len(found.input.names) == 6
    assert any("8 segments" in remark for remark in found.remarks)
    for i in range(6):
        assert (found.input.bits[..., i] >> i & 1).all()
        assert not (found.input.bits[..., i] >> (i + 1)).any() or i == 5


def test_outlines_of_another_grid_lie_nowhere_here(liver: Path) -> None:
    given, on = outlines(segmentation(liver)), volume(liver)
    assert given.on(on) is not None
    moved = on.affine.copy()
    moved[0, 3] += 0.3
    for other in (
        replace(on, affine=moved),
        replace(on, affine=on.affine @ np.diag([1, 1, -1, 1])),
        replace(on, voxels=on.voxels[..., :-1]),
        replace(on, voxels=on.voxels[:, :2]),
    ):
        assert given.on(other) is None
    longer = replace(on, voxels=np.concatenate([on.voxels, on.voxels[:, :2]], 1))
    laid = given.on(longer)
    assert laid is not None and not laid[3:].any() and laid[:3].any()


def test_uneven_slices_have_their_own_places() -> None:
    affine = np.diag([5.0, 1, 1, 1])[:, [2, 1, 0, 3]]
    affine[:3, 0] = (0, 0, 5)
    uneven = Volume(np.zeros((1, 4, 8, 8)), affine, positions_mm=(0.0, 2.0, 9.0, 15.0))
    np.testing.assert_allclose(uneven.corners_mm[:, 2], [0, 2, 9, 15])
    np.testing.assert_allclose(replace(uneven, positions_mm=None).corners_mm[:, 2], [0, 5, 10, 15])


def unsaid(made: Dataset) -> None:
    for group in made.PerFrameFunctionalGroupsSequence:
        del group.SegmentIdentificationSequence


def unplaced(made: Dataset) -> None:
    del made.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence


def unturned(made: Dataset) -> None:
    del made.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence


def short(made: Dataset) -> None:
    made.PixelData = made.PixelData[:1000]


def huge(made: Dataset) -> None:
    made.NumberOfFrames = 2**20


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (unsaid, "which of its segments"),
        (unplaced, "where they lie"),
        (unturned, "where they lie"),
        (short, "of the .* bytes"),
        (huge, "MB of values"),
    ],
)
def test_a_file_that_does_not_say_enough_is_refused(liver: Path, spoil: Callable[[Dataset], None], said: str) -> None:
    made = segmentation(liver)
    spoil(made)
    with pytest.raises(Exception, match=said):
        read({"seg.dcm": part10(made)})


def test_other_objects_are_refused_as_before() -> None:
    made = frames(stack())
    made.SOPClassUID = "1.2.840.10008.5.1.4.1.1.66.5"  # Surface Segmentation
    (told,) = read_each({"surface.dcm": part10(made)}).refused
    assert "Surface Segmentation" in told.error.sentence


@pytest.mark.parametrize(
    "wrong",
    [
        {"names": ["SCT:liver"]},
        {"names": ["SCT:1234567", ""]},
        {"drawn": ["MARK"]},
        {"study": "1.2.3"},
        {"corners_mm": [[0, 0, 0]]},
        {"steps_mm": [[float("nan")] * 2] * 3},
    ],
)
def test_a_file_of_ours_that_was_tampered_with_is_refused(liver: Path, wrong: dict[str, object]) -> None:
    array, header = describe(outlines(segmentation(liver)))
    rebuild("outlines", array, header)
    with pytest.raises(ValueError, match="outlines"):
        rebuild("outlines", array, header | wrong)
