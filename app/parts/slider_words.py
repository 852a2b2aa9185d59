"""What the sliders of a record show after each movement, for the page and for the address that they ask."""

from typing import TYPE_CHECKING, Any

from app.parts import theme
from app.parts.theme import number, percent
from medcore.i18n import _
from medcore.outcomes import MultiClass, Outcome, Regression
from medcore.outcomes.wording import words_for

if TYPE_CHECKING:
    from medcore.explain.what_if import Prediction


def told(pair: "tuple[Prediction, Prediction]", outcome: Outcome, label: str) -> dict[str, Any]:
    """As the sliders show it: what is said with these values, and how far that is from the record as it is."""
    was, now = pair
    if now.withheld:
        why = _("Not like the training data: no number is shown.")
        return {"said": _("No answer"), "shown": "–", "range": why, "words": "", "change": ""}
    before, after = was.probabilities[label], now.probabilities[label]
    low, high = now.ranges[label]
    if isinstance(outcome, Regression):
        moved = number(after - before, 1, signed=True)
        return {
            "said": next(_(item.title) for item in outcome.labels if item.name == label),
            "shown": f"{number(after, 1)} {outcome.unit}",
            "range": _("95 % range {range} {unit}.").format(range=theme.span(low, high, 1), unit=outcome.unit),
            "words": "",
            "change": _("As recorded {value}: {moved}").format(value=number(before, 1), moved=moved),
        }
    moved = number(100 * (after - before), 1, signed=True)
    cut = None if isinstance(outcome, MultiClass) else now.thresholds.get(label)
    spread = _("95 % range {range} %").format(range=theme.span(100 * low, 100 * high, 0))
    return {
        "p": after,
        "low": low,
        "high": high,
        "cut": cut,
        "said": words_for(outcome, now.choice, settled=True),
        "shown": percent(after),
        "range": "; ".join([spread, *([_("positive from {cut}").format(cut=percent(cut))] if cut is not None else [])]),
        "words": _("Probability {p} percent, range {low} to {high}").format(
            p=round(100 * after), low=round(100 * low), high=round(100 * high)
        ),
        "change": _("As recorded {value}: {moved} points of 100").format(value=percent(before), moved=moved)
        if before != after
        else _("As recorded"),
    }
