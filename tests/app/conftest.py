"""Pages without a browser."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.parts import desk
from medcore.clinic import Clinic
from medcore.settings import settings


@pytest.fixture
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clinic]:
    """An empty data folder, and no package; what the pages ask."""
    url = f"sqlite:///{tmp_path / 'medcore.sqlite'}"
    made = Clinic(replace(settings(), home=tmp_path, database_url=url, models=tmp_path / "none", admin_password=""))
    monkeypatch.setattr(desk, "clinic", lambda: made)
    yield made
    made.database.engine.dispose()
