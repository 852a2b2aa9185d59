"""What was said and how often it was so: the table behind a reliability curve."""

from collections.abc import Sequence

import numpy as np

from medcore.outcomes import Outcome
from medcore.outcomes.base import WITH_PROBABILITIES
from medcore.outcomes.metrics import bootstrap

BINS = 10
Table = dict[str, list[float]]


def statements(outcome: Outcome, probabilities: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What was said and whether it was so, (n, k) each: of several classes the chosen one, of several labels each."""
    if outcome.kind == "multiclass":
        return probabilities.max(1, keepdims=True), (probabilities.argmax(1) == truth).astype(float)[:, None]
    return probabilities, truth.reshape(probabilities.shape)


def wilson(share: float, n: int) -> tuple[float, float]:
    """95 % range of a share among n (Wilson, JASA 1927): wide enough where none or all of them were so."""
    z2 = 1.96**2
    middle, half = share + z2 / (2 * n), 1.96 * np.sqrt(share * (1 - share) / n + z2 / (4 * n**2))
    return float((middle - half) / (1 + z2 / n)), float((middle + half) / (1 + z2 / n))


def reliability(outcome: Outcome, probabilities: np.ndarray, truth: np.ndarray, patients: Sequence[str]) -> Table:
    """At most ten groups of equal size by what was said, a column each: `from`, `to`, `said` (mean), `was` (share in
    which it was so), `low` and `high` (its 95 % range over patients), `n`. Empty for no cases, for a regression, and
    for a mask, whose probabilities are of voxels.

    probabilities: (n, labels); truth as the outcome has it; patients: whose each case is
    """
    if outcome.kind not in WITH_PROBABILITIES or not len(probabilities):
        return {}
    each = statements(outcome, probabilities, truth)
    owner = np.repeat(np.asarray(patients), each[0].shape[1])
    said, was = each[0].ravel(), each[1].ravel()
    place = np.empty(len(said), int)
    place[np.argsort(said, kind="stable")] = np.arange(len(said)) * BINS // len(said)

    def shares(part: np.ndarray) -> dict[str, float]:
        count = np.bincount(place[part], minlength=BINS)
        true = np.bincount(place[part], was[part], minlength=BINS)
        with np.errstate(invalid="ignore"):
            return {str(b): float(v) for b, v in enumerate(true / count)}

    drawn = bootstrap(shares, list(owner))
    table: Table = {name: [] for name in ("from", "to", "said", "was", "low", "high", "n")}
    for b in np.unique(place):
        mine, found = said[place == b], drawn[str(b)]
        share = found["value"]
        # Resampled, a group in which it was never so stays at 0; the wider of both ranges is told.
        low, high = wilson(share, len(np.unique(owner[place == b])))
        low, high = (min(low, found["low"]), max(high, found["high"])) if found["low"] is not None else (low, high)
        row = (mine.min(), mine.max(), mine.mean(), share, low, high, len(mine))
        for column, v in zip(table.values(), row, strict=True):
            column.append(round(float(v), 4))
    return table
