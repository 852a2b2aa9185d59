"""What stands beside an answer, and what is shown where no number would mean anything."""

import json
import shutil
from pathlib import Path

from medcore import tasks
from medcore.clinic import AnswerView, Clinic, User
from medcore.clinic.cards import _decision, _roc
from medcore.inputs import Record
from medcore.learn.decision import not_excluded
from medcore.outcomes.metrics import predictive_values
from medcore.packages import load
from medcore.store.tables import AnswerRow

TASK = "mortality"


def answered(clinic: Clinic, user: User, given: Record) -> AnswerView:
    case_id = clinic.admit_inputs(user, [given])
    clinic.lock_read(user, case_id, TASK, "survival", 3)
    return clinic.answer(user, case_id, TASK)


def record(seed: int = 5) -> Record:
    given = tasks.get(TASK).simulate(1, seed)[0].load()["record"]
    assert isinstance(given, Record)
    return given


def test_the_card_is_of_the_version_that_answered(answering: Clinic, reader: User) -> None:
    given = answered(answering, reader, record())
    card = answering.card(given)
    package = answering.in_use(TASK)
    found = package.report["decision"]
    p = [*given.answer.probabilities.values()]
    import numpy as np

    assert card.open == not_excluded(package.task.outcome, np.array(p), found["exclude_below"]) == given.answer.set
    assert set(card.coverage) == {"hospital_death", "survival"}
    assert card.rates["hospital_death"]["threshold"] == given.answer.thresholds["hospital_death"]
    rates = card.rates["hospital_death"]
    assert rates["n_with"] + rates["n_without"] == package.report["n"]
    assert not card.simulated  # the version learnt from simulated cases itself
    for heading in ("What the cut means", "What can be excluded", "Keep it"):
        assert heading in package.card


def test_predictive_values_move_with_the_prevalence(answering: Clinic, reader: User) -> None:
    rates = {
        "sensitivity": {"value": 0.8, "low": 0.7, "high": 0.9},
        "specificity": {"value": 0.9, "low": 0.85, "high": 0.95},
    }
    shares = (0.01, 0.1, 0.5)
    found = [answering.predictive(rates, share) for share in shares]
    for share, f in zip(shares, found, strict=True):
        ppv, npv = predictive_values(0.8, 0.9, share)
        assert (f["ppv"][0], f["npv"][0]) == (ppv, npv)
        assert f["ppv"][1] < ppv < f["ppv"][2] and f["npv"][1] < npv < f["npv"][2]
    assert found[0]["ppv"][0] < found[1]["ppv"][0] < found[2]["ppv"][0]
    assert found[0]["npv"][0] > found[1]["npv"][0] > found[2]["npv"][0]


def test_limits_are_those_of_the_patient(answering: Clinic, reader: User) -> None:
    """A package with figures by group, before patients of groups that it knows well, badly, and not at all."""
    package = answering.in_use(TASK)
    overall = package.report["metrics"]["auroc"]["value"]
    figure = {"value": overall - 0.2, "low": overall - 0.3, "high": overall - 0.1}
    known = {"n": 500, "metric": "auroc", "figure": figure}
    package.about["report"]["decision"]["groups"] = {"age": {"65-79": known}, "sex": {"F": {**known, "n": 40}},
                                                     "source": {"north": known, "south": known}}  # fmt: skip
    given = record()
    old = answered(answering, reader, Record(given.values, {"age_years": "70", "sex": "M"}))
    limits = {limit.group: limit for limit in answering.card(old).limits}
    assert (limits["age"].value, limits["age"].n, limits["age"].worse) == ("65-79", 500, True)
    # Where the patient comes from isn't known, so both places are told; a made-up one is from neither.
    assert [s.value for s in answering.card(old).sources] == ["north", "south"]
    assert (limits["sex"].value, limits["sex"].n, limits["sex"].figure) == ("M", 0, None)
    child = answered(answering, reader, Record({**given.values, "meanbp": 71.0}, {"age_years": "5"}))
    (age,) = answering.card(child).limits
    assert (age.value, age.n, age.worse) == ("2-11", 0, False)
    unknown = answered(answering, reader, Record({**given.values, "meanbp": 72.0}))
    assert answering.card(unknown).limits == ()
    made_up = answered(answering, reader, Record({**given.values, "meanbp": 74.0}, {"simulated": "yes"}))
    assert answering.card(made_up).sources == ()


def test_an_older_package_has_them_from_its_checks(small_models: Path, tmp_path: Path) -> None:
    folder = tmp_path / TASK
    shutil.copytree(small_models / TASK, folder)
    about = json.loads((folder / "package.json").read_text())
    found, curves = about["report"].pop("decision"), about["report"].pop("roc")
    (folder / "package.json").write_text(json.dumps(about))
    package = load(folder)
    assert _decision(package) == {}
    checks = {"package_hash": package.hash, "decision": found, "roc": curves, "sections": []}
    (folder / "checks.json").write_text(json.dumps(checks))
    assert _decision(package) == found
    assert _roc(package) == curves and list(curves) == ["hospital_death"]
    (folder / "checks.json").write_text(json.dumps({**checks, "package_hash": "another"}))
    assert _decision(package) == {}


def test_no_number_where_the_case_is_not_like_the_training_data(answering: Clinic, reader: User, trainer: User) -> None:
    # A net whose training patients all lay at the middle of its space: anybody is further from it than they.
    table = answering.in_use(TASK).about["unlike"]
    table |= {fold: [0.0] * len(distances) for fold, distances in table.items()}
    given = answered(answering, reader, record())
    assert given.answer.unlike == 1 and given.answer.withheld
    row = answering.worklist(reader).rows[0]
    assert (row.score, row.choice) == (None, "")
    with answering.database.read() as session:
        stored = session.get_one(AnswerRow, given.id)
        assert (stored.urgency, stored.uncertainty) == (None, None)
    # The reader says what is so without it; that teaches, but is neither agreement nor a change of mind.
    final = answering.review(reader, given.case_id, TASK, None, "survival")
    assert (final.agrees, final.choice, final.answer_id) == (None, "survival", None)
    assert answering.reviewed_count(TASK) == 1
    assert answering.statistics(reader) == []
    assert answering.review(reader, given.case_id, TASK, None).choice == ""
    assert answering.reviewed_count(TASK) == 0
    answering.set_read_first(trainer, False)
    assert answering.worklist(trainer, sort="urgency").rows[0].score is None
