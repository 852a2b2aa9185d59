"""DICOM files: header and undecoded values in, a file with a blank preamble out."""

import io
import logging
import warnings
import zlib
from collections.abc import Iterable

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    UID_dictionary,
)

from medcore.errors import Refused
from medcore.i18n import _
from medcore.readers.base import check_size

# pydicom's warnings and log lines quote values of the header.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)
logging.getLogger("pydicom").propagate = False
warnings.filterwarnings("ignore", module="pydicom")


def parse(content: bytes) -> Dataset:
    """The header and the undecoded values. Raises Refused when no header can be read."""
    _check_inflated(content)
    try:
        dataset = pydicom.dcmread(io.BytesIO(content), force=True)
        empty = len(dataset) == 0
    except Exception:
        raise damaged() from None
    if empty:
        raise damaged()
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


def damaged() -> Refused:
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
        raise damaged() from None


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


def registered(uid: object) -> str:
    """The name of a UID of the standard; "" for any other text, which could be anything."""
    return str(UID_dictionary.get(str(uid or ""), ("",))[0])


def write(clean: Dataset) -> bytes:
    """A cleaned dataset as a DICOM file (PS3.10) with a blank preamble."""
    out = io.BytesIO()
    pydicom.dcmwrite(out, clean, enforce_file_format=True)
    return out.getvalue()


def study_of(content: bytes) -> str:
    """The StudyInstanceUID of a file."""
    return str(parse(content).get("StudyInstanceUID", ""))
