"""Every task through every use case, unasked; and so is one that somebody adds as a single file."""

import json
import math
import re
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.parts import desk
from medcore import __main__ as command
from medcore import jobs, outcomes, tasks
from medcore.clinic import Clinic, User
from medcore.clinic.ranking import urgency
from medcore.errors import Refused
from medcore.explain import METHODS, explain, methods
from medcore.explain.records import record_field
from medcore.explain.whole import FEWEST, SIDE
from medcore.inputs import Input, Record, Volume, sha256
from medcore.learn.build import train
from medcore.learn.predict import Answer
from medcore.outcomes import Regression
from medcore.outcomes.base import WITH_PROBABILITIES
from medcore.packages import Package, load
from medcore.readers import files_of, read
from medcore.settings import REPO, settings
from medcore.store.pack import unpack
from medcore.tasks import Task
from tests.contract.one_file import NEW
from tests.export.opened import pdf_text

SEED = 4
SHIPPED = [*tasks.all_tasks()]


def cases(task: Task) -> int:
    """How many cases it learns from: fewer where its answer is an outline, which takes ten times as long."""
    return 12 if task.grid else 22


@dataclass(frozen=True)
class Made:
    """A task, its package of one epoch, and a desk at which it answers."""

    task: Task
    package: Package
    clinic: Clinic
    reader: User

    def inputs(self, seed: int = SEED) -> dict[str, Input]:
        return self.task.simulate(1, seed)[0].load()

    def choice(self) -> str:
        """Something that a reader may say."""
        outcome = self.task.outcome
        return "60" if isinstance(outcome, Regression) else outcome.choices[-1].name


@pytest.fixture(scope="module")
def folder_of_tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A further folder of tasks, as if it were medcore/tasks itself."""
    folder = tmp_path_factory.mktemp("tasks")
    tasks.__path__.append(str(folder))
    yield folder
    tasks.__path__.remove(str(folder))
    tasks.all_tasks.cache_clear()


@pytest.fixture(scope="module", params=[*SHIPPED, *NEW])
def made(
    request: pytest.FixtureRequest, folder_of_tasks: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Made]:
    """Trained for an epoch on simulated cases, two folds, and registered in an empty data folder."""
    name, place = request.param, tmp_path_factory.mktemp(request.param)
    if name in NEW:
        (folder_of_tasks / f"{name}.py").write_text(NEW[name])
    tasks.all_tasks.cache_clear()
    task = tasks.get(name)
    recipe = replace(task.recipe, epochs=1, batch=8)
    package = train(
        task, task.simulate(cases(task), 1), place / "models" / name, version="0.1.0", recipe=recipe, folds=(0, 1),
        device="cpu",
    )  # fmt: skip
    home = place / "home"
    url = f"sqlite:///{home / 'medcore.sqlite'}"
    clinic = Clinic(
        replace(settings(), home=home, database_url=url, models=place / "models", device="cpu", admin_password="")
    )
    yield Made(task, package, clinic, clinic.sign_in("reader"))
    clinic.database.engine.dispose()
    if name in NEW:
        (folder_of_tasks / f"{name}.py").unlink()
        sys.modules.pop(f"medcore.tasks.{name}")
    tasks.all_tasks.cache_clear()


def test_the_declaration_is_whole(made: Made) -> None:
    task = made.task
    names = [label.name for label in (*task.outcome.labels, *task.outcome.choices)]
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", n) for n in (task.name, *names, *task.fields))
    assert all((task.title, task.question, task.unit_noun, task.intended_use, task.not_for))
    assert task.question.endswith("?") and task.intended_use.endswith(".") and task.not_for.endswith(".")
    assert {label.name for label in task.outcome.labels} <= {c.name for c in task.outcome.choices}
    assert methods(task) and set(methods(task)) <= set(METHODS)


@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_normal_is_no_finding(name: str) -> None:
    """Nor is the absence of what is asked: neither is drawn as one, and neither makes a case urgent."""
    outcome = tasks.get(name).outcome
    harmless = [c for c in outcome.choices if re.match(r"normal$|no_", c.name) or c not in outcome.labels]
    assert not [c.name for c in harmless if c.finding]
    if outcome.kind not in WITH_PROBABILITIES:
        return
    sure = {label.name: 0.96 if label in harmless else 0.01 for label in outcome.labels}
    given = Answer(name, "", "", sure, {}, {}, "", (), 0.0, (), (), (), "cpu", 0.0)
    assert (urgency(outcome, given) or 0.0) < 0.1


def test_the_same_seed_simulates_the_same_and_says_so(made: Made) -> None:
    task = made.task

    def drawn(seed: int) -> list[tuple[list[str], str]]:
        samples = task.simulate(2, seed)
        return [([sha256(i) for i in s.load().values()], task.outcome.choice_of(s.target)) for s in samples]

    assert drawn(5) == drawn(5)
    assert [inputs for inputs, _truth in drawn(5)] != [inputs for inputs, _truth in drawn(6)]
    assert len({s.patient_hash for s in task.simulate(20, 5)}) == 20
    for name, given in made.inputs().items():
        assert given.facts["simulated"] == "yes"
        assert isinstance(task.fields[name].check(given), list)


def test_a_package_is_loaded_as_it_was_saved(made: Made) -> None:
    again = load(made.package.folder)
    assert again.hash == made.package.hash and again.folds == [0, 1]
    assert len(again.seen_patients) == cases(made.task)
    assert again.report["n"] > 0 and set(again.report["metrics"]) and made.task.question in again.card
    assert ("The cuts are fixed" in again.card) == bool(made.task.grid)
    for net in again.about["nets"]:
        path = again.folder / net["file"]
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(Refused, match=net["file"]):
            load(again.folder)
        path.write_bytes(content)


def said(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, object]:
    """The JSON that a command prints for a simulated case."""
    (given,) = made.inputs().values()
    (file,) = files_of(given).items()
    (tmp_path / file[0]).write_bytes(file[1])
    words = [more[0], made.task.name, str(tmp_path / file[0]), "--package", str(made.package.folder), "--json"]
    assert command.main([*words, *more[1:]]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_it_predicts_as_json(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDCORE_DEVICE", "cpu")
    found = said(made, tmp_path, capsys, "predict")
    (given,) = made.inputs().values()
    assert (found["task"], found["package"], found["case"]) == (made.task.name, f"{made.task.name} 0.1.0", given.kind)
    probabilities = found["probabilities"]
    assert isinstance(probabilities, dict) and found["device"] == "cpu"
    assert [*probabilities] == [label.name for label in made.task.outcome.labels]
    if not isinstance(made.task.outcome, Regression):
        assert all(0 <= p <= 1 for p in probabilities.values())
    assert all(math.isfinite(p) for p in probabilities.values())
    (name,) = made.task.fields
    assert found["absent"] == made.task.fields[name].absent(given)


def test_it_explains_as_json_and_as_a_map(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDCORE_DEVICE", "cpu")
    label = made.task.outcome.labels[-1].name
    found = said(made, tmp_path, capsys, "explain", "--label", label, "--out", str(tmp_path / "map.npz"))
    assert {"task", "package", "case", "probabilities", "absent", "device"} <= set(found)
    assert (found["label"], found["method"], found["failure"]) == (label, methods(made.task)[0], "")
    with np.load(tmp_path / "map.npz") as maps:
        assert {k: list(v.shape) for k, v in maps.items()} == found["shapes"]


def grid(task: Task, name: str, given: Input) -> tuple[int, ...]:
    """Where an attribution of this input lies."""
    arrays = given.content()[1]
    if isinstance(given, Volume):
        return arrays[0].shape[1:]
    return arrays[0].shape[:2] if arrays else (len(task.fields[name].columns),)  # type: ignore[attr-defined]


def test_each_method_explains_on_the_inputs_own_grid(made: Made) -> None:
    inputs = made.inputs()
    for method in methods(made.task):
        found = explain(made.package, inputs, method=method, device="cpu")
        assert (found.failure, found.method) == ("", method)
        assert found.baseline.endswith(".") and found.label in {label.name for label in made.task.outcome.labels}
        assert set(found.values) == set(inputs)
        for name, values in found.values.items():
            assert values.shape == grid(made.task, name, inputs[name])
            assert np.isfinite(values).all()
        assert (found.gap is not None) == METHODS[method].adds_up
        if found.gap is not None:
            # In points of probability, or of the unit where a number is told.
            assert found.gap < (1.0 if isinstance(made.task.outcome, Regression) else 0.05)


def test_a_case_goes_all_the_way_through_the_clinic(made: Made) -> None:
    clinic, me, task = made.clinic, made.reader, made.task
    case_id = clinic.admit_inputs(me, [*made.inputs().values()])
    view = clinic.open_case(me, case_id)
    assert task.name in view.tasks and view.row.simulated and view.row.state == "to_read"
    for ask in (clinic.answer, clinic.explain):
        with pytest.raises(Refused, match="locked"):
            ask(me, case_id, task.name)
    clinic.lock_read(me, case_id, task.name, made.choice(), confidence=2)
    given = clinic.answer(me, case_id, task.name)
    assert given.answer.package_hash == made.package.hash
    why = clinic.explain(me, case_id, task.name)
    assert why.attribution.failure == ""
    header, maps = unpack(clinic.map_bytes(me, why.id))
    first = next(iter(made.inputs().values()))
    assert tuple(header["shape"]) == grid(task, next(iter(task.fields)), first) and maps["map"].size
    clinic.review(me, case_id, task.name, agrees=False, choice=made.choice(), comment="Seen.")
    stages = [(r.stage, r.choice) for r in clinic.open_case(me, case_id).reads if r.task == task.name]
    assert stages == [("first", made.choice()), ("final", made.choice())]
    (row,) = [r for r in clinic.worklist(me, text=view.row.number).rows if r.number == view.row.number]
    assert (row.id, row.state) == (case_id, "reviewed" if row.task == task.name or not task.roles else "to_read")
    assert clinic.reviewed_count(task.name) == 1
    # A process that has nothing in memory answers the same, to the bit.
    later = Clinic(clinic.settings)
    fresh, difference = later.recompute(given.id)
    assert difference == 0.0 and fresh.probabilities == given.answer.probabilities
    assert later.verify_audit() is None
    later.database.engine.dispose()


def test_it_is_taken_away_in_each_form(made: Made, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    clinic, task = made.clinic, made.task
    admin = clinic.set_read_first(clinic.sign_in("admin"), False)
    case_id = clinic.admit_inputs(admin, [*made.inputs(SEED + 3).values()])
    clinic.answer(admin, case_id, task.name)
    clinic.review(admin, case_id, task.name, agrees=False, choice=made.choice())
    for offer in clinic.offers(admin, case_id, task.name):
        if offer.refusal is None:
            export = clinic.export(admin, case_id, task.name, offer.form)
            assert (export.name, export.media_type) == (offer.name, offer.media_type) and export.data
            (tmp_path / offer.form).write_bytes(export.data)
    assert made.package.name.encode() in clinic.export_cohort(admin).data
    assert "Simulated" in pdf_text((tmp_path / "pdf").read_bytes())
    assert b"Simulated case." in (tmp_path / "fhir").read_bytes()
    words = ["replay", str(tmp_path / "replay"), "--package", str(made.package.folder), "--json"]
    assert command.main(words) == 0
    assert json.loads(capsys.readouterr().out)["largest_difference"] == 0.0


def test_a_mask_is_kept_with_its_answer_and_teaches_once_it_is_agreed_with(made: Made) -> None:
    clinic, me, task = made.clinic, made.reader, made.task
    if task.grid is None:
        pytest.skip("says something of the case as a whole")
    inputs = made.inputs(SEED + 7)
    case_id = clinic.admit_inputs(me, [*inputs.values()])
    clinic.lock_read(me, case_id, task.name, made.choice(), confidence=2)
    given = clinic.answer(me, case_id, task.name)
    header, arrays = unpack(clinic.mask_bytes(me, given.id))
    labels, shape = task.outcome.labels, grid(task, task.outcome.on, inputs[task.outcome.on])
    assert arrays["mask"].shape == (len(labels), *shape) and set(np.unique(arrays["mask"])) <= {0, 1}
    assert [about["name"] for about in header["labels"]] == [label.name for label in labels]
    assert [about["voxels"] for about in header["labels"]] == [int(m.sum()) for m in arrays["mask"]]
    clinic.review(me, case_id, task.name, agrees=True)
    samples, _compared = clinic._samples(task, 1, {"data": "reviewed", "folder": None, "n": 0, "seed": 0})
    (sample,) = (s for s in samples if s.case == str(case_id))
    assert np.array_equal(np.broadcast_to(sample.target(), arrays["mask"].shape), arrays["mask"])


def test_what_is_stored_names_nobody_and_reads_back_the_same(made: Made) -> None:
    for given in made.inputs(SEED + 1).values():
        (again,) = read(files_of(given))
        assert sha256(again.input) == sha256(given) and again.person is None


def sent(page: AppTest) -> str:
    """All that a page sends to the browser, as text."""
    assert not page.exception, page.exception
    return " ".join(str(getattr(node, "proto", "")) for node in page._tree)


def test_its_page_is_drawn_and_keeps_the_answer_back(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    clinic, me, task = made.clinic, made.reader, made.task
    case_id = clinic.admit_inputs(me, [*made.inputs(SEED + 2).values()])
    monkeypatch.setattr(desk, "clinic", lambda: clinic)
    page = AppTest.from_file(str(REPO / "app" / "main.py"), default_timeout=60)
    page.user = {"id": str(me.id)}
    page.query_params = {"case": str(case_id), "task": task.name}
    page.switch_page("../pages/case.py")
    before = sent(page.run())
    assert task.question in before and "hidden" in before
    assert made.package.name not in before.replace(f"Model {made.package.name} is ready", "")
    clinic.lock_read(me, case_id, task.name, made.choice(), confidence=2)
    given = clinic.answer(me, case_id, task.name)
    why = clinic.explain(me, case_id, task.name).attribution
    after = sent(page.run())
    assert made.package.name in after and given.answer.package_hash[:8] in after
    told = record_field(task) and given.answer.probabilities.get(why.label)
    if told and METHODS[why.method].adds_up and not given.answer.withheld:
        start = told - float(sum(next(iter(why.values.values()))))
        assert f"Start: {round(100 * start)} in 100" in after
    for name in ("case", "explain"):
        assert "Simulated" in sent(page.switch_page(f"../pages/{name}.py").run())


def test_its_roc_is_drawn_where_it_says_probabilities(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    clinic, task = made.clinic, made.task
    monkeypatch.setattr(desk, "clinic", lambda: clinic)
    page = AppTest.from_file(str(REPO / "app" / "main.py"), default_timeout=60)
    page.user = {"id": str(made.reader.id)}
    page.query_params = {"task": task.name}
    page.switch_page("../pages/models.py")
    shown = sent(page.run())
    assert (made.package.report["roc"] != {}) == (task.outcome.kind in WITH_PROBABILITIES)
    assert ("Sensitivity against 1" in shown) == (made.package.report["roc"] != {})
    drawn = [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]
    lines = [trace for figure in drawn for trace in figure["data"]]
    for label, curve in made.package.report["roc"].items():
        title = next(each.title for each in task.outcome.labels if each.name == label)
        assert any(t.get("name") == title and t["x"] == curve["false"] and t["y"] == curve["true"] for t in lines)


def test_a_record_is_asked_what_if(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each label of it, at the desk and on the page."""
    clinic, me, task = made.clinic, made.reader, made.task
    found = record_field(task)
    if found is None:
        pytest.skip("takes more than a record")
    spec = found[1]
    (given,) = made.inputs(SEED + 5).values()
    assert isinstance(given, Record)
    case_id = clinic.admit_inputs(me, [given])
    clinic.lock_read(me, case_id, task.name, made.choice(), confidence=2)
    answer = clinic.answer(me, case_id, task.name).answer
    if answer.withheld:
        pytest.skip("this package takes it for something else")
    was, _now = clinic.what_if(me, case_id, task.name, {})
    assert was.choice == answer.choice
    for label in (label.name for label in task.outcome.labels):
        assert was.probabilities[label] == pytest.approx(answer.probabilities[label], abs=1e-6)
        bands = clinic.absent_bands(me, case_id, task.name, label)
        assert {b.column for b in bands} <= set(spec.absent(given))
        turned = clinic.counterfactual(me, case_id, task.name, label)
        if turned is not None:
            values = {c.column: c.new for c in turned.changes}
            choice = clinic.what_if(me, case_id, task.name, values)[1].choice
            assert (label in choice.split("+")) != (label in answer.choice.split("+"))
        for column in spec.columns:
            if not column.fixed:
                assert len(clinic.curves(me, case_id, task.name, label, column.name).at) > 1
        clinic.explain(me, case_id, task.name, label)
    monkeypatch.setattr(desk, "clinic", lambda: clinic)
    page = AppTest.from_file(str(REPO / "app" / "main.py"), default_timeout=60)
    page.user = {"id": str(me.id)}
    page.query_params = {"case": str(case_id), "task": task.name}
    shown = sent(page.switch_page("../pages/explain.py").run())
    assert f"/what_if/{case_id}/{task.name}/" in shown and "Something went wrong" not in shown


def test_what_it_goes_by_is_told_over_many_cases(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each explained by a worker, and together on the page."""
    clinic, me, task = made.clinic, made.reader, made.task
    for sample in task.simulate(FEWEST + 1, SEED + 40):
        case_id = clinic.admit_inputs(me, [*sample.load().values()])
        clinic.lock_read(me, case_id, task.name, made.choice(), confidence=2)
        clinic.answer(me, case_id, task.name)
    before = clinic.cohort(me, task.name)
    if before.explained < before.answered:
        clinic.explain_cohort(me, task.name)
    while job := jobs.claim(clinic.database, "here", kinds=("cohort",)):
        with jobs.Heartbeat(clinic.database, job) as beat:
            clinic.work(job, beat, threading.Event())
    after = clinic.cohort(me, task.name)
    if after.answered < FEWEST:
        pytest.skip("this package takes most of them for something else")
    whole = clinic.whole(me, task.name)
    assert whole["n"] == after.explained == after.answered and whole["parts"]
    share = whole["importance"][""]["share"]
    assert all(0 <= figure["low"] <= figure["value"] <= figure["high"] for figure in share.values())
    if any(spec.kind in ("image", "volume") for spec in task.fields.values()):
        assert np.shape(whole["pictures"][""][""]["mean"]) == (SIDE, SIDE)
    monkeypatch.setattr(desk, "clinic", lambda: clinic)
    page = AppTest.from_file(str(REPO / "app" / "main.py"), default_timeout=60)
    page.user = {"id": str(me.id)}
    page.query_params = {"view": "model", "task": task.name}
    shown = sent(page.switch_page("../pages/explain.py").run())
    assert "What it goes by" in shown and whole["parts"][0] in shown and "Something went wrong" not in shown


def test_nothing_elsewhere_names_a_task() -> None:
    """What a task can do is asked of its declaration. Data sets may be called as a task is."""
    names = re.compile(rf"\b({'|'.join(SHIPPED)})\b")
    allowed = [REPO / "medcore" / "tasks", REPO / "medcore" / "datasets"]
    told = []
    for room in ("app", "pages", "medcore"):
        for path in (REPO / room).rglob("*"):
            if path.suffix in (".py", ".js", ".html", ".css", ".mako") and not any(a in path.parents for a in allowed):
                found = names.findall(path.read_text())
                told += [f"{path.relative_to(REPO)}: {name}" for name in found]
    assert told == []


def test_each_kind_of_outcome_is_among_them() -> None:
    """One that is added needs a task here."""
    declared = [type(t.outcome).__name__ for t in tasks.all_tasks().values()]
    for name in outcomes.__all__:
        assert name in ("Label", "Outcome", "GridOutcome", *declared) or any(
            f"outcome={name}(" in text for text in NEW.values()
        )
