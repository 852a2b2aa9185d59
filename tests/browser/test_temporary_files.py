"""An upload too large for the server's memory buffer: what waits of it waits in memory, and no name reaches a disk."""

import io
import os
import re
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page
from pydicom import dcmread

from app.__main__ import lies_in_memory
from medcore.clinic.demo import real_files
from tests.browser.conftest import sign_in
from tests.browser.test_pages import upload
from tests.clinic.test_identity import MARK, dicom, searched
from tests.test_shell import descendants, environ, launched

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/mounts").exists(), reason="only Linux tells which files a process holds open"),
]


def large_film() -> bytes:
    """A real film of more than 8 MB, with marks in its texts."""
    (film,) = (data for data in real_files().values() if dcmread(io.BytesIO(data)).get("Rows"))
    dataset = dcmread(io.BytesIO(film))
    pixels = np.pad(dataset.pixel_array, ((0, 300), (0, 300)), mode="edge")
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.PixelData = pixels.tobytes()
    out = io.BytesIO()
    dataset.save_as(out)
    return dicom(out.getvalue())


def written_to(pid: int) -> Iterator[str]:
    """Paths of the files that a process holds open for writing."""
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            flags = re.search(r"^flags:\s*0(\d+)$", Path(f"/proc/{pid}/fdinfo/{fd.name}").read_text(), re.M)
            if stat.S_ISREG(fd.stat().st_mode) and flags and int(flags[1], 8) & os.O_ACCMODE != os.O_RDONLY:
                yield os.readlink(fd)


@contextmanager
def watched(launcher: int) -> Iterator[set[str]]:
    """All files that the processes of a launcher write to meanwhile."""
    found: set[str] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.002):
            for pid in descendants(launcher):
                with suppress(OSError):
                    found.update(written_to(pid))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield found
    finally:
        over.set()
        watching.join()


def test_a_large_upload_waits_in_memory_and_leaves_no_name(page: Page, tmp_path: Path) -> None:
    home, data = tmp_path / "home", large_film()
    assert len(data) > 8 << 20
    # Slow enough for the upload to be caught on its way in.
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 8 << 20}
    with launched(home, MEDCORE_MODELS=str(tmp_path / "none")) as running:
        (temporary,) = {environ(pid)["TMPDIR"] for pid in running.processes().values()}
        assert lies_in_memory(Path(temporary))
        sign_in(page, f"http://127.0.0.1:{running.port}", path="/new_case")
        page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)
        with watched(running.process.pid) as found:
            upload(page, {f"{MARK}.dcm": data})
            page.get_by_role("button", name="Add cases").click(timeout=60_000)
            page.get_by_text("One new case.").wait_for(timeout=60_000)
        lasting = {p for p in found if not p.startswith((str(home), str(running.output), "/memfd:"))}
        assert {p for p in lasting if not lies_in_memory(Path(p).parent)} == set()
        assert any(path.startswith(f"{temporary}/") for path in found)
        assert searched(home) == []
        assert MARK.lower() not in running.text().lower()
