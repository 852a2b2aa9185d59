"""The study that our DICOM objects join: that of the stored, de-identified files, else one derived from the case."""

import hashlib
import hmac
import io
from collections.abc import Sequence
from dataclasses import dataclass

from pydicom import dcmread
from pydicom.dataset import Dataset

from medcore.export.report import Report
from medcore.readers.deidentify import METHOD

PATIENT_AND_STUDY = (
    *("PatientBirthDate", "PatientSex", "PatientAge", "StudyDate", "StudyTime", "StudyID", "AccessionNumber"),
    "ReferringPhysicianName",
)


@dataclass(frozen=True)
class Study:
    """uid: StudyInstanceUID; patient: pseudonym; sources: headers of the stored files, [] where the case has none."""

    uid: str
    patient: str
    sources: tuple[Dataset, ...]

    @property
    def head(self) -> Dataset:
        """What its objects have in common, every tag of it there; unknown ones are empty."""
        out = Dataset()
        for keyword in PATIENT_AND_STUDY:
            setattr(out, keyword, self.sources[0].get(keyword, "") if self.sources else "")
        out.StudyInstanceUID = self.uid
        out.PatientID, out.PatientName = self.patient, f"{self.patient}^"
        return out


def study_of(report: Report, sources: Sequence[Dataset], key: bytes) -> Study:
    """sources: headers of the case's stored DICOM files; key: secret of this data folder, so that a derived UID
    tells nobody which case it is of."""
    digest = hmac.new(key, f"study:{report.number}".encode(), hashlib.sha256).digest()
    derived = f"2.25.{int.from_bytes(digest[:16], 'big')}"
    uid = str(sources[0].StudyInstanceUID) if sources else derived
    return Study(uid, report.patient, tuple(sources))


def mark(dataset: Dataset, research: str) -> None:
    """Says on any object that nobody is named in it and what it is not for."""
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = METHOD
    dataset.ImageComments = research


def header(content: bytes) -> Dataset | None:
    """A stored file's tags without its picture; None where it is no DICOM file."""
    if content[128:132] != b"DICM":
        return None
    return dcmread(io.BytesIO(content), stop_before_pixels=True)
