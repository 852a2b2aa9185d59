"""The whole model on Explain: what counts over many cases and in groups of them, right beside wrong, its surest
mistakes."""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from app.parts import address, charts, desk, later, theme, words
from app.parts.theme import Html, e, number, percent
from medcore.checks.maps import map_title
from medcore.clinic import Cohort
from medcore.errors import Refused
from medcore.explain.whole import BEAT_HZ, BEFORE, FEWEST, RIGHT, WRONG
from medcore.i18n import _, retold
from medcore.learn.card import group_title
from medcore.outcomes.wording import words_for
from medcore.tasks import Task, all_tasks, get

LEADS = 3  # whose average beat is drawn
GROUPS = 5  # of one kind, the largest
EVERY_SECONDS = 2.0


def show() -> None:
    """All of it: chosen at the right, shown at the left."""
    left, right = st.columns([2.36, 1], gap="small")
    clinic, user = desk.clinic(), desk.user()
    with right, theme.panel("rail"):
        task = _choose_task()
        try:
            learnt = clinic.learnt_whole(task.name)
            here = clinic.cohort(user, task.name)
        except Refused as refused:  # no version answers yet
            theme.refused(refused)
            return
        of_patients = _choose_cases(here, learnt)
        _about(task, here, learnt if of_patients else {})
        if not of_patients:
            _errors(task)
    found, pending = (learnt, ()) if of_patients else _of_cases(task, here)
    with left, theme.panel("whole"):
        if found is None:
            st.skeleton(300)
        elif found["n"] < FEWEST:
            theme.empty(
                _("Too few cases are explained"),
                _("Five are needed. Have those explained that were answered here, or look at the training patients."),
            )
        else:
            _importance(task, found)
            _average(task, found)
    records = all(spec.kind == "record" for spec in task.fields.values())
    if found and found["n"] and records and not of_patients:
        with left, theme.panel("shapes"):
            pending = _shapes(task, found) or pending
    if pending:
        later.wait(pending)


def _of_cases(task: Task, here: Cohort) -> tuple[Mapping[str, Any] | None, tuple[object, ...]]:
    """What the cases here come to together, or None and what is waited for."""
    clinic, user = desk.clinic(), desk.user()
    key = ("whole", user.id, task.name, here)
    found = later.soon(key, partial(clinic.whole, user, task.name))
    return found, () if found else key


def _choose_task() -> Task:
    names = list(all_tasks())
    start = address.asked("task", names, names[0])
    name = st.selectbox(
        _("Question"), names, names.index(start), format_func=lambda t: _(get(t).title), key="whole-task"
    )
    address.keep("task", name)
    return get(name)


def _choose_cases(here: Cohort, learnt: Mapping[str, Any]) -> bool:
    """Whether the patients that it learnt from are looked at; else the cases here."""
    titles = {"here": _("Cases here"), "learnt": _("Patients it learnt from")}
    first = "here" if here.explained >= FEWEST else "learnt"
    return bool(learnt) and address.choose("of", titles, _("Over"), first, key="whole-of") == "learnt"


def _about(task: Task, here: Cohort, learnt: Mapping[str, Any]) -> None:
    """How many cases by which method; and the button that has the rest of the cases here explained."""
    n, method = learnt.get("n", here.explained), learnt.get("method", task.explain[0])
    theme.facts({_("Explained"): number(n), _("Method"): map_title(method)})
    if learnt:
        theme.hint(
            _("One case a patient, each explained by nets that never saw them. Measured when the card was made.")
        )
        return
    theme.hint(_("Of {n} cases whose answer you know, the newest two hundred at most.").format(n=number(here.answered)))
    if here.going:
        desk.fragment(_watch, run_every=EVERY_SECONDS)(task.name, here.answered)
    elif here.explained < here.answered and st.button(_("Explain the rest"), key="whole-start"):
        desk.clinic().explain_cohort(desk.user(), task.name)
        st.rerun()


def _watch(task: str, answered: int) -> None:
    """How far the worker is; the page is drawn again when it is done."""
    now = desk.clinic().cohort(desk.user(), task)
    st.progress(now.explained / max(1, answered), _("{n} of {all} explained").format(n=now.explained, all=answered))
    if not now.going:
        st.rerun()


def _errors(task: Task) -> None:
    """The cases that it got wrong and was surest of, each a link."""
    theme.section(_("Wrong with most confidence"))
    rows = [
        (
            words.case_link(error.case_id, error.number, task.name),
            *(words_for(task.outcome, choice, settled=True) for choice in (error.said, error.was)),
            percent(error.sureness),
        )
        for error in desk.clinic().confident_errors(desk.user(), task.name)
    ]
    if rows:
        heads = [_("Case"), _("Model"), _("In the end"), _("Sure")]
        theme.table(heads, rows, align="lllr", label=_("Wrong with most confidence"), wide=True)
        theme.hint(_("In the end: what is known of the case, else the last word of its readers where they agree."))
    else:
        theme.hint(_("No case here is known to be answered wrongly."))


# what counts


def _importance(task: Task, found: Mapping[str, Any]) -> None:
    """Each part's share with its range, and in the groups of one kind."""
    theme.section(_("What it goes by"))
    kinds = list(dict.fromkeys(name.split(":")[0] for name in found["importance"] if name))
    titles = {
        "outcome": _("Right and wrong"),
        "answer": _("Answer"),
        "age": _("Age"),
        "sex": _("Sex"),
        "view": _("View"),
        "source": _("Source"),
    }
    picked = None
    if kinds:
        kinds.sort(key=list(titles).index)
        picked = st.segmented_control(
            _("Groups"), kinds, default=kinds[0], format_func=titles.__getitem__, key=f"whole-by-{task.name}", wrap=True
        )
    every = found["importance"][""]
    groups = {k: v for k, v in found["importance"].items() if picked and k.startswith(f"{picked}:")}
    largest = sorted(groups, key=lambda k: -groups[k]["n"])[:GROUPS]
    groups = {k: v for k, v in groups.items() if k in largest}
    top = max(figure["high"] or figure["value"] for figure in every["share"].values())
    heads = [_("Part"), "", _("All")] + [f"{_group(task, name)} ({number(of['n'])})" for name, of in groups.items()]
    body = ""
    for part in found["parts"]:
        figure = every["share"][part]
        cells = "".join(f'<td class="r">{e(percent(of["share"][part]["value"]))}</td>' for of in groups.values())
        body += (
            f'<tr><td>{e(retold(part))}</td><td class="g">{_bar(figure, top)}</td>'
            f'<td class="r w">{e(percent(figure["value"]))}</td>{cells}</tr>'
        )
    head = "".join(f'<th class="{"r" if i > 1 else "g" if i else ""}">{e(h)}</th>' for i, h in enumerate(heads))
    label = e(_("What it goes by"))
    theme.html(
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}"><table aria-label="{label}">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
    theme.hint(
        _("Mean share of a case’s map, whatever its sign. Band: 95 % range over {n} cases by patient.").format(
            n=number(every["n"])
        )
    )


def _bar(figure: Mapping[str, float | None], top: float) -> Html:
    value, low, high = (figure[k] if figure[k] is not None else figure["value"] for k in ("value", "low", "high"))
    at = [100 * float(v or 0) / (top or 1) for v in (value, low, high)]
    return theme.scale(at[1], at[2], at[0])


def _group(task: Task, name: str) -> str:
    kind, value = name.split(":", 1)
    if kind == "outcome":
        return _("Right") if value == RIGHT else _("Wrong")
    if kind == "answer":
        return words_for(task.outcome, value, settled=True)
    return value.replace("_", " ") if kind == "source" else group_title(kind, value)


# on average


def _average(task: Task, found: Mapping[str, Any]) -> None:
    """What a map looks like on average, of right answers beside wrong ones where there are enough, on one scale."""
    titles = {RIGHT: _("Right answers"), WRONG: _("Wrong answers")}
    ends = {end: title for end, title in titles.items() if found["pictures"].get(end)}
    if not ends and found["pictures"].get(""):
        ends = {"": _("All answers")}
    if ends:
        theme.section(_("A map on average"))
        pictures = {end: found["pictures"][end] for end in ends}
        if "" in pictures[next(iter(ends))]:
            _cells(pictures, ends)
        else:
            _beats(pictures, ends)
        if missing := [title for end, title in titles.items() if end not in ends]:
            theme.hint(_("Too few for a picture of their own: {names}.").format(names=", ".join(missing)))
    elif signed := {k: v for k, v in found["importance"].items() if k in ("", f"outcome:{RIGHT}", f"outcome:{WRONG}")}:
        theme.section(_("A map on average"))
        _signed(signed, found["parts"])


def _cells(pictures: Mapping[str, Any], ends: Mapping[str, str]) -> None:
    top = max(float(np.max(of[""]["mean"])) for of in pictures.values())
    for column, (end, title) in zip(st.columns(len(ends)), ends.items(), strict=True):
        mean, n = np.array(pictures[end][""]["mean"]), pictures[end][""]["n"]
        y, x = (int(v) for v in np.unravel_index(int(mean.argmax()), mean.shape))
        alt = _("{title}: strongest {x} % from the left and {y} % from above.").format(
            title=title, x=round(100 * x / mean.shape[1]), y=round(100 * y / mean.shape[0])
        )
        with column:
            theme.hint(f"{title}, {number(n)}")
            charts.show(charts.heat(mean / (top or 1)), alt=alt, key=f"average-{end}")
    theme.hint(
        _("Where the maps lie on the picture, on one scale. The pictures beneath differ, so only large areas count.")
    )


def _beats(pictures: Mapping[str, Any], ends: Mapping[str, str]) -> None:
    first = pictures[next(iter(ends))]
    leads = sorted(first, key=lambda lead: -float(np.sum(first[lead]["mean"][1])))
    shown = [lead for lead in leads if all(lead in of for of in pictures.values())][:LEADS]
    for lead in shown:
        columns = st.columns(len(ends))
        ys = [y for end in ends for y in pictures[end][lead]["mean"][0]]
        reach = (math.floor(10 * min(ys)) / 10, math.ceil(10 * max(ys)) / 10)
        for column, (end, title) in zip(columns, ends.items(), strict=True):
            beat, mapped = pictures[end][lead]["mean"]
            with column:
                theme.hint(f"{_('Lead {lead}').format(lead=lead)}: {title}, {number(pictures[end][lead]['n'])}")
                figure = charts.beat([i / BEAT_HZ - BEFORE for i in range(len(beat))], beat, mapped, reach)
                alt = _("Average beat in lead {lead}, with what counted of it").format(lead=lead)
                charts.show(figure, alt=alt, key=f"average-{end}-{lead}")
    theme.hint(_("The median beat of each case, averaged; the darker a part, the more it counted."))


def _signed(found: Mapping[str, Any], parts: list[str]) -> None:
    """Of records: which way each value moved the answer."""
    titles = {"": _("All"), f"outcome:{RIGHT}": _("Right answers"), f"outcome:{WRONG}": _("Wrong answers")}
    heads = [_("Value"), *(f"{titles[k]} ({number(of['n'])})" for k, of in found.items())]
    rows = [
        (retold(part), *(number(100 * of["signed"][part], 0, signed=True) + " %" for of in found.values()))
        for part in parts
    ]
    theme.table(heads, rows, align="l" + "r" * len(found), label=_("A map on average"), wide=True)
    theme.hint(_("Mean share with its sign: + raises the answer, − lowers it."))


# the learnt shape


def _shapes(task: Task, whole: Mapping[str, Any]) -> tuple[object, ...]:
    """For records: how the answer goes with each of the values that count most. Gives what is waited for."""
    label = task.outcome.labels[0]
    clinic, user = desk.clinic(), desk.user()
    key = ("shapes", user.id, task.name, whole["n"])
    found = later.soon(key, partial(clinic.shapes, user, task.name, label.name, whole["parts"]))
    if found is None:
        st.skeleton(300)
        return key
    if not found:
        return ()
    theme.section(_("The learnt shape of each value"))
    (spec,) = task.fields.values()
    columns = {c.name: c for c in spec.columns}  # type: ignore[attr-defined]
    for start in range(0, len(found), 3):
        for place, curve in zip(st.columns(3), found[start : start + 3], strict=False):
            title = words.titled(columns[curve.column])
            at = [v if isinstance(v, str) else float(v or 0) for v in curve.at]
            mean, *each = ([p if math.isfinite(p) else None for p in c] for c in [curve.mean, *curve.each])
            with place:
                theme.hint(title)
                figure = charts.individual(at, {_("Mean"): mean}, each, x_title="", height=220)
                alt = _("{title}: mean answer {a} at its low end, {b} at its high end").format(
                    title=title, a=percent(mean[0] or 0), b=percent(mean[-1] or 0)
                )
                charts.show(figure, alt=alt, key=f"shape-{curve.column}")
    text = _("{label}. Grey: each case; line: their mean, the partial dependence, over usual values.")
    theme.hint(text.format(label=_(label.title)))
    return ()
