"""Jobs: claimed once, renewed, taken over, ended once."""

import sqlite3
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import update

from medcore import jobs
from medcore.store.engine import Database, open_database
from medcore.store.migrations import migrate
from medcore.store.tables import JobRow, UserRow


@pytest.fixture
def database(tmp_path: Path) -> Database:
    url = f"sqlite:///{tmp_path / 'test.sqlite'}"
    migrate(url)
    made = open_database(url)
    with made.write() as session:
        session.add(UserRow(id=1, name="a", role="trainer"))
    return made


def enqueue(database: Database, n: int = 1) -> list[int]:
    with database.write() as session:
        return [jobs.enqueue(session, "train", {"run": i}, 1).id for i in range(n)]


def row(database: Database, job_id: int) -> JobRow:
    with database.read() as session:
        return session.get_one(JobRow, job_id)


def expire(database: Database, job_id: int) -> None:
    with database.write() as session:
        session.execute(update(JobRow).where(JobRow.id == job_id).values(lease=time.time() - 1))


def test_the_oldest_is_claimed_first_and_once(database: Database) -> None:
    ids = enqueue(database, 2)
    claimed = [jobs.claim(database, "w") for _ in range(3)]
    assert [c.id if c else None for c in claimed] == [*ids, None]
    assert claimed[0] is not None
    assert (claimed[0].kind, claimed[0].args, claimed[0].attempt) == ("train", {"run": 0}, 1)
    assert row(database, ids[0]).started is not None


def test_many_workers_never_claim_the_same(database: Database) -> None:
    ids = enqueue(database, 20)
    claimed: list[int] = []

    def work(name: str) -> None:
        while job := jobs.claim(database, name):
            claimed.append(job.id)

    threads = [threading.Thread(target=work, args=(f"w{i}",)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(claimed) == ids


def test_an_expired_lease_goes_to_another_and_the_first_can_write_no_more(database: Database) -> None:
    (job_id,) = enqueue(database)
    first = jobs.claim(database, "first")
    assert first is not None
    assert jobs.claim(database, "second") is None
    expire(database, job_id)
    second = jobs.claim(database, "second")
    assert second is not None
    assert second.attempt == 2
    with database.write() as session:
        assert not jobs.progress(session, first, 0.5)
        assert not jobs.finish(session, first)
        assert not jobs.fail(session, first, "no")
        assert not jobs.release(session, first)
        assert jobs.progress(session, second, 0.7, "note")
    assert (row(database, job_id).progress, row(database, job_id).note) == (0.7, "note")
    with database.write() as session:
        assert jobs.finish(session, second)
        assert not jobs.fail(session, second, "too late")
    assert (row(database, job_id).state, row(database, job_id).progress) == ("done", 1.0)


def test_a_heartbeat_keeps_the_job(database: Database) -> None:
    (job_id,) = enqueue(database)
    job = jobs.claim(database, "w", lease=0.6)
    assert job is not None
    with jobs.Heartbeat(database, job, lease=0.6) as beat:
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            assert jobs.claim(database, "other") is None
            time.sleep(0.1)
        assert not beat.lost.is_set()
        assert not beat.cancel.is_set()
    time.sleep(0.7)
    other = jobs.claim(database, "other")
    assert other is not None
    assert other.id == job_id


def test_a_heartbeat_hears_of_a_cancel_and_of_a_loss(database: Database) -> None:
    (job_id,) = enqueue(database)
    job = jobs.claim(database, "w", lease=0.4)
    assert job is not None
    with jobs.Heartbeat(database, job, lease=0.4) as beat:
        with database.write() as session:
            jobs.cancel(session, job_id)
        assert beat.cancel.wait(2)
        with database.write() as session:
            session.execute(update(JobRow).where(JobRow.id == job_id).values(owner="other"))
        assert beat.lost.wait(2)


def test_a_heartbeat_outlives_a_short_lock(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medcore.store.engine.BUSY_SECONDS", 0.05)
    mine = open_database(f"sqlite:///{tmp_path / 'test.sqlite'}")
    enqueue(database)
    job = jobs.claim(mine, "w", lease=1.6)
    assert job is not None
    with jobs.Heartbeat(mine, job, lease=1.6) as beat:
        other = sqlite3.connect(tmp_path / "test.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        time.sleep(0.9)
        other.execute("ROLLBACK")
        other.close()
        time.sleep(0.9)
        assert not beat.lost.is_set()
        assert row(database, job.id).lease > time.time() + 0.5


def test_a_waiting_job_is_cancelled_at_once_a_running_one_is_asked(database: Database) -> None:
    waiting, _ = enqueue(database, 2)[::-1]
    running = jobs.claim(database, "w")
    assert running is not None
    with database.write() as session:
        jobs.cancel(session, waiting)
        jobs.cancel(session, running.id)
    assert row(database, waiting).state == "cancelled"
    assert row(database, running.id).state == "running"
    with database.write() as session:
        assert jobs.cancelled(session, running)
    assert row(database, running.id).state == "cancelled"
    assert jobs.claim(database, "w") is None


def test_a_cancelled_job_whose_worker_died_is_ended_not_begun_again(database: Database) -> None:
    (job_id,) = enqueue(database)
    jobs.claim(database, "w")
    with database.write() as session:
        jobs.cancel(session, job_id)
    expire(database, job_id)
    assert jobs.claim(database, "other") is None
    assert row(database, job_id).state == "cancelled"


def test_a_job_that_kills_its_workers_is_given_up(database: Database) -> None:
    (job_id,) = enqueue(database)
    for i in range(jobs.ATTEMPTS):
        assert jobs.claim(database, f"w{i}") is not None
        expire(database, job_id)
    assert jobs.claim(database, "w") is None
    assert row(database, job_id).state == "failed"
    assert "3 times" in row(database, job_id).error
    with database.write() as session:
        jobs.requeue(session, job_id)
    again = jobs.claim(database, "w")
    assert again is not None
    assert again.attempt == 1


def test_a_released_job_waits_and_has_lost_no_attempt(database: Database) -> None:
    (job_id,) = enqueue(database)
    job = jobs.claim(database, "w")
    assert job is not None
    with database.write() as session:
        assert jobs.release(session, job)
    assert row(database, job_id).state == "queued"
    again = jobs.claim(database, "other")
    assert again is not None
    assert again.attempt == 1
