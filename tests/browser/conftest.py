"""A browser, the real dashboard on an empty home, and the gallery of viewers."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from medcore.settings import REPO

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
HARMLESS = ("_stcore/health", "_stcore/host-config")  # Streamlit asks for these beside a deep link; 404


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser on a busy machine may miss a moment; what is broken fails a second time too."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_runtest_setup() -> None:
    """Without a Chromium all tests here are skipped at this one place, so that one line tells of them together."""
    chromium()


def chromium() -> str:
    """The path of a Chromium; the test is skipped without one, or fails where REQUIRE_BROWSER=1."""
    named = os.environ.get("CHROMIUM")
    for found in [named] if named else ["/usr/bin/chromium", shutil.which("chromium")]:
        if found and Path(found).exists():
            return found
    words = "no Chromium here: install it (Debian: apt install chromium) or name one in CHROMIUM"
    if os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail(words)
    pytest.skip(words)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium. While it is open this thread has a running event loop, so it ends with each module."""
    path = chromium()
    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=path, args=list(FLAGS))
        yield found
        found.close()


@contextlib.contextmanager
def running(command: list[str], port: int, env: dict[str, str], log: Path) -> Iterator[str]:
    """A server's address, from when it answers to the end of the test."""
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=REPO, env=env, stdout=out, stderr=subprocess.STDOUT)
    try:
        for _try in range(600):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=2).close()
                break
            except (urllib.error.URLError, OSError):
                if process.poll() is not None:
                    break
                time.sleep(0.1)
        else:
            pytest.fail(f"no answer from {command}")
        if process.poll() is not None:
            pytest.fail(log.read_text()[-2000:])
        yield url
    finally:
        process.terminate()
        process.wait(20)


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def own_page(name: str, folder: Path) -> Iterator[str]:
    """Address of the page of viewers whose server lies in `name` beside this file. folder: where its log goes."""
    port, script = free_port(), Path(__file__).parent / name / "server.py"
    env = os.environ | {"PYTHONPATH": str(REPO), "PYTHONUNBUFFERED": "1"}
    with running([sys.executable, str(script), str(port)], port, env, folder / "log") as url:
        yield url


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the viewers' own page."""
    with own_page("gallery", tmp_path_factory.mktemp("gallery")) as url:
        yield url


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the real dashboard on an empty home of its own. Nobody is signed in."""
    home, port = tmp_path_factory.mktemp("home"), free_port()
    env = os.environ | {"MEDCORE_HOME": str(home), "PORT": str(port), "ADDRESS": "127.0.0.1"}
    with running([sys.executable, "-m", "app.server"], port, env, home / "log") as url:
        yield url


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh visitor at a desk: 1440 × 900, light."""
    made = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light", bypass_csp=True)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page on which a script error, or one in the console, fails the test."""
    made, wrong = context.new_page(), list[str]()

    def heard(message: ConsoleMessage) -> None:
        where = str(message.location.get("url", ""))
        # A recording that nothing here measures answers 404, and its viewer leaves the strip of figures out.
        if message.type == "error" and not where.endswith(HARMLESS) and "/measure/" not in where:
            wrong.append(f"{message.text} ({where})")

    made.on("console", heard)
    made.on("pageerror", lambda error: wrong.append(str(error)))
    yield made
    assert wrong == []


def sign_in(page: Page, url: str, name: str = "reader", path: str = "/") -> None:
    """Through the door, as a person does."""
    page.goto(f"{url}/login?next={path}")
    page.get_by_role("radio", name=name).check()
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_test_id("stMain").wait_for()
