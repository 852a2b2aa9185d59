"""What is told of readers: against the truth, beside the machine, beside each other."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import insert, select

from medcore import tasks
from medcore.clinic import Clinic, User
from medcore.errors import Refused
from medcore.outcomes.metrics import cohens_kappa, predictive_values
from medcore.store.tables import AnswerRow, ReviewRow

TASK = "mortality"
ALIVE, DEAD = "survival", "hospital_death"


@pytest.fixture
def cases(answering: Clinic, trainer: User) -> list[int]:
    """Eight records that the machine has answered."""
    answering.set_read_first(trainer, False)
    samples = tasks.get(TASK).simulate(8, 3)
    found = [answering.admit_inputs(trainer, [*s.load().values()]) for s in samples]
    for case_id in found:
        answering.answer(trainer, case_id, TASK)
    return found


def say(
    clinic: Clinic,
    user: User,
    case_id: int,
    first: str,
    final: str | None = None,
    *,
    seconds: float = 40,
    decoy: bool = False,
    shown: bool = False,
) -> None:
    """Rows as `lock_read` and `review` write them, at times of the test's choosing."""
    at = datetime(2026, 11, 1, 9, tzinfo=UTC) + timedelta(hours=case_id)
    with clinic.database.write() as session:
        answer = session.scalars(select(AnswerRow).where(AnswerRow.case_id == case_id)).one()
        row = {"case_id": case_id, "task": TASK, "user_id": user.id, "decoy": decoy, "comment": ""}
        said = {"stage": "first", "choice": first, "opened": at, "shown": shown, "at": at + timedelta(seconds=seconds)}
        session.execute(insert(ReviewRow).values(row | said))
        if final is not None:
            later = {"stage": "final", "choice": final, "at": said["at"] + timedelta(seconds=10)}  # type: ignore[operator]
            agrees = final == answer.choice
            session.execute(insert(ReviewRow).values(row | later | {"answer_id": answer.id, "agrees": agrees}))


def machine(clinic: Clinic, user: User, case_id: int) -> str:
    return clinic.answer(user, case_id, TASK).answer.choice


def test_changes_against_the_known_truth(answering: Clinic, reader: User, trainer: User, cases: list[int]) -> None:
    pairs = [(ALIVE, DEAD), (DEAD, DEAD), (DEAD, ALIVE), (ALIVE, ALIVE), ("", DEAD)]  # truth is DEAD throughout
    for case_id, (first, final) in zip(cases, pairs, strict=False):
        answering.set_truth(trainer, case_id, TASK, DEAD)
        say(answering, reader, case_id, first, final)
    say(answering, reader, cases[5], DEAD, DEAD)  # truth not known
    say(answering, reader, cases[6], DEAD)  # no final read
    answering.set_truth(trainer, cases[7], TASK, DEAD)
    say(answering, reader, cases[7], ALIVE, DEAD, decoy=True)
    (found,) = answering.statistics(reader)
    assert (found.user, found.task, found.package, found.n) == ("reader", TASK, "mortality 1.0.0", 6)
    (against,) = found.changes
    assert (against.basis, against.n, against.right_before, against.right_after) == ("truth", 5, 2, 3)
    assert (against.helpful, against.harmful) == (2, 1)
    said = [machine(answering, trainer, c) for c in cases[:6]]
    firsts, finals = zip(*pairs, (DEAD, DEAD), strict=True)
    assert found.agreed_before == sum(a == b for a, b in zip(said, firsts, strict=True))
    assert found.agreed_after == sum(a == b for a, b in zip(said, finals, strict=True))


def test_a_corrected_truth_counts(answering: Clinic, reader: User, trainer: User, cases: list[int]) -> None:
    say(answering, reader, cases[0], ALIVE, DEAD)
    answering.set_truth(trainer, cases[0], TASK, DEAD)
    assert answering.statistics(reader)[0].changes[0].helpful == 1
    answering.set_truth(trainer, cases[0], TASK, ALIVE)
    assert answering.statistics(reader)[0].changes[0].harmful == 1


def test_consensus_is_of_two_others_of_one_mind(
    answering: Clinic, reader: User, trainer: User, admin: User, cases: list[int]
) -> None:
    say(answering, reader, cases[0], ALIVE, DEAD)
    say(answering, trainer, cases[0], DEAD, DEAD)
    assert answering.statistics(reader)[0].changes == ()
    say(answering, admin, cases[0], DEAD, DEAD)
    (against,) = answering.statistics(reader)[0].changes
    assert (against.basis, against.n, against.helpful, against.harmful) == ("consensus", 1, 1, 0)
    say(answering, reader, cases[1], ALIVE, DEAD)
    say(answering, trainer, cases[1], DEAD, DEAD)
    say(answering, admin, cases[1], DEAD, ALIVE)
    assert answering.statistics(reader)[0].changes[0].n == 1


def test_a_later_correction_is_not_the_machines_doing(
    answering: Clinic, reader: User, trainer: User, cases: list[int]
) -> None:
    answering.set_truth(trainer, cases[0], TASK, DEAD)
    say(answering, reader, cases[0], ALIVE, ALIVE)
    answering.review(reader, cases[0], TASK, machine(answering, trainer, cases[0]) == DEAD, DEAD)
    (against,) = answering.statistics(reader)[0].changes
    assert (against.helpful, against.right_after) == (0, 0)


def test_reading_times_leave_breaks_out(answering: Clinic, reader: User, cases: list[int]) -> None:
    for case_id, seconds in zip(cases, (20, 40, 100, 7200), strict=False):
        say(answering, reader, case_id, ALIVE, ALIVE, seconds=seconds)
    (found,) = answering.statistics(reader)
    assert (found.seconds_first, found.seconds_final) == (40, 10)


def test_the_time_of_a_first_read_is_kept(answering: Clinic, reader: User, cases: list[int]) -> None:
    answering.open_case(reader, cases[0])
    answering.lock_read(reader, cases[0], TASK, ALIVE)
    answering.review(reader, cases[0], TASK, False, ALIVE)
    (found,) = answering.statistics(reader)
    assert found.seconds_first is not None
    assert 0 <= found.seconds_first < 60


def test_a_reader_sees_their_own_and_a_trainer_everybodys(
    answering: Clinic, reader: User, trainer: User, admin: User, cases: list[int]
) -> None:
    for user in (reader, trainer, admin):
        for case_id in cases:
            say(answering, user, case_id, ALIVE, DEAD if user == admin and case_id == cases[0] else ALIVE)
    assert {s.user for s in answering.statistics(reader)} == {"reader"}
    assert {s.user for s in answering.statistics(trainer)} == {"reader", "trainer", "admin"}
    assert {(k.one, k.other) for k in answering.kappas(reader)} == {("admin", "reader"), ("reader", "trainer")}
    assert len(answering.kappas(trainer)) == 3


def test_a_read_that_may_not_have_been_blind_is_not_compared(
    answering: Clinic, reader: User, trainer: User, cases: list[int]
) -> None:
    for case_id in cases[:2]:
        answering.set_truth(trainer, case_id, TASK, DEAD)
    say(answering, reader, cases[0], ALIVE, DEAD, shown=True)
    assert answering.statistics(reader) == []
    say(answering, reader, cases[1], ALIVE, DEAD)
    assert [found.n for found in answering.statistics(reader)] == [1]


def test_kappa_with_its_range(answering: Clinic, reader: User, trainer: User, cases: list[int]) -> None:
    one = [ALIVE, ALIVE, DEAD, DEAD, ALIVE, DEAD, ALIVE, ALIVE]
    other = [ALIVE, DEAD, DEAD, DEAD, ALIVE, ALIVE, ALIVE, ALIVE]
    for case_id, a, b in zip(cases, one, other, strict=True):
        say(answering, reader, case_id, a)
        say(answering, trainer, case_id, b)
    (found,) = answering.kappas(reader)
    assert (found.n, found.agreed, found.stage) == (8, 6, "first")
    assert found.kappa is not None
    low, value, high = (found.kappa[k] for k in ("low", "value", "high"))
    assert value == pytest.approx((0.75 - 0.53125) / (1 - 0.53125))
    assert low is not None and high is not None and -1 <= low < value < high <= 1
    assert answering.kappas(reader, stage="final") == []


def test_kappa_is_what_others_compute() -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(0)
    for _draw in range(20):
        a = generator.choice(["x", "y", "z"], 40)
        b = np.where(generator.random(40) < 0.6, a, generator.choice(["x", "y", "z"], 40))
        assert cohens_kappa(a, b) == pytest.approx(sklearn.cohen_kappa_score(a, b))
    assert np.isnan(cohens_kappa(["x"] * 5, ["x"] * 5))
    assert np.isnan(cohens_kappa([], []))


def test_predictive_values_are_bayes() -> None:
    assert predictive_values(0.9, 0.8, 0.1) == pytest.approx((0.09 / 0.27, 0.72 / 0.73))
    assert predictive_values(0.9, 0.8, 0.5)[0] == pytest.approx(0.9 / 1.1)
    assert np.isnan(predictive_values(0.0, 1.0, 0.3)[0])


def test_disagreements_are_seen_by_who_has_spoken(
    answering: Clinic, reader: User, trainer: User, admin: User, cases: list[int]
) -> None:
    say(answering, reader, cases[0], ALIVE, ALIVE)
    say(answering, trainer, cases[0], DEAD, DEAD)
    say(answering, reader, cases[1], ALIVE, ALIVE)
    say(answering, trainer, cases[1], DEAD, ALIVE)
    (found,) = answering.disagreements(reader)
    assert (found.case_id, found.said, found.truth) == (
        cases[0],
        (("reader", ALIVE, True), ("trainer", DEAD, True)),
        None,
    )
    assert answering.disagreements(admin) == []  # reads first, and has not read these
    answering.set_read_first(admin, False)
    answering.set_truth(trainer, cases[0], TASK, DEAD)
    assert [d.truth for d in answering.disagreements(admin)] == [DEAD]


def test_the_second_reader_finds_what_others_have_read(
    answering: Clinic, reader: User, trainer: User, cases: list[int]
) -> None:
    answering.lock_read(reader, cases[2], TASK, ALIVE)
    answering.review(reader, cases[2], TASK, False, ALIVE)
    assert [r.id for r in answering.worklist(trainer, state="second").rows] == [cases[2]]
    assert answering.worklist(trainer, state="second").total == 1
    assert answering.worklist(reader, state="second").total == 0
    answering.lock_read(trainer, cases[2], TASK, DEAD)
    assert answering.worklist(trainer, state="second").total == 0


def test_the_machine_orders_only_for_who_does_not_read_first(
    answering: Clinic, reader: User, trainer: User, cases: list[int]
) -> None:
    fresh = answering.admit_inputs(reader, [*tasks.get(TASK).simulate(1, 50)[0].load().values()])
    for sort in ("urgency", "uncertainty"):
        with pytest.raises(Refused, match="no order for who reads first"):
            answering.worklist(reader, sort=sort)
        rows = answering.worklist(trainer, sort=sort).rows
        assert rows[-1].id == fresh  # not answered yet
        with answering.database.read() as session:
            rank = {a.case_id: getattr(a, sort) for a in session.scalars(select(AnswerRow))}
        values = [rank[r.id] for r in rows[:-1]]
        known = [v for v in values if v is not None]
        assert known == sorted(known, reverse=True)
        assert values[: len(known)] == known
        assert all(0 <= v <= 1 for v in known)


def test_figures_can_be_asked_for_by_task(answering: Clinic, reader: User, cases: list[int]) -> None:
    say(answering, reader, cases[0], ALIVE, ALIVE)
    assert answering.statistics(reader, "ecg_rhythm") == []
    assert len(answering.statistics(reader, TASK)) == 1
