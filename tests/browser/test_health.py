"""Whether a map may be believed appears beside the answer once a worker has measured it; one that fails is grey."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import sign_in
from tests.browser.test_pages import FIRST_ANSWER_MS, Desk, stock

pytestmark = pytest.mark.browser
MEASURED_MS = 120_000


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("health"))
    stock(made)
    made.start()
    yield made
    made.stop()


def test_a_map_is_measured_while_one_looks_and_a_failed_one_turns_grey(page: Page, desk: Desk) -> None:
    sign_in(page, desk.url, path="/case?case=1")
    expect(page.get_by_text("Whether to believe this map is being measured.")).to_be_visible(timeout=FIRST_ANSWER_MS)
    with desk.worker():
        expect(page.get_by_text("Passed its checks")).to_be_visible(timeout=MEASURED_MS)
        expect(page.get_by_text("What moved the answer", exact=True)).to_be_visible()
        expect(page.locator("table.rec.grey")).to_have_count(0)
        page.goto(f"{desk.url}/explain?case=1&method=smooth_grad")
        expect(page.get_by_text("Don’t rely on this map.")).to_be_visible(timeout=MEASURED_MS)
    expect(page.locator("table.rec.grey")).to_be_visible()
    expect(page.get_by_text("What moved the answer", exact=True)).to_have_count(0)
    expect(page.get_by_text("fails", exact=True).first).to_be_visible()
    expect(page.get_by_text("Agreement between methods")).to_be_visible()
