"""Two cases of one patient beside each other, and a record's change since the patient's last, on the real page."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from medcore.clinic import Clinic
from medcore.inputs import Record
from medcore.settings import settings
from medcore.simulate.thorax import film as simulated_film
from tests.browser.conftest import sign_in
from tests.browser.test_pages import Desk, Traffic, pick, settled

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Films 1 and 2 and records 4 and 5 of one patient, film 3 of another. The reader couldn't tell of film 1."""
    made = Desk(tmp_path_factory.mktemp("beside"))
    clinic = Clinic(replace(settings(), home=made.home, database_url=f"sqlite:///{made.home}/medcore.sqlite"))
    reader = clinic.sign_in("reader")
    for seed, person in ((3, "A"), (4, "A"), (5, None)):
        clinic.admit_inputs(reader, [simulated_film(seed, True)[0]], person, source="demo")
    for crea in (1.1, 2.4):
        clinic.admit_inputs(reader, [Record({"crea": crea, "age": 61.0, "sod": 140.0}, {})], "A")
    clinic.lock_read(reader, 1, clinic.open_case(reader, 1).tasks[0], "")
    made.start()
    yield made
    made.stop()


def zooms(page: Page) -> list[float]:
    return [round(s, 4) for s in page.locator(".viewer").evaluate_all("all => all.map(e => e.viewState.scale)")]


def test_another_film_of_the_patient_stands_beside_and_moves_along(page: Page, desk: Desk) -> None:
    traffic = Traffic()
    traffic.listen(page)
    sign_in(page, desk.url, path="/case?case=2")
    page.locator(".viewer .group").first.wait_for(timeout=60_000)
    pick(page, "Compare with", "FILM-0001")
    page.wait_for_url(re.compile("compare=1"))
    together = page.get_by_role("button", name="Move together")
    expect(together).to_have_count(2, timeout=60_000)
    expect(page.get_by_role("heading", name=re.compile("^FILM-0001, .*, Simulated$"))).to_be_visible()
    settled(page)
    before = zooms(page)
    page.locator(".viewer").first.get_by_role("button", name="Zoom in").click()
    page.wait_for_timeout(500)
    assert zooms(page) == pytest.approx([1.25 * z for z in before], rel=0.01)
    assert not any("/bytes/map/" in a for a in traffic.addresses)
    page.reload()
    expect(together).to_have_count(2, timeout=60_000)
    page.get_by_role("button", name=re.compile("^Next")).click()
    page.wait_for_url(lambda address: "compare" not in address)
    expect(page.locator(".viewer")).to_have_count(1, timeout=60_000)


def test_nothing_is_offered_where_the_patient_has_no_other(page: Page, desk: Desk) -> None:
    sign_in(page, desk.url, path="/case?case=3&compare=1")
    page.locator(".viewer .group").first.wait_for(timeout=60_000)
    settled(page)
    assert page.locator(".viewer").count() == 1
    assert page.get_by_role("combobox", name="Compare with").count() == 0


def test_a_record_says_what_changed(page: Page, desk: Desk) -> None:
    sign_in(page, desk.url, path="/case?case=5")
    table = page.get_by_role("table", name="Values of this patient")
    table.wait_for(timeout=60_000)
    assert "Since REC-0001" in table.inner_text()
    assert table.locator("tr", has=page.get_by_text("Creatinine", exact=True)).locator("td.chg").inner_text() == "+1.3"
    page.goto(f"{desk.url}/case?case=4")
    page.get_by_text("REC-0001").first.wait_for(timeout=60_000)
    table.wait_for()
    assert table.locator("td.chg").count() == 0
