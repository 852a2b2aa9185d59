"""What a person does at the desk, in a browser: add, read, lock, see, review, find again; train, promote, undo."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, WebSocket, expect
from playwright.sync_api import TimeoutError as TooLong

from medcore.clinic import Clinic
from medcore.readers import files_of
from medcore.settings import REPO, settings
from medcore.simulate.ecg import ecg
from medcore.simulate.record import record
from medcore.simulate.thorax import film as simulated_film
from tests.browser.conftest import free_port, running, sign_in

pytestmark = pytest.mark.browser
FIRST_ANSWER_MS = 90_000  # torch is imported, and a busy machine has two cores
RUN_MS = 180_000


@dataclass
class Desk:
    """The real dashboard on a home of its own, which can be closed and opened again."""

    home: Path
    more: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    url: str = ""
    _open: ExitStack = field(default_factory=ExitStack)

    @property
    def env(self) -> dict[str, str]:
        own = {"MEDCORE_HOME": str(self.home), "PORT": str(self.port), "ADDRESS": "127.0.0.1", "OMP_NUM_THREADS": "1"}
        return {**os.environ, **own, **self.more}

    def start(self) -> None:
        command = [sys.executable, "-m", "app.server"]
        self.url = self._open.enter_context(running(command, self.port, self.env, self.home / "log"))

    def stop(self) -> None:
        self._open.close()

    @contextmanager
    def worker(self) -> Iterator[None]:
        """One real worker beside it."""
        with (self.home / "worker.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "medcore.worker"], cwd=REPO, env=self.env, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


def stock(desk: Desk) -> None:
    """Cases 1 to 3, simulated: a record, an ECG, a film. The reader couldn't tell of any, and says so."""
    clinic = Clinic(replace(settings(), home=desk.home, database_url=f"sqlite:///{desk.home}/medcore.sqlite"))
    reader = clinic.sign_in("reader")
    for given in (record(3)[0], ecg(3), simulated_film(3, True)[0]):
        case = clinic.admit_inputs(reader, [given], source="demo")
        for task in clinic.open_case(reader, case).tasks:
            clinic.lock_read(reader, case, task, "")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("desk"))
    stock(made)
    made.start()
    yield made
    made.stop()


@dataclass
class Traffic:
    """Everything that the server sent to a page."""

    frames: list[bytes] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        def keep(payload: str | bytes) -> None:
            self.frames.append(payload if isinstance(payload, bytes) else payload.encode())

        def heard(socket: WebSocket) -> None:
            socket.on("framereceived", keep)

        page.on("websocket", heard)
        page.on("request", lambda request: self.addresses.append(request.url))

    def said(self, text: str) -> bool:
        return any(text.encode() in frame for frame in self.frames)


def film() -> dict[str, bytes]:
    """A real chest film."""
    data = settings().data
    found = next(iter(sorted(data.glob("cxr_pneumonia/images/*/*.jp*g"))), None) if data else None
    if found is None:
        from pydicom.data import get_testdata_file

        found = Path(str(get_testdata_file("RG1_UNCR.dcm", download=False)))
    return {found.name: found.read_bytes()}


def strip() -> dict[str, bytes]:
    """A real ECG of one lead, header and signal; else a simulated one."""
    data = settings().data
    header = next(iter(sorted(data.glob("cinc2017/A*.hea"))), None) if data else None
    if header is None:
        return files_of(ecg(1))
    signal = header.parent / header.read_text().splitlines()[1].split()[0]
    return {p.name: p.read_bytes() for p in (header, signal)}


def table() -> dict[str, bytes]:
    """Two rows of a real table, else of a simulated one; one of its columns goes by another name."""
    data = settings().data
    source = data / "support2" / "support2.csv" if data else None
    if source and source.is_file():
        lines = source.read_text().splitlines()[:3]
        lines[0] = lines[0].replace(",crea,", ",Kreatinin,")
        return {"ward.csv": "\n".join(lines).encode()}
    rows = [record(seed)[0].values for seed in (1, 2)]
    names = list(rows[0])
    head = ",".join("Kreatinin" if n == "crea" else n for n in names)
    body = [",".join("" if row.get(n) is None else str(row.get(n)) for n in names) for row in rows]
    return {"ward.csv": "\n".join([head, *body]).encode()}


KINDS: dict[str, tuple[Callable[[], dict[str, bytes]], str, str]] = {
    # files, what the reader says, what the strip calls it
    "film": (film, "Pneumonia", "Film"),
    "strip": (strip, "Atrial fibrillation", "ECG"),
    "table": (table, "Discharged alive", "Patient record"),
}


def upload(page: Page, files: dict[str, bytes]) -> None:
    page.get_by_test_id("stFileUploaderDropzone").wait_for()
    given = [{"name": n, "mimeType": "application/octet-stream", "buffer": b} for n, b in files.items()]
    page.locator("input[type=file]").set_input_files(given)


def button(page: Page | Locator, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def pick(page: Page, label: str, option: str) -> None:
    """An option of a select box, opened again where a page that was drawn anew has closed it."""
    for _try in range(3):
        settled(page)
        page.get_by_role("combobox", name=re.compile(f"^(Selected .*)?{re.escape(label)}")).click()
        page.keyboard.type(option)  # long lists draw only what is in sight
        with suppress(TooLong):
            page.get_by_role("option", name=option).first.click(timeout=10_000)
            return
        page.keyboard.press("Escape")
    pytest.fail(f"{label} offers no {option}")


def settled(page: Page) -> None:
    """The script has run to its end."""
    page.wait_for_function(
        "() => document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'", timeout=60_000
    )


@pytest.mark.parametrize("kind", list(KINDS))
def test_from_upload_to_review_and_found_again(kind: str, page: Page, context: BrowserContext, desk: Desk) -> None:
    make, choice, called = KINDS[kind]
    traffic = Traffic()
    traffic.listen(page)
    sign_in(page, desk.url, path="/new_case")
    upload(page, make())
    if kind == "table":
        page.get_by_text("Table of 2 rows").wait_for()
        page.get_by_text("Those left out", exact=True).click()
        pick(page, "Kreatinin", "Creatinine, mg/dL")
        settled(page)
    page.get_by_role("button", name=re.compile("^Add ")).last.click()
    page.get_by_text(re.compile(r"One new case\.|new cases from")).wait_for(timeout=60_000)  # not the upload before
    link = page.get_by_test_id("stPageLink-NavLink").last
    number = re.search(r"[A-Z]+-\d+", link.inner_text())
    assert number
    link.click()

    # Your own read. Nothing of the answer is here yet.
    page.get_by_text("Model’s answer is hidden").wait_for(timeout=60_000)
    assert called in page.locator(".d .top").first.inner_text()
    if kind == "table":
        page.get_by_text("Show all 27 values").click()
        row = page.locator(".d .rec tr", has=page.get_by_text("Creatinine", exact=True))
        expect(row.locator("td").first).to_have_text(re.compile(r"^\d+(\.\d+)? mg/dL$"))
    assert page.get_by_text("Research use only. Not a diagnosis.").first.is_visible()
    address, before = page.url, Traffic([*traffic.frames], [*traffic.addresses])
    page.get_by_text(choice, exact=True).click()
    button(page, "Lock my read and show the model").click()

    # The answer, what it means, what moved it.
    score = page.locator(".d .say.m .score")
    score.wait_for(timeout=FIRST_ANSWER_MS)
    meaning = page.locator(".d .say.m .hint").inner_text()
    assert re.match(r"Of 100 .* scored like this one, .*\. Range \d+ to \d+\.", meaning)
    page.get_by_text(re.compile("Where the model looked|What moved the answer|No part of the input")).first.wait_for()
    page.wait_for_function("() => !document.querySelector('[data-testid^=stSkeleton]')", timeout=FIRST_ANSWER_MS)
    assert traffic.said("scored like this one")
    assert not before.said("scored like this one")
    assert not before.said(score.inner_text())
    if kind != "table":
        page.get_by_text("Model attention: low").wait_for()
        assert any("/bytes/map/" in a for a in traffic.addresses)
    assert not any("/bytes/map/" in a for a in before.addresses)

    # The final read, and the same after the desk was closed and opened.
    page.get_by_text("Confirm", exact=True).click()
    page.get_by_placeholder("Comment (optional)").fill("Seen twice.")
    page.keyboard.press("Tab")
    button(page, "Save and next").click()
    page.get_by_text(f"{number.group()} is saved.").wait_for(timeout=60_000)
    assert page.url != address
    page.goto("about:blank")
    desk.stop()
    desk.start()
    page.goto(f"{desk.url}/?q={number.group()}")
    settled(page)
    pick(page, "Open case", number.group())
    page.get_by_text("Confirmed:").wait_for(timeout=60_000)
    assert page.get_by_text("Seen twice.").is_visible()
    assert page.url.split("?")[0] == address.split("?")[0]


def test_what_cannot_be_read_is_told_in_a_sentence(page: Page, desk: Desk) -> None:
    sign_in(page, desk.url, path="/new_case")
    upload(page, {"letter.docx": b"%PDF-1.7 not a picture", "empty.dcm": b""})
    page.get_by_role("button", name="Add 2 files").click()
    page.get_by_text("Not taken").wait_for(timeout=60_000)
    told = page.locator(".d .strip.finding")
    assert told.count() == 2
    for i in range(2):
        sentence, remedy = told.nth(i).locator("b").inner_text(), told.nth(i).inner_text()
        assert sentence.startswith(("letter.docx: ", "empty.dcm: "))
        assert len(remedy) > len(sentence) + 10
    assert "Traceback" not in page.content()


def test_a_record_is_typed_with_other_units_and_odd_values_are_asked_about(page: Page, desk: Desk) -> None:
    sign_in(page, desk.url, path="/new_case?way=record")
    page.get_by_role("spinbutton", name="Age, years").fill("71")
    pick(page, "Unit of Creatinine", "µmol/L")
    page.get_by_placeholder("Usual 53.1 to 115").wait_for()
    page.get_by_role("spinbutton", name="Creatinine").fill("176.84")
    page.get_by_role("spinbutton", name="Heart rate, /min").fill("720")
    page.keyboard.press("Tab")
    page.get_by_text("which is rarely seen. Is the unit right?").wait_for()
    page.get_by_role("spinbutton", name="Heart rate, /min").fill("72")
    page.keyboard.press("Tab")
    page.get_by_text("3 of 27 values given").wait_for()
    page.reload()  # what was typed is still there
    page.get_by_text("3 of 27 values given").wait_for(timeout=60_000)
    button(page, "Add this record").click()
    page.get_by_text("Patient record").wait_for(timeout=60_000)
    row = page.locator(".d .rec tr", has=page.get_by_text("Creatinine", exact=True))
    assert row.locator("td").first.inner_text() == "2 mg/dL"
    assert "71 y" in page.locator(".d .top").first.inner_text()


def test_reading_first_can_be_switched_off_and_on(page: Page, desk: Desk) -> None:
    sign_in(page, desk.url, "admin", path="/about")
    page.get_by_text("Read first", exact=True).click()
    page.get_by_text("Answers are shown at once.").wait_for()
    page.goto(f"{desk.url}/case?case=1")
    page.locator(".d .say.m .score").wait_for(timeout=FIRST_ANSWER_MS)
    page.goto(f"{desk.url}/about")
    page.get_by_text("Read first", exact=True).click()
    page.get_by_text("Answers stay hidden until").wait_for()
    page.goto(f"{desk.url}/case?case=1")
    page.get_by_text("Model’s answer is hidden").wait_for(timeout=60_000)


def test_keys_go_through_the_cases_and_explain_needs_a_read(page: Page, desk: Desk) -> None:
    sign_in(page, desk.url, "trainer", path="/case?case=2")
    strip_ = page.locator(".d .top b").first
    strip_.wait_for(timeout=60_000)
    page.get_by_text("Model’s answer is hidden").wait_for(timeout=60_000)
    settled(page)
    here = strip_.inner_text()
    page.keyboard.press("Alt+ArrowDown")
    page.wait_for_url(re.compile(r"case=1$"))
    page.wait_for_function("here => document.querySelector('.d .top b').innerText !== here", arg=here)
    page.keyboard.press("Alt+ArrowUp")
    page.wait_for_url(re.compile(r"case=2$"))
    page.goto(f"{desk.url}/explain?case=2")
    page.get_by_role("link", name="Read this case first").wait_for(timeout=60_000)
    assert "scored like this one" not in page.content()


FOCUSED = """() => { let e = document.activeElement;
  while (e && e.shadowRoot && e.shadowRoot.activeElement) e = e.shadowRoot.activeElement;
  const label = e && e.labels && e.labels[0];
  return e ? (e.getAttribute('aria-label') || (label && label.innerText) || e.innerText || '').slice(0, 60) : '';
}"""


def tab_to(page: Page, name: str) -> None:
    """Tab after Tab until what is called so has the focus."""
    met = []
    for _step in range(120):
        page.keyboard.press("Tab")
        met.append(page.evaluate(FOCUSED).strip())
        if name in met[-1]:
            return
    pytest.fail(f"no Tab leads to {name}; they led to {met}")


def test_a_case_is_reviewed_by_the_keyboard_alone(page: Page, desk: Desk) -> None:
    """From the worklist to the saved read, without a click."""
    clinic = Clinic(replace(settings(), home=desk.home, database_url=f"sqlite:///{desk.home}/medcore.sqlite"))
    case = clinic.admit_inputs(clinic.sign_in("reader"), [record(41)[0]])
    sign_in(page, desk.url)
    page.get_by_role("heading", name="Worklist").wait_for(timeout=60_000)
    expect(page.get_by_role("button", name="Read next case")).to_be_enabled(timeout=30_000)
    settled(page)
    for _try in range(5):  # a page that is still being drawn doesn't hear it
        page.keyboard.press("Alt+n")
        with suppress(TooLong):
            page.wait_for_url(re.compile(rf"case={case}$"), timeout=6_000)
            break
    page.get_by_text("Model’s answer is hidden").wait_for(timeout=60_000)
    settled(page)
    tab_to(page, "Death in hospital")
    page.keyboard.press("Space")
    lock = button(page, "Lock my read and show the model")
    expect(lock).to_be_enabled(timeout=30_000)
    tab_to(page, "Lock my read")
    page.keyboard.press("Enter")
    page.locator(".d .say.m .score").wait_for(timeout=FIRST_ANSWER_MS)
    page.wait_for_function("() => !document.querySelector('[data-testid^=stSkeleton]')", timeout=FIRST_ANSWER_MS)
    settled(page)
    tab_to(page, "Confirm")
    page.keyboard.press("Space")
    expect(button(page, "Save and next")).to_be_enabled(timeout=30_000)
    tab_to(page, "Save and next")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"(?<!case={case})$"), timeout=30_000)
    reads = clinic.open_case(clinic.sign_in("reader"), case).reads
    assert (reads[0].stage, reads[0].choice) == ("first", "hospital_death") and reads[-1].stage == "final"


def test_a_map_by_another_method_can_be_taken_away(page: Page, desk: Desk) -> None:
    sign_in(page, desk.url, path="/case?case=1")
    page.get_by_role("link", name="Other labels and methods").click(timeout=60_000)
    page.get_by_role("radio", name="Occlusion").click(timeout=60_000)
    page.wait_for_url(re.compile("method=occlusion"))
    page.get_by_text("relative weights").wait_for(timeout=FIRST_ANSWER_MS)
    with page.expect_download() as taken:
        button(page, "Download PNG").click()
    picture = Path(taken.value.path()).read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 5_000


POINTS = "() => document.querySelector('.js-plotly-plot')?.data?.[0]?.x?.length ?? 0"  # epochs drawn so far


def test_training_to_a_candidate_its_promotion_and_the_way_back(page: Page, desk: Desk) -> None:
    sign_in(page, desk.url, "trainer", path="/train?task=mortality")
    page.get_by_role("spinbutton", name="Simulated cases").fill("200")
    page.get_by_role("spinbutton", name="Epochs", exact=True).fill("150")
    page.get_by_text("Recipe", exact=True).click()
    page.get_by_role("spinbutton", name="Batch size").fill("8")
    page.get_by_role("spinbutton", name="Patience, epochs").fill("300")
    page.keyboard.press("Tab")
    settled(page)
    with desk.worker():
        button(page, "Start training").click()
        page.get_by_text("One run at a time").first.wait_for(timeout=60_000)
        page.wait_for_url(re.compile(r"run=\d+"))
        run = re.search(r"run=(\d+)", page.url)[1]  # type: ignore[index]
        page.evaluate("window.notLoadedAgain = true")
        page.wait_for_function(f"({POINTS})() > 0", timeout=RUN_MS)
        page.wait_for_function(f"n => ({POINTS})() > n", arg=page.evaluate(POINTS), timeout=60_000)
        assert page.evaluate("window.notLoadedAgain") is True  # the curve grew by itself
        page.reload()  # a closed browser loses nothing
        page.get_by_text(re.compile(rf"^Candidate .* from run {run}$")).wait_for(timeout=RUN_MS)
    assert page.get_by_role("table", name="Candidate and version in use").get_by_text("AUROC").is_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(2, timeout=60_000)  # Plotly is fetched when first needed
    name = re.search(r"Candidate (\S+ \S+) from", page.locator(".d .top").nth(2).inner_text() or page.content())
    assert name
    page.get_by_label("Reason").fill("Trying the way to a new version.")
    override = page.get_by_label("To use it all the same")
    if override.count():
        override.fill("mortality")
    page.keyboard.press("Tab")
    button(page, "Use candidate").click()
    page.get_by_text("answers from now on").wait_for(timeout=60_000)
    page.goto(f"{desk.url}/models?task=mortality")
    page.get_by_text("Trying the way to a new version.").wait_for(timeout=60_000)
    in_use = page.get_by_role("table", name="Versions").locator("tr", has=page.get_by_text("In use"))
    candidate = name.group(1).split()[-1]
    expect(in_use.locator("td").first).to_have_text(candidate)
    button(page, "Back to the version before").click()
    page.get_by_text("answers again").wait_for(timeout=60_000)
    page.get_by_role("table", name="Which one answered").get_by_text("Taken back.").wait_for()
    expect(in_use.locator("td").first).not_to_have_text(candidate, timeout=30_000)


def test_a_reader_is_told_why_training_is_not_theirs(page: Page, desk: Desk) -> None:
    sign_in(page, desk.url, path="/train")
    start = button(page, "Start training")
    start.wait_for(timeout=60_000)
    assert start.is_disabled()
    assert page.get_by_text("This needs the role of trainer.").first.is_visible()


def test_a_ticked_row_opens_and_a_head_sorts_the_whole_list(page: Page, desk: Desk) -> None:
    sign_in(page, desk.url)
    canvas = page.locator("[data-testid=stDataFrame] canvas").first
    canvas.wait_for(timeout=60_000)
    settled(page)

    def click(x: float, row: int) -> None:
        box = canvas.bounding_box()
        assert box
        page.mouse.click(box["x"] + x, box["y"] + 33 * row + 16)

    click(75, 0)  # the head of the first column
    page.wait_for_url(re.compile("sort=number"))
    settled(page)
    page.wait_for_timeout(500)
    click(16, 1)
    page.locator(".d .top b", has_text=re.compile("^FILM-0001$")).wait_for(timeout=60_000)
    assert page.url == f"{desk.url}/case?case=3"
