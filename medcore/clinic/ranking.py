"""In which order a machine would have cases read: for those who don't read first."""

from typing import TYPE_CHECKING

from medcore.outcomes import Outcome
from medcore.outcomes.base import WITH_PROBABILITIES

if TYPE_CHECKING:
    from medcore.learn.predict import Answer


def urgency(outcome: Outcome, answer: "Answer") -> float | None:
    """Probability of something that somebody should look at soon (`Label.finding`): of several classes their sum, of
    several labels the greatest. None where no number of the answer means anything."""
    found = [answer.probabilities[label.name] for label in outcome.labels if label.finding]
    if outcome.kind not in WITH_PROBABILITIES or answer.withheld:
        return None
    return min(1.0, sum(found)) if outcome.kind == "multiclass" else max(found, default=0.0)


def uncertainty(outcome: Outcome, answer: "Answer") -> float | None:
    """1 at the cut, or where two classes are equally probable; 0 where it is sure. Of several labels the greatest."""
    if outcome.kind not in WITH_PROBABILITIES or answer.withheld:
        return None
    p = answer.probabilities
    if outcome.kind == "multiclass":
        top, second = sorted(p.values(), reverse=True)[:2]
        return 1 - (top - second)
    return max(1 - abs(p[n] - cut) / max(1 - cut if p[n] >= cut else cut, 1e-9) for n, cut in answer.thresholds.items())
