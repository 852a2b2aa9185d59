"""Bringing a database to the schema of this release, by Alembic.

A new revision: `python -m medcore.store.migrations "what changes"`, then read what it wrote. Tables that have
triggers (audit, reviews) lose them where a batch rebuilds the table: create them again in that revision. Put a copy
of the schema before it, with rows, into tests/store/schemas.
"""

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from medcore.store.engine import make_engine
from medcore.store.tables import Base

HERE = Path(__file__).parent
_alembic = threading.Lock()  # its context is one for the whole process


def config(url: str, *versions: Path) -> Config:
    """Alembic's settings for the database at `url`; further folders of revisions may follow."""
    made = Config()
    made.set_main_option("script_location", str(HERE).replace("%", "%%"))
    made.set_main_option("path_separator", "newline")
    places = "\n".join(str(p) for p in (HERE / "versions", *versions))
    made.set_main_option("version_locations", places.replace("%", "%%"))
    made.attributes["url"] = url
    return made


def migrate(url: str) -> None:
    """Brings the database at `url` to the newest schema; makes it where there is none. Rows stay."""
    made = config(url)
    with _alembic:
        if _revision(url) != ScriptDirectory.from_config(made).get_current_head():
            command.upgrade(made, "head")


def empty(url: str) -> None:
    """Removes every table of the database at `url`; `migrate` makes them again."""
    engine = make_engine(url)
    try:
        with _alembic, engine.begin() as connection:
            Base.metadata.drop_all(connection)
            connection.execute(text("DROP TABLE alembic_version"))
    finally:
        engine.dispose()


def _revision(url: str) -> str | None:
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
            return found
    finally:
        engine.dispose()
