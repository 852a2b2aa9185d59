"""Sliders over a record: the answer changes while one moves, by mouse and by keys, and the page stays as it is."""

from collections.abc import Iterator
from statistics import median
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import sign_in
from tests.browser.test_pages import FIRST_ANSWER_MS, Desk, stock

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("what_if"))
    stock(made)
    made.start()
    yield made
    made.stop()


def opened(page: Page, desk: Desk) -> None:
    """The record's explanation, with everything drawn; what would be lost with the page is marked."""
    sign_in(page, desk.url, path="/explain?case=1")
    page.locator(".sliders .score").wait_for(timeout=FIRST_ANSWER_MS)
    page.locator(".js-plotly-plot").wait_for(timeout=FIRST_ANSWER_MS)
    page.wait_for_function("() => !document.querySelector('[data-testid^=stSkeleton]')", timeout=FIRST_ANSWER_MS)
    page.evaluate("() => { window.stayed = true; }")


def state(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.locator(".viewer.sliders").evaluate("e => e.viewState")
    return found


def answered(page: Page, times: int) -> None:
    """Waits until so many questions have been answered."""
    root = page.locator(".viewer.sliders").element_handle()
    page.wait_for_function("([e, n]) => e.viewState.took.length >= n", arg=[root, times], timeout=30_000)


def test_the_answer_changes_while_a_slider_moves(page: Page, desk: Desk) -> None:
    frames: list[bytes | str] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: frames.append(frame)))
    opened(page, desk)
    page.wait_for_timeout(1500)
    frames.clear()
    before, slider = state(page)["told"], page.get_by_label("Coma score", exact=True)
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box and slider.input_value() == "0"
    page.mouse.move(box["x"] + 8, box["y"] + box["height"] / 2)
    page.mouse.down()
    seen = []
    for n in range(1, 6):
        page.mouse.move(box["x"] + n * box["width"] / 6, box["y"] + box["height"] / 2)
        answered(page, n)
        seen.append(state(page)["told"]["p"])
    # The button is still down.
    assert len(set(seen)) == 5 and seen[-1] != before["p"]
    expect(page.locator(".sliders .told")).to_contain_text("points of 100")
    page.mouse.up()
    assert page.evaluate("() => window.stayed") and frames == []  # nothing was asked of the page's own server
    assert median(state(page)["took"]) < 1000  # some 30 ms where nothing else runs
    page.get_by_role("button", name="Coma score as recorded").click()
    expect(page.locator(".sliders .told")).to_contain_text("As recorded")
    assert slider.input_value() == "0"
    answered(page, 6)
    assert state(page)["told"]["p"] == before["p"] and state(page)["values"] == {}


def test_keys_move_a_value_and_give_one_that_was_not_measured(page: Page, desk: Desk) -> None:
    opened(page, desk)
    absent = page.locator(".row.absent input").first
    name = absent.get_attribute("id") or ""
    assert absent.get_attribute("aria-valuetext") == "not measured"
    absent.focus()
    page.keyboard.press("ArrowRight")
    answered(page, 1)
    assert list(state(page)["values"]) == [name.removeprefix("value-")]
    assert page.locator(f'[id="{name}"]').get_attribute("aria-valuetext") != "not measured"
    page.locator(".sliders").get_by_role("button", name="Reset", exact=True).click()
    answered(page, 2)
    assert state(page)["values"] == {} and state(page)["told"]["change"] == "As recorded"
    assert page.locator(f'[id="{name}"]').get_attribute("aria-valuetext") == "not measured"


def test_every_control_has_a_name_and_the_answer_stays_in_sight_on_a_telephone(browser: Browser, desk: Desk) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark", bypass_csp=True)
    page = context.new_page()
    opened(page, desk)
    names = page.locator(".sliders input, .sliders select").evaluate_all("all => all.map(e => e.labels[0].textContent)")
    assert len(names) > 10 and all(names) and len(set(names)) == len(names)
    last = page.locator(".sliders input").last
    last.scroll_into_view_if_needed()
    page.locator("[data-testid=stMain]").evaluate("(e, y) => e.scrollBy(0, y)", last.bounding_box()["y"] - 400)  # type: ignore[index]
    box = page.locator(".sliders .score").bounding_box()
    assert box and 50 <= box["y"] < 844
    context.close()
