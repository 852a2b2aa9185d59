"""Frontal films of children's chests with the lungs outlined by people (Kermany 2018, masks of V7 Labs 2020).

Layout: a folder with `labels.csv` (columns file, mask, patient; label where known), the pictures that `file` names and
the masks that `mask` names (8 bits, 0 or 255), each in the folder itself or in its `images/` and `masks/`.
"""

import csv
from functools import partial
from pathlib import Path

import numpy as np

from medcore.datasets.cxr_pneumonia import read_film
from medcore.datasets.sample import Sample
from medcore.errors import Refused
from medcore.i18n import _

NAME = "cxr_lungs"


def cxr_lungs(folder: Path) -> list[Sample]:
    """One sample a film; target a function that gives the mask (1, rows, columns)."""
    table = folder / "labels.csv"
    if not table.is_file():
        raise Refused(_("There is no labels.csv in the folder."), _("Give the folder that holds it."))
    with table.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    missing = {"file", "mask", "patient"} - set(rows[0] if rows else ())
    if missing:
        raise Refused(_("labels.csv lacks the column {name}.").format(name=sorted(missing)[0]), _("Add it."))
    samples = []
    for row in rows:
        film = next((p for p in (folder / row["file"], folder / "images" / row["file"]) if p.is_file()), None)
        mask = next((p for p in (folder / row["mask"], folder / "masks" / row["mask"]) if p.is_file()), None)
        if film and mask:
            target, source = partial(read_mask, mask), row.get("label", "")
            samples.append(Sample(NAME, row["patient"], row["file"], partial(read_film, film), target, source))
    return samples


def read_mask(path: Path) -> np.ndarray:
    """(1, rows, columns) bool."""
    from PIL import Image

    with Image.open(path, formats=("PNG",)) as picture:
        return np.asarray(picture.convert("L"))[None] > 127
