"""Fixtures that several rooms share, and one thread for arrays: set before anything imports numpy or torch."""

import os
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import pytest  # noqa: E402

from medcore.settings import settings  # noqa: E402


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of public data sets; the test is skipped where there is none."""
    folder = settings().data
    if folder is None:
        pytest.skip("no data sets here: set MEDCORE_DATA to their folder")
    return folder
