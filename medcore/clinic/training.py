"""Retraining as a person asks for it; the worker's side is in `running`."""

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from medcore import jobs, tasks
from medcore.clinic.running import Running, reviewed_cases
from medcore.clinic.versions import current_use
from medcore.clinic.views import RunView, User
from medcore.errors import Refused
from medcore.i18n import _
from medcore.store import audit
from medcore.store.tables import EpochRow, JobRow, JobState, PackageRow, RunRow
from medcore.tasks import Recipe, Task

DATA = ("simulated", "folder", "reviewed", "mix")
MOST_SIMULATED = 20_000
SEEDS = 1_000_000
"""Seeds that a person can give; those from here on are kept for comparisons, so that no training has seen them."""


class Training(Running):
    """Runs: asked for here, done by a worker, ended in a candidate that nobody has to take."""

    def retrain(
        self,
        user: User,
        task: str,
        data: Literal["simulated", "folder", "reviewed", "mix"] = "simulated",
        folder: str | None = None,
        n: int = 400,
        recipe: Mapping[str, Any] | None = None,
        start: Literal["in_use", "afresh"] = "in_use",
        seed: int = 0,
        folds: int = 1,
    ) -> int:
        """A training as a job; gives the run's id.

        data: `n` simulated cases; a `folder` on this server in the set's layout; reviewed cases; or a mix of the
            reviewed with the folder if one is named, else with simulated ones
        recipe: what differs from the task's own; folds: how many nets, each with a fifth left out
        """
        declared = tasks.get(task)
        _check(declared, data, folder, n, recipe or {}, start, seed, folds)
        with self._writing(user, "retrain") as (session, me):
            current = current_use(session, task)
            settings = {
                "data": data,
                "folder": folder,
                "n": n,
                "recipe": dict(recipe or {}),
                "start": start,
                "start_hash": current.package.hash if current and start == "in_use" else None,
                "seed": seed,
                "folds": folds,
            }
            if data == "reviewed" and not reviewed_cases(session, declared):
                raise Refused(_("No case has a final read for this question yet."), _("Review some cases first."))
            job = jobs.enqueue(session, "train", {}, me.id)
            run = RunRow(task=task, version=_next_version(session, task), job=job, user=me, settings=settings)
            session.add(run)
            session.flush()
            job.args = {"run": run.id}
            audit.append(session, me.name, "retrain", f"run {run.id}", {"task": task, "data": data})
            return run.id

    def runs(self, task: str | None = None) -> list[RunView]:
        """The newest first, without their epochs."""
        query = select(RunRow, PackageRow.id).outerjoin(PackageRow, PackageRow.run_id == RunRow.id)
        if task:
            query = query.where(RunRow.task == task)
        with self.database.read() as session:
            rows = session.execute(query.order_by(RunRow.id.desc())).all()
            return [_view(run, candidate, ()) for run, candidate in rows]

    def run(self, run_id: int) -> RunView:
        """One, with a row an epoch: what `on_epoch` was told."""
        with self.database.read() as session:
            run = _run(session, run_id)
            epochs = session.scalars(
                select(EpochRow).where(EpochRow.run_id == run_id).order_by(EpochRow.fold, EpochRow.epoch)
            )
            candidate = session.scalar(select(PackageRow.id).where(PackageRow.run_id == run_id))
            return _view(run, candidate, tuple(e.figures for e in epochs))

    def cancel_run(self, user: User, run_id: int) -> RunView:
        """Asks for its end: at once where it waits, within a batch where it runs. Its checkpoint stays."""
        with self._writing(user, "cancel_run") as (session, me):
            run = _run(session, run_id)
            if run.job.state not in ("queued", "running"):
                raise Refused(_("This run has ended already."), _("There is nothing to cancel."))
            jobs.cancel(session, run.job_id)
            audit.append(session, me.name, "cancel_run", f"run {run.id}")
        return self.run(run_id)

    def resume_run(self, user: User, run_id: int) -> RunView:
        """Goes on with a failed or cancelled run from its last checkpoint."""
        with self._writing(user, "retrain") as (session, me):
            run = _run(session, run_id)
            if run.job.state not in ("failed", "cancelled"):
                raise Refused(_("Only a run that failed or was cancelled can go on."), _("Start a new one."))
            jobs.requeue(session, run.job_id)
            audit.append(session, me.name, "resume_run", f"run {run.id}")
        return self.run(run_id)

    def reviewed_count(self, task: str) -> int:
        """Cases that `reviewed` would train on."""
        with self.database.read() as session:
            return len(reviewed_cases(session, tasks.get(task)))


def _check(
    task: Task, data: str, folder: str | None, n: int, recipe: Mapping[str, Any], start: str, seed: int, folds: int
) -> None:
    if data not in DATA or start not in ("in_use", "afresh"):
        raise Refused(
            _("A training can't be asked for in this way."),
            _("Data is one of: {names}. It starts from the version in use or afresh.").format(names=", ".join(DATA)),
        )
    if data == "folder" and not (folder or "").strip():
        raise Refused(_("No folder was named."), _("Name a folder on this server."))
    if data in ("simulated", "mix") and not 20 <= n <= MOST_SIMULATED:
        raise Refused(_("{n} simulated cases are too few or too many.").format(n=n), _("Take 20 to 20,000."))
    if not 0 <= seed < SEEDS or not 1 <= folds <= 5:
        raise Refused(_("Seed or number of folds is out of range."), _("Take a seed below 1,000,000 and 1 to 5 folds."))
    kinds = {f.name: type(getattr(task.recipe, f.name)) for f in fields(Recipe)}
    for name, value in recipe.items():
        fitting = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
        if name not in kinds or not fitting or (kinds[name] is int and (value != int(value) or value < 1)):
            raise Refused(
                _("The recipe can't have {name} = {value}.").format(name=name, value=value),
                _("It has: {names}, each a positive number.").format(names=", ".join(kinds)),
            )


def _next_version(session: Session, task: str) -> str:
    """The next minor version after all that the task has had here."""
    known = [
        *session.scalars(select(PackageRow.version).where(PackageRow.task == task)),
        *session.scalars(select(RunRow.version).where(RunRow.task == task)),
    ]
    numbers = [tuple(map(int, found.groups())) for v in known if (found := re.match(r"(\d+)\.(\d+)", v))]
    major, minor = max(numbers, default=(1, -1))
    return f"{major}.{minor + 1}.0"


def _run(session: Session, run_id: int) -> RunRow:
    run = session.get(RunRow, run_id)
    if run is None:
        raise Refused(_("There is no such run."), _("Choose one from the list."))
    return run


def _view(run: RunRow, candidate: int | None, epochs: tuple[Mapping[str, Any], ...]) -> RunView:
    job: JobRow = run.job
    return RunView(
        id=run.id,
        task=run.task,
        user=run.user.name,
        state=cast(JobState, job.state),
        progress=job.progress,
        note=job.note,
        error=job.error,
        settings=run.settings,
        epochs=epochs,
        report=run.report,
        worse=tuple((run.report or {}).get("worse", ())),
        candidate=candidate,
        at=run.at,
        started=job.started,
        finished=job.finished,
        attempts=job.attempts,
        cancelling=job.cancel and job.state == "running",
    )
