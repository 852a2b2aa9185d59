"""A drag step in the viewers: what drawing one takes, the frame that shows it apart. Headless Chromium, no GPU."""

import tempfile
from itertools import pairwise
from pathlib import Path
from statistics import median

from playwright.sync_api import Page, sync_playwright

from tests.benchmarks.measure import Row
from tests.browser.conftest import FLAGS, chromium, own_page

MOST = 0.016  # seconds a step: 60 a second
STEPS = 40
# Each step reads one pixel back, so that a canvas can't put its drawing off until after the clock has stopped.
WATCH = """
window.steps = []; window.frames = [];
const ask = window.requestAnimationFrame.bind(window);
const seek = (root) => { for (const e of root.querySelectorAll("*")) {
  if (e.classList.contains("viewer")) return e;
  const inner = e.shadowRoot && seek(e.shadowRoot);
  if (inner) return inner } };
window.requestAnimationFrame = (then) => ask((time) => {
  const viewer = (window.seen ??= seek(document)), before = viewer?.viewState, start = performance.now();
  then(time);
  if (!viewer || viewer.viewState === before) return;
  viewer.querySelector(".well canvas").getContext("2d").getImageData(0, 0, 1, 1);
  window.steps.push(performance.now() - start);
  window.frames.push(time);
});
"""
DRAGS = (
    # name, query, buttons to press first
    ("film of 2048², window, heat over it", "of=large&map=1", ()),
    ("film of 2048², pan, contours over it", "of=large&map=1", ("Pan", "Contour")),
    ("ECG of 12 leads, calipers", "show=ecg&of=twelve&map=1&measure=1", ("Calipers",)),
    ("ECG of 12 leads, 60 s, scrolled", "show=ecg&of=long&map=1", ()),
)


def rows() -> list[Row]:
    """One row a drag, in the share of MOST that its median step takes."""
    path = chromium()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=list(FLAGS))
        with own_page("gallery", Path(folder)) as url:
            out = [_row(browser.new_page(viewport={"width": 1040, "height": 900}), url, *drag) for drag in DRAGS]
        browser.close()
    return out


def _row(page: Page, url: str, name: str, query: str, buttons: tuple[str, ...]) -> Row:
    page.add_init_script(WATCH)
    page.goto(f"{url}/?{query}")
    for button in buttons:
        page.locator(".viewer").get_by_role("button", name=button, exact=True).click()
    page.locator(".viewer .group").first.wait_for()
    page.wait_for_timeout(1500)
    box = page.locator(".well canvas").bounding_box()
    assert box
    x, y = box["x"] + 0.6 * box["width"], box["y"] + 0.4 * min(box["height"], 600)
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate("() => { steps.length = frames.length = 0 }")
    for step in range(1, STEPS + 1):
        page.mouse.move(x - 5 * step, y + step % 7)
        page.evaluate("() => new Promise((done) => setTimeout(() => requestAnimationFrame(done), 0))")
    page.mouse.up()
    steps, frames = page.evaluate("() => [steps, frames]")
    page.close()
    assert len(steps) >= STEPS / 2, f"{name}: {len(steps)} steps were drawn"
    ours = median(steps) / 1000
    between = median(b - a for a, b in pairwise(frames))
    return Row(
        f"drag: {name}", ours, MOST, ours / MOST, 1.0, note=f"{len(steps)} steps; a frame all in all {between:.0f} ms"
    )
