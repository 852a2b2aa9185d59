"""Frontal films of children's chests with the lungs outlined by people (Kermany 2018, masks of V7 Labs 2020).

Layout: a folder with `labels.csv` (columns file, mask, patient; label where known), the pictures that `file` names and
the masks that `mask` names (8 bits, 0 or 255), each in the folder itself or in its `images/` and `masks/`.
"""

from functools import partial
from pathlib import Path

import numpy as np

from medcore.datasets.cxr_pneumonia import read_film
from medcore.datasets.labels import named, read_labels
from medcore.datasets.sample import Sample

NAME = "cxr_lungs"


def cxr_lungs(folder: Path) -> list[Sample]:
    """One sample a film; target a function that gives the mask (1, rows, columns)."""
    rows = read_labels(folder, {"file", "mask", "patient"})
    samples = []
    for row in rows:
        film = named(folder, row["file"], "images")
        mask = named(folder, row["mask"], "masks")
        if film and mask:
            target, source = partial(read_mask, mask), row.get("label", "")
            samples.append(Sample(NAME, row["patient"], row["file"], partial(read_film, film), target, source))
    return samples


def read_mask(path: Path) -> np.ndarray:
    """(1, rows, columns) bool."""
    from PIL import Image

    with Image.open(path, formats=("PNG",)) as picture:
        return np.asarray(picture.convert("L"))[None] > 127
