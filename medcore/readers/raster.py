"""PNG and JPEG pictures, of 8 or 16 bits."""

import io
import struct

import numpy as np
from PIL import Image as Pillow
from PIL import ImageFile, ImageOps

from medcore.errors import Refused
from medcore.i18n import _
from medcore.inputs import Image
from medcore.readers import strip
from medcore.readers.base import Found, check_size

_MAKE, _MODEL, _ORIENTATION = 0x010F, 0x0110, 0x0112  # EXIF

_NOT_DECODED = {  # by the marker that starts the frame
    0xC3: "lossless JPEG", 0xC5: "hierarchical JPEG", 0xC6: "hierarchical JPEG", 0xC7: "hierarchical lossless JPEG",
    0xC9: "arithmetic JPEG", 0xCA: "arithmetic JPEG", 0xCB: "arithmetic lossless JPEG",
}  # fmt: skip


def read(content: bytes, case: str = "") -> Found:
    """The picture, turned upright. Only what draws it goes into the cleaned file: no EXIF, no text, no thumbnail.

    Transparency is dropped, palettes are expanded, 16-bit grey keeps its 16 bits.
    """
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # weasyprint turns it on for the whole process
    jpeg = content[:2] == b"\xff\xd8"
    if jpeg:
        _check_jpeg(content)
    try:
        picture: Pillow.Image = Pillow.open(io.BytesIO(content), formats=("JPEG", "PNG"))
    except Pillow.DecompressionBombError:
        raise Refused(
            _("The header claims more pixels than are read."),
            _("Save a smaller picture; if it should be small, the file is damaged."),
        ) from None
    except Exception:
        raise _damaged() from None
    check_size(picture.width * picture.height * (2 if picture.mode.startswith("I") else len(picture.getbands())))
    if getattr(picture, "n_frames", 1) > 1 and not jpeg:
        raise Refused(
            _("This PNG moves: it holds {n} pictures.").format(n=getattr(picture, "n_frames", 1)),
            _("Save the one that is to be read as a plain PNG."),
        )
    remarks = []
    try:
        exif = picture.getexif()
        camera, turned = bool(exif.get(_MAKE) or exif.get(_MODEL)), jpeg and exif.get(_ORIENTATION, 1) != 1
        pixels = _pixels(ImageOps.exif_transpose(picture) if turned else picture)
        cleaned = _cleaned(content, jpeg, turned, pixels)
    except Exception:
        raise _damaged() from None
    if not jpeg and content[24] == 16 and pixels.dtype == np.uint8:
        remarks.append(_("The picture has 16 bits a colour; it is read at 8."))
    remarks.append(
        _("A photograph may show a face or a name: look before you share it.")
        if camera
        else _("A picture file may have text burned in: it may show a name.")
    )
    image = Image(pixels, bits=8 * pixels.itemsize)
    return Found(image, cleaned, None, tuple(remarks), case)


def _damaged() -> Refused:
    return Refused(_("The picture is cut off or damaged."), _("Save or export it again."))


def _check_jpeg(content: bytes) -> None:
    """Refuse by name the kinds of JPEG that aren't decoded: 12 bits, lossless, hierarchical, arithmetic."""
    at = 2
    while at + 10 < len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], struct.unpack_from(">H", content, at + 2)[0]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            kind = "12-bit JPEG" if content[at + 4] > 8 else _NOT_DECODED.get(marker, "")
            if kind:
                raise Refused(
                    _("The picture is coded as {kind}, which isn't read.").format(kind=kind),
                    _("Save it as PNG, which keeps up to 16 bits."),
                )
            return
        at += 2 + length


def _pixels(picture: Pillow.Image) -> np.ndarray:
    """(rows, columns) uint8 or uint16, or (rows, columns, 3) uint8."""
    if picture.mode in ("I;16", "I;16B", "I"):
        deep: np.ndarray = np.clip(np.asarray(picture), 0, 65535).astype("<u2")
        return deep
    if picture.mode in ("1", "L", "LA", "La"):
        grey: np.ndarray = np.asarray(picture.convert("L"))
        return grey
    # A palette with transparency goes by RGBA, else Pillow takes the transparent colour for one of its own.
    colour: np.ndarray = np.asarray((picture.convert("RGBA") if picture.mode == "P" else picture).convert("RGB"))
    return colour


def _cleaned(content: bytes, jpeg: bool, turned: bool, pixels: np.ndarray) -> dict[str, bytes]:
    """The file cut down to its picture where that can be done safely, else the pixels as a new PNG."""
    kept = None if turned else strip.jpeg(content) if jpeg else strip.png(content)
    if kept is not None:
        return {"image.jpg" if jpeg else "image.png": kept}
    out = io.BytesIO()
    Pillow.fromarray(pixels).save(out, "PNG", compress_level=1)
    return {"image.png": out.getvalue()}
