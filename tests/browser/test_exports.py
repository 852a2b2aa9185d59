"""Files leave by a click: each from a real case, opened again by other code."""

import csv
import io
import json
import sqlite3
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fhir.resources.R4B.bundle import Bundle
from playwright.sync_api import Page
from pydicom import dcmread

from medcore.clinic import Clinic
from medcore.clinic.demo import real_files
from medcore.export import pdf
from medcore.settings import settings
from medcore.tasks import get
from tests.browser.conftest import sign_in
from tests.browser.test_pages import FIRST_ANSWER_MS, Desk, button, settled
from tests.export.opened import pages, pdf_text

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A real ECG and a real film, read first by two people, reviewed by one."""
    made = Desk(tmp_path_factory.mktemp("desk"))
    clinic = Clinic(replace(settings(), home=made.home, database_url=f"sqlite:///{made.home}/medcore.sqlite"))
    reader, trainer = clinic.sign_in("reader"), clinic.sign_in("trainer")
    for case in clinic.admit(reader, real_files()).cases:
        view = clinic.open_case(reader, case)
        for user in (reader, trainer):
            clinic.lock_read(user, case, view.tasks[0], "")
        for method in (None, get(view.tasks[0]).refine or None):
            clinic.explain(reader, case, view.tasks[0], method=method)
        clinic.review(reader, case, view.tasks[0], None)
    made.start()
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def patience(page: Page) -> None:
    """A busy machine has two cores."""
    page.set_default_timeout(FIRST_ANSWER_MS)


def taken(page: Page, name: str) -> tuple[str, bytes]:
    """The file behind a button, by its name."""
    with page.expect_download(timeout=FIRST_ANSWER_MS) as waited:
        button(page, name).click()
    return waited.value.suggested_filename, Path(waited.value.path()).read_bytes()


def opened(page: Page, desk: Desk, user: str, case: int) -> None:
    """The case with its answer and map, and what can be taken away of it."""
    sign_in(page, desk.url, user, path=f"/case?case={case}")
    page.locator(".d .say.m .score").wait_for(timeout=FIRST_ANSWER_MS)
    page.wait_for_function("() => !document.querySelector('[data-testid^=stSkeleton]')", timeout=FIRST_ANSWER_MS)
    settled(page)
    button(page, "Export").click()
    page.get_by_text("Each export is written to the audit.").wait_for()


def exports(desk: Desk) -> list[tuple[str, str, str]]:
    with sqlite3.connect(desk.home / "medcore.sqlite") as connection:
        rows = connection.execute("SELECT user, subject, details FROM audit WHERE action = 'export' ORDER BY id")
        found = [(user, subject, json.loads(details)["what"]) for user, subject, details in rows]
    connection.close()
    return found


def test_a_reader_takes_the_reports_and_the_bundle(page: Page, desk: Desk) -> None:
    opened(page, desk, "reader", 1)
    assert exports(desk) == []  # nothing is made by looking
    assert button(page, "Picture, DICOM").count() == 0
    if pdf.missing() is None:
        name, data = taken(page, "Report, PDF")
        assert name == "ECG-0001-ecg_diagnosis.pdf"
        assert pages(data) == 1 and "Researchuseonly" in pdf_text(data)
    name, data = taken(page, "Report, FHIR R4B")
    assert name == "ECG-0001-ecg_diagnosis.fhir.json"
    assert Bundle.model_validate_json(data).entry[0].resource.status == "final"
    name, data = taken(page, "Replay bundle, ZIP")
    assert name == "ECG-0001-ecg_diagnosis.replay.zip"
    assert "bundle.json" in zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert {(user, subject) for user, subject, _what in exports(desk)} == {("reader", "case 1")}


def test_a_trainer_takes_the_picture_and_the_cohort(page: Page, desk: Desk) -> None:
    opened(page, desk, "trainer", 2)
    name, data = taken(page, "Picture, DICOM")
    assert name == "FILM-0001-cxr_pneumonia.dcm"
    made = dcmread(io.BytesIO(data))
    assert made.SOPClassUID.name == "Secondary Capture Image Storage"
    assert made.BurnedInAnnotation == "YES" and made.pixel_array.shape[1:] == (1200, 3)
    page.goto(desk.url)
    button(page, "Cohort, CSV").wait_for()
    settled(page)
    name, data = taken(page, "Cohort, CSV")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert name == "cohort.csv" and {r["case"] for r in rows} == {"ECG-0001", "FILM-0001"}
    assert [what for _user, _subject, what in exports(desk)][-2:] == ["secondary_capture", "cohort"]


def test_a_reader_is_offered_no_cohort(page: Page, desk: Desk) -> None:
    sign_in(page, desk.url)
    button(page, "Add cases").wait_for()
    settled(page)
    assert button(page, "Cohort, CSV").count() == 0
