"""Reading as two people do it at one desk: side by side, in an exercise, and as second reader."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page, expect
from threadpoolctl import threadpool_limits

from medcore import tasks
from medcore.clinic import Clinic
from medcore.learn.build import train
from medcore.learn.predict import answer
from medcore.settings import settings
from tests.browser.conftest import sign_in
from tests.browser.test_pages import FIRST_ANSWER_MS, Desk, button, pick, settled

pytestmark = pytest.mark.browser
TASK = "mortality"
LOCK = "Lock my read and show the model"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Eight simulated records to read, the outcome of each known, and a small version that has learnt from others."""
    models = tmp_path_factory.mktemp("models")
    task = tasks.get(TASK)
    with threadpool_limits(1):
        train(
            task,
            task.simulate(120, 1),
            models / TASK,
            version="1.0.0",
            recipe=replace(task.recipe, epochs=3),
            folds=(0,),
            device="cpu",
        )
    made = Desk(tmp_path_factory.mktemp("reading"), more={"MEDCORE_MODELS": str(models)})
    where = {"home": made.home, "database_url": f"sqlite:///{made.home}/medcore.sqlite", "models": models}
    clinic = Clinic(replace(settings(), device="cpu", **where))  # type: ignore[arg-type]
    trainer = clinic.sign_in("trainer")
    package = clinic.in_use(TASK)
    samples = [s for s in task.simulate(40, 20_260) if not answer(package, s.load(), "cpu").withheld]
    for sample in samples[:8]:
        case_id = clinic.admit_inputs(trainer, [*sample.load().values()], source="demo")
        clinic.set_truth(trainer, case_id, TASK, task.outcome.choice_of(sample.target))
    clinic.database.engine.dispose()
    made.start()
    yield made
    made.stop()


def visitor(browser: Browser, desk: Desk, name: str, path: str) -> Page:
    """Somebody else at a browser of their own."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}, bypass_csp=True).new_page()
    sign_in(page, desk.url, name, path=path)
    return page


def ready(page: Page) -> Page:
    page.get_by_text("Model’s answer is hidden").wait_for(timeout=60_000)
    settled(page)
    return page


def decide(page: Page, text: str = "Confirm") -> None:
    """The final read, once answer and reasons are there."""
    page.locator(".d .say.m .score").wait_for(timeout=FIRST_ANSWER_MS)
    page.wait_for_function("() => !document.querySelector('[data-testid^=stSkeleton]')", timeout=FIRST_ANSWER_MS)
    settled(page)
    page.get_by_text(text, exact=True).click()
    expect(button(page, "Save and next")).to_be_enabled(timeout=30_000)
    button(page, "Save and next").click()


def test_two_readers_of_one_case_lose_nothing(browser: Browser, desk: Desk) -> None:
    one = ready(visitor(browser, desk, "reader", "/case?case=1"))
    two = ready(visitor(browser, desk, "trainer", "/case?case=1"))
    two.get_by_text("Also open with: reader.").wait_for(timeout=30_000)
    for page, choice in ((one, "Discharged alive"), (two, "Death in hospital")):
        page.get_by_text(choice, exact=True).click()
        expect(button(page, LOCK)).to_be_enabled(timeout=30_000)
    tab = one.context.new_page()  # the same reader's second tab, opened before the lock
    tab.goto(f"{desk.url}/case?case=1")
    ready(tab).get_by_text("Death in hospital", exact=True).click()
    expect(button(tab, LOCK)).to_be_enabled(timeout=30_000)
    for page in (one, two):  # both are on their way before either is answered
        button(page, LOCK).click(no_wait_after=True)
    for page, choice in ((one, "Discharged alive"), (two, "Death in hospital")):
        expect(page.locator(".d .say .said").first).to_have_text(choice, timeout=FIRST_ANSWER_MS)
    button(tab, LOCK).click()
    tab.get_by_text("Your first read of this case is locked already.").wait_for(timeout=30_000)
    tab.close()
    assert "Other readers" not in one.content()
    decide(one)
    one.get_by_text("REC-0001 is saved.").wait_for(timeout=60_000)
    assert "Other readers" not in two.content()  # blind until the own final read
    decide(two)
    two.get_by_text("REC-0001 is saved.").wait_for(timeout=60_000)
    for page, other in ((one, "trainer"), (two, "reader")):
        page.goto(f"{desk.url}/case?case=1")
        page.get_by_text("Other readers").wait_for(timeout=60_000)
        page.get_by_role("cell", name=other, exact=True).wait_for()
        page.context.close()


def test_a_read_half_given_outlives_a_reload_and_is_nobody_elses(browser: Browser, page: Page, desk: Desk) -> None:
    sign_in(page, desk.url, "reader", path="/case?case=5")
    ready(page).get_by_text("Death in hospital", exact=True).click()
    page.get_by_label("Comment").fill("half a thought")
    page.get_by_label("Comment").press("Tab")
    sure = page.get_by_role("slider", name="How sure are you?")
    sure.focus()
    sure.press("ArrowRight")
    settled(page)
    said = sure.get_attribute("aria-valuetext")
    page.reload()
    expect(ready(page).get_by_label("Comment")).to_have_value("half a thought")
    expect(button(page, LOCK)).to_be_enabled()
    expect(sure).to_have_attribute("aria-valuetext", said or "")
    other = ready(visitor(browser, desk, "trainer", "/case?case=5"))
    expect(other.get_by_label("Comment")).to_have_value("")
    expect(button(other, LOCK)).to_be_disabled()
    other.context.close()
    button(page, LOCK).click()
    page.locator(".d .say.m .score").wait_for(timeout=FIRST_ANSWER_MS)
    assert page.get_by_text("half a thought").count() == 1
    page.goto(f"{desk.url}/case?case=6")
    expect(ready(page).get_by_label("Comment")).to_have_value("")


def test_the_worklist_says_who_reads_what(browser: Browser, desk: Desk) -> None:
    one = ready(visitor(browser, desk, "reader", "/case?case=2"))
    two = visitor(browser, desk, "trainer", "/")
    heads = two.locator("[data-testid=stDataFrame] canvas").first
    heads.wait_for(timeout=60_000)
    settled(two)
    expect(two.locator("[data-testid=stDataFrame] table thead")).to_contain_text("Open now", timeout=30_000)
    expect(two.locator("[data-testid=stDataFrame] table")).to_contain_text("reader")
    one.context.close()
    two.wait_for_timeout(1500)
    two.reload()
    heads.wait_for(timeout=60_000)
    settled(two)
    expect(two.locator("[data-testid=stDataFrame] table thead")).not_to_contain_text("Open now", timeout=30_000)
    two.context.close()


def test_a_second_reader_finds_the_case_and_both_see_where_they_differ(
    browser: Browser, page: Page, desk: Desk
) -> None:
    sign_in(page, desk.url, "reader", path="/case?case=3")
    ready(page).get_by_text("Discharged alive", exact=True).click()
    button(page, LOCK).click()
    decide(page)
    page.get_by_text("REC-0003 is saved.").wait_for(timeout=60_000)
    second = visitor(browser, desk, "admin", "/?state=second")
    second.locator("[data-testid=stDataFrame] canvas").first.wait_for(timeout=60_000)
    settled(second)
    pick(second, "Open case", "REC-0003")
    ready(second).get_by_text("Death in hospital", exact=True).click()
    button(second, LOCK).click()
    decide(second, "Can’t tell")
    second.get_by_text("REC-0003 is saved.").wait_for(timeout=60_000)
    for someone in (page, second):
        someone.goto(f"{desk.url}/readers")
        differ = someone.get_by_role("table", name="Where readers differ")
        differ.get_by_role("link", name="REC-0003").wait_for(timeout=60_000)
        expect(differ).to_contain_text("admin: Can’t tell")
        kappa = someone.get_by_role("table", name="Agreement of readers").get_by_role("row").nth(1)
        expect(kappa).to_contain_text("reader")
    pairs = page.get_by_role("table", name="Before and after the answer")
    expect(pairs).to_contain_text("known truth")
    expect(pairs).not_to_contain_text("admin")  # a reader sees their own
    second.context.close()


def test_the_meaning_moves_with_the_prevalence(page: Page, desk: Desk) -> None:
    sign_in(page, desk.url, "admin", path="/case?case=4")
    ready(page).get_by_text("Death in hospital", exact=True).click()
    button(page, LOCK).click()
    page.get_by_text("Can’t be excluded").wait_for(timeout=FIRST_ANSWER_MS)
    page.wait_for_function("() => !document.querySelector('[data-testid^=stSkeleton]')", timeout=FIRST_ANSWER_MS)
    settled(page)
    page.get_by_text("Cut, predictive values, origin of the numbers").click()
    page.get_by_text(re.compile("the cut with the largest sensitivity")).wait_for()
    table = page.get_by_role("table", name="Predictive values")
    first = table.get_by_role("row").nth(1).get_by_role("cell")
    before = int(first.nth(1).inner_text())
    slider = page.get_by_role("slider", name="Share of patients who have it")
    slider.focus()
    for _press in range(4):
        page.keyboard.press("ArrowLeft")
    expect(first.nth(1)).not_to_have_text(str(before), timeout=30_000)
    settled(page)
    assert int(first.nth(1).inner_text()) < before
    page.get_by_role("link", name="Card", exact=True).click()
    page.wait_for_url(re.compile(r"/models\?.*task=mortality"))


def test_an_exercise_from_its_making_to_its_end(browser: Browser, page: Page, desk: Desk) -> None:
    maker = visitor(browser, desk, "trainer", "/readers")
    maker.get_by_text("Make an exercise").click(timeout=60_000)
    pick(maker, "Question", "Death in hospital")
    settled(maker)
    maker.get_by_label("Title").fill("Thursday")
    maker.keyboard.press("Tab")
    settled(maker)
    for number in range(1, 6):  # three cases stay, none of which the reader has read
        button(maker, f"Remove REC-000{number}").click()
        settled(maker)
    slider = maker.get_by_role("slider", name="Wrong answers, % of cases")
    slider.focus()
    for _press in range(4):
        maker.keyboard.press("ArrowRight")
    settled(maker)
    button(maker, "Make it").click()
    maker.get_by_text("3 cases, by trainer").wait_for(timeout=60_000)
    maker.context.close()

    sign_in(page, desk.url, "reader", path="/readers")
    button(page, "Start").click(timeout=60_000)
    for n in (1, 2, 3):
        page.get_by_text(f"Case {n} of 3").wait_for(timeout=60_000)
        ready(page)
        page.get_by_text("Exercise “Thursday”.").wait_for()
        page.get_by_text("Discharged alive", exact=True).click()
        button(page, LOCK).click()
        decide(page)
    button(page, "Finish and see").click(timeout=60_000)
    page.get_by_text("Results of “Thursday”").wait_for(timeout=60_000)
    rows = page.get_by_role("table", name="Results").get_by_role("row")
    assert rows.count() == 4
    wrong = [r for r in range(1, 4) if "its own answer" not in rows.nth(r).inner_text()]
    assert 1 <= len(wrong) <= 2
    for r in wrong:
        cells = rows.nth(r).get_by_role("cell")
        assert cells.nth(2).inner_text() == cells.nth(4).inner_text() != cells.nth(5).inner_text()


def test_an_order_by_the_machine_for_who_does_not_read_first(page: Page, desk: Desk) -> None:
    sign_in(page, desk.url, "admin", path="/")
    settled(page)
    page.get_by_role("combobox", name=re.compile("Sort")).click()
    assert page.get_by_role("option", name="Urgency").count() == 0
    page.goto(f"{desk.url}/about")
    page.get_by_text("Read first", exact=True).click()
    page.get_by_text("Answers are shown at once.").wait_for()
    page.goto(f"{desk.url}/?sort=urgency")
    page.get_by_text("Last: outlines").wait_for(timeout=60_000)
    page.get_by_role("button", name=re.compile("^Score .* waiting cases")).click(timeout=60_000)
    page.get_by_role("button", name=re.compile("^Score ")).wait_for(state="detached", timeout=FIRST_ANSWER_MS)
    settled(page)
    assert page.locator(".d .strip.finding").count() == 0
