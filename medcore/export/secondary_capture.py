"""DICOM Secondary Capture: the picture with its map and caption, in the study of what was read."""

import io

import numpy as np
from pydicom import dcmwrite
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from medcore.export.picture import captioned
from medcore.export.report import MAKER, RESEARCH, Report
from medcore.export.study import Study, mark

SERIES = 9001  # behind the numbers that scanners use


def secondary_capture(report: Report, study: Study) -> bytes:
    """A PS3.10 file, 8-bit RGB. It says that text is burned in (the caption, which names nobody), how it was derived,
    and from which stored objects."""
    from highdicom.sc import SCImage

    head = study.head
    image = SCImage(
        pixel_array=np.asarray(captioned(report)),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "F"),
        study_instance_uid=study.uid,
        series_instance_uid=generate_uid(prefix=None),
        series_number=SERIES,
        sop_instance_uid=generate_uid(prefix=None),
        instance_number=1,
        manufacturer=MAKER,
        manufacturer_model_name=report.answer.package[:64],
        software_versions=report.answer.versions.get("medcore", ""),
        series_description="Model attention, research use only",
        patient_id=head.PatientID,
        patient_name=head.PatientName,
        patient_birth_date=head.PatientBirthDate,
        patient_sex=head.PatientSex or None,
        accession_number=head.AccessionNumber,
        study_id=head.StudyID,
        study_date=head.StudyDate or None,
        referring_physician_name=head.ReferringPhysicianName,
    )
    image.BurnedInAnnotation = "YES"
    image.DerivationDescription = _derivation(report)
    image.PatientOrientation = []  # margins and caption have none
    if head.PatientAge:
        image.PatientAge = head.PatientAge
    if study.sources:
        image.SourceImageSequence = [_reference(source) for source in study.sources]
    mark(image, RESEARCH)
    out = io.BytesIO()
    dcmwrite(out, image, enforce_file_format=True)
    return out.getvalue()


def _derivation(report: Report) -> str:
    """At most 1,024 characters of ASCII (value representation ST)."""
    answer, why = report.answer, report.why
    drawn = f"{why.method} for {why.label}" if why else "no map"
    text = f"{RESEARCH} Drawn by {MAKER}: {drawn}; {answer.package}, SHA-256 {answer.package_hash}"
    return text.encode("ascii", "replace").decode()[:1024]


def _reference(source: Dataset) -> Dataset:
    out = Dataset()
    out.ReferencedSOPClassUID, out.ReferencedSOPInstanceUID = source.SOPClassUID, source.SOPInstanceUID
    return out
