"""Frontal chest films, normal or pneumonia, of two sources (adults of NIH, children of Kermany 2018).

Layout: a folder with `labels.csv` (columns file, patient, label normal|pneumonia, source; view, age, sex,
label_quality where known) and the pictures that `file` names, in the folder or in its `images/`. Where there is a
`boxes.csv` (columns file, x, y, width, height in pixels from the top left), a film's boxes say where radiologists saw
the pneumonia.
"""

import csv
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from medcore.datasets.labels import named, read_labels
from medcore.datasets.sample import Sample
from medcore.inputs import Image, Input

NAME = "cxr_pneumonia"
Box = tuple[float, float, float, float]


def cxr_pneumonia(folder: Path) -> list[Sample]:
    """One sample a film; target 1 = pneumonia."""
    rows = read_labels(folder, {"file", "patient", "label"})
    boxes = read_boxes(folder / "boxes.csv")
    samples = []
    for row in rows:
        path = named(folder, row["file"], "images")
        if path and row["label"] in ("normal", "pneumonia"):
            facts = {k: row[k] for k in ("label_quality", "view", "age", "sex") if row.get(k)}
            samples.append(
                Sample(
                    NAME,
                    row["patient"],
                    row["file"],
                    partial(read_film, path),
                    int(row["label"] == "pneumonia"),
                    row.get("source", ""),
                    facts=facts,
                    place=partial(within, boxes[row["file"]]) if row["file"] in boxes else None,
                )
            )
    return samples


def read_boxes(path: Path) -> dict[str, list[Box]]:
    """x, y, width, height of each box by file; none where there is no such table."""
    found: dict[str, list[Box]] = {}
    if path.is_file():
        with path.open(encoding="utf-8-sig", newline="") as lines:
            for row in csv.DictReader(lines):
                x, y, width, height = (float(row[name]) for name in ("x", "y", "width", "height"))
                found.setdefault(row["file"], []).append((x, y, width, height))
    return found


def within(boxes: Sequence[Box], film: Image) -> np.ndarray:
    """(rows, columns) bool: the pixels in any of the boxes."""
    out = np.zeros(film.pixels.shape[:2], bool)
    for x, y, width, height in boxes:
        out[max(0, round(y)) : max(0, round(y + height)), max(0, round(x)) : max(0, round(x + width))] = True
    return out


def read_film(path: Path) -> dict[str, Input]:
    """The picture in that file, whatever its format."""
    from medcore.readers import read

    return {"film": read({path.name: path.read_bytes()})[0].input}
