"""One kind of file after the other as a person brings it: upload, look, read, see, review, a second reader, exports."""

import csv
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fhir.resources.R4B.bundle import Bundle
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pydicom import dcmread, dcmwrite
from pydicom.uid import generate_uid

from medcore.export import pdf
from medcore.settings import REPO, settings
from medcore.simulate.twelve_leads import twelve_leads
from tests.browser.conftest import sign_in
from tests.browser.test_exports import taken
from tests.browser.test_pages import FIRST_ANSWER_MS, Desk, Traffic, button, settled, upload
from tests.browser.test_reading import LOCK, decide, ready, visitor
from tests.browser.test_viewers import drag as drag_on
from tests.browser.test_viewers import press, view
from tests.browser.test_volume import drag, pane
from tests.export.opened import pages
from tests.readers.make_ecg import edf

pytestmark = pytest.mark.browser
Files = dict[str, bytes]


def _data(path: str) -> Path:
    data = settings().data
    if data is None or not (data / path).exists():
        pytest.skip(f"no {path} here")
    return data / path


def mr() -> Files:
    """Six slices of a real T1 series as loose files, and the same in other greys as the FLAIR that the net asks for."""
    files = {}
    for path in sorted(_data("dicom_series/series/mr_t1_brain").glob("*.dcm"))[17:23]:
        files[path.name] = path.read_bytes()
        slice_ = dcmread(path)
        own = generate_uid(entropy_srcs=[slice_.SOPInstanceUID])
        slice_.SOPInstanceUID = slice_.file_meta.MediaStorageSOPInstanceUID = own
        slice_.SeriesInstanceUID = generate_uid(entropy_srcs=[slice_.SeriesInstanceUID])
        slice_.SeriesDescription = "FLAIR"
        other = slice_.pixel_array.astype(float)
        slice_.PixelData = (15 * np.sqrt(other)).astype(slice_.pixel_array.dtype).tobytes()
        out = io.BytesIO()
        dcmwrite(out, slice_)
        files[f"flair_{path.name}"] = out.getvalue()
    return files


def ct() -> Files:
    """Three slices of a real CT, and the liver as a person outlined it with a program."""
    folder = _data("dicom_series/series/ct_liver_seg")
    return {path.name: path.read_bytes() for path in folder.rglob("*.dcm")}


def ecg_dicom() -> Files:
    """A real ECG of twelve leads."""
    path = _data("dicom_series/other/ecg_12lead_waveform.dcm")
    return {path.name: path.read_bytes()}


def ecg_edf() -> Files:
    return {"rest.edf": edf([twelve_leads(5)])}


def nifti() -> Files:
    path = next(_data("hippocampus").glob("**/imagesTr/hippocampus_*.nii.gz"))
    return {path.name: path.read_bytes()}


# what is done with each in its viewer


def look_at_volume(page: Page) -> None:
    page.wait_for_function(READY, timeout=60_000)
    before = view(page)
    pane(page, "axial").hover()
    page.mouse.wheel(0, 120)
    page.wait_for_timeout(200)
    assert view(page)["at"] != before["at"]
    drag(page, "axial", (20, 20), (26, 24), "right")
    assert view(page)["window"] != before["window"] and view(page)["preset"] == ""
    press(page, "More")
    press(page, "Distance")
    drag(page, "axial", (8, 10), (24, 10))
    (text,) = view(page)["texts"]
    spacing = re.fullmatch(r"([\d.]+)\s?mm", text)
    assert spacing and 5 < float(spacing[1]) < 40
    press(page, "Crosshair")


def look_at_outlines(page: Page) -> None:
    page.wait_for_function(READY, timeout=60_000)
    expect(page.get_by_role("button", name="Liver, drawn with a program")).to_contain_text("70.4 ml")
    assert view(page)["at"][0] == 0  # most of it is in the lowest slice
    before = view(page)["at"]
    pane(page, "axial").hover()
    pane(page, "axial").focus()
    page.keyboard.press("m")
    expect(page.get_by_role("button", name="Liver, drawn with a program")).to_have_attribute("aria-pressed", "false")
    assert view(page)["at"] == before


def look_at_ecg(page: Page) -> None:
    page.wait_for_function(READY, timeout=60_000)
    mm = view(page)["mm"]
    press(page, "20 mm/mV")
    drag_on(page, 25 * mm, -10 * mm, at=(0.2, 0.5))
    assert view(page)["measured"].replace("\u202f", " ") == "1000 ms  60 /min  0.50 mV"


READY = """() => { const seek = (r) => [...r.querySelectorAll('*')].some(
    (e) => e.viewState?.ready || (e.shadowRoot && seek(e.shadowRoot))); return seek(document) }"""


@dataclass(frozen=True)
class Kind:
    """files: what is uploaded; look: at it; reads: what the first and the second reader say, None where no question
    can be asked; called: by the case's strip."""

    files: Callable[[], Files]
    look: Callable[[Page], None]
    reads: tuple[str, str] | None
    called: str


KINDS = {
    "mr": Kind(mr, look_at_volume, ("Tumour", "No tumour"), "MR"),
    "ct": Kind(ct, look_at_outlines, None, "CT"),
    "ecg": Kind(ecg_dicom, look_at_ecg, ("Normal ECG", "Conduction disturbance"), "ECG"),
    "edf": Kind(ecg_edf, look_at_ecg, ("Normal ECG", "Hypertrophy"), "ECG"),
    "nifti": Kind(nifti, look_at_volume, None, "Volume"),
}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk of its own for each test, so that one that is run again finds nothing of the first time."""
    made = Desk(tmp_path)
    made.start()
    yield made
    made.stop()


def admitted(page: Page, desk: Desk, files: Files) -> int:
    """The new case, after its files went through the uploader, opened by its link."""
    sign_in(page, desk.url, path="/new_case")
    upload(page, files)
    page.get_by_role("button", name=re.compile("^Add ")).last.click()
    page.get_by_text(re.compile(r"One new case\.|new cases from")).wait_for(timeout=60_000)
    page.get_by_test_id("stPageLink-NavLink").last.click()
    page.wait_for_url(re.compile(r"case=\d+"))
    return int(re.search(r"case=(\d+)", page.url)[1])  # type: ignore[index]


def read(page: Page, choice: str) -> None:
    page.get_by_text(choice, exact=True).first.click()
    expect(button(page, LOCK)).to_be_enabled(timeout=30_000)
    button(page, LOCK).click()


@pytest.mark.parametrize("name", list(KINDS))
def test_a_real_file_from_upload_to_the_second_reader(
    name: str, page: Page, browser: Browser, context: BrowserContext, desk: Desk
) -> None:
    kind = KINDS[name]
    files = kind.files()
    page.set_default_timeout(60_000)
    traffic = Traffic()
    traffic.listen(page)
    case = admitted(page, desk, files)
    kind.look(page)
    assert kind.called in page.locator(".d .top").first.inner_text()
    if kind.reads is None:
        page.get_by_text("needs:").first.wait_for()
        return
    ready(page)
    assert not any("/bytes/ma" in address for address in traffic.addresses)  # neither map nor mask
    first, second = kind.reads
    read(page, first)
    decide(page)
    page.get_by_text("is saved.").wait_for()
    other = visitor(browser, desk, "trainer", f"/case?case={case}")
    other.set_default_timeout(60_000)
    theirs = Traffic()
    theirs.listen(other)
    other.reload()
    ready(other)
    assert theirs.said("Before you read") and not theirs.said("Other readers")
    read(other, second)
    decide(other, "Can’t tell")
    other.get_by_text("is saved.").wait_for()
    other.goto(f"{desk.url}/case?case={case}")
    other.get_by_text("Other readers").wait_for()
    expect(other.get_by_role("cell", name="reader", exact=True)).to_be_visible()
    other.context.close()
    if name == "mr":
        everything_leaves(browser, desk, case, files)


def everything_leaves(browser: Browser, desk: Desk, case: int, files: Files) -> None:
    """Each export of the case is clicked, and opened by other code than ours."""
    page = visitor(browser, desk, "trainer", f"/case?case={case}")
    page.set_default_timeout(FIRST_ANSWER_MS)
    page.locator(".d .say.m .score").wait_for()
    page.wait_for_function("() => !document.querySelector('[data-testid^=stSkeleton]')")
    settled(page)
    button(page, "Export").click()
    got: dict[str, bytes] = {}

    def take(*names: str) -> None:
        for name in names:
            got[name] = taken(page, name)[1]

    if pdf.missing() is None:
        take("Report, PDF")
        assert pages(got["Report, PDF"]) == 1
    take("Report, FHIR R4B", "Replay bundle, ZIP", "Picture, DICOM", "Outlines, DICOM")
    assert Bundle.model_validate_json(got["Report, FHIR R4B"]).entry[0].resource.status == "final"
    assert dcmread(io.BytesIO(got["Picture, DICOM"])).pixel_array.shape[-1] == 3
    outline = dcmread(io.BytesIO(got["Outlines, DICOM"]))
    assert outline.SOPClassUID.name == "Segmentation Storage" and outline.pixel_array.shape == (6, 384, 274)
    lies = outline.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient
    source = dcmread(io.BytesIO(next(iter(files.values()))))
    assert list(map(float, lies)) == pytest.approx(list(map(float, source.ImageOrientationPatient)))
    replayed(desk, got["Replay bundle, ZIP"])
    page.goto(f"{desk.url}/explain?case={case}")
    button(page, "Download PNG").wait_for()
    settled(page)
    take("Download PNG", "All maps, HTML", "All maps, NPZ")
    assert Image.open(io.BytesIO(got["Download PNG"])).format == "PNG"
    assert got["All maps, HTML"].startswith(b"<!doctype html>") and b"data:image/png" in got["All maps, HTML"]
    with np.load(io.BytesIO(got["All maps, NPZ"]), allow_pickle=False) as maps:
        about: list[dict[str, Any]] = json.loads(str(maps["about"]))
        assert maps[f"map_0_{next(k for k in maps if k.startswith('map_0_'))[6:]}"].shape == (6, 384, 274)
    assert about[0]["label"] == "tumour"
    page.goto(desk.url)
    button(page, "Cohort, CSV").wait_for()
    settled(page)
    take("Cohort, CSV")
    rows = list(csv.DictReader(io.StringIO(got["Cohort, CSV"].decode("utf-8-sig"))))
    mine = [r for r in rows if r["task"] == "brain_tumour_seg"]
    assert {(r["reader"], r["first_read"], r["final_read"]) for r in mine} == {
        ("reader", "tumour", mine[0]["choice"]),
        ("trainer", "no_tumour", "cant_tell"),
    }
    page.context.close()


def replayed(desk: Desk, bundle: bytes) -> None:
    """`python -m medcore replay` gives the answer again."""
    assert "bundle.json" in zipfile.ZipFile(io.BytesIO(bundle)).namelist()
    path = desk.home / "case.replay.zip"
    path.write_bytes(bundle)
    run = subprocess.run(
        [sys.executable, "-m", "medcore", "replay", str(path)],
        cwd=REPO, env={**os.environ, **desk.env}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert "equal: True" in run.stdout
