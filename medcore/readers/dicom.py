"""DICOM: single pictures and ECG waveforms."""

import re
from datetime import date

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut

from medcore.errors import Refused
from medcore.i18n import _
from medcore.inputs import Image
from medcore.readers import deidentify
from medcore.readers.base import Found, clean_facts
from medcore.readers.dicom_file import number, parse, registered, write
from medcore.readers.pixels import check, decode, no_picture, picture_only
from medcore.readers.waveform import read_waveform

_NO_PICTURE = re.compile(
    r"\bSR\b|Report|Structure Set|RT (Plan|Ion Plan|Dose|.*Record)|Segmentation|Presentation State|Key Object"
    r"|Encapsulated|Registration|Fiducials|Directory|Raw Data|Tractography|Real World|Surface|Mapping|Procedure"
    r"|Measurements|Document"
)
_MAY_SHOW_NAMES = frozenset(["US", "IVUS", "SC", "OT", "XC", "ES", "GM", "SM", "DOC", "EC", "ECG", "OP"])


def read(content: bytes, key: bytes = b"", case: str = "") -> Found:
    """The picture or the ECG in one DICOM file, as `read_dataset` of what `parse` gives."""
    return read_dataset(parse(content), key, case)


def read_dataset(dataset: Dataset, key: bytes = b"", case: str = "") -> Found:
    """The picture or the ECG in one DICOM data set.

    Raises Refused when it holds neither, holds several pictures, is damaged, or is coded in a way that isn't read.
    """
    refuse_other_objects(dataset)
    who = None if deidentify.cleaned_before(dataset) else deidentify.person(dataset)
    clean = deidentify.clean(dataset, key, who)
    if "WaveformSequence" in dataset:
        signal, clean.WaveformSequence, remarks = read_waveform(dataset, facts_of(clean))
        return Found(signal, {"signal.dcm": write(clean)}, who, remarks, case)
    image = _image(dataset, clean)
    clean["PixelData"].value = picture_only(dataset)
    return Found(image, {"image.dcm": write(clean)}, who, remarks_of(dataset), case)


def refuse_other_objects(dataset: Dataset) -> None:
    kind = registered(dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID"))
    if _NO_PICTURE.search(kind):
        raise Refused(
            _("This DICOM file is no image and no ECG: it holds “{name}”.").format(name=kind.removesuffix(" Storage")),
            _("Upload the images that it belongs to."),
        )
    if "PixelData" not in dataset and "WaveformSequence" not in dataset:
        raise no_picture(dataset)


def stored_pixels(content: bytes) -> np.ndarray:
    """All stored values: (rows, columns), with a first axis for several frames and a last one for colour (RGB)."""
    dataset = parse(content)
    check(dataset)
    return decode(dataset)


def _image(dataset: Dataset, clean: Dataset) -> Image:
    frames = check(dataset)
    if frames > 1:
        raise Refused(
            _("This DICOM file is a stack of {n} frames that don't say where they lie.").format(n=frames),
            _("Export one frame as a picture of its own and upload that."),
        )
    pixels = decode(dataset)
    palette = str(dataset.get("PhotometricInterpretation", "")) == "PALETTE COLOR"
    if palette:
        pixels = _expand(pixels, dataset)
    pixels = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<"))
    slope, intercept = number(dataset, "RescaleSlope", 1) or 1, number(dataset, "RescaleIntercept", 0) or 0
    facts = facts_of(clean)
    if (slope, intercept) != (1, 0):
        facts |= {"rescale_slope": f"{slope:.12g}", "rescale_intercept": f"{intercept:.12g}"}
    return Image(
        pixels=pixels,
        monochrome1=str(dataset.get("PhotometricInterpretation", "")) == "MONOCHROME1",
        spacing_mm=spacing_of(dataset),
        bits=8 * pixels.itemsize if palette else int(number(dataset, "BitsStored") or 8 * pixels.itemsize),
        window=window_of(dataset, slope, intercept),
        facts=clean_facts(facts),
    )


def _expand(pixels: np.ndarray, dataset: Dataset) -> np.ndarray:
    try:
        return np.asarray(apply_color_lut(pixels, dataset))
    except Exception:
        raise Refused(
            _("The colour table of the DICOM picture is damaged."), _("Export the file again from its source.")
        ) from None


def spacing_of(dataset: Dataset) -> tuple[float, float] | None:
    """Distance of rows and of columns in mm; None where it is absent or 0."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        try:
            value = [float(v) for v in dataset.get(keyword) or []]
        except (TypeError, ValueError):
            continue
        if len(value) == 2 and all(0 < v < 1000 for v in value):
            return value[0], value[1]
    return None


def window_of(dataset: Dataset, slope: float, intercept: float) -> tuple[float, float] | None:
    """The first window that the file suggests, brought back to stored values."""
    try:
        centre, width = number(dataset, "WindowCenter"), number(dataset, "WindowWidth")
    except Refused:
        return None
    if centre is None or width is None or not 0 < width < 1e9 or not abs(centre) < 1e9:
        return None
    return (centre - intercept) / slope, abs(width / slope)


def facts_of(clean: Dataset) -> dict[str, str]:
    """Facts of a dataset that is cleaned already, so that reading the cleaned file gives the same."""
    facts = {
        "modality": str(clean.get("Modality", "")),
        "view": str(clean.get("ViewPosition", "")),
        "laterality": str(clean.get("ImageLaterality") or clean.get("Laterality") or ""),
        "body_part": str(clean.get("BodyPartExamined", "")),
        "sex": str(clean.get("PatientSex", "")),
    }
    age = str(clean.get("PatientAge") or "")
    if age:
        years = int(age[:3]) / {"Y": 1, "M": 12, "W": 52.18, "D": 365.25}[age[3]]
        facts["age_years"] = f"{years:.2f}".rstrip("0").rstrip(".")
    for keyword in ("AcquisitionDateTime", "AcquisitionDate", "ContentDate", "StudyDate"):
        when = str(clean.get(keyword) or "")[:8]
        if when:
            facts["acquired"] = date(int(when[:4]), int(when[4:6]), int(when[6:])).isoformat()
            break
    return clean_facts(facts)


def remarks_of(dataset: Dataset) -> tuple[str, ...]:
    burned = str(dataset.get("BurnedInAnnotation", "")).strip().upper()
    if burned == "YES":
        return (_("The file says that text is burned into the picture: it may show a name."),)
    kind = registered(dataset.get("SOPClassUID"))
    if burned == "NO":
        return ()
    if str(dataset.get("Modality", "")) == "US" or "Ultrasound" in kind:
        return (_("Ultrasound often has text burned in: the picture may show a name."),)
    if "Secondary Capture" in kind:
        return (_("A secondary capture often has text burned in: the picture may show a name."),)
    if str(dataset.get("Modality", "")) in _MAY_SHOW_NAMES or "Photograph" in kind or "Endoscopic" in kind:
        return (_("A photograph may show a face or a name: look before you share it."),)
    return ()
