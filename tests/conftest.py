"""Fixtures that several rooms share."""

from pathlib import Path

import pytest

from medcore.settings import settings


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of public data sets; the test is skipped where there is none."""
    folder = settings().data
    if folder is None:
        pytest.skip("no data sets here: set MEDCORE_DATA to their folder")
    return folder
