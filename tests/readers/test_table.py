import csv
import datetime
import time
from contextlib import suppress

import pytest

from medcore.errors import Refused
from medcore.inputs import Record
from medcore.readers import read, read_table
from medcore.readers.identity import holds_identity, is_patient_column, names_somebody
from tests.readers.make import workbook


def values(content: bytes, mapping: dict[str, str] | None = None) -> list[dict[str, object]]:
    out = []
    for found in read({"t": content}, mapping=mapping):
        assert isinstance(found.input, Record)
        out.append(dict(found.input.values))
    return out


@pytest.mark.data
def test_every_row_of_support2_is_one_record_with_its_own_values(data):
    path = data / "support2" / "support2.csv"
    with path.open() as file:
        rows = list(csv.DictReader(file))
    found = read({"support2.csv": path.read_bytes()})
    assert len(found) == len(rows)
    assert found[0].remarks == ()
    for row, f in zip(rows, found, strict=True):
        assert f.person == row.pop("patient")
        assert set(f.input.values) == set(row)
        for name, text in row.items():
            value = f.input.values[name]
            assert (
                value is None if text == "" else (value == float(text) if isinstance(value, float) else value == text)
            )
    assert found[0].case == "support2:1"
    assert found[0].input.facts == {"age_years": "62.85", "sex": "M"}


@pytest.mark.parametrize(
    "content",
    [
        b"age,sex,crea\n61,female,1.5\n",
        b"\xef\xbb\xbfage,sex,crea\r\n61,female,1.5\r\n\r\n",
        b"age;sex;crea\n61;female;1,5\n",
        b"age\tsex\tcrea\n61\tfemale\t1,5\n",
        b"age|sex|crea\n61|female|1.5\n",
        "age,sex,crea\n61,female,1.5\n".encode("utf-16"),
        b'age,"sex",crea\n"61", female ,1.5',
        workbook([["age", "sex", "crea"], [61, "female", 1.5]]),
        workbook([[]], [["age", "sex", "crea", None], [], [61, "female", 1.5, None]]),
    ],
)
def test_the_same_table_in_many_ways(content):
    assert values(content) == [{"age": 61.0, "sex": "female", "crea": 1.5}]


def test_letters_of_an_older_code_are_read():
    assert values("age,Größe\n61,groß\n".encode("cp1252")) == [{"age": 61.0, "Größe": "groß"}]


@pytest.mark.parametrize("absent", ["", "NA", "n/a", "NaN", "?", "null", "-", " "])
def test_what_stands_for_nothing_is_none(absent):
    assert values(f"a,b\n{absent},1\n".encode()) == [{"a": None, "b": 1.0}]


@pytest.mark.parametrize(
    ("text", "value"), [("1e3", 1000.0), ("-.5", -0.5), ("+7", 7.0), ("<5", "<5"), ("none", "none"), ("0x10", "0x10")]
)
def test_numbers_and_text(text, value):
    assert values(f"a,b\n{text},1\n".encode())[0]["a"] == value


def test_columns_are_renamed_left_out_and_say_whose_row_it_is():
    found = read(
        {"t": b"Nr,Name,Kreatinin,Alter\nx1,Smith,1.5,61\n"},
        mapping={"Nr": "patient", "Kreatinin": "crea", "Alter": ""},
    )
    assert found[0].person == "x1"
    assert dict(found[0].input.values) == {"crea": 1.5}
    assert found[0].remarks == ("Columns left out because they may name the patient: 1 (Name).",)


def test_rows_of_nobody_are_not_one_patients():
    found = read({"t": b"patient_id,crea\nANONYMOUS,1.5\nanonymous,1.6\n000,1.7\nNA,1.8\n100,1.9\n"})
    assert [f.person for f in found] == [None, None, None, None, "100"]


@pytest.mark.parametrize("mapping", [None, {"patient_id": "patient"}, {"subject": "patient"}])
def test_of_two_columns_that_say_whose_row_it_is_neither_becomes_a_value(mapping):
    found = read({"t": b"patient_id,subject,mrn,crea\n7,Smith,8,1.5\n"}, mapping=mapping)
    assert dict(found[0].input.values) == {"crea": 1.5}
    assert found[0].person == ("Smith" if mapping == {"subject": "patient"} else "7")


def test_a_column_that_is_mapped_is_kept_whatever_its_name():
    assert values(b"lab date number,age\n1.5,61\n", {"lab date number": "crea"}) == [{"crea": 1.5, "age": 61.0}]


def test_the_table_for_mapping_has_all_its_columns():
    table = read_table({"x": b"junk", "t": b"patient,Name,crea\n7,Smith,1.5\n"} | {"x": b"\x89PNG\r\n\x1a\n"})
    assert table.columns == ("patient", "Name", "crea")
    assert table.rows == [{"patient": "7", "Name": "Smith", "crea": "1.5"}]
    assert table.identifying() == ("patient", "Name")
    with pytest.raises(Refused, match="None of these files is a table"):
        read_table({"x": b"\x89PNG\r\n\x1a\n"})


def test_dates_in_a_workbook_go():
    content = workbook([["crea", "seen"], [1.5, datetime.datetime(2020, 2, 29, 12, 0)]])
    assert values(content) == [{"crea": 1.5, "seen": None}]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\n \n", "nothing but blanks"),
        (b"a,b\n", "no row"),
        (b"a,b\nNaN,\n,?\n", "no values"),
        (b"a,b,a\n1,2,3\n", "Columns 1 and 3 of the table have the same name"),
        (b"a,,b\n1,2,3\n", "no name"),
        (b"a,b\n1,2\n1,2,3\n", "Row 3 of the table has 3 cells, its header 2"),
        (b"1,2,3\n4,5,6\n", "holds numbers where column names should be"),
        (b'a,b\n"1,2\n' + b"x" * 200_000, "131,072"),
        (b"a,b\n" + b"1,2\n" * 20_001, "more than 20,000 rows"),
        (",".join(f"c{i}" for i in range(2001)).encode() + b"\n1\n", "more than 2,000 columns"),
        (b"just some words\nand more\n", "plain text"),
        (workbook([[]]), "empty"),
        (workbook([["a", "b"]]), "no row"),
        (workbook([["a", "b"], [1, 2, 3]]), "Row 2 of the table has 3 cells"),
    ],
)
def test_a_table_that_cannot_be_taken_is_refused(content, says):
    with pytest.raises(Refused) as caught:
        read({"t.csv": content})
    assert says in caught.value.sentence
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ({"z": "a"}, "lacks 1 of the columns"),
        ({"a": "c", "b": "c"}, "mapped to c"),
        ({"a": "", "b": ""}, "Every column of the table is left out"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(mapping, says):
    with pytest.raises(Refused, match=says):
        read({"t": b"a,b\n1,2\n"}, mapping=mapping)


@pytest.mark.parametrize("cell", [b"x" * 16_000_000, b"1-" * 100_000, b"a@" * 60_000, b"+1 (" * 30_000, b"9" * 130_000])
def test_a_huge_cell_does_not_hang(cell):
    start = time.perf_counter()
    with suppress(Refused):
        assert values(b"a,b\n" + cell + b",1\n")[0]["a"] is None
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize(
    "header", ["patient", "patient_id", "PatientID", "Patient ID", "mrn", "patient_nbr", "subject_id", "pid", "person"]
)
def test_columns_that_say_whose_row_it_is(header):
    assert is_patient_column(header)


@pytest.mark.parametrize(
    "header",
    [
        "Name",
        "last_name",
        "DOB",
        "Date of birth",
        "birthDate",
        "Address",
        "zip code",
        "PhoneNumber",
        "e-mail",
        "MRN",
        "id",
        "encounter_id",
        "visit number",
        "admission date",
        "Referring physician",
        "SSN",
        "12.03.1970",
        "a@b.org",
    ],
)
def test_columns_that_name_somebody(header):
    assert names_somebody(header)


@pytest.mark.parametrize(
    "header",
    [
        "age",
        "sex",
        "race",
        "crea",
        "num.co",
        "d.time",
        "dzgroup",
        "admission_type_id",
        "time_in_hospital",
        "platelets",
        "diag_1",
        "number_inpatient",
        "max_glu_serum",
        "white cell count",
        "patient_age",
        "discharge_disposition_id",
    ],
)
def test_columns_that_are_measured(header):
    assert not names_somebody(header)
    assert not is_patient_column(header)


@pytest.mark.parametrize(
    "text",
    ["a.b@c.org", "2020-02-29", "29.2.2020", "2/29/20", "3-Mar-1970", "123-45-6789", "+49 170 1234567", "www.x.org"],
)
def test_texts_that_hold_identity(text):
    assert holds_identity(text)
    assert holds_identity(f"seen {text} again")


@pytest.mark.parametrize(
    "text",
    ["$11-$25k", "<2 mo. follow-up", "[70-80)", "ARF/MOSF w/Sepsis", "250.83", "120/80", "1.5-2.5", "V1, V2", "1:128"],
)
def test_texts_that_are_values(text):
    assert not holds_identity(text)
