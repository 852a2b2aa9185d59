"""How long `make run` takes when everything is installed and the data folder is filled."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from medcore.settings import REPO
from tests.benchmarks.measure import Row

LONGEST_SECONDS = 600


def rows() -> list[Row]:
    """The second start, beside the first, which fills the worklist."""
    with tempfile.TemporaryDirectory() as folder:
        first = started(Path(folder) / "home")
        again = started(Path(folder) / "home")
    return [Row("second start", again, first, note="theirs: the first start, which fills the worklist")]


def started(home: Path) -> float:
    """Seconds until the address is printed."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    # -o: this interpreter has what is needed, so nothing is installed.
    command = ["make", "-o", "install", "run", f"PY={sys.executable}"]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MEDCORE_", "MAKE", "MFLAGS"))}
    env |= {"MEDCORE_HOME": str(home), "PORT": str(port)}
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=REPO, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        assert process.stdout
        for line in process.stdout:
            if f"http://127.0.0.1:{port}" in line:
                return time.perf_counter() - begin
            assert time.perf_counter() - begin < LONGEST_SECONDS
        raise RuntimeError("the dashboard didn't start")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=30)
