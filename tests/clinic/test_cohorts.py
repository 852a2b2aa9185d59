"""The version in use over many cases: whose maps are told together, who may see them, and how a worker makes them."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from medcore import jobs, tasks
from medcore.clinic import Clinic, User
from medcore.clinic.cohorts import AT_A_TIME, SHAPES
from medcore.errors import Refused
from medcore.settings import settings
from medcore.store.tables import AttributionRow, CaseTable, JobRow

TASK = "mortality"
DEATH, ALIVE = (choice.name for choice in tasks.get(TASK).outcome.choices)
N = 7


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[tuple[Clinic, User, list[int]]]:
    """A desk of a reader who has read N records and seen them answered, each time holding the opposite to be right."""
    home = tmp_path / "home"
    url = f"sqlite:///{home / 'medcore.sqlite'}"
    clinic = Clinic(replace(settings(), home=home, database_url=url, device="cpu", admin_password=""))
    me, cases = clinic.sign_in("reader"), []
    for sample in tasks.get(TASK).simulate(N, 5):
        cases.append(clinic.admit_inputs(me, [*sample.load().values()]))
        clinic.lock_read(me, cases[-1], TASK, ALIVE, confidence=2)
        said = clinic.answer(me, cases[-1], TASK).answer.choice
        clinic.review(me, cases[-1], TASK, False, ALIVE if said == DEATH else DEATH)
    yield clinic, me, cases
    clinic.database.engine.dispose()


def step(clinic: Clinic) -> bool:
    """What a worker does with the next job of this kind; False where there is none."""
    job = jobs.claim(clinic.database, "here", kinds=("cohort",))
    if job is None:
        return False
    with jobs.Heartbeat(clinic.database, job) as beat:
        clinic.work(job, beat, threading.Event())
    return True


def test_a_worker_explains_them_a_few_at_a_time(desk: tuple[Clinic, User, list[int]]) -> None:
    clinic, me, cases = desk
    clinic.explain(me, cases[0], TASK)
    before = clinic.cohort(me, TASK)
    assert (before.answered, before.going, before.explained) == (N, False, 1)
    clinic.explain_cohort(me, TASK)
    with pytest.raises(Refused, match="already"):
        clinic.explain_cohort(me, TASK)
    assert clinic.cohort(me, TASK).going
    assert step(clinic)
    assert clinic.whole(me, TASK)["n"] == clinic.cohort(me, TASK).explained == 1 + AT_A_TIME
    assert clinic.cohort(me, TASK).going, "it waits for its next turn"
    assert step(clinic) and not step(clinic)
    after = clinic.cohort(me, TASK)
    assert (after.going, after.explained, clinic.whole(me, TASK)["n"]) == (False, N, N)
    with clinic.database.read() as session:
        assert session.query(AttributionRow).count() == N, "none was made twice"


def test_a_map_of_a_cohort_is_the_one_that_a_case_shows(desk: tuple[Clinic, User, list[int]]) -> None:
    clinic, me, cases = desk
    clinic.explain_cohort(me, TASK)
    while step(clinic):
        pass
    with clinic.database.read() as session:
        assert not session.query(JobRow).filter_by(kind="evidence").count()
    for _look in range(2):
        assert clinic.explain(me, cases[3], TASK).health.state == "measuring", "somebody looks at it"
    with clinic.database.write() as session:
        (job,) = session.query(JobRow).filter_by(kind="evidence")
        job.state = "failed"
    assert clinic.explain(me, cases[3], TASK).health.state == "unknown", "and isn't tried for ever"
    parts = clinic.whole(me, TASK)["importance"][""]["share"]
    every = [dict(clinic.explain(me, case, TASK).attribution.parts) for case in cases]
    for part, figure in parts.items():
        assert figure["value"] == pytest.approx(sum(abs(one.get(part, 0)) for one in every) / N)


def test_right_and_wrong_go_by_readers_common_last_word_and_by_what_is_known(
    desk: tuple[Clinic, User, list[int]],
) -> None:
    clinic, me, cases = desk
    wrong = clinic.confident_errors(me, TASK)
    assert {error.case_id for error in wrong} == set(cases)
    assert [e.sureness for e in wrong] == sorted((e.sureness for e in wrong), reverse=True)
    first = wrong[0]
    p = clinic.answer(me, first.case_id, TASK).answer.probabilities[DEATH]
    assert first.sureness == pytest.approx(p if first.said == DEATH else 1 - p)
    other = clinic.sign_in("trainer")
    clinic.lock_read(other, first.case_id, TASK, first.said, confidence=2)
    clinic.answer(other, first.case_id, TASK)
    clinic.review(other, first.case_id, TASK, True, first.said)
    assert first.case_id not in {error.case_id for error in clinic.confident_errors(me, TASK)}, "they differ"


def test_who_reads_first_is_told_of_their_own_cases_alone(desk: tuple[Clinic, User, list[int]]) -> None:
    clinic, _me, _cases = desk
    other = clinic.sign_in("trainer")
    assert clinic.cohort(other, TASK).answered == 0 and clinic.confident_errors(other, TASK) == []
    with pytest.raises(Refused, match="No case"):
        clinic.explain_cohort(other, TASK)
    assert clinic.cohort(clinic.set_read_first(other, False), TASK).answered == N


def test_the_learnt_shape_of_the_values_that_count_most(desk: tuple[Clinic, User, list[int]]) -> None:
    clinic, me, _cases = desk
    assert clinic.shapes(me, TASK, DEATH, clinic.whole(me, TASK)["parts"]) == [], "nothing is explained yet"
    clinic.explain_cohort(me, TASK)
    while step(clinic):
        pass
    parts = clinic.whole(me, TASK)["parts"]
    found = clinic.shapes(me, TASK, DEATH, parts)
    titles = {column.name: column.title for column in tasks.get(TASK).fields["record"].columns}  # type: ignore[attr-defined]
    assert [titles[c.column] for c in found] == parts[:SHAPES]
    assert all(c.each.shape == (N, len(c.at)) for c in found)


def test_a_first_read_alone_earns_nobody_elses_last_word(desk: tuple[Clinic, User, list[int]]) -> None:
    clinic, _me, cases = desk
    other = clinic.sign_in("trainer")
    for case in cases:
        clinic.lock_read(other, case, TASK, ALIVE, confidence=2)
        clinic.answer(other, case, TASK)
    assert clinic.cohort(other, TASK).answered == N and clinic.confident_errors(other, TASK) == []
    said = clinic.answer(other, cases[0], TASK).answer.choice
    clinic.review(other, cases[0], TASK, False, ALIVE if said == DEATH else DEATH)
    assert [error.case_id for error in clinic.confident_errors(other, TASK)] == [cases[0]]


def test_who_cant_tell_contradicts_nobody(desk: tuple[Clinic, User, list[int]]) -> None:
    clinic, me, cases = desk
    other = clinic.sign_in("trainer")
    clinic.lock_read(other, cases[0], TASK, "", confidence=None)
    clinic.answer(other, cases[0], TASK)
    clinic.review(other, cases[0], TASK, None)
    assert {error.case_id for error in clinic.confident_errors(me, TASK)} == set(cases)


def test_maps_that_somebody_else_was_given_to_make_are_dropped(desk: tuple[Clinic, User, list[int]]) -> None:
    clinic, me, _cases = desk
    clinic.explain_cohort(me, TASK)
    job = jobs.claim(clinic.database, "here", kinds=("cohort",))
    assert job is not None
    with clinic.database.write() as session:
        jobs.release(session, job)
    with jobs.Heartbeat(clinic.database, job) as beat:
        clinic.work(job, beat, threading.Event())
    assert clinic.cohort(me, TASK).explained == 0


def test_a_stored_file_that_is_gone_keeps_no_other_from_being_explained(desk: tuple[Clinic, User, list[int]]) -> None:
    clinic, me, cases = desk
    with clinic.database.read() as session:
        (sha,) = session.get_one(CaseTable, cases[2]).inputs[0].files.values()
    clinic.files.remove(sha)
    clinic._cached.clear()
    clinic.explain_cohort(me, TASK)
    while step(clinic):
        pass
    after = clinic.cohort(me, TASK)
    assert (after.explained, after.going) == (N - 1, False)
    parts = clinic.whole(me, TASK)["parts"]
    assert all(len(c.each) == N - 1 for c in clinic.shapes(me, TASK, DEATH, parts))
