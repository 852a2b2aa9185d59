"""What-if at the desk: only for an answer that its reader has earned, silent within an exercise, and never stored."""

import sqlite3
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from app.parts import desk
from medcore import tasks
from medcore.clinic import Clinic, User
from medcore.errors import Refused
from medcore.inputs import Record
from medcore.settings import REPO

TASK, LABEL = "mortality", "hospital_death"


def admitted(clinic: Clinic, user: User, seed: int) -> int:
    return clinic.admit_inputs(user, [*tasks.get(TASK).simulate(1, seed)[0].load().values()])


def read(clinic: Clinic, user: User, seed: int) -> int:
    """A case that this user has read and seen answered."""
    case_id = admitted(clinic, user, seed)
    clinic.lock_read(user, case_id, TASK, "survival", 2)
    clinic.answer(user, case_id, TASK)
    return case_id


def calls(clinic: Clinic) -> list[Callable[[User, int], object]]:
    """Everything that can be asked of a case."""
    return [
        lambda user, case_id: clinic.what_if(user, case_id, TASK, {"crea": 3.0}),
        lambda user, case_id: clinic.absent_bands(user, case_id, TASK, LABEL),
        lambda user, case_id: clinic.counterfactual(user, case_id, TASK, LABEL),
        lambda user, case_id: clinic.curves(user, case_id, TASK, LABEL, "crea"),
    ]


def rows(clinic: Clinic) -> dict[str, int]:
    """How many rows each table holds."""
    with sqlite3.connect(clinic.settings.home / "medcore.sqlite") as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {t: connection.execute(f'SELECT count(*) FROM "{t}"').fetchone()[0] for t in tables}
    connection.close()
    return found


def test_nothing_is_told_before_the_read_is_locked(answering: Clinic, reader: User) -> None:
    case_id = admitted(answering, reader, 3)
    for ask in calls(answering):
        with pytest.raises(Refused, match="when your read is locked"):
            ask(reader, case_id)
    answering.lock_read(reader, case_id, TASK, "survival", 2)
    for ask in calls(answering):
        ask(reader, case_id)


def test_it_starts_from_the_answer_that_was_given(answering: Clinic, reader: User) -> None:
    case_id = read(answering, reader, 3)
    given = answering.answer(reader, case_id, TASK).answer
    was, now = answering.what_if(reader, case_id, TASK, {"meanbp": 45.0, "crea": 6.0})
    assert was.probabilities[LABEL] == pytest.approx(given.probabilities[LABEL], abs=1e-6)
    assert now.probabilities[LABEL] != was.probabilities[LABEL]
    with pytest.raises(Refused, match="Age can't be changed"):
        answering.what_if(reader, case_id, TASK, {"age": 30.0})


def test_nothing_of_it_is_stored(answering: Clinic, reader: User) -> None:
    case_id = read(answering, reader, 3)
    before = rows(answering)
    for ask in calls(answering):
        ask(reader, case_id)
    assert rows(answering) == before


def test_a_case_of_an_exercise_is_silent_decoy_or_not(answering: Clinic, reader: User, trainer: User) -> None:
    cases = []
    for sample in tasks.get(TASK).simulate(4, 7):
        cases.append(answering.admit_inputs(trainer, [*sample.load().values()]))
        answering.set_truth(trainer, cases[-1], TASK, tasks.get(TASK).outcome.choice_of(sample.target))
    exercise = answering.make_exercise(trainer, "Thursday", TASK, cases, share=0.5, seed=1)
    answering.join_exercise(reader, exercise)
    for case_id in cases:
        answering.lock_read(reader, case_id, TASK, "survival", 2)
    for case_id in cases:
        for ask in calls(answering):
            with pytest.raises(Refused, match="part of an exercise"):
                ask(reader, case_id)
    own = read(answering, reader, 3)
    assert len(answering.curves(reader, own, TASK, LABEL, "crea").each) == 1  # and none of them is among the others
    answering.finish_exercise(reader, exercise)
    assert len(answering.curves(reader, own, TASK, LABEL, "crea").each) > 1


def test_curves_are_of_cases_whose_answer_the_reader_may_see(answering: Clinic, reader: User, admin: User) -> None:
    mine = [read(answering, reader, seed) for seed in (3, 4, 5)]
    theirs = [read(answering, admin, seed) for seed in (6, 7)]
    admitted(answering, reader, 8)  # nobody has read it
    found = answering.curves(reader, mine[0], TASK, LABEL, "crea")
    assert len(found.each) == len(mine)
    free = answering.set_read_first(reader, False)
    assert len(answering.curves(free, mine[0], TASK, LABEL, "crea").each) == len(mine) + len(theirs)
    # The case's own curve comes first.
    given = answering.open_case(reader, mine[0]).inputs[0]
    record = answering.input(reader, given.id)
    assert isinstance(record, Record)
    at = found.at[3]
    _was, now = answering.what_if(reader, mine[0], TASK, {"crea": at})
    assert found.each[0][3] == pytest.approx(now.probabilities[LABEL], abs=1e-6)


def test_other_inputs_than_records_are_refused(answering: Clinic, reader: User) -> None:
    me = answering.set_read_first(reader, False)
    (strip,) = tasks.get("ecg_rhythm").simulate(1, 3)[0].load().values()
    case_id = answering.admit_inputs(me, [strip])
    with pytest.raises(Refused, match="more than a record"):
        answering.what_if(me, case_id, "ecg_rhythm", {})


def test_a_withheld_answer_has_no_what_if(answering: Clinic, reader: User) -> None:
    me = answering.set_read_first(reader, False)
    values: dict[str, float | str | None] = {"crea": 20.0, "bili": 60.0, "scoma": 100.0, "hday": 150.0, "wblc": 100.0}
    case_id = answering.admit_inputs(me, [Record(values)])
    if not answering.answer(me, case_id, TASK).answer.withheld:
        pytest.skip("the small package takes it for its own kind")
    for ask in calls(answering):
        with pytest.raises(Refused, match="withheld"):
            ask(me, case_id)


# its page


def page_of(clinic: Clinic, user: User, case_id: int, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr(desk, "clinic", lambda: clinic)
    page = AppTest.from_file(str(REPO / "app" / "main.py"), default_timeout=60)
    page.user = {"id": str(user.id)}  # type: ignore[attr-defined]
    page.query_params = {"case": str(case_id)}  # type: ignore[assignment]
    return page.switch_page("../pages/explain.py")


def words_of(page: AppTest) -> str:
    assert not page.exception, page.exception
    return " ".join(str(getattr(node, "proto", "")) for node in page._tree)


def test_the_page_has_sliders_curves_and_the_smallest_change(
    answering: Clinic, reader: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = admitted(answering, reader, 3)
    page = page_of(answering, reader, case_id, monkeypatch)
    before = words_of(page.run())
    assert "Read this case first" in before
    assert "/what_if/" not in before and "What if" not in before
    answering.lock_read(reader, case_id, TASK, "survival", 2)
    answering.explain(reader, case_id, TASK)
    for ask in calls(answering):
        ask(reader, case_id)
    after = words_of(page.run())
    for words in (
        f"/what_if/{case_id}/{TASK}/{LABEL}",
        "It says nothing about what treatment would do",
        "Kept as they",
    ):
        assert words in after
    assert "What would turn the answer" in after and "Only this case" in after
    assert "Something went wrong" not in after
    (picked,) = [box for box in page.selectbox if box.label == "Value"]
    assert "Age, years" in picked.options
    picked.select("sex").run()
    assert "Something went wrong" not in words_of(page)


def test_the_page_of_a_case_in_an_exercise_has_none(
    answering: Clinic, reader: User, trainer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [admitted(answering, trainer, seed) for seed in (11, 12)]
    for case_id in cases:
        answering.set_truth(trainer, case_id, TASK, "survival")
    answering.join_exercise(reader, answering.make_exercise(trainer, "Thursday", TASK, cases, share=0.5, seed=1))
    answering.lock_read(reader, cases[0], TASK, "survival", 2)
    answering.explain(reader, cases[0], TASK)
    shown = words_of(page_of(answering, reader, cases[0], monkeypatch).run())
    assert "What moved the answer" in shown or "No answer" in shown
    assert "/what_if/" not in shown and "What would turn" not in shown
    assert "then its values can be changed" not in shown  # nor that it was asked for
