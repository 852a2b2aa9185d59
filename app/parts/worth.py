"""What an answer is worth: what it can't exclude, what it means where the finding is rarer or commoner, for whom."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.parts import desk, theme, words
from app.parts.theme import NBSP, Html, chip, e, percent
from medcore.clinic import Card, Limit
from medcore.i18n import _
from medcore.learn.card import group_title
from medcore.learn.decision import FEWEST
from medcore.outcomes import Outcome
from medcore.outcomes.wording import headline, words_for

if TYPE_CHECKING:
    from medcore.learn.predict import Answer

PREVALENCES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
FEW = 30  # fewer patients of a group than this, and its figure says little
Predictive = Callable[[Mapping[str, Any], float], Mapping[str, tuple[float, float, float]]]


def overlap(card: Card) -> None:
    """How well an outline may be expected to agree with a person's."""
    if card.overlap:
        text = _("Dice on patients never seen: {figure}, where 1 is the outline that a person drew.")
        low, high = (card.overlap[end] for end in ("low", "high"))
        figure = theme.number(card.overlap["value"], 2)
        if low is not None and high is not None:
            figure += f" ({theme.span(low, high, 2)})"
        theme.hint(text.format(figure=figure))


def not_excluded(card: Card, outcome: Outcome) -> None:
    """The labels that stay open at 5 %, and how well that held on patients never trained on; of an outline why nothing
    can be excluded."""
    if card.counts:
        theme.section(_("Can’t be excluded"))
    for n in card.counts.values():
        text = _("Not told of an outline: its score says only whether anything is marked.")
        if n["n_without"] < FEWEST:
            text = _(
                "Not told: of {n} patients measured {without} were without a finding, so what such a case scores isn’t "
                "known."
            )
        theme.hint(text.format(n=theme.number(sum(n.values())), without=theme.number(n["n_without"])))
    if not card.coverage:
        return
    theme.section(_("Can’t be excluded"))
    chips = "".join(
        chip(words_for(outcome, name), "uncertain" if len(card.open) > 1 else "neutral") for name in card.open
    )
    if card.open:
        theme.html(f'<div class="chips">{chips}</div>')
    else:
        theme.hint(_("No label fits: every one scores lower than in 95 of 100 patients who have it."))
    measured = [
        f"{words_for(outcome, name)} {_figure(figure)}"
        for name, figure in card.coverage.items()
        if figure and (name in card.open or not card.open)
    ]
    if measured:
        theme.hint(
            _("Meant to keep 95 of 100 patients who have it. Measured on others: {measured}.").format(
                measured="; ".join(measured)
            )
        )


@desk.fragment
def predictive(card: Card, answer: "Answer", outcome: Outcome, ask: Predictive, *, key: str) -> None:
    """PPV and NPV of the headline's label at a prevalence that the reader moves."""
    label = headline(outcome, answer.probabilities, answer.choice)
    rates = card.rates.get(label.name)
    if not rates or not rates["sensitivity"] or not rates["specificity"]:
        return
    here = rates["n_with"] / (rates["n_with"] + rates["n_without"])
    options = sorted({*PREVALENCES, round(here, 3)})
    theme.section(_("If it were rarer or commoner"))
    share = st.select_slider(
        _("Share of patients who have it"),
        options,
        value=round(here, 3),
        format_func=lambda p: _say(p) + (f" {_('(as measured)')}" if p == round(here, 3) else ""),
        key=f"{key}-prevalence",
    )
    found = ask(rates, share)
    said = label.name in answer.choice.split("+")
    rows = [
        (_("PPV: of 100 said to have it, do"), "ppv", said),
        (_("NPV: of 100 said not to, don’t"), "npv", not said),
    ]
    lines = []
    for text, name, mine in rows:
        value, low, high = (100 * v for v in found[name])
        lines.append((Html(f"<b>{e(text)}</b>") if mine else text, theme.number(value, 0), theme.span(low, high, 0)))
    heads = [_("At this share"), _("Estimate"), _("95 % range")]
    theme.table(heads, lines, align="lrr", label=_("Predictive values"))


def _say(share: float) -> str:
    """A share as a whole or a small percentage."""
    return f"{100 * share:g}{NBSP}%"


def limits(card: Card) -> None:
    """How the package stands with patients like this one, as far as the facts say who it is."""
    rows = [_limit(limit) for limit in card.limits]
    if card.simulated:
        rows.append((False, _("Simulated; this version learnt from real cases."), _("Don’t judge the model by it.")))
    if card.sources:
        rows.append((None, _places(card.sources), ""))
    if rows:
        theme.section(_("For patients like this one"))
        theme.ticks(rows)


def _places(sources: Sequence[Limit]) -> str:
    """Where the package learnt, and what it reaches there."""
    known = [s for s in sources if s.n >= FEW and s.figure]
    told = [f"{s.value} {theme.number(s.figure['value'], 2)}" for s in known if s.figure]
    few = [s.value for s in sources if s not in known]
    text = _("It learnt from: {sources} ({metric}). Yours may be another, where it is not measured.")
    if few:
        told.append(_("{names} (fewer than {n} cases)").format(names=", ".join(few), n=FEW))
    return text.format(sources="; ".join(told), metric=words.metric(sources[0].metric))


def standing(limits: Sequence[str]) -> None:
    """What holds for every patient."""
    if limits:
        theme.section(_("Limits"))
        theme.ticks([(None, text, "") for text in limits])


def _limit(limit: Limit) -> tuple[bool | None, str, str]:
    group = group_title(limit.group, limit.value)
    if limit.n < FEW or limit.figure is None:
        cause = _("{group}: only {n} such cases were measured.").format(group=group, n=theme.number(limit.n))
        return False, cause, _("Its figures may not hold here.")
    figure = _("{metric} {value} ({range}), {n} cases").format(
        metric=words.metric(limit.metric),
        value=theme.number(limit.figure["value"], 2),
        range=theme.span(limit.figure["low"], limit.figure["high"], 2),
        n=theme.number(limit.n),
    )
    if limit.worse:
        text = _("Worse than over all ({value}). Give the answer less weight.").format(
            value=theme.number(limit.overall, 2)
        )
        return False, _("{group}: {figure}.").format(group=group, figure=figure), text
    return None, _("{group}: {figure}.").format(group=group, figure=figure), ""


def origin(card: Card, answer: "Answer", outcome: Outcome) -> None:
    """Where the range and the cut come from."""
    theme.hint(
        _(
            "Range: the nets of this version and 40 resamplings of their calibration patients, drawn 200 times; 95 of "
            "100 lie in it."
        )
    )
    label = headline(outcome, answer.probabilities, answer.choice)
    rates = card.rates.get(label.name)
    if outcome.kind == "multiclass":
        theme.hint(_("No cut: the most probable of them is said."))
    elif outcome.kind == "mask":
        theme.hint(
            _("Positive from {cut}: a fixed cut, where the likeliest part of it is as likely as not.").format(
                cut=percent(answer.thresholds[label.name])
            )
        )
    elif label.name in answer.thresholds:
        theme.hint(
            _(
                "Positive from {cut}: the cut with the largest sensitivity + specificity on patients never trained on "
                "(Youden). It weighs a missed finding and a false alarm alike."
            ).format(cut=percent(answer.thresholds[label.name]))
        )
    if rates and rates["sensitivity"] and rates["specificity"]:
        theme.facts(
            {
                _("Sensitivity"): _figure(rates["sensitivity"]),
                _("Specificity"): _figure(rates["specificity"]),
                _("Cases"): theme.number(rates["n_with"] + rates["n_without"]),
            }
        )
    elif outcome.kind == "mask":
        theme.hint(_("Sensitivity and specificity of a case as a whole say little of an outline; Dice is its measure."))
    elif not card.rates:
        theme.hint(_("Sensitivity, specificity and coverage were not measured for this version."))


def _figure(figure: Mapping[str, float | None]) -> str:
    if figure["low"] is None or figure["high"] is None:
        return percent(figure["value"])
    return f"{percent(figure['value'])} ({round(100 * figure['low'])}–{round(100 * figure['high'])})"
