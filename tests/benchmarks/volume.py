"""A drag step of a 512 × 512 × 60 volume in three planes, in headless Chromium without a graphics card."""

import os
import sys
import tempfile
from pathlib import Path
from statistics import median

from playwright.sync_api import Page, sync_playwright

from medcore.settings import REPO
from tests.benchmarks.measure import Row
from tests.browser.conftest import FLAGS, chromium, free_port, running

BAR_SECONDS = 0.016  # a frame at 60 Hz
STEPS = 40

# Each frame's own drawing, read back so that it is done and not only asked for; and the time from frame to frame, which
# is drawing and compositing together.
WATCH = """() => {
  const frame = window.requestAnimationFrame.bind(window), found = (window.found = { drawing: [], frames: [] });
  let last = 0;
  const canvases = (r) => [...r.querySelectorAll('*')].flatMap((e) =>
    e.tagName === 'CANVAS' ? [e] : e.shadowRoot ? canvases(e.shadowRoot) : []);
  const all = canvases(document);
  window.requestAnimationFrame = (then) => frame((at) => {
    const start = performance.now();
    then(at);
    for (const c of all) c.getContext('2d').getImageData(0, 0, 1, 1);
    found.drawing.push(performance.now() - start);
    if (last) found.frames.push(start - last);
    last = start;
  });
}"""


def rows() -> list[Row]:
    """Drawing, and frame to frame with compositing, for a drag of the level, of the crosshair and through slices."""
    port = free_port()
    env = os.environ | {"PYTHONPATH": str(REPO)}
    script = str(REPO / "tests" / "browser" / "volumes" / "server.py")
    with (
        tempfile.TemporaryDirectory() as folder,
        running([sys.executable, script, str(port)], port, env, Path(folder) / "log") as url,
        sync_playwright() as play,
    ):
        browser = play.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme="dark")
        page.goto(f"{url}/?of=large&mask=1", timeout=120_000)
        page.locator(".viewer .group").first.wait_for(timeout=120_000)
        page.evaluate(WATCH)
        found = [row for tool in ("Level", "Crosshair", "Slices") for row in _dragged(page, tool)]
        browser.close()
    return found


def _dragged(page: Page, tool: str) -> list[Row]:
    page.locator(".viewer").get_by_role("button", name=tool, exact=True).click()
    box = page.locator(".pane.large canvas").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 3
    page.mouse.move(x, y)
    page.mouse.down()
    page.wait_for_timeout(300)
    page.evaluate("found.drawing.length = found.frames.length = 0")
    for step in range(1, STEPS + 1):
        page.mouse.move(x + 2 * step, y + 3 * step)
    page.wait_for_timeout(300)
    page.mouse.up()
    times = page.evaluate("found")
    drawing, frames = (median(times[kind]) / 1000 for kind in ("drawing", "frames"))
    note = f"median of {len(times['drawing'])} steps, ratio to 16 ms"
    return [
        Row(f"volume, {tool.lower()} dragged: drawing", drawing, None, drawing / BAR_SECONDS, 1.0, note=note),
        Row(f"volume, {tool.lower()} dragged: frame to frame", frames, note="with compositing and the browser's input"),
    ]
