"""Models: which version answers each task, its card and figures, and who put it into use and why."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app.parts import address, care, charts, desk, theme, words
from app.parts.theme import Html, e
from medcore.clinic import Use, Version
from medcore.i18n import _, retold
from medcore.tasks import Task, all_tasks, get

TRAIN = "../pages/train.py"
SHOWN = 7
Metric = Mapping[str, float | None] | None


def choose_task() -> Task:
    """The list at the left: each task with the version that answers it."""
    tasks = all_tasks()
    names = list(tasks)

    def line(name: str) -> str:
        used = answering[name]
        return f"{_(tasks[name].title)} :gray[{used.version if used else _('no version yet')}]"

    name = st.radio(
        _("Task"),
        names,
        index=names.index(address.asked("task", names, names[0])),
        format_func=line,
        key="models-task",
        label_visibility="collapsed",
    )
    address.keep("task", name)
    return get(name)


def choose_version(versions: list[Version]) -> Version | None:
    """The version whose card is shown: the one in use unless another is chosen."""
    if len(versions) < 2:
        return next(iter(versions), None)
    by_id = {v.id: v for v in versions}
    first = next((v.id for v in versions if v.in_use), versions[0].id)
    picked = st.selectbox(
        _("Version"),
        list(by_id),
        index=list(by_id).index(address.asked("version", list(by_id), first)),
        format_func=lambda i: by_id[i].version + (f", {_('in use')}" if by_id[i].in_use else ""),
        key=f"version-{versions[0].task}-{first}",
        width=200,
        label_visibility="collapsed",
    )
    address.keep("version", picked, first)
    return by_id[picked]


# the card


def about(task: Task, version: Version) -> None:
    """What it is for, what not, and what it learnt from."""
    for heading, text in ((_("For"), task.intended_use), (_("Not for"), task.not_for)):
        theme.section(heading)
        theme.html(f"<p>{e(_(text))}</p>")
    data = clinic.package(version.id).about.get("data", {})
    if data:
        theme.section(_("Trained on"))
        said = ", ".join(_("{n} cases of {set}").format(n=theme.number(n), set=name) for name, n in data.items())
        theme.html(f"<p>{e(said)}</p>")


def value(metric: Metric) -> str:
    return theme.number(metric["value"], 3) if metric else "–"


def span(metric: Metric) -> str:
    return theme.span(metric["low"], metric["high"], 3) if metric and metric.get("low") is not None else ""


def figures(report: Mapping[str, Any]) -> None:
    """Every metric on patients never trained on, with its range."""
    metrics = {k: v for k, v in (report.get("metrics") or {}).items() if v}
    theme.section(_("Out of fold, {n} cases").format(n=theme.number(report.get("n"))))
    if not metrics:
        theme.hint(_("Its report holds no figures."))
        return
    shown = list(metrics) if st.session_state.get("all-figures") else list(metrics)[:SHOWN]
    rows = [(words.metric(k), value(metrics[k]), span(metrics[k])) for k in shown]
    theme.table([_("Measure"), _("Value"), _("95 % range")], rows, align="lrr", bold=1, label=_("Figures"))
    if len(metrics) > SHOWN:
        st.toggle(_("Show all {n}").format(n=len(metrics)), key="all-figures")


def by_source(report: Mapping[str, Any]) -> None:
    """The leading metric of each source on one scale; the line is that of all cases."""
    name, sources = words.leading_metric(report.get("metrics") or {}), report.get("by_source") or {}
    rows = {s: m[name] for s, m in sources.items() if m.get(name)}
    if not rows:
        return
    theme.section(_("By source, {metric} with 95 % range").format(metric=words.metric(name)))
    whole = report["metrics"][name]["value"]
    ends = [v for m in rows.values() for v in (m["value"], m["low"], m["high"]) if v is not None] + [whole]
    low, high = min(ends), max(ends)
    pad = max(0.1 * (high - low), 0.01)

    def at(x: float) -> float:
        return 100 * (x - low + pad) / (high - low + 2 * pad)

    def line(m: Mapping[str, float]) -> Html:
        a, b = (m["low"], m["high"]) if m.get("low") is not None else (m["value"], m["value"])
        return theme.scale(at(a), at(b), at(m["value"]), at(whole))

    body = "".join(
        f'<tr><td>{e(s.replace("_", " "))}</td><td class="g">{line(m)}</td><td class="r">{e(value(m))}</td></tr>'
        for s, m in rows.items()
    )
    theme.html(f'<table aria-label="{e(_("Figures by source"))}"><tbody>{body}</tbody></table>')
    theme.hint(_("Line: all cases, {n}.").format(n=theme.number(whole, 3)))


def reliability(report: Mapping[str, Any]) -> None:
    """When it said 70 %, was it right 70 times in 100? Drawn where the report holds it."""
    curve = report.get("reliability")
    if not curve:
        return
    theme.section(_("Reliability"))
    theme.hint(_("When it said 70 %, was it right 70 times in 100?"))
    figure = charts.reliability(curve["said"], curve["was"], curve.get("low"), curve.get("high"))
    charts.show(figure, alt=_("How often the finding was there, by what the model said"), key="reliability")


def roc(task: Task, version: Version) -> None:
    """How sensitivity is paid for, on patients never trained on. Of several labels one is chosen to stand out."""
    curves = clinic.roc(version.id)
    if not curves:
        return
    theme.section(_("ROC"))
    theme.hint(_("On patients never trained on; by chance alone it would follow the diagonal."))
    titles = {label.name: _(label.title) for label in task.outcome.labels}
    first, *_rest = names = list(curves)
    if len(names) > 1:
        first = st.selectbox(_("Label"), names, format_func=titles.__getitem__, key=f"roc-label-{task.name}")
    names.sort(key=lambda name: name != first)
    figure = charts.roc({titles[name]: (curves[name]["false"], curves[name]["true"]) for name in names})
    charts.show(
        figure,
        alt=_("Sensitivity against 1 − specificity, out of fold: {label}").format(label=titles[first]),
        key="roc",
    )


def limits(task: Task) -> None:
    if task.limits:
        theme.section(_("Limits"))
        theme.ticks([(False, _(text), "") for text in task.limits])


# its versions


def history(versions: list[Version], uses: list[Use]) -> None:
    """Versions, and which one answered since when, by whom and why."""
    since = {u.package: u for u in reversed(uses)}
    theme.section(_("Versions"))
    made = {"shipped": _("Shipped"), "run": _("Trained here")}
    rows = [
        (
            v.version,
            theme.chip(_("In use"), "good") if v.in_use else "",
            made[v.source] + (f", {_('run {n}').format(n=v.run_id)}" if v.run_id else ""),
            words.day(v.at),
            v.hash[:8],
        )
        for v in versions
    ]
    theme.table([_("Version"), "", _("From"), _("Since"), _("Hash")], rows, bold=0, label=_("Versions"))
    theme.section(_("Which one answered"))
    used = [
        (
            u.package.rsplit(" ", 1)[-1],
            words.clock(u.at),
            u.user,
            retold(u.reason) + (f" ({_('override')})" if u.override else ""),
        )
        for u in uses[:SHOWN]
    ]
    if since:
        theme.table([_("Version"), _("From then on"), _("By"), _("Why")], used, bold=0, label=_("Which one answered"))


def brought(versions: list[Version], uses: list[Use]) -> None:
    """A version that came with a release of the software and has not answered yet: nobody's click, nobody's use."""
    answered = {u.package for u in uses}
    new = next((v for v in versions if v.source == "shipped" and v.package not in answered), None)
    if new and uses:
        waits = _("{package} came with this release.").format(package=new.package)
        theme.warning(waits, _("It answers once a trainer chooses it above and puts it into use."))


def change(task: Task, version: Version, uses: list[Use]) -> None:
    """Put this version into use, or go back to the one before."""
    theme.section(_("Change of version"))
    reason = st.text_input(_("Reason"), key=f"model-reason-{task.name}", placeholder=_("It is kept with the change"))
    override = ""
    worse = clinic.run(version.run_id).worse if version.run_id and not version.in_use else ()
    if worse:
        theme.warning(_("Worse than what it was compared with:"), ", ".join(words.metric(m) for m in worse) + ".")
        override = st.text_input(
            _("To use it all the same, type: {task}").format(task=task.name), key=f"model-override-{version.id}"
        )
    with st.container(horizontal=True):
        if not version.in_use:
            fine = trainer and bool(reason.strip()) and (not worse or override.strip() == task.name)
            if st.button(_("Use {package}").format(package=version.package), disabled=not fine, help=needs_trainer):
                clinic.promote(user, version.id, reason, override)
                done(_("{package} answers from now on.").format(package=version.package))
        back = len(uses) > 1
        if st.button(_("Back to the version before"), disabled=not (trainer and back), help=needs_trainer):
            now = clinic.undo(user, task.name, reason)
            done(_("{package} answers again.").format(package=now.package))
    kept = _("A new version needs a reason, going back needs none. Answers given before keep their version.")
    theme.hint(needs_trainer or kept)


def done(text: str) -> None:
    st.session_state["changed"] = text
    st.query_params.pop("version", None)
    st.rerun()


clinic, user = desk.clinic(), desk.user()
trainer = user.role in ("trainer", "admin")
needs_trainer = None if trainer else _("This needs the role of trainer. Sign in with such an account.")

answering = {name: clinic.answering(name) for name in all_tasks()}
there = sum(version is not None for version in answering.values())
theme.title(_("Models"), _("{n} of {m} tasks have a version in use").format(n=there, m=len(answering)))
if changed := st.session_state.pop("changed", ""):
    theme.saved(changed)

side, main = st.columns([1, 3.9], gap="small")
with side, theme.panel("list"), care.guarded():
    task = choose_task()
with main, theme.panel("card"), care.guarded():
    versions, uses = clinic.versions(task.name), clinic.uses(task.name)
    with st.container(horizontal=True, vertical_alignment="center"):
        heading = st.container(width="stretch")
        version = choose_version(versions)
    with heading:
        since = next((u.at for u in uses if version and u.package == version.package), None)
        chip = (
            theme.chip(_("In use since {day}").format(day=words.day(since)) if since else _("In use"), "good")
            if version and version.in_use
            else theme.chip(_("Not in use"))
        )
        theme.title(version.package if version else _(task.title), _(task.question), right=chip if version else "")
    brought(versions, uses)
    if version is None:
        theme.empty(_("No version of this task answers yet"), _("Train one; then put it into use here or there."))
        st.page_link(TRAIN, label=_("Go to Train"), query_params={"task": task.name}, icon=":material/model_training:")
        limits(task)
    else:
        first, second, third = st.columns(3, gap="medium")
        with first, st.container(gap="xsmall"):
            about(task, version)
        with second, st.container(gap="xsmall"):
            figures(version.report)
        with third, st.container(gap="xsmall"):
            by_source(version.report)
            limits(task)
        st.divider()
        left, right = st.columns([2, 1], gap="medium")
        with left, st.container(gap="xsmall"):
            history(versions, uses)
        with right, st.container(gap="xsmall"):
            reliability(version.report)
            roc(task, version)
            change(task, version, uses)
        if card := clinic.card_text(version.id):
            with st.expander(_("The whole card")):
                st.markdown(card)
            st.download_button(
                _("Download card"), card, f"{task.name}-{version.version}.md", "text/markdown", on_click="ignore"
            )
