"""One patient over time: other cases of the same kind, and the record before."""

import pytest
from sqlalchemy import select

from medcore.clinic import Clinic, User
from medcore.errors import Refused
from medcore.inputs import Record
from medcore.simulate.ecg import ecg
from medcore.store.tables import AuditRow


def record(clinic: Clinic, reader: User, crea: float, person: str | None) -> int:
    return clinic.admit_inputs(reader, [Record({"crea": crea, "age": 61.0}, {})], person)


def test_the_same_patient_is_found_by_kind_newest_first(clinic: Clinic, reader: User) -> None:
    first, second = record(clinic, reader, 1.0, "A-1"), record(clinic, reader, 2.0, "A-1")
    other = record(clinic, reader, 3.0, "B-2")
    unnamed = record(clinic, reader, 4.0, None)
    strip = clinic.admit_inputs(reader, [ecg(3)], "A-1")
    third = record(clinic, reader, 5.0, "A-1")
    assert [row.id for row in clinic.same_patient(reader, second)] == [third, first]
    assert [row.id for row in clinic.same_patient(reader, first)] == [third, second]
    assert {len(clinic.same_patient(reader, case)) for case in (other, unnamed, strip)} == {0}
    with pytest.raises(Refused, match="no such case"):
        clinic.same_patient(reader, 999)


def test_the_record_before_is_the_last_that_came_earlier(clinic: Clinic, reader: User) -> None:
    first, second, third = (record(clinic, reader, crea, "A-1") for crea in (1.0, 2.0, 3.0))
    record(clinic, reader, 9.0, None)
    assert clinic.record_before(reader, first) is None
    for case, crea, number in ((second, 1.0, "REC-0001"), (third, 2.0, "REC-0002")):
        found = clinic.record_before(reader, case)
        assert found
        assert (found[0], found[1].values["crea"]) == (number, crea)


def test_looking_at_another_case_of_the_patient_is_kept(clinic: Clinic, reader: User) -> None:
    first, second = record(clinic, reader, 1.0, "A-1"), record(clinic, reader, 2.0, "A-1")
    clinic.record_before(reader, second)
    clinic.record_before(reader, second)
    with clinic.database.read() as session:
        opened = session.scalars(select(AuditRow.subject).where(AuditRow.action == "open")).all()
    assert list(opened) == [f"case {first}"]
