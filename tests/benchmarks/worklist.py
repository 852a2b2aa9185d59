"""The worklist's first paint with 100,000 cases over one with none, and one with a single page of them, by a process
that has not imported torch.

What is timed is the page from the request to all that it sends; `python -m tests.benchmarks.worklist` prints the rows.
"""

import json
import logging
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from streamlit.testing.v1 import AppTest

from app.parts import desk
from medcore.clinic import Clinic
from medcore.settings import REPO, settings
from tests.benchmarks.measure import Row, interleaved
from tests.clinic.many import fill

CASES = 100_000
PAGE = 25
ROUNDS = 7


def rows() -> list[Row]:
    """In a process of its own, since others here need torch."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.worklist"], cwd=REPO, stdout=subprocess.PIPE, text=True, check=True
    )
    return [Row(**{k: v for k, v in row.items() if k != "kept"}) for row in json.loads(done.stdout)]


def opened(home: Path, cases: int) -> Clinic:
    """A desk with so many cases."""
    own = replace(settings(), home=home, database_url=f"sqlite:///{home / 'medcore.sqlite'}", models=home / "none")
    clinic = Clinic(own)
    if cases:
        fill(clinic, cases)
    return clinic


def main() -> int:
    logging.disable(logging.WARNING)  # Streamlit's, of pages without a server
    with tempfile.TemporaryDirectory() as folder:
        desks = {n: opened(Path(folder) / str(n), n) for n in (CASES, PAGE, 0)}
        user = str(desks[0].sign_in("reader").id)

        def paint(cases: int) -> None:
            desk.clinic = lambda: desks[cases]  # type: ignore[assignment]
            page = AppTest.from_file(str(REPO / "app" / "main.py"), default_timeout=60)
            page.user = {"id": user}
            page.run()
            assert not page.exception, page.exception
            assert len(page.dataframe) == (1 if cases else 0)

        full, one, none = interleaved([partial(lambda n, _turn: paint(n), n) for n in desks], ROUNDS, time.process_time)
        for clinic in desks.values():
            clinic.database.engine.dispose()
    assert "torch" not in sys.modules, "drawing a list imported torch"
    rows = [
        Row("worklist: 100,000 cases over none", full, none, full / none, 1.25, note="torch not imported"),
        Row("worklist: 100,000 cases over one page", full, one, full / one, 1.25, note="torch not imported"),
    ]
    print(json.dumps([row.to_json() for row in rows]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
