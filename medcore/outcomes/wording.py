"""Answers and choices as people say them."""

from collections.abc import Mapping

from medcore.i18n import _
from medcore.outcomes.base import Label, Outcome
from medcore.outcomes.multiclass import MultiClass
from medcore.outcomes.regression import Regression


def confidences() -> dict[int, str]:
    """Words for the four steps of a reader's confidence."""
    return {1: _("A guess"), 2: _("Leaning"), 3: _("Fairly sure"), 4: _("Certain")}


def words_for(outcome: Outcome, choice: str) -> str:
    """A choice as people say it; "" stands for can't tell."""
    if not choice:
        return _("Can’t tell")
    titles = {label.name: _(label.title) for label in outcome.choices}
    if isinstance(outcome, Regression):
        return f"{choice} {outcome.unit}"
    return ", ".join(titles.get(name, name) for name in choice.split("+"))


def headline(outcome: Outcome, probabilities: Mapping[str, float], choice: str) -> Label:
    """The label that an answer is about: the class it chose, else the first or the most probable label."""
    if isinstance(outcome, MultiClass):
        return next((c for c in outcome.labels if c.name == choice), outcome.labels[0])
    return max(outcome.labels, key=lambda label: probabilities[label.name])


def sentence(unit_noun: str, phrase: str, score: float, low: float, high: float) -> str:
    """What a calibrated probability means, as counts of cases."""
    text = _("Of 100 {unit} scored like this one, about {n} {phrase}. Range {low} to {high}.")
    n = _("fewer than 1") if 0 < score < 0.01 else _("more than 99") if 0.99 < score < 1 else f"{100 * score:.0f}"
    if n.startswith((_("fewer than 1"), _("more than 99"))):
        text = text.replace("about ", "")
    return text.format(unit=_(unit_noun), n=n, phrase=_(phrase), low=round(100 * low), high=round(100 * high))
