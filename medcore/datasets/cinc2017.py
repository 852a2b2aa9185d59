"""PhysioNet/CinC Challenge 2017: one-lead strips, normal, atrial fibrillation, other rhythm, too noisy.

Layout: a folder with `REFERENCE.csv` (or REFERENCE-v3.csv; no header: record,label with N, A, O, ~) and WFDB
records: `A00001.hea` with `A00001.mat`, or headers that point into packed `.dat` files. One record is one patient.
"""

import csv
from functools import partial
from pathlib import Path

from medcore.datasets.sample import Sample
from medcore.datasets.wfdb_record import read_record
from medcore.errors import Refused
from medcore.i18n import _

NAME = "cinc2017"
CLASSES = "NAO~"
# Share of each class in the source over its share here: N was thinned from 5,074 to 2,000 (the set's README).
SOURCE_WEIGHTS = (2.537, 1.0, 1.0, 1.0)


def cinc2017(folder: Path) -> list[Sample]:
    """One sample a strip; target is the position in N, A, O, ~."""
    tables = [folder / "REFERENCE-v3.csv", folder / "REFERENCE.csv"]
    table = next((t for t in tables if t.is_file()), None)
    if table is None:
        raise Refused(_("There is no REFERENCE.csv in the folder."), _("Give the folder that holds it."))
    with table.open(encoding="utf-8-sig", newline="") as lines:
        rows = [row for row in csv.reader(lines) if len(row) >= 2 and row[1] in tuple(CLASSES)]
    return [
        Sample(
            NAME,
            name,
            name,
            partial(read_record, folder, name),
            CLASSES.index(label),
            weight=SOURCE_WEIGHTS[CLASSES.index(label)],
        )
        for name, label, *_rest in rows
        if (folder / f"{name}.hea").is_file()
    ]
