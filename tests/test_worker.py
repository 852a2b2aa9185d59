"""Real worker processes on one database: killed, told to stop, several at once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medcore import jobs
from medcore.clinic import Clinic, RunView, User
from medcore.settings import Settings, settings
from medcore.store.tables import EpochRow, JobRow

ROOT = Path(__file__).resolve().parents[1]
TASK = "mortality"
LONG: dict[str, Any] = {"n": 300, "recipe": {"epochs": 2000, "patience": 2000, "batch": 32}}
LEASE = 6.0


@pytest.fixture
def here(tmp_path: Path) -> Settings:
    home = tmp_path / "home"
    url = f"sqlite:///{home / 'medcore.sqlite'}"
    return replace(settings(), home=home, database_url=url, models=tmp_path / "none", device="cpu", admin_password="")


@pytest.fixture
def clinic(here: Settings) -> Iterator[Clinic]:
    made = Clinic(here)
    yield made
    made.database.engine.dispose()


@pytest.fixture
def trainer(clinic: Clinic) -> User:
    return clinic.sign_in("trainer")


@pytest.fixture
def start(here: Settings, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts a worker; what is left of them is killed in the end."""
    started: list[subprocess.Popen[bytes]] = []
    env = os.environ | {
        "MEDCORE_HOME": str(here.home),
        "MEDCORE_DATABASE_URL": here.database_url,
        "MEDCORE_MODELS": str(here.models),
        "MEDCORE_DEVICE": "cpu",
        "OMP_NUM_THREADS": "1",
    }

    def run() -> subprocess.Popen[bytes]:
        log = (tmp_path / f"worker{len(started)}.log").open("wb")
        command = [sys.executable, "-c", f"from medcore.worker import main; raise SystemExit(main({LEASE}))"]
        started.append(subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log))
        log.close()
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()


def job(clinic: Clinic, run_id: int) -> JobRow:
    from medcore.store.tables import RunRow

    with clinic.database.read() as session:
        return session.get_one(RunRow, run_id).job


def when(clinic: Clinic, run_id: int, condition: Callable[[RunView], object], seconds: float = 60) -> RunView:
    until = time.monotonic() + seconds
    while not condition(run := clinic.run(run_id)):
        assert time.monotonic() < until, run
        time.sleep(0.05)
    return run


def test_after_kill_9_another_worker_goes_on_and_sigterm_puts_the_job_back(
    clinic: Clinic, trainer: User, start: Callable[[], subprocess.Popen[bytes]]
) -> None:
    run_id = clinic.retrain(trainer, TASK, **LONG)
    workers = {w.pid: w for w in (start(), start())}
    when(clinic, run_id, lambda r: len(r.epochs) >= 3)
    owner = job(clinic, run_id).owner
    victim = workers.pop(int(owner.split(":")[1]))
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    done = len(clinic.run(run_id).epochs)
    with clinic.database.read() as session:
        before = {e.epoch: e.at for e in session.query(EpochRow)}
    run = when(clinic, run_id, lambda r: len(r.epochs) >= done + 3)
    assert run.attempts >= 2
    assert job(clinic, run_id).owner != owner
    assert [e["epoch"] for e in run.epochs] == list(range(1, len(run.epochs) + 1))
    with clinic.database.read() as session:
        after = {e.epoch: e.at for e in session.query(EpochRow)}
    again = [epoch for epoch, at in before.items() if after[epoch] != at]
    assert again in ([], [done])  # at most the epoch whose row had been written and whose checkpoint had not
    # Told to stop, the other puts the job back with its checkpoint: that is no failed attempt.
    (other,) = workers.values()
    attempts = clinic.run(run_id).attempts
    other.send_signal(signal.SIGTERM)
    assert other.wait(timeout=20) == 0
    run = clinic.run(run_id)
    assert (run.state, run.attempts) == ("queued", attempts - 1)
    assert (clinic.settings.home / "runs" / str(run_id) / "fold0.ckpt").exists()
    assert clinic.verify_audit() is None


def test_an_idle_worker_ends_at_once(
    clinic: Clinic, trainer: User, start: Callable[[], subprocess.Popen[bytes]]
) -> None:
    # A run whose worker died after it was cancelled: that it is ended shows that this worker is up.
    run_id = clinic.retrain(trainer, TASK)
    assert jobs.claim(clinic.database, "dead", lease=0.0)
    clinic.cancel_run(trainer, run_id)
    worker = start()
    when(clinic, run_id, lambda r: r.state == "cancelled")
    worker.send_signal(signal.SIGINT)
    assert worker.wait(timeout=20) == 0


def test_a_worker_without_a_folder_says_so(tmp_path: Path) -> None:
    env = os.environ | {"MEDCORE_HOME": "/dev/null/x"}
    env.pop("MEDCORE_DATABASE_URL", None)
    command = [sys.executable, "-m", "medcore.worker"]
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "can't be made" in ended.stderr
    assert "Traceback" not in ended.stderr
