"""Frontal chest films, normal or pneumonia, of two sources (adults of NIH, children of Kermany 2018).

Layout: a folder with `labels.csv` (columns file, patient, label normal|pneumonia, source; view, age, sex,
label_quality where known) and the pictures that `file` names, in the folder or in its `images/`.
"""

import csv
from functools import partial
from pathlib import Path

from medcore.datasets.sample import Sample
from medcore.errors import Refused
from medcore.i18n import _
from medcore.inputs import Input

NAME = "cxr_pneumonia"


def cxr_pneumonia(folder: Path) -> list[Sample]:
    """One sample a film; target 1 = pneumonia."""
    table = folder / "labels.csv"
    if not table.is_file():
        raise Refused(_("There is no labels.csv in the folder."), _("Give the folder that holds it."))
    with table.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    missing = {"file", "patient", "label"} - set(rows[0] if rows else ())
    if missing:
        raise Refused(_("labels.csv lacks the column {name}.").format(name=sorted(missing)[0]), _("Add it."))
    samples = []
    for row in rows:
        path = next((p for p in (folder / row["file"], folder / "images" / row["file"]) if p.is_file()), None)
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
                )
            )
    return samples


def read_film(path: Path) -> dict[str, Input]:
    """The picture in that file, whatever its format."""
    from medcore.readers import read

    return {"film": read({path.name: path.read_bytes()})[0].input}
