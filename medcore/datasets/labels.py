"""Sets that are a folder with `labels.csv` and the files that it names."""

import csv
from pathlib import Path

from medcore.errors import Refused
from medcore.i18n import _


def read_labels(folder: Path, columns: set[str]) -> list[dict[str, str]]:
    """The rows of `labels.csv`; Refused where it is not there, or lacks one of the columns."""
    table = folder / "labels.csv"
    if not table.is_file():
        raise Refused(_("There is no labels.csv in the folder."), _("Give the folder that holds it."))
    with table.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    missing = columns - set(rows[0] if rows else ())
    if missing:
        raise Refused(_("labels.csv lacks the column {name}.").format(name=sorted(missing)[0]), _("Add it."))
    return rows


def named(folder: Path, name: str, within: str) -> Path | None:
    """The file of that name in the folder itself, else in its folder `within`."""
    return next((path for path in (folder / name, folder / within / name) if path.is_file()), None)
