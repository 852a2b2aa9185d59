"""`python -m app`: the dashboard and one worker, until Ctrl-C or SIGTERM. `make run` and the image start this.

The worker is started again when it dies; when the dashboard dies, all ends with a status that is not 0.
"""

import contextlib
import ctypes
import errno
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from medcore.errors import Refused
from medcore.i18n import _
from medcore.settings import REPO, Settings, settings

GRACE_SECONDS = 8  # to end by themselves; container engines give 10 to all
START_SECONDS = 120  # until the dashboard must answer
STEADY_SECONDS = 60  # a worker that lived so long is restarted after the shortest pause
LONGEST_PAUSE_SECONDS = 30
TEMPORARY = "medcore-run-"


def main() -> int:
    """Run until told to end; 0 then, 2 for what the person can mend, 1 when the dashboard ended by itself."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    try:
        chosen = checked_settings()
        with tempfile.TemporaryDirectory(prefix=f"{TEMPORARY}{os.getpid()}-", dir=memory_folder()) as folder:
            return serve(chosen, child_environment(chosen, folder), stop)
    except Refused as refused:
        say(str(refused))
        return 2


def checked_settings() -> Settings:
    """The settings, refused where the dashboard could not or should not listen as they say."""
    try:
        chosen = settings()
    except ValueError:
        raise Refused(_("PORT is not a number."), _("Give one, for example PORT=8501.")) from None
    if not 0 < chosen.port < 65536:
        raise Refused(_("PORT must lie between 1 and 65535."), _("Give another, for example PORT=8501."))
    if not chosen.only_here and not chosen.admin_password:
        raise Refused(
            _("The dashboard would be open to others at {address} without a password.").format(address=chosen.address),
            _("Set MEDCORE_ADMIN_PASSWORD, or leave ADDRESS at 127.0.0.1."),
        )
    family = socket.AF_INET6 if ":" in chosen.address else socket.AF_INET
    try:
        socket.create_server((chosen.address, chosen.port), family=family).close()
    except OSError as error:
        reason = str(error.strerror).split(" (while")[0].lower()
        other = chosen.port % 65535 + 1 if chosen.port >= 1024 else 8501
        of_port = error.errno in (errno.EADDRINUSE, errno.EACCES)
        remedy = _("Choose another port, for example PORT={port}.") if of_port else _("Choose another ADDRESS.")
        raise Refused(
            _("The dashboard can't listen on {address}, port {port}: {reason}.").format(
                address=chosen.address, port=chosen.port, reason=reason
            ),
            remedy.format(port=other),
        ) from None
    return chosen


def memory_folder() -> str | None:
    """A folder in memory with room for uploads on their way in; None, and a line that says so, where there is none."""
    wished = os.environ.get("TMPDIR", "")
    usable = [f for f in (wished, "/dev/shm", "/tmp") if f and os.access(f, os.W_OK) and lies_in_memory(Path(f))]
    if not usable:
        say(_("No folder in memory was found: large uploads pass through the disk before names are removed."))
        return None
    # A container's /dev/shm is often small, and its /tmp the memory that was given for this.
    found = wished if wished in usable else max(usable, key=lambda f: shutil.disk_usage(f).free)
    for left in Path(found).glob(f"{TEMPORARY}*"):  # by a launcher that was killed
        if not Path(f"/proc/{left.name.removeprefix(TEMPORARY).split('-')[0]}").exists():
            shutil.rmtree(left, ignore_errors=True)
    return found


def lies_in_memory(folder: Path) -> bool:
    """Whether the file system of `folder` is one that is never written to a disk."""
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:  # not Linux
        return False
    holders = [(len(point), kind) for point, kind in mounts if folder.resolve().is_relative_to(point)]
    return max(holders)[1] in {"tmpfs", "ramfs"}


def child_environment(chosen: Settings, folder: str) -> dict[str, str]:
    """For dashboard and worker: temporary files in `folder`, one thread for arrays, lines printed at once."""
    own = {"MEDCORE_HOME": str(chosen.home), "TMPDIR": folder, "PYTHONUNBUFFERED": "1"}
    return {"OMP_NUM_THREADS": "1", **os.environ, **own}


def serve(chosen: Settings, env: dict[str, str], stop: threading.Event) -> int:
    """Prepare, start both, keep them going until `stop` or the dashboard's end."""
    children = Children(env)
    try:
        preparing = children.start("app.prepare")
        while preparing.poll() is None:
            if stop.wait(0.1):
                return 0
        if preparing.returncode:
            return preparing.returncode
        dashboard = children.start("app.server")
        return watch(chosen, children, dashboard, stop)
    finally:
        children.end()


def watch(chosen: Settings, children: "Children", dashboard: subprocess.Popen[bytes], stop: threading.Event) -> int:
    """Until `stop` (0) or the dashboard's end (1). The worker would slow its first answer, so it starts after that."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(chosen.address, chosen.address)
    shown = f"[{host}]" if ":" in host else host
    give_up_at = time.monotonic() + START_SECONDS
    worker: Worker | None = None
    while not stop.wait(0.2):
        if dashboard.poll() is not None:
            say(_("The dashboard ended by itself, with status {status}.").format(status=dashboard.returncode))
            return 1
        if worker is not None:
            worker.keep()
        elif answers(host, chosen.port):
            print(
                _("The dashboard is at http://{host}:{port} (Ctrl-C ends it).").format(host=shown, port=chosen.port),
                flush=True,
            )
            worker = Worker(children)
        elif time.monotonic() > give_up_at:
            say(_("The dashboard did not answer within {n} seconds.").format(n=START_SECONDS))
            return 1
    return 0


def answers(host: str, port: int) -> bool:
    """Whether the dashboard there says that it is well."""
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def say(sentence: str) -> None:
    """Tell what went wrong."""
    print(sentence, file=sys.stderr, flush=True)


class Children:
    """Processes, each in a group of its own: Ctrl-C reaches only the launcher, and `end` reaches all of them."""

    def __init__(self, env: dict[str, str]) -> None:
        self._env = env
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, module: str) -> subprocess.Popen[bytes]:
        """`python -m module`, which is told to end should this process be killed."""
        command = [sys.executable, "-m", module]
        # Streamlit finds its configuration by the working directory.
        child = subprocess.Popen(command, cwd=REPO, env=self._env, start_new_session=True, preexec_fn=end_with_parent)
        self._running.append(child)
        return child

    def bury(self, child: subprocess.Popen[bytes]) -> None:
        """Kill what a dead child left behind."""
        signal_group(child, signal.SIGKILL)
        self._running.remove(child)

    def end(self) -> None:
        """SIGTERM to all, SIGKILL to what is left of their groups after the time of grace."""
        for child in self._running:
            signal_group(child, signal.SIGTERM)
        until = time.monotonic() + GRACE_SECONDS
        for child in self._running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(0.0, until - time.monotonic()))
        for child in self._running:
            signal_group(child, signal.SIGKILL)
            child.wait()


class Worker:
    """One worker, started again when it dies; later each time, unless it had lived for long."""

    def __init__(self, children: Children) -> None:
        self._children = children
        self._pause = self._due = 0.0
        self._start()

    def _start(self) -> None:
        self._process: subprocess.Popen[bytes] | None = self._children.start("medcore.worker")
        self._began = time.monotonic()

    def keep(self) -> None:
        """To be called again and again: starts it when that is due."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._due:
                self._start()
        elif self._process.poll() is not None:
            self._children.bury(self._process)
            steady = now - self._began > STEADY_SECONDS
            self._pause = 1.0 if steady else min(max(1.0, 2 * self._pause), LONGEST_PAUSE_SECONDS)
            self._due = now + self._pause
            say(
                _("The worker ended with status {status}; it starts again in {n:.0f} s.").format(
                    status=self._process.returncode, n=self._pause
                )
            )
            self._process = None


def signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal a child and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """In a child before it runs: ask the kernel for SIGTERM when the launcher dies, even by SIGKILL."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
