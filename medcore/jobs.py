"""Long work as rows of the database.

A worker claims a job for the length of a lease, renews the lease while it works, and gives up what it no longer
owns. A worker that dies lets the lease run out, and another goes on from the last checkpoint. Clocks of machines
that share a database must agree to within some seconds of LEASE.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from medcore.errors import Refused
from medcore.i18n import _
from medcore.store.engine import Database
from medcore.store.tables import JobRow, JobState, now

LEASE = 30.0
ATTEMPTS = 3


class Lost(Exception):
    """Another worker has the job, or it is no more: what was done here is dropped."""


@dataclass(frozen=True)
class Job:
    """A claimed job; `attempt` counts the claims, this one included."""

    id: int
    kind: str
    args: dict[str, Any]
    owner: str
    attempt: int
    user_id: int


def enqueue(session: Session, kind: str, args: dict[str, Any], user_id: int) -> JobRow:
    """A new job, within the caller's transaction."""
    row = JobRow(kind=kind, args=args, user_id=user_id)
    session.add(row)
    session.flush()
    return row


def claim(
    database: Database, owner: str, lease: float = LEASE, kinds: Sequence[str] = ("train", "evidence", "cohort")
) -> Job | None:
    """The oldest job of these kinds that waits or whose lease ran out, now `owner`'s; None where there is none.

    One that was claimed ATTEMPTS times and never ended is failed instead: it takes its worker down with it.
    """
    while True:
        at = time.time()
        free = and_(
            JobRow.kind.in_(kinds), or_(JobRow.state == "queued", and_(JobRow.state == "running", JobRow.lease < at))
        )
        with database.read() as session:  # idle workers look often, and only a write must wait its turn
            if session.scalar(select(JobRow.id).where(free).limit(1)) is None:
                return None
        with database.write() as session:
            first = select(JobRow.id).where(free).order_by(JobRow.id).limit(1).scalar_subquery()
            taken = session.execute(
                update(JobRow)
                .where(JobRow.id == first)
                .values(state="running", owner=owner, lease=time.time() + lease, attempts=JobRow.attempts + 1)
                .returning(JobRow.id, JobRow.kind, JobRow.args, JobRow.attempts, JobRow.user_id, JobRow.cancel)
                .execution_options(synchronize_session=False)
            ).one_or_none()
            if taken is None:
                return None
            if not taken.cancel and taken.attempts <= ATTEMPTS:
                session.execute(
                    update(JobRow).where(JobRow.id == taken.id, JobRow.started.is_(None)).values(started=now())
                )
                return Job(taken.id, taken.kind, taken.args, owner, taken.attempts, taken.user_id)
            if taken.cancel:
                _end(session, taken.id, owner, "cancelled", "")
            else:
                said = _("It was started {n} times and its worker died each time.").format(n=ATTEMPTS)
                _end(session, taken.id, owner, "failed", said)


def progress(session: Session, job: Job, share: float, note: str = "") -> bool:
    """Notes how far it is (0 to 1); False where the job is no longer this owner's."""
    mine = update(JobRow).where(*_mine(job.id, job.owner))
    return bool(session.execute(mine.values(progress=share, note=note).returning(JobRow.id)).all())


def cancel(session: Session, job_id: int) -> None:
    """Asks for the end of a job: at once where it waits, else by the worker, within a batch of its work."""
    session.execute(update(JobRow).where(JobRow.id == job_id).values(cancel=True))
    waiting = update(JobRow).where(JobRow.id == job_id, JobRow.state == "queued")
    session.execute(waiting.values(state="cancelled", finished=now()))


def requeue(session: Session, job_id: int) -> None:
    """An ended job once more, with all its attempts."""
    again = {"state": "queued", "cancel": False, "attempts": 0, "error": "", "finished": None, "owner": ""}
    session.execute(update(JobRow).where(JobRow.id == job_id).values(again))


def finish(session: Session, job: Job) -> bool:
    """Ends it well; False where another worker has taken it over, whose result counts."""
    return _end(session, job.id, job.owner, "done", "")


def fail(session: Session, job: Job, sentence: str) -> bool:
    """Ends it with one sentence that a person can act on."""
    return _end(session, job.id, job.owner, "failed", sentence)


def cancelled(session: Session, job: Job) -> bool:
    """Ends it as asked."""
    return _end(session, job.id, job.owner, "cancelled", "")


def release(session: Session, job: Job) -> bool:
    """Puts it back for any worker: this one was told to stop, or has done its turn of a long one. That is no failed
    attempt."""
    mine = update(JobRow).where(*_mine(job.id, job.owner))
    back = mine.values(state="queued", owner="", lease=0.0, attempts=JobRow.attempts - 1)
    return bool(session.execute(back.returning(JobRow.id)).all())


def _mine(job_id: int, owner: str) -> tuple[Any, ...]:
    return JobRow.id == job_id, JobRow.owner == owner, JobRow.state == "running"


def _end(session: Session, job_id: int, owner: str, state: JobState, error: str) -> bool:
    values: dict[str, Any] = {"state": state, "error": error, "finished": now(), "lease": 0.0}
    if state == "done":
        values["progress"] = 1.0
    return bool(session.execute(update(JobRow).where(*_mine(job_id, owner)).values(values).returning(JobRow.id)).all())


class Heartbeat:
    """Renews a job's lease from a thread of its own for as long as the block runs.

    cancel: somebody asked for the end. lost: another worker has the job now, so stop and write nothing.
    """

    def __init__(self, database: Database, job: Job, lease: float = LEASE) -> None:
        self.cancel = threading.Event()
        self.lost = threading.Event()
        self._over = threading.Event()
        self._database, self._job, self._lease = database, job, lease
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat of job {job.id}", daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        wait = min(2.0, self._lease / 4)
        while not self._over.wait(wait):
            try:
                self._renew()
            except Refused:
                continue  # Locked or full for now. If that outlasts the lease, the next beat finds it lost.

    def _renew(self) -> None:
        mine = update(JobRow).where(*_mine(self._job.id, self._job.owner))
        with self._database.write() as session:
            row = session.execute(mine.values(lease=time.time() + self._lease).returning(JobRow.cancel)).one_or_none()
        if row is None:
            self.lost.set()
        elif row.cancel:
            self.cancel.set()
