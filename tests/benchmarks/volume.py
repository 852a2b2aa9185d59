"""A drag step of a 512 × 512 × 60 volume in three planes, in headless Chromium without a graphics card."""

import tempfile
from itertools import pairwise
from pathlib import Path
from statistics import median

from playwright.sync_api import CDPSession, Page, sync_playwright

from tests.benchmarks.measure import Row
from tests.browser.conftest import FLAGS, chromium, own_page

BAR_SECONDS = 0.016  # a frame at 60 Hz
STEPS = 40

# Reads each canvas back after a frame's drawing, so that it is done and not only asked for.
WATCH = """() => {
  const frame = window.requestAnimationFrame.bind(window);
  const canvases = (r) => [...r.querySelectorAll('*')].flatMap((e) =>
    e.tagName === 'CANVAS' ? [e] : e.shadowRoot ? canvases(e.shadowRoot) : []);
  const all = canvases(document);
  window.requestAnimationFrame = (then) => frame((at) => {
    then(at);
    for (const c of all) c.getContext('2d').getImageData(0, 0, 1, 1);
  });
}"""
# Milliseconds from the frame in which a step is drawn to the next one: drawing and compositing together.
FRAME = """() => new Promise((done) => requestAnimationFrame(() => {
  const start = performance.now();
  requestAnimationFrame(() => done(performance.now() - start));
}))"""


def rows() -> list[Row]:
    """Drawing, and frame to frame with compositing, for a drag of the level, of the crosshair and through slices."""
    with (
        tempfile.TemporaryDirectory() as folder,
        own_page("volumes", Path(folder)) as url,
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
    """Drawing by the page's own clock of processor time, so that what else the machine does counts for less."""
    page.locator(".viewer").get_by_role("button", name=tool, exact=True).click()
    box = page.locator(".pane.large canvas").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 3
    clock = page.context.new_cdp_session(page)
    clock.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.mouse.move(x, y)
    page.mouse.down()
    page.wait_for_timeout(300)
    ticks, frames = [_script_seconds(clock)], list[float]()
    for step in range(1, STEPS + 1):
        page.mouse.move(x + 2 * step, y + 3 * step)
        frames.append(page.evaluate(FRAME))
        ticks.append(_script_seconds(clock))
    page.mouse.up()
    drawing = median(b - a for a, b in pairwise(ticks))
    frame = median(frames) / 1000
    note = f"processor time, median of {STEPS} steps, ratio to 16 ms"
    return [
        Row(f"volume, {tool.lower()} dragged: drawing", drawing, None, drawing / BAR_SECONDS, 1.0, note=note),
        Row(f"volume, {tool.lower()} dragged: a frame all in all", frame, note="with compositing, by the wall's clock"),
    ]


def _script_seconds(clock: CDPSession) -> float:
    """Processor time that the page's scripts have taken, drawing included."""
    found = {m["name"]: m["value"] for m in clock.send("Performance.getMetrics")["metrics"]}
    return float(found["ScriptDuration"])
