"""From files to cases, all or nothing."""

import io
import sqlite3
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from sqlalchemy import delete

from medcore import tasks
from medcore.clinic import Clinic, User
from medcore.clinic.demo import real_files
from medcore.errors import Refused
from medcore.inputs import Image, Record, Signal
from medcore.store import audit
from medcore.store.files import Files
from medcore.store.tables import CaseTable


def strip(seed: int = 0, seconds: int = 12) -> Signal:
    rng = np.random.default_rng(seed)
    t = np.arange(seconds * 300) / 300
    y = np.exp(-(((t % 0.8) - 0.4) ** 2) / 0.0005) + 0.02 * rng.normal(size=len(t))
    return Signal(y[None].astype(np.float32), 300.0, ("I",), ("mV",), {"modality": "ECG"})


def table(*ages: int) -> bytes:
    rows = "".join(f"p{a},{a},male,80,120\n" for a in ages)
    return f"patient_id,age,sex,hrt,meanbp\n{rows}".encode()


def picture(seed: int = 0, colour: bool = False) -> bytes:
    rng = np.random.default_rng(seed)
    low = rng.integers(0, 255, (24, 20, 3) if colour else (24, 20), np.uint8)
    out = io.BytesIO()
    Pillow.fromarray(low).resize((400, 480), Pillow.Resampling.BICUBIC).save(out, "PNG")
    return out.getvalue()


def counts(clinic: Clinic) -> dict[str, int]:
    with sqlite3.connect(clinic.settings.home / "medcore.sqlite") as connection:
        names = ("cases", "inputs", "patients", "files", "audit")
        found = {n: connection.execute(f"SELECT count(*) FROM {n}").fetchone()[0] for n in names}
    connection.close()
    return found | {"on disk": len([p for p in clinic.files.root.rglob("*") if p.is_file()])}


def test_a_real_ecg_and_a_real_film_become_cases(clinic: Clinic, reader: User) -> None:
    admission = clinic.admit(reader, real_files())
    assert admission.refused == ()
    assert admission.known == ()
    rows = {r.number: r for r in clinic.worklist(reader).rows}
    assert set(rows) == {"ECG-0001", "FILM-0001"}
    ecg = rows["ECG-0001"]
    assert (ecg.task, ecg.state, ecg.source, ecg.simulated) == ("ecg_diagnosis", "to_read", "upload", False)
    view = clinic.open_case(reader, ecg.id)
    assert view.tasks == ("ecg_diagnosis", "ecg_rhythm"), "the one that reads all of its leads first"
    assert view.inputs[0].shape == (12, 10_000)


def test_stored_inputs_come_back_as_they_were(clinic: Clinic, reader: User) -> None:
    clinic.admit(reader, {**real_files(), "a.csv": table(71)})
    clinic.admit_inputs(reader, [strip()])
    again = Clinic(clinic.settings)
    for row in clinic.worklist(reader).rows:
        for view in clinic.open_case(reader, row.id).inputs:
            was, now = clinic.input(reader, view.id), again.input(reader, view.id)
            assert was is not now
            assert dict(was.facts) == dict(now.facts) == dict(view.facts)
            for a, b in zip(was.content()[1], now.content()[1], strict=True):
                np.testing.assert_array_equal(a, b)
            assert was.content()[0] == now.content()[0]


def test_each_row_of_a_table_is_a_case_and_one_person_one_pseudonym(clinic: Clinic, reader: User) -> None:
    admission = clinic.admit(reader, {"t.csv": table(60, 71, 82)})
    assert len(admission.cases) == 3
    clinic.admit(reader, {"again.csv": b"patient_id,age,hrt\np60,61,99\n"})
    rows = clinic.worklist(reader, sort="number", descending=False).rows
    assert [r.number for r in rows] == ["REC-0001", "REC-0002", "REC-0003", "REC-0004"]
    assert [r.age_years for r in rows] == [60, 71, 82, 61]
    assert rows[0].patient == rows[3].patient
    assert len({r.patient for r in rows}) == 3


def test_columns_can_be_mapped(clinic: Clinic, reader: User) -> None:
    admission = clinic.admit(reader, {"t.csv": b"alter,puls\n50,90\n"}, mapping={"alter": "age", "puls": "hrt"})
    view = clinic.open_case(reader, admission.cases[0])
    given = clinic.input(reader, view.inputs[0].id)
    assert isinstance(given, Record)
    assert dict(given.values) == {"age": 50.0, "hrt": 90.0}


def test_what_is_here_already_is_said_and_not_doubled(clinic: Clinic, reader: User) -> None:
    first = clinic.admit(reader, real_files())
    before = counts(clinic)
    second = clinic.admit(reader, real_files())
    assert second.cases == ()
    assert sorted(second.known) == sorted(first.cases)
    assert any("ECG-0001" in r for r in second.remarks)
    assert counts(clinic) == before
    twice = clinic.admit(reader, {"a.png": picture(1), "b.png": picture(1)})
    assert len(twice.cases) == 1


def test_two_people_may_have_equal_records(clinic: Clinic, reader: User) -> None:
    clinic.admit(reader, {"t.csv": b"patient_id,age\np1,70\np2,70\n"})
    assert clinic.worklist(reader).total == 2
    assert clinic.admit(reader, {"t.csv": b"patient_id,age\np2,70\n"}).known == (2,)


def test_films_of_nobody_named_are_a_case_each(clinic: Clinic, reader: User) -> None:
    admission = clinic.admit(reader, {"a/1.png": picture(1), "b/1.png": picture(2)})
    assert len(admission.cases) == 2


def test_good_files_get_in_beside_bad_ones(clinic: Clinic, reader: User) -> None:
    admission = clinic.admit(
        reader, {"good.csv": table(60), "bad.dcm": b"\0" * 128 + b"DICM rubbish", "empty.csv": b""}
    )
    assert len(admission.cases) == 1
    assert {r.file for r in admission.refused} == {"bad.dcm", "empty.csv"}
    assert all(r.sentence and r.remedy for r in admission.refused)


def test_a_zip_is_opened_and_a_readme_in_it_is_no_news(clinic: Clinic, reader: User) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in real_files().items():
            archive.writestr(f"disc/{name}", data)
        archive.writestr("disc/readme.txt", "This disc holds pictures.")
    admission = clinic.admit(reader, {"disc.zip": out.getvalue()})
    assert len(admission.cases) == 2
    assert admission.refused == ()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (strip(seconds=3), "lasts 3.0 s"),
        (Signal(np.zeros((1, 4000), np.float32), 300.0, ("I",), ("mV",)), "flat"),
        (Record({"age": None}), "none of the values"),
        (Record({"age": "Jane Doe 1950-02-03"}), "could name somebody|looks like a date"),
    ],
)
def test_what_no_task_can_take_is_refused_and_leaves_nothing(
    clinic: Clinic, reader: User, given: Signal | Record, said: str
) -> None:
    before = counts(clinic)
    with pytest.raises(Refused, match=said):
        clinic.admit_inputs(reader, [given])
    assert counts(clinic) == before


def test_what_no_task_asks_about_can_be_viewed(clinic: Clinic, reader: User, monkeypatch: pytest.MonkeyPatch) -> None:
    none = {name: t for name, t in tasks.all_tasks().items() if all(f.kind != "image" for f in t.fields.values())}
    monkeypatch.setattr("medcore.clinic.shelf.all_tasks", lambda: none)
    admission = clinic.admit(reader, {"a.png": picture()})
    view = clinic.open_case(reader, admission.cases[0])
    assert view.row.state == "unanswerable"
    assert view.tasks == ()
    assert any("can be viewed" in r for r in admission.remarks)
    assert clinic.input_bytes(reader, view.inputs[0].id)


@pytest.mark.parametrize("where", ["third file", "third case"])
def test_a_failure_in_the_middle_leaves_neither_rows_nor_files(
    clinic: Clinic, reader: User, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    clinic.admit(reader, {"t.csv": table(40)})
    before = counts(clinic)
    done = {"put": 0, "append": 0}
    put, append = Files.put, audit.append

    def failing_put(self: Files, data: bytes) -> str:
        done["put"] += 1
        if where == "third file" and done["put"] == 3:
            raise OSError(5, "Input/output error")
        return put(self, data)

    def failing_append(*args: object, **more: object) -> None:
        done["append"] += 1
        if where == "third case" and done["append"] == 3:
            raise OSError(5, "Input/output error")
        append(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Files, "put", failing_put)
    monkeypatch.setattr(audit, "append", failing_append)
    with pytest.raises(OSError, match="Input/output"):
        clinic.admit(reader, {"t.csv": table(40, 51, 52, 53, 54)})
    assert max(done.values()) >= 3
    assert counts(clinic) == before
    monkeypatch.undo()
    assert len(clinic.admit(reader, {"t.csv": table(40, 51, 52, 53, 54)}).cases) == 4
    assert clinic.verify_audit() is None


def test_a_killed_upload_leaves_files_that_are_swept(clinic: Clinic, reader: User) -> None:
    clinic.admit(reader, {"t.csv": table(40)})
    before = counts(clinic)
    clinic.files.put(b"left by a process that was killed before its rows")
    clinic.sweep()
    assert counts(clinic) == before
    assert clinic.input(reader, 1)


def test_a_sweep_beside_an_upload_loses_nothing(clinic: Clinic, reader: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process sweeps between the upload's files and its rows."""
    put = Files.put
    swept = False

    def put_then_sweep(self: Files, data: bytes) -> str:
        nonlocal swept
        sha = put(self, data)
        if not swept:
            swept = True
            self.remove(sha)
        return sha

    monkeypatch.setattr(Files, "put", put_then_sweep)
    admission = clinic.admit(reader, {"t.csv": table(40)})
    assert Clinic(clinic.settings).input(reader, clinic.open_case(reader, admission.cases[0]).inputs[0].id)


def test_a_typed_record(clinic: Clinic, reader: User) -> None:
    case_id = clinic.admit_inputs(reader, [Record({"age": 66.0, "hrt": 88.0}, {"age_years": "66", "sex": "F"})])
    row = clinic.open_case(reader, case_id).row
    assert (row.number, row.age_years, row.sex, row.source) == ("REC-0001", 66, "F", "typed")
    assert clinic.admit_inputs(reader, [Record({"age": 66.0, "hrt": 88.0})]) == case_id


def test_facts_outside_the_known_ones_are_left_out(clinic: Clinic, reader: User) -> None:
    given = Record({"age": 66.0}, {"age_years": "66", "name": "Jane Doe", "view": "Jane Doe"})
    view = clinic.open_case(reader, clinic.admit_inputs(reader, [given]))
    assert dict(view.inputs[0].facts) == {"age_years": "66"}


def test_several_inputs_of_one_person_are_one_case(clinic: Clinic, reader: User) -> None:
    films = [Image(np.random.default_rng(i).integers(0, 255, (200, 180), np.uint8)) for i in range(2)]
    view = clinic.open_case(reader, clinic.admit_inputs(reader, films, person="p1"))
    assert len(view.inputs) == 2


def test_each_case_is_in_the_audit_with_its_user(clinic: Clinic, reader: User) -> None:
    clinic.admit(reader, {"t.csv": table(60, 71)})
    with sqlite3.connect(Path(clinic.settings.home) / "medcore.sqlite") as connection:
        rows = connection.execute("SELECT user, subject, details FROM audit WHERE action = 'admit'").fetchall()
    connection.close()
    assert [(u, s) for u, s, _d in rows] == [("reader", "case 1"), ("reader", "case 2")]
    assert clinic.verify_audit() is None


def test_a_users_last_upload_is_found_again(clinic: Clinic, reader: User, trainer: User) -> None:
    """By whoever signs in again: three rows of a table belong together, what was typed and others' uploads don't."""
    assert clinic.last_admitted(reader) == []
    film = clinic.admit(reader, {"film.png": picture()}).cases
    assert clinic.last_admitted(reader) == [*film]
    rows = clinic.admit(reader, {"ward.csv": table(61, 62, 63)}).cases
    clinic.admit_inputs(reader, [Record({"age": 70.0})])
    other = clinic.admit(trainer, {"film.png": picture(1)}).cases
    clinic.admit(reader, {"letter.docx": b"nothing"})
    assert len(rows) == 3 and clinic.last_admitted(reader) == [*rows]
    assert clinic.last_admitted(trainer) == [*other]
    with clinic.database.write() as session:
        session.execute(delete(CaseTable).where(CaseTable.id == rows[0]))
    assert clinic.last_admitted(reader) == [*rows[1:]]
    assert clinic.verify_audit() is None
