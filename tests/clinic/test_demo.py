"""The first worklist."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from medcore import jobs, tasks
from medcore.clinic import AttributionView, Clinic, User
from medcore.errors import Refused
from medcore.settings import Settings

QUESTION = tasks.get("cxr_pneumonia").question


def asked() -> set[str]:
    """The questions that cases come with: not those that only help others."""
    return {name for name, task in tasks.all_tasks().items() if not task.roles}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two simulated cases a task instead of five."""
    monkeypatch.setattr("medcore.clinic.demo.EACH", 2)


@pytest.mark.usefixtures("few")
def test_the_first_worklist_shows_each_kind_and_some_done(answering: Clinic, reader: User) -> None:
    answering.seed_demo(answering.sign_in("admin"))
    page = answering.worklist(reader, per_page=100)
    simulated = [r for r in page.rows if r.simulated]
    assert {r.task for r in simulated} == asked()
    assert {r.kind for r in page.rows if not r.simulated} == {"signal", "image"}
    assert {r.source for r in page.rows} == {"demo"}
    for task in ("mortality", "ecg_rhythm"):
        mine = [r for r in page.rows if r.task == task and r.simulated]
        assert {r.state for r in mine} == {"to_read", "reviewed"}
        (done,) = [r for r in mine if r.state == "reviewed"]
        withheld = answering.answer(reader, done.id, task).answer.withheld  # a small net knows few cases
        assert (done.score is None) == withheld
        assert done.outcome in (("",) if withheld else ("agrees", "differs"))
        view = answering.open_case(reader, done.id)
        assert [r.stage for r in view.reads] == ["first", "final"]
        assert view.inputs[0].facts["simulated"] == "yes"
    before = answering.worklist(reader).total
    answering.seed_demo(reader)
    assert answering.worklist(reader).total == before
    assert answering.verify_audit() is None


@pytest.mark.usefixtures("few")
def test_the_real_ecg_is_answered_from_all_its_leads_and_from_one(answering: Clinic, reader: User) -> None:
    answering.seed_demo(answering.sign_in("admin"))
    rows = answering.worklist(reader, per_page=100).rows
    (ecg,) = [r for r in rows if r.kind == "signal" and not r.simulated]
    view = answering.open_case(reader, ecg.id)
    assert view.tasks == ("ecg_diagnosis", "ecg_rhythm"), "the one that reads all leads first"
    for task, choice, absent in (("ecg_diagnosis", "normal", ()), ("ecg_rhythm", "other", ())):
        answering.lock_read(reader, ecg.id, task, choice, confidence=2)
        given = answering.answer(reader, ecg.id, task).answer
        assert given.absent == absent
        assert ("Only lead I is read." in given.remarks) == (task == "ecg_rhythm")
    strips = [r for r in rows if r.task == "ecg_rhythm"]
    assert strips and all(answering.open_case(reader, r.id).tasks == ("ecg_rhythm", "ecg_diagnosis") for r in strips)


@pytest.mark.usefixtures("few")
def test_without_packages_the_demo_waits_to_be_read(clinic: Clinic, reader: User) -> None:
    clinic.seed_demo(reader)
    states = clinic.worklist(reader).counts
    assert states.get("reviewed", 0) == 0
    assert states.get("unanswerable", 0) == 0
    assert sum(states.values()) == 2 * len(asked()) + 2


@pytest.mark.usefixtures("few")
def test_a_film_comes_with_the_question_of_its_finding_and_never_with_one_that_only_helps(
    clinic: Clinic, reader: User
) -> None:
    clinic.seed_demo(clinic.sign_in("admin"))
    films = [r for r in clinic.worklist(reader, per_page=100).rows if r.kind == "image"]
    assert len(films) == 3 and {(r.task, r.title) for r in films} == {("cxr_pneumonia", QUESTION)}
    for row in films:
        assert clinic.open_case(reader, row.id).tasks == ("cxr_pneumonia", "lung_fields")


@pytest.mark.usefixtures("few")
def test_a_seeding_that_was_broken_off_goes_on(
    answering: Clinic, reader: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(answering, "admit", lambda *_a, **_k: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            answering.seed_demo(reader)
    answering.seed_demo(reader)
    rows = answering.worklist(reader, per_page=100).rows
    assert len(rows) == 2 * len(asked()) + 2
    assert {r.state for r in rows if r.task == "mortality"} == {"to_read", "reviewed"}


# a demonstration


@pytest.fixture
def showing(bare: Settings) -> Clinic:
    """Five cases for a demonstration."""
    clinic = Clinic(replace(bare, demo=True))
    clinic.seed_demo(clinic.sign_in("admin"))
    return clinic


def test_a_demonstration_has_one_case_of_each_kind_unread(showing: Clinic) -> None:
    reader = showing.sign_in("reader")
    rows = showing.worklist(reader).rows
    assert [r.task for r in rows] == ["cxr_pneumonia", "mortality", "ecg_diagnosis", "ecg_rhythm", "brain_tumour_seg"]
    assert [r.simulated for r in rows] == [False, True, False, True, True]
    assert {r.state for r in rows} == {"to_read"} and reader.read_first


def test_starting_again_forgets_what_was_done_and_what_was_added(showing: Clinic) -> None:
    reader = showing.sign_in("reader")
    begun = showing.worklist(reader).rows
    showing.lock_read(reader, begun[0].id, "cxr_pneumonia", "normal", confidence=2)
    (record,) = tasks.get("mortality").simulate(1, 4)
    showing.admit_inputs(reader, [*record.load().values()])
    files = set(showing.files.all())
    showing.forget_demo(reader)
    again = Clinic(showing.settings)
    again.seed_demo(reader)
    again.sweep()
    assert [(r.number, r.task) for r in again.worklist(reader).rows] == [(r.number, r.task) for r in begun]
    assert {r.state for r in again.worklist(reader).rows} == {"to_read"}
    assert set(again.files.all()) < files, "the added case's file is gone"
    assert again.verify_audit() is None


def test_a_demonstration_does_not_start_again_under_a_training(showing: Clinic) -> None:
    trainer = showing.sign_in("trainer")
    showing.retrain(trainer, "mortality", data="simulated", n=40, start="afresh")
    with pytest.raises(Refused, match="A training is under way"):
        showing.forget_demo(trainer)
    assert showing.worklist(trainer).total == 5


def test_a_demonstration_starts_again_while_a_map_is_measured(bare: Settings, small_models: Path) -> None:
    """And what is measured of the old map is not said of the new one that has its number."""
    ask = ("mortality", "hospital_death")

    def shown() -> tuple[Clinic, User, int, AttributionView]:
        clinic = Clinic(replace(bare, demo=True, models=small_models))
        clinic.seed_demo(clinic.sign_in("admin"))
        trainer = clinic.set_read_first(clinic.sign_in("trainer"), False)
        (case,) = (r.id for r in clinic.worklist(trainer).rows if r.task == ask[0])
        clinic.answer(trainer, case, ask[0])
        return clinic, trainer, case, clinic.explain(trainer, case, *ask)

    clinic, trainer, _case, old = shown()
    job = jobs.claim(clinic.database, "worker", kinds=("evidence",))
    assert job and old.health.state == "measuring"
    clinic.forget_demo(trainer)
    with pytest.raises(Refused, match="being made anew"):
        jobs.claim(clinic.database, "worker", kinds=("evidence",))
    again, trainer, case, new = shown()
    assert new.id == old.id
    with jobs.Heartbeat(clinic.database, job) as beat:
        clinic.work(job, beat, threading.Event())
    assert again.explain(trainer, case, *ask).health.state == "measuring"


def test_only_a_demonstration_is_forgotten(clinic: Clinic, reader: User) -> None:
    with pytest.raises(Refused, match="Only a demonstration"):
        clinic.forget_demo(reader)
