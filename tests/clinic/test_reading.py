"""Read first, then the machine, then the final read; nothing is lost and nothing is changed."""

import sqlite3
import threading
from datetime import UTC

import pytest

from medcore import tasks
from medcore.clinic import Clinic, Read, User
from medcore.errors import Refused
from medcore.inputs import Record

TASK = "mortality"


@pytest.fixture
def case(answering: Clinic, reader: User) -> int:
    sample = tasks.get(TASK).simulate(1, 7)[0]
    return answering.admit_inputs(reader, [*sample.load().values()])


def actions(clinic: Clinic, case_id: int) -> list[tuple[str, str]]:
    with sqlite3.connect(clinic.settings.home / "medcore.sqlite") as connection:
        rows = connection.execute(
            "SELECT user, action FROM audit WHERE subject = ? ORDER BY id", (f"case {case_id}",)
        ).fetchall()
    connection.close()
    return rows


def test_nothing_of_the_answer_is_given_before_the_read_is_locked(
    answering: Clinic, reader: User, trainer: User, case: int
) -> None:
    answering.set_read_first(trainer, False)
    shown = answering.explain(trainer, case, TASK)
    for call in (
        lambda: answering.answer(reader, case, TASK),
        lambda: answering.answers(reader, case, TASK),
        lambda: answering.explain(reader, case, TASK),
        lambda: answering.map_bytes(reader, shown.id),
        lambda: answering.review(reader, case, TASK, True, "survival"),
    ):
        with pytest.raises(Refused, match="when your read is locked"):
            call()
    row = answering.worklist(reader).rows[0]
    assert (row.score, row.choice, row.outcome) == (None, "", "")
    assert answering.worklist(trainer).rows[0].score is not None

    answering.lock_read(reader, case, TASK, "survival", 2)
    assert answering.answer(reader, case, TASK).answer.probabilities
    assert answering.map_bytes(reader, shown.id)
    row = answering.worklist(reader).rows[0]
    assert row.score == answering.answer(reader, case, TASK).answer.probabilities["hospital_death"]


def test_a_read_answers_the_question_that_was_asked(answering: Clinic, reader: User, case: int) -> None:
    with pytest.raises(Refused, match="no answer to this question"):
        answering.lock_read(reader, case, TASK, "pneumonia")
    with pytest.raises(Refused, match="no task"):
        answering.lock_read(reader, case, "astrology", "survival")
    with pytest.raises(Refused, match="can't be asked"):
        answering.lock_read(reader, case, "ecg_rhythm", "normal")
    assert answering.worklist(reader).rows[0].state == "to_read"


def test_the_first_read_is_given_once(answering: Clinic, reader: User, case: int) -> None:
    first = answering.lock_read(reader, case, TASK, "survival", 3, " looks well ")
    assert (first.stage, first.choice, first.confidence, first.comment) == ("first", "survival", 3, "looks well")
    assert first.at.tzinfo is UTC
    with pytest.raises(Refused, match="locked already"):
        answering.lock_read(reader, case, TASK, "hospital_death", 4)
    with sqlite3.connect(answering.settings.home / "medcore.sqlite") as connection:
        for statement in ("UPDATE reviews SET choice = 'hospital_death'", "DELETE FROM reviews"):
            with pytest.raises(sqlite3.IntegrityError, match="never changed"):
                connection.execute(statement)
    connection.close()
    assert answering.open_case(reader, case).reads == (first,)


def test_of_two_tabs_that_lock_at_once_one_wins(answering: Clinic, reader: User, case: int) -> None:
    said: list[object] = []

    def lock(choice: str) -> None:
        try:
            said.append(answering.lock_read(reader, case, TASK, choice))
        except Refused as refused:
            said.append(refused)

    threads = [threading.Thread(target=lock, args=(c,)) for c in ("survival", "hospital_death") * 3]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    (read,) = [s for s in said if isinstance(s, Read)]
    assert len(said) == 6
    assert answering.open_case(reader, case).reads == (read,)


@pytest.mark.parametrize("confidence", [0, 5, -1])
def test_confidence_has_four_steps(answering: Clinic, reader: User, case: int, confidence: int) -> None:
    with pytest.raises(Refused, match="1 to 4"):
        answering.lock_read(reader, case, TASK, "survival", confidence)


def test_the_final_read_keeps_its_history(answering: Clinic, reader: User, case: int) -> None:
    answering.lock_read(reader, case, TASK, "survival")
    shown = answering.answer(reader, case, TASK)
    first = answering.review(reader, case, TASK, True)
    assert (first.choice, first.answer_id, first.package) == (shown.answer.choice, shown.id, "mortality 1.0.0")
    assert answering.worklist(reader).rows[0].outcome == "agrees"
    second = answering.review(reader, case, TASK, False, "survival", "saw the chart")
    third = answering.review(reader, case, TASK, None)
    assert (third.agrees, third.choice) == (None, "")
    view = answering.open_case(reader, case)
    assert [r.id for r in view.reads] == [1, first.id, second.id, third.id]
    assert (view.row.state, view.row.yours, view.row.outcome) == ("reviewed", "reviewed", "")
    with pytest.raises(Refused, match="no answer to this question"):
        answering.review(reader, case, TASK, False, "maybe")


def test_a_choice_is_needed_to_disagree(answering: Clinic, reader: User, case: int) -> None:
    answering.lock_read(reader, case, TASK, "survival")
    with pytest.raises(Refused, match="no answer to this question"):
        answering.review(reader, case, TASK, False)


def test_who_does_not_read_first_may_review_at_once(answering: Clinic, reader: User, case: int) -> None:
    me = answering.set_read_first(reader, False)
    answering.answer(me, case, TASK)
    assert answering.review(me, case, TASK, True).stage == "final"


def test_two_readers_of_one_case_are_blind_to_each_other_and_both_kept(
    answering: Clinic, reader: User, trainer: User, case: int
) -> None:
    answering.open_case(reader, case)
    answering.open_case(trainer, case)
    answering.lock_read(reader, case, TASK, "survival")
    answering.lock_read(trainer, case, TASK, "hospital_death")
    answering.answer(reader, case, TASK)
    answering.review(reader, case, TASK, False, "survival")
    assert [r.user for r in answering.open_case(trainer, case).reads] == ["trainer"]
    row = answering.worklist(trainer).rows[0]
    assert (row.state, row.yours, row.outcome) == ("reviewed", "read", "")
    answering.review(trainer, case, TASK, False, "hospital_death")
    assert [(r.user, r.stage) for r in answering.open_case(trainer, case).reads] == [
        ("reader", "first"),
        ("trainer", "first"),
        ("reader", "final"),
        ("trainer", "final"),
    ]


def test_states_follow_what_was_done(answering: Clinic, reader: User, trainer: User, case: int) -> None:
    assert answering.worklist(reader).counts == {"to_read": 1}
    answering.lock_read(reader, case, TASK, "survival")
    assert answering.worklist(reader, state="read").total == 1
    answering.review(reader, case, TASK, True, "survival")
    assert answering.worklist(trainer, state="reviewed").total == 1
    answering.lock_read(trainer, case, TASK, "survival")
    assert answering.worklist(trainer, state="reviewed").total == 1


def test_the_audit_tells_the_whole_way(answering: Clinic, reader: User, case: int) -> None:
    answering.open_case(reader, case)
    answering.open_case(reader, case)
    answering.lock_read(reader, case, TASK, "survival")
    answering.answer(reader, case, TASK)
    answering.answer(reader, case, TASK)
    answering.explain(reader, case, TASK)
    answering.review(reader, case, TASK, True)
    names = ["admit", "open", "lock_read", "answer", "explain", "review"]
    assert actions(answering, case) == [("reader", name) for name in names]
    assert answering.verify_audit() is None


def test_comments_are_kept_whole_or_refused_and_never_in_the_audit(answering: Clinic, reader: User, case: int) -> None:
    with pytest.raises(Refused, match="longer than"):
        answering.lock_read(reader, case, TASK, "survival", comment="x" * 2001)
    answering.lock_read(reader, case, TASK, "survival", comment="spoke to her son Fritz")
    with sqlite3.connect(answering.settings.home / "medcore.sqlite") as connection:
        text = str(connection.execute("SELECT * FROM audit").fetchall())
    connection.close()
    assert "Fritz" not in text


def test_no_such_case(answering: Clinic, reader: User) -> None:
    for call in (
        lambda: answering.open_case(reader, 9),
        lambda: answering.lock_read(reader, 9, TASK, "survival"),
        lambda: answering.answer(reader, 9, TASK),
        lambda: answering.input_bytes(reader, 9),
        lambda: answering.map_bytes(reader, 9),
    ):
        with pytest.raises(Refused):
            call()


def test_a_question_that_a_case_cannot_take(answering: Clinic, reader: User) -> None:
    case_id = answering.admit_inputs(reader, [Record({"age": 70.0})])
    answering.set_read_first(reader, False)
    with pytest.raises(Refused, match="can't be asked"):
        answering.answer(reader, case_id, "ecg_rhythm")


def test_two_processes_that_write_at_once_lose_nothing(
    answering: Clinic, reader: User, trainer: User, case: int
) -> None:
    """Two readers, each with a database connection of their own, as two servers on one database have."""
    together = threading.Barrier(2)

    def work(user: User) -> None:
        own = Clinic(answering.settings)
        together.wait(60)
        own.open_case(user, case)
        own.lock_read(user, case, TASK, "survival")
        own.answer(user, case, TASK)
        own.review(user, case, TASK, True)
        own.database.engine.dispose()

    threads = [threading.Thread(target=work, args=(u,)) for u in (reader, trainer)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    reads = answering.open_case(reader, case).reads
    assert sorted((r.user, r.stage) for r in reads) == [
        ("reader", "final"),
        ("reader", "first"),
        ("trainer", "final"),
        ("trainer", "first"),
    ]
    assert len({r.answer_id for r in reads if r.stage == "final"}) == 1
    assert answering.verify_audit() is None


def test_a_read_that_may_have_seen_the_answer_does_not_count_as_blind(
    answering: Clinic, reader: User, trainer: User, case: int
) -> None:
    """Who switches reading first off, looks, and switches it on again has a first read, but no blind one."""
    other = answering.admit_inputs(reader, [*tasks.get(TASK).simulate(2, 71)[1].load().values()])
    answering.set_read_first(reader, False)
    answering.answer(reader, case, TASK)
    reader = answering.set_read_first(reader, True)
    assert answering.lock_read(reader, case, TASK, "survival").shown
    assert not answering.lock_read(trainer, case, TASK, "survival").shown, "who always reads first"
    # What is answered only now nobody could have seen.
    assert not answering.lock_read(reader, other, TASK, "survival").shown
    answering.lock_read(trainer, other, TASK, "survival")
    (figure,) = answering.kappas(reader)
    assert figure.n == 1
    (row,) = (r for r in answering.open_case(reader, case).reads if r.stage == "first" and r.user_id == reader.id)
    assert row.shown
