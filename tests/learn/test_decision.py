"""What a cut and an exclusion are worth: on made-up answers whose right figures are known."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from medcore.datasets.sample import Sample
from medcore.learn.decision import (
    age_group,
    columns,
    decided,
    decision,
    exclude_below,
    exclusion,
    groups_of,
    having,
    not_excluded,
)
from medcore.learn.predict import at_odds
from medcore.outcomes import Binary, Label, Mask, MultiClass, MultiLabel, Regression

A, B, C = (Label(n, n.upper(), n) for n in "abc")


def samples(n: int, **facts: list[str]) -> list[Sample]:
    return [
        Sample("set", str(i), str(i), dict, 0, facts={k: values[i % len(values)] for k, values in facts.items()})
        for i in range(n)
    ]


def answers(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated probabilities (n, 1) of a finding, and whether it was there."""
    generator = np.random.default_rng(seed)
    p = generator.beta(1, 1, n)
    return p[:, None], (generator.random(n) < p).astype(float)


def test_sensitivity_and_specificity_at_the_cut() -> None:
    p = np.array([[0.1], [0.2], [0.4], [0.6], [0.7], [0.9], [0.35], [0.8]])
    truth = np.array([0, 0, 1, 0, 1, 1, 1, 0.0])
    found = decision(Binary(A, B), p, truth, [0.38], samples(8))["labels"]["a"]
    assert (found["threshold"], found["n_with"], found["n_without"]) == (0.38, 4, 4)
    assert (found["sensitivity"]["value"], found["specificity"]["value"]) == (0.75, 0.5)
    assert found["sensitivity"]["low"] <= 0.75 <= found["sensitivity"]["high"]


def test_of_several_classes_it_is_being_the_chosen_one() -> None:
    p = np.array([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7], [0.6, 0.2, 0.2]])
    found = decision(MultiClass((A, B, C)), p, np.array([0, 1, 1, 2.0]), [1 / 3] * 3, samples(4))["labels"]
    assert found["b"]["threshold"] is None
    assert (found["b"]["sensitivity"]["value"], found["a"]["specificity"]["value"]) == (0.5, pytest.approx(2 / 3))


@pytest.mark.parametrize("seed", range(3))
def test_what_is_excluded_is_missed_five_times_in_a_hundred(seed: int) -> None:
    """The guarantee itself: cuts from some patients, coverage on others, for the finding and for its absence."""
    outcome = Binary(A, B)
    p, truth = answers(4000, seed)
    below = exclude_below(outcome, p[:2000], truth[:2000])
    kept = np.array([not_excluded(outcome, row, below) for row in p[2000:]], dtype=object)
    for name, mine in (("a", truth[2000:] > 0.5), ("b", truth[2000:] < 0.5)):
        share = np.mean([name in k for k, m in zip(kept, mine, strict=True) if m])
        assert share == pytest.approx(0.95, abs=0.02)
    found = decision(outcome, p, truth, [0.5], samples(4000))
    for name in ("a", "b"):
        assert found["coverage"][name]["value"] == pytest.approx(0.95, abs=0.015)
    assert 0.2 < found["single"] < 0.8


def test_coverage_is_measured_on_others_than_the_cut_comes_from() -> None:
    """Cuts and coverage from the same cases would always give 95 %, even where the fifths differ."""
    p, truth = answers(2000)
    digest = [int(hashlib.sha256(f"set:{i}".encode()).hexdigest(), 16) // 5 % 5 for i in range(2000)]
    p[np.array(digest) == 0] **= 3  # one fifth of the patients scores lower
    found = decision(Binary(A, B), p, truth, [0.5], samples(2000))["coverage"]["a"]["value"]
    names, values = columns(Binary(A, B), p)
    has = having(Binary(A, B), truth, len(names))
    assert np.mean((values >= exclusion(values, has))[has[:, 0], 0]) > 0.945
    assert found < 0.94


def test_a_label_that_is_rare_in_the_data_is_never_excluded() -> None:
    p = np.full((40, 2), 0.9)
    truth = np.zeros((40, 2))
    truth[:30, 0] = 1
    below = exclude_below(MultiLabel((A, B)), p, truth)
    assert below == {"a": 0.9, "b": 0.0}
    assert not_excluded(MultiLabel((A, B)), np.array([0.5, 0.01]), below) == ("b",)
    assert not_excluded(MultiLabel((A, B)), np.array([0.5, 0.01]), {}) == ()


def test_groups_by_age_sex_and_view() -> None:
    p, truth = answers(300)
    found = decision(
        Binary(A, B),
        p,
        truth,
        [0.5],
        samples(300, age=["4", "71", "85", "x"], sex=["male", "F"], view=["AP", "PA", ""]),
    )["groups"]
    assert {g: {k: v["n"] for k, v in values.items()} for g, values in found.items()} == {
        "age": {"2-11": 75, "65-79": 75, "80+": 75},
        "sex": {"F": 150, "M": 150},
        "view": {"AP": 100, "PA": 100},
    }
    assert found["view"]["AP"]["metric"] == "auroc" and 0.7 < found["view"]["AP"]["figure"]["value"] < 0.95


def test_of_an_outline_dice_by_group_and_how_many_had_one() -> None:
    """Rows of three: there, marked, rightly marked; one source is outlined well, the other not at all."""
    p = np.tile([[1.0, 50.0, 50.0], [1.0, 50.0, 0.0]], (20, 1))
    truth = np.full((40, 1), 50.0)
    truth[:2] = 0
    cases = [replace(s, source=f"site {i % 2}") for i, s in enumerate(samples(40, sex=["F"]))]
    found = decision(Mask((A,), B, on="mr"), p, truth, [0.5], cases)
    assert set(found) == {"groups", "counts"} and found["counts"] == {"a": {"n_with": 38, "n_without": 2}}
    sources = found["groups"]["source"]
    assert {k: (v["n"], v["metric"]) for k, v in sources.items()} == {"site 0": (20, "dice"), "site 1": (20, "dice")}
    assert sources["site 0"]["figure"]["value"] > 0.9 and sources["site 1"]["figure"]["value"] == 0
    assert found["groups"]["sex"]["F"]["n"] == 40


def test_groups_are_those_of_the_checks_and_cuts_those_of_the_report() -> None:
    """A package whose data set told no age when it was trained."""
    own = {"labels": {"a": {"threshold": 0.3}}, "groups": {}}
    checked = {"labels": {"a": {"threshold": 0.4}}, "groups": {"sex": {"F": {"n": 3}}}}
    assert decided({"decision": own}, {"decision": checked}) == {**own, "groups": checked["groups"]}
    assert decided({"decision": own}, None) == own and decided({}, {"decision": checked}) == checked
    assert decided({"decision": {}}, {}) == {}


@pytest.mark.parametrize(("years", "group"), [(0, "0-1"), (1.9, "0-1"), (17.9, "12-17"), (79, "65-79"), (90, "80+")])
def test_age_groups(years: float, group: str) -> None:
    assert age_group(years) == group


def test_nothing_is_made_up_of_facts_that_are_missing() -> None:
    assert groups_of({"sex": "O", "view": ""}) == {}
    assert groups_of({"age_years": "64.5", "sex": "F", "view": "PA"}) == {"age": "40-64", "sex": "F", "view": "PA"}


def test_a_number_has_no_decision() -> None:
    outcome = Regression(A, unit="years")
    assert decision(outcome, np.ones((5, 1)), np.ones(5), [], samples(5)) == {}
    assert exclude_below(outcome, np.ones((5, 1)), np.ones(5)) == {}


def test_normal_beside_a_finding_is_remarked_on() -> None:
    calm = replace(C, finding=False)
    outcome = MultiLabel((A, B, calm))
    assert at_odds(outcome, "a+b") == at_odds(outcome, "c") == at_odds(outcome, "") == []
    (remark,) = at_odds(outcome, "a+c")
    assert "A, C" in remark
