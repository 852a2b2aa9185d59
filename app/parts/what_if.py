"""What if a value were another: sliders, the curve of each value, the smallest change that turns the answer, and how
far it moves with what was not measured."""

from collections.abc import Sequence
from functools import partial
from math import ceil, floor, isfinite
from typing import TYPE_CHECKING

import streamlit as st

from app.parts import charts, desk, later, theme, words
from app.parts.answer import ODD
from app.parts.slider_words import told
from app.parts.theme import NBSP, Html, e, number, percent
from app.parts.viewers import Slider, sliders
from app.parts.viewers.record import value_text
from medcore.explain.counterfactual import MOST
from medcore.explain.records import on_step, record_field, usual_span
from medcore.i18n import _
from medcore.inputs import Column, Record, RecordField
from medcore.outcomes import MultiClass
from medcore.outcomes.base import WITH_PROBABILITIES
from medcore.outcomes.wording import words_for
from medcore.tasks import Task

if TYPE_CHECKING:
    from medcore.clinic import AnswerView
    from medcore.explain.counterfactual import Counterfactual
    from medcore.explain.what_if import Band
    from medcore.packages import Package

SHOWN = 7


def section(given: "AnswerView", task: Task, label: str) -> None:
    """All of it for an answer that this user sees; nothing where the task takes more than a record."""
    found = record_field(task)
    if found is None:
        return
    clinic, user = desk.clinic(), desk.user()
    spec, which = found[1], (user, given.case_id, task.name)
    with theme.panel("what-if"):
        theme.section(_("What if"))
        theme.hint(_("Move a value; the model answers while you move. It says nothing about what treatment would do."))
        package, record = clinic.of_record(*which)
        url = f"/what_if/{given.case_id}/{task.name}/{label}"
        rows = [_slider(package, c, record) for c in spec.columns if not c.fixed]
        sliders(
            [row for row in rows if row],
            url,
            told(clinic.what_if(*which, {}), task.outcome, label),
            key=f"what-if-{given.id}",
        )
        fixed = ", ".join(_(c.title) for c in spec.columns if c.fixed)
        if fixed:
            theme.hint(_("Kept as they are: {names}.").format(names=fixed))
    if task.outcome.kind not in WITH_PROBABILITIES:
        return
    left, right = st.columns(2, gap="small")
    with left, theme.panel("turns"):
        _turn(given, task, spec, label)
        _absent(given, task, spec, label)
    with right, theme.panel("curves"):
        _curves(given, task, spec, record, label)


def _slider(package: "Package", column: Column, record: Record) -> Slider | None:
    """A column as something that is moved; None where nobody knows how far it goes."""
    value = record.values.get(column.name)
    if column.choices:
        choices = tuple((c, value_text(column, c)) for c in column.choices)
        return Slider(column.name, _(column.title), "", "", value, choices=choices)
    span = usual_span(package, column)
    if span is None:
        return None
    ends = [*span, *(column.usual or ()), *([value] if isinstance(value, int | float) else [])]
    usual = ""
    if column.usual:
        few, many = column.usual
        usual = _("Usual {range}").format(range=number(few) if few == many else theme.span(few, many))
    unit = "" if column.unit in ("count", "0/1") else f"({column.unit})" if "–" in column.unit else _(column.unit)
    low, high = on_step(column, min(ends)), on_step(column, max(ends))
    start = on_step(column, (span[0] + span[1]) / 2)
    return Slider(column.name, _(column.title), unit, usual, value, low, high, column.step, start)


# the smallest change that turns it


def _turn(given: "AnswerView", task: Task, spec: RecordField, label: str) -> None:
    """Old and new values of the counterfactual, and whether a record like that is on the data's side."""
    theme.section(_("What would turn the answer"))
    ask = partial(desk.clinic().counterfactual, desk.user(), given.case_id, task.name, label)
    key = ("turn", given.id, label)
    # Whether there is one, and which: "none" is an answer too.
    done = later.soon(key, lambda: (ask(),))
    if done is None:
        st.skeleton(100)
        later.wait(key)
        return
    (found,) = done
    if found is None:
        theme.hint(_("No plausible change of up to {n} measured values was found that turns it.").format(n=MOST))
        return
    columns = {c.name: c for c in spec.columns}
    rows = [
        (words.titled(columns[c.column]), value_text(columns[c.column], c.old), value_text(columns[c.column], c.new))
        for c in found.changes
    ]
    heads = [_("Value"), _("As recorded"), _("Would have to be")]
    theme.table(heads, rows, align="lrr", bold=2, label=_("The smallest change found that turns the answer"))
    title = words_for(task.outcome, label)
    text = _("{label} would go from {before} to {after} %.").format(
        label=title, before=number(100 * found.before, 1), after=number(100 * found.after, 1)
    )
    cut = None if isinstance(task.outcome, MultiClass) else given.answer.thresholds.get(label)
    if cut is not None:
        text += " " + _("It is said from {cut} % on.").format(cut=number(100 * cut, 1))
    theme.hint(text)
    theme.ticks([_side(found)])
    theme.hint(
        _("Fewest values first, then the smallest steps, each within what 90 of 100 training patients have.")
        + " "
        + _("It says nothing about what treatment would do.")
    )


def _side(found: "Counterfactual") -> tuple[bool, str, str]:
    """Whether the changed record lies where the training data is."""
    before, after = (percent(share) for share in found.unlike)
    text = _("{after} of left-out patients lie nearer to the training data than the changed record ({before} before).")
    near = found.unlike[1] < ODD
    detail = "" if near else _("Few patients are like that: take it as an example of the edge.")
    return near, text.format(after=after, before=before), detail


# what was not measured


def _absent(given: "AnswerView", task: Task, spec: RecordField, label: str) -> None:
    """How far the answer moves as each absent value runs through its usual ones, as bars from 0 to 100."""
    ask = partial(desk.clinic().absent_bands, desk.user(), given.case_id, task.name, label)
    bands = later.soon(("absent", given.id, label), ask)
    if not bands:
        return
    theme.section(_("If what is absent had been measured"))
    key = f"all-absent-{given.id}"
    shown = bands if st.session_state.get(key) else bands[:SHOWN]
    columns = {c.name: c for c in spec.columns}
    now = given.answer.probabilities[label]
    # One axis for all, no longer than it has to be, in steps of 10 points.
    low = floor(10 * min(now, *(b.low for b in bands))) / 10
    high = max(low + 0.1, ceil(10 * max(now, *(b.high for b in bands))) / 10)
    body = "".join(_band(columns[b.column], b, now, low, high) for b in shown)
    axis = f'<span class="ends"><span>{100 * low:.0f}</span><span>{100 * high:.0f}{NBSP}%</span></span>'
    head = f'<th>{e(_("Not measured"))}</th><th class="g">{axis}</th><th class="r">{e(_("Answer"))}</th>'
    theme.html(
        f'<table class="absent" aria-label="{e(_("The answer over the usual values of what is absent"))}">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
    theme.hint(
        _(
            "Each runs alone through its usual values; beneath it those with the lowest and the highest answer. "
            "Line: the answer as it is. A star: it turns the answer."
        )
    )
    if len(bands) > SHOWN:
        st.toggle(_("Show all {n} values").format(n=len(bands)), key=key)


def _band(column: Column, band: "Band", now: float, low: float, high: float) -> Html:
    """A row; the bar's axis goes from low to high."""
    at = f"{value_text(column, band.at_low)} … {value_text(column, band.at_high)}"
    unit = "" if column.choices or column.unit in ("count", "0/1") else f" {_(column.unit)}"
    left, right, here = (100 * (p - low) / (high - low) for p in (band.low, band.high, now))
    star = "*" if band.turns else ""
    ends = theme.span(100 * band.low, 100 * band.high, 1)
    return Html(
        f'<tr><td>{e(_(column.title))}<span class="small">{e(at + unit)}</span></td><td class="g">'
        f"{theme.scale(left, right, cut=here)}</td>"
        f'<td class="r">{e(ends)}{NBSP}%{star}</td></tr>'
    )


# curves


@desk.fragment
def _curves(given: "AnswerView", task: Task, spec: RecordField, record: Record, label: str) -> None:
    """How the answer goes with one value: of this case, of others, and on average."""
    theme.section(_("How the answer goes with one value"))
    columns = {c.name: c for c in spec.columns}
    first = [c.name for c in spec.columns if not c.fixed and record.values.get(c.name) is not None]
    picked = st.selectbox(
        _("Value"),
        [*first, *(name for name in columns if name not in first)],
        format_func=lambda name: words.titled(columns[name]),
        key=f"curve-{given.id}",
    )
    clinic, user = desk.clinic(), desk.user()
    key = ("curves", user.id, given.id, label, picked)
    found = later.soon(key, partial(clinic.curves, user, given.case_id, task.name, label, picked))
    if found is None:
        st.skeleton(300)
        later.wait(key)
        return
    column, value = columns[picked], record.values.get(picked)
    at = [value_text(column, v) if isinstance(v, str) else float(v or 0) for v in found.at]
    own, *others, mean = ([p if isfinite(p) else None for p in c] for c in [*found.each.tolist(), found.mean.tolist()])
    cut = None if isinstance(task.outcome, MultiClass) else given.answer.thresholds.get(label)
    figure = charts.individual(
        at,
        {_("This case"): own} | ({_("Mean"): mean} if others else {}),
        others,
        x_title=words.titled(column),
        here=(float(value), given.answer.probabilities[label]) if isinstance(value, int | float) else None,
        cut=(_("Cut"), cut) if cut is not None else None,
    )
    charts.show(figure, alt=_alt(at, own, words.titled(column)), key=f"curves-{given.id}")
    if others:
        text = _("Grey: {n} other cases whose answer you know. The mean of all is the partial dependence.")
        theme.hint(text.format(n=number(len(others))))
    else:
        theme.hint(_("Only this case: of no other do you know the answer of this version yet."))


def _alt(at: Sequence[float | str], own: Sequence[float | None], title: str) -> str:
    """The case's own curve in a sentence."""
    known = sorted((p, i) for i, p in enumerate(own) if p is not None)
    if not known:
        return title
    (a, low), (b, high) = known[0], known[-1]
    ends = {"a": percent(a), "at": at[low], "b": percent(b), "bt": at[high]}
    return _("{title}: this case goes from {a} at {at} to {b} at {bt}.").format(title=title, **ends)
