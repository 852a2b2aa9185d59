"""The ECG's measurements and calipers, a film's side and words, and two viewers that move together."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.test_viewers import Traffic, at_film, drag, ink, opened, pixel, press, settled, view

pytestmark = pytest.mark.browser


def figures(page: Page) -> dict[str, str]:
    """What the strip of measurements says."""
    page.locator(".measures dl").wait_for()
    rows = page.locator(".measures dl div").evaluate_all(
        "all => all.map(d => [d.querySelector('dt').textContent, d.querySelector('dd').textContent])"
    )
    return {name: value.replace("\u202f", " ") for name, value in rows}


def views(page: Page) -> list[dict[str, Any]]:
    """What each of two viewers shows."""
    settled(page)
    return list(page.locator(".viewer").evaluate_all("all => all.map(e => e.viewState)"))


def beside(page: Page, url: str, **query: object) -> None:
    """The gallery with two viewers that have drawn."""
    page.goto(f"{url}/?{'&'.join(f'{k}={v}' for k, v in query.items())}")
    for n in range(2):
        page.locator(".viewer").nth(n).get_by_role("button", name="Move together").wait_for()


# measurements


def test_figures_name_their_lead_and_say_what_is_not_measurable(page: Page, gallery: str) -> None:
    opened(page, gallery, show="ecg", of="twelve", measure=1)
    found = figures(page)
    assert found["Rate"] == "75 /min"
    assert (found["PR"], found["QRS"], found["QT"]) == ("not measurable", "94 ms", "392 ms")
    assert (found["QTc Bazett"], found["QTc Fridericia"]) == ("431 ms", "418 ms")
    assert found["Measured in"] == "II"
    assert found["I + III \u2212 II"] == "0.004 mV"
    opened(page, gallery, show="ecg", of="paced", measure=1)
    assert figures(page)["QTc Bazett"] == "not measurable"
    assert page.get_by_text("The arm leads may be swapped.").is_visible()


def test_without_measurements_the_strip_is_left_out(context: Any, gallery: str) -> None:
    page = context.new_page()  # its 404 is an error in the console, and meant
    with page.expect_response("**/measure/gap") as answered:
        opened(page, gallery, show="ecg", of="gap", measure=1)
    assert answered.value.status == 404
    settled(page)
    assert page.locator(".measures dl").count() == 0
    assert not page.locator(".beats").is_visible()
    assert view(page)["beatsHere"] is None


def test_beats_are_marked_on_the_rhythm_strip(page: Page, gallery: str) -> None:
    opened(page, gallery, show="ecg", of="paced", measure=1)
    figures(page)
    state = view(page)
    assert state["beatsHere"] == pytest.approx([0.4 + 0.8 * i for i in range(12)], abs=0.01)
    mm, height = state["mm"], page.locator(".well canvas").evaluate("c => c.clientHeight")
    where = [(10 + 25 * t) * mm for t in state["beatsHere"]]
    marked = [ink(page, x - 4, height - 13, 8, 6) for x in where]
    assert min(marked[:10]) >= 12
    press(page, "Beats")
    assert max(ink(page, x - 4, height - 13, 8, 6) for x in where[:10]) == 0


def test_average_beat_of_each_lead_carries_the_attention(page: Page, gallery: str) -> None:
    opened(page, gallery, show="ecg", of="paced", measure=1, map=1)
    figures(page)
    settled(page)
    assert view(page)["averageHere"] == 12
    canvas = page.locator(".beats canvas")
    label = canvas.get_attribute("aria-label") or ""
    assert label.startswith("Average beat in each lead, 25 mm/s, 4 mm/mV: I, II, III, aVR")

    def coloured() -> int:
        return int(
            canvas.evaluate(
                """c => { const p = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; let n = 0;
                   for (let i = 0; i < p.length; i += 4) n += p[i + 3] > 200 && p[i] > p[i + 2] + 60; return n }"""
            )
        )

    assert coloured() > 300
    # The map marks 100 samples before and after one R peak: of these 30 lie in P, 50 in QRS and 75,
    # less what smoothing carries over into T, in ST.
    caption = page.locator(".beats .caption")
    assert "Attention: P 15 %, QRS 25 %, ST 36 %, T 2 %" in (caption.text_content() or "").replace("\u202f", " ")
    press(page, "Off")
    assert coloured() == 0
    assert "QRS" not in (caption.text_content() or "")


def test_figures_come_after_the_recording(page: Page, gallery: str) -> None:
    held: list[Route] = []
    page.route("**/measure/**", lambda route: held.append(route))
    with page.expect_request("**/measure/**"):
        opened(page, gallery, show="ecg", of="twelve", measure=1)
    assert view(page)["rows"] == 4
    assert page.locator(".measures dl").count() == 0
    held[0].continue_()
    assert figures(page)["Rate"] == "75 /min"


def test_the_keyboard_stays_where_it_was_when_the_figures_come(page: Page, gallery: str) -> None:
    held: list[Route] = []
    page.route("**/measure/**", lambda route: held.append(route))
    page.set_viewport_size({"width": 390, "height": 844})
    opened(page, gallery, show="ecg", of="twelve", measure=1)
    press(page, "More")
    page.get_by_role("button", name="50 mm/s").press("Enter")
    held[0].continue_()
    figures(page)
    expect(page.get_by_role("button", name="50 mm/s")).to_be_focused()
    expect(page.get_by_role("button", name="More")).to_have_attribute("aria-expanded", "true")


def test_figures_that_did_not_come_are_asked_for_again(context: Any, gallery: str) -> None:
    page = context.new_page()  # its 503 is an error in the console, and meant
    page.route("**/measure/twelve", lambda route: route.fulfill(status=503), times=1)
    with page.expect_response("**/measure/twelve"):
        opened(page, gallery, show="ecg", of="twelve", measure=1)
    settled(page)
    assert page.locator(".measures dl").count() == 0
    page.get_by_text("Another case").click()
    expect(page.locator(".measures dl")).to_contain_text("not measurable")
    page.get_by_text("Another case").click()
    expect(page.locator(".measures dl")).to_contain_text("392")


def test_figures_that_come_late_are_not_those_of_another_case(page: Page, gallery: str) -> None:
    held: list[Route] = []
    page.route("**/measure/**", lambda route: held.append(route))
    with page.expect_request("**/measure/twelve"):
        opened(page, gallery, show="ecg", of="twelve", measure=1)
    again = """async (e, more) => e.viewer.show({...JSON.parse(e.shown), measure: null, key: "other", ...more})"""
    page.locator(".viewer").evaluate(again, {"input": "/bytes/input/paced"})
    with page.expect_response("**/measure/twelve"):
        held[0].continue_()
    settled(page)
    page.locator(".viewer").evaluate(again, {"input": "/bytes/input/paced", "label": "Another label"})
    assert page.locator(".measures dl").count() == 0


# calipers


def test_each_handle_can_be_moved_by_itself_and_both_together(page: Page, gallery: str) -> None:
    opened(page, gallery, show="ecg", of="one")
    mm = view(page)["mm"]
    box = page.locator(".well canvas").bounding_box()
    assert box
    drag(page, 25 * mm, 0, at=(0.3, 0.2))
    was = view(page)["legs"]
    drag(page, 12.5 * mm, -5 * mm, at=(0.3 + 25 * mm / box["width"], 0.2))  # the right handle
    now = view(page)["legs"]
    assert now["t0"] == was["t0"]
    assert now["t1"] - was["t1"] == pytest.approx(0.5, abs=0.01)
    assert now["v1"] - was["v1"] == pytest.approx(0.5, abs=0.02)
    assert view(page)["measured"].replace("\u202f", " ") == "1500 ms  40 /min  0.50 mV"
    drag(page, 5 * mm, 0, at=(0.3 + 15 * mm / box["width"], 26 / box["height"]))  # the line between them
    both = view(page)["legs"]
    assert [both[k] - now[k] for k in ("t0", "t1")] == pytest.approx([0.2, 0.2], abs=0.01)
    assert both["v1"] == now["v1"]


def test_calipers_are_set_and_moved_by_keys_alone(page: Page, gallery: str) -> None:
    opened(page, gallery, show="ecg", of="twelve")
    canvas = page.locator(".well canvas")
    canvas.focus()
    for key in ("c", "ArrowRight", "ArrowUp", "ArrowUp", "Shift+ArrowLeft"):
        page.keyboard.press(key)
    settled(page)
    assert view(page)["measured"].replace("\u202f", " ") == "820 ms  73 /min  0.10 mV"
    assert view(page)["legs"]["row"] == 3
    page.keyboard.press("PageDown")
    settled(page)
    legs = view(page)["legs"]
    assert (legs["row"], legs["cell"]["lead"]) == (0, 3)  # from the rhythm strip to the next column: aVR
    assert view(page)["measured"].startswith("820 ms")
    page.keyboard.press("PageUp")
    settled(page)
    assert view(page)["legs"]["row"] == 3


def test_a_finger_measures_and_still_scrolls_the_page(browser: Browser, gallery: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, bypass_csp=True)
    page = context.new_page()
    opened(page, gallery, show="ecg", of="twelve")
    canvas = page.locator(".well canvas")
    assert canvas.evaluate("c => getComputedStyle(c).touchAction") == "pan-y"
    press(page, "Calipers")
    assert canvas.evaluate("c => getComputedStyle(c).touchAction") == "none"
    context.close()


# before anything is drawn


@pytest.mark.parametrize("query", [{"of": "film"}, {"show": "ecg", "of": "one"}])
def test_a_picture_has_a_name_before_it_is_drawn(page: Page, gallery: str, query: dict[str, str]) -> None:
    held: list[Route] = []
    page.route("**/bytes/input/**", lambda route: held.append(route))
    page.goto(f"{gallery}/?{'&'.join(f'{k}={v}' for k, v in query.items())}")
    expect(page.locator(".well canvas")).to_have_attribute("aria-label", re.compile("^Loading"))
    held[0].continue_()
    expect(page.get_by_role("toolbar", name="ECG" if "show" in query else "Film")).to_be_visible()


# films


def test_the_side_of_the_body_is_shown_where_the_file_says_it(page: Page, gallery: str) -> None:
    opened(page, gallery, sides=1)
    shown = {c: page.locator(c).inner_text() for c in (".edge.l", ".edge.r", ".lat")}
    assert shown == {".edge.l": "R", ".edge.r": "L", ".lat": "R"}
    label = page.locator(".well canvas").get_attribute("aria-label") or ""
    assert "Side of the body, as the file says: R" in label
    assert "Left edge of the picture: R; right edge: L" in label
    opened(page, gallery)
    assert page.locator(".lat").count() == 0
    assert page.locator(".edge:visible").count() == 0


def test_the_map_can_be_had_as_words(page: Page, gallery: str) -> None:
    opened(page, gallery, map=1)
    heat = at_film(page, 82, 302)
    press(page, "Words")
    assert at_film(page, 82, 302) != heat
    assert view(page)["overlay"] == "words"
    label = page.locator(".well canvas").get_attribute("aria-label") or ""
    assert "Right lower zone, 64 %" in label
    plates = page.locator(".well canvas").evaluate(
        """c => { const p = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; let n = 0;
           for (let i = 0; i < p.length; i += 4) n += p[i] > 220 && p[i + 1] > 190 && p[i + 2] < 130; return n }"""
    )
    assert plates > 400


def test_one_end_of_the_ruler_can_be_moved(page: Page, gallery: str) -> None:
    opened(page, gallery)
    press(page, "Ruler")
    scale = view(page)["scale"]
    drag(page, 100 * scale, 0, at=(0.4, 0.5))
    box = page.locator(".well canvas").bounding_box()
    assert box
    drag(page, 50 * scale, 0, at=(0.4 + 100 * scale / box["width"], 0.5))
    assert view(page)["rulerText"] == "30.0 mm"


# two together


def test_two_films_are_zoomed_and_moved_together(page: Page, gallery: str) -> None:
    traffic = Traffic(page)
    beside(page, gallery, of="film", beside="monochrome1")
    with traffic.none(page):
        first = page.locator(".viewer").first
        for name in ("Zoom in", "Lung", "Pan", "Invert"):
            first.get_by_role("button", name=name, exact=True).click()
        box = first.locator("canvas").bounding_box()
        assert box
        page.mouse.move(box["x"] + 150, box["y"] + 150)
        page.mouse.down()
        page.mouse.move(box["x"] + 190, box["y"] + 120)
        page.mouse.up()
        a, b = views(page)
        assert b["scale"] == pytest.approx(a["scale"])
        assert (b["x"], b["y"]) == pytest.approx((a["x"], a["y"]))
        assert a["x"] < 140
        assert (b["preset"], b["invert"], b["tool"]) == ("lung", True, "level")
        page.locator(".viewer").nth(1).get_by_role("button", name="Move together").click()
        first.get_by_role("button", name="Fit", exact=True).click()
        a, b = views(page)
        assert a["x"] == 150
        assert b["x"] < 140
        assert first.get_by_role("button", name="Move together").get_attribute("aria-pressed") == "false"


def test_two_recordings_scroll_together(page: Page, gallery: str) -> None:
    beside(page, gallery, show="ecg", of="minute", beside="pressure")
    second = page.locator(".viewer").nth(1)
    second.get_by_role("button", name="20 mm/mV", exact=True).click()
    second.get_by_role("button", name="50 mm/s", exact=True).click()
    second.get_by_role("button", name="Later", exact=True).click()
    a, b = views(page)
    assert (a["gain"], a["speed"], a["start"]) == (20, 50, 10)
    assert (b["gain"], b["speed"], b["start"]) == (20, 50, 10)


# records


def test_a_record_shows_what_changed_since_the_last(page: Page, gallery: str) -> None:
    page.goto(f"{gallery}/?show=record&before=1")
    table = page.get_by_role("table", name="Values of this patient")
    table.wait_for()
    assert "Since REC-0001" in table.inner_text()
    cells = table.locator("tbody td.chg").all_inner_texts()
    assert cells == ["\u22120.8", "same", "was Male", ""]
    page.set_viewport_size({"width": 390, "height": 844})
    assert table.locator("td.chg:visible").count() == 0
    assert table.locator("tbody span.chg:visible").first.inner_text() == "\u22120.8"


def test_theme_reaches_the_average_beat(page: Page, gallery: str) -> None:
    opened(page, gallery, show="ecg", of="paced", measure=1)
    figures(page)
    light = pixel(page, 300, 3)
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(1500)
    assert sum(pixel(page, 300, 3)) < sum(light)
    bright = page.locator(".beats canvas").evaluate(
        """c => { const p = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; let n = 0;
           for (let i = 0; i < p.length; i += 4) n += p[i + 3] > 200 && p[i] > 180; return n }"""
    )
    assert bright > 200
