"""The volume viewer in a real browser: what it draws and measures, and that it asks the server for nothing."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, Route, expect

from medcore.store.pack import unpack
from tests.browser.conftest import own_page
from tests.browser.test_viewers import Traffic, press, settled, view
from tests.browser.test_viewers import opened as opened_viewer
from tests.browser.volumes.made import blob

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the viewer's own page."""
    with own_page("volumes", tmp_path_factory.mktemp("volumes")) as url:
        yield url


def opened(page: Page, url: str, **query: object) -> None:
    """The viewer with all of its tools in sight."""
    opened_viewer(page, url, **query)
    more = page.locator(".viewer:not(.narrow)").get_by_role("button", name="More")
    if more.count() and more.is_visible():
        more.click()
        settled(page)


def pane(page: Page, plane: str) -> Locator:
    return page.locator(f".pane[data-plane={plane}] canvas")


def spot(page: Page, plane: str, i: float, j: float) -> tuple[float, float]:
    """Pixels of a pane's canvas of an index along the axes that run to the right and down."""
    x, y = page.locator(".viewer").evaluate("(e, [plane, at]) => e.spotOf(plane, at)", [plane, [i, j]])
    return x, y


def pixel(page: Page, plane: str, i: float, j: float) -> list[int]:
    """Red, green, blue where an index is drawn."""
    return list(
        pane(page, plane).evaluate(
            """(c, [x, y]) => { const d = c.width / c.clientWidth;
               const p = c.getContext('2d').getImageData(Math.round(x * d), Math.round(y * d), 1, 1);
               return [...p.data.slice(0, 3)] }""",
            spot(page, plane, i, j),
        )
    )


def where(page: Page, plane: str, i: float, j: float) -> tuple[float, float]:
    """Pixels of the page where an index is drawn."""
    box = pane(page, plane).bounding_box()
    assert box
    x, y = spot(page, plane, i, j)
    return box["x"] + x, box["y"] + y


def click(page: Page, plane: str, i: float, j: float) -> None:
    page.mouse.click(*where(page, plane, i, j))
    settled(page)


def drag(page: Page, plane: str, start: tuple[float, float], end: tuple[float, float], button: Any = "left") -> None:
    """From one index to another."""
    page.mouse.move(*where(page, plane, *start))
    page.mouse.down(button=button)
    page.mouse.move(*where(page, plane, *end), steps=5)
    page.mouse.up(button=button)
    settled(page)


def key(page: Page, plane: str, *keys: str) -> None:
    for one in keys:
        pane(page, plane).press(one)
    settled(page)


def told(page: Page, plane: str = "axial") -> str:
    """What the lower left corner says: value, place, window."""
    return page.locator(f".pane[data-plane={plane}] .bl").text_content() or ""


def plain(page: Page) -> None:
    """Without the crosshair's lines, so that pixels are the slice's."""
    if view(page)["lines"]:
        press(page, "Crosshair lines")


# what is drawn


def test_no_view_change_reaches_the_server(page: Page, volumes: str) -> None:
    traffic = Traffic(page)
    opened(page, volumes, of="three", map=1, mask=1)
    with traffic.none(page):
        before = view(page)
        pane(page, "axial").hover()
        page.mouse.wheel(0, 120)
        settled(page)
        assert view(page)["at"][0] == before["at"][0] + 1
        page.get_by_role("slider", name="Axial slice").fill("3")
        settled(page)
        assert view(page)["at"][0] == 3
        key(page, "coronal", "ArrowUp", "PageDown", "+", "-", "i", "x", "m", "o", "c", "2", "l", "l", "p", "0")
        drag(page, "axial", (20, 20), (40, 30))
        drag(page, "axial", (20, 20), (40, 25), "right")
        assert view(page)["preset"] == ""
        for name in (
            "Slices",
            "Level",
            "Pan",
            "Fit",
            "Zoom in",
            "Zoom out",
            "Invert",
            "FLAIR",
            "Contour",
            "Fill",
            "Heat",
        ):
            press(page, name)
        for name in ("Mask: Opacity", "Attention: Opacity"):
            page.get_by_role("slider", name=name).fill("80")
        press(page, "Distance")
        drag(page, "sagittal", (5, 10), (30, 12))
        page.locator(".measures").get_by_role("button", name="Remove").click()
        press(page, "Reset")
    assert view(page)["measures"] == []


def test_a_mask_is_met_where_most_of_it_lies_on_the_sequence_that_leads(page: Page, volumes: str) -> None:
    opened(page, volumes, of="three")
    assert view(page)["at"] == [10, 20, 30] and view(page)["channel"] == 0
    opened(page, volumes, of="three", mask=1)
    mask = unpack(blob("mask", "three"))[1]["mask"].any(0)
    most = int(mask.sum((1, 2)).argmax())
    middle = [round(float(at.mean())) for at in np.nonzero(mask[most])]
    assert view(page)["at"] == [most, *middle] and view(page)["at"] != [10, 20, 30]
    assert view(page)["channel"] == 1
    key(page, "axial", "Home", "c")
    press(page, "Reset")
    assert view(page)["at"] == [most, *middle] and view(page)["channel"] == 1


def test_the_tools_are_one_row_and_the_rest_stands_behind_more(page: Page, volumes: str) -> None:
    for query in ({"of": "three", "map": 1, "mask": 1}, {"of": "ct"}):
        opened_viewer(page, volumes, **query)
        tools = page.locator(".viewer .tools")
        assert tools.evaluate("e => e.clientHeight") == 32
        assert page.get_by_role("slider", name="Axial slice").is_visible()
        distance = page.locator(".viewer").get_by_role("button", name="Distance")
        assert not distance.is_visible()
        height = page.locator(".panes").evaluate("e => e.clientHeight")
        press(page, "More")
        assert distance.is_visible() and tools.evaluate("e => e.clientHeight") > 60
        assert page.locator(".panes").evaluate("e => e.clientHeight") < height
        press(page, "More")
        assert page.locator(".panes").evaluate("e => e.clientHeight") == height
    assert page.get_by_role("button", name="Bone").is_visible()  # a CT's windows fit
    opened_viewer(page, volumes, of="three", map=1, mask=1)
    for name in ("FLAIR", "Contour", "Heat"):
        assert page.locator(".viewer").get_by_role("button", name=name, exact=True).is_visible()


@pytest.mark.parametrize("of", ["ct", "sagittal"])
def test_a_marked_corner_lies_right_front_and_low_however_it_was_acquired(page: Page, volumes: str, of: str) -> None:
    opened(page, volumes, of=of)
    plain(page)
    press(page, "File’s own")
    ends = {name: found["ends"] for name, found in view(page)["panes"].items()}
    assert ends == {"axial": ["R", "L", "A", "P"], "coronal": ["R", "L", "H", "F"], "sagittal": ["A", "P", "H", "F"]}
    for plane in ("axial", "coronal", "sagittal"):
        key(page, plane, *(["End"] if (of, plane) in (("sagittal", "axial"), ("sagittal", "sagittal")) else ["Home"]))
    # Of the four corners of what a pane shows, only the one of the block is bright: right, front, feet.
    for plane, where_bright in (("axial", 0), ("coronal", 2), ("sagittal", 2)):
        shown = pane(page, plane).evaluate(
            """c => { const p = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
               let [l, r, t, m] = [c.width, 0, c.height, 0];
               for (let i = 0; i < c.width * c.height; i++) if (p[4 * i] > 3) {
                 const [x, y] = [i % c.width, Math.floor(i / c.width)];
                 l = Math.min(l, x); r = Math.max(r, x); t = Math.min(t, y); m = Math.max(m, y) }
               return [[0.1, 0.1], [0.9, 0.1], [0.1, 0.9], [0.9, 0.9]].map(([a, b]) =>
                 p[4 * (Math.round(t + b * (m - t)) * c.width + Math.round(l + a * (r - l)))]) }"""
        )
        assert [value > 150 for value in shown] == [i == where_bright for i in range(4)], (plane, shown)


def test_greys_and_proportions_are_true(page: Page, volumes: str) -> None:
    opened(page, volumes, of="ct")
    plain(page)
    state = view(page)
    low, high = state["window"]
    assert (low, high) == (-100, 1100)
    for i, j, value in ((30, 20, 500), (5, 35, 0)):
        assert pixel(page, "axial", i, j) == pytest.approx([255 * (value - low) / (high - low)] * 3, abs=2)
    for plane, (across, down) in {"axial": (1, 2), "coronal": (1, 4), "sagittal": (2, 4)}.items():
        zero, right, under = (np.array(spot(page, plane, *at)) for at in ((0, 0), (1, 0), (0, 1)))
        assert abs(right - zero).max() / abs(under - zero).max() == pytest.approx(across / down)
    bar = state["panes"]["axial"]["bar"]
    assert bar["pixels"] == pytest.approx(bar["mm"] * state["panes"]["axial"]["scale"])


def test_planes_are_linked_and_the_probe_tells_value_and_place(page: Page, volumes: str) -> None:
    opened(page, volumes, of="ct")
    click(page, "axial", 27, 18)
    assert view(page)["at"] == [10, 18, 27]
    assert told(page).startswith("500 HU   R 3.0  A 4.0  H 50.0 mm")
    click(page, "coronal", 5, 2)
    assert view(page)["at"] == [2, 18, 5]
    assert told(page).startswith("0 HU   R 25.0  A 4.0  H 18.0 mm")
    page.mouse.move(*where(page, "sagittal", 3, 2))
    assert told(page).startswith("900 HU   R 25.0  A 34.0  H 18.0 mm")
    assert "W 1\u202f200  C 500" in told(page)


def test_gaps_are_said_and_drawn_at_their_place(page: Page, volumes: str) -> None:
    opened(page, volumes, of="gap")
    plain(page)
    state = view(page)
    assert state["gaps"] == [9]
    assert "Gap of 12.0 mm after slice 10" in state["facts"]
    assert "Uneven slices: 4.0 to 12.0 mm apart" in (page.locator(".pane.large .tl").text_content() or "")
    heights = [spot(page, "coronal", 30, j)[1] for j in (8, 9, 10, 11)]
    usual = heights[0] - heights[1]
    assert heights[1] - heights[2] == pytest.approx(3 * usual)
    assert heights[2] - heights[3] == pytest.approx(usual)
    key(page, "coronal", "5")
    # The block of 500 HU lies in slices 8 to 11: white at both sides of the gap, and hatched black within it.
    assert min(*pixel(page, "coronal", 30, 9), *pixel(page, "coronal", 30, 10)) > 230
    assert max(pixel(page, "coronal", 30, 9.5)) < 130


def test_a_tilted_stack_leans_as_it_does_in_the_patient(page: Page, volumes: str) -> None:
    opened(page, volumes, of="tilted")
    assert "Stack tilted by 26.6°" in view(page)["facts"]
    zero, up, along = (np.array(spot(page, "sagittal", *at)) for at in ((0, 0), (0, 1), (1, 0)))
    cosine = (up - zero) @ (along - zero) / np.linalg.norm(up - zero) / np.linalg.norm(along - zero)
    assert abs(cosine) == pytest.approx(2 / np.hypot(2, 4))
    click(page, "sagittal", 18, 9)
    assert view(page)["at"][:2] == [9, 18]


def test_without_spacing_nothing_is_said_in_mm(page: Page, volumes: str) -> None:
    opened(page, volumes, of="flat")
    assert view(page)["facts"] == ["No spacing in the file: nothing is measured in mm"]
    assert view(page)["panes"]["axial"]["bar"] is None
    assert "mm" not in told(page)
    press(page, "Distance")
    drag(page, "axial", (10, 10), (40, 10))
    assert view(page)["texts"] == ["30.0 px"]
    press(page, "Ellipse")
    drag(page, "axial", (10, 12), (20, 22))
    assert view(page)["texts"][1].startswith("79 px²")


def test_one_slice_is_one_plane(page: Page, volumes: str) -> None:
    opened(page, volumes, of="single")
    assert page.locator(".pane:visible").count() == 1
    assert page.get_by_role("button", name="Three planes").count() == 0


# windows, channels, series


def test_windows_have_names_and_keys(page: Page, volumes: str) -> None:
    opened(page, volumes, of="ct")
    assert view(page)["preset"] == "own"
    found = {}
    for number, name in enumerate(("Lung", "Mediastinum", "Bone", "Brain", "Stroke", "File’s own"), 1):
        press(page, name)
        by_name = view(page)["window"]
        key(page, "axial", "6" if number == 1 else "1", str(number))
        assert view(page)["window"] == by_name
        found[name] = (sum(by_name) / 2, by_name[1] - by_name[0])
    assert found["Lung"] == (-600, 1500)
    assert found["Stroke"] == (40, 40)
    opened(page, volumes, of="three")
    assert view(page)["preset"] == "percentile"
    assert view(page)["window"] == [60, 310]


def test_the_level_is_dragged_and_moved_by_keys(page: Page, volumes: str) -> None:
    opened(page, volumes, of="ct")
    low, high = view(page)["window"]
    press(page, "Level")
    drag(page, "axial", (20, 20), (40, 20))
    wider = view(page)["window"]
    assert wider[1] - wider[0] > high - low
    assert sum(wider) == pytest.approx(low + high)
    key(page, "axial", "ArrowDown")
    assert sum(view(page)["window"]) > sum(wider)
    key(page, "axial", "0")
    assert view(page)["window"] == [low, high]


def test_each_sequence_has_its_own_window_and_values(page: Page, volumes: str) -> None:
    opened(page, volumes, of="three")
    click(page, "axial", 30, 20)
    assert told(page).startswith("310.0   ")
    key(page, "axial", "c")
    assert told(page).startswith("610.0   ")
    assert view(page)["window"] == [110, 610]
    assert view(page)["facts"] == ["FLAIR"]
    press(page, "T1")
    assert told(page).startswith("160.0   ")


def test_series_are_listed_and_each_keeps_its_view(page: Page, volumes: str) -> None:
    opened(page, volumes, of="ct,three")
    key(page, "axial", "Home")
    press(page, "three")
    page.wait_for_function("() => true")
    settled(page)
    page.locator(".viewer").get_by_role("button", name="FLAIR").wait_for()
    assert view(page)["at"][0] == 10
    press(page, "ct")
    page.locator(".viewer").get_by_role("button", name="Lung").wait_for()
    settled(page)
    assert view(page)["at"][0] == 0


def test_a_series_that_was_left_and_fails_leaves_the_one_shown(context: Any, volumes: str) -> None:
    page = context.new_page()  # its 503 is an error in the console, and meant
    opened(page, volumes, of="ct,three")
    held: list[Route] = []
    page.route("**/bytes/input/three", lambda route: held.append(route))
    with page.expect_request("**/bytes/input/three"):
        press(page, "three")
    press(page, "ct")
    page.locator(".viewer .state > *").wait_for(state="detached")
    with page.expect_response("**/bytes/input/three"):
        held[0].fulfill(status=503)
    settled(page)
    assert page.get_by_role("alert").count() == 0
    assert view(page)["ready"] and view(page)["current"] == 0


def test_the_view_is_kept_when_the_page_runs_again(page: Page, volumes: str) -> None:
    opened(page, volumes, of="ct")
    key(page, "axial", "Home", "4", "i")
    page.get_by_role("button", name="Run again").click()
    page.get_by_text("Runs: 1").wait_for()
    state = view(page)
    assert (state["at"][0], state["preset"], state["invert"]) == (0, "brain", True)


# measures


def test_distances_and_areas_are_true_and_can_be_removed(page: Page, volumes: str) -> None:
    opened(page, volumes, of="ct")
    press(page, "Distance")
    drag(page, "axial", (10, 10), (40, 30))
    assert view(page)["texts"] == ["50.0 mm"]  # 30 × 1 mm by 20 × 2 mm
    press(page, "Ellipse")
    drag(page, "coronal", (20, 14), (40, 9))
    assert view(page)["texts"][1].startswith("314 mm²")
    press(page, "Polygon")
    for corner in ((26, 17), (34, 17), (34, 22), (26, 22)):
        click(page, "axial", *corner)
    click(page, "axial", 26, 17)
    assert view(page)["texts"][2].startswith("80.0 mm², mean 500, SD 0 HU")
    assert view(page)["texts"][2] in (page.locator(".viewer [aria-live]").text_content() or "")
    key(page, "axial", "ArrowDown")  # moves the polygon's last corner, not the slice
    assert view(page)["at"][0] == 10
    page.locator(".measures").get_by_role("button", name="Remove Distance, Axial 11, 50.0 mm").click()
    settled(page)
    assert [m["kind"] for m in view(page)["measures"]] == ["ellipse", "polygon"]
    key(page, "axial", "Delete", "Delete")
    assert view(page)["measures"] == []


def test_a_measure_belongs_to_its_slice_and_is_found_again(page: Page, volumes: str) -> None:
    opened(page, volumes, of="ct")
    plain(page)
    press(page, "Distance")
    drag(page, "axial", (10, 30), (50, 30))
    with_it = pixel(page, "axial", 30, 30)
    press(page, "Crosshair")
    key(page, "axial", "PageUp")
    assert pixel(page, "axial", 30, 30) != with_it
    page.locator(".measures").get_by_role("button", name="Distance").first.click()
    settled(page)
    assert view(page)["at"][0] == 10
    assert pixel(page, "axial", 30, 30) == with_it


def test_measures_need_no_pointer(page: Page, volumes: str) -> None:
    opened(page, volumes, of="ct")
    key(page, "axial", "d", "Enter")
    before = float(view(page)["texts"][0].split()[0])
    key(page, "axial", "ArrowRight", "ArrowRight", "Shift+ArrowLeft")
    assert float(view(page)["texts"][0].split()[0]) > before
    key(page, "axial", "a", "Enter", "e", "Enter")
    assert [m["kind"] for m in view(page)["measures"]] == ["distance", "polygon", "ellipse"]


def test_equal_measures_of_two_series_are_each_their_own(page: Page, volumes: str) -> None:
    opened(page, volumes, of="ct,gap")
    press(page, "Distance")
    drag(page, "axial", (10, 10), (40, 30))
    text = view(page)["texts"]
    press(page, "gap")
    expect(page.locator(".pane.large .tl")).to_contain_text("Gap of")
    press(page, "Distance")
    drag(page, "axial", (10, 10), (40, 30))
    assert view(page)["texts"] == text
    press(page, "ct")
    expect(page.locator(".pane.large .tl")).not_to_contain_text("Gap of")
    page.locator(".measures").get_by_role("button", name="Remove").click()
    settled(page)
    assert view(page)["measures"] == []


# masks and attention


def test_the_mask_is_filled_and_outlined_in_its_place(page: Page, volumes: str) -> None:
    opened(page, volumes, of="ct", mask=1)
    plain(page)
    page.get_by_role("slider", name="Axial slice").fill("10")
    settled(page)
    masks = unpack(blob("mask", "ct"))[1]["mask"]
    rows, columns = np.nonzero(masks[2, 10])
    inside = (float(columns.mean()), float(rows.mean()))
    outside = (5.0, 35.0)
    bare = pixel(page, "axial", *outside)
    filled = pixel(page, "axial", *inside)
    assert filled[0] > filled[2] + 30  # yellow over grey
    key(page, "axial", "m")
    grey = pixel(page, "axial", *inside)
    assert grey[0] == grey[1] == grey[2]
    key(page, "axial", "m")
    assert pixel(page, "axial", *inside) == filled
    page.get_by_role("slider", name="Mask: Opacity").fill("100")
    settled(page)
    assert pixel(page, "axial", *inside) == pytest.approx([0xE8, 0xCB, 0x6A], abs=3)
    press(page, "Contour")
    assert pixel(page, "axial", *inside) == grey
    assert pixel(page, "axial", *outside) == bare
    edge, row = float(columns.max()) + 0.5, float(rows[columns == columns.max()].mean())
    assert max(pixel(page, "axial", edge + off, row)[0] for off in (-0.2, -0.1, 0, 0.1, 0.2)) > 180


def test_the_legend_names_each_label_with_its_volume_and_hides_it(page: Page, volumes: str) -> None:
    opened(page, volumes, of="ct", mask=1)
    label = unpack(blob("mask", "ct"))[0]["labels"][1]
    button = page.locator(".legend").get_by_role("button", name="Surrounding change")
    assert f"{label['volume_ml']:.1f} ml" in (button.text_content() or "")
    button.click()
    settled(page)
    assert view(page)["labels"] == [True, False, True]
    assert button.get_attribute("aria-pressed") == "false"
    assert "Enhancing part" in (pane(page, "axial").get_attribute("aria-label") or "")
    assert "Surrounding change" not in (pane(page, "axial").get_attribute("aria-label") or "")


def test_attention_lies_over_the_stack_and_spares_what_is_low(page: Page, volumes: str) -> None:
    opened(page, volumes, of="ct", map=1)
    plain(page)
    strength = unpack(blob("map", "ct"))[1]["map"][10]
    row, column = np.unravel_index(strength.argmax(), strength.shape)
    over, aside = pixel(page, "axial", float(column), float(row)), pixel(page, "axial", 4, 36)
    assert over[0] > over[2] + 30
    assert aside[0] == aside[1] == aside[2]
    assert page.locator(".legend .ramp").count() == 1
    assert "Attention for x" in (pane(page, "axial").get_attribute("aria-label") or "")
    page.get_by_role("slider", name="Attention: Opacity").fill("10")
    settled(page)
    assert pixel(page, "axial", float(column), float(row))[0] < over[0]
    key(page, "axial", "o")
    off = pixel(page, "axial", float(column), float(row))
    assert off[0] == off[1] == off[2]
    assert page.locator(".legend .ramp").count() == 0


# real series


def test_a_real_ct_with_tilt_and_uneven_slices(page: Page, volumes: str, data: Path) -> None:
    opened(page, volumes, of="ct_head_ge")
    state = view(page)
    assert state["size"] == [28, 512, 512]
    assert state["facts"] == ["Uneven slices: 1.1 to 7.0 mm apart", "Stack tilted by 18.5°"]
    assert state["gaps"] == []
    header, arrays = unpack(blob("input", "ct_head_ge"))
    click(page, "axial", 300, 200)
    value = arrays["voxels"][0, state["at"][0], 200, 300]
    assert told(page).startswith(f"{value} HU".replace("-", "\u2212"))
    places = header["positions_mm"]
    heights = [spot(page, "coronal", 256, j)[1] for j in (13, 14, 15)]
    scale = state["panes"]["coronal"]["scale"]
    lean = np.cos(np.radians(18.5))
    for a, b, step in ((0, 1, places[14] - places[13]), (1, 2, places[15] - places[14])):
        # In the coronal plane one sees the distance along the table, which is longer than that along the normal.
        assert heights[a] - heights[b] == pytest.approx(scale * step / lean, rel=0.01)


def test_an_oblique_series_tells_where_in_the_patient_it_is(page: Page, volumes: str, data: Path) -> None:
    opened(page, volumes, of="mr_t1_brain")
    header, _arrays = unpack(blob("input", "mr_t1_brain"))
    click(page, "axial", 100, 250)
    at = view(page)["at"]
    place = np.array(header["affine"]) @ [*at, 1]
    words = [f"{'RAF'[i] if v < 0 else 'LPH'[i]} {abs(v):.1f}" for i, v in enumerate(place[:3])]
    assert "  ".join(words) in told(page)
    zero, right, under = (np.array(spot(page, "axial", *at)) for at in ((0, 0), (1, 0), (0, 1)))
    ratio = np.linalg.norm(right - zero) / np.linalg.norm(under - zero)
    assert ratio == pytest.approx(header["spacing_mm"][2] / header["spacing_mm"][1])


def test_two_cases_move_together_in_mm(page: Page, volumes: str) -> None:
    page.goto(f"{volumes}/?of=ct&beside=sagittal")
    first, second = (page.locator(".viewer").nth(i) for i in range(2))
    for viewer in (first, second):
        viewer.get_by_role("slider").first.wait_for()
    settled(page)
    first.locator(".pane[data-plane=axial] canvas").press("ArrowDown")
    settled(page)
    settled(page)
    # The same place, 54 mm up and in the middle, in a stack of sagittal slices whose rows begin at the head.
    assert first.evaluate("e => e.viewState.at") == [11, 20, 30]
    assert second.evaluate("e => e.viewState.at") == [29, 8, 20]
    second.get_by_role("button", name="Move together").click()
    second.locator(".pane[data-plane=sagittal] canvas").press("ArrowDown")
    settled(page)
    assert first.evaluate("e => e.viewState.at")[2] == 30


def test_moving_together_can_be_switched_while_a_series_loads(page: Page, volumes: str) -> None:
    held: list[Route] = []
    page.route("**/bytes/input/three", lambda route: held.append(route))
    page.goto(f"{volumes}/?of=ct,three&beside=sagittal")
    first, second = (page.locator(".viewer").nth(i) for i in range(2))
    for viewer in (first, second):
        viewer.get_by_role("slider").first.wait_for()
    together = first.get_by_role("button", name="Move together")
    first.get_by_role("button", name="three", exact=True).click()
    together.click()
    expect(second.get_by_role("button", name="Move together")).to_have_attribute("aria-pressed", "false")
    together.click()
    expect(second.get_by_role("button", name="Move together")).to_have_attribute("aria-pressed", "true")
    held[0].continue_()
    first.get_by_role("button", name="FLAIR").wait_for()


# everyone


def test_keys_are_listed_and_the_keyboard_comes_and_goes(page: Page, volumes: str) -> None:
    opened(page, volumes, of="ct")
    key(page, "axial", "?")
    box = page.get_by_role("dialog", name="Keys")
    assert box.is_visible()
    assert "Arrow keys" in box.inner_text()
    page.keyboard.press("Escape")
    assert not box.is_visible()
    pane(page, "axial").focus()
    page.keyboard.press("Tab")
    assert pane(page, "coronal").evaluate("c => c.getRootNode().activeElement === c")
    page.keyboard.press("ArrowDown")
    settled(page)
    assert view(page)["at"] == [10, 21, 30]
    page.keyboard.press("Escape")
    assert not pane(page, "coronal").evaluate("c => c.getRootNode().activeElement === c")


def test_the_keyboard_stays_where_it_was_when_tools_are_drawn_again(page: Page, volumes: str) -> None:
    opened(page, volumes, of="ct,three", mask=1)
    more = page.locator(".viewer").get_by_role("button", name="More")
    expect(more).to_have_attribute("aria-expanded", "true")
    series = page.locator(".viewer").get_by_role("button", name="three", exact=True)
    series.press("Enter")
    page.locator(".viewer").get_by_role("button", name="FLAIR").wait_for()
    settled(page)
    expect(series).to_be_focused()
    expect(series).to_have_attribute("aria-pressed", "true")
    expect(more).to_have_attribute("aria-expanded", "true")
    label = page.locator(".legend").get_by_role("button", name="Surrounding change")
    label.press("Enter")
    expect(label).to_have_attribute("aria-pressed", "false")
    expect(label).to_be_focused()
    press(page, "Distance")
    for start, end in (((10, 10), (40, 30)), ((10, 20), (40, 20))):
        drag(page, "axial", start, end)
    removes = page.locator(".measures").get_by_role("button", name="Remove")
    removes.last.press("Enter")
    expect(removes).to_have_count(1)
    expect(removes).to_be_focused()


def test_pictures_have_names_before_they_are_drawn(page: Page, volumes: str) -> None:
    held: list[Route] = []
    page.route("**/bytes/input/**", lambda route: held.append(route))
    page.goto(f"{volumes}/?of=ct")
    expect(pane(page, "axial")).to_have_attribute("aria-label", "Loading the volume…")
    expect(page.get_by_role("img", name="Loading the volume…")).to_have_count(3)
    held[0].continue_()
    expect(pane(page, "axial")).to_have_attribute("aria-label", re.compile("^ct. Axial"))
    expect(page.get_by_role("toolbar", name="Volume")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible_at_a_desk_and_on_a_phone(browser: Browser, volumes: str, scheme: Any) -> None:
    for width, height in ((1440, 900), (390, 844)):
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, bypass_csp=True)
        page = context.new_page()
        opened(page, volumes, of="ct,three", map=1, mask=1)
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        for _state in range(2):
            found = Axe().run(page).response["violations"]
            bad = [
                (v["id"], [n["html"] for n in v["nodes"]][:3]) for v in found if v["impact"] in ("serious", "critical")
            ]
            assert bad == []
            page.locator(".pane.large canvas").press("?")
        context.close()


def test_fingers_mark_and_pinch(browser: Browser, volumes: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, bypass_csp=True)
    page = context.new_page()
    opened(page, volumes, of="ct")
    assert page.locator(".viewer .tools").evaluate("e => e.clientHeight") <= 3 * 40 + 2 * 8 + 6
    page.locator(".viewer").get_by_role("button", name="More").click()
    assert page.get_by_role("button", name="Distance").is_visible()
    page.locator(".viewer").get_by_role("button", name="More").click()
    pane(page, "axial").scroll_into_view_if_needed()
    page.touchscreen.tap(*where(page, "axial", 45, 10))
    settled(page)
    assert view(page)["at"] == [10, 10, 45]
    x, y = where(page, "axial", 30, 20)
    session = context.new_cdp_session(page)
    for kind, apart in (("touchStart", 20), ("touchMove", 40), ("touchMove", 80), ("touchEnd", 0)):
        points = [{"x": x + s * apart, "y": y, "id": i} for i, s in enumerate((-1, 1))] if apart else []
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    settled(page)
    assert view(page)["views"]["axial"]["zoom"] > 2
    context.close()


def test_what_can_not_be_loaded_is_said(context: Any, volumes: str) -> None:
    page = context.new_page()
    page.goto(f"{volumes}/?of=missing")
    page.get_by_role("alert").wait_for()
    assert page.get_by_role("button", name="Try again").is_visible()


def test_the_content_security_policy_lets_the_viewer_work(browser: Browser, volumes: str) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page, wrong = context.new_page(), list[str]()
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.goto(f"{volumes}/?of=ct&mask=1&map=1")
    page.get_by_role("slider", name="Axial slice").wait_for()
    assert wrong == []
    context.close()
