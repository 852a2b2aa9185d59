"""The viewers in a real browser: what they draw, that they ask the server for nothing, and that all can use them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, WebSocket, expect

pytestmark = pytest.mark.browser


def view(page: Page) -> dict[str, Any]:
    """What the viewer shows, as it tells itself."""
    state = page.locator(".viewer").evaluate("e => e.viewState")
    assert isinstance(state, dict)
    return state


def opened(page: Page, url: str, **query: object) -> None:
    """The gallery with one viewer that has drawn."""
    page.goto(f"{url}/?{'&'.join(f'{k}={v}' for k, v in query.items())}")
    page.locator(".viewer").wait_for()
    page.wait_for_function(
        """() => { const seek = (r) => [...r.querySelectorAll('*')].some(
             (e) => e.viewState?.ready || (e.shadowRoot && seek(e.shadowRoot))); return seek(document) }"""
    )
    settled(page)


def settled(page: Page) -> None:
    """Two frames later: what was asked for is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def pixel(page: Page, x: float, y: float) -> list[int]:
    """Red, green, blue of the canvas at CSS pixels."""
    return list(
        page.locator(".well canvas").evaluate(
            """(c, [x, y]) => { const d = c.width / c.clientWidth;
               const p = c.getContext('2d').getImageData(Math.round(x * d), Math.round(y * d), 1, 1);
               return [...p.data.slice(0, 3)] }""",
            [x, y],
        )
    )


def ink(page: Page, x: float, y: float, width: float, height: float) -> int:
    """Number of dark pixels (the ink on light paper) in a rectangle of the canvas, in CSS pixels."""
    return int(
        page.locator(".well canvas").evaluate(
            """(c, [x, y, w, h]) => { const d = c.width / c.clientWidth;
               const p = c.getContext('2d').getImageData(x * d, y * d, Math.max(1, w * d), Math.max(1, h * d)).data;
               let n = 0; for (let i = 0; i < p.length; i += 4) n += p[i] + p[i + 1] + p[i + 2] < 240; return n }""",
            [x, y, width, height],
        )
    )


def at_film(page: Page, column: float, row: float) -> list[int]:
    """Colour of the canvas where a pixel of the film is drawn."""
    state, box = view(page), page.locator(".well canvas").bounding_box()
    assert box
    scale = state["scale"]
    return pixel(page, box["width"] / 2 + (column - state["x"]) * scale, box["height"] / 2 + (row - state["y"]) * scale)


def drag(page: Page, dx: float, dy: float, at: tuple[float, float] = (0.5, 0.5), button: Any = "left") -> None:
    """A drag on the canvas from a place given as shares of its size."""
    box = page.locator(".well canvas").bounding_box()
    assert box
    x, y = box["x"] + at[0] * box["width"], box["y"] + at[1] * box["height"]
    page.mouse.move(x, y)
    page.mouse.down(button=button)
    for step in range(1, 11):
        page.mouse.move(x + dx * step / 10, y + dy * step / 10)
    page.mouse.up(button=button)
    settled(page)


def press(page: Page, name: str) -> None:
    page.locator(".viewer").get_by_role("button", name=name, exact=True).click()
    settled(page)


class Traffic:
    """Counts requests, and frames on websockets, from when it is made."""

    def __init__(self, page: Page) -> None:
        self.asked: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("websocket", self.socket)

    def socket(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda _data: self.asked.append("frame sent"))
        socket.on("framereceived", lambda _data: self.asked.append("frame received"))

    @contextmanager
    def none(self, page: Page) -> Iterator[None]:
        """Nothing may pass inside."""
        page.wait_for_timeout(500)
        assert "frame received" in self.asked, "the websocket is not being watched"
        before = len(self.asked)
        yield
        page.wait_for_timeout(300)
        assert self.asked[before:] == []


# films


def test_no_view_change_of_a_film_reaches_the_server(page: Page, gallery: str) -> None:
    traffic = Traffic(page)
    opened(page, gallery, map=1)
    with traffic.none(page):
        before = view(page)
        drag(page, 60, 30)
        after = view(page)
        assert after["high"] - after["low"] > before["high"] - before["low"]
        assert after["preset"] == ""
        page.mouse.wheel(0, -300)
        settled(page)
        assert view(page)["scale"] > after["scale"]
        for name in (
            "Lung",
            "Invert",
            "Fit",
            "1:1",
            "Zoom in",
            "Zoom out",
            "Pan",
            "Ruler",
            "Contour",
            "Words",
            "Off",
            "Heat",
        ):
            press(page, name)
        drag(page, 50, 0)
        page.get_by_role("slider", name="Opacity").fill("90")
        page.locator(".well canvas").press("o")
        page.locator(".well canvas").press("ArrowRight")
        settled(page)
    state = view(page)
    assert (state["overlay"], state["opacity"], state["tool"]) == ("contour", 0.9, "ruler")


def test_film_is_drawn_right_way_up_with_its_true_greys(page: Page, gallery: str) -> None:
    opened(page, gallery)
    shown = view(page)
    for column, row, stored in ((50, 50, 3600), (50, 350, 400 + 3200 * 50 / 299), (200, 200, 400 + 3200 * 200 / 299)):
        expected = 255 * (stored - 400 - shown["low"]) / (shown["high"] - shown["low"])
        found = at_film(page, column + 0.5, row + 0.5)
        assert found[0] == found[1] == found[2] == pytest.approx(min(255, max(0, expected)), abs=4)


def test_monochrome1_is_drawn_like_monochrome2(page: Page, gallery: str) -> None:
    places = ((50, 50), (50, 350), (150, 200), (250, 100))
    opened(page, gallery)
    usual = [at_film(page, *place)[0] for place in places]
    opened(page, gallery, of="monochrome1")
    assert [at_film(page, *place)[0] for place in places] == pytest.approx(usual, abs=3)


def test_invert_and_presets_change_the_greys(page: Page, gallery: str) -> None:
    opened(page, gallery)
    was = at_film(page, 150, 200)[0]
    page.locator(".well canvas").press("i")
    settled(page)
    assert at_film(page, 150, 200)[0] == pytest.approx(255 - was, abs=2)
    press(page, "Invert")
    press(page, "Lung")
    assert at_film(page, 150, 200)[0] > was
    page.locator(".well canvas").press("0")
    settled(page)
    assert at_film(page, 150, 200)[0] == was
    assert view(page)["preset"] == "auto"


def test_a_files_window_is_kept_unless_it_is_the_whole_range(page: Page, gallery: str) -> None:
    opened(page, gallery, of="windowed")  # grey values run from 400 on
    assert (view(page)["low"], view(page)["high"]) == (300, 1900)
    opened(page, gallery, of="whole")
    assert view(page)["preset"] == "auto"
    assert 0 < view(page)["low"] < 200 and 3000 < view(page)["high"] <= 3200  # 3 to 99 of 100 pixels


def test_colour_is_drawn_as_it_is(page: Page, gallery: str) -> None:
    opened(page, gallery, of="colour")
    assert at_film(page, 30, 100) == [200, 40, 30]
    assert at_film(page, 170, 100) == [20, 60, 180]
    assert page.get_by_role("button", name="Lung").count() == 0


def test_ruler_speaks_millimetres_only_where_the_spacing_is_known(page: Page, gallery: str) -> None:
    opened(page, gallery)
    press(page, "Ruler")
    scale = view(page)["scale"]
    drag(page, 100 * scale, 0)
    assert view(page)["rulerText"] == "20.0 mm"
    opened(page, gallery, of="monochrome1")
    press(page, "Ruler")
    drag(page, 100 * view(page)["scale"], 0)
    assert view(page)["rulerText"] == "100 px, not calibrated"


def test_zoom_keeps_the_place_under_the_pointer_and_pan_moves_with_it(page: Page, gallery: str) -> None:
    opened(page, gallery)
    press(page, "Pan")
    state = view(page)
    drag(page, 40, -30)
    moved = view(page)
    assert (state["x"] - moved["x"]) * state["scale"] == pytest.approx(40, abs=0.5)
    assert (moved["y"] - state["y"]) * state["scale"] == pytest.approx(30, abs=0.5)
    press(page, "1:1")
    assert view(page)["zoom"] == 100


def test_a_wheel_and_two_fingers_zoom_a_film_about_their_place(browser: Browser, gallery: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, bypass_csp=True)
    page = context.new_page()
    opened(page, gallery)
    before = view(page)
    box = page.locator(".well canvas").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = context.new_cdp_session(page)
    for kind, apart in (("touchStart", 20), ("touchMove", 40), ("touchMove", 80), ("touchEnd", 0)):
        points = [{"x": x + s * apart, "y": y, "id": i} for i, s in enumerate((-1, 1))] if apart else []
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    settled(page)
    pinched = view(page)
    assert pinched["scale"] == pytest.approx(4 * before["scale"], rel=0.1)
    assert (pinched["x"], pinched["y"]) == pytest.approx((before["x"], before["y"]), abs=12)
    assert (pinched["low"], pinched["high"]) == (before["low"], before["high"])
    page.mouse.move(box["x"] + 40, box["y"] + 30)
    page.mouse.wheel(0, -200)
    settled(page)
    wheeled = view(page)
    assert wheeled["scale"] > 1.4 * pinched["scale"]
    for at, of in (("x", 40 - box["width"] / 2), ("y", 30 - box["height"] / 2)):  # what lay there lies there still
        assert wheeled[at] + of / wheeled["scale"] == pytest.approx(pinched[at] + of / pinched["scale"], abs=0.5)
    context.close()


def test_attention_leaves_low_values_untouched_and_is_numbered(page: Page, gallery: str) -> None:
    opened(page, gallery)
    plain, far = at_film(page, 82, 302), at_film(page, 150, 390)
    assert page.get_by_role("group", name="Attention").count() == 0
    opened(page, gallery, map=1)
    red, _green, blue = at_film(page, 82, 302)
    assert red > plain[0] + 40
    assert red > blue + 40
    assert at_film(page, 150, 390) == far
    regions = view(page)["regions"]
    assert [round(r["x"], 1) for r in regions] == [0.3, 0.7]
    assert [round(r["y"], 1) for r in regions] == [0.8, 0.2]
    assert sum(r["share"] for r in regions) == pytest.approx(1, abs=0.05)
    press(page, "Off")
    assert at_film(page, 82, 302) == plain
    label = page.locator(".well canvas").get_attribute("aria-label") or ""
    assert "Region" not in label


def test_a_mask_lies_in_its_place_and_is_shown_and_hidden_without_the_server(page: Page, gallery: str) -> None:
    opened(page, gallery)
    bare, between = at_film(page, 75, 160), at_film(page, 145, 160)
    assert page.get_by_role("button", name="Mask").count() == 0
    traffic = Traffic(page)
    opened(page, gallery, mask=1)
    assert [url for url in traffic.asked if "/bytes/mask" in url]
    with traffic.none(page):
        filled = at_film(page, 75, 160)
        assert filled[2] > filled[0] + 20, "blue over grey"
        assert at_film(page, 145, 160) == between
        edge = [at_film(page, 90 + off, 160) for off in (-0.6, -0.3, 0, 0.3, 0.6)]
        assert max(p[2] - p[0] for p in edge) > filled[2] - filled[0] + 20, "an outline round the fill"
        legend, canvas = page.locator(".legend"), page.locator(".well canvas")
        assert legend.inner_text().split("\n") == ["Lungs", "6.0 % of the picture"]
        assert "Mask: Lungs, 6.0 % of the picture" in (canvas.get_attribute("aria-label") or "")
        press(page, "Mask")
        assert (at_film(page, 75, 160), view(page)["mask"]) == (bare, False)
        assert legend.inner_text() == "" and "Lungs" not in (canvas.get_attribute("aria-label") or "")
        canvas.press("m")
        settled(page)
        assert at_film(page, 75, 160) == filled
        assert page.get_by_role("button", name="Mask", exact=True).get_attribute("aria-pressed") == "true"
        page.get_by_role("slider", name="Mask: Opacity").fill("100")
        settled(page)
        assert at_film(page, 75, 160) == pytest.approx([0x56, 0xB4, 0xE9], abs=3)
        page.get_by_role("slider", name="Mask: Opacity").fill("0")
        settled(page)
        assert at_film(page, 75, 160) == bare


def test_a_mask_and_the_attention_are_switched_each_by_itself(page: Page, gallery: str) -> None:
    opened(page, gallery, mask=1, map=1)
    canvas = page.locator(".well canvas")
    assert at_film(page, 82, 302)[0] > at_film(page, 82, 302)[2] + 40, "heat, where no mask lies"
    canvas.press("o")
    settled(page)
    assert (view(page)["overlay"], view(page)["mask"]) == ("contour", True)
    canvas.press("m")
    settled(page)
    assert (view(page)["overlay"], view(page)["mask"]) == ("contour", False)
    press(page, "Words")
    assert page.locator(".legend").inner_text() == "Regions by their share of the model’s attention"


def test_no_map_is_fetched_before_there_is_one(page: Page, gallery: str) -> None:
    traffic = Traffic(page)
    opened(page, gallery)
    assert not [url for url in traffic.asked if "/bytes/map" in url]


def test_a_rerun_keeps_the_view_and_sends_nothing_again(page: Page, gallery: str) -> None:
    opened(page, gallery)
    drag(page, 80, 20)
    page.mouse.wheel(0, -200)
    settled(page)
    before, traffic = view(page), Traffic(page)
    page.get_by_role("button", name="Run again").click()
    page.get_by_text("Runs: 1").wait_for()
    settled(page)
    assert view(page) == before
    assert not [url for url in traffic.asked if "/bytes/" in url]


def test_a_viewer_stops_when_it_is_removed_and_not_when_an_older_run_ends(page: Page, gallery: str) -> None:
    page.add_init_script(
        """window.modules = []; window.ended = 0;
           const [make, remove] = [URL.createObjectURL, window.removeEventListener];
           URL.createObjectURL = (blob) => {
             const url = make(blob);
             if (blob.type === "text/javascript") modules.push(url);
             return url;
           };
           window.removeEventListener = function (name, ...rest) {
             ended += name === "medcore-linked";
             remove.call(window, name, ...rest);
           };"""
    )
    opened(page, gallery)
    page.locator(".viewer").evaluate(
        """async (root) => {
             const { default: run } = await import(modules[0]);
             const end = run({ data: JSON.parse(root.shown), parentElement: root.parentNode });
             end();
           }"""
    )
    width = page.locator(".well canvas").evaluate("c => c.clientWidth")
    page.set_viewport_size({"width": 1000, "height": 900})
    page.wait_for_function("() => innerWidth === 1000")
    page.wait_for_timeout(300)
    assert page.locator(".well canvas").evaluate("c => c.clientWidth") < width - 100
    assert page.evaluate("ended") == 0
    page.get_by_text("Another case").click()
    page.wait_for_function("() => ended === 1")


def test_another_case_begins_with_its_own_view(page: Page, gallery: str) -> None:
    opened(page, gallery)
    press(page, "Lung")
    press(page, "Zoom in")
    page.get_by_text("Another case").click()
    page.wait_for_timeout(1500)
    state = view(page)
    assert (state["preset"], state["invert"]) == ("auto", False)
    assert "not calibrated" not in state["rulerText"]


def test_a_film_that_cannot_be_loaded_says_so_and_can_be_tried_again(context: Any, gallery: str) -> None:
    page = context.new_page()  # its 404 is an error in the console, and meant
    page.goto(f"{gallery}/?of=missing")
    page.get_by_text("This could not be loaded.").wait_for()
    with page.expect_request("**/bytes/input/missing"):
        page.get_by_role("button", name="Try again").click()


# ECGs


def test_no_view_change_of_an_ecg_reaches_the_server(page: Page, gallery: str) -> None:
    traffic = Traffic(page)
    opened(page, gallery, show="ecg", of="twelve", map=1, measure=1)
    page.locator(".measures dl").wait_for()
    with traffic.none(page):
        for name in ("5", "20 mm/mV", "50 mm/s", "25", "All leads", "3 × 4", "Band", "Off", "On trace", "Beats"):
            press(page, name)
        press(page, "Calipers")
        drag(page, 90, 0)
        for key in ("ArrowLeft", "Shift+ArrowLeft", "ArrowUp", "PageDown", "o", "b", "+"):
            page.locator(".well canvas").press(key)
        settled(page)
    assert view(page)["calipers"]
    assert view(page)["attention"] == "band"


def test_paper_is_to_scale_and_every_lead_is_there(page: Page, gallery: str) -> None:
    opened(page, gallery, show="ecg", of="twelve")
    width = page.locator(".well canvas").evaluate("c => c.clientWidth")
    state = view(page)
    assert state["mm"] == pytest.approx(width / 260)
    assert f"{width / 260:.2f} px per mm" in (page.locator(".viewer .foot").text_content() or "")
    assert state["rows"] == 4
    press(page, "All leads")
    assert view(page)["rows"] == 12
    press(page, "50 mm/s")
    assert view(page)["rows"] == 24
    assert view(page)["mm"] == pytest.approx(width / 260)


@pytest.mark.parametrize(("of", "rows"), [("one", 3), ("minute", 7)])
def test_one_lead_is_laid_in_rows_of_ten_seconds(page: Page, gallery: str, of: str, rows: int) -> None:
    opened(page, gallery, show="ecg", of=of)
    assert view(page)["rows"] == rows


def test_every_row_has_its_calibration_pulse(page: Page, gallery: str) -> None:
    for of in ("twelve", "minute", "pressure"):
        opened(page, gallery, show="ecg", of=of)
        state = view(page)
        height = page.locator(".well canvas").evaluate("c => c.clientHeight") / state["rows"]
        for row in range(state["rows"]):
            # the right flank of the pulse, 6.8 mm from the left edge, rises for 10 mm
            strip = ink(page, 6.3 * state["mm"], row * height, state["mm"], height)
            assert strip >= 9 * state["mm"], (of, row)


def test_calipers_measure_time_rate_and_voltage(page: Page, gallery: str) -> None:
    opened(page, gallery, show="ecg", of="one")
    mm = view(page)["mm"]
    drag(page, 25 * mm, -8 * mm, at=(0.3, 0.2))
    assert view(page)["measured"].replace("\u202f", " ") == "1000 ms  60 /min  0.80 mV"
    page.locator(".well canvas").press("ArrowLeft")
    settled(page)
    assert view(page)["measured"].startswith("990 ms")
    page.locator(".well canvas").press("Shift+ArrowRight")
    settled(page)
    assert view(page)["measured"].startswith("980 ms")
    assert "980 ms" in (page.locator(".viewer [aria-live]").text_content() or "")
    press(page, "50 mm/s")
    drag(page, 25 * mm, 0, at=(0.3, 0.2))
    assert view(page)["measured"].startswith("500 ms")


def test_what_was_not_recorded_is_a_gap(page: Page, gallery: str) -> None:
    opened(page, gallery, show="ecg", of="gap")
    state = view(page)
    height = page.locator(".well canvas").evaluate("c => c.clientHeight") / state["rows"]
    second = 25 * state["mm"]
    left = 10 * state["mm"]
    assert ink(page, left + 4.05 * second, 20, 1.9 * second, height - 20) == 0
    assert ink(page, left + 2.05 * second, 20, 1.9 * second, height - 20) > 100


def test_a_lead_in_another_unit_is_labelled_and_never_at_the_gain_of_mv(page: Page, gallery: str) -> None:
    opened(page, gallery, show="ecg", of="pressure")

    def rows() -> list[str]:
        return list(
            page.locator(".well canvas").evaluate(
                """(c, n) => { const h = Math.floor(c.height / n), left = Math.round(c.width * 0.05);
                   return Array.from({length: 2}, (_x, i) => { const p = c.getContext('2d')
                     .getImageData(left, i * h + 60, c.width - left, h - 80).data; let s = 0, top = h, low = 0;
                     for (let k = 0; k < p.length; k += 4) if (p[k] + p[k + 1] + p[k + 2] < 200) {
                       const y = Math.floor(k / 4 / (c.width - left)); top = Math.min(top, y); low = Math.max(low, y) }
                     return low - top }) }""",
                3,
            )
        )

    was = rows()
    press(page, "5")
    now = rows()
    assert now[0] < 0.7 * was[0]
    assert now[1] == pytest.approx(was[1], abs=3)


def test_long_recordings_can_be_gone_through(page: Page, gallery: str) -> None:
    opened(page, gallery, show="ecg", of="pressure")
    assert view(page)["start"] == 0
    press(page, "Later")
    assert view(page)["start"] == 10
    page.get_by_role("slider", name="Start of what is shown").fill("30")
    settled(page)
    assert view(page)["start"] == 30
    drag(page, 0.2 * 10 * 25 * view(page)["mm"], 0)
    assert view(page)["start"] == pytest.approx(28, abs=0.1)


def test_attention_lies_beneath_the_ink(page: Page, gallery: str) -> None:
    opened(page, gallery, show="ecg", of="one", map=1)
    plain = page.locator(".well canvas").evaluate("c => c.toDataURL()")
    state = view(page)
    height = page.locator(".well canvas").evaluate("c => c.clientHeight") / state["rows"]
    dark = ink(page, 60, height, 400, height)
    press(page, "Off")
    assert page.locator(".well canvas").evaluate("c => c.toDataURL()") != plain
    assert ink(page, 60, height, 400, height) == pytest.approx(dark, rel=0.12)


# records


def test_record_shows_ranges_signs_and_what_is_missing(page: Page, gallery: str) -> None:
    page.goto(f"{gallery}/?show=record&map=1")
    table = page.get_by_role("table", name="Values of this patient")
    table.wait_for()
    text = table.inner_text()
    assert "+8.6" in text
    assert "\u22122.2" in text or "\u22122.3" in text
    assert "not measured" in text
    assert "<b>Albumin</b>" in text
    assert table.locator(".out").count() == 1
    assert table.locator(".in").count() == 1
    page.goto(f"{gallery}/?show=record")
    page.get_by_role("table").wait_for()
    assert "Points" not in page.get_by_role("table").inner_text()


@pytest.mark.parametrize(("answered", "few"), [("", 18), ("1", 12)])
def test_the_whole_record_is_shown_and_hidden_without_the_server(
    page: Page, gallery: str, answered: str, few: int
) -> None:
    traffic = Traffic(page)
    page.goto(f"{gallery}/?show=record&many=1&map={answered}")
    rows = page.get_by_role("table", name="Values of this patient").locator("tbody tr")
    expect(rows).to_have_count(24)
    settled(page)
    with traffic.none(page):
        expect(rows.filter(visible=True)).to_have_count(few)
        whole = page.get_by_text("Show all 24 values")
        whole.click()
        expect(rows.filter(visible=True)).to_have_count(24)
        whole.press("Enter")
        expect(rows.filter(visible=True)).to_have_count(few)
    if answered:  # those that moved the answer most, raising first
        assert rows.filter(visible=True).first.inner_text().startswith("Haemoglobin")
        assert rows.filter(visible=True).last.inner_text().startswith("Sodium")


# all


def test_theme_changes_are_drawn_at_once(page: Page, gallery: str) -> None:
    opened(page, gallery, show="ecg", of="one")
    light = pixel(page, 300, 3)
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(1500)
    dark = pixel(page, 300, 3)
    assert sum(light) > 600
    assert sum(dark) < 250


def test_keyboard_reaches_the_picture_and_leaves_it(page: Page, gallery: str) -> None:
    opened(page, gallery)
    canvas = page.locator(".well canvas")
    page.get_by_role("button", name="Auto").focus()
    for _step in range(20):
        page.keyboard.press("Tab")
        if canvas.evaluate("c => c.getRootNode().activeElement === c"):
            break
    else:
        pytest.fail("Tab never came to the picture")
    before = view(page)
    page.keyboard.press("ArrowUp")
    settled(page)
    assert view(page)["low"] < before["low"]
    page.keyboard.press("Escape")
    assert not canvas.evaluate("c => c.getRootNode().activeElement === c")


@pytest.mark.parametrize(
    "query", ["of=film&map=1&mask=1&sides=1", "show=ecg&of=twelve&map=1&measure=1", "show=record&map=1&before=1"]
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible_at_a_desk_and_on_a_phone(browser: Browser, gallery: str, query: str, scheme: Any) -> None:
    for width, height in ((1440, 900), (390, 844)):
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, bypass_csp=True)
        page = context.new_page()
        page.goto(f"{gallery}/?{query}")
        (page.get_by_role("table") if "record" in query else page.locator(".viewer .group").first).wait_for()
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        found = Axe().run(page).response["violations"]
        bad = [(v["id"], [n["html"] for n in v["nodes"]][:3]) for v in found if v["impact"] in ("serious", "critical")]
        assert bad == []
        context.close()


def test_a_phone_keeps_the_tools_in_three_rows_and_every_second(browser: Browser, gallery: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, bypass_csp=True)
    page = context.new_page()
    for query, rows in (("of=film&map=1&mask=1", None), ("show=ecg&of=twelve&map=1", 8), ("show=ecg&of=one", 6)):
        opened(page, gallery, **dict(part.split("=") for part in query.split("&")))
        assert page.locator(".viewer .tools").evaluate("e => e.clientHeight") <= 3 * 40 + 2 * 8 + 6
        if rows:
            assert view(page)["rows"] == rows
        page.locator(".viewer").get_by_role("button", name="More").click()
        assert page.locator(".viewer .extra").first.is_visible()
    context.close()


def test_the_content_security_policy_lets_the_viewers_work(browser: Browser, gallery: str) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})  # the policy is in force here
    page, wrong = context.new_page(), list[str]()
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.goto(f"{gallery}/?map=1")
    page.locator(".viewer .group").first.wait_for()
    assert wrong == []
    context.close()


def test_what_our_style_sheet_takes_from_streamlit_is_still_there(page: Page, gallery: str) -> None:
    opened(page, gallery)
    for name in (".stMainBlockContainer", '[data-testid="stBaseButton-primary"]', "[data-tag]", ".st-key-panel-viewer"):
        assert page.locator(name).count() >= 1, name
