"""Of several labels none may be right: that is an answer, and not the same as being unable to tell."""

import csv
import io
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.parts import desk
from medcore import tasks
from medcore.clinic import Clinic, User
from medcore.settings import REPO, settings

TASK = next(name for name, task in tasks.all_tasks().items() if task.outcome.kind == "multilabel")
LOCK = f"read-1-{TASK}"
NONE, CANT_TELL = "None of them", "Can’t tell"


@pytest.fixture
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clinic]:
    """One net of the shipped version, with cuts that no probability reaches, and one case."""
    shipped, own = settings().models / TASK, tmp_path / "models" / TASK
    about = json.loads((shipped / "package.json").read_text())
    about |= {"nets": about["nets"][:1], "thresholds": [0.999] * len(about["thresholds"])}
    own.mkdir(parents=True)
    (own / "package.json").write_text(json.dumps(about))
    for name in ("net_0.safetensors", "space.safetensors", "CARD.md"):
        (own / name).symlink_to((shipped / name).resolve())
    url = f"sqlite:///{tmp_path}/medcore.sqlite"
    made = Clinic(replace(settings(), home=tmp_path, database_url=url, models=tmp_path / "models", device="cpu"))
    made.admit_inputs(made.sign_in("reader"), [*tasks.get(TASK).simulate(4, 3)[3].load().values()])
    monkeypatch.setattr(desk, "clinic", lambda: made)
    yield made
    made.database.engine.dispose()


@pytest.fixture
def reader(clinic: Clinic) -> User:
    return clinic.sign_in("reader")


def opened(user: User, page: str) -> AppTest:
    at = AppTest.from_file(str(REPO / "app" / "main.py"), default_timeout=120)
    at.user, at.query_params = {"id": str(user.id)}, {"case": "1"}
    return at.switch_page(f"../pages/{page}.py").run()


def told(at: AppTest) -> str:
    assert not at.exception
    return " ".join(str(block.proto.body) for block in at.get("html"))


def confirmed(clinic: Clinic, user: User) -> None:
    clinic.lock_read(user, 1, TASK, "normal", 3)
    assert clinic.answer(user, 1, TASK).answer.choice == ""
    clinic.review(user, 1, TASK, True)


def test_nothing_is_locked_while_nothing_is_picked(clinic: Clinic, reader: User) -> None:
    at = opened(reader, "case")
    assert at.button(key=f"{LOCK}-lock").disabled
    pills = at.button_group(key=f"{LOCK}-choice")
    assert pills.options[-1] == CANT_TELL
    pills.set_value([""]).run()
    assert not at.button(key=f"{LOCK}-lock").disabled
    at.button_group(key=f"{LOCK}-choice").set_value([]).run()
    assert at.button(key=f"{LOCK}-lock").disabled
    at.button_group(key=f"{LOCK}-choice").set_value(["", "normal"]).run()
    at.button(key=f"{LOCK}-lock").click().run()
    assert not at.exception
    (read,) = clinic.open_case(reader, 1).reads
    assert (read.stage, read.choice) == ("first", "normal")


def test_none_of_them_is_confirmed_or_said_to_be_right(clinic: Clinic, reader: User) -> None:
    clinic.lock_read(reader, 1, TASK, "", None)
    assert CANT_TELL in told(opened(reader, "case"))
    key = f"final-1-{TASK}-{clinic.answer(reader, 1, TASK).id}"
    at = opened(reader, "case")
    for _try in range(60):
        if any(b.key == f"{key}-save" for b in at.button):
            break
        time.sleep(0.5)
        at.run()
    at.button_group(key=f"{key}-decision").set_value("correct").run()
    assert at.button(key=f"{key}-save").disabled
    right = at.button_group(key=f"{key}-right")
    assert right.options[-1] == NONE
    right.set_value([""]).run()
    at.button(key=f"{key}-save").click().run()
    final = next(r for r in clinic.open_case(reader, 1).reads if r.stage == "final")
    assert (final.choice, final.agrees) == ("", True)
    again = told(opened(reader, "case"))
    assert f"Confirmed: {NONE}." in again


def test_it_leaves_as_what_it_is(clinic: Clinic, reader: User) -> None:
    confirmed(clinic, reader)
    clinic.lock_read(clinic.sign_in("trainer"), 1, TASK, "", None)
    made = json.loads(clinic.export(reader, 1, TASK, "fhir").data)["entry"]
    report, *others = [entry["resource"] for entry in made]
    assert f"Model: {NONE}. Reader: {NONE}." in report["conclusion"]
    (final,) = [o for o in others if o.get("code", {}).get("text") == "Final read"]
    assert final["valueCodeableConcept"]["coding"][0]["code"] == "none"
    assert final["valueCodeableConcept"]["text"] == NONE
    trainer = clinic.sign_in("trainer")
    rows = [*csv.DictReader(io.StringIO(clinic.export_cohort(trainer).data.decode("utf-8-sig")))]
    assert {(r["choice"], r["first_read"]) for r in rows if r["reader"] == "trainer"} == {("none", "cant_tell")}
    clinic.review(trainer, 1, TASK, True)
    rows = [*csv.DictReader(io.StringIO(clinic.export_cohort(trainer).data.decode("utf-8-sig")))]
    assert {(r["final_read"], r["final_agrees"]) for r in rows if r["reader"] == "reader"} == {("none", "yes")}


@pytest.mark.parametrize("page", ["worklist", "explain"])
def test_the_machine_is_never_told_to_be_unable(clinic: Clinic, reader: User, page: str) -> None:
    confirmed(clinic, reader)
    at = opened(reader, page)
    if page == "worklist":
        p = clinic.answer(reader, 1, TASK).answer.probabilities
        likeliest = max(p[label.name] for label in tasks.get(TASK).outcome.labels if label.finding)
        assert at.dataframe[0].value["score"].tolist() == [max(1.0, 100 * likeliest)]
    said = at.dataframe[0].value["says"].tolist() if page == "worklist" else [told(at)]
    assert len(said) == 1 and NONE in said[0] and CANT_TELL not in said[0]


def test_other_readers_and_the_truth_are_told_alike(clinic: Clinic, reader: User) -> None:
    confirmed(clinic, reader)
    trainer = clinic.sign_in("trainer")
    clinic.lock_read(trainer, 1, TASK, "infarction", 2)
    clinic.answer(trainer, 1, TASK)
    clinic.review(trainer, 1, TASK, False, "infarction")
    assert clinic.truth(trainer, 1, TASK) is None
    at = opened(trainer, "case")
    for _try in range(60):
        if any(b.key == "keep-truth-1" for b in at.button):
            break
        time.sleep(0.5)
        at.run()
    assert "Known to be so" not in told(at) and NONE in told(at)  # the other reader's
    assert at.button(key="keep-truth-1").disabled
    at.button_group(key=f"truth-1-{TASK}").set_value([""]).run()
    at.button(key="keep-truth-1").click().run()
    assert clinic.truth(trainer, 1, TASK) == ""
    assert "Known to be so" in told(at) and CANT_TELL not in told(at)
