"""The two commands, the image, and the rules of the house, from outside."""

import ast
import contextlib
import importlib.metadata
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent
STARTS_WITHIN_SECONDS = 300  # the first start fills the demo worklist
ENDS_WITHIN_SECONDS = 15


# What runs


@dataclass
class Running:
    """A started launcher (or a make that started it), in a process group of its own."""

    process: subprocess.Popen[bytes]
    port: int
    output: Path

    def text(self) -> str:
        return self.output.read_text()

    def processes(self) -> dict[str, int]:
        """Process numbers of what the launcher keeps: by module, `app.server` and `medcore.worker`."""
        commands = {pid: command_line(pid) for pid in descendants(self.process.pid)}
        return {
            c[2]: pid for pid, c in commands.items() if c[1:2] == ["-m"] and c[2] in ("app.server", "medcore.worker")
        }

    def wait_for(self, what: str, seconds: float = ENDS_WITHIN_SECONDS) -> None:
        wait_until(lambda: what in self.text() or self.process.poll() is not None, seconds)
        assert what in self.text()


def wait_until(true: Callable[[], bool], seconds: float = ENDS_WITHIN_SECONDS) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.1)


def descendants(pid: int) -> list[int]:
    """All that `pid` started and that they started."""
    try:
        children = [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return children + [p for child in children for p in descendants(child)]


def command_line(pid: int) -> list[str]:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    return []


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as s:
        return int(s.getsockname()[1])


def environment(home: Path, port: object, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MEDCORE_", "MAKE", "MFLAGS"))}
    return {**kept, "MEDCORE_HOME": str(home), "PORT": str(port), **more}


@contextlib.contextmanager
def launched(home: Path, command: list[str] | None = None, folder: Path = REPO, **more: str) -> Iterator[Running]:
    """The launcher, once dashboard and worker run; whatever a test left is killed afterwards."""
    port = free_port()
    output = home.parent / f"output-{port}"
    with output.open("wb") as out:
        process = subprocess.Popen(
            command or [sys.executable, "-m", "app"],
            cwd=folder,
            env=environment(home, port, **more),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    running = Running(process, port, output)
    seen: list[int] = []
    try:
        running.wait_for(f"http://127.0.0.1:{port}", STARTS_WITHIN_SECONDS)
        wait_until(lambda: len(running.processes()) == 2)
        seen = descendants(process.pid)
        yield running
    finally:
        for pid in {process.pid, *seen, *descendants(process.pid)}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def refused(home: Path, port: object, **more: str) -> str:
    """What the launcher says on its way out, having refused to start."""
    done = subprocess.run(
        [sys.executable, "-m", "app"], cwd=REPO, env=environment(home, port, **more), capture_output=True, timeout=60
    )
    said = done.stderr.decode().strip()
    assert done.returncode == 2, said
    assert len(said.splitlines()) == 1
    assert not home.exists()
    return said


def healthy(port: int) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/health", timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data folder for all starts here: the first one fills it, the others find it filled."""
    return tmp_path_factory.mktemp("shell") / "home"


@pytest.mark.slow
def test_sigterm_ends_dashboard_and_worker(home: Path) -> None:
    with launched(home) as running:
        assert healthy(running.port)
        everything = descendants(running.process.pid)
        temporary = {environ(pid)["TMPDIR"] for pid in running.processes().values()}
        assert len(temporary) == 1
        assert Path(*temporary).stat().st_mode & 0o777 == 0o700

        running.process.terminate()
        assert running.process.wait(ENDS_WITHIN_SECONDS) == 0
        wait_until(lambda: not any(alive(pid) for pid in everything), 2)
        assert not Path(*temporary).exists()
        assert not healthy(running.port)


def environ(pid: int) -> dict[str, str]:
    return dict(v.split("=", 1) for v in Path(f"/proc/{pid}/environ").read_text().split("\0") if "=" in v)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_make_run_passes_on_ctrl_c_and_sigterm(home: Path, number: signal.Signals) -> None:
    # -o: this interpreter has what is needed, so the test installs nothing.
    with launched(home, ["make", "-o", "install", "run", f"PY={sys.executable}"]) as running:
        everything = descendants(running.process.pid)
        if number == signal.SIGINT:
            os.killpg(running.process.pid, number)  # as a terminal does
        else:
            running.process.send_signal(number)
        running.process.wait(ENDS_WITHIN_SECONDS)
        wait_until(lambda: not any(alive(pid) for pid in everything), 2)
        assert "Traceback" not in running.text()


@pytest.mark.slow
def test_a_dead_worker_is_replaced_and_a_dead_dashboard_ends_all(home: Path) -> None:
    with launched(home) as running:
        first = running.processes()
        os.kill(first["medcore.worker"], signal.SIGKILL)
        wait_until(
            lambda: running.processes().get("medcore.worker", first["medcore.worker"]) != first["medcore.worker"]
        )
        assert healthy(running.port)

        second = running.processes()
        os.kill(second["app.server"], signal.SIGKILL)
        assert running.process.wait(ENDS_WITHIN_SECONDS) == 1
        wait_until(lambda: not alive(second["medcore.worker"]), 2)
        assert "ended by itself" in running.text()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent was killed")
def test_a_killed_launcher_leaves_nothing_running(home: Path) -> None:
    with launched(home) as running:
        everything = descendants(running.process.pid)
        running.process.kill()
        wait_until(lambda: not any(alive(pid) for pid in everything))


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(tmp_path / "home", port)
    assert f"port {port}: address already in use" in said
    assert f"PORT={port + 1}" in said


@pytest.mark.parametrize("port", ["eighty", "0", "70000"])
def test_a_port_that_is_none_is_one_sentence(tmp_path: Path, port: str) -> None:
    assert refused(tmp_path / "home", port).startswith("PORT ")


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_it_opens_to_others_only_with_a_password(tmp_path: Path, address: str) -> None:
    assert "MEDCORE_ADMIN_PASSWORD" in refused(tmp_path / "home", free_port(), ADDRESS=address)


# What is built


def make(*targets: str) -> subprocess.CompletedProcess[str]:
    env = environment(REPO, 8501)
    return subprocess.run(["make", "-n", *targets], cwd=REPO, env=env, capture_output=True, text=True, timeout=60)


def test_every_target_of_the_makefile_parses() -> None:
    text = (REPO / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.*)$", text, re.M)[1].split()
    assert {"run", "install", "test", "check", "bench", "clean"} <= set(targets)
    for target in targets:
        done = make(target)
        assert done.returncode == 0, done.stderr
    assert all(f"make {target}" in text for target in ("run", "test", "check", "bench", "install", "clean"))


def test_a_second_start_installs_nothing(tmp_path: Path) -> None:
    """Unless what is required has changed since."""
    for name in ("Makefile", "requirements.txt", "requirements-dev.txt", "pyproject.toml"):
        shutil.copy(REPO / name, tmp_path)
    stamp = tmp_path / ".venv" / "installed"
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch()
    (tmp_path / ".venv" / "installed-dev").touch()
    stamp.touch()

    def does(target: str) -> list[str]:
        done = subprocess.run(
            ["make", "-n", target], cwd=tmp_path, env=environment(tmp_path, 8501), capture_output=True, text=True
        )
        return [line for line in done.stdout.splitlines() if line != ":"]

    assert does("run") == ["exec .venv/bin/python -m app"]
    assert does("install") == []
    assert not any("install" in line for line in does("test"))
    later = stamp.stat().st_mtime + 10
    os.utime(tmp_path / "requirements.txt", (later, later))
    assert any("pip" in line and "install" in line and "requirements.txt" in line for line in does("run"))


def test_a_torch_index_is_asked_for_torch_only() -> None:
    with_index = make("install", "TORCH_INDEX=https://torch.example/whl").stdout
    lines = [line for line in with_index.splitlines() if "torch.example" in line and "--index-url" in line]
    assert len(lines) == 1
    assert "--no-deps" in lines[0]
    assert "index-url" not in make("install").stdout


def requirements(name: str) -> dict[str, str]:
    """Package → the few words why, of each line; fails where a line is not pinned or says nothing."""
    found = {}
    for line in (REPO / name).read_text().splitlines():
        if line.startswith("#") or not line.strip():
            continue
        match = re.fullmatch(r"([A-Za-z0-9_.-]+)==([0-9][0-9a-z.]*) +# (.+)", line)
        assert match, f"{name}: not pinned by == with a word why: {line}"
        found[match[1].lower().replace("_", "-")] = match[3]
    return found


def test_requirements_are_pinned_and_installed_as_pinned() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        assert requirements(name)
        for line in re.findall(r"^[A-Za-z].*?==\S+", (REPO / name).read_text(), re.M):
            package, version = line.split("==")
            assert importlib.metadata.version(package).split("+")[0] == version, package


PLUGINS = {"python-gdcm", "pylibjpeg", "pylibjpeg-openjpeg", "pyjpegls", "pydicom-data", "openpyxl"}


def imported(folders: tuple[str, ...]) -> set[str]:
    """Top-level names that the code of these folders imports, lazily or not."""
    names: set[str] = set()
    for path in (p for folder in folders for p in (REPO / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names.add(node.module.split(".")[0])
    return names - sys.stdlib_module_names - {"app", "medcore", "pages", "tests"}


def test_what_is_imported_is_required_and_the_other_way_round() -> None:
    providers = importlib.metadata.packages_distributions()
    used = {
        frozenset(d.lower().replace("_", "-") for d in providers.get(name, [name]))
        for name in imported(("app", "medcore", "pages"))
    }
    required = set(requirements("requirements.txt"))
    assert [sorted(names) for names in used if not names & required] == []
    # Plug-ins are found by pydicom and pandas, never imported by name.
    assert sorted(required - PLUGINS - frozenset().union(*used)) == []


def test_a_list_of_cases_or_tasks_is_drawn_without_torch(tmp_path: Path) -> None:
    code = """
import sys
import app.server, medcore.worker
from medcore import tasks
from medcore.clinic import Clinic
from medcore.settings import settings
clinic = Clinic(settings())
clinic.worklist(clinic.users()[0])
tasks.all_tasks()
sys.exit("torch" in sys.modules)
"""
    env = environment(tmp_path / "home", free_port())
    assert subprocess.run([sys.executable, "-c", code], cwd=REPO, env=env, timeout=120).returncode == 0


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("pages/trespass.py", "import torch"),
        ("pages/trespass.py", "import sqlalchemy"),
        ("medcore/inputs/trespass.py", "import medcore.tasks"),
        ("medcore/store/trespass.py", "import medcore.clinic"),
        ("medcore/readers/trespass.py", "import streamlit"),
        ("medcore/trespass.py", "x = 1"),
    ],
)
def test_an_arrow_that_points_back_is_caught(tmp_path: Path, where: str, line: str) -> None:
    for folder in ("app", "medcore", "pages"):
        shutil.copytree(
            REPO / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "static", "*.js")
        )
    shutil.copy(REPO / "pyproject.toml", tmp_path)
    assert lint_imports(tmp_path).returncode == 0
    (tmp_path / where).write_text(f"{line}\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    assert "trespass" in done.stdout


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(("required", "status"), [("", 0), ("1", 1)])
def test_without_a_browser_one_line_says_how_to_get_it(tmp_path: Path, required: str, status: int) -> None:
    """Of the tests in a browser, run by two processes as `make test` does; or each fails where it is required."""
    env = environment(tmp_path / "home", free_port(), CHROMIUM=str(tmp_path / "none"), REQUIRE_BROWSER=required)
    command = [sys.executable, "-m", "pytest", "-n", "2", "tests/browser/test_door.py", "tests/browser/test_volume.py"]
    done = subprocess.run(command, cwd=REPO, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == status, done.stdout
    told = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]
    assert len(told) == 1 - status and all("apt install chromium" in line for line in told)
    assert " passed" not in done.stdout and "install it (Debian: apt install chromium)" in done.stdout


# The image. No engine runs where tests do, so what it would hold is laid out and started instead.


def image_files() -> list[str]:
    """What `.dockerignore` lets in."""
    return re.findall(r"^!(\S+)$", (REPO / ".dockerignore").read_text(), re.M)


def image_environment() -> dict[str, str]:
    """What the last stage of the Dockerfile sets, less what only has a meaning inside."""
    last = (REPO / "Dockerfile").read_text().rsplit("\nFROM ", 1)[1]
    values = dict(re.findall(r"^(?:ENV|   ) ?([A-Z_]+)=(\S+)", last, re.M))
    return {k: v for k, v in values.items() if k not in ("PATH", "MEDCORE_HOME", "PORT")}


@pytest.mark.slow
def test_what_the_image_holds_is_enough_to_run(home: Path, tmp_path: Path) -> None:
    for name in image_files():
        source = REPO / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    env = image_environment()
    assert env["ADDRESS"] == "0.0.0.0"
    env["ADDRESS"] = "127.0.0.1"  # a test opens no port to others
    check = json.loads(re.search(r"HEALTHCHECK(?:.|\n)*?CMD (\[.*\])", (REPO / "Dockerfile").read_text())[1])
    with launched(home, folder=tmp_path, MEDCORE_ADMIN_PASSWORD="correct horse", **env) as running:
        probe = [sys.executable, *check[1:]]
        probe_env = environment(home, running.port)
        assert subprocess.run(probe, cwd=tmp_path, env=probe_env, timeout=30).returncode == 0
        running.process.terminate()
        assert running.process.wait(ENDS_WITHIN_SECONDS) == 0
        assert subprocess.run(probe, cwd=tmp_path, env=probe_env, timeout=30).returncode == 1


def test_the_image_runs_as_nobody_special_and_keeps_no_secret() -> None:
    text = (REPO / "Dockerfile").read_text()
    assert re.search(r"^USER [1-9][0-9]+$", text, re.M)
    assert re.search(r"^VOLUME /data$", text, re.M)
    assert not re.search(r"^(?:ENV|ARG|    ).*PASSWORD", text, re.M)
