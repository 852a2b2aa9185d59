"""Answers and choices as people say them."""

from collections.abc import Mapping
from typing import Any

from medcore.i18n import _
from medcore.numbers import number, percent
from medcore.outcomes.base import Label, Outcome
from medcore.outcomes.multiclass import MultiClass
from medcore.outcomes.regression import Regression


def confidences() -> dict[int, str]:
    """Words for the four steps of a reader's confidence."""
    return {1: _("A guess"), 2: _("Leaning"), 3: _("Fairly sure"), 4: _("Certain")}


def words_for(outcome: Outcome, choice: str, settled: bool = False) -> str:
    """A choice as people say it; "" stands for can't tell. settled: it is what a machine answered, what is known to be
    so, or a read that agrees or differs; then "" stands for none of several labels."""
    if not choice:
        return _("None of them") if settled else _("Can’t tell")
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


def mask_words(label: Label, about: Mapping[str, Any], low: float, high: float) -> str:
    """What a mask's score is of with its range, and how large the mask is: of a picture its share, of a volume its size
    where the file has true distances. about: what was measured of the label (`Mask.measures`); low, high: 0 to 1."""
    units = _("pixels") if "share" in about else _("voxels")
    if label.finding:
        of = _("The score is the mean probability of its most suspicious {units}, as many as the smallest finding has.")
    else:
        of = _("The score is the mean probability of its likeliest {units}: whether there are any at all.")
    if not about["voxels"]:
        size = _("Nothing is marked.")
    elif "share" in about:
        size = _("Marked: {share} of the picture.").format(share=percent(about["share"]))
    elif about["volume_ml"] is None:
        size = _("Marked: {n} voxels. The file has no true distances, so no volume is told.")
        size = size.format(n=number(about["voxels"]))
    else:
        size = _("Marked: {ml} ml, at most {mm} mm across in a slice.")
        size = size.format(ml=number(about["volume_ml"], 1), mm=number(about["diameter_mm"], 0))
    ends = round(100 * low), round(100 * high)
    range_ = _("Range {low} to {high}.").format(low=ends[0], high=ends[1])
    if ends[0] == ends[1]:
        range_ = _("Range: {p}.").format(p=percent(low))
    return f"{of.format(units=units)} {range_} {size}"
