"""A demonstration: each of its cases is decided without scrolling, and it starts again at a click."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from medcore.clinic import Clinic
from medcore.settings import settings
from tests.browser.conftest import sign_in
from tests.browser.test_pages import FIRST_ANSWER_MS, Desk, button, settled

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The five cases, of each of which the reader couldn't tell."""
    made = Desk(tmp_path_factory.mktemp("demonstration"), {"MEDCORE_DEMO": "1"})
    url = f"sqlite:///{made.home}/medcore.sqlite"
    clinic = Clinic(replace(settings(), home=made.home, database_url=url, demo=True))
    clinic.seed_demo(clinic.sign_in("admin"))
    reader = clinic.sign_in("reader")
    for row in clinic.worklist(reader).rows:
        clinic.lock_read(reader, row.id, row.task or "", "")
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize("case", range(1, 6))
def test_a_case_is_decided_without_scrolling(case: int, page: Page, desk: Desk) -> None:
    sign_in(page, desk.url, path=f"/case?case={case}")
    save = button(page, "Save and next")
    save.wait_for(timeout=FIRST_ANSWER_MS)
    page.wait_for_function("() => !document.querySelector('[data-testid^=stSkeleton]')", timeout=FIRST_ANSWER_MS)
    settled(page)
    page.wait_for_timeout(800)
    box = save.bounding_box()
    assert box and box["y"] + box["height"] <= 900


def received(desk: Desk) -> str | None:
    """When the last of the five cases came; None while they are being put back."""
    connection = sqlite3.connect(desk.home / "medcore.sqlite")
    try:
        found = connection.execute("SELECT max(received) FROM cases HAVING count(*) = 5").fetchone()
    except sqlite3.OperationalError:  # the tables are being made anew
        return None
    finally:
        connection.close()
    return found and str(found[0])


def test_it_starts_again_at_a_click(page: Page, desk: Desk) -> None:
    sign_in(page, desk.url)
    page.get_by_text("To read", exact=True).first.wait_for(timeout=60_000)
    button(page, "Start again").click()
    page.get_by_text("5 to read").wait_for(timeout=60_000)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/bytes/" in request.url else None)
    for turn in (1, 2):  # the second time nothing of the first is left: no half read, nothing that the browser kept
        page.goto(f"{desk.url}/case?case=1")
        expect(button(page, "Lock my read and show the model")).to_be_visible(timeout=60_000)
        settled(page)
        expect(page.get_by_label("Comment")).to_have_value("")
        page.get_by_label("Comment").fill("half a thought")
        page.get_by_label("Comment").press("Tab")
        settled(page)
        assert len(asked) == turn
        page.get_by_role("link", name="Worklist").click()
        before = received(desk)
        button(page, "Start again").click()
        for _try in range(300):
            if received(desk) not in (before, None):
                break
            page.wait_for_timeout(200)
        assert received(desk) not in (before, None)
        settled(page)
    assert len(set(asked)) == 2
