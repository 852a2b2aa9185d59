"""A study from its files to the bytes that its viewer draws, and out of the store again."""

import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from medcore.clinic import Clinic, User
from medcore.readers import read
from medcore.store.pack import unpack
from tests.readers.make import files, nifti, packed, picture, stack

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, of the odd files here


def study(person: str = "4711", day: str = "20200229") -> dict[str, bytes]:
    """Two series of one study, T1 and FLAIR."""

    def series(name: str) -> list:
        return stack(
            (0, 2, 4, 6 + int(day) % 7 / 100),
            change=lambda n: {
                "SeriesInstanceUID": f"1.{len(name)}.{day}",
                "SOPInstanceUID": f"1.{len(name)}.{n}.{day}",
                "SeriesDescription": name,
                "PatientID": person,
                "StudyInstanceUID": f"1.7.{day}",
                "StudyDate": day,
                "AccessionNumber": "A1",
            },
        )

    return {f"{day}{name}": data for name, data in files([*series("ax T1"), *series("ax FLAIR")]).items()}


def header_and_voxels(clinic: Clinic, user: User, input_id: int) -> tuple[dict, np.ndarray]:
    header, arrays = unpack(clinic.input_bytes(user, input_id))
    return header, arrays["voxels"]


def test_a_study_is_one_case_with_an_input_a_series(clinic: Clinic, reader: User) -> None:
    admission = clinic.admit(reader, {"disc.zip": packed({**study(), "README.TXT": b"read me"})})
    assert admission.refused == ()
    (case,) = admission.cases
    view = clinic.open_case(reader, case)
    assert (view.row.number, view.row.kind) == ("VOL-0001", "volume")
    assert [i.shape for i in view.inputs] == [(1, 4, 12, 10)] * 2
    assert sorted(i.facts["sequence"] for i in view.inputs) == ["FLAIR", "T1"]
    header, voxels = header_and_voxels(clinic, reader, view.inputs[0].id)
    assert header["kind"] == "volume"
    np.testing.assert_allclose(header["positions_mm"], [0, 2, 4, 6], atol=0.1)
    assert [int(s.min()) // 100 for s in voxels[0]] == [0, 1, 2, 3]
    assert clinic.admit(reader, study()).known == (case,)


def test_series_that_came_one_by_one_are_no_case_that_holds_both(clinic: Clinic, reader: User) -> None:
    """Only a case that holds all of an upload is the same: its series can be asked about together."""
    both = study()
    apart = [
        {k: v for k, v in both.items() if which in dcmread(io.BytesIO(v)).SeriesDescription}
        for which in ("T1", "FLAIR")
    ]
    for one in apart:
        assert clinic.admit(reader, one).cases
    (case,) = clinic.admit(reader, both).cases
    assert len(clinic.open_case(reader, case).inputs) == 2
    assert clinic.admit(reader, both).known == (case,)


def test_two_studies_of_one_person_are_two_cases_of_one_patient(clinic: Clinic, reader: User) -> None:
    admission = clinic.admit(reader, study() | study(day="20210301"))
    rows = [clinic.open_case(reader, case).row for case in admission.cases]
    assert len(rows) == 2
    assert rows[0].patient == rows[1].patient


def test_a_study_that_names_nobody_is_still_one_case(clinic: Clinic, reader: User) -> None:
    (case,) = clinic.admit(reader, study(person="")).cases
    view = clinic.open_case(reader, case)
    assert len(view.inputs) == 2
    assert "acquired" not in view.inputs[0].facts


def test_an_upload_of_many_kinds(clinic: Clinic, reader: User) -> None:
    upload = study() | {
        "a.nii.gz": gzip.compress(nifti(np.arange(60, dtype=np.int16).reshape(3, 4, 5))),
        "t.csv": b"patient_id,age,hrt\np1,60,99\n",
        "film.png": picture(np.random.default_rng(0).integers(0, 255, (300, 280), np.uint8)),
    }
    admission = clinic.admit(reader, upload)
    kinds = sorted(clinic.open_case(reader, case).row.kind for case in admission.cases)
    assert kinds == ["image", "record", "volume", "volume"]


def test_a_second_open_decodes_nothing(clinic: Clinic, reader: User) -> None:
    (case,) = clinic.admit(reader, study()).cases
    fresh = Clinic(clinic.settings)
    (first, _second) = fresh.open_case(reader, case).inputs
    blob = fresh.input_bytes(reader, first.id)
    assert blob == clinic.input_bytes(reader, first.id)
    for path in fresh.files.root.rglob("*"):
        if path.is_file():
            path.unlink()
    assert fresh.input_bytes(reader, first.id) == blob
    fresh.database.engine.dispose()


def test_what_was_remarked_goes_to_the_viewer(clinic: Clinic, reader: User) -> None:
    (case,) = clinic.admit(reader, files(stack((0, 2, 3, 7)))).cases
    (given,) = clinic.open_case(reader, case).inputs
    header, _voxels = header_and_voxels(clinic, reader, given.id)
    assert header["remarks"] == ["The slices are unevenly spaced, 1.0 to 4.0 mm apart."]


def test_a_stored_study_is_clean_and_opens_again(clinic: Clinic, reader: User) -> None:
    clinic.admit(reader, study())
    stored = [p.read_bytes() for p in clinic.files.root.rglob("*") if p.is_file()]
    assert len(stored) == 8
    headers = [dcmread(io.BytesIO(data)) for data in stored]
    assert len({h.StudyInstanceUID for h in headers}) == 1
    assert len({h.SeriesInstanceUID for h in headers}) == 2
    assert len({h.SOPInstanceUID for h in headers}) == 8
    assert all(h.StudyInstanceUID.startswith("2.25.") and not h.PatientID and not h.AccessionNumber for h in headers)
    assert {h.SeriesDescription for h in headers} == {"T1", "FLAIR"}
    elsewhere = {f"{i}.dcm": data for i, data in enumerate(stored)}
    assert sorted(f.input.channels for f in read(elsewhere, b"another key")) == [("FLAIR",), ("T1",)]
    assert clinic.admit(reader, elsewhere).cases == ()


@pytest.mark.data
def test_real_series_from_their_files_to_their_bytes(clinic: Clinic, reader: User, data: Path) -> None:
    folder = data / "dicom_series" / "series"
    upload = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.dcm")}
    admission = clinic.admit(reader, upload)
    assert not admission.refused
    views = [[i for i in clinic.open_case(reader, case).inputs if i.kind == "volume"] for case in admission.cases]
    shapes = sorted(given.shape for inputs in views for given in inputs)
    assert shapes == [(1, 3, 512, 512), (1, 4, 256, 256), (1, 28, 512, 512), (1, 40, 384, 274)]
    for (given,) in views:
        header, voxels = header_and_voxels(clinic, reader, given.id)
        assert voxels.shape == given.shape
        assert len(header["positions_mm"]) == given.shape[1]
        assert header["units"] == ("HU" if given.facts["modality"] == "CT" else "")
