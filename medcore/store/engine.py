"""Opening the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from medcore.errors import Refused
from medcore.i18n import _

BUSY_SECONDS = 10.0


@dataclass(frozen=True)
class Database:
    """One open database.

    `read()` gives a session that sees one state of it. `write()` gives one whose whole transaction is alone:
    BEGIN IMMEDIATE on SQLite, the lock on the audit's head elsewhere. So what it has read can't change under it,
    and the audit's chain has one end. It commits at the end of the block, and takes all back on any error.
    """

    engine: Engine
    _read: sessionmaker[Session]
    _write: sessionmaker[Session]

    @contextmanager
    def read(self) -> Iterator[Session]:
        with _in_plain_words(), self._read() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        from medcore.store.tables import AuditHead

        with _in_plain_words(), self._write.begin() as session:
            if self.engine.dialect.name != "sqlite":
                session.execute(select(AuditHead).with_for_update())
            yield session


def open_database(url: str) -> Database:
    """The database at any SQLAlchemy URL; its schema is `migrate`'s matter."""
    engine = make_engine(url)
    alone = engine.execution_options(begin="IMMEDIATE")
    return Database(engine, sessionmaker(engine, expire_on_commit=False), sessionmaker(alone, expire_on_commit=False))


def make_engine(url: str, foreign_keys: bool = True) -> Engine:
    """An engine; on SQLite with a write-ahead log and transactions that begin when we say so."""
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        # The driver would begin late and by itself, so a write could follow a read of an older state.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {round(BUSY_SECONDS * 1000)}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('begin', 'DEFERRED')}")

    return engine


@contextmanager
def _in_plain_words() -> Iterator[None]:
    """Turns what the surroundings do to a database into one sentence; other errors pass."""
    try:
        yield
    except OperationalError as error:
        said = str(error.orig).lower()
        if "locked" in said or "busy" in said:
            raise Refused(
                _("The database stayed locked by another program for {s:g} s.").format(s=BUSY_SECONDS),
                _("Nothing was changed. Try again in a moment."),
            ) from error
        if "no such table" in said:
            raise Refused(_("The database is being made anew."), _("Try again in a moment.")) from error
        if "is full" in said or "disk i/o error" in said or "no space" in said:
            raise disk_full() from error
        if "unable to open" in said or "connect" in said or "readonly" in said:
            raise Refused(
                _("The database can't be opened for writing."),
                _("Check that its folder or server is there and may be written to."),
            ) from error
        raise


def disk_full() -> Refused:
    """What is said when there is no room left."""
    return Refused(_("The disk is full."), _("Nothing was changed. Make room and try again."))
