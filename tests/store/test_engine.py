"""Opening a database, transactions that are alone on it, and what is said when it can't be written."""

import sqlite3
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import StatementError

from medcore.errors import Refused
from medcore.store import engine
from medcore.store.engine import Database, open_database
from medcore.store.migrations import migrate
from medcore.store.tables import PatientRow, StoredFile, UserRow


@pytest.fixture
def database(tmp_path: Path) -> Database:
    url = f"sqlite:///{tmp_path / 'test.sqlite'}"
    migrate(url)
    return open_database(url)


def test_connections_keep_the_rules(database: Database) -> None:
    with database.read() as session:
        found = [session.scalar(text(f"PRAGMA {p}")) for p in ("journal_mode", "foreign_keys", "busy_timeout")]
    assert found == ["wal", 1, 10_000]


def test_a_failed_block_leaves_nothing(database: Database) -> None:
    def write_and_fail() -> None:
        with database.write() as session:
            session.add(PatientRow(pseudonym="A"))
            session.flush()
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        write_and_fail()
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(PatientRow)) == 0


def test_what_a_write_has_read_cannot_change_under_it(database: Database) -> None:
    """Eight threads count up one number, each reading before it writes: none may be lost."""
    with database.write() as session:
        session.add(StoredFile(sha256="n", size=0))

    def count() -> None:
        for _ in range(10):
            with database.write() as session:
                row = session.get_one(StoredFile, "n")
                row.size += 1

    threads = [threading.Thread(target=count) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    with database.read() as session:
        assert session.get_one(StoredFile, "n").size == 80


def test_times_are_utc_on_both_ways(database: Database) -> None:
    at = datetime(2026, 7, 1, 12, 30, tzinfo=timezone(timedelta(hours=2)))
    with database.write() as session:
        session.add(UserRow(name="a", role="reader", at=at))
    with database.read() as session:
        found = session.scalars(select(UserRow)).one().at
    assert found == at
    assert found.tzinfo is UTC
    with pytest.raises(StatementError, match="without a zone"), database.write() as session:
        session.add(UserRow(name="b", role="reader", at=datetime(2026, 7, 1)))


def test_a_locked_database_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.1)
    path = tmp_path / "test.sqlite"
    migrate(f"sqlite:///{path}")
    database = open_database(f"sqlite:///{path}")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Refused, match="stayed locked"), database.write() as session:
        session.add(PatientRow(pseudonym="A"))
    other.execute("ROLLBACK")
    with database.write() as session:
        session.add(PatientRow(pseudonym="A"))
    other.close()


def test_a_full_disk_is_one_sentence_and_leaves_what_was(database: Database) -> None:
    @event.listens_for(database.engine, "begin")
    def small(connection: object) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()  # type: ignore[attr-defined]
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")  # type: ignore[attr-defined]

    with pytest.raises(Refused, match="The disk is full"), database.write() as session:
        session.add_all(PatientRow(pseudonym=str(i) * 2000) for i in range(200))
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(PatientRow)) == 0
        assert session.scalar(text("PRAGMA integrity_check")) == "ok"


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(Refused, match="can't be opened"),
        open_database(f"sqlite:///{tmp_path}/no/x.sqlite").read() as s,
    ):
        s.execute(text("SELECT 1"))
