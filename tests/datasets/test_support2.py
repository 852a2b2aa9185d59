"""SUPPORT2's table: its own columns, those that may be known on study day 3, and tables of other width and order."""

import csv
from pathlib import Path
from typing import Any

import pytest

from medcore.datasets.support2 import COLUMNS, support2
from medcore.errors import Refused


def write(folder: Path, rows: list[dict[str, Any]]) -> Path:
    with (folder / "support2.csv").open("w", newline="", encoding="utf-8-sig") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)
    return folder


def test_columns_are_found_by_name_and_only_those_known_on_day_3_are_read(tmp_path: Path) -> None:
    """Few columns, in another order, beside outcomes and another model's score."""
    rows = [
        {"hospdead": 1, "crea": "2.4", "surv2m": 0.1, "patient": 7, "sex": "male", "d.time": 12, "age": 71.5},
        {"hospdead": 0, "crea": "", "surv2m": 0.9, "patient": 9, "sex": "female", "d.time": 900, "age": "NA"},
    ]
    first, second = support2(write(tmp_path, rows))
    assert [(s.patient, s.target, dict(s.facts)) for s in (first, second)] == [
        ("7", 1, {"age": "71.5", "sex": "male"}), ("9", 0, {"age": "NA", "sex": "female"}),
    ]  # fmt: skip
    values = first.load()["record"].values
    assert set(values) == {c.name for c in COLUMNS} and len(values) == 27
    assert {k: v for k, v in values.items() if v is not None} == {"crea": 2.4, "sex": "male", "age": 71.5}
    assert {k: v for k, v in second.load()["record"].values.items() if v is not None} == {"sex": "female"}


def test_who_has_no_outcome_is_left_out(tmp_path: Path) -> None:
    rows = [{"patient": i, "hospdead": dead, "age": 60} for i, dead in enumerate(("1", "", "NA", "0"))]
    assert [s.patient for s in support2(write(tmp_path, rows))] == ["0", "3"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"patient": 1, "age": 60}, "lacks the column hospdead"),
        ({"hospdead": 1, "age": 60}, "lacks the column patient"),
        ({"patient": 1, "hospdead": 1, "age": "sixty"}, "Column age holds “sixty”, which is not a number"),
    ],
)
def test_what_is_wrong_with_a_table_is_told(tmp_path: Path, row: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        support2(write(tmp_path, [row]))


def test_a_folder_without_the_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"no support2\.csv"):
        support2(tmp_path)


@pytest.mark.data
def test_the_columns_are_the_features_that_the_set_names(data: Path) -> None:
    table = data / "support2" / "columns.csv"
    if not table.is_file():
        pytest.skip("the set isn't here")
    with table.open() as lines:
        roles = {row["column"]: row["role"] for row in csv.DictReader(lines)}
    assert {name for name, role in roles.items() if role == "feature"} == {c.name for c in COLUMNS}
