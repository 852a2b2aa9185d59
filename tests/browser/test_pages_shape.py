"""Every page: no sideways scrolling at 390 px, no serious barrier in either theme."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from medcore.clinic import Clinic
from medcore.settings import settings
from medcore.simulate.head import head
from medcore.simulate.record import record
from medcore.simulate.thorax import film as simulated_film
from tests.browser.conftest import sign_in
from tests.browser.test_pages import FIRST_ANSWER_MS, Desk, button, settled, stock

pytestmark = pytest.mark.browser
PAGES = ("/", "/new_case", "/new_case?way=record", "/train", "/models", "/readers", "/about", "/explain?case=1")
CASES = tuple(f"/case?case={case}" for case in ("1", "2", "3", "4", "5&compare=6", "7"))
# Streamlit's own, each with what it is. None of these is ours to mend, and none hides anything.
STREAMLIT = {
    "presentation-role-conflict": "the file uploader's hidden input",
    "aria-progressbar-name": "the indicator of a page that is being drawn",
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A demonstration's desk with a case of each kind, read by the reader; two films of one patient, and two records in
    an exercise that the admin is in, which nobody has read."""
    made = Desk(tmp_path_factory.mktemp("shape"), more={"MEDCORE_DEMO": "1"})
    stock(made)
    more(made)
    made.start()
    yield made
    made.stop()


def more(desk: Desk) -> None:
    clinic = Clinic(replace(settings(), home=desk.home, database_url=f"sqlite:///{desk.home}/medcore.sqlite"))
    reader, admin = clinic.sign_in("reader"), clinic.sign_in("admin")
    volume = clinic.admit_inputs(reader, [head(3)[0]], source="demo")
    clinic.lock_read(reader, volume, clinic.open_case(reader, volume).tasks[0], "")
    for seed in (4, 5):
        clinic.admit_inputs(reader, [simulated_film(seed, True)[0]], "A", source="demo")
    records = [clinic.admit_inputs(reader, [record(seed)[0]], source="demo") for seed in (8, 9)]
    for case in records:
        clinic.set_truth(admin, case, "mortality", "survival")
    clinic.join_exercise(admin, clinic.make_exercise(admin, "Thursday", "mortality", records, 0.0))
    assert (volume, records[0]) == (4, 7)


def visitor(browser: Browser, desk: Desk, width: int, theme: str, user: str) -> Page:
    size = {"width": width, "height": 844 if width < 500 else 900}
    page = browser.new_context(viewport=size, color_scheme=theme, bypass_csp=True).new_page()
    sign_in(page, desk.url, user, path="/about")
    return page


def shown(page: Page, desk: Desk, path: str) -> None:
    page.goto(desk.url + path)
    page.locator(".d .top").first.wait_for(timeout=60_000)
    settled(page)
    page.wait_for_function("() => !document.querySelector('[data-testid^=stSkeleton]')", timeout=FIRST_ANSWER_MS)


def test_nothing_scrolls_sideways_on_a_telephone(browser: Browser, desk: Desk) -> None:
    page = visitor(browser, desk, 390, "dark", "reader")
    for path in (*PAGES, *CASES):
        shown(page, desk, path)
        for box in ("document.documentElement", "document.querySelector('[data-testid=stMain]')"):
            wide, seen = page.evaluate(f"() => [{box}.scrollWidth, {box}.clientWidth]")
            assert wide == seen, f"{path}: {box} is {wide} px wide"
    page.context.close()


def test_the_worklists_tools_are_one_row_at_a_desk(browser: Browser, desk: Desk) -> None:
    page = visitor(browser, desk, 1440, "light", "reader")
    shown(page, desk, "/")
    assert button(page, "Start again").is_visible()
    tools = [
        page.get_by_role("radiogroup").first, page.get_by_role("radiogroup").last, page.get_by_role("searchbox"),
        button(page, "Add cases"), page.get_by_role("button", name="Read next case"),
    ]  # fmt: skip
    middles = []
    for tool in tools:
        tool.wait_for()
        box = tool.bounding_box()
        assert box
        middles.append(box["y"] + box["height"] / 2)
    assert max(middles) - min(middles) < 12
    page.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_serious_barrier_on_any_page(theme: str, browser: Browser, desk: Desk) -> None:
    page = visitor(browser, desk, 1440, theme, "admin")
    axe, found = Axe(), list[str]()

    def look(path: str) -> None:
        for violation in axe.run(page).response["violations"]:
            if violation["impact"] in ("serious", "critical") and violation["id"] not in STREAMLIT:
                first = violation["nodes"][0]["html"][:160]
                found.append(f"{path}: {violation['id']} ({len(violation['nodes'])}) {first}")

    page.goto(f"{desk.url}/login")
    look("/login")
    for path in (*PAGES, *CASES):
        shown(page, desk, path)
        if path.startswith(("/case", "/explain")):
            page.locator("canvas[role=img][aria-label], table.rec").first.wait_for(timeout=60_000)
        if path == "/":
            expect(page.get_by_role("button", name=re.compile("^Read next case"))).to_be_enabled()
        look(path)
    page.context.close()
    assert found == []


def test_a_telephone_may_read_and_lock(browser: Browser, desk: Desk) -> None:
    page = visitor(browser, desk, 390, "light", "trainer")
    shown(page, desk, "/case?case=1")
    page.get_by_text("Discharged alive", exact=True).click()
    button(page, "Lock my read and show the model").click()
    page.locator(".d .say.m .score").wait_for(timeout=FIRST_ANSWER_MS)
    page.context.close()
