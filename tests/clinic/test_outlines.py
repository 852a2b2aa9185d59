"""Outlines that come in a file are laid over the series that they were drawn on, and wait for the reader's own read."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from medcore import tasks
from medcore.clinic import Clinic, User
from medcore.errors import Refused
from medcore.readers import files_of
from medcore.settings import settings
from medcore.store.pack import unpack
from medcore.store.tables import CaseTable
from tests.clinic.conftest import settings_in
from tests.readers.make import part10

pytestmark = [pytest.mark.data, pytest.mark.filterwarnings("ignore::UserWarning")]

TUMOUR = "brain_tumour_seg"


@pytest.fixture
def series(data: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (data / "dicom_series/series/ct_liver_seg/ct").iterdir()}


@pytest.fixture
def liver(data: Path) -> bytes:
    return (data / "dicom_series/series/ct_liver_seg/seg.dcm").read_bytes()


def shown(clinic: Clinic, user: User, case: int) -> tuple[list[dict[str, object]], np.ndarray]:
    """Labels and bits of what lies on the first volume of the case."""
    given = next(i for i in clinic.open_case(user, case).inputs if i.kind == "volume")
    header, arrays = unpack(clinic.outlines_bytes(user, given.id))
    return header["labels"], arrays["bits"]


def stored(clinic: Clinic) -> int:
    return sum(path.is_file() for path in clinic.files.root.rglob("*"))


@pytest.mark.parametrize("together", [True, False])
def test_a_real_liver_is_shown_over_its_series(
    clinic: Clinic, reader: User, series: dict[str, bytes], liver: bytes, together: bool
) -> None:
    """In one upload with the series, or after it."""
    if together:
        admission = clinic.admit(reader, {"seg.dcm": liver, **series})
        (case,) = admission.cases
    else:
        (case,) = clinic.admit(reader, series).cases
        admission = clinic.admit(reader, {"seg.dcm": liver})
        assert admission.known == (case,) and not admission.cases
    assert not admission.refused
    assert any("shown over VOL-0001" in remark for remark in admission.remarks)
    assert [i.kind for i in clinic.open_case(reader, case).inputs] == ["volume", "outlines"]
    assert clinic.last_admitted(reader) == [case]
    ((label,), bits) = shown(clinic, reader, case)
    made = dcmread(io.BytesIO(liver))
    assert bits.sum() == made.pixel_array.sum()
    assert label["title"] == "Liver, drawn with a program"
    assert label["volume_ml"] == pytest.approx(bits.sum() * 0.810547**2 / 1000, rel=1e-4)
    before = stored(clinic)
    assert clinic.admit(reader, {"seg.dcm": liver}).known == (case,)
    assert stored(clinic) == before and len(clinic.open_case(reader, case).inputs) == 2


def test_outlines_alone_or_of_another_study_are_refused_and_leave_nothing(
    clinic: Clinic, reader: User, series: dict[str, bytes], liver: bytes
) -> None:
    (refusal,) = clinic.admit(reader, {"seg.dcm": liver}).refused
    assert "no series" in refusal.sentence and refusal.file == "seg"
    assert stored(clinic) == 0
    clinic.admit(reader, series)
    before = stored(clinic)
    other = dcmread(io.BytesIO(liver))
    other.StudyInstanceUID = "1.2.3"
    assert clinic.admit(reader, {"seg.dcm": part10(other)}).refused
    shifted = dcmread(io.BytesIO(liver))
    for group in shifted.PerFrameFunctionalGroupsSequence:
        group.PlanePositionSequence[0].ImagePositionPatient[0] += 1
    assert clinic.admit(reader, {"seg.dcm": part10(shifted)}).refused
    assert stored(clinic) == before


def other_liver(liver: bytes, i: int) -> bytes:
    """Another file: one voxel more, the i-th of the lowest slice."""
    other = dcmread(io.BytesIO(liver))
    (pixels := other.pixel_array.copy())[0, 0, i] = 1
    other.PixelData = np.packbits(pixels.ravel(), bitorder="little").tobytes()
    return part10(other)


def test_two_files_in_one_upload_lie_over_one_series(
    clinic: Clinic, reader: User, series: dict[str, bytes], liver: bytes
) -> None:
    admission = clinic.admit(reader, {"a.dcm": liver, "b.dcm": other_liver(liver, 3), **series})
    assert not admission.refused
    labels, bits = shown(clinic, reader, admission.cases[0])
    assert len(labels) == 2 and int(bits[..., 0, 3].max()) == 2


def test_alone_they_are_an_upload_of_their_own(
    clinic: Clinic, reader: User, series: dict[str, bytes], liver: bytes
) -> None:
    strip = files_of(tasks.get("ecg_rhythm").simulate(1, 5)[0].load()["ecg"])
    both = clinic.admit(reader, {**series, **strip}).cases
    assert clinic.last_admitted(reader) == sorted(both)
    (case,) = clinic.admit(reader, {"seg.dcm": liver}).known
    assert clinic.last_admitted(reader) == [case]


def test_a_broken_series_elsewhere_is_no_hindrance(
    clinic: Clinic, reader: User, series: dict[str, bytes], liver: bytes
) -> None:
    (case,) = clinic.admit(reader, series).cases
    later = {name: dcmread(io.BytesIO(data)) for name, data in series.items()}
    for i, slice_ in enumerate(later.values()):
        slice_.StudyInstanceUID, slice_.SeriesInstanceUID, slice_.SOPInstanceUID = "1.2.9", "1.2.9.1", f"1.2.9.1.{i}"
        slice_.PatientID = "another"
    pixels = next(iter(later.values()))
    pixels.PixelData = bytes([1]) + pixels.PixelData[1:]
    (other,) = clinic.admit(reader, {name: part10(slice_) for name, slice_ in later.items()}).cases
    with clinic.database.read() as session:
        for sha in session.get_one(CaseTable, other).inputs[0].files.values():
            clinic.files.remove(sha)
    assert clinic.admit(reader, {"seg.dcm": liver}).known == (case,)


def test_more_segments_than_are_shown_together_are_refused(
    clinic: Clinic, reader: User, series: dict[str, bytes], liver: bytes
) -> None:
    (case,) = clinic.admit(reader, series).cases
    for i in range(7):
        admission = clinic.admit(reader, {"seg.dcm": other_liver(liver, i)})
        assert bool(admission.refused) == (i == 6)
    assert "6 outlined segments already" in admission.refused[0].sentence
    labels, bits = shown(clinic, reader, case)
    assert len(labels) == 6
    assert [int(bits[..., 0, i].max()) >> i & 1 for i in range(6)] == [1] * 6


def flair(data: Path) -> dict[str, bytes]:
    """The real T1 of a head, named FLAIR: the question is asked of no other."""
    files = {}
    for path in sorted((data / "dicom_series/series/mr_t1_brain").glob("*.dcm")):
        (slice_ := dcmread(path)).SeriesDescription = "FLAIR"
        files[path.name] = part10(slice_)
    return files


@dataclass(frozen=True)
class Drawn:
    """A desk, one who doesn't read first at it, a case, what was drawn on its volume, and that as it was exported."""

    clinic: Clinic
    boss: User
    case: int
    mask: np.ndarray
    content: bytes


@pytest.fixture(scope="module")
def drawn(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drawn]:
    clinic = Clinic(settings_in(tmp_path_factory.mktemp("drawn"), settings().models))
    boss = clinic.set_read_first(clinic.sign_in("admin"), False)
    (case,) = clinic.admit(boss, flair(data)).cases
    given = clinic.answer(boss, case, TUMOUR)
    report = clinic._gathered(boss, given, None, None)
    assert report.mask is not None
    mask = np.random.default_rng(3).integers(0, 2, report.mask.shape).astype(bool)
    content = clinic._segmentation(replace(report, mask=mask), given)
    # Given to the desk once: the tests look at what came of it.
    assert clinic.admit(boss, {"out.seg.dcm": content}).known == (case,)
    yield Drawn(clinic, boss, case, mask, content)
    clinic.database.engine.dispose()


def test_an_exported_outline_opens_again_exactly_in_place(drawn: Drawn) -> None:
    clinic, boss, case = drawn.clinic, drawn.boss, drawn.case
    ((label,), bits) = shown(clinic, boss, case)
    np.testing.assert_array_equal(bits.astype(bool), drawn.mask[0])
    assert label["title"] == "Tumour, drawn by a program"
    assert clinic.answers(boss, case, TUMOUR)[0].answer.inputs == clinic.answer(boss, case, TUMOUR).answer.inputs


def test_and_on_another_desk_beside_the_stored_series(drawn: Drawn, clinic: Clinic, reader: User) -> None:
    held = map(drawn.clinic.files.get, drawn.clinic.files.all())
    cleaned = {f"{i}.dcm": data for i, data in enumerate(held) if data[128:132] == b"DICM"}
    me = clinic.set_read_first(reader, False)
    (case,) = clinic.admit(me, {**cleaned, "out.seg.dcm": drawn.content}).cases
    _labels, bits = shown(clinic, me, case)
    np.testing.assert_array_equal(bits.astype(bool), drawn.mask[0])


def test_who_reads_first_sees_them_after_their_read(drawn: Drawn) -> None:
    trainer = drawn.clinic.sign_in("trainer")
    with pytest.raises(Refused, match="when your read is locked"):
        shown(drawn.clinic, trainer, drawn.case)
    drawn.clinic.lock_read(trainer, drawn.case, TUMOUR, "tumour")
    assert shown(drawn.clinic, trainer, drawn.case)[0]


def test_they_are_no_input_of_a_question(drawn: Drawn) -> None:
    clinic, boss = drawn.clinic, drawn.boss
    view = clinic.open_case(boss, drawn.case)
    assert view.tasks == (TUMOUR,)
    assert view.sources[TUMOUR] == {i.id for i in view.inputs if i.kind == "volume"}
    assert clinic.recompute(clinic.answer(boss, drawn.case, TUMOUR).id)[1] == 0.0
    outlines = next(i for i in view.inputs if i.kind == "outlines")
    for ask in (clinic.outlines_bytes, clinic.input_bytes, clinic.input):
        with pytest.raises(Refused, match="no such"):
            ask(boss, outlines.id)
