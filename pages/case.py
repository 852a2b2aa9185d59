"""One case: the input at the left; at the right your read, then the model's answer with its reasons, your decision."""

from collections.abc import Mapping
from functools import partial
from itertools import chain

import streamlit as st

from app.parts import (
    address,
    answer,
    beside,
    care,
    desk,
    drafts,
    health,
    later,
    presence,
    take_away,
    theme,
    words,
    worth,
)
from app.parts.viewers import Series, ecg, film, record_table, volume
from medcore.clinic import AnswerView, AttributionView, Card, CaseView, InputView, Read
from medcore.errors import Refused
from medcore.explain import METHODS
from medcore.i18n import _, retold
from medcore.inputs import Column, Record, RecordField
from medcore.outcomes import Regression
from medcore.tasks import Task, get

WORKLIST, EXPLAIN = "../pages/worklist.py", "../pages/explain.py"
MODELS, READERS = "../pages/models.py", "../pages/readers.py"


def wanted() -> int | None:
    """The case that the address names, else the one that was open last."""
    return address.number("case") or st.session_state.get("last_case")


def opened(case_id: int) -> CaseView:
    """The case; opening it is kept in the audit, so a rerun of this page's own doesn't open it again."""
    kept: CaseView | None = st.session_state.pop("same_case", None)
    view = kept if kept and kept.row.id == case_id else clinic.open_case(user, case_id)
    st.session_state["last_case"] = case_id
    address.keep("case", case_id)
    return view


def go(case_id: int | None) -> None:
    """To another case, or back to the worklist where there is none."""
    if case_id is None:
        st.switch_page(WORKLIST)
    st.query_params.from_dict({"case": str(case_id)})
    st.rerun()


def strip(view: CaseView) -> None:
    """Number, kind, patient, times; previous and next."""
    row, acquired = view.row, view.inputs[0].facts.get("acquired", "") if view.inputs else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(width="stretch"):
            theme.case_strip(
                row.number,
                words.described(view.inputs),
                words.age_sex(row),
                _("Received {when}").format(when=words.clock(row.received)),
                _("Acquired {day} (date moved)").format(day=acquired) if acquired else "",
                place=_("Case {n} of {total}").format(n=theme.number(view.position), total=theme.number(view.total)),
                simulated=row.simulated,
            )
        with st.container(
            horizontal=True, width="content", gap="xsmall", vertical_alignment="center", key="neighbours"
        ):
            for text, icon, other, keys in (
                (_("Previous"), ":material/chevron_left:", view.previous, "Alt+Up"),
                (_("Next"), ":material/chevron_right:", view.next, "Alt+Down"),
            ):
                if st.button(text, icon=icon, type="tertiary", disabled=other is None, shortcut=keys):
                    go(other)
    also = presence.reading(but=user.name).get(row.id)
    if also:
        theme.hint(_("Also open with: {names}. Each read is kept for itself.").format(names=", ".join(also)))


def exercise(view: CaseView) -> None:
    """That some answers here are wrong on purpose."""
    for found in clinic.exercises(user):
        if found.id == view.exercise:
            text = _("Some of the model’s answers are wrong on purpose; at the end it is told which.")
            theme.warning(_("Exercise “{title}”.").format(title=found.title), text)


def asked(view: CaseView) -> Task | None:
    """The question that is asked of this case; a switch where there are several."""
    if not view.tasks:
        return None
    name = view.tasks[0]
    if len(view.tasks) > 1:
        titles = {t: _(get(t).title) for t in view.tasks}
        name = st.segmented_control(
            _("Question"),
            list(titles),
            default=address.asked("task", list(titles), name),
            required=True,
            format_func=titles.__getitem__,
            key=f"task-{view.row.kind}",
            label_visibility="collapsed",
        )
        address.keep("task", name, view.tasks[0])
    return get(name)


def mine(view: CaseView, task: Task, stage: str) -> Read | None:
    """The user's own read of that stage; of several final ones the newest."""
    own = [r for r in view.reads if r.user_id == user.id and r.task == task.name and r.stage == stage]
    return max(own, key=lambda r: r.id, default=None)


# left: the input


def show(
    view: CaseView, task: Task | None, said: AnswerView | None, why: AttributionView | None, link: str = ""
) -> None:
    """The input in its viewer, with map and mask over it once there are any. Viewers of one link move together."""
    given = view.inputs[0]
    volumes = [i for i in view.inputs if i.kind == "volume"]  # their viewer lists them itself
    shown = [i for i in view.inputs if i not in volumes[1:] and i.kind != "outlines"]
    if len(shown) > 1:
        by_id = {i.id: i for i in shown}
        name = {i.id: words.described([i]) for i in shown}
        picked = st.segmented_control(
            _("Input"),
            list(by_id),
            default=given.id,
            required=True,
            format_func=lambda i: f"{list(by_id).index(i) + 1}: {name[i]}",
            key=f"input-{view.row.id}",
            label_visibility="collapsed",
        )
        given = by_id[picked]
    over = why if why and explains(why, view, task, given) else None
    label = "" if over is None else answer.words_for(task.outcome, over.attribution.label)  # type: ignore[union-attr]
    url, map_url = desk.input_url(given.id), desk.map_url(over.id, not health.believed(over)) if over else None
    if given.kind == "image":
        film(
            url,
            map_url,
            marked(view, task, said, given),
            key=f"film-{given.id}",
            corners=[words.described([given]), words.age_sex(view.row)],
            number=view.row.number,
            label=label,
            regions=answer.regions(over.attribution.words) if over and health.believed(over) else (),
            facts=given.facts,
            link=link,
        )
    elif given.kind == "signal":
        ecg(url, map_url, key=f"ecg-{given.id}", label=label, measure_url=desk.measure_url(given.id), link=link)
    elif given.kind == "volume":
        volume([series(i, view, task, said, why) for i in volumes], key=f"volume-{view.row.id}", link=link)
    else:
        values(view.row.id, given, task, said, over)


def series(
    given: InputView, view: CaseView, task: Task | None, said: AnswerView | None, why: AttributionView | None
) -> Series:
    """A volume for its viewer, with the map and the mask that belong to it."""
    title, url = words.described([given]), desk.input_url(given.id)
    told = view.row.task is None or view.row.task in view.revealed
    files = sum(i.kind == "outlines" for i in view.inputs)
    outlines = desk.outlines_url(given.id, files) if files and told else None
    if task is None or not answers(view, task, given):
        return Series(title, url, outlines=outlines)
    over = why if why and explains(why, view, task, given) else None
    return Series(
        title,
        url,
        map=desk.map_url(over.id, not health.believed(over)) if over else None,
        mask=marked(view, task, said, given),
        outlines=outlines,
        label=answer.words_for(task.outcome, over.attribution.label) if over else "",
    )


def marked(view: CaseView, task: Task | None, said: AnswerView | None, given: InputView) -> str | None:
    """Where the mask over this input is fetched, if the answer is one."""
    if task is None or said is None or task.outcome.kind != "mask" or not answers(view, task, given):
        return None
    return None if said.answer.withheld else desk.mask_url(said.id)


def answers(view: CaseView, task: Task, given: InputView) -> bool:
    """Whether the task answers from this input."""
    return given.id in view.sources.get(task.name, ())


def explains(why: AttributionView, view: CaseView, task: Task | None, given: InputView) -> bool:
    """Whether there is a map and it belongs to this input."""
    return task is not None and not why.attribution.failure and answers(view, task, given)


def values(
    case_id: int, given: InputView, task: Task | None, said: AnswerView | None, over: AttributionView | None
) -> None:
    """A record's values against their usual ranges, since the last record, and how far each moved the answer."""
    held = clinic.input(user, given.id)
    assert isinstance(held, Record)
    fields = [f for f in (task.fields.values() if task else ()) if isinstance(f, RecordField)]
    columns = fields[0].columns if fields else tuple(Column(name, name) for name in held.values)
    points, base = None, None
    if over is not None:
        shares = [float(v) for v in next(iter(over.attribution.values.values()))]
        points = [100 * v for v in shares]
        if said and METHODS[over.attribution.method].adds_up and not isinstance(task and task.outcome, Regression):
            base = min(1.0, max(0.0, said.answer.probabilities[over.attribution.label] - sum(shares)))
    last = clinic.record_before(user, case_id)
    before, number = (last[1].values, last[0]) if last else (None, "")
    grey = over is not None and not health.believed(over)
    record_table(columns, held.values, points, base=base, before=before, before_from=number, grey=grey)


# right: the rail


def no_question(view: CaseView) -> None:
    """Why nothing here can answer this case."""
    if not view.refusals:
        theme.warning(_("No question here takes this case."), _("It can be viewed."))
    for name, refusal in view.refusals.items():
        theme.section(_(get(name).title))
        theme.refused(refusal.sentence, refusal.remedy)


def before(view: CaseView, task: Task) -> None:
    """What to know before reading: remarks on the input, and who will answer."""
    theme.section(_("Before you read"))
    remarks = [r for i in view.inputs for r in i.remarks]
    in_use = clinic.answering(task.name)
    ready = (
        _("Model {package} is ready").format(package=in_use.package)
        if in_use
        else _("No version of this task answers yet. Your read is kept all the same.")
    )
    rows: list[tuple[bool | None, str, str]] = [(False, retold(r), "") for r in remarks]
    theme.ticks([*(rows or [(True, _("Read whole, nothing to remark on"), "")]), (None, ready, "")])


@desk.fragment
def read_first(view: CaseView, task: Task) -> None:
    """The reader's own read; nothing of the answer is asked for before it is locked."""
    with st.container(gap="xsmall"), care.guarded():
        key = f"read-{view.row.id}-{task.name}"
        drafts.keep(f"{key}-")
        given = answer.read_form(task.question, task.outcome, key=key)
        if given:
            clinic.lock_read(user, view.row.id, task.name, given.choice, given.confidence, given.comment)
            drafts.drop(f"{key}-")
            st.rerun()
        before(view, task)


def answered(view: CaseView, task: Task, first: Read | None) -> AnswerView | None:
    """Your read, then what the model says; None while it is being asked."""
    if first:
        answer.your_read(
            task.outcome, first.choice, words.clock(first.at), first.confidence, first.comment, blind=not first.shown
        )
    given = later.soon(("answer", *which), lambda: clinic.answer(user, view.row.id, task.name))
    if given is None:
        theme.section(_("Model’s answer"))
        st.skeleton(130)
    else:
        answer.model_answer(given.answer, task.outcome, task.unit_noun, at=words.clock(given.at))
    return given


def titles(task: Task) -> Mapping[str, str]:
    """Values of a record as people call them."""
    return {c.name: _(c.title) for f in task.fields.values() if isinstance(f, RecordField) for c in f.columns}


def reasons(view: CaseView, task: Task, given: AnswerView, why: AttributionView | str | None) -> None:
    """What moved the answer, and other findings."""
    kind = next(iter(task.fields.values())).kind
    if isinstance(why, AttributionView) and not why.attribution.failure:
        if health.believed(why):
            answer.moved(why.attribution.words, kind, numbered=True)
            if not why.attribution.words:
                theme.hint(_("No part of the input stands out as having raised this score."))
        answer.outside(why.attribution.outside)
        health.line(why.health)
        health.watch(why, {"same_case": view})
    elif why is None:
        theme.section(_("What moved the answer"))
        st.skeleton(90)
    else:
        theme.warning(_("No map."), retold(why if isinstance(why, str) else why.attribution.failure))
    answer.other_findings(given.answer, task.outcome)


def checked(view: CaseView, task: Task, given: AnswerView) -> None:
    """What to know of the input before relying on the answer: the remarks made when it came, what an outline of the
    lungs says against a film, and the answer's own."""
    known, said = titles(task), given.answer
    asked = [i for i in view.inputs if answers(view, task, i)]
    at_the_door = [r for i in asked for r in i.remarks]
    films = [i.id for i in asked if i.kind == "image"]
    of_lungs = [later.soon(("lungs", film), partial(clinic.film_remarks, user, film)) or () for film in films]
    remarks = [*dict.fromkeys((*at_the_door, *chain(*of_lungs), *said.remarks))]
    answer.notes(remarks, said.unlike, said.absent, [known.get(w, w) for w in said.wished])


def behind(task: Task, given: AnswerView, card: Card | None) -> None:
    """What the answer is worth for this patient, and who answered."""
    said = given.answer
    if card:
        worth.not_excluded(card, task.outcome)
        worth.limits(card)
        with st.expander(_("Cut, predictive values, origin of the numbers")), st.container(gap="xsmall"):
            worth.origin(card, said, task.outcome)
            worth.predictive(card, said, task.outcome, clinic.predictive, key=f"worth-{given.case_id}-{task.name}")
            worth.standing([_(text) for text in task.limits])
    answer.footer(said)
    with st.container(horizontal=True, gap="small"):
        if not said.withheld:
            st.page_link(
                EXPLAIN,
                label=_("Other labels and methods"),
                query_params={"case": str(given.case_id), "task": task.name},
                icon=":material/query_stats:",
            )
        st.page_link(MODELS, label=_("Card"), query_params={"task": task.name}, icon=":material/description:")


@desk.fragment
def decide(view: CaseView, task: Task, given: AnswerView, first: Read | None, final: Read | None) -> None:
    """The final read; given again it is a correction, and both stay."""
    key = f"final-{view.row.id}-{task.name}-{given.id}"  # what is half decided is so about this very answer
    with st.container(gap="xsmall"), care.guarded():
        if final and not st.session_state.get(f"again-{key}"):
            answer.reviewed(task.outcome, final.agrees, final.choice, words.clock(final.at), final.comment)
            others(view, task)
            truth(view, task)
            if st.button(_("Correct my decision"), type="tertiary", key=f"button-{key}"):
                st.session_state[f"again-{key}"] = True
                st.rerun(scope="fragment")
            return
        drafts.keep(f"{key}-")
        if given.answer.withheld:
            decision = answer.own_decision(task.outcome, key=key)
        else:
            decision = answer.decision(task.outcome, given.answer, first.choice if first else None, key=key)
        if decision:
            clinic.review(user, view.row.id, task.name, decision.agrees, decision.choice, decision.comment)
            drafts.drop(f"{key}-")
            st.session_state.pop(f"again-{key}", None)
            st.session_state["saved"] = view.row.number
            if view.exercise:
                left = next((x.next for x in clinic.exercises(user) if x.id == view.exercise), None)
                if left is None:
                    st.switch_page(READERS)
                go(left)
            waiting = clinic.worklist(user, state="to_read", per_page=1).rows
            go(view.next or (waiting[0].id if waiting else None))


def truth(view: CaseView, task: Task) -> None:
    """What was so in the end, where it is known; a trainer can enter it."""
    known = clinic.truth(user, view.row.id, task.name)
    if known is not None:
        theme.facts({_("Known to be so"): answer.words_for(task.outcome, known, settled=True)})
    if user.role == "reader" or view.exercise:
        return
    with st.popover(_("Enter what was so"), type="tertiary", icon=":material/fact_check:"):
        theme.hint(_("From follow-up, biopsy or another examination. Readers’ figures are held against it."))
        said = answer.choose(task.outcome, f"truth-{view.row.id}-{task.name}", _("What was so?"), cant_tell=False)
        if st.button(_("Keep"), disabled=said is None, key=f"keep-truth-{view.row.id}"):
            clinic.set_truth(user, view.row.id, task.name, said or "")
            st.rerun()


def others(view: CaseView, task: Task) -> None:
    """What other readers said, which their own final read has made known to this one."""
    rows = [r for r in view.reads if r.user_id != user.id and r.task == task.name and r.stage == "final"]
    if rows:
        theme.section(_("Other readers"))
        theme.table(
            [_("Reader"), _("Said"), _("When")],
            [(r.user, answer.words_for(task.outcome, r.choice, r.agrees is not None), words.clock(r.at)) for r in rows],
            align="llr",
        )


def reason_for(case_id: int, task: Task, method: str | None = None) -> AttributionView | str:
    """The attribution by that method, else by the task's first; or why there is none."""
    try:
        return clinic.explain(user, case_id, task.name, method=method)
    except Refused as refused:
        return str(refused)


clinic, user = desk.clinic(), desk.user()
desk.warm()

case_id = wanted()
if case_id is None:
    theme.title(_("Case"))
    theme.empty(_("No case is open"), _("Open one from the worklist."))
    st.page_link(WORKLIST, label=_("Go to the worklist"), icon=":material/list:")
    st.stop()

view = None
with care.guarded():
    view = opened(case_id)
if view is None:
    st.session_state.pop("last_case", None)
    st.page_link(WORKLIST, label=_("Go to the worklist"), icon=":material/list:")
    st.stop()

presence.here(user.name, case_id)
strip(view)
siblings = clinic.same_patient(user, case_id)
other = beside.chosen(view, user, siblings)
if other:
    left = st.container()
    right = st.columns(2, gap="small")[0]
else:
    left, right = st.columns([2.36, 1], gap="small")
with left:
    task = asked(view)
first, final = (mine(view, task, "first"), mine(view, task, "final")) if task else (None, None)
revealed = task is not None and task.name in view.revealed
version = clinic.answering(task.name) if task and revealed else None
# Whose it is counts too: within an exercise two readers may be told two things.
which = (case_id, task.name if task else "", version.hash if version else "", user.id if view.exercise else 0)

given: AnswerView | None = None
why: AttributionView | str | None = None
pending: tuple[object, ...] = ()
saved = st.session_state.pop("saved", "")
with right, theme.panel("rail"), care.guarded():
    if saved:
        theme.saved(_("{number} is saved.").format(number=saved))
    if view.exercise:
        exercise(view)
    if task is None:
        no_question(view)
    elif not revealed:
        read_first(view, task)
    else:
        given = answered(view, task, first)
        if given:
            card = None if given.answer.withheld else clinic.card(given)
            if card:
                worth.overlap(card)
                why = later.soon(("why", *which), partial(reason_for, case_id, task))
                pending = () if why else ("why", *which)
                if isinstance(why, AttributionView) and task.refine:
                    finer = later.soon(("finer", *which), partial(reason_for, case_id, task, task.refine))
                    pending = () if finer else ("finer", *which)
                    why = finer if isinstance(finer, AttributionView) and not finer.attribution.failure else why
                reasons(view, task, given, why)
            checked(view, task, given)
            decide(view, task, given, first, final)
            behind(task, given, card)
            take_away.exports(user, view.row.id, task.name)
        else:
            pending = ("answer", *which)

with left, theme.panel("viewer"), care.guarded():
    if other is None:
        show(view, task, given, why if isinstance(why, AttributionView) else None)
    else:  # of each its input alone: the answer to the other may still be hidden from this user
        for place, one in zip(st.columns(2, gap="small"), (view, other), strict=True):
            with place:
                theme.section(beside.named(one.row))
                show(one, task, None, None, link=f"{view.row.id}-{other.row.id}")
    beside.offer(view, siblings, other)

# Answer and reasons take their time the first time: they are found beside the page, and then drawn in their places.
if pending:
    later.wait(pending, {"same_case": view, "saved": saved})
