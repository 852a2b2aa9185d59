"""Metrics on arrays of probabilities, and their bootstrap over patients. Undefined is nan, never an error."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

nan = float("nan")


def auroc(score: np.ndarray, truth: np.ndarray) -> float:
    """Area under the ROC curve by mid-ranks (Hanley & McNeil, Radiology 1982)."""
    from scipy.stats import rankdata

    positive = truth > 0.5
    n1, n0 = int(positive.sum()), int((~positive).sum())
    if not n1 or not n0:
        return nan
    return float((rankdata(score)[positive].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))


def auprc(score: np.ndarray, truth: np.ndarray) -> float:
    """Average precision: the mean over positives of the precision at their score, as scikit-learn's, which takes
    fifty times as long to check its arguments."""
    if not (truth > 0.5).any():
        return nan
    order = np.argsort(-score, kind="stable")
    last = np.append(np.diff(score[order]) != 0, True)  # ties come in together
    taken = np.flatnonzero(last) + 1
    hits = np.cumsum(truth[order] > 0.5)[last]
    return float((np.diff(hits, prepend=0) * hits / taken).sum() / hits[-1])


def brier(probability: np.ndarray, truth: np.ndarray) -> float:
    """Mean squared distance between probability and truth, summed over classes where there are several."""
    squared = (probability - truth) ** 2
    return float(np.mean(squared.sum(1) if squared.ndim == 2 else squared)) if len(squared) else nan


def ece(probability: np.ndarray, truth: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error over `bins` bins of equal count (Nixon et al., CVPR-W 2019, adaptive)."""
    if not len(probability):
        return nan
    order = np.argsort(probability, kind="stable")
    gaps = [
        len(part) * abs(probability[part].mean() - truth[part].mean())
        for part in np.array_split(order, min(bins, len(order)))
        if len(part)
    ]
    return float(sum(gaps) / len(probability))


def f1(predicted: np.ndarray, truth: np.ndarray, classes: Sequence[int]) -> float:
    """Mean over `classes` of 2·hits / (predicted + true); nan where a class is neither predicted nor true."""
    scores = []
    for c in classes:
        total = int((predicted == c).sum() + (truth == c).sum())
        scores.append(2 * int(((predicted == c) & (truth == c)).sum()) / total if total else nan)
    return float(np.mean(scores)) if scores else nan


def balanced_accuracy(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Mean recall over the classes that occur."""
    classes = np.unique(truth)
    return float(np.mean([np.mean(predicted[truth == c] == c) for c in classes])) if len(classes) else nan


def cohens_kappa(one: Sequence[str], other: Sequence[str]) -> float:
    """Agreement of two readers on the same cases beyond what their own habits give by chance: (po - pe) / (1 - pe)
    (Cohen, Educ Psychol Meas 1960). nan where both only ever said the same one thing."""
    a, b = np.asarray(one), np.asarray(other)
    if not len(a):
        return nan
    chance = sum(float(np.mean(a == c)) * float(np.mean(b == c)) for c in np.unique(np.concatenate([a, b])))
    return (float(np.mean(a == b)) - chance) / (1 - chance) if chance < 1 else nan


def predictive_values(sensitivity: float, specificity: float, prevalence: float) -> tuple[float, float]:
    """(positive, negative) predictive value by Bayes' theorem (Altman & Bland, BMJ 1994); nan where nothing is called
    positive, or negative."""
    hit, false = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    clear, missed = specificity * (1 - prevalence), (1 - sensitivity) * prevalence
    return (hit / (hit + false) if hit + false else nan, clear / (clear + missed) if clear + missed else nan)


def bootstrap(
    metrics: Callable[[np.ndarray], dict[str, float]], patients: Sequence[str], draws: int = 500, seed: int = 0
) -> dict[str, Any]:
    """Each metric as {value, low, high}: 95 % range over `draws` resamplings of patients with replacement.

    The range holds the value: a calibration error is larger in every resampling than in the whole.
    metrics: takes positions of cases and gives metrics by name. Undefined becomes None.
    """
    names, owner = np.unique(np.asarray(patients), return_inverse=True)
    order = np.argsort(owner, kind="stable")
    starts = np.searchsorted(owner[order], np.arange(len(names) + 1))
    generator = np.random.default_rng(seed)
    whole = metrics(np.arange(len(owner)))
    drawn: list[dict[str, float]] = []
    for _ in range(draws if len(names) > 1 else 0):
        chosen = generator.integers(0, len(names), len(names))
        lengths = starts[chosen + 1] - starts[chosen]
        offsets = np.repeat(starts[chosen] - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
        drawn.append(metrics(order[np.arange(lengths.sum()) + offsets]))
    out: dict[str, Any] = {}
    for name, value in whole.items():
        if not np.isfinite(value):
            out[name] = None
            continue
        spread = np.array([d[name] for d in drawn if np.isfinite(d.get(name, nan))])
        low, high = np.percentile(spread, [2.5, 97.5]) if len(spread) else (None, None)
        out[name] = {
            "value": float(value),
            "low": None if low is None else float(min(low, value)),
            "high": None if high is None else float(max(high, value)),
        }
    return out
