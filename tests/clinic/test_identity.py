"""Files full of names go in; nobody's name is found anywhere afterwards: files, database, its log, output."""

import gzip
import io
import logging
import zipfile
from pathlib import Path

import numpy as np
import pytest
from nibabel.nifti1 import Nifti1Extension, Nifti1Image
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo
from pydicom import dcmread

from medcore.clinic import Clinic, User
from medcore.clinic.demo import real_files
from tests.readers.make import files as slices
from tests.readers.make import stack

MARK = "Xanthippe"
KEYWORDS = """
    PatientName PatientID OtherPatientNames PatientAddress PatientComments ImageComments StudyDescription
    SeriesDescription ProtocolName InstitutionName ReferringPhysicianName OperatorsName AccessionNumber
    AdditionalPatientHistory StationName DeviceSerialNumber StudyID
"""


def dicom(data: bytes) -> bytes:
    dataset = dcmread(io.BytesIO(data))
    for keyword in KEYWORDS.split():
        setattr(dataset, keyword, f"{MARK} {keyword}"[:16])
    dataset.PatientBirthDate = "19510317"
    dataset.private_block(0x0011, MARK, create=True).add_new(1, "LO", f"{MARK} private")
    dataset.file_meta.SourceApplicationEntityTitle = MARK
    out = io.BytesIO()
    dataset.save_as(out)
    preamble = out.getvalue()
    return MARK.encode().ljust(128, b"\0") + preamble[128:]


def png() -> bytes:
    info = PngInfo()
    info.add_text("Author", MARK)
    info.add_itxt("Comment", f"{MARK} was here")
    low = np.random.default_rng(0).integers(0, 255, (24, 20), np.uint8)
    out = io.BytesIO()
    Pillow.fromarray(low).resize((300, 320), Pillow.Resampling.BICUBIC).save(out, "PNG", pnginfo=info)
    return out.getvalue()


def wfdb() -> dict[str, bytes]:
    t = np.arange(3600) / 300
    samples = (1000 * np.exp(-(((t % 0.8) - 0.4) ** 2) / 0.0005)).astype("<i2")
    header = f"{MARK} 1 300 3600\n{MARK}.dat 16 1000/mV 16 0 0 0 0 I\n# name: {MARK} Smith\n# born: 17/03/1951\n"
    return {f"{MARK}.hea": header.encode(), f"{MARK}.dat": samples.tobytes()}


def table() -> bytes:
    return (
        "name,patient_id,date_of_birth,phone,age,hrt,remark\n"
        f"{MARK} Smith,{MARK}-123,1951-03-17,+49 170 1234567,71,80,{MARK} called her son about the matter of the will\n"
    ).encode()


def series() -> dict[str, bytes]:
    """Slices full of marks, of one series."""
    return {f"{MARK} {name}": dicom(data) for name, data in slices(stack()).items()}


def nifti(first: int = 0) -> bytes:
    """A volume with marks in every text of its header, in an extension and behind its values."""
    image = Nifti1Image(np.arange(first, first + 60, dtype=np.int16).reshape(3, 4, 5), np.eye(4))
    for name in ("descrip", "aux_file", "intent_name", "db_name"):
        image.header[name] = MARK
    image.header.extensions.append(Nifti1Extension("comment", f"{MARK} was here, 1951-03-17".encode()))
    content: bytes = image.to_bytes()
    return content + MARK.encode()


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"{MARK}/{MARK} {name}", data)
    return out.getvalue()


def searched(folder: Path) -> list[Path]:
    """Files in which a mark stands, in any of the usual encodings, or whose path holds it."""
    marks = [m.encode(code) for m in (MARK, "19510317", "1951-03-17") for code in ("utf-8", "utf-16-le", "utf-16-be")]
    marks += [MARK.upper().encode(), MARK.lower().encode()]
    files = [p for p in folder.rglob("*") if p.is_file()]
    assert any(p.name.endswith("-wal") and p.stat().st_size for p in files)
    return [p for p in files if MARK.lower() in str(p).lower() or any(m in p.read_bytes() for m in marks)]


def test_no_name_is_left_anywhere(
    clinic: Clinic,
    reader: User,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    real = real_files()
    files = {f"{MARK} {name}": dicom(data) for name, data in real.items()}
    files |= {f"{MARK}.png": png(), f"{MARK}.csv": table(), **wfdb()}
    files |= {**series(), f"{MARK}_T1w.nii": nifti(), f"{MARK}.nii.gz": gzip.compress(nifti(7))}
    admission = clinic.admit(reader, files)
    assert admission.refused == ()
    assert len(admission.cases) == 8
    clinic.admit(reader, {f"{MARK}.zip": zipped({"a.png": png(), "b.csv": table()})})
    broken = clinic.admit(reader, {f"{MARK} broken.dcm": dicom(real["waveform_ecg.dcm"])[:3000]})
    assert broken.refused
    for case_id in admission.cases:
        view = clinic.open_case(reader, case_id)
        for given in view.inputs:
            assert MARK not in str(view)
            assert MARK.encode() not in clinic.input_bytes(reader, given.id)
    assert searched(clinic.settings.home) == []
    assert [p for p in temporary.rglob("*") if p.is_file()] == []
    out, err = capfd.readouterr()
    assert MARK not in out + err + caplog.text + str(admission.remarks)
    assert MARK not in repr(admission.refused) + " ".join(r.sentence + r.remedy for r in broken.refused)


def test_two_uploads_of_one_person_meet(clinic: Clinic, reader: User) -> None:
    files = {name: dicom(data) for name, data in real_files().items()}
    for name, data in files.items():
        clinic.admit(reader, {name: data})
    rows = clinic.worklist(reader).rows
    assert len(rows) == 2
    assert rows[0].patient == rows[1].patient
    assert MARK not in rows[0].patient
