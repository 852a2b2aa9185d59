"""DICOM: single pictures and ECG waveforms."""

import io
import logging
import re
import warnings
import zlib
from collections.abc import Iterable
from datetime import date

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import apply_color_lut, get_decoder
from pydicom.pixels.utils import get_expected_length
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGTransferSyntaxes,
    RLELossless,
    UID_dictionary,
)

from medcore.errors import Refused
from medcore.i18n import _
from medcore.inputs import Image
from medcore.readers import deidentify, strip
from medcore.readers.base import Found, check_size, clean_facts
from medcore.readers.waveform import read_waveform

# pydicom's warnings and log lines quote values of the header.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)
logging.getLogger("pydicom").propagate = False
warnings.filterwarnings("ignore", module="pydicom")

_JPEG_EXTENDED = UID("1.2.840.10008.1.2.4.51")
_NO_PICTURE = re.compile(
    r"\bSR\b|Report|Structure Set|RT (Plan|Ion Plan|Dose|.*Record)|Segmentation|Presentation State|Key Object"
    r"|Encapsulated|Registration|Fiducials|Directory|Raw Data|Tractography|Real World|Surface|Mapping|Procedure"
    r"|Measurements|Document"
)
_MAY_SHOW_NAMES = frozenset(["US", "IVUS", "SC", "OT", "XC", "ES", "GM", "SM", "DOC", "EC", "ECG", "OP"])


def read(content: bytes, key: bytes = b"", case: str = "") -> Found:
    """The picture or the ECG in one DICOM file.

    Raises Refused when it holds neither, holds several pictures, is damaged, or is coded in a way that isn't read.
    """
    dataset = parse(content)
    _refuse_other_objects(dataset)
    who = None if deidentify.cleaned_before(dataset) else deidentify.person(dataset)
    clean = deidentify.clean(dataset, key, who)
    if "WaveformSequence" in dataset:
        signal, clean.WaveformSequence, remarks = read_waveform(dataset, _facts(clean))
        return Found(signal, {"signal.dcm": write(clean)}, who, remarks, case)
    image = _image(dataset, clean)
    clean["PixelData"].value = _picture_only(dataset)
    return Found(image, {"image.dcm": write(clean)}, who, _remarks(dataset), case)


def _picture_only(dataset: Dataset) -> bytes:
    """The bytes that the picture is stored in; behind them, and in a JPEG's comments, anything may stand."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated:
        (stream,) = generate_frames(dataset.PixelData, number_of_frames=1)
        return encapsulate([(strip.jpeg(stream) if syntax in JPEGTransferSyntaxes else None) or stream])
    need = get_expected_length(dataset, unit="bytes")
    return bytes(dataset.PixelData[: need + need % 2])


def parse(content: bytes) -> Dataset:
    """The header and the undecoded values. Raises Refused when no header can be read."""
    _check_inflated(content)
    try:
        dataset = pydicom.dcmread(io.BytesIO(content), force=True)
        empty = len(dataset) == 0
    except Exception:
        raise _damaged() from None
    if empty:
        raise _damaged()
    meta = dataset.file_meta if hasattr(dataset, "file_meta") else FileMetaDataset()
    if "TransferSyntaxUID" not in meta and content[128:132] != b"DICM":
        # Files of before 1996 have neither preamble nor meta information; pydicom has found out how they are written.
        meta.TransferSyntaxUID = ImplicitVRLittleEndian if dataset.original_encoding[0] else ExplicitVRLittleEndian
    dataset.file_meta = meta
    if "TransferSyntaxUID" not in meta:
        raise Refused(
            _("The DICOM file doesn't say how it is coded: TransferSyntaxUID (0002,0010) is missing."),
            _("Export the file again from its source."),
        )
    return dataset


def _damaged() -> Refused:
    return Refused(
        _("The DICOM file is cut off or damaged: its elements can't be followed to the end."),
        _("Export the file again from its source."),
    )


def _check_inflated(content: bytes) -> None:
    """A deflated file is inflated as a whole by pydicom: find out first how large it gets."""
    if str(DeflatedExplicitVRLittleEndian).encode() not in content[:1024]:
        return
    start = 144 + int.from_bytes(content[140:144], "little")
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    total = 0
    try:
        for at in range(start, len(content), 2**16):
            data = content[at : at + 2**16]
            while data and not inflater.eof:
                total += len(inflater.decompress(data, 2**22))
                data = inflater.unconsumed_tail
                check_size(total)
    except zlib.error:
        raise _damaged() from None


def number(dataset: Dataset, keyword: str, default: float | None = None) -> float | None:
    """The first number of a tag, `default` where it is absent or empty. Raises Refused, naming the tag."""
    try:
        value = dataset.get(keyword)
        many = [value] if isinstance(value, str) or not isinstance(value, Iterable) else value
        first = next((v for v in many if v is not None and v != ""), None)
        return default if first is None else float(first)
    except Exception:
        raise Refused(
            _("{tag} in the DICOM header isn't a number.").format(tag=tag_name(keyword)),
            _("Export the file again from its source."),
        ) from None


def tag_name(keyword: str) -> str:
    """As people look tags up: Rows (0028,0010)."""
    tag = pydicom.tag.Tag(keyword)
    return f"{keyword} ({tag.group:04X},{tag.element:04X})"


def _refuse_other_objects(dataset: Dataset) -> None:
    kind = _registered(dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID"))
    if _NO_PICTURE.search(kind):
        raise Refused(
            _("This DICOM file is no image and no ECG: it holds “{name}”.").format(name=kind.removesuffix(" Storage")),
            _("Upload the images that it belongs to."),
        )
    if "PixelData" not in dataset and "WaveformSequence" not in dataset:
        raise _no_picture(dataset)


def _registered(uid: object) -> str:
    """The name of a UID of the standard; "" for any other text, which could be anything."""
    return str(UID_dictionary.get(str(uid or ""), ("",))[0])


def _no_picture(dataset: Dataset) -> Refused:
    floats = "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset
    return Refused(
        _("The picture is stored as floating-point numbers, which aren't read yet.")
        if floats
        else _("The DICOM file holds no picture: {tag} is missing.").format(tag=tag_name("PixelData")),
        _("Export the image itself; if it should be here, the file is cut off."),
    )


def stored_pixels(content: bytes) -> np.ndarray:
    """All stored values: (rows, columns), with a first axis for several frames and a last one for colour (RGB)."""
    dataset = parse(content)
    _check_pixels(dataset)
    return _decode(dataset)


def _check_pixels(dataset: Dataset) -> int:
    """Refuse what can't be decoded before memory is taken for it; the number of frames."""
    if "PixelData" not in dataset:
        raise _no_picture(dataset)
    sizes = {k: number(dataset, k, d) for k, d in (("Rows", 0), ("Columns", 0), ("BitsAllocated", 0))}
    frames, samples = number(dataset, "NumberOfFrames", 1) or 1, number(dataset, "SamplesPerPixel", 1) or 1
    for keyword, value in sizes.items():
        if not value or value < 1:
            raise Refused(
                _("{tag} is missing in the DICOM header, or 0.").format(tag=tag_name(keyword)),
                _("Export the file again from its source."),
            )
    rows, columns, bits = (int(v or 0) for v in sizes.values())
    check_size(rows * columns * int(frames) * int(samples) * -(-bits // 8))
    syntax = dataset.file_meta.TransferSyntaxUID
    if not _registered(syntax) or not syntax.is_transfer_syntax:
        raise _not_decoded(_("an unknown code"))
    if syntax == _JPEG_EXTENDED and bits > 8:
        raise _not_decoded("12-bit JPEG Extended")
    if syntax.is_encapsulated:
        _check_coded(dataset, syntax, int(frames))
    else:
        _check_length(dataset)
    return int(frames)


def _not_decoded(name: str) -> Refused:
    return Refused(
        _("The picture is coded as {name}, which isn't read.").format(name=name),
        _("Export it uncompressed, or as JPEG lossless or JPEG 2000."),
    )


def _check_coded(dataset: Dataset, syntax: UID, frames: int) -> None:
    """Each JPEG or JPEG 2000 stream has to reach its end mark (padding may follow): decoders fill up a shorter
    one without a word."""
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if not available:
        raise _not_decoded(syntax.name)
    try:
        streams = list(generate_frames(dataset.PixelData, number_of_frames=frames))
    except Exception:
        raise _damaged() from None
    if syntax != RLELossless and not all(b"\xff\xd9" in s[-8:] for s in streams):
        raise Refused(
            _("{tag} is cut off: a coded picture ends before its end mark.").format(tag=tag_name("PixelData")),
            _("Export the file again from its source."),
        )


def _check_length(dataset: Dataset) -> None:
    try:
        have, need = len(dataset.PixelData), get_expected_length(dataset, unit="bytes")
    except Exception:
        raise _damaged() from None
    if have < need:
        raise Refused(
            _("{tag} holds {have:,} of the {need:,} bytes that the header announces.").format(
                tag=tag_name("PixelData"), have=have, need=need
            ),
            _("The file is cut off or its header is wrong: export it again from its source."),
        )


def _decode(dataset: Dataset) -> np.ndarray:
    try:
        return dataset.pixel_array
    except Exception:
        raise Refused(
            _("{tag} can't be decoded (coded as {name}).").format(
                tag=tag_name("PixelData"), name=dataset.file_meta.TransferSyntaxUID.name
            ),
            _("The file is damaged or cut off: export it again from its source."),
        ) from None


def _image(dataset: Dataset, clean: Dataset) -> Image:
    frames = _check_pixels(dataset)
    if frames > 1:
        raise Refused(
            _("This DICOM file is a stack of {n} frames; only single pictures are read yet.").format(n=frames),
            _("Export one frame as a picture of its own and upload that."),
        )
    pixels = _decode(dataset)
    palette = str(dataset.get("PhotometricInterpretation", "")) == "PALETTE COLOR"
    if palette:
        pixels = _expand(pixels, dataset)
    pixels = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<"))
    slope, intercept = number(dataset, "RescaleSlope", 1) or 1, number(dataset, "RescaleIntercept", 0) or 0
    facts = _facts(clean)
    if (slope, intercept) != (1, 0):
        facts |= {"rescale_slope": f"{slope:.12g}", "rescale_intercept": f"{intercept:.12g}"}
    return Image(
        pixels=pixels,
        monochrome1=str(dataset.get("PhotometricInterpretation", "")) == "MONOCHROME1",
        spacing_mm=_spacing(dataset),
        bits=8 * pixels.itemsize if palette else int(number(dataset, "BitsStored") or 8 * pixels.itemsize),
        window=_window(dataset, slope, intercept),
        facts=clean_facts(facts),
    )


def _expand(pixels: np.ndarray, dataset: Dataset) -> np.ndarray:
    try:
        return np.asarray(apply_color_lut(pixels, dataset))
    except Exception:
        raise Refused(
            _("The colour table of the DICOM picture is damaged."), _("Export the file again from its source.")
        ) from None


def _spacing(dataset: Dataset) -> tuple[float, float] | None:
    """Distance of rows and of columns in mm; None where it is absent or 0."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        try:
            value = [float(v) for v in dataset.get(keyword) or []]
        except (TypeError, ValueError):
            continue
        if len(value) == 2 and all(0 < v < 1000 for v in value):
            return value[0], value[1]
    return None


def _window(dataset: Dataset, slope: float, intercept: float) -> tuple[float, float] | None:
    """The first window that the file suggests, brought back to stored values."""
    try:
        centre, width = number(dataset, "WindowCenter"), number(dataset, "WindowWidth")
    except Refused:
        return None
    if centre is None or width is None or not 0 < width < 1e9 or not abs(centre) < 1e9:
        return None
    return (centre - intercept) / slope, abs(width / slope)


def _orientation(clean: Dataset) -> str:
    """Where the rows and the columns of the picture lead, "L\\F"; "" where either is unknown."""
    value = clean.get("PatientOrientation") or ""
    return "" if isinstance(value, str) or len(value) != 2 else "\\".join(value)


def _facts(clean: Dataset) -> dict[str, str]:
    """Facts of a dataset that is cleaned already, so that reading the cleaned file gives the same."""
    facts = {
        "modality": str(clean.get("Modality", "")),
        "view": str(clean.get("ViewPosition", "")),
        "laterality": str(clean.get("ImageLaterality") or clean.get("Laterality") or ""),
        "orientation": _orientation(clean),
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


def _remarks(dataset: Dataset) -> tuple[str, ...]:
    burned = str(dataset.get("BurnedInAnnotation", "")).strip().upper()
    if burned == "YES":
        return (_("The file says that text is burned into the picture: it may show a name."),)
    kind = _registered(dataset.get("SOPClassUID"))
    if burned == "NO":
        return ()
    if str(dataset.get("Modality", "")) == "US" or "Ultrasound" in kind:
        return (_("Ultrasound often has text burned in: the picture may show a name."),)
    if "Secondary Capture" in kind:
        return (_("A secondary capture often has text burned in: the picture may show a name."),)
    if str(dataset.get("Modality", "")) in _MAY_SHOW_NAMES or "Photograph" in kind or "Endoscopic" in kind:
        return (_("A photograph may show a face or a name: look before you share it."),)
    return ()


def write(clean: Dataset) -> bytes:
    """A cleaned dataset as a DICOM file (PS3.10) with a blank preamble."""
    out = io.BytesIO()
    pydicom.dcmwrite(out, clean, enforce_file_format=True)
    return out.getvalue()
