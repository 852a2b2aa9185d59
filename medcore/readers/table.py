"""Tables: CSV and Excel. One row is one record."""

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from medcore.errors import Refused
from medcore.i18n import _
from medcore.inputs import Record
from medcore.readers import archive, own
from medcore.readers.base import Found, age_fact, sex_fact
from medcore.readers.deidentify import somebody
from medcore.readers.identity import holds_identity, is_patient_column, names_somebody

MAX_ROWS = 20_000
MAX_COLUMNS = 2_000
MAX_TEXT = 40
_ABSENT = frozenset(["", "na", "n/a", "nan", "?", "null", "-", "."])
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?")
PERSON = "patient"
"""What a column is mapped to when it says whose row it is."""


@dataclass(frozen=True)
class Table:
    """A table as it was uploaded, in memory only: its rows may name somebody."""

    columns: tuple[str, ...]
    rows: list[dict[str, str]]

    def identifying(self) -> tuple[str, ...]:
        """Columns that `records` leaves out for their name; one that says whose row it is among them."""
        return tuple(c for c in self.columns if names_somebody(c) or is_patient_column(c))


def records(table: Table, mapping: Mapping[str, str] | None = None, case: str = "") -> list[Found]:
    """One record a row.

    mapping: column of the table → column of the record, "" to leave it out, "patient" for the one that says whose
        row it is; columns that it doesn't hold keep their name. A column that looks like a name, a number of a
        person, an address or a date is left out unless it is mapped, and so is any such value.
    """
    mapping = mapping or {}
    unknown = sorted(set(mapping) - set(table.columns))
    if unknown:
        raise Refused(
            _("The table lacks {n} of the columns that were mapped.").format(n=len(unknown)),
            _("Map the columns of this table again."),
        )
    person = next((c for c, to in mapping.items() if to == PERSON), None) or next(
        (c for c in table.columns if c not in mapping and is_patient_column(c)), None
    )
    dropped = [c for c in table.identifying() if c not in mapping and c != person]
    kept = {c: mapping.get(c, c) for c in table.columns if c != person and c not in dropped}
    kept = {c: to for c, to in kept.items() if to}
    twice = [name for name, n in Counter(kept.values()).items() if n > 1]
    if twice:
        raise Refused(_("Two columns are mapped to {name}.").format(name=twice[0]), _("Map one of them elsewhere."))
    if not kept:
        raise Refused(
            _("Every column of the table is left out."),
            _("Name at least one of them by hand, or as the data layout has it."),
        )
    remarks = _left_out(dropped)
    found = [_record(row, i, kept, person, remarks, case) for i, row in enumerate(table.rows, 1)]
    if all(value is None for f in found if isinstance(f.input, Record) for value in f.input.values.values()):
        raise Refused(_("The table holds no values: all its cells are empty."), _("Fill in at least one value a row."))
    return found


def _left_out(dropped: list[str]) -> tuple[str, ...]:
    """A remark that counts the columns left out, and names those whose name is harmless to repeat."""
    if not dropped:
        return ()
    plain = ", ".join(c for c in dropped if re.fullmatch(r"[A-Za-z_ .]{2,24}", c) and not holds_identity(c))
    return (
        _("Columns left out because they may name the patient: {n} ({names}).").format(
            n=len(dropped), names=plain or "…"
        ),
    )


def _record(
    row: Mapping[str, str],
    number: int,
    kept: Mapping[str, str],
    person: str | None,
    remarks: tuple[str, ...],
    case: str,
) -> Found:
    values: dict[str, float | str | None] = {}
    cut = 0
    for column, name in kept.items():
        value = value_of(row[column])
        if isinstance(value, str) and (len(value) > MAX_TEXT or holds_identity(value)):
            value, cut = None, cut + 1
        values[name] = value
    if cut:
        remarks += (_("{n} values look like free text, a date or a contact and were left out.").format(n=cut),)
    who = somebody(row[person]) if person else None
    given = Record(values, _facts(values))
    return Found(given, own.write(given), who, remarks, f"{case}:{number}" if case else str(number))


def value_of(text: str) -> float | str | None:
    """A cell as a number, as text, or None where nothing was measured."""
    text = text.strip()
    if text.lower() in _ABSENT:
        return None
    if _NUMBER.fullmatch(text):
        number = float(text)
        return number if abs(number) < float("inf") else None
    return text


def _facts(values: Mapping[str, float | str | None]) -> dict[str, str]:
    facts = {}
    by_name = {name.lower(): value for name, value in values.items()}
    age = by_name.get("age", by_name.get("age_years"))
    if isinstance(age, float) and 0 <= age < 130:
        facts["age_years"] = age_fact(age)
    sex = sex_fact(str(by_name.get("sex", by_name.get("gender")) or ""))
    return facts | ({"sex": sex} if sex else {})


def read_csv(content: bytes) -> Table:
    """A table in text: separated by comma, semicolon, tab or bar; decimal commas where a comma doesn't separate."""
    text = _text(content)
    lines = text.splitlines()
    header = next((line for line in lines if line.strip()), "")
    if not header:
        raise Refused(_("The table is empty."), _("Upload a table with a header line and at least one row."))
    separator = max(",;\t|", key=lambda c: (_cells(header, c), -",;\t|".index(c)))
    if _cells(header, separator) < 2:
        raise Refused(
            _("The table has one column only: no comma, semicolon or tab separates its header."),
            _("Save it as CSV with a header line."),
        )
    try:
        rows = [[cell.strip() for cell in row] for row in _limited(csv.reader(io.StringIO(text), delimiter=separator))]
    except csv.Error:
        raise Refused(
            _("The table can't be followed: a quotation mark isn't closed, or a cell has over 131,072 characters."),
            _("Open it in a spreadsheet and save it as CSV again."),
        ) from None
    if separator != ",":
        rows = [[re.sub(r"^([-+]?\d+),(\d+)$", r"\1.\2", cell) for cell in row] for row in rows]
    return _table(rows)


def _cells(line: str, separator: str) -> int:
    return len(next(csv.reader([line], delimiter=separator), []))


def _text(content: bytes) -> str:
    for start, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"", "utf-8-sig"), (b"", "cp1252")):
        if content.startswith(start):
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                continue
    return content.decode("latin-1")


def _limited(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """The rows that aren't blank, up to the limit."""
    n = 0
    for row in rows:
        if any(cell.strip() for cell in row):
            n += 1
            if n > MAX_ROWS + 1:
                raise Refused(
                    _("The table has more than {n:,} rows.").format(n=MAX_ROWS), _("Split it and upload the parts.")
                )
            yield row


def read_excel(content: bytes) -> Table:
    """The first sheet of a workbook that isn't empty; of formulas the value that was saved with them."""
    import openpyxl

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            archive.check(packed.infolist(), len(content))
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheets = (
            list(_limited(_as_text(row) for row in sheet.iter_rows(values_only=True))) for sheet in book.worksheets
        )
        rows = next((r for r in sheets if r), [])
    except Refused:
        raise
    except Exception:
        raise Refused(
            _("The Excel workbook is damaged or locked by a password."), _("Open it, save it again without one.")
        ) from None
    width = max((i + 1 for row in rows[:1] for i, cell in enumerate(row) if cell), default=0)
    return _table([(row + [""] * width)[: max(width, _used(row))] for row in rows])


def _used(row: list[str]) -> int:
    return max((i + 1 for i, cell in enumerate(row) if cell), default=0)


def _as_text(row: tuple[object, ...]) -> list[str]:
    return ["" if v is None else f"{v:.17g}" if isinstance(v, float) else str(v).strip() for v in row]


def _table(rows: list[list[str]]) -> Table:
    """Checks that hold for every table. The first row is its header."""
    if not rows:
        raise Refused(_("The table is empty."), _("Upload a table with a header line and at least one row."))
    columns = rows[0]
    if len(columns) > MAX_COLUMNS or any(len(c) > 200 for c in columns):
        raise Refused(
            _("The table's header has more than {n:,} columns, or names of more than 200 letters.").format(
                n=MAX_COLUMNS
            ),
            _("Save only the columns that are needed."),
        )
    if any(_NUMBER.fullmatch(c) for c in columns):
        # Without its header line, a row of values would be kept as the columns' names.
        raise Refused(_("The table's first line holds numbers where column names should be."), _("Add a header line."))
    if not all(columns):
        columns = [
            "patient" if not c and i == 0 and len(set(columns)) == len(columns) else c for i, c in enumerate(columns)
        ]
    twice = [c for c, n in Counter(columns).items() if n > 1 or not c]
    if twice:
        raise Refused(
            _("A column of the table has no name.")
            if not twice[0]
            else _("Columns {a} and {b} of the table have the same name.").format(
                a=columns.index(twice[0]) + 1, b=len(columns) - columns[::-1].index(twice[0])
            ),
            _("Give each column a name of its own."),
        )
    if len(rows) == 1:
        raise Refused(_("The table has a header line but no row."), _("Add at least one row; one row is one case."))
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(columns):
            raise Refused(
                _("Row {row} of the table has {have} cells, its header {need}.").format(
                    row=number, have=len(row), need=len(columns)
                ),
                _("Put text that holds a separator between quotation marks, and save it again."),
            )
    return Table(tuple(columns), [dict(zip(columns, row, strict=True)) for row in rows[1:]])
