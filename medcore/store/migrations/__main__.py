"""Writes a revision from what the tables in code have and a fresh database of the last revision hasn't."""

import sys
import tempfile
from pathlib import Path

from alembic import command

from medcore.store.migrations import config, migrate

with tempfile.TemporaryDirectory() as folder:
    url = f"sqlite:///{Path(folder) / 'scratch.sqlite'}"
    migrate(url)
    number = len(list((Path(__file__).parent / "versions").glob("[0-9]*.py"))) + 1
    command.revision(config(url), sys.argv[1], autogenerate=True, rev_id=f"{number:04d}")
