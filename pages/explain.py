"""Why a package answered as it did: one case, one label, one method; the map, its gap, and a picture to take away."""

import itertools
from functools import partial

import streamlit as st

from app.parts import address, answer, care, desk, health, later, neighbours, take_away, theme, what_if, whole, words
from app.parts.viewers import Series, ecg, film, record_table, volume
from medcore.clinic import AnswerView, AttributionView, CaseRow, CaseView, InputView
from medcore.errors import Refused
from medcore.explain import METHODS, baseline_words, baselines, methods
from medcore.i18n import _, retold
from medcore.inputs import Record, RecordField
from medcore.outcomes import Outcome
from medcore.tasks import Task, get

CASE = "../pages/case.py"
RECENT = 60
WIDE_GAP = 0.02  # of probability: from here on the map's parts don't add up well enough to read small ones


def known(row: CaseRow) -> bool:
    """Whether this user may see what was answered."""
    return row.task is not None and (bool(row.yours) or not user.read_first)


def opened(case_id: int) -> CaseView:
    """The case, opened once where nothing of it can still be revealed: a volume's series are joined each time."""
    kept: CaseView | None = st.session_state.get("explain_case")
    whole = kept is not None and kept.row.id == case_id and set(kept.tasks) <= set(kept.revealed) and not kept.exercise
    view = kept if kept and whole else clinic.open_case(user, case_id)
    st.session_state["explain_case"] = view
    st.session_state["last_case"] = case_id
    address.keep("case", case_id)
    return view


def choose() -> int | None:
    """The case: one of the last that this user read, or any by its number."""
    recent = {r.number: r for r in clinic.worklist(user, per_page=RECENT).rows if known(r)}
    now = address.number("case") or st.session_state.get("last_case")
    numbers = list(recent)
    current = next((n for n, r in recent.items() if r.id == now), None)
    if current is None and now is not None:
        current = opened(now).row.number
        numbers = [current, *numbers]
    picked = st.selectbox(
        _("Case"),
        numbers,
        index=numbers.index(current) if current else None,
        format_func=lambda n: f"{n}  {recent[n].title}" if n in recent else n,
        placeholder=_("Choose, or type a case number"),
        accept_new_options=True,
        key=f"explain-case-{now}",
    )
    if picked in (None, current):
        return now
    rows = [recent[picked]] if picked in recent else clinic.worklist(user, text=picked, per_page=1).rows
    if not rows:
        raise Refused(_("There is no case {number}.").format(number=picked), _("Check the number on the worklist."))
    return rows[0].id


def choose_task(view: CaseView) -> Task:
    """The question, where several are asked of this case."""
    name = view.tasks[0]
    if len(view.tasks) > 1:
        start = address.asked("task", view.tasks, name)
        name = st.selectbox(
            _("Question"),
            view.tasks,
            view.tasks.index(start),
            format_func=lambda t: _(get(t).title),
            key="explain-task",
        )
        address.keep("task", name, view.tasks[0])
    return get(name)


def choose_label(outcome: Outcome, said: str) -> str:
    """What is to be explained; the label that was answered comes first."""
    labels = {label.name: _(label.title) for label in outcome.labels}
    first = next((c for c in said.split("+") if c in labels), next(iter(labels)))
    if len(labels) == 1:
        return first
    start = list(labels).index(address.asked("label", list(labels), first))
    picked = st.selectbox(_("Label"), list(labels), index=start, format_func=labels.__getitem__, key=f"label-{said}")
    address.keep("label", picked, first)
    return picked


def choose_method(task: Task) -> str:
    titles = {name: _(METHODS[name].title) for name in methods(task)}
    return address.choose("method", titles, _("Method"), next(iter(titles)), key=f"method-{task.name}")


def choose_baseline(task: Task, method: str) -> str:
    """What the input is compared with; "" for the usual one, and where the method compares with nothing."""
    names = list(baselines(task))
    if not METHODS[method].compares or len(names) == 1:
        return ""
    titles = {"mean": _("Mean"), "zero": _("Zero"), "blurred": _("Blurred"), "noise": _("Noise")}
    titles = {name: titles[name] for name in names}
    picked = address.choose("baseline", titles, _("Compared with"), names[0], key=f"baseline-{task.name}")
    return "" if picked == names[0] else picked


def explained(case_id: int, task: Task, label: str, method: str, baseline: str) -> AttributionView | str:
    """The attribution, or in a sentence why there is none."""
    try:
        found = clinic.explain(user, case_id, task.name, label, method, baseline)
    except Refused as refused:
        return retold(str(refused))
    return retold(found.attribution.failure) or found


def source(view: CaseView, task: Task) -> tuple[str, InputView]:
    """The first field, and the input that its map lies on."""
    name, spec = next(iter(task.fields.items()))
    return name, next(i for i in view.inputs if i.kind == spec.kind and i.id in view.sources[task.name])


def show(view: CaseView, task: Task, label: str, why: AttributionView | None) -> None:
    """The map over the input, in the same viewers as on the case."""
    field, given = source(view, task)
    grey = why is not None and not health.believed(why)
    map_url = desk.map_url(why.id, grey) if why else None
    mask_url = desk.mask_url(why.answer_id) if why and task.outcome.kind == "mask" else None
    title = answer.words_for(task.outcome, label)
    if given.kind == "image":
        film(
            desk.input_url(given.id),
            map_url,
            mask_url,
            key=f"why-film-{given.id}",
            corners=[words.described([given]), title],
            number=view.row.number,
            label=title,
            regions=answer.regions(why.attribution.words) if why and not grey else (),
            facts=given.facts,
        )
    elif given.kind == "signal":
        url, measures = desk.input_url(given.id), desk.measure_url(given.id)
        ecg(url, map_url, key=f"why-ecg-{given.id}", label=title, measure_url=measures)
    elif given.kind == "volume":
        series = Series(words.described([given]), desk.input_url(given.id), map_url, mask_url, title)
        volume([series], key=f"why-volume-{given.id}")
    else:
        held, spec = clinic.input(user, given.id), task.fields[field]
        assert isinstance(held, Record)
        assert isinstance(spec, RecordField)
        points = [100 * float(v) for v in why.attribution.values[field]] if why else None
        record_table(spec.columns, held.values, points, grey=grey)


def said(given: AnswerView, task: Task, label: str) -> None:
    """What was answered, in one line."""
    p = given.answer.probabilities.get(label)
    pairs = {_("Answer"): answer.words_for(task.outcome, given.answer.choice, settled=True)}
    if p is not None and task.outcome.kind != "regression":
        pairs[answer.words_for(task.outcome, label)] = theme.percent(p)
    theme.facts({**pairs, _("Package"): given.answer.package})


def trust(task: Task, why: AttributionView) -> None:
    """Evidence, baseline and convergence gap in words."""
    gap = why.attribution.gap
    theme.section(_("How far to trust the map"))
    health.whole(why.health)
    if gap is None:
        row = (None, _("This method gives relative weights: they don’t add up to the answer, so there is no gap."), "")
    else:
        points = theme.number(100 * gap, 1)
        row = (
            gap < WIDE_GAP,
            _("Its parts add up to the answer within {n} points of 100.").format(n=points),
            "" if gap < WIDE_GAP else _("Read only its largest parts."),
        )
    theme.ticks([row, (None, retold(why.attribution.baseline) or baseline_words(task), "")])
    if why.attribution.remark:
        theme.hint(retold(why.attribution.remark))


def picture(view: CaseView, task: Task, why: AttributionView, baseline: str) -> None:
    """The PNG, which says what it is and that it is for research only."""
    a = why.attribution
    take_away.button(
        _("Download PNG"),
        partial(clinic.export, user, view.row.id, task.name, "png", a.label, a.method, baseline),
        f"{view.row.number}-{a.label}-{a.method}.png",
        "image/png",
        key=f"png-{why.id}",
    )
    with st.container(horizontal=True, gap="small"):
        for form, title, end, media_type in (
            ("talk", _("All maps, HTML"), ".maps.html", "text/html"),
            ("maps", _("All maps, NPZ"), ".maps.npz", "application/octet-stream"),
        ):
            take_away.button(
                title,
                partial(clinic.export, user, view.row.id, task.name, form),
                f"{view.row.number}-{task.name}{end}",
                media_type,
                key=f"{form}-{why.answer_id}",
            )
    theme.hint(
        _("{method} on {device} in {seconds} s. Kept with the case.").format(
            method=_(METHODS[a.method].title), device=a.device.upper(), seconds=theme.number(a.seconds, 1)
        )
    )


def beside(given: AnswerView, why: AttributionView) -> tuple[object, ...]:
    """Every map of the answer made so far, on one scale: the share of its own peak. Gives what is waited for."""
    what = ("pictures", given.id, why.id, why.health.state)
    found = later.soon(what, partial(clinic.pictures, user, given))
    if found is None:
        return what
    same = (why.attribution.label, why.attribution.baseline)
    health.agreement([one for one, _picture in found if (one.attribution.label, one.attribution.baseline) == same])
    if len(found) > 1:
        theme.section(_("Maps side by side, each in shares of its peak"))
        for column, (one, picture) in zip(itertools.cycle(st.columns(3)), found, strict=False):
            title = _(METHODS[one.attribution.method].title)
            signs = {"known": _("fails") if one.health.failed else _("passes")}
            with column:
                st.image(picture, caption=f"{title}: {signs.get(one.health.state, _('not measured yet'))}")
    return ()


def alike(view: CaseView, task: Task) -> tuple[object, ...]:
    """The cases that the nets see alike to this one. Gives what is waited for, or nothing."""
    what = ("neighbours", user.id, view.row.id, task.name)
    found = later.soon(what, partial(clinic.neighbours, user, *what[2:]))
    if found is None:
        st.skeleton(160)
        return what
    neighbours.show(found, task)
    return ()


clinic, user = desk.clinic(), desk.user()
desk.warm()
theme.title(_("Explain"), _("What moved an answer, and how well the parts add up"))
views = {"case": _("One case"), "model": _("The whole model")}
if address.choose("view", views, _("View"), "case", key="explain-view", hidden=True) == "model":
    with care.guarded():
        whole.show()
    st.stop()

left, right = st.columns([2.36, 1], gap="small")
view = task = given = why = None
label, method, baseline = "", "", ""
pending: tuple[object, ...] = ()
with right, theme.panel("rail"):
    with care.guarded():
        case_id = choose()
        view = opened(case_id) if case_id is not None else None
        if view and view.row.simulated:
            theme.html(theme.chip(_("Simulated"), "uncertain"))
    if view and not view.tasks:
        theme.warning(_("No question here takes this case."), _("Choose another."))
    elif view:
        with care.guarded():
            task = choose_task(view)
            if task.name not in view.revealed:
                answer.hidden()
                st.page_link(CASE, label=_("Read this case first"), query_params={"case": str(view.row.id)})
            else:
                which = (view.row.id, task.name)
                whose = (*which, user.id if view.exercise else 0)
                given = later.soon(("answer", *whose), partial(clinic.answer, user, *which))
                pending = () if given else ("answer", *whose)
                if given and given.answer.withheld:
                    answer.model_answer(given.answer, task.outcome, task.unit_noun)
                    given = None
                elif given:
                    label, method = choose_label(task.outcome, given.answer.choice), choose_method(task)
                    baseline = choose_baseline(task, method)

if view and task and given:
    with right, theme.panel("why"), care.guarded():
        what = ("why", given.id, label, method, baseline)
        why = later.soon(what, partial(explained, view.row.id, task, label, method, baseline))
        said(given, task, label)
        if isinstance(why, AttributionView):
            if health.believed(why):
                answer.moved(why.attribution.words, source(view, task)[1].kind, numbered=True)
            answer.outside(why.attribution.outside)
            trust(task, why)
            health.truth(given.answer.package_hash)
            health.watch(why, {})
            if not view.exercise:  # an answer that may be wrong on purpose stays here
                picture(view, task, why, baseline)
        elif why:
            theme.warning(_("No map."), why)
        else:
            pending = what
            theme.hint(_("Working out what moved the answer. It is kept, whatever you do meanwhile."))
            st.skeleton(160)

with left, theme.panel("viewer"), care.guarded():
    if view and task:
        drawn = why if isinstance(why, AttributionView) else None
        show(view, task, label or task.outcome.labels[0].name, drawn)
    else:
        theme.empty(_("No case is chosen"), _("Choose one that you have read: its map appears here."))

if view and given and isinstance(why, AttributionView) and not view.exercise:  # maps of other labels tell a decoy
    with left, theme.panel("beside"), care.guarded():
        pending = beside(given, why) or pending
if view and task and task.name in view.revealed and not view.exercise and pending[:1] != ("answer",):
    with left, theme.panel("neighbours"), care.guarded():
        pending = alike(view, task) or pending
if view and task and given and not view.exercise:
    with care.guarded():
        what_if.section(given, task, label)

if pending:
    later.wait(pending)
