"""The curve that is kept: thin, whole, and of the same area as the AUROC told beside it."""

import numpy as np
import pytest

from medcore.learn.roc import POINTS, roc
from medcore.outcomes import Binary, Label, MultiClass, MultiLabel, Regression
from medcore.outcomes.metrics import auroc

A, B, C = (Label(name, name.upper(), name) for name in "abc")
OUTCOMES = [Binary(present=A, absent=B), MultiClass((A, B, C)), MultiLabel((A, B, C))]


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda o: o.kind)
def test_its_area_is_the_auroc(outcome: Binary | MultiClass | MultiLabel) -> None:
    generator, n, k = np.random.default_rng(3), 4000, len(outcome.labels)
    p = generator.dirichlet(np.ones(3), n)[:, :k]
    if outcome.kind == "multiclass":
        truth = (generator.random((n, 1)) > p.cumsum(1)).sum(1).clip(max=k - 1).astype(float)
        has = np.eye(k)[truth.astype(int)]
    else:
        has = (generator.random((n, k)) < p).astype(float)
        truth = has[:, 0] if k == 1 else has
    found = roc(outcome, p, truth)
    assert list(found) == [label.name for label in outcome.labels]
    for i, curve in enumerate(found.values()):
        false, true = np.array(curve["false"]), np.array(curve["true"])
        assert 10 < len(false) == len(true) <= POINTS
        assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
        assert (np.diff(false) >= 0).all() and (np.diff(true) >= 0).all()
        assert np.trapezoid(true, false) == pytest.approx(auroc(p[:, i], has[:, i]), abs=3e-3)


def test_equal_scores_come_in_together() -> None:
    found = roc(Binary(present=A, absent=B), np.array([[0.9], [0.5], [0.5], [0.1]]), np.array([1.0, 0.0, 1.0, 0.0]))
    assert found == {"a": {"false": [0.0, 0.0, 0.5, 1.0], "true": [0.0, 0.5, 1.0, 1.0]}}


def test_there_is_none_where_a_label_is_always_or_never_so() -> None:
    p = np.full((4, 3), 0.4)
    truth = np.array([[1, 0, 0], [1, 0, 1], [1, 0, 0], [1, 0, 1.0]])
    assert list(roc(MultiLabel((A, B, C)), p, truth)) == ["c"]
    assert roc(Binary(present=A, absent=B), np.empty((0, 1)), np.empty(0)) == {}


def test_a_regression_has_none() -> None:
    assert roc(Regression(A, unit="mm"), np.zeros((4, 1)), np.arange(4.0)) == {}
