"""What a file is, by what is in it. Its name counts for nothing."""

import codecs
import json
import re
import struct
import zlib

from medcore.errors import Refused
from medcore.i18n import N_, _
from medcore.readers import archive, own
from medcore.readers.nifti import GZIP, is_nifti
from medcore.readers.wfdb_header import is_header

_TO_IMAGE = N_("Export the picture as DICOM, PNG or JPEG.")
_TO_WFDB = N_("Export the recording as DICOM or WFDB.")
_TO_TABLE = N_("Save the table as CSV or .xlsx.")
_TO_NIFTI = N_("Save the volume as .nii or .nii.gz, or upload the DICOM series.")
_UNPACK = N_("Unpack it and upload the files, or pack them as ZIP.")

# (start, offset, what it is, what to do)
_OTHERS: tuple[tuple[bytes, int, str, str], ...] = (
    (b"%PDF", 0, N_("a PDF document"), N_("Upload the recording, picture or table that the document was made from.")),
    (b"\xffBIOSEMI", 0, N_("a BDF recording (BioSemi)"), _TO_WFDB),
    (b"SCPECG", 16, N_("an SCP-ECG recording"), _TO_WFDB),
    (b"MATLAB 5.0", 0, N_("a MATLAB 5 file"), N_("Export the recording as WFDB, or the table as CSV.")),
    (b"\x89HDF", 0, N_("an HDF5 file"), N_("Export the recording as WFDB, or the table as CSV.")),
    (b"ni1\0", 344, N_("a NIfTI header without its values"), _TO_NIFTI),
    (b"NRRD000", 0, N_("an NRRD volume"), _TO_NIFTI),
    (b"II*\0", 0, N_("a TIFF picture or whole-slide scan"), _TO_IMAGE),
    (b"MM\0*", 0, N_("a TIFF picture or whole-slide scan"), _TO_IMAGE),
    (b"II+\0", 0, N_("a TIFF picture or whole-slide scan"), _TO_IMAGE),
    (b"MM\0+", 0, N_("a TIFF picture or whole-slide scan"), _TO_IMAGE),
    (b"GIF8", 0, N_("a GIF picture"), _TO_IMAGE),
    (b"WEBP", 8, N_("a WebP picture"), _TO_IMAGE),
    (b"\0\0\0\x0cjP  ", 0, N_("a JPEG 2000 picture"), _TO_IMAGE),
    (b"\xff\x4f\xff\x51", 0, N_("a JPEG 2000 picture"), _TO_IMAGE),
    (b"ftyphei", 4, N_("a HEIC photograph"), _TO_IMAGE),
    (b"ftypmif", 4, N_("a HEIC photograph"), _TO_IMAGE),
    (b"ftypavif", 4, N_("an AVIF picture"), _TO_IMAGE),
    (b"ftyp", 4, N_("a video"), N_("Export one picture of it as PNG or JPEG.")),
    (b"\0\0\x01\xba", 0, N_("a video"), N_("Export one picture of it as PNG or JPEG.")),
    (b"\x1aE\xdf\xa3", 0, N_("a video"), N_("Export one picture of it as PNG or JPEG.")),
    (b"AVI ", 8, N_("a video"), N_("Export one picture of it as PNG or JPEG.")),
    (b"WAVE", 8, N_("a sound recording"), _TO_WFDB),
    (b"OggS", 0, N_("a sound recording"), _TO_WFDB),
    (b"ID3\x03", 0, N_("a sound recording"), _TO_WFDB),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0, N_("an old or locked Office file"), _TO_TABLE),
    (b"PAR1\x15", 0, N_("a Parquet table"), _TO_TABLE),
    (b"SQLite format 3", 0, N_("a SQLite database"), _TO_TABLE),
    (b"7z\xbc\xaf", 0, N_("a 7z archive"), _UNPACK),
    (b"Rar!", 0, N_("a RAR archive"), _UNPACK),
    (b"\xfd7zXZ", 0, N_("an XZ archive"), _UNPACK),
    (b"1AY&SY", 4, N_("a bzip2 archive"), _UNPACK),
    (b"ustar", 257, N_("a TAR archive"), _UNPACK),
    (
        b"\x93NUMPY",
        0,
        N_("a NumPy array"),
        N_("Export the recording as WFDB, the picture as PNG, or the table as CSV."),
    ),
    (b"\x7fELF", 0, N_("a program"), N_("Upload the data themselves.")),
    (b"MZ\x90\0", 0, N_("a program"), N_("Upload the data themselves.")),
)
_XML = (
    (r"<(\w+:)?AnnotatedECG\b", N_("an HL7 annotated ECG (aECG)"), _TO_WFDB),
    (r"<(\w+:)?RestingECG\b", N_("a GE MUSE ECG (XML)"), _TO_WFDB),
    (r"<(\w+:)?(restingecgdata|ecg|sapphire)\b", N_("an ECG in XML"), _TO_WFDB),
    (r"<(\w+:)?ClinicalDocument\b", N_("an HL7 clinical document"), _TO_TABLE),
    (r"<(!doctype )?html\b", N_("a web page"), N_("Download the file itself, not the page that shows it.")),
    (r"<svg\b", N_("an SVG drawing"), _TO_IMAGE),
    (r"<", N_("an XML document"), N_("Export a recording as DICOM or WFDB, a table as CSV.")),
)


class Foreign(Refused):
    """A file of a kind that no reader takes."""


def kind(content: bytes) -> str:
    """ "dicom", "nifti", "raster", "wfdb", "own", "excel", "zip" or "csv".

    Raises Foreign, naming what the file is where that can be told.
    """
    if not content:
        raise Foreign(_("The file is empty."), _("Copy or export it again."))
    if content[128:132] == b"DICM" or _is_bare_dicom(content):
        return "dicom"
    if content.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")):
        return "raster"
    if content.startswith(own.MAGIC):
        return "own"
    if is_nifti(_gunzipped(content) if content.startswith(GZIP) else content[:544]):
        return "nifti"
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_kind(content)
    for start, offset, what, remedy in _OTHERS:
        if content.startswith(start, offset):
            raise _foreign(what, remedy)
    _refuse_by_structure(content)
    return _text_kind(content)


def _foreign(what: str, remedy: str) -> Foreign:
    return Foreign(_("This file is {what}, which isn't read yet.").format(what=_(what)), _(remedy))


def _without_header() -> Foreign:
    return Foreign(
        _("This file is a WFDB signal file without its header."), _("Upload its .hea file together with it.")
    )


def _is_bare_dicom(content: bytes) -> bool:
    """A data set without preamble: its first element is of group 0002 or 0008 and fits."""
    if len(content) < 16 or content[:2] not in (b"\x02\0", b"\x08\0"):
        return False
    explicit = re.fullmatch(rb"[A-Z]{2}", content[4:6]) is not None
    length = int.from_bytes(content[6:8] if explicit else content[4:8], "little")
    after = 8 + length
    return content[2:4] < b"\xff" and after + 8 <= len(content) and content[after : after + 2] in (b"\x02\0", b"\x08\0")


def _zip_kind(content: bytes) -> str:
    inside = archive.names(content)
    if "[Content_Types].xml" in inside:
        if any(name.startswith("xl/") for name in inside):
            return "excel"
        raise _foreign(N_("a Word or PowerPoint document"), _TO_TABLE)
    if any(name == "data.pkl" or name.endswith("/data.pkl") for name in inside):
        raise _foreign(N_("a pickle of PyTorch"), N_("Pickles can run programs and are never read."))
    if inside and all(name.endswith(".npy") for name in inside):
        raise _foreign(
            N_("a NumPy archive"), N_("Export the recording as WFDB, the picture as PNG, or the table as CSV.")
        )
    if "mimetype" in inside and any(name == "content.xml" for name in inside):
        raise _foreign(N_("an OpenDocument file"), _TO_TABLE)
    return "zip"


def _refuse_by_structure(content: bytes) -> None:
    """What has no magic bytes but a telling layout."""
    if content.startswith(b"0       ") and re.fullmatch(rb"[\d ]{8}", content[184:192]):
        raise _foreign(N_("an EDF recording"), _TO_WFDB)
    if content.startswith(b"fLaC"):
        raise _without_header()
    if content.startswith(b"BM") and int.from_bytes(content[2:6], "little") == len(content):
        raise _foreign(N_("a BMP picture"), _TO_IMAGE)
    if content[:4] in (b"\x5c\x01\0\0", b"\0\0\x01\x5c") and len(content) >= 348:
        raise _foreign(N_("a NIfTI or Analyze header without its values"), _TO_NIFTI)
    if content.startswith(GZIP):
        raise _foreign(N_("a gzip archive"), _UNPACK)
    if content[:1] == b"\x80" and content[1:2] in b"\x02\x03\x04\x05" and content.rstrip().endswith(b"."):
        raise _foreign(N_("a pickle of Python"), N_("Pickles can run programs and are never read."))
    if len(content) > 24:
        kind, rows, columns, imaginary, name = struct.unpack_from("<5I", content)
        if kind in (0, 10, 20, 30, 50) and rows and columns and imaginary < 2 and 0 < name < 64:  # MATLAB 4
            raise _without_header()


def _gunzipped(content: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(content[:65536], 544)
    except zlib.error:
        return b""


def _text_kind(content: bytes) -> str:
    start = content[:65536]
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "csv"
    if re.search(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]", start) or not _is_written(start):
        raise Foreign(
            _("This file isn't of a kind that is known, or it is damaged."),
            _("Upload DICOM, NIfTI, PNG, JPEG, CSV, Excel or WFDB; a WFDB signal file needs its .hea file beside it."),
        )
    text = start.decode("utf-8-sig", "replace").lstrip()
    if not text:
        raise Foreign(_("The file holds nothing but blanks."), _("Copy or export it again."))
    if text.startswith("<"):
        for pattern, what, remedy in _XML:
            if re.search(pattern, text, re.IGNORECASE):
                raise _foreign(what, remedy)
    if text[0] in "[{":
        _refuse_json(content)
    if is_header(content):
        return "wfdb"
    first = next(line for line in text.splitlines() if line.strip())
    if not re.search(r"[,;\t|]", first):
        raise _foreign(N_("plain text"), N_("Upload DICOM, PNG, JPEG, WFDB, or a table with a header line."))
    return "csv"


def _is_written(start: bytes) -> bool:
    """UTF-8, or an older code in which most letters are plain ones."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)  # a letter may be cut at the end
    except UnicodeDecodeError:
        return sum(b > 127 for b in start) < 0.3 * len(start)
    return True


def _refuse_json(content: bytes) -> None:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return
    fhir = isinstance(value, dict) and "resourceType" in value
    raise _foreign(N_("a FHIR resource (JSON)") if fhir else N_("a JSON file"), _TO_TABLE)
