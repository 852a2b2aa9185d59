"""The pictures in a DICOM file: checked before memory is taken, decoded, and cut down to their own bytes."""

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import get_decoder
from pydicom.pixels.utils import get_expected_length
from pydicom.uid import UID, JPEGTransferSyntaxes, RLELossless

from medcore.errors import Refused
from medcore.i18n import _
from medcore.readers import strip
from medcore.readers.base import check_size
from medcore.readers.dicom_file import damaged, number, registered, tag_name

_JPEG_EXTENDED = UID("1.2.840.10008.1.2.4.51")


def no_picture(dataset: Dataset) -> Refused:
    floats = "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset
    return Refused(
        _("The picture is stored as floating-point numbers, which aren't read yet.")
        if floats
        else _("The DICOM file holds no picture: {tag} is missing.").format(tag=tag_name("PixelData")),
        _("Export the image itself; if it should be here, the file is cut off."),
    )


def check(dataset: Dataset) -> int:
    """Refuse what can't be decoded before memory is taken for it; the number of frames."""
    if "PixelData" not in dataset:
        raise no_picture(dataset)
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
    if not registered(syntax) or not syntax.is_transfer_syntax:
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
        raise damaged() from None
    if syntax != RLELossless and not all(b"\xff\xd9" in s[-8:] for s in streams):
        raise Refused(
            _("{tag} is cut off: a coded picture ends before its end mark.").format(tag=tag_name("PixelData")),
            _("Export the file again from its source."),
        )


def _check_length(dataset: Dataset) -> None:
    try:
        have, need = len(dataset.PixelData), get_expected_length(dataset, unit="bytes")
    except Exception:
        raise damaged() from None
    if have < need:
        raise Refused(
            _("{tag} holds {have:,} of the {need:,} bytes that the header announces.").format(
                tag=tag_name("PixelData"), have=have, need=need
            ),
            _("The file is cut off or its header is wrong: export it again from its source."),
        )


def decode(dataset: Dataset) -> np.ndarray:
    """The stored values: (rows, columns), with a first axis for several frames and a last one for colour (RGB)."""
    try:
        return dataset.pixel_array
    except Exception:
        raise _undecodable(dataset) from None


def decode_grey(dataset: Dataset) -> np.ndarray:
    """As `decode`, for grey pictures; where they aren't coded it is a view of the file's own bytes."""
    try:
        return get_decoder(dataset.file_meta.TransferSyntaxUID).as_array(dataset, view_only=True)[0]  # type: ignore[arg-type]
    except Exception:
        raise _undecodable(dataset) from None


def _undecodable(dataset: Dataset) -> Refused:
    return Refused(
        _("{tag} can't be decoded (coded as {name}).").format(
            tag=tag_name("PixelData"), name=dataset.file_meta.TransferSyntaxUID.name
        ),
        _("The file is damaged or cut off: export it again from its source."),
    )


def picture_only(dataset: Dataset, frames: int = 1) -> bytes:
    """The bytes that the pictures are stored in; behind them, and in a JPEG's comments, anything may stand."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated:
        streams = list(generate_frames(dataset.PixelData, number_of_frames=frames))
        return encapsulate([(strip.jpeg(s) if syntax in JPEGTransferSyntaxes else None) or s for s in streams])
    need = get_expected_length(dataset, unit="bytes")
    return bytes(dataset.PixelData[: need + need % 2])
