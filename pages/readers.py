"""Readers: reads before and after the answer, beside the truth and beside each other; exercises with wrong answers."""

from collections.abc import Sequence

import streamlit as st

from app.parts import address, answer, care, desk, theme, words
from app.parts.theme import Html, e
from medcore.clinic import Disagreement, ExerciseResult, ExerciseView, Kappa, Statistics
from medcore.i18n import _
from medcore.outcomes.base import WITH_PROBABILITIES
from medcore.tasks import all_tasks, get

CASE = "../pages/case.py"
ALL = "all"


def of(n: int, whole: int) -> str:
    """ "12 of 40" """
    return _("{n} of {m}").format(n=n, m=whole) if whole else "–"


def seconds(value: float | None) -> str:
    return "–" if value is None else f"{theme.number(value, 0)}{theme.NBSP}s"


def beside_the_machine(rows: Sequence[Statistics]) -> None:
    """A line a reader, question, version and basis."""
    theme.section(_("Before and after the answer"))
    if not rows:
        theme.empty(_("No pair of reads yet"), _("A first read, an answer and a final read of one case make one."))
        return
    bases = {"truth": _("known truth"), "consensus": _("consensus of others")}
    lines = []
    for s in rows:
        head = [s.user, Html(f'{e(_(get(s.task).title))}<span class="small">{e(s.package)}</span>'), theme.number(s.n)]
        agreed = f"{s.agreed_before} → {s.agreed_after}"
        times = f"{seconds(s.seconds_first)}, {seconds(s.seconds_final)}"
        if not s.changes:
            lines.append([*head, agreed, _("truth not known"), "–", "–", "–", times])
        for c in s.changes:
            held = f"{bases[c.basis]} ({c.n})"
            right = f"{c.right_before} → {c.right_after}"
            lines.append([*head, agreed, held, right, theme.number(c.helpful), theme.number(c.harmful), times])
    heads = [
        _("Reader"),
        _("Question, version"),
        _("Cases"),
        _("As the model"),
        _("Held against"),
        _("Right"),
        _("Helpful"),
        _("Harmful"),
        _("First, final read"),
    ]
    theme.table(heads, lines, align="llrrlrrrr", label=_("Before and after the answer"), wide=True)
    theme.hint(
        _(
            "Helpful: first read wrong, final read right; harmful: the reverse. Consensus: at least two other readers, "
            "all of one mind. Times are medians without reads of over 30 minutes."
        )
    )


def beside_each_other(found: Sequence[Kappa]) -> None:
    theme.section(_("Two readers of one case, blind to each other"))
    if not found:
        theme.hint(
            _("No two readers have read the same case yet. “Second read” on the worklist lists what others read.")
        )
        return
    rows = []
    for k in found:
        figure = k.kappa
        value = theme.number(figure["value"], 2) if figure else "–"
        span = theme.span(figure["low"], figure["high"], 2) if figure and figure["low"] is not None else "–"
        rows.append((f"{k.one}, {k.other}", _(get(k.task).title), of(k.agreed, k.n), value, span))
    heads = [_("Readers"), _("Question"), _("Agree"), _("Kappa"), _("95 % range")]
    theme.table(heads, rows, align="llrrr", bold=3, label=_("Agreement of readers"), wide=True)
    theme.hint(
        _("First reads. Cohen’s kappa: 1 is full agreement, 0 what chance gives; range by bootstrap over patients.")
    )


def differing(found: Sequence[Disagreement]) -> None:
    theme.section(_("Where readers differ"))
    if not found:
        theme.hint(_("No case that you may see. Who reads first sees those that they have read themselves."))
        return
    rows = []
    for d in found:
        outcome = get(d.task).outcome
        said = "; ".join(f"{name}: {answer.words_for(outcome, choice, settled)}" for name, choice, settled in d.said)
        link = words.case_link(d.case_id, d.number, d.task)
        rows.append((link, said, "–" if d.truth is None else answer.words_for(outcome, d.truth, True)))
    theme.table([_("Case"), _("Said"), _("Known to be so")], rows, label=_("Where readers differ"), wide=True)


# exercises


def one_exercise(x: ExerciseView, busy: bool) -> None:
    """An exercise, with the one thing that can be done with it."""
    state = {"open": "", "joined": _("{n} of {m} read"), "finished": _("Finished")}[x.state]
    chip = theme.chip(state.format(n=x.done, m=x.cases), "human" if x.state == "joined" else "neutral") if state else ""
    facts = _("{n} cases, by {user}").format(n=x.cases, user=x.user)
    theme.html(f'<p><b>{e(x.title)}</b> {chip}</p><p class="hint">{e(_(get(x.task).title))}. {e(facts)}</p>')
    with st.container(horizontal=True, gap="small"):
        if x.state == "open" and st.button(_("Start"), key=f"join-{x.id}", disabled=busy):
            view = clinic.join_exercise(user, x.id)
            st.switch_page(CASE, query_params={"case": str(view.next), "task": x.task})
        if x.state == "joined":
            if x.next and st.button(_("Go on"), key=f"go-{x.id}", type="primary"):
                st.switch_page(CASE, query_params={"case": str(x.next), "task": x.task})
            if st.button(_("Finish and see"), key=f"finish-{x.id}", type="secondary" if x.next else "primary"):
                clinic.finish_exercise(user, x.id)
                st.session_state["results"] = x.id
                st.rerun()
        if (x.state == "finished" or (trainer and x.state == "open")) and st.button(_("Results"), key=f"see-{x.id}"):
            st.session_state["results"] = x.id
            st.rerun()


def exercises(found: Sequence[ExerciseView]) -> None:
    theme.section(_("Exercises"))
    theme.hint(
        _(
            "Cases whose truth is known. Some of the model’s answers are wrong on purpose; which ones is told at the "
            "end. Reads of those enter no training, no figure here, and no report."
        )
    )
    busy = any(x.state == "joined" for x in found)
    for x in found:
        with st.container(gap="xsmall"), care.guarded():
            one_exercise(x, busy)
    if not found:
        theme.hint(_("There is none yet."))


def make() -> None:
    """A trainer's form."""
    with st.expander(_("Make an exercise")), care.guarded():
        kinds = [n for n, t in all_tasks().items() if t.outcome.kind in WITH_PROBABILITIES]
        task = st.selectbox(_("Question"), kinds, format_func=lambda n: _(get(n).title), key="exercise-task")
        known = dict(clinic.exercise_candidates(user, task))
        if len(known) < 2:
            theme.hint(_("The truth of fewer than two cases is known. Enter it on a case after its final read."))
            return
        title = st.text_input(_("Title"), max_chars=80, key="exercise-title")
        picked = st.multiselect(
            _("Cases whose truth is known"), list(known), default=list(known), format_func=known.__getitem__
        )
        share = st.slider(_("Wrong answers, % of cases"), 0, 50, 30, 5)
        if st.button(_("Make it"), disabled=not title.strip() or len(picked) < 2):
            clinic.make_exercise(user, title, task, picked, share / 100)
            st.rerun()


def results(rows: Sequence[ExerciseResult], x: ExerciseView) -> None:
    """What was wrong on purpose, and who followed it."""
    theme.section(_("Results of “{title}”").format(title=x.title))
    if not rows:
        theme.hint(_("Nobody has finished it yet."))
        return
    outcome = get(x.task).outcome
    decoys = [r for r in rows if r.decoy]
    followed = sum(r.final == r.decoy and r.first != r.decoy for r in decoys)
    right = sum(r.right for r in rows)
    theme.facts(
        {
            _("Right at the end"): of(right, len(rows)),
            _("Led astray by a wrong answer"): of(followed, len(decoys)),
        }
    )
    lines = [
        (
            r.user,
            r.number,
            Html(theme.chip(answer.words_for(outcome, r.decoy), "warning")) if r.decoy else _("its own answer"),
            answer.words_for(outcome, r.first),
            answer.words_for(outcome, r.final, r.agrees is not None),
            answer.words_for(outcome, r.truth, settled=True),
        )
        for r in rows
    ]
    heads = [_("Reader"), _("Case"), _("Wrong on purpose"), _("First read"), _("Final read"), _("Truth")]
    theme.table(heads, lines, label=_("Results"), wide=True)


clinic, user = desk.clinic(), desk.user()
trainer = user.role in ("trainer", "admin")
theme.title(_("Readers"), _("Everybody’s figures") if trainer else _("Your own figures"))

left, right = st.columns([2.36, 1], gap="small")
with right, theme.panel("exercises"), care.guarded():
    all_of_them = clinic.exercises(user)
    exercises(all_of_them)
    if trainer:
        make()
with left:
    chosen = next((x for x in all_of_them if x.id == st.session_state.get("results")), None)
    if chosen:
        with theme.panel("results"), care.guarded():
            results(clinic.exercise_results(user, chosen.id), chosen)
    with theme.panel("figures"), care.guarded():
        names = {ALL: _("All questions"), **{n: _(t.title) for n, t in all_tasks().items()}}
        picked = st.selectbox(
            _("Show"),
            list(names),
            list(names).index(address.asked("task", list(names), ALL)),
            format_func=names.__getitem__,
            key="readers-task",
            label_visibility="collapsed",
            width=280,
        )
        address.keep("task", picked, ALL)
        task = None if picked == ALL else picked
        beside_the_machine(clinic.statistics(user, task))
        beside_each_other(clinic.kappas(user, task))
        differing(clinic.disagreements(user, task))
