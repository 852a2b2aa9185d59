"""The card of a package of records: plain models beside it, weights, sources, and what is kept on disk."""

import csv
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medcore.__main__ import main
from medcore.checks import check, simulated, stored, write
from medcore.checks.answered import Section, answered
from medcore.checks.records import table
from medcore.datasets.sample import Sample
from medcore.errors import Refused
from medcore.inputs import Column, Input, Record, RecordField
from medcore.learn import neighbours
from medcore.learn.batches import collate
from medcore.learn.build import train
from medcore.learn.evaluate import evaluate
from medcore.packages import Package, load
from medcore.tasks import Recipe, get

TASK = get("mortality")
QUICK = Recipe(epochs=1, batch=32, learning_rate=2e-3)
N = 200


def opposites(n: int) -> list[Sample]:
    """Records of two sources, one of them thinned: the old die in the east and the young in the west."""
    out = []
    for i in range(n):
        old, east = bool(i % 2), bool(i // 2 % 2)
        load = partial(dict[str, Input], {"record": Record({"age": (70.0 if old else 30.0) + i / 20})})
        source, weight = ("east", 2.0) if east else ("west", 1.0)
        out.append(Sample("opposites", str(i), str(i), load, int(old == east), source, weight=weight))
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the set's layout, from simulated records."""
    out = tmp_path_factory.mktemp("set")
    samples = TASK.simulate(N, 1)
    records = [s.load()["record"] for s in samples]
    assert all(isinstance(r, Record) for r in records)
    with (out / "support2.csv").open("w", newline="") as lines:
        writer = csv.DictWriter(lines, ["patient", "hospdead", *(c.name for c in TASK.fields["record"].columns)])  # type: ignore[attr-defined]
        writer.writeheader()
        for sample, record in zip(samples, records, strict=True):
            values = {k: v for k, v in record.values.items() if v is not None}  # type: ignore[union-attr]
            writer.writerow({"patient": sample.patient, "hospdead": sample.target, **values})
    return out


@pytest.fixture(scope="module")
def package(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Package:
    return train(TASK, TASK.data(folder), tmp_path_factory.mktemp("package"), version="0.1.0", recipe=QUICK)


def figures(section: dict[str, Any] | Section, title: str, source: str = "") -> dict[str, Any]:
    rows = section["rows"] if isinstance(section, dict) else [vars(row) for row in section.rows]
    return next(r["figures"] for r in rows if r["title"] == title and r["source"] == source)


def named(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {section["name"]: section for section in found["sections"]}


def test_the_command_writes_checks_and_card_and_leaves_the_package_as_it_was(
    folder: Path, package: Package, capsys: pytest.CaptureFixture[str]
) -> None:
    before = package.card
    assert main(["card", "mortality", "--data", str(folder), "--package", str(package.folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert load(package.folder).hash == package.hash == found["package_hash"]
    assert stored(package) == found
    assert found["n"] == N
    sections = named(found)
    assert list(sections) == ["plain_models", "calibration_error", "reliability", "simulated"]
    assert sum(row["n"] for row in sections["reliability"]["rows"]) == N
    own = figures(sections["plain_models"], "This package")
    oof = evaluate(package, TASK.data(folder), "out_of_fold")["metrics"]
    assert own["auroc"]["value"] == pytest.approx(oof["auroc"]["value"], abs=1e-9)
    drawn = evaluate(package, TASK.simulate(simulated.CASES, simulated.SEED))
    assert figures(sections["simulated"], "All cases") == drawn["metrics"]
    assert sections["simulated"]["rows"][0]["n"] == drawn["n"] == simulated.CASES
    (curve,) = found["roc"].values()
    assert np.trapezoid(curve["true"], curve["false"]) == pytest.approx(own["auroc"]["value"], abs=5e-3)
    trees = figures(sections["plain_models"], "Gradient boosting")
    assert trees["auroc"]["value"] == pytest.approx(boosting_of_the_table(folder), abs=2e-3)
    assert trees["lead_auroc"]["value"] == pytest.approx(own["auroc"]["value"] - trees["auroc"]["value"])
    assert trees["lead_auroc"]["low"] < trees["lead_auroc"]["value"] < trees["lead_auroc"]["high"]
    assert before != package.card
    kept = neighbours.stored(package.folder, package.hash)
    assert kept and len(kept) == N
    assert {bytes(p).hex() for p in kept.patients} == set(package.seen_patients)
    for words in (
        "Beside plain models",
        "Gradient boosting",
        "Logistic regression",
        "taken at their word",
        "On simulated cases",
    ):
        assert words in package.card


def boosting_of_the_table(folder: Path) -> float:
    """AUROC of the gradient boosting that anyone gets from the table by pandas and scikit-learn, on the same folds."""
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    frame = pd.read_csv(folder / "support2.csv")
    x = frame.drop(columns=["patient", "hospdead"])
    for name in x.columns:
        if not pd.api.types.is_numeric_dtype(x[name]):
            x[name] = x[name].astype("category")
    y, folds = frame["hospdead"].to_numpy(), np.array([s.fold for s in TASK.data(folder)])
    p = np.zeros(len(y))
    for fold in range(5):
        mine = folds == fold
        model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0)
        p[mine] = model.fit(x[~mine], y[~mine]).predict_proba(x[mine])[:, 1]
    return float(roc_auc_score(y, p))


def test_an_answer_beside_itself_leads_by_nothing(folder: Path, package: Package) -> None:
    given = answered(package, TASK.data(folder), "cpu")
    lead = given.beside({"same": given.probabilities}, given.index)["same"]["lead_auroc"]
    assert lead == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_only_answers_of_nets_that_never_saw_the_patient_count(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    samples = TASK.data(folder)
    lone = train(TASK, samples, tmp_path, version="0.1.0", recipe=QUICK, folds=[2])
    assert main(["card", "mortality", "--data", str(folder), "--package", str(tmp_path)]) == 0
    assert capsys.readouterr().out.strip() == lone.card.strip()
    assert (stored(lone) or {})["n"] == sum(s.fold == 2 for s in samples)
    with pytest.raises(Refused, match="never saw"):
        check(lone, [s for s in samples if s.fold != 2], "cpu")


def test_sources_weights_and_one_source_on_the_other(tmp_path: Path) -> None:
    samples = opposites(120)
    other = train(TASK, samples, tmp_path, version="0.2.0", recipe=QUICK)
    found = check(other, samples, "cpu", train=True)
    sections = named(found)
    assert {r["source"] for r in sections["plain_models"]["rows"]} == {"", "east", "west"}
    rows = {(r["title"], r["source"]): r["figures"]["auroc"]["value"] for r in sections["transfer"]["rows"]}
    assert rows["Learnt from east", "east"] > 0.9 > 0.1 > rows["Learnt from east", "west"]
    assert rows["Learnt from west", "west"] > 0.9 > 0.1 > rows["Learnt from west", "east"]
    weighted = figures(sections["weighted"], "Weighted to the source")
    given = answered(other, samples, "cpu")
    p, y = given.probabilities[:, 0], given.encoded.truth
    w = np.array([s.weight for s in samples])
    assert weighted["accuracy"]["value"] == pytest.approx(np.average((p >= 0.5) == y, weights=w))
    assert weighted["brier"]["value"] == pytest.approx(np.average((p - y) ** 2, weights=w))
    # What took a training stays until the package is another.
    write(other, found)
    assert (
        named(check(other, [s for s in samples if s.source == "east"][:30], "cpu"))["transfer"] == sections["transfer"]
    )
    about = json.loads((other.folder / "package.json").read_text()) | {"version": "0.2.1"}
    (other.folder / "package.json").write_text(json.dumps(about))
    assert stored(load(other.folder)) is None


def test_categories_become_codes_and_absent_ones_stay_absent() -> None:
    field = RecordField((Column("age", "Age"), Column("sex", "Sex", choices=("female", "male"))))
    records = [Record({"age": 40.0, "sex": "male"}), Record({"sex": "female"}), Record({"age": 50.0})]
    x, mask = collate([list(field.encode(r)) for r in records])
    values = np.where(mask.numpy() > 0.5, x.numpy(), np.nan)
    columns, categories = table(field, values)
    assert categories == [False, True]
    assert np.array_equal(columns, [[40, 1], [np.nan, 0], [50, np.nan]], equal_nan=True)
