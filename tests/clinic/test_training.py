"""Retraining: asked for, run, compared, promoted by a person, taken back."""

import errno
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from streamlit.testing.v1 import AppTest

from app.parts import desk
from medcore import jobs, tasks
from medcore.clinic import Clinic, RunView, User
from medcore.errors import Refused
from medcore.settings import REPO, Settings
from medcore.store.tables import ReviewRow, RunRow

TASK = "mortality"
QUICK: dict[str, Any] = {"n": 60, "recipe": {"epochs": 1}}


def work(clinic: Clinic, lease: float = 30.0) -> None:
    job = jobs.claim(clinic.database, "test", lease)
    assert job is not None
    with jobs.Heartbeat(clinic.database, job, lease) as beat:
        clinic.work(job, beat, threading.Event())


def when(condition: Any, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def ended(clinic: Clinic, run_id: int) -> RunView:
    work(clinic)
    return clinic.run(run_id)


@pytest.fixture
def training(answering: Clinic) -> Iterator[Clinic]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield answering
    torch.set_num_threads(threads)


def test_a_run_ends_in_a_candidate_beside_the_version_in_use(training: Clinic, trainer: User) -> None:
    run_id = training.retrain(trainer, TASK, folds=2, **QUICK)
    assert training.run(run_id).state == "queued"
    run = ended(training, run_id)
    assert (run.state, run.error, run.progress) == ("done", "", 1.0)
    assert [(e["fold"], e["epoch"]) for e in run.epochs] == [(0, 1), (1, 1)]
    assert run.settings["start_hash"] == training.in_use(TASK).hash
    assert run.candidate is not None
    version = training.version(run.candidate)
    assert (version.package, version.source, version.in_use, version.run_id) == (f"{TASK} 1.1.0", "run", False, run_id)
    assert run.report is not None
    assert run.report["n"] > 0
    assert {"auroc", "brier"} <= set(run.report["metrics"])
    assert (run.report["current"], run.report["candidate"]) == (f"{TASK} 1.0.0", f"{TASK} 1.1.0")
    assert training.package(version.id).card
    weights = next((training.settings.home / "packages" / TASK / "1.1.0").glob("net_*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    with pytest.raises(Refused, match="not the file"):
        Clinic(training.settings).package(version.id)
    assert not (training.settings.home / "runs" / str(run_id)).exists()
    assert [r.id for r in training.runs(TASK)] == [run_id]
    assert training.verify_audit() is None


@pytest.fixture
def candidate(training: Clinic, trainer: User) -> int:
    """A version that a run ended in, whose report finds it no worse."""
    run = ended(training, training.retrain(trainer, TASK, **QUICK))
    find_worse(training, ())
    assert run.candidate is not None
    return run.candidate


def find_worse(clinic: Clinic, metrics: tuple[str, ...]) -> None:
    with clinic.database.write() as session:
        session.execute(update(RunRow).values(report={"worse": metrics}))


def test_promoting_needs_a_reason_and_undo_takes_it_back(
    training: Clinic, trainer: User, reader: User, candidate: int
) -> None:
    case_id = training.admit_inputs(reader, [*tasks.get(TASK).simulate(1, 5)[0].load().values()])
    training.lock_read(reader, case_id, TASK, "survival")
    old = training.answer(reader, case_id, TASK)
    with pytest.raises(Refused, match="reason is needed"):
        training.promote(trainer, candidate, "  ")
    assert training.promote(trainer, candidate, "more data").in_use
    with pytest.raises(Refused, match="answers already"):
        training.promote(trainer, candidate, "once more")
    new = training.answer(reader, case_id, TASK)
    assert new.answer.package == f"{TASK} 1.1.0"
    # The old answer keeps its version, and can still be computed from it.
    assert [(a.id, a.in_use) for a in training.answers(reader, case_id, TASK)] == [(new.id, True), (old.id, False)]
    assert training.recompute(old.id)[1] == 0.0
    assert training.undo(trainer, TASK).package == f"{TASK} 1.0.0"
    assert training.answer(reader, case_id, TASK).id == old.id
    with pytest.raises(Refused, match="No other version"):
        training.undo(trainer, TASK, "further back")
    assert [(u.package, u.user, u.reason) for u in training.uses(TASK)] == [
        (f"{TASK} 1.0.0", "trainer", "Taken back."),
        (f"{TASK} 1.1.0", "trainer", "more data"),
        (f"{TASK} 1.0.0", "system", "Shipped with this release."),
    ]

    # Worse by its paired range: only with the task's name typed.
    find_worse(training, ("auroc", "brier"))
    assert training.run(1).worse == ("auroc", "brier")
    with pytest.raises(Refused, match="worse than the version in use in: auroc, brier"):
        training.promote(trainer, candidate, "because")
    with pytest.raises(Refused, match="worse"):
        training.promote(trainer, candidate, "because", override="yes")
    assert training.promote(trainer, candidate, "because", override=TASK).in_use
    assert training.uses(TASK)[0].override == TASK
    assert training.verify_audit() is None


def test_a_newer_shipped_package_displaces_nothing_without_a_click(
    training: Clinic, trainer: User, candidate: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "clinic", lambda: training)

    def shown() -> str:
        page = AppTest.from_file(str(REPO / "app" / "main.py"), default_timeout=60)
        page.user, page.query_params = {"id": str(trainer.id)}, {"task": TASK}
        return " ".join(str(block.proto.body) for block in page.switch_page("../pages/models.py").run().get("html"))

    shutil.copytree(training.settings.models, tmp_path / "newer")
    about = tmp_path / "newer" / TASK / "package.json"
    about.write_text(about.read_text().replace('"version": "1.0.0"', '"version": "2.0.0"'))
    upgraded = replace(training.settings, models=tmp_path / "newer")
    assert Clinic(upgraded).in_use(TASK).version == "1.0.0"
    (new,) = (v for v in training.versions(TASK) if v.version == "2.0.0")
    assert (new.source, new.in_use) == ("shipped", False)
    assert f"{TASK} 2.0.0 came with this release." in shown()
    training.promote(trainer, new.id, "came with the new release")
    assert "came with this release" not in shown() and f"{TASK} 2.0.0" in shown()
    shutil.rmtree(tmp_path / "newer")  # the release after that
    assert Clinic(upgraded).in_use(TASK).version == "2.0.0"
    training.promote(trainer, candidate, "ours")
    for settings in (upgraded, training.settings):
        assert Clinic(settings).in_use(TASK).version == "1.1.0"
    assert {v.version for v in training.versions(TASK)} == {"1.0.0", "1.1.0", "2.0.0"}


def review(clinic: Clinic, user: User, n: int, seed: int = 40, agree: bool = True) -> list[int]:
    outcome, cases = tasks.get(TASK).outcome, []
    for sample in tasks.get(TASK).simulate(n, seed):
        case_id = clinic.admit_inputs(user, [*sample.load().values()])
        choice = outcome.choice_of(sample.target if agree else 1 - sample.target)
        clinic.review(user, case_id, TASK, True, choice)
        cases.append(case_id)
    return cases


def test_reviewed_data_are_final_reads_that_readers_agree_on(training: Clinic, reader: User, trainer: User) -> None:
    reader, trainer = (training.set_read_first(u, False) for u in (reader, trainer))
    with pytest.raises(Refused, match="No case has a final read"):
        training.retrain(trainer, TASK, data="reviewed")
    cases = review(training, reader, 8)
    assert training.reviewed_count(TASK) == 8
    other = training.admit_inputs(reader, [*tasks.get(TASK).simulate(1, 99)[0].load().values()])
    training.lock_read(reader, other, TASK, "survival")
    assert training.reviewed_count(TASK) == 8  # a first read is none
    training.review(reader, cases[0], TASK, None)
    assert training.reviewed_count(TASK) == 7  # can't tell after all
    first, second = ("survival", "hospital_death")
    training.review(reader, cases[1], TASK, False, first)
    training.review(trainer, cases[1], TASK, False, second)
    assert training.reviewed_count(TASK) == 6  # disputed
    training.review(trainer, cases[1], TASK, False, first)
    assert training.reviewed_count(TASK) == 7
    with training.database.write() as session:
        session.add(
            ReviewRow(case_id=other, task=TASK, user_id=reader.id, stage="final", choice=first, agrees=True, decoy=True)
        )
    assert training.reviewed_count(TASK) == 7  # a decoy teaches nothing


def test_a_mix_learns_from_both(training: Clinic, reader: User, trainer: User) -> None:
    reader = training.set_read_first(reader, False)
    review(training, reader, 6)
    run = ended(training, training.retrain(trainer, TASK, data="mix", **QUICK))
    assert (run.state, run.error) == ("done", "")
    assert run.candidate is not None
    assert sorted(training.package(run.candidate).about["data"].values()) == [6, 60]


def test_too_little_data_ends_in_a_sentence(training: Clinic, reader: User, trainer: User) -> None:
    reader = training.set_read_first(reader, False)
    review(training, reader, 3)
    run = ended(training, training.retrain(trainer, TASK, data="reviewed", recipe={"epochs": 1}))
    assert run.state == "failed"
    assert "not enough to learn from" in run.error


def test_a_folder_that_is_not_there_ends_in_a_sentence(training: Clinic, trainer: User, tmp_path: Path) -> None:
    run = ended(training, training.retrain(trainer, TASK, data="folder", folder=str(tmp_path / "none")))
    assert (run.state, "is not there" in run.error) == ("failed", True)


def test_a_damaged_shipped_package_is_told_and_the_others_answer(
    bare: Settings, small_models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(small_models, tmp_path / "models")
    weights = next((tmp_path / "models" / TASK).glob("net_*.safetensors"))
    weights.write_bytes(b"cut off")
    clinic = Clinic(replace(bare, models=tmp_path / "models"))
    assert f"{TASK}: {weights.name} is not the file" in capsys.readouterr().err
    assert clinic.in_use("ecg_rhythm").version == "1.0.0"
    with pytest.raises(Refused, match="No version answers"):
        clinic.in_use(TASK)


@pytest.mark.parametrize(
    "wrong",
    [
        {"data": "magic"},
        {"data": "folder"},
        {"n": 3},
        {"n": 10**7},
        {"seed": -1},
        {"seed": 1_000_000},
        {"folds": 0},
        {"folds": 6},
        {"start": "yesterday"},
        {"recipe": {"speed": 9}},
        {"recipe": {"epochs": 0}},
        {"recipe": {"epochs": 1.5}},
        {"recipe": {"learning_rate": "fast"}},
        {"recipe": {"learning_rate": -1.0}},
        {"recipe": {"batch": True}},
    ],
)
def test_what_cannot_be_trained_is_refused_before_it_is_a_job(
    clinic: Clinic, trainer: User, wrong: dict[str, Any]
) -> None:
    with pytest.raises(Refused):
        clinic.retrain(trainer, TASK, **wrong)
    assert clinic.runs() == []


def test_versions_never_meet(clinic: Clinic, trainer: User) -> None:
    for _ in range(3):
        clinic.retrain(trainer, TASK)
    with clinic.database.read() as session:
        assert [r.version for r in session.query(RunRow).order_by(RunRow.id)] == ["1.0.0", "1.1.0", "1.2.0"]


def test_cancel_works_in_mid_epoch_and_the_run_can_go_on(training: Clinic, trainer: User) -> None:
    run_id = training.retrain(trainer, TASK, n=250, recipe={"epochs": 2, "batch": 1, "learning_rate": 1e-4})
    worker = threading.Thread(target=work, args=(training,), kwargs={"lease": 1.0})
    worker.start()
    when(lambda: training.run(run_id).epochs)
    assert training.cancel_run(trainer, run_id).cancelling
    worker.join(30)
    run = training.run(run_id)
    assert run.state == "cancelled"
    assert len(run.epochs) == 1  # the second had begun and never ended
    assert (training.settings.home / "runs" / str(run_id) / "fold0.ckpt").exists()
    with pytest.raises(Refused, match="ended already"):
        training.cancel_run(trainer, run_id)
    assert training.resume_run(trainer, run_id).state == "queued"
    run = ended(training, run_id)
    assert (run.state, [e["epoch"] for e in run.epochs]) == ("done", [1, 2])
    with pytest.raises(Refused, match="failed or was cancelled"):
        training.resume_run(trainer, run_id)


def test_a_full_disk_ends_in_one_sentence_with_the_checkpoint_kept(
    training: Clinic, trainer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = training.retrain(trainer, TASK, n=60, recipe={"epochs": 3})
    folder = training.settings.home / "runs" / str(run_id)
    replace_file, saved = Path.replace, 0

    def full_after_one(self: Path, target: Path) -> Path:
        nonlocal saved
        if self.parent == folder:
            saved += 1
            if saved == 2:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return replace_file(self, target)

    monkeypatch.setattr(Path, "replace", full_after_one)
    run = ended(training, run_id)
    assert run.state == "failed"
    assert run.error == "The disk is full. The last checkpoint is kept: make room and go on from it."
    assert [p.name for p in folder.iterdir()] == ["fold0.ckpt"]
    monkeypatch.undo()
    training.resume_run(trainer, run_id)
    run = ended(training, run_id)
    assert (run.state, [e["epoch"] for e in run.epochs]) == ("done", [1, 2, 3])


def test_a_locked_database_ends_in_one_sentence_with_the_checkpoint_kept(
    bare: Settings, small_models: Path, trainer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medcore.store.engine.BUSY_SECONDS", 0.3)
    monkeypatch.setattr("medcore.clinic.running.RETRY_SECONDS", 0.2)
    clinic = Clinic(replace(bare, models=small_models))
    run_id = clinic.retrain(trainer, TASK, n=200, recipe={"epochs": 500, "patience": 500})
    worker = threading.Thread(target=work, args=(clinic,))
    worker.start()
    when(lambda: clinic.run(run_id).epochs)
    other = sqlite3.connect(bare.home / "medcore.sqlite", isolation_level=None, timeout=10)
    other.execute("BEGIN IMMEDIATE")
    time.sleep(2.0)
    other.execute("ROLLBACK")
    other.close()
    worker.join(30)
    assert not worker.is_alive()
    run = clinic.run(run_id)
    assert run.state == "failed"
    assert "stayed locked by another program" in run.error
    assert (bare.home / "runs" / str(run_id) / "fold0.ckpt").exists()
    assert clinic.verify_audit() is None


def test_a_fault_of_the_program_is_said_without_its_words(
    training: Clinic, trainer: User, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_args: object, **_more: object) -> None:
        raise ValueError("patient Doe")

    monkeypatch.setattr("medcore.learn.build.train", broken)
    run = ended(training, training.retrain(trainer, TASK, **QUICK))
    assert run.state == "failed"
    assert "ValueError" in run.error
    assert "Doe" not in run.error
    assert "Traceback" in capsys.readouterr().err


def test_a_result_that_came_too_late_is_dropped(
    training: Clinic, trainer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker has taken the job over while this one was away: it must register nothing."""
    from medcore.learn import compare

    real = compare.compare

    def taken_over(*args: Any, **more: Any) -> dict[str, Any]:
        with training.database.write() as session:
            session.execute(update(jobs.JobRow).values(owner="another", attempts=2))
        return real(*args, **more)

    monkeypatch.setattr(compare, "compare", taken_over)
    run = ended(training, training.retrain(trainer, TASK, **QUICK))
    assert (run.state, run.candidate, run.report) == ("running", None, None)
    assert [v.version for v in training.versions(TASK)] == ["1.0.0"]
