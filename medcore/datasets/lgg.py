"""Brain MR of lower-grade glioma with the FLAIR abnormality outlined (Buda et al., Comput Biol Med 2019).

Layout: `kaggle_3m/TCGA_CS_4941[_19960909]/TCGA_CS_4941_…_10.jpg` (or .png, .tif), 3 channels = pre-contrast, FLAIR,
post-contrast, and `…_10_mask.png` (or .tif), 0 or 255. The patient is the first three parts of a name, the institution
the second. Pixel size and slice distance are not given.
"""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from medcore.datasets.sample import Sample
from medcore.errors import Refused
from medcore.i18n import _
from medcore.inputs import Input
from medcore.readers.stack import stacked

NAME = "lgg"
_SLICE = re.compile(r"(?P<patient>[^_]+_(?P<site>[^_]+)_[^_]+)(_.*)?_(?P<number>\d+)\.(jpe?g|png|tiff?)", re.IGNORECASE)
_MASKS = ("_mask.png", "_mask.tif", "_mask.tiff", "_mask.jpg")


def lgg(folder: Path) -> list[Sample]:
    """One sample a patient: input "mr", target a function that gives the mask (1, slices, rows, columns)."""
    root = folder / "kaggle_3m" if (folder / "kaggle_3m").is_dir() else folder
    found: dict[str, dict[int, tuple[Path, Path]]] = {}
    sites: dict[str, str] = {}
    for path in sorted(root.glob("*/*")):
        named = _SLICE.fullmatch(path.name)
        mask = next((m for end in _MASKS if (m := path.with_name(path.stem + end)).is_file()), None) if named else None
        if named and mask:
            patient = named["patient"]
            found.setdefault(patient, {})[int(named["number"])] = path, mask
            sites[patient] = named["site"]
    if not found:
        raise Refused(
            _("There are no slices with masks in the folder."), _("Give the folder that holds kaggle_3m, or itself.")
        )
    samples = []
    for patient, slices in found.items():
        pictures, masks = zip(*(slices[n] for n in sorted(slices)), strict=True)
        target: Callable[[], np.ndarray] = partial(read_mask, masks)
        samples.append(Sample(NAME, patient, patient, partial(read_stack, pictures), target, sites[patient]))
    return samples


def read_stack(paths: tuple[Path, ...]) -> dict[str, Input]:
    """The slices as one volume, (3, slices, rows, columns) uint8."""
    return {"mr": stacked([_pixels(path) for path in paths])}


def read_mask(paths: tuple[Path, ...]) -> np.ndarray:
    """(1, slices, rows, columns) bool."""
    masks = [_pixels(path) for path in paths]
    return np.stack([(m if m.ndim == 2 else m[..., 0]) > 127 for m in masks])[None]


def _pixels(path: Path) -> np.ndarray:
    from PIL import Image

    with Image.open(path, formats=("JPEG", "PNG", "TIFF")) as picture:
        return np.asarray(picture)
