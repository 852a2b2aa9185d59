"""Every schema that was ever shipped comes up to this release with its rows.

tests/store/schemas/<revision>.sql: a database of that release as SQL, with rows in every table.
"""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from medcore.store import audit
from medcore.store.engine import make_engine, open_database
from medcore.store.migrations import config, migrate
from medcore.store.tables import Base

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = Path(__file__).parent / "schemas"
REVISIONS = [r.revision for r in ScriptDirectory.from_config(config("sqlite://")).walk_revisions()][::-1]


def old(tmp_path: Path, revision: str) -> Path:
    path = tmp_path / "old.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript((SCHEMAS / f"{revision}.sql").read_text(encoding="utf-8"))
    connection.close()
    return path


def counts(path: Path) -> dict[str, int]:
    """Rows of each table of ours that the database has."""
    with sqlite3.connect(path) as connection:
        there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        ours = sorted(there & set(Base.metadata.tables))
        found = {t: connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ours}
    connection.close()
    return found


def differences(path: Path) -> list[object]:
    engine = make_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, Base.metadata)
    engine.dispose()
    return found


def test_every_shipped_schema_is_kept_for_this_test() -> None:
    assert [p.stem for p in sorted(SCHEMAS.glob("*.sql"))] == REVISIONS


def test_a_new_database_is_what_the_tables_say(tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite"
    migrate(f"sqlite:///{path}")
    assert differences(path) == []


@pytest.mark.parametrize("revision", REVISIONS)
def test_an_old_database_comes_up_with_its_rows(tmp_path: Path, revision: str) -> None:
    path = old(tmp_path, revision)
    before = counts(path)
    assert all(before.values()), before
    migrate(f"sqlite:///{path}")
    assert differences(path) == []
    after = counts(path)
    assert {t: after[t] for t in before} == before
    assert not any(after[t] for t in after.keys() - before.keys())  # new tables start empty
    assert set(after) == set(Base.metadata.tables)
    database = open_database(f"sqlite:///{path}")
    with database.read() as session:
        assert session.connection().exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert session.connection().exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        assert audit.verify(session) is None
    with sqlite3.connect(path) as connection, pytest.raises(sqlite3.IntegrityError, match="never changed"):
        connection.execute("UPDATE reviews SET choice = 'x'")
    connection.close()


def test_a_rebuilt_table_keeps_the_rows_that_hang_on_it(tmp_path: Path) -> None:
    """With foreign keys on, rebuilding `cases` would delete every input and answer by their cascade."""
    path = old(tmp_path, REVISIONS[-1])
    before = counts(path)
    versions = tmp_path / "versions"
    versions.mkdir()
    (versions / "next.py").write_text(
        f"""
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "next", "{REVISIONS[-1]}", None, None


def upgrade():
    with op.batch_alter_table("cases", recreate="always") as batch:
        batch.add_column(sa.Column("ward", sa.String(), nullable=False, server_default=""))
"""
    )
    command.upgrade(config(f"sqlite:///{path}", versions), "next")
    assert counts(path) == before
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT DISTINCT ward FROM cases").fetchall() == [("",)]
    connection.close()


def test_a_migration_that_fails_leaves_the_old_schema(tmp_path: Path) -> None:
    path = old(tmp_path, REVISIONS[-1])
    versions = tmp_path / "versions"
    versions.mkdir()
    (versions / "next.py").write_text(
        f"""
from alembic import op

revision, down_revision, branch_labels, depends_on = "next", "{REVISIONS[-1]}", None, None


def upgrade():
    op.execute("DROP INDEX ix_cases_received_id")
    op.execute("DELETE FROM patients")
    op.execute("this is no SQL")
"""
    )
    with pytest.raises(Exception, match="syntax error"):
        command.upgrade(config(f"sqlite:///{path}", versions), "next")
    assert differences(path) == []
    assert counts(path)["patients"] > 0


def test_rows_that_would_point_nowhere_stop_a_migration(tmp_path: Path) -> None:
    path = old(tmp_path, REVISIONS[-1])
    versions = tmp_path / "versions"
    versions.mkdir()
    (versions / "next.py").write_text(
        f"""
from alembic import op

revision, down_revision, branch_labels, depends_on = "next", "{REVISIONS[-1]}", None, None


def upgrade():
    op.execute("DELETE FROM patients")
"""
    )
    with pytest.raises(RuntimeError, match="point nowhere"):
        command.upgrade(config(f"sqlite:///{path}", versions), "next")
    assert counts(path)["patients"] > 0


def test_processes_and_threads_that_start_together_migrate_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.sqlite'}"
    start = "from medcore.store.migrations import migrate; import sys, threading; "
    start += "ts = [threading.Thread(target=migrate, args=sys.argv[1:]) for _ in range(2)]; "
    start += "[t.start() for t in ts]; [t.join() for t in ts]"
    processes = [
        subprocess.Popen([sys.executable, "-c", start, url], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [p.communicate(timeout=30)[1] for p in processes] == [""] * 3
    assert differences(tmp_path / "new.sqlite") == []
