"""What was remarked on an input when it came stays beside the answer: on the page, in the PDF, in FHIR."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from app.parts import desk
from medcore import tasks
from medcore.clinic import Clinic, User
from medcore.export import pdf
from medcore.inputs import Signal
from medcore.settings import REPO, Settings, settings
from tests.export.opened import pdf_text

TASK, REMARK = "ecg_diagnosis", "swapped"
ARMS = {"I": ("I", -1), "II": ("III", 1), "III": ("II", 1), "aVR": ("aVL", 1), "aVL": ("aVR", 1)}


@pytest.fixture
def answering(bare: Settings) -> Iterator[Clinic]:
    made = Clinic(replace(bare, models=settings().models))
    yield made
    made.database.engine.dispose()


def swapped_arms() -> Signal:
    """A simulated ECG as swapped arm cables record it."""
    given = tasks.get(TASK).simulate(1, 3)[0].load()["ecg"]
    assert isinstance(given, Signal)
    rows, samples = {n: i for i, n in enumerate(given.leads)}, given.samples.copy()
    for lead, (shown, sign) in ARMS.items():
        samples[rows[lead]] = sign * given.samples[rows[shown]]
    return replace(given, samples=samples)


def shown(clinic: Clinic, user: User, case_id: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the case page sends."""
    monkeypatch.setattr(desk, "clinic", lambda: clinic)
    page = AppTest.from_file(str(REPO / "app" / "main.py"), default_timeout=60)
    page.user = {"id": str(user.id)}
    page.query_params = {"case": str(case_id), "task": TASK}
    page.switch_page("../pages/case.py")
    page.run()
    assert not page.exception
    return " ".join(str(block.proto.body) for block in page.get("html"))


@pytest.mark.parametrize("reads_first", [True, False])
def test_a_remark_on_the_input_stays_beside_the_answer(
    reads_first: bool, answering: Clinic, reader: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = answering.set_read_first(reader, reads_first)
    case_id = answering.admit_inputs(me, [swapped_arms()])
    if reads_first:
        assert REMARK in shown(answering, me, case_id, monkeypatch)
        answering.lock_read(me, case_id, TASK, "normal", 2)
    answering.answer(me, case_id, TASK)
    answering.explain(me, case_id, TASK)
    page = shown(answering, me, case_id, monkeypatch)
    assert "Model’s answer" in page and page.count(REMARK) == 1


def test_it_goes_out_with_the_answer(answering: Clinic, reader: User) -> None:
    me = answering.set_read_first(reader, False)
    case_id = answering.admit_inputs(me, [swapped_arms()])
    answering.answer(me, case_id, TASK)
    answering.review(me, case_id, TASK, True)
    bundle = json.loads(answering.export(me, case_id, TASK, "fhir").data)
    (said,) = (e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Observation"
               and e["resource"]["code"]["coding"][0]["code"] == f"{TASK}.normal")  # fmt: skip
    assert any(REMARK in note["text"] for note in said["note"])
    if pdf.missing() is None:
        assert REMARK in pdf_text(answering.export(me, case_id, TASK, "pdf").data)
