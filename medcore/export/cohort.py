"""A cohort as CSV: a row for each case, question, label and reader. UTF-8 with a byte order mark, for spreadsheets."""

import csv
import io
from collections.abc import Iterable, Mapping

COLUMNS = (
    *("case", "patient", "age_years", "sex", "kind", "simulated", "received"),
    *("task", "package", "package_hash", "answered", "choice", "label", "probability", "low", "high", "threshold"),
    *(
        "reader",
        "first_read",
        "first_confidence",
        "first_at",
        "first_blind",
        "final_read",
        "final_agrees",
        "final_at",
        "final_package",
    ),
    "use",
)
USE = "research use only"

Cell = str | float | int | bool | None


def csv_of(rows: Iterable[Mapping[str, Cell]]) -> bytes:
    """rows: by column; what is left out is empty. Choices are names of labels, joined by "+"; of several labels "none"
    of them; "cant_tell". Times are ISO 8601 in UTC, a regression's value has its unit."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in rows:
        cells = {**row, "use": USE}
        writer.writerow([_safe(cells.get(name)) for name in COLUMNS])
    return ("\ufeff" + out.getvalue()).encode()


def _safe(value: Cell) -> Cell:
    """A spreadsheet runs what begins with one of these; text that a person chose (an account's name) may."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) and not _is_number(value):
        return f"'{value}"
    return value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
