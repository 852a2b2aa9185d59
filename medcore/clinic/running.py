"""A training as a worker does it: resumable, stoppable, ended in a candidate or in one sentence."""

import errno
import math
import shutil
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from medcore import jobs, tasks
from medcore.clinic.cohorts import Cohorts
from medcore.clinic.desk import SYSTEM
from medcore.clinic.last_reads import last_reads
from medcore.datasets.sample import Sample
from medcore.errors import Refused
from medcore.i18n import _
from medcore.inputs import Input
from medcore.jobs import Heartbeat, Job
from medcore.store import audit
from medcore.store.tables import AnswerRow, CaseTable, EpochRow, PackageRow, ReviewRow, RunRow
from medcore.tasks import Task

COMPARED = 300
FRESH_SEED = 1_000_000
RETRY_SECONDS = 2.0


@dataclass(frozen=True)
class Agreed:
    """A truth that is an answer's own, for a person agreed with it."""

    answer_id: int


class Running(Cohorts):
    """What a worker calls."""

    def work(self, job: Job, beat: Heartbeat, ending: threading.Event) -> None:
        """Does a claimed job to an end that is written down, whatever happens; `ending` puts it back to the queue."""
        from medcore.learn.batches import Stopped

        def asked_to_stop() -> bool:
            return ending.is_set() or beat.cancel.is_set() or beat.lost.is_set()

        def stop() -> None:
            if asked_to_stop():
                raise Stopped

        end: Callable[[Session, Job], bool]
        try:
            if job.kind == "evidence":
                self._weigh(job, stop)
            elif job.kind == "cohort":
                self._explain_some(job, stop)
            else:
                self._train(job, asked_to_stop)
            return
        except jobs.Lost:
            return
        except Stopped:
            what, end = ("cancelled", jobs.cancelled) if beat.cancel.is_set() else ("released", jobs.release)
        except Exception as error:
            what, end = "failed", partial(jobs.fail, sentence=self._sentence(error))
        self._insist(job, what, end, ending)

    def _train(self, job: Job, stop: Callable[[], bool]) -> None:
        """From the run's settings to a registered candidate with a report."""
        from medcore.learn.build import train
        from medcore.packages import load

        with self.database.read() as session:
            run = session.get_one(RunRow, job.args["run"])
            wanted = run.settings
            start = self._by_hash(session, wanted["start_hash"])
        task, out = tasks.get(run.task), self.settings.home / "packages" / run.task / run.version
        samples, compared = self._samples(task, run.id, wanted)
        if not (out / "package.json").exists():
            train(
                task,
                samples,
                out,
                version=run.version,
                recipe=replace(task.recipe, **wanted["recipe"]),
                folds=range(wanted["folds"]),
                seed=wanted["seed"],
                start=self._package(start) if start else None,
                device=self.settings.device,
                work=self.settings.home / "runs" / str(run.id),
                on_epoch=partial(self._epoch, job, run.id, wanted["folds"]),
                stop=stop,
            )
        package = load(out)
        report = self._report(task, package, compared)
        with self.database.write() as session:
            run = session.get_one(RunRow, run.id)
            run.report = report
            row = self._register(session, run, package)
            audit.append(session, run.user.name, "trained", f"run {run.id}", {"package": row.id, "hash": row.hash})
            if not jobs.finish(session, job):
                raise jobs.Lost

    def _epoch(self, job: Job, run_id: int, folds: int, figures: dict[str, Any]) -> None:
        """Writes an epoch down; one that is done again after a takeover takes the place of the first."""
        fold, epoch = int(figures["fold"]), int(figures["epoch"])
        share = (fold + epoch / figures["epochs"]) / folds
        note = _("Net {i} of {n}, epoch {epoch} of {epochs}").format(
            i=fold + 1, n=folds, epoch=epoch, epochs=figures["epochs"]
        )
        with self.database.write() as session:
            if not jobs.progress(session, job, 0.95 * share, note):
                raise jobs.Lost
            same = (EpochRow.run_id == run_id, EpochRow.fold == fold, EpochRow.epoch == epoch)
            session.execute(delete(EpochRow).where(*same))
            session.add(EpochRow(run_id=run_id, fold=fold, epoch=epoch, figures=_plain(figures)))

    def _samples(self, task: Task, run_id: int, wanted: dict[str, Any]) -> tuple[list[Sample], list[Sample]]:
        """(to learn from, to compare by): the same where they are real, else cases from a seed that nobody used."""
        data, fresh, compared = wanted["data"], FRESH_SEED + run_id, min(COMPARED, task.simulated)
        if data == "simulated":
            return task.simulate(wanted["n"], wanted["seed"]), task.simulate(compared, fresh)
        samples: list[Sample] = []
        if data in ("reviewed", "mix"):
            with self.database.read() as session:
                samples += [
                    replace(
                        sample,
                        load=partial(self._reviewed_inputs, task.name, int(sample.case)),
                        target=partial(self._agreed, sample.target)
                        if isinstance(sample.target, Agreed)
                        else sample.target,
                    )
                    for sample in reviewed_cases(session, task)
                ]
        if wanted["folder"]:
            folder = Path(wanted["folder"]).expanduser()
            if not folder.is_dir():
                raise Refused(_("The folder {name} is not there.").format(name=folder), _("Name one on this server."))
            samples += task.data(folder)
        elif data == "mix":
            return samples + task.simulate(wanted["n"], wanted["seed"]), samples + task.simulate(compared, fresh)
        return samples, samples

    def _reviewed_inputs(self, task: str, case_id: int) -> dict[str, Input]:
        with self.database.read() as session:
            return self._taken(session, case_id, task)

    def _agreed(self, what: Agreed) -> np.ndarray:
        """The mask of an answer that a person called right."""
        with self.database.read() as session:
            row = session.get_one(AnswerRow, what.answer_id)
        return self._mask(row)

    def _report(self, task: Task, package: Any, samples: Sequence[Sample]) -> dict[str, Any]:
        """The candidate beside the version in use now, on the same patients."""
        from medcore.learn.compare import compare

        try:
            current = self.in_use(task.name)
        except Refused:
            return {"candidate": package.name, "current": None, "worse": []}
        figures = _plain(compare(current, package, samples, self.settings.device))
        return {"candidate": package.name, "current": current.name, **figures}

    def _by_hash(self, session: Session, hashed: str | None) -> PackageRow | None:
        return session.scalar(select(PackageRow).where(PackageRow.hash == hashed)) if hashed else None

    def _sentence(self, error: Exception) -> str:
        """What ended a run, as one sentence and what to do. A fault of the program is printed as well."""
        if isinstance(error, Refused):
            return str(error)
        if self._is_full(error):
            for part in (self.settings.home / "runs").glob("*/*.part"):
                part.unlink(missing_ok=True)
            return _("The disk is full. The last checkpoint is kept: make room and go on from it.")
        if isinstance(error, MemoryError):
            return _("There was not enough memory. Choose a smaller batch; the last checkpoint is kept.")
        traceback.print_exception(error)
        kind = type(error).__name__
        return _("A fault of the program ended it ({kind}); the worker's log says where.").format(kind=kind)

    def _is_full(self, error: BaseException) -> bool:
        """No room left: said so, or a write that failed (torch doesn't say why) where there is next to none."""
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        wrote = isinstance(error, RuntimeError) and "writ" in str(error).lower()
        return wrote and shutil.disk_usage(self.settings.home).free < 2**22

    def _insist(self, job: Job, what: str, end: Callable[[Session, Job], bool], ending: threading.Event) -> None:
        """Writes the end of a job down, however long the database is locked or full; until this worker must go."""
        said = False
        while True:
            try:
                with self.database.write() as session:
                    if end(session, job):
                        (subject,) = (f"{what} {number}" for what, number in job.args.items())
                        audit.append(session, SYSTEM, what, subject, {"attempt": job.attempt})
                return
            except Refused as refused:
                if not said:
                    print(refused, file=sys.stderr, flush=True)  # noqa: T201
                said = True
                if ending.wait(RETRY_SECONDS):
                    return


def reviewed_cases(session: Session, task: Task) -> list[Sample]:
    """Cases with a final read, as samples that load nothing yet: each reader's newest read counts, never one of a
    decoy. A case that readers disagree on, or that nobody could tell, teaches nothing."""
    out = []
    for case_id, told in last_reads(session, task.name).items():
        if len({r.choice for r in told}) == 1:
            case = session.get_one(CaseTable, case_id)
            target = task.outcome.truth_of(told[0].choice)
            if task.outcome.on:
                target = _mask_of(task, target, told)
                if target is None:
                    continue
            out.append(Sample("reviewed", case.patient.pseudonym, str(case_id), dict, target, source="reviewed"))
    return out


def _mask_of(task: Task, there: np.ndarray, told: Sequence[ReviewRow]) -> Any:
    """A mask that goes with what readers chose: an empty one where nothing is there, else that of the one answer that
    they all agree with; None where no mask is known."""
    if task.grid and not there.any():
        return task.grid[1].nothing
    answers = {r.answer_id for r in told}
    agreed = len(answers) == 1 and None not in answers and all(r.agrees for r in told)
    return Agreed(answers.pop() or 0) if agreed else None


def _plain(value: Any) -> Any:
    """The same with what JSON lacks (not-a-number) as None."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
