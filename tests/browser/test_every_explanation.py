"""Each task that there is: its map, the evidence on it, similar cases, what it goes by, on Case and Explain."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from medcore import tasks
from medcore.checks import stored
from medcore.clinic import Clinic
from medcore.packages import load
from medcore.settings import settings
from medcore.tasks import Task
from tests.browser.conftest import sign_in
from tests.browser.test_pages import FIRST_ANSWER_MS, Desk

pytestmark = pytest.mark.browser
SHIPPED = [task for task in tasks.all_tasks().values() if (settings().models / task.name).is_dir()]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, dict[str, int]]]:
    """A desk with a read and answered case of each task, and the cases by task."""
    made = Desk(tmp_path_factory.mktemp("explained"))
    home = replace(
        settings(), home=made.home, database_url=f"sqlite:///{made.home / 'medcore.sqlite'}", device="cpu",
        admin_password="",
    )  # fmt: skip
    clinic, cases = Clinic(home), {}
    me = clinic.set_read_first(clinic.sign_in("reader"), False)
    for task in SHIPPED:
        for sample in task.simulate(6, 11):
            case_id = clinic.admit_inputs(me, [*sample.load().values()])
            if not clinic.answer(me, case_id, task.name).answer.withheld:
                cases[task.name] = case_id
                clinic.explain(me, case_id, task.name)
                break
    clinic.database.engine.dispose()
    made.start()
    yield made, cases
    made.stop()


@pytest.mark.parametrize("task", SHIPPED, ids=lambda task: task.name)
def test_each_task_shows_its_proof(page: Page, desk: tuple[Desk, dict[str, int]], task: Task) -> None:
    made, cases = desk
    at = f"case={cases[task.name]}&task={task.name}"
    sign_in(page, made.url, path="/about")
    page.goto(f"{made.url}/case?{at}")
    being = page.get_by_text("Whether to believe this map")
    expect(being.first).to_be_visible(timeout=FIRST_ANSWER_MS)
    page.goto(f"{made.url}/explain?{at}")
    for heading in ("How far to trust the map", "Similar cases"):
        expect(page.get_by_text(heading, exact=True).first).to_be_visible(timeout=FIRST_ANSWER_MS)
    expect(being.first).to_be_visible()
    checks = stored(load(settings().models / task.name)) or {}
    if "truth" in checks:
        expect(page.get_by_role("columnheader", name="Pointing").first).to_be_visible()
    page.goto(f"{made.url}/explain?view=model&task={task.name}&of=learnt")
    for heading in ("What it goes by", "A map on average"):
        expect(page.get_by_text(heading, exact=True).first).to_be_visible(timeout=FIRST_ANSWER_MS)
    part = checks["whole"]["parts"][0]
    expect(page.get_by_role("cell", name=part, exact=True).first).to_be_visible()
    expect(page.get_by_text("Something went wrong")).to_have_count(0)
