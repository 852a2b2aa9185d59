"""The audit's chain: whole under concurrency, broken by any change."""

import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from medcore.store import audit
from medcore.store.engine import Database, open_database
from medcore.store.migrations import migrate


@pytest.fixture
def path(tmp_path: Path) -> Path:
    migrate(f"sqlite:///{tmp_path / 'test.sqlite'}")
    return tmp_path / "test.sqlite"


@pytest.fixture
def database(path: Path) -> Database:
    made = open_database(f"sqlite:///{path}")
    for i in range(6):
        with made.write() as session:
            audit.append(session, "anna", "open", f"case {i}", {"n": i})
    return made


def first_broken(database: Database) -> int | None:
    with database.read() as session:
        return audit.verify(session)


def tamper(path: Path, *statements: str) -> None:
    """What somebody with the file would do: the triggers don't stop those who drop them."""
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TRIGGER audit_no_update")
        connection.execute("DROP TRIGGER audit_no_delete")
        for statement in statements:
            assert connection.execute(statement).rowcount > 0
    connection.close()


def test_an_untouched_chain_verifies(database: Database) -> None:
    assert first_broken(database) is None


def test_an_empty_chain_verifies(path: Path) -> None:
    assert first_broken(open_database(f"sqlite:///{path}")) is None


@pytest.mark.parametrize("what", ["UPDATE audit SET action = 'x' WHERE id = 3", "DELETE FROM audit WHERE id = 3"])
def test_the_database_refuses_to_change_a_row(path: Path, database: Database, what: str) -> None:
    with sqlite3.connect(path) as connection, pytest.raises(sqlite3.IntegrityError, match="only added to"):
        connection.execute(what)
    connection.close()
    with pytest.raises(IntegrityError), database.write() as session:
        session.connection().exec_driver_sql(what)
    assert first_broken(database) is None


@pytest.mark.parametrize("column", ["at", "user", "action", "subject", "details", "previous", "hash"])
def test_a_changed_row_is_found(path: Path, database: Database, column: str) -> None:
    tamper(path, f"""UPDATE audit SET "{column}" = "{column}" || '0' WHERE id = 4""")
    assert first_broken(database) == 4


def test_a_removed_row_is_found(path: Path, database: Database) -> None:
    tamper(path, "DELETE FROM audit WHERE id = 3")
    assert first_broken(database) == 3


def test_a_cut_off_end_is_found(path: Path, database: Database) -> None:
    tamper(path, "DELETE FROM audit WHERE id > 4")
    assert first_broken(database) == 5


def test_exchanged_rows_are_found(path: Path, database: Database) -> None:
    tamper(path, "UPDATE audit SET id = 99 WHERE id = 2", "UPDATE audit SET id = 2 WHERE id = 3")
    assert first_broken(database) == 2


def test_an_inserted_row_is_found(path: Path, database: Database) -> None:
    tamper(path, "INSERT INTO audit SELECT 7, at, user, action, subject, details, hash, hash FROM audit WHERE id = 6")
    assert first_broken(database) == 7


def test_a_row_goes_with_the_write_that_it_describes(database: Database) -> None:
    def write_and_fail() -> None:
        with database.write() as session:
            audit.append(session, "anna", "open", "case 7")
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        write_and_fail()
    with database.write() as session:
        audit.append(session, "anna", "open", "case 8")
    assert first_broken(database) is None


def test_many_writers_make_one_chain(path: Path) -> None:
    """Threads on two engines, as web and worker have them."""
    databases = [open_database(f"sqlite:///{path}") for _ in range(2)]

    def write(database: Database, name: str) -> None:
        for i in range(15):
            with database.write() as session:
                audit.append(session, name, "open", f"case {i}")

    threads = [threading.Thread(target=write, args=(databases[i % 2], f"user {i}")) for i in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert first_broken(databases[0]) is None
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*), max(id) FROM audit").fetchone() == (90, 90)
    connection.close()


@pytest.mark.parametrize("value", ["x" * 101, b"bytes", ["list"]])
def test_details_take_no_free_text(database: Database, value: object) -> None:
    with pytest.raises(TypeError), database.write() as session:
        audit.append(session, "anna", "open", "case 1", {"comment": value})
