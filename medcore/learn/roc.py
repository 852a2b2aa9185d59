"""ROC curves, thin enough to be kept beside a package's figures."""

import numpy as np

from medcore.learn.decision import having
from medcore.outcomes import Outcome
from medcore.outcomes.base import WITH_PROBABILITIES

POINTS = 50
Curves = dict[str, dict[str, list[float]]]


def roc(outcome: Outcome, probabilities: np.ndarray, truth: np.ndarray) -> Curves:
    """For each label, against all without it, `false` (1 − specificity) and `true` (sensitivity) from 0 to 1: at most
    POINTS points at even steps along the curve. A label that all or none have is left out; empty for a regression, and
    for a mask, whose probabilities are of voxels.

    probabilities: (n, labels); truth as the outcome has it
    """
    if outcome.kind not in WITH_PROBABILITIES or not len(probabilities):
        return {}
    has, out = having(outcome, truth, len(outcome.labels)), {}
    for i, label in enumerate(outcome.labels):
        order = np.argsort(-probabilities[:, i], kind="stable")
        last = np.append(np.diff(probabilities[order, i]) != 0, True)  # ties come in together
        was = has[order, i]
        if was.all() or not was.any():
            continue
        false, true = (np.append(0.0, np.cumsum(part)[last] / part.sum()) for part in (~was, was))
        kept = np.unique(np.searchsorted(false + true, np.linspace(0, 2, POINTS) - 1e-9))
        out[label.name] = {name: v[kept].round(4).tolist() for name, v in (("false", false), ("true", true))}
    return out
