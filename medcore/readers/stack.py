"""A stack of slices as numbered colour pictures: one file a slice, three MR sequences in its three channels.

So the public glioma sets come (Buda et al., Comput Biol Med 2019). Distances and sides are unknown.
"""

import io
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from medcore.i18n import _
from medcore.inputs import Volume
from medcore.readers import own
from medcore.readers.base import Found, check_size

SEQUENCES = ("pre-contrast", "FLAIR", "post-contrast")
UNPLACED = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]], np.float64)  # axial, 1 mm stands in
FEW = 5  # fewer numbered pictures are pictures
BLACK = 24  # of 255: air at the corners of a slice
_SLICE = re.compile(r"(?P<stem>.*\D)(?P<number>\d+)\.(jpe?g|png|tiff?)", re.IGNORECASE)
_MASK = re.compile(r"(?P<stem>.*\D)\d+_mask\.(jpe?g|png|tiff?)", re.IGNORECASE)


def groups(names: Iterable[str]) -> list[tuple[list[str], list[str]]]:
    """(slices in the order of their numbers, masks) of each folder's pictures that differ by their number alone."""
    slices: dict[tuple[str, str], list[tuple[int, str]]] = {}
    masks: dict[tuple[str, str], list[str]] = {}
    for name in names:
        folder, base = posixpath.split(name)
        if named := _SLICE.fullmatch(base):
            slices.setdefault((folder, named["stem"]), []).append((int(named["number"]), name))
        elif masked := _MASK.fullmatch(base):
            masks.setdefault((folder, masked["stem"]), []).append(name)
    return [([name for _n, name in sorted(s)], masks.get(key, [])) for key, s in slices.items() if len(s) >= FEW]


def read(files: Mapping[str, bytes], case: str = "") -> Found | None:
    """The stack that these files form, in their order; None where they are no such slices."""
    pictures: list[np.ndarray] = []
    for content in files.values():
        picture = _picture(content)
        if picture is None or (pictures and picture.shape != pictures[0].shape):
            return None
        pictures.append(picture)
        check_size(picture.nbytes * len(files))
    volume = stacked(pictures)
    if np.ptp(volume.voxels.astype(np.int16), axis=0).mean() < 1:  # grey stored as colour
        return None
    remark = _("Read as a stack of slices with three sequences in its colours: {names}. It has no true distances.")
    return Found(volume, own.write(volume), None, (remark.format(names=", ".join(SEQUENCES)),), case)


def stacked(pictures: Sequence[np.ndarray]) -> Volume:
    """Slices (rows, columns, 3) as one volume (3, slices, rows, columns)."""
    voxels = np.ascontiguousarray(np.stack(pictures).transpose(3, 0, 1, 2))
    return Volume(voxels, UNPLACED, SEQUENCES, spacing_real=False, placed=False, facts={"modality": "MR"})


def _picture(content: bytes) -> np.ndarray | None:
    """(rows, columns, 3) uint8, where it is a colour picture with black corners."""
    from PIL import Image as Pillow

    try:
        with Pillow.open(io.BytesIO(content), formats=("JPEG", "PNG", "TIFF")) as picture:
            if picture.mode != "RGB":
                return None
            check_size(picture.width * picture.height * 3)
            pixels = np.asarray(picture)
    except (OSError, ValueError, Pillow.DecompressionBombError):
        return None
    return pixels if pixels[[0, 0, -1, -1], [0, -1, 0, -1]].max() <= BLACK else None
