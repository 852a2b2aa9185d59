"""The simulated patient: its columns, what is missing, how many die, and whether what real patients teach holds."""

import csv
from pathlib import Path

import numpy as np
import pytest

from medcore.inputs import Record, RecordField, sha256
from medcore.simulate.record import GROUPS, SAY, record, records
from medcore.tasks import get

COLUMNS = [
    "age",
    "sex",
    "dzgroup",
    "dzclass",
    "num.co",
    "edu",
    "income",
    "scoma",
    "race",
    "hday",
    "diabetes",
    "dementia",
    "ca",
    "meanbp",
    "wblc",
    "hrt",
    "resp",
    "temp",
    "pafi",
    "alb",
    "bili",
    "crea",
    "sod",
    "ph",
    "glucose",
    "bun",
    "urine",
]


@pytest.fixture(scope="module")
def many() -> list[tuple[Record, int]]:
    return [(s.load()["record"], s.target) for s in records(3000, 5)]


def share_missing(many: list[tuple[Record, int]], *names: str) -> float:
    return float(np.mean([all(r.values[n] is None for n in names) for r, _ in many]))


def test_same_seed_same_patient() -> None:
    assert record(11)[0].values == record(11)[0].values
    assert sha256(record(11)[0]) == sha256(record(11)[0]) != sha256(record(12)[0])
    assert records(3, 1)[2].load() == records(9, 1)[2].load()


def test_columns_and_facts(many: list[tuple[Record, int]]) -> None:
    given = many[0][0]
    assert sorted(given.values) == sorted(COLUMNS)
    assert given.facts["simulated"] == "yes"
    assert {given.facts["sex"]} <= {"F", "M"}
    assert int(given.facts["age_years"]) == int(given.values["age"])


def test_a_quarter_dies_and_septic_more_than_failing_hearts(many: list[tuple[Record, int]]) -> None:
    died = np.array([t for _, t in many])
    group = np.array([r.values["dzgroup"] for r, _ in many])
    assert 0.22 < died.mean() < 0.30
    assert died[group == "Coma"].mean() > died[group == "ARF/MOSF w/Sepsis"].mean() > died[group == "CHF"].mean() + 0.1


def test_missing_in_blocks_as_in_the_set(many: list[tuple[Record, int]]) -> None:
    for names, low, high in (
        (("glucose", "bun", "urine"), 0.42, 0.54),
        (("pafi", "ph"), 0.2, 0.33),
        (("alb",), 0.30, 0.43),
        (("bili",), 0.22, 0.34),
        (("income",), 0.26, 0.39),
    ):
        assert low < share_missing(many, *names) < high, names
    for name in ("age", "sex", "dzgroup", "meanbp", "temp", "scoma"):
        assert share_missing(many, name) == 0


def test_the_sicker_are_sick_together(many: list[tuple[Record, int]]) -> None:
    """The unseen severity ties values of different organs to each other and to death."""
    both = [(r, t) for r, t in many if r.values["bili"] and r.values["alb"]]
    bili, alb = (np.array([r.values[n] for r, _ in both]) for n in ("bili", "alb"))
    died = np.array([t for _, t in both])
    assert np.corrcoef(np.log(bili), alb)[0, 1] < -0.1
    assert np.median(bili[died == 1]) > np.median(bili[died == 0])
    assert alb[died == 1].mean() < alb[died == 0].mean()


def test_a_model_of_real_patients_ranks_simulated_ones(data: Path, many: list[tuple[Record, int]]) -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    with (data / "support2" / "support2.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    choices = {n: sorted({r[n] for r in rows} - {""}) for n in ("sex", "dzgroup", "dzclass", "income", "race", "ca")}

    def table(rows: list[dict[str, object]]) -> np.ndarray:
        def number(name: str, value: object) -> float:
            if value in (None, ""):
                return np.nan
            return choices[name].index(str(value)) if name in choices else float(str(value))

        return np.array([[number(n, r[n]) for n in COLUMNS] for r in rows])

    assert set(GROUPS) == set(choices["dzgroup"])
    model = HistGradientBoostingClassifier(
        max_iter=80, random_state=0, categorical_features=[COLUMNS.index(n) for n in choices]
    )
    model.fit(table(rows), [r["hospdead"] == "1" for r in rows])
    chance = model.predict_proba(table([dict(r.values) for r, _ in many]))[:, 1]
    assert roc_auc_score([t for _, t in many], chance) > 0.75


def test_what_had_a_say_is_in_the_order_of_the_columns_and_was_measured() -> None:
    (spec,) = get("mortality").fields.values()
    assert isinstance(spec, RecordField)
    for sample in records(30, 3):
        given = sample.load()["record"]
        assert isinstance(given, Record) and list(given.values) == [c.name for c in spec.columns]
        assert sample.place is not None
        place = sample.place(given)
        named = {name for name, there in zip(given.values, place, strict=True) if there}
        assert all(given.values[name] is not None for name in named)
        assert not named & {"sex", "edu", "income", "race", "temp", "wblc", "glucose", "bun", "urine"}
        assert ("scoma" in named) == (0.027 * float(given.values["scoma"] or 0) >= SAY)
