"""Training: the run that is going on, what it learns from, a new one, and the candidate beside the version in use."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from app.parts import address, care, charts, desk, theme, words
from medcore.clinic import RunView, Version
from medcore.i18n import _, retold
from medcore.tasks import Task, all_tasks, get

ACTIVE = ("queued", "running")
SHOWN_RUNS = 7
WAITING_SECONDS = 15  # a run that waits longer has probably no worker


def choose_task() -> Task:
    titles = {name: _(task.title) for name, task in all_tasks().items()}
    name = st.segmented_control(
        _("Task"),
        list(titles),
        default=address.asked("task", list(titles), next(iter(titles))),
        required=True,
        format_func=titles.__getitem__,
        key="train-task",
        label_visibility="collapsed",
        wrap=True,
    )
    address.keep("task", name)
    return get(name)


def choose_run(runs: Sequence[RunView]) -> RunView | None:
    """The run that the address names, else the one that goes on, else the last."""
    chosen = next((r for r in runs if r.id == address.number("run")), None)
    return chosen or next((r for r in runs if r.state in ACTIVE), None) or next(iter(runs), None)


# the run


def time_left(run: RunView) -> str:
    if run.state != "running" or run.started is None or run.progress < 0.03:
        return ""
    spent = (datetime.now(UTC) - run.started).total_seconds()
    return _("{time} left").format(time=words.duration(spent * (1 - run.progress) / run.progress))


def head(run: RunView) -> None:
    """State, epoch, time left; Stop while it goes on."""
    state, voice = words.run_state(run)
    last = run.epochs[-1] if run.epochs else None
    epoch = ""
    if last:
        net = _("Net {n}, ").format(n=int(last["fold"]) + 1) if run.settings.get("folds", 1) > 1 else ""
        done = _("epoch <b>{n}</b> of {m}").format(n=int(last["epoch"]), m=int(last["epochs"]))
        epoch = theme.Html(f"<span>{theme.e(net)}{done}</span>")
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(width="stretch"):
            left = f'<span class="soft">{theme.e(time_left(run))}</span>'
            theme.html(f'<div class="top">{theme.chip(state, voice)}{epoch}{left}</div>')
        if run.state in ACTIVE:
            if st.button(_("Stop"), disabled=not trainer or run.cancelling, help=needs_trainer, key="stop"):
                clinic.cancel_run(user, run.id)
                st.rerun()
        elif (
            run.state in ("failed", "cancelled")
            and run.epochs
            and st.button(_("Go on from the last epoch"), disabled=not trainer, help=needs_trainer, key="resume")
        ):
            clinic.resume_run(user, run.id)
            st.rerun()


def curves(run: RunView, task: Task, in_use: Version | None) -> None:
    """Loss and the task's first metric by epoch; of several nets the one that is being trained."""
    fold = run.epochs[-1]["fold"]
    rows = [e for e in run.epochs if e["fold"] == fold]
    epochs, most = [int(e["epoch"]) for e in rows], int(rows[-1]["epochs"])
    left, right = st.columns(2, gap="small")
    with left, st.container(gap="xsmall"):
        theme.section(_("Loss"))
        lines = {_("validation"): [e["validation_loss"] for e in rows], _("training"): [e["loss"] for e in rows]}
        figure = charts.curves(lines, xs=epochs, x_max=most)
        charts.show(figure, alt=_("Loss by epoch, on training and validation cases"), key="loss")
    name = words.leading_metric(rows[-1]["metrics"])
    if name:
        with right, st.container(gap="xsmall"):
            theme.section(_("{metric} on validation cases").format(metric=words.metric(name)))
            value = ((in_use.report.get("metrics") or {}).get(name) or {}).get("value") if in_use else None
            reference = (_("current model {n}").format(n=theme.number(value, 3)), value) if value is not None else None
            lines = {_("validation"): [e["metrics"].get(name) for e in rows]}
            figure = charts.curves(lines, xs=epochs, x_max=most, reference=reference)
            charts.show(figure, alt=_("{metric} by epoch").format(metric=words.metric(name)), key="metric")


def progress(run_id: int, task: Task, in_use: Version | None) -> None:
    """The run as the database has it now; drawn again each second while it goes on."""
    with st.container(gap="xsmall"), care.guarded():
        run = clinic.run(run_id)
        if run.state not in ACTIVE and st.session_state.get("active_run") == run_id:
            st.session_state["active_run"] = None
            st.rerun()
        st.session_state["active_run"] = run_id if run.state in ACTIVE else None
        head(run)
        if run.state in ACTIVE:
            st.progress(min(1.0, max(0.0, run.progress)), text=retold(run.note) or None)
        waited = (datetime.now(UTC) - run.at).total_seconds()
        if run.state == "queued" and waited > WAITING_SECONDS:
            theme.warning(_("No worker has taken it yet."), _("It starts as soon as one is free."))
        if run.error:
            theme.refused(run.error)
        if run.epochs:
            if remark := run.epochs[-1].get("remark"):
                theme.hint(retold(remark))
            curves(run, task, in_use)
        elif run.state in ACTIVE:
            theme.hint(_("Curves appear after the first epoch."))
            st.skeleton(240)


def no_run() -> None:
    theme.section(_("No run yet"))
    theme.empty(_("Nothing was trained here yet"), _("Start one at the right: simulated cases need nothing else."))


# what it learns from, and a new one


def sources() -> dict[str, str]:
    return {
        "simulated": _("Simulated cases"),
        "folder": _("A folder on the server"),
        "reviewed": _("Reviewed cases"),
        "mix": _("Reviewed cases and others"),
    }


def learns_from(run: RunView, task: Task) -> None:
    """Data, beginning, recipe of the run that is shown."""
    s = run.settings
    theme.section(_("What run {n} learns from").format(n=run.id))
    begins = _("Version in use") if s.get("start") == "in_use" and s.get("start_hash") else _("Afresh")
    rows = [(_("Data"), sources().get(s["data"], s["data"]))]
    if s["data"] == "simulated" or (s["data"] == "mix" and not s.get("folder")):
        rows.append((_("Simulated"), theme.number(s["n"])))
    if s.get("folder"):
        rows.append((_("Folder"), s["folder"]))
    recipe = {**asdict(task.recipe), **s.get("recipe", {})}
    rows += [
        (_("Starts from"), begins),
        (_("Epochs, at most"), theme.number(recipe["epochs"])),
        (_("Patience, epochs"), theme.number(recipe["patience"])),
        (_("Batch size"), theme.number(recipe["batch"])),
        (_("Learning rate"), f"{recipe['learning_rate']:g}"),
        (_("Nets"), theme.number(s.get("folds", 1))),
        (_("Seed"), theme.number(s["seed"])),
    ]
    theme.table([_("Setting"), _("Value")], rows, align="lr")


def choose_recipe(task: Task) -> tuple[dict[str, float], int]:
    """How it learns, as the task's own recipe says unless changed, and how many nets."""
    own = task.recipe
    with st.expander(_("Recipe")):
        left, right = st.columns(2, gap="small")
        batch = left.number_input(_("Batch size"), 1, 1024, own.batch, key=f"train-batch-{task.name}")
        rate = right.number_input(
            _("Learning rate"),
            1e-6,
            1.0,
            own.learning_rate,
            step=1e-4,
            format="%g",
            help=_("Its peak, after a fifth of the steps; then down by a cosine."),
            key=f"train-rate-{task.name}",
        )
        patience = left.number_input(
            _("Patience, epochs"),
            1,
            500,
            own.patience,
            help=_("It stops after so many epochs without a lower loss on validation cases."),
            key=f"train-patience-{task.name}",
        )
        folds = right.number_input(
            _("Nets"), 1, 5, 1, help=_("Each with another fifth of the patients left out."), key="train-folds"
        )
    return {"batch": int(batch), "learning_rate": float(rate), "patience": int(patience)}, int(folds)


def new_run(task: Task, busy: RunView | None, in_use: Version | None) -> None:
    """The form of a new run."""
    theme.section(_("Start a new run"))
    reviewed = clinic.reviewed_count(task.name)
    names = {**sources(), "reviewed": _("Reviewed cases ({n})").format(n=theme.number(reviewed))}
    data = st.selectbox(_("Data"), list(names), format_func=names.__getitem__, key="train-data")
    folder, n = "", 400
    if data in ("folder", "mix"):
        folder = st.text_input(
            _("Folder on the server"),
            key="train-folder",
            placeholder=_("Optional; without it, simulated cases") if data == "mix" else _("/data/…"),
            help=_("In the layout of {set}; the README describes it.").format(set=task.dataset),
        )
    if data == "simulated" or (data == "mix" and not folder.strip()):
        n = st.number_input(_("Simulated cases"), 20, 20_000, task.simulated, step=20, key=f"train-n-{task.name}")
    starts = {"in_use": _("Version in use, {n}").format(n=in_use.version) if in_use else "", "afresh": _("Afresh")}
    start = st.selectbox(
        _("Start from"), [k for k, v in starts.items() if v], format_func=starts.__getitem__, key="train-start"
    )
    left, right = st.columns(2, gap="small")
    epochs = left.number_input(_("Epochs"), 1, 500, min(10, task.recipe.epochs), key="train-epochs")
    seed = right.number_input(_("Seed"), 0, 999_999, 0, key="train-seed")
    recipe, folds = choose_recipe(task)
    why = needs_trainer
    if busy:
        why = _("One run at a time. Run {n} is still going.").format(n=busy.id)
    if st.button(
        _("Start training"), width="stretch", type="primary", disabled=bool(why), help=why, key="train-start-now"
    ):
        wanted: Any = {"data": data, "folder": folder.strip() or None, "n": int(n), "start": start, "seed": int(seed)}
        started = clinic.retrain(user, task.name, **wanted, recipe={"epochs": int(epochs), **recipe}, folds=folds)
        st.query_params["run"] = str(started)
        st.rerun()
    if why:
        theme.hint(why)


# the candidate


VERDICTS = {"better": "good", "same": "neutral", "worse": "warning"}


def cell(value: Mapping[str, float] | None, *, signed: bool = False) -> str:
    return theme.number(value["value"] if value else None, 3, signed=signed)


def span(value: Mapping[str, float | None] | None) -> str:
    return "" if not value or value.get("low") is None else theme.span(value["low"], value["high"], 3)


def candidate(run: RunView, task: Task) -> None:
    """What the run ended in, beside the version in use, on cases that neither saw."""
    report = run.report or {}
    version = clinic.version(run.candidate) if run.candidate else None
    if version is None:
        return
    theme.title(
        _("Candidate {package} from run {n}").format(package=version.package, n=run.id),
        _("{n} cases, never trained on").format(n=theme.number(report["n"])) if report.get("n") else "",
        right=theme.chip(_("In use"), "good") if version.in_use else "",
    )
    left, right = st.columns([1.8, 1], gap="medium")
    with left, st.container(gap="xsmall"):
        if report.get("metrics"):
            compared(report)
        else:
            alone(version)
    with right, st.container(gap="xsmall"):
        gate(run, task, version)


def compared(report: Mapping[str, Any]) -> None:
    """Each metric of both, and the change with its paired range."""
    verdicts = {"better": _("Better"), "same": _("Same"), "worse": _("Worse")}
    rows = [
        (
            words.metric(name),
            theme.Html(f'<span class="wide-only">{theme.e(cell(row["current"]))}</span>'),
            cell(row["candidate"]),
            cell(row["change"], signed=True),
            span(row["change"]),
            theme.chip(verdicts[row["verdict"]], VERDICTS[row["verdict"]]),
        )
        for name, row in report["metrics"].items()
        if row.get("candidate")
    ]
    theme.table(
        [
            _("Measure"),
            theme.Html(f'<span class="wide-only">{theme.e(_("Current"))}</span>'),
            _("Candidate"),
            _("Change"),
            _("95 % range"),
            "",
        ],
        rows,
        align="lrrrrr",
        bold=2,
        label=_("Candidate and version in use"),
    )


def alone(version: Version) -> None:
    """Nothing answers yet that it could be compared with: its own figures."""
    theme.hint(_("No version answers this task yet, so there is nothing to compare it with. Its own figures:"))
    metrics = version.report.get("metrics") or {}
    rows = [(words.metric(k), cell(v), span(v)) for k, v in metrics.items() if v]
    theme.table([_("Measure"), _("Value"), _("95 % range")], rows, align="lrr", bold=1)


def gate(run: RunView, task: Task, version: Version) -> None:
    """Nothing replaces the version in use without a trainer's click, with a reason."""
    theme.section(_("Gate"))
    names = ", ".join(words.metric(m) for m in run.worse)
    passed = _("No measure is worse by its 95 % range")
    theme.ticks([(not run.worse, _("Worse: {names}").format(names=names) if run.worse else passed, "")])
    if version.in_use:
        theme.saved(_("It answers now. Models has the history, and takes it back."))
        return
    reason = st.text_input(_("Reason"), key=f"reason-{run.id}", placeholder=_("Why it should answer from now on"))
    override = ""
    if run.worse:
        override = st.text_input(
            _("To use it all the same, type: {task}").format(task=task.name), key=f"override-{run.id}"
        )
    ready = trainer and reason.strip() and (not run.worse or override.strip() == task.name)
    if st.button(_("Use candidate"), disabled=not ready, help=needs_trainer, key=f"use-{run.id}"):
        clinic.promote(user, version.id, reason, override)
        st.session_state["promoted"] = version.package
        st.rerun()
    theme.hint(needs_trainer or _("Answers given before keep their version. One click on Models takes it back."))


# past runs


def past(runs: Sequence[RunView], shown: RunView | None) -> None:
    """All runs of this task; each has its address."""
    theme.section(_("Runs"))
    names = sources()
    rows = [
        (
            _("Run {n}").format(n=r.id),
            theme.chip(*words.run_state(r)),
            names.get(r.settings["data"], r.settings["data"]),
            r.user,
            words.clock(r.at),
            theme.percent(r.progress) if r.state in ACTIVE else retold(r.error or r.note),
        )
        for r in runs[:SHOWN_RUNS]
    ]
    theme.table([_("Run"), _("State"), _("Data"), _("By"), _("Asked for"), _("Note")], rows, label=_("Runs"))
    by_id = {r.id: r for r in runs}
    picked = st.selectbox(
        _("Show run"),
        list(by_id),
        index=list(by_id).index(shown.id) if shown else None,
        format_func=lambda i: _("Run {n}, {state}").format(n=i, state=words.run_state(by_id[i])[0].lower()),
        key=f"show-run-{shown.id if shown else 0}",
        width=220,
    )
    if picked and shown and picked != shown.id:
        st.query_params["run"] = str(picked)
        st.rerun()


clinic, user = desk.clinic(), desk.user()
trainer = user.role in ("trainer", "admin")
needs_trainer = None if trainer else _("This needs the role of trainer. Sign in with such an account.")

top = st.container()
task = choose_task()
with care.guarded():
    in_use = clinic.answering(task.name)
    runs = clinic.runs(task.name)
    run = choose_run(runs)
    busy = next((r for r in runs if r.state in ACTIVE), None)
    with top:
        theme.title(
            _("Train"),
            _(task.title),
            _("Run {n}, asked for {when}").format(n=run.id, when=words.clock(run.at)) if run else "",
            right=theme.chip(
                _("Current model: {package}").format(package=in_use.package)
                if in_use
                else _("No version of this task answers yet")
            ),
        )
    if promoted := st.session_state.pop("promoted", ""):
        theme.saved(_("{package} answers from now on.").format(package=promoted))
    left, right = st.columns([1.5, 1], gap="small")
    with left, theme.panel("run"):
        if run:
            desk.fragment(progress, run_every=1 if run.state in ACTIVE else None)(run.id, task, in_use)
        else:
            no_run()
    with right, theme.panel("data"), care.guarded():
        if run:
            learns_from(run, task)
        new_run(task, busy, in_use)
    ended = run if run and run.candidate else next((r for r in runs if r.candidate), None)
    if ended:
        with theme.panel("candidate"), care.guarded():
            candidate(ended, task)
    if runs:
        with theme.panel("runs"), care.guarded():
            past(runs, run)
