"""`python -m tests.pictures [FOLDER]` (`make pictures`): every page as a person sees it, to be looked at.

In both themes and languages, 1440 and 390 px wide: FOLDER/<page>-<language>-<theme>-<width>.png. The dashboard runs on
a fresh data folder of its own, and everything shown is computed there; a training on simulated records runs first.
With --docs instead the pictures of the README, of a demonstration's cases, into docs.
"""

import argparse
import io
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import TimeoutError as TooLong

from medcore.clinic import Clinic, User
from medcore.i18n import LANGUAGES
from medcore.settings import REPO, settings
from medcore.tasks import get
from tests.browser.conftest import FLAGS, chromium
from tests.browser.test_pages import Desk

WIDTHS = {1440: 900, 390: 844}
THEMES = ("light", "dark")
ANSWER_MS = 120_000
DOCS = {"image": ("case", "dark"), "volume": ("mr", "dark"), "signal": ("ecg", "light"), "record": ("record", "light")}
"""Of a demonstration's last case of each kind: name of its picture and theme."""
MAPS = ("grad_cam", "feature_ablation")
WIDTHS_OF_DOCS = (1200, 1080, 960, 840)  # the first that makes a file small enough
MOST_BYTES = 400_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=REPO / "build" / "pictures")
    parser.add_argument("--only", default="", help="names of pages, separated by commas")
    parser.add_argument("--docs", action="store_true", help="the pictures of the README instead")
    args = parser.parse_args()
    if args.docs:
        return docs(REPO / "docs", set(filter(None, args.only.split(","))))
    args.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        desk = Desk(Path(home))
        where = {"home": desk.home, "database_url": f"sqlite:///{desk.home}/medcore.sqlite"}
        clinic = Clinic(replace(settings(), **where))  # type: ignore[arg-type]
        pages = {n: p for n, p in addresses(clinic).items() if not args.only or n in args.only.split(",")}
        desk.start()
        try:
            with desk.worker() if "train" in pages else _nobody():
                if "train" in pages:
                    trained(clinic)
                with sync_playwright() as play:
                    browser = play.chromium.launch(executable_path=chromium(), args=list(FLAGS))
                    for name, page, language, theme, width in _each(browser, desk.url, pages):
                        page.screenshot(path=args.folder / f"{name}-{language}-{theme}-{width}.png", full_page=True)
                    browser.close()
        finally:
            desk.stop()


def docs(folder: Path, only: set[str]) -> None:
    """The pictures of the README: a case of each kind, read and answered, and two maps of the film."""
    with tempfile.TemporaryDirectory() as home:
        desk = Desk(Path(home), more={"MEDCORE_DEMO": "1"})
        where = {"home": desk.home, "database_url": f"sqlite:///{desk.home}/medcore.sqlite", "demo": True}
        clinic = Clinic(replace(settings(), **where))  # type: ignore[arg-type]
        reader = clinic.sign_in("reader")
        clinic.seed_demo(clinic.sign_in("admin"))
        rows = clinic.worklist(reader, per_page=100, sort="received", descending=False).rows
        cases = {row.kind: row for row in rows if row.task}  # the last of a kind
        for row in cases.values():
            task = get(row.task or "")
            names = [choice.name for choice in task.outcome.choices]
            clinic.lock_read(reader, row.id, task.name, task.shown if task.shown in names else names[0], 3)
        desk.start()
        try:
            with sync_playwright() as play:
                browser = play.chromium.launch(executable_path=chromium(), args=list(FLAGS))
                for kind, (name, theme) in DOCS.items():
                    if not only or name in only:
                        page = _reading(browser, desk, theme)
                        page.goto(f"{desk.url}/case?case={cases[kind].id}")
                        page.locator(".d .say.m .score").wait_for(timeout=2 * ANSWER_MS)
                        drawn(page)
                        kept(Image.open(io.BytesIO(page.screenshot())), folder / f"{name}.png")
                        page.context.close()
                if not only or "maps" in only:
                    with desk.worker():
                        kept(_maps(_reading(browser, desk, "light"), desk, cases["image"].id), folder / "maps.png")
                browser.close()
        finally:
            desk.stop()


def kept(picture: Image.Image, path: Path) -> None:
    """In true colours, as wide as a file of that size may be."""
    picture = picture.convert("RGB")
    for wide in WIDTHS_OF_DOCS:
        size = (wide, round(picture.height * wide / picture.width))
        picture.resize(size, Image.Resampling.LANCZOS).save(path, optimize=True)
        if path.stat().st_size < MOST_BYTES:
            break
    print(f"{path}: {path.stat().st_size // 1000} kB", flush=True)


def _reading(browser: Browser, desk: Desk, theme: str) -> Page:
    """The reader's page at a desk."""
    page = browser.new_context(
        viewport={"width": 1440, "height": WIDTHS[1440]},
        color_scheme="dark" if theme == "dark" else "light",
        locale="en-GB",
        bypass_csp=True,
    ).new_page()
    page.goto(f"{desk.url}/login")
    page.locator('input[value="reader"]').check()
    page.locator('form[action="/login"] button').click()
    page.get_by_test_id("stMain").wait_for()
    return page


def _maps(page: Page, desk: Desk, case: int) -> Image.Image:
    """Two maps of a case beside each other, each over what was measured of it."""
    pairs = []
    for method in MAPS:
        page.goto(f"{desk.url}/explain?case={case}&method={method}")
        page.get_by_role("table").filter(has_text="Deletion").wait_for(timeout=4 * ANSWER_MS)
        drawn(page)
        shots = [page.locator(".viewer .well").first, page.get_by_role("table").filter(has_text="Deletion")]
        pairs.append([Image.open(io.BytesIO(shot.screenshot())) for shot in shots])
    wide = max(part.width for pair in pairs for part in pair)
    out = Image.new("RGB", (2 * wide + 24, max(sum(p.height for p in pair) + 12 for pair in pairs)), "white")
    for n, (film, table) in enumerate(pairs):
        out.paste(film, (n * (wide + 24), 0))
        out.paste(table, (n * (wide + 24), film.height + 12))
    return out


class _nobody:
    def __enter__(self) -> None: ...
    def __exit__(self, *_rest: object) -> None: ...


def addresses(clinic: Clinic) -> dict[str, str]:
    """Address of each page by a name for its picture. Fills the worklist, and reads a case of each kind."""
    reader = clinic.sign_in("reader")
    clinic.seed_demo(clinic.sign_in("admin"))
    rows = clinic.worklist(reader, per_page=100).rows
    found = {
        "worklist": "/", "new_case": "/new_case", "train": "/train", "models": "/models", "readers": "/readers",
        "about": "/about",
    }  # fmt: skip
    for task in {r.task for r in rows if r.task}:
        mine = [r for r in rows if r.task == task]
        done = next(r for r in mine if r.state == "reviewed")
        found[f"case_{task}"] = f"/case?case={done.id}"
        if task in ("cxr_pneumonia", "mortality"):
            found[f"read_{task}"] = f"/case?case={next(r.id for r in mine if r.state == 'to_read')}"
            found[f"explain_{task}"] = f"/explain?case={done.id}"
    return found


def trained(clinic: Clinic) -> None:
    """A small training, to its end: curves, a candidate and its comparison."""
    trainer: User = clinic.sign_in("trainer")
    run = clinic.retrain(trainer, "mortality", n=200, recipe={"epochs": 4})
    while clinic.run(trainer, run).state in ("queued", "running"):
        time.sleep(0.5)


def _each(browser: Browser, url: str, pages: dict[str, str]) -> Iterator[tuple[str, Page, str, str, int]]:
    for language in LANGUAGES:
        for theme in THEMES:
            for width, height in WIDTHS.items():
                context = browser.new_context(
                    viewport={"width": width, "height": height},
                    color_scheme="dark" if theme == "dark" else "light",
                    locale={"en": "en-GB", "zh": "zh-CN"}[language],
                    bypass_csp=True,
                )
                page = context.new_page()
                page.goto(f"{url}/login")
                yield "login", page, language, theme, width
                for who in ("reader", "trainer"):
                    page.goto(f"{url}/login")
                    page.locator(f'input[value="{who}"]').check()
                    page.locator('form[action="/login"] button').click()
                    page.get_by_test_id("stMain").wait_for()
                    for name, path in pages.items():
                        if (who == "trainer") == (name in ("train", "models", "readers")):
                            page.goto(url + path)
                            finished(page)
                            yield name, page, language, theme, width
                context.close()


def finished(page: Page) -> None:
    """The page drawn to its end, in a window as high as it."""
    drawn(page)
    tall = page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollHeight")
    size = page.viewport_size
    assert size
    page.set_viewport_size({"width": size["width"], "height": min(4000, max(WIDTHS[size["width"]], tall))})
    page.wait_for_timeout(600)


def drawn(page: Page) -> None:
    """Waits until nothing runs, no skeleton is left and viewers have drawn."""
    page.get_by_test_id("stMain").wait_for()
    try:
        page.wait_for_function(
            """() => document.querySelector('.d') && !document.querySelector('[data-testid^=stSkeleton]')
                && !document.querySelector('[data-testid=stStatusWidget]')""",
            timeout=ANSWER_MS,
        )
    except TooLong:
        print(f"{page.url}: still running", flush=True)
    page.wait_for_timeout(1500)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
