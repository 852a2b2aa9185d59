"""Outcomes against scikit-learn, and calibration against a known miscalibration."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from medcore.outcomes import Binary, Label, MultiClass, MultiLabel, Outcome, Regression
from medcore.outcomes import metrics as m

A, B, C = (Label(x, x.title(), f"showed {x}") for x in "abc")
OUTCOMES: list[Outcome] = [Binary(A, B), MultiClass((A, B, C)), MultiLabel((A, B, C)), Regression(A, "mg")]


def truth_for(outcome: Outcome, n: int, rng: np.random.Generator) -> np.ndarray:
    return {
        "binary": rng.integers(0, 2, n),
        "multiclass": rng.integers(0, 3, n),
        "multilabel": rng.integers(0, 2, (n, 3)),
        "regression": rng.normal(50, 10, n),
    }[outcome.kind].astype(float)


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda o: o.kind)
def test_each_outcome_from_logits_to_metrics(outcome: Outcome) -> None:
    import torch

    rng = np.random.default_rng(0)
    truth, logits = truth_for(outcome, 200, rng), rng.normal(size=(200, outcome.width))
    calibration = outcome.calibrate(logits, truth)
    p = outcome.probabilities(logits, calibration)
    assert p.shape == (200, len(outcome.labels))
    as_torch = outcome.probabilities(torch.from_numpy(logits), calibration)
    np.testing.assert_allclose(as_torch.numpy(), p, atol=1e-9)
    assert all(np.isfinite(v) for v in outcome.metrics(p, truth).values())
    weights = torch.as_tensor(outcome.class_weights(truth), dtype=torch.float32)
    loss = outcome.loss(torch.from_numpy(logits).float(), torch.from_numpy(truth), weights)
    assert loss.ndim == 0 and torch.isfinite(loss)
    choice = outcome.choice_of(truth[0])
    np.testing.assert_allclose(outcome.truth_of(choice), truth[0], rtol=1e-4)


def test_one_class_only_is_undefined_not_an_error() -> None:
    p, truth = np.full((5, 1), 0.3), np.zeros(5)
    assert np.isnan(Binary(A, B).metrics(p, truth)["auroc"])
    assert m.bootstrap(lambda i: Binary(A, B).metrics(p[i], truth[i]), list("abcde"))["auroc"] is None


def test_auroc_and_f1_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    truth, score = rng.integers(0, 2, 300), np.round(rng.random(300), 1)
    assert m.auroc(score, truth) == pytest.approx(roc_auc_score(truth, score))
    a, b = rng.integers(0, 4, 300), rng.integers(0, 4, 300)
    assert m.f1(a, b, (0, 1, 2)) == pytest.approx(np.mean(f1_score(b, a, labels=[0, 1, 2], average=None)))


def test_calibration_undoes_a_known_distortion() -> None:
    rng = np.random.default_rng(2)
    honest = rng.normal(0, 1.5, 20_000)
    truth = (rng.random(20_000) < 1 / (1 + np.exp(-honest))).astype(float)
    fitted = Binary(A, B).calibrate((honest * 3 + 2)[:, None], truth)
    assert fitted["slope"][0] == pytest.approx(1 / 3, rel=0.05)
    assert fitted["shift"][0] == pytest.approx(-2 / 3, abs=0.06)


def test_bootstrap_resamples_patients_not_cases() -> None:
    # One patient with many equal cases: by case the range would be narrow, by patient it is wide.
    values = np.array([0.0] * 50 + [1.0] * 50)
    found = m.bootstrap(lambda i: {"x": float(values[i].mean())}, ["a"] * 50 + ["b"] * 50)
    assert found["x"]["low"] == 0 and found["x"]["high"] == 1


def test_ece_of_a_perfect_and_of_an_overconfident_model() -> None:
    rng = np.random.default_rng(3)
    p = rng.random(20_000)
    truth = (rng.random(20_000) < p).astype(float)
    assert m.ece(p, truth) < 0.02
    assert m.ece(np.where(p > 0.5, 0.99, 0.01), truth) > 0.2
