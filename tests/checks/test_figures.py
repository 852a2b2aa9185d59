"""Figures of the checks on numbers whose answer is known: calibration, weights, pairs, paired differences."""

import re

import numpy as np
import pytest

from medcore.checks.answered import Figure, Row
from medcore.checks.calibration import imagined, perfect
from medcore.checks.learning import outlook
from medcore.checks.pairs import pair_auroc
from medcore.checks.plain import Plain, fit_predict, levelled, verdict
from medcore.checks.samples import whole_counts
from medcore.learn.reliability import wilson
from medcore.outcomes import Binary, Label, MultiClass, MultiLabel, Outcome, Regression
from medcore.outcomes.metrics import auprc

LABELS = tuple(Label(name, name.upper(), name) for name in "abc")
BINARY, MANY, SEVERAL = Binary(LABELS[0], LABELS[1]), MultiClass(LABELS), MultiLabel(LABELS)


def low(figure: Figure | None) -> float:
    return (figure or {})["low"] or 0.0


def said(outcome: Outcome, n: int, generator: np.random.Generator) -> np.ndarray:
    p = generator.beta(1, 2, (n, len(outcome.labels)))
    return np.asarray(p / p.sum(1, keepdims=True) if outcome.kind == "multiclass" else p)


def test_twice_as_many_patients_by_a_power_law() -> None:
    """Points of 1 − 0.8 · n^−0.4, told within a thousandth: the law itself comes out; with two points nothing."""

    def row(n: int, half: float) -> Row:
        left = 0.8 * n**-0.4
        value = {"value": 1 - left, "low": 1 - left - half, "high": 1 - left + half}
        return Row(str(n), 9, {"auroc": value, "patients": {"value": float(n), "low": None, "high": None}})

    rows = [row(n, 0.001) for n in (100, 200, 400)]
    assert f"would bring AUROC {1 - 0.8 * 800**-0.4:.2f}" in outlook(rows, "auroc")
    low, high = map(
        float, re.findall(r"\((\S+) to (\S+)\)", outlook([row(n, 0.03) for n in (100, 200, 400)], "auroc"))[0]
    )
    assert low < 1 - 0.8 * 800**-0.4 < high and high - low > 0.02
    assert outlook(rows[:2], "auroc") == ""


@pytest.mark.parametrize("outcome", [BINARY, MANY, SEVERAL], ids=lambda o: o.kind)
def test_a_perfectly_calibrated_model_stays_inside_its_range_and_an_overconfident_one_does_not(
    outcome: Outcome,
) -> None:
    generator = np.random.default_rng(1)
    p = said(outcome, 600, generator)
    limit = perfect(outcome, p)["high"]
    assert limit is not None
    inside = [outcome.metrics(p, imagined(outcome, p, generator))["ece"] <= limit for _ in range(40)]
    assert 0.87 <= np.mean(inside) <= 1
    sharper = p**3 / (p**3 + (1 - p) ** 3) if outcome.kind != "multiclass" else p**3 / (p**3).sum(1, keepdims=True)
    assert outcome.metrics(sharper, imagined(outcome, p, generator))["ece"] > (perfect(outcome, sharper)["high"] or 0)


@pytest.mark.parametrize("outcome", [BINARY, MANY, SEVERAL], ids=lambda o: o.kind)
def test_imagined_truths_come_as_often_as_was_said(outcome: Outcome) -> None:
    generator = np.random.default_rng(2)
    p = said(outcome, 1, generator).repeat(20_000, 0)
    truth = imagined(outcome, p, generator)
    shares = np.bincount(truth.astype(int), minlength=3) / len(p) if outcome.kind == "multiclass" else truth.mean(0)
    assert shares == pytest.approx(p[0, 0] if outcome.kind == "binary" else p[0], abs=0.02)


@pytest.mark.parametrize("digits", [1, 8], ids=["ties", "no ties"])
def test_average_precision_is_scikit_learns(digits: int) -> None:
    from sklearn.metrics import average_precision_score

    generator = np.random.default_rng(7)
    for n in (2, 30, 500):
        p = np.round(generator.random(n), digits)
        truth = np.append(generator.random(n - 1) < p[1:], True).astype(float)
        assert auprc(p, truth) == pytest.approx(average_precision_score(truth, p), abs=1e-12)
    assert np.isnan(auprc(np.array([0.5]), np.array([0.0])))
    assert np.isnan(auprc(np.zeros(0), np.zeros(0)))


def test_a_share_of_none_still_has_a_range() -> None:
    low, high = wilson(0.0, 100)
    assert low == pytest.approx(0, abs=1e-9)
    assert high == pytest.approx(0.037, abs=0.001)  # Newcombe, Statistics in Medicine 1998
    assert wilson(0.5, 10**6) == pytest.approx((0.499, 0.501), abs=1e-4)


def test_whole_counts_hold_the_proportions() -> None:
    counts = whole_counts(np.array([2.537, 1.0, 1.0]))
    assert counts[0] / counts[1] == pytest.approx(2.537, rel=0.005)
    assert whole_counts(np.array([2.0, 6.0])).tolist() == [1, 3]


def test_pairs_alike_take_away_what_only_the_value_told() -> None:
    generator = np.random.default_rng(3)
    value = np.exp(generator.normal(0, 0.3, 400))
    positive = np.log(value) + generator.normal(0, 0.2, 400) > 0
    patients = [f"p{i // 2}" for i in range(400)]
    n, every, alike = pair_auroc(value, positive, value, patients)
    assert n > 300
    assert low(every) > 0.85
    assert low(alike) < 0.55, "within 2 % the value can tell next to nothing"
    sees = positive + generator.normal(0, 0.3, 400)
    _n, every, alike = pair_auroc(sees, positive, value, patients)
    assert low(alike) > 0.95, "who sees the finding is not hurt by matching"


def test_the_auroc_of_all_pairs_is_the_usual_one() -> None:
    from sklearn.metrics import roc_auc_score

    generator = np.random.default_rng(4)
    truth = generator.random(200) < 0.3
    score = np.round(generator.normal(truth, 1), 1)  # with ties
    n, every, alike = pair_auroc(score, truth, np.ones(200), [str(i) for i in range(200)])
    assert n == truth.sum() * (~truth).sum()
    assert every == alike
    assert (every or {})["value"] == pytest.approx(roc_auc_score(truth, score), abs=1e-6)


def test_no_pair_alike_is_undefined_not_an_error() -> None:
    truth = np.array([True, False])
    assert pair_auroc(np.array([0.9, 0.1]), truth, np.array([1.0, 2.0]), ["a", "b"])[::2] == (0, None)


@pytest.mark.parametrize("model", ["boosting", "linear"])
@pytest.mark.parametrize("outcome", [BINARY, MANY, SEVERAL, Regression(LABELS[0], "mmol/L")], ids=lambda o: o.kind)
def test_plain_models_answer_every_kind_of_outcome(outcome: Outcome, model: str) -> None:
    generator = np.random.default_rng(5)
    x = generator.normal(size=(200, 3))
    if outcome.kind == "multilabel":
        truth = (x > 0).astype(float)
    elif outcome.kind == "multiclass":
        truth = x.argmax(1).astype(float)
    else:
        truth = (x[:, 0] > 0).astype(float) if outcome.kind == "binary" else 5 + 2 * x[:, 0]
    x[generator.random(x.shape) < 0.05] = np.nan
    learn, say = np.arange(150), np.arange(150, 200)
    p = fit_predict(Plain("m", "M", x, model), outcome, truth, learn, say)
    assert p.shape == (50, len(outcome.labels))
    metrics = outcome.metrics(p, truth[say])
    assert (
        metrics["mae"] < 0.8 if outcome.kind == "regression" else metrics.get("auroc_macro", metrics.get("auroc")) > 0.9
    )


def test_models_that_learnt_nothing_rank_at_chance_not_below() -> None:
    truth = np.array([1.0] * 30 + [0.0] * 50)
    fold = np.arange(80) % 2
    truth[fold == 0] = np.sort(truth[fold == 0])  # the folds' shares stay as they are, and differ
    truth[:20] = 1 - truth[:20]
    constant = np.array([truth[fold != f].mean() for f in fold])[:, None]
    assert BINARY.metrics(constant, truth)["auroc"] < 0.5
    level = np.concatenate([levelled(constant[fold == f], BINARY, truth[fold != f], truth) for f in (0, 1)])
    assert np.ptp(level) < 1e-12
    assert level[0, 0] == pytest.approx(truth.mean())
    p = said(MANY, 30, np.random.default_rng(6))
    classes = np.array([0.0, 1.0, 1.0, 2.0])
    assert levelled(p, MANY, classes, classes) == pytest.approx(p)
    assert levelled(p, MANY, classes, np.array([0.0, 0.0, 1.0, 2.0])).sum(1) == pytest.approx(1)


def test_the_verdict_says_better_worse_or_not_told_apart() -> None:
    def row(title: str, low: float, high: float) -> Row:
        return Row(title, 9, {"lead_auroc": {"value": (low + high) / 2, "low": low, "high": high}})

    rows = [Row("This package", 9, {}), row("Trees", 0.01, 0.02), row("Line", 0.03, 0.04), row("Guess", -0.1, 0.1)]
    assert verdict(rows, "auroc") == "By AUROC the package is better than trees and line; not told apart from guess."
    assert verdict([row("Trees", -0.2, -0.1)], "auroc") == "By AUROC the package is worse than trees."
    error = Row("Trees", 9, {"lead_mae": {"value": -0.1, "low": -0.2, "high": -0.05}})
    assert "better than trees" in verdict([error], "mae"), "a lower error is better"


def test_a_class_that_a_fold_lacks_gets_no_probability() -> None:
    x = np.arange(60, dtype=float)[:, None]
    truth = np.array([0.0, 2.0] * 30)
    p = fit_predict(Plain("m", "M", x, "linear"), MANY, truth, np.arange(40), np.arange(40, 60))
    assert (p[:, 1] == 0).all()
    assert p.sum(1) == pytest.approx(1)
