"""The tables. Every change of them needs a migration beside it (tests compare the two)."""

from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import JSON, DateTime, Dialect, ForeignKey, Index, MetaData, TypeDecorator, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

Role = Literal["reader", "trainer", "admin"]
CaseState = Literal["to_read", "read", "reviewed", "unanswerable"]
Stage = Literal["first", "final"]
JobState = Literal["queued", "running", "done", "failed", "cancelled"]


def now() -> datetime:
    return datetime.now(UTC)


class Utc(TypeDecorator[datetime]):
    """A time, aware and in UTC on both ways; the column itself holds it without a zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: Utc, dict[str, Any]: JSON, dict[str, str]: JSON, list[Any]: JSON}


class UserRow(Base):
    """switched: when `read_first` last became another; None where it never did."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    password: Mapped[str | None]
    read_first: Mapped[bool] = mapped_column(default=True)
    switched: Mapped[datetime | None]
    at: Mapped[datetime] = mapped_column(default=now)


class PatientRow(Base):
    """A patient is a pseudonym and nothing else."""

    __tablename__ = "patients"
    id: Mapped[int] = mapped_column(primary_key=True)
    pseudonym: Mapped[str] = mapped_column(unique=True)


class CaseTable(Base):
    """state is the furthest that anyone has come with the case; task is the one that the worklist shows."""

    __tablename__ = "cases"
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    running: Mapped[int]
    kind: Mapped[str]
    task: Mapped[str | None]
    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id"))
    age_years: Mapped[float | None]
    sex: Mapped[str] = mapped_column(default="")
    state: Mapped[str]
    source: Mapped[str]
    simulated: Mapped[bool] = mapped_column(default=False)
    received: Mapped[datetime] = mapped_column(default=now)
    patient: Mapped[PatientRow] = relationship(lazy="joined", innerjoin=True)
    inputs: Mapped[list["InputRow"]] = relationship(order_by="InputRow.position", back_populates="case")
    # One index an order, one an order within a filter: a page of the worklist is a walk of some entries.
    __table_args__ = (
        UniqueConstraint("kind", "running"),
        Index(None, "received", "id"),
        Index(None, "state", "received", "id"),
        Index(None, "kind", "state", "received", "id"),
        Index(None, "kind", "received", "id"),
        Index(None, "patient_id", "id"),
        Index(None, "age_years", "id"),
        Index(None, "task", "state", "received", "id"),
        Index(None, "running"),
    )


class InputRow(Base):
    """files: stored name → hash of the cleaned file; sha256: of what the input shows."""

    __tablename__ = "inputs"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    kind: Mapped[str]
    sha256: Mapped[str] = mapped_column(index=True)
    files: Mapped[dict[str, str]]
    facts: Mapped[dict[str, str]]
    remarks: Mapped[list[Any]]
    shape: Mapped[list[Any]]
    case: Mapped[CaseTable] = relationship(back_populates="inputs")


class StoredFile(Base):
    """A file that some input refers to: what is not named here may be swept away."""

    __tablename__ = "files"
    sha256: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int]


class PackageRow(Base):
    __tablename__ = "package_versions"
    id: Mapped[int] = mapped_column(primary_key=True)
    task: Mapped[str]
    version: Mapped[str]
    hash: Mapped[str]
    folder: Mapped[str]
    source: Mapped[str]
    run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"))
    report: Mapped[dict[str, Any]]
    at: Mapped[datetime] = mapped_column(default=now)
    __table_args__ = (UniqueConstraint("task", "hash"),)


class UseRow(Base):
    """Which version answers a task: the newest row does. before: the row that it took the place of, for undo."""

    __tablename__ = "uses"
    id: Mapped[int] = mapped_column(primary_key=True)
    task: Mapped[str]
    package_id: Mapped[int] = mapped_column(ForeignKey("package_versions.id"))
    before_id: Mapped[int | None] = mapped_column(ForeignKey("uses.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    reason: Mapped[str]
    override: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime] = mapped_column(default=now)
    package: Mapped[PackageRow] = relationship(lazy="joined", innerjoin=True)
    __table_args__ = (Index(None, "task", "id"),)


class AnswerRow(Base):
    """answer: all of `medcore.learn.predict.Answer`, with hashes and versions; score and choice for lists.

    urgency, uncertainty: 0 to 1, for the order of a worklist (medcore.clinic.worklist); None where there is none.
    """

    __tablename__ = "answers"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"))
    task: Mapped[str]
    package_id: Mapped[int] = mapped_column(ForeignKey("package_versions.id"))
    package_hash: Mapped[str]
    score: Mapped[float | None]
    urgency: Mapped[float | None]
    uncertainty: Mapped[float | None]
    choice: Mapped[str]
    answer: Mapped[dict[str, Any]]
    settings: Mapped[dict[str, Any]]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(default=now)
    __table_args__ = (UniqueConstraint("case_id", "task", "package_hash"),)


class EmbeddingRow(Base):
    """What the nets made of an answered case: float32, little-endian (medcore.learn.neighbours.vector).

    id: grows with time, so that an index in memory knows what is new.
    """

    __tablename__ = "embeddings"
    id: Mapped[int] = mapped_column(primary_key=True)
    answer_id: Mapped[int] = mapped_column(ForeignKey("answers.id", ondelete="CASCADE"), unique=True)
    vector: Mapped[bytes]


class AttributionRow(Base):
    """about: everything of the attribution but its maps, which are one packed file. baseline: "" for the usual one."""

    __tablename__ = "attributions"
    id: Mapped[int] = mapped_column(primary_key=True)
    answer_id: Mapped[int] = mapped_column(ForeignKey("answers.id", ondelete="CASCADE"))
    label: Mapped[str]
    method: Mapped[str]
    baseline: Mapped[str] = mapped_column(default="")
    about: Mapped[dict[str, Any]]
    file: Mapped[str]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(default=now)
    __table_args__ = (UniqueConstraint("answer_id", "label", "method", "baseline"),)


class EvidenceRow(Base):
    """Whether to believe an attribution (medcore.explain.health). limits: those of its package when it was measured."""

    __tablename__ = "evidence"
    attribution_id: Mapped[int] = mapped_column(ForeignKey("attributions.id", ondelete="CASCADE"), primary_key=True)
    evidence: Mapped[dict[str, Any]]
    limits: Mapped[dict[str, Any]]
    seconds: Mapped[float]
    at: Mapped[datetime] = mapped_column(default=now)


class ReviewRow(Base):
    """A read. Never changed: a correction is a further row, and the newest final one of a user counts.

    decoy: it was made in view of an answer that was wrong on purpose; never learnt from, never counted.
    opened: when this reader had last opened the case before a first read.
    shown: an answer was there before a first read at a time when this reader did not read first: it may not be blind.
    """

    __tablename__ = "reviews"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"))
    task: Mapped[str]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    stage: Mapped[str]
    choice: Mapped[str]
    confidence: Mapped[int | None]
    agrees: Mapped[bool | None]
    comment: Mapped[str] = mapped_column(default="")
    answer_id: Mapped[int | None] = mapped_column(ForeignKey("answers.id"))
    decoy: Mapped[bool] = mapped_column(default=False)
    opened: Mapped[datetime | None]
    shown: Mapped[bool] = mapped_column(default=False)
    at: Mapped[datetime] = mapped_column(default=now)
    user: Mapped[UserRow] = relationship(lazy="joined", innerjoin=True)
    __table_args__ = (
        Index(None, "case_id", "user_id", "task", "stage"),
        Index(None, "task", "stage"),
        # The rule itself: one first read a person, case and task, whoever writes at the same moment.
        Index(
            "uq_reviews_first",
            "user_id",
            "case_id",
            "task",
            unique=True,
            sqlite_where=text("stage = 'first'"),
            postgresql_where=text("stage = 'first'"),
        ),
    )


class TruthRow(Base):
    """What was so in the end. The newest row of a case and task counts. origin: "simulated" or "entered"."""

    __tablename__ = "truths"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"))
    task: Mapped[str]
    choice: Mapped[str]
    origin: Mapped[str]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(default=now)
    __table_args__ = (Index(None, "case_id", "task"),)


class ExerciseRow(Base):
    """Cases of one task to be read for practice, some of them with a machine's answer that is wrong on purpose."""

    __tablename__ = "exercises"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    task: Mapped[str]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(default=now)


class ExerciseCaseRow(Base):
    """decoy: the choice that the machine is made to say, which isn't the truth; "" where its own answer is shown."""

    __tablename__ = "exercise_cases"
    id: Mapped[int] = mapped_column(primary_key=True)
    exercise_id: Mapped[int] = mapped_column(ForeignKey("exercises.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    decoy: Mapped[str]
    __table_args__ = (UniqueConstraint("exercise_id", "case_id"),)


class ExerciseReaderRow(Base):
    """Who reads an exercise. Until `finished` the decoys stay unknown to them."""

    __tablename__ = "exercise_readers"
    id: Mapped[int] = mapped_column(primary_key=True)
    exercise_id: Mapped[int] = mapped_column(ForeignKey("exercises.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    joined: Mapped[datetime] = mapped_column(default=now)
    finished: Mapped[datetime | None]
    __table_args__ = (UniqueConstraint("exercise_id", "user_id"),)


class JobRow(Base):
    """lease: until when its owner may work on it, as Unix time."""

    __tablename__ = "jobs"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    args: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(default="queued")
    owner: Mapped[str] = mapped_column(default="")
    lease: Mapped[float] = mapped_column(default=0.0)
    attempts: Mapped[int] = mapped_column(default=0)
    cancel: Mapped[bool] = mapped_column(default=False)
    progress: Mapped[float] = mapped_column(default=0.0)
    note: Mapped[str] = mapped_column(default="")
    error: Mapped[str] = mapped_column(default="")
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(default=now)
    started: Mapped[datetime | None]
    finished: Mapped[datetime | None]
    __table_args__ = (Index(None, "state", "lease", "id"),)


class RunRow(Base):
    """One training. settings: data, folder, n, recipe, start, seed, folds; version: of the package that it ends in.

    The package that it ended in points here; the one that it started from is named in settings by its hash.
    """

    __tablename__ = "runs"
    id: Mapped[int] = mapped_column(primary_key=True)
    task: Mapped[str]
    version: Mapped[str]
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    settings: Mapped[dict[str, Any]]
    report: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    at: Mapped[datetime] = mapped_column(default=now)
    job: Mapped[JobRow] = relationship(lazy="joined", innerjoin=True)
    user: Mapped[UserRow] = relationship(lazy="joined", innerjoin=True)
    __table_args__ = (UniqueConstraint("task", "version"),)


class EpochRow(Base):
    __tablename__ = "epochs"
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    fold: Mapped[int]
    epoch: Mapped[int]
    figures: Mapped[dict[str, Any]]
    at: Mapped[datetime] = mapped_column(default=now)
    __table_args__ = (UniqueConstraint("run_id", "fold", "epoch"),)


class AuditRow(Base):
    """Who did what to what, when. Each row's hash covers the one before (medcore.store.audit)."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[str]
    user: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str] = mapped_column(index=True)
    details: Mapped[str]
    previous: Mapped[str]
    hash: Mapped[str]


class AuditHead(Base):
    """One row: the end of the audit, so that a cut-off end is noticed."""

    __tablename__ = "audit_head"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]
    hash: Mapped[str]
