"""Exercises: a wrong answer is shown to who has joined, told at the end, and leads nowhere."""

import sqlite3
from dataclasses import replace

import pytest

from medcore import tasks
from medcore.clinic import Clinic, ExerciseResult, Read, User
from medcore.clinic.running import reviewed_cases
from medcore.errors import Refused
from medcore.outcomes import Binary, Label, MultiClass, MultiLabel
from medcore.store.tables import CaseTable, ExerciseCaseRow

TASK = "mortality"
OTHER = {"survival": "hospital_death", "hospital_death": "survival"}


@pytest.fixture
def cases(answering: Clinic, trainer: User) -> list[int]:
    """Four records whose outcome is known and that the small package takes for its own kind."""
    found = []
    for sample in tasks.get(TASK).simulate(16, 7):
        case_id = answering.admit_inputs(trainer, [*sample.load().values()])
        answering.set_truth(trainer, case_id, TASK, tasks.get(TASK).outcome.choice_of(sample.target))
        answering.set_read_first(trainer, False)
        if not answering.answer(trainer, case_id, TASK).answer.withheld:
            found.append(case_id)
    assert len(found) >= 4
    return found[:4]


@pytest.fixture
def exercise(answering: Clinic, trainer: User, cases: list[int]) -> int:
    """Of the four cases, two of them decoys."""
    return answering.make_exercise(trainer, "Thursday", TASK, cases, share=0.5, seed=1)


def decoys(clinic: Clinic) -> dict[int, str]:
    with clinic.database.read() as session:
        return {r.case_id: r.decoy for r in session.query(ExerciseCaseRow).order_by(ExerciseCaseRow.position)}


def truth(clinic: Clinic, case_id: int) -> str:
    with sqlite3.connect(clinic.settings.home / "medcore.sqlite") as connection:
        (found,) = connection.execute("SELECT choice FROM truths WHERE case_id = ?", (case_id,)).fetchone()
    connection.close()
    return str(found)


def read(clinic: Clinic, user: User, case_id: int, first: str = "survival") -> Read:
    """First read, answer, and a final read that goes along with the machine."""
    clinic.open_case(user, case_id)
    clinic.lock_read(user, case_id, TASK, first, 2)
    said = clinic.answer(user, case_id, TASK).answer.choice
    return clinic.review(user, case_id, TASK, True, said)


def test_half_of_the_answers_are_wrong_on_purpose(answering: Clinic, exercise: int, cases: list[int]) -> None:
    made = decoys(answering)
    assert sorted(made) == sorted(cases)
    assert sum(bool(d) for d in made.values()) == 2
    assert all(d in ("", OTHER[truth(answering, c)]) for c, d in made.items())


def test_only_who_has_joined_is_shown_a_decoy_and_only_until_the_end(
    answering: Clinic, reader: User, admin: User, exercise: int
) -> None:
    case_id, said = next((c, d) for c, d in decoys(answering).items() if d)
    answering.set_read_first(admin, False)
    own = answering.answer(admin, case_id, TASK)
    answering.join_exercise(reader, exercise)
    read(answering, reader, case_id)
    shown = answering.answer(reader, case_id, TASK)
    assert shown.answer.choice == said
    assert answering.answers(reader, case_id, TASK) == [shown]
    assert answering.answer(admin, case_id, TASK).answer == own.answer
    cut, p = own.answer.thresholds["hospital_death"], shown.answer.probabilities["hospital_death"]
    assert (p >= cut) == (said == "hospital_death")
    low, high = shown.answer.ranges["hospital_death"]
    assert 0 <= low <= p <= high <= 1
    answering.finish_exercise(reader, exercise)
    assert answering.answer(reader, case_id, TASK).answer == own.answer


def test_everybody_reads_first_in_an_exercise(answering: Clinic, reader: User, exercise: int, cases: list[int]) -> None:
    answering.set_read_first(reader, False)
    answering.join_exercise(reader, exercise)
    for call in (answering.answer, answering.explain):
        with pytest.raises(Refused, match="when your read is locked"):
            call(reader, cases[0], TASK)
    assert answering.open_case(reader, cases[0]).revealed == ()


def test_nothing_tells_a_decoy_from_the_rest_before_the_end(
    answering: Clinic, reader: User, admin: User, exercise: int, cases: list[int]
) -> None:
    for user in (admin, reader):
        answering.join_exercise(user, exercise)
        for case_id in cases:
            read(answering, user, case_id)
    rows = {r.id: r for r in answering.worklist(reader, per_page=50).rows}
    mine = [rows[c] for c in cases]
    assert {(r.state, r.yours, r.score, r.choice, r.outcome) for r in mine} == {("reviewed", "reviewed", None, "", "")}
    views = [answering.open_case(reader, c) for c in cases]
    assert {tuple(r.user for r in v.reads) for v in views} == {("reader", "reader")}  # nobody else's either
    assert {v.exercise for v in views} == {exercise}
    with pytest.raises(Refused, match="still in"):
        answering.exercise_results(reader, exercise)
    # The other one ends it: still nothing moves on the worklist of who is in it.
    answering.finish_exercise(admin, exercise)
    again = {r.id: r for r in answering.worklist(reader, per_page=50).rows}
    assert [again[c] for c in cases] == mine


def test_the_end_tells_what_was_wrong_on_purpose(
    answering: Clinic, reader: User, exercise: int, cases: list[int]
) -> None:
    answering.join_exercise(reader, exercise)
    for case_id in cases[:3]:
        read(answering, reader, case_id)
    view = answering.exercises(reader)[0]
    assert (view.state, view.cases, view.done, view.next) == ("joined", 4, 3, cases[3])
    results = answering.finish_exercise(reader, exercise)
    assert {r.case_id for r in results} == set(cases[:3])
    made = decoys(answering)
    for r in results:
        assert (r.decoy, r.truth, r.first) == (made[r.case_id], truth(answering, r.case_id), "survival")
        assert not r.decoy or r.final == r.decoy
    assert answering.exercises(reader)[0].state == "finished"


def test_decoys_never_train(answering: Clinic, reader: User, exercise: int, cases: list[int]) -> None:
    answering.join_exercise(reader, exercise)
    for case_id in cases:
        read(answering, reader, case_id)
    real = {c for c, d in decoys(answering).items() if not d}
    for _when in ("in it", "after it"):
        with answering.database.read() as session:
            learnt = {int(s.case) for s in reviewed_cases(session, tasks.get(TASK))}
        assert learnt == real
        if _when == "in it":
            answering.finish_exercise(reader, exercise)


def test_decoys_never_count_for_agreement(
    answering: Clinic, reader: User, admin: User, exercise: int, cases: list[int]
) -> None:
    for user, first in ((reader, "survival"), (admin, "hospital_death")):
        answering.join_exercise(user, exercise)
        for case_id in cases:
            read(answering, user, case_id, first)
    assert answering.statistics(admin) == [] and answering.kappas(admin) == []  # in it, a count would tell
    answering.finish_exercise(reader, exercise)
    answering.finish_exercise(admin, exercise)
    assert {(s.user, s.n) for s in answering.statistics(admin)} == {("reader", 2), ("admin", 2)}
    assert [k.n for k in answering.kappas(admin)] == [2]
    made = decoys(answering)
    assert not any(made[d.case_id] for d in answering.disagreements(admin))


def test_decoys_never_reach_a_report(answering: Clinic, reader: User, admin: User, exercise: int) -> None:
    made = decoys(answering)
    answering.join_exercise(reader, exercise)
    for case_id in made:
        read(answering, reader, case_id)
    for case_id in made:
        with pytest.raises(Refused, match="part of an exercise"):
            answering.check_reportable(reader, case_id)
        answering.check_reportable(admin, case_id)  # who isn't in it takes out the machine's own answer
        assert all(not made[case_id] for _read in answering.open_case(admin, case_id).reads)
    answering.finish_exercise(reader, exercise)
    for case_id, decoy in made.items():
        answering.check_reportable(reader, case_id)
        view = answering.open_case(reader, case_id)
        assert [r.stage for r in view.reads] == ([] if decoy else ["first", "final"])
        assert view.revealed == (TASK,)
    rows = {r.id: r for r in answering.worklist(reader, per_page=50).rows}
    assert {c: rows[c].state for c in made} == {c: "to_read" if d else "reviewed" for c, d in made.items()}
    assert all(bool(rows[c].outcome) == (not d) for c, d in made.items())


def test_after_the_end_a_decoy_can_be_read_for_what_it_is(answering: Clinic, reader: User, exercise: int) -> None:
    case_id = next(c for c, d in decoys(answering).items() if d)
    answering.join_exercise(reader, exercise)
    read(answering, reader, case_id)
    answering.finish_exercise(reader, exercise)
    with pytest.raises(Refused, match="locked already"):
        answering.lock_read(reader, case_id, TASK, "survival")
    final = answering.review(reader, case_id, TASK, False, "survival")
    assert final.answer_id is not None
    assert answering.open_case(reader, case_id).reads == (final,)
    with answering.database.read() as session:
        assert session.get_one(CaseTable, case_id).state == "reviewed"


def test_a_case_that_was_read_before_is_left_out(
    answering: Clinic, reader: User, exercise: int, cases: list[int]
) -> None:
    case_id = next(c for c, d in decoys(answering).items() if d)
    own = read(answering, reader, case_id)
    view = answering.join_exercise(reader, exercise)
    assert view.cases == 3
    opened = answering.open_case(reader, case_id)
    assert (opened.exercise, opened.reads[-1]) == (None, own)
    answering.finish_exercise(reader, exercise)
    assert own in answering.open_case(reader, case_id).reads


def test_neighbours_are_those_of_the_exercise(answering: Clinic, reader: User, exercise: int) -> None:
    answering.join_exercise(reader, exercise)
    order = list(decoys(answering))
    for i, case_id in enumerate(order):
        view = answering.open_case(reader, case_id)
        around = (order[i - 1] if i else None, order[i + 1] if i < 3 else None, i + 1, 4)
        assert (view.previous, view.next, view.position, view.total) == around


def test_what_makes_no_exercise(answering: Clinic, reader: User, trainer: User, cases: list[int]) -> None:
    unknown = answering.admit_inputs(reader, [*tasks.get(TASK).simulate(1, 99)[0].load().values()])
    with pytest.raises(Refused, match="role of trainer"):
        answering.make_exercise(reader, "Mine", TASK, cases)
    with pytest.raises(Refused, match="truth of 1"):
        answering.make_exercise(trainer, "Mine", TASK, [*cases, unknown])
    for title, some, share in (("", cases, 0.3), ("Mine", cases[:1], 0.3), ("Mine", cases, 0.8)):
        with pytest.raises(Refused):
            answering.make_exercise(trainer, title, TASK, some, share)
    with pytest.raises(Refused, match="role of trainer"):
        answering.set_truth(reader, cases[0], TASK, "survival")
    one = answering.make_exercise(trainer, "One", TASK, cases)
    two = answering.make_exercise(trainer, "Two", TASK, cases)
    answering.join_exercise(reader, one)
    with pytest.raises(Refused, match="another exercise"):
        answering.join_exercise(reader, two)
    with pytest.raises(Refused, match="not in this"):
        answering.finish_exercise(reader, two)
    answering.finish_exercise(reader, one)
    with pytest.raises(Refused, match="already"):
        answering.join_exercise(reader, one)


def test_every_write_is_in_the_audit(answering: Clinic, reader: User, exercise: int) -> None:
    answering.join_exercise(reader, exercise)
    answering.finish_exercise(reader, exercise)
    with sqlite3.connect(answering.settings.home / "medcore.sqlite") as connection:
        rows = connection.execute("SELECT user, action, details FROM audit WHERE subject = 'exercise 1' ORDER BY id")
        found = [(u, a) for u, a, _d in rows]
        known = connection.execute("SELECT count(*) FROM audit WHERE action = 'set_truth'").fetchone()[0]
    connection.close()
    assert found == [("trainer", "make_exercise"), ("reader", "join_exercise"), ("reader", "finish_exercise")]
    assert known == 16
    assert answering.verify_audit() is None


def test_a_wrong_choice_is_always_wrong() -> None:
    import random

    from medcore.clinic.exercises import wrong

    a, b, c = (Label(n, n.upper(), n) for n in "abc")
    generator = random.Random(0)
    for outcome, choices in (
        (Binary(a, b), ["a", "b"]),
        (MultiClass((a, b, c)), ["a", "b", "c"]),
        (MultiLabel((a, b, c)), ["a", "a+b", "a+b+c", "c"]),
    ):
        for truth_ in choices:
            for _draw in range(20):
                said = wrong(outcome, truth_, generator)
                assert said and said != truth_
                assert outcome.choice_of(outcome.truth_of(said)) == said


def test_figures_and_lists_leave_out_what_an_exercise_still_asks(
    answering: Clinic, reader: User, trainer: User, admin: User, exercise: int, cases: list[int]
) -> None:
    """A colleague's reads, the truth, and whether one's own read counts, would each tell something."""
    for colleague, choice in ((trainer, "survival"), (admin, "hospital_death")):
        for case_id in cases:
            answering.lock_read(colleague, case_id, TASK, choice, 2)
            said = answering.answer(colleague, case_id, TASK).answer.choice
            answering.review(colleague, case_id, TASK, choice == said, choice)
    answering.join_exercise(reader, exercise)
    answering.set_read_first(reader, False)
    assert answering.disagreements(reader) == []
    for case_id in cases:
        read(answering, reader, case_id)
    assert (answering.statistics(reader), answering.kappas(reader), answering.disagreements(reader)) == ([], [], [])
    answering.finish_exercise(reader, exercise)
    (mine,) = answering.statistics(reader)
    assert mine.n == len(cases) - sum(map(bool, decoys(answering).values()))
    assert {k.n for k in answering.kappas(reader)} == {mine.n}
    assert len(answering.disagreements(reader)) == len(cases)


def test_who_cannot_tell_is_not_right_where_none_of_several_labels_was_so() -> None:
    unsure = ExerciseResult("reader", 1, "ECG-0001", decoy="", truth="", first="", final="", agrees=None)
    assert not unsure.right and replace(unsure, agrees=False).right
    assert replace(unsure, truth="normal", final="normal").right
