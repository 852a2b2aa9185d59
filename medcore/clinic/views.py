"""What the use cases give: plain values, detached from the database. Times are aware and in UTC."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from medcore.store.tables import CaseState, JobState, Role, Stage

if TYPE_CHECKING:
    from medcore.explain import Attribution
    from medcore.learn.predict import Answer


@dataclass(frozen=True)
class User:
    """An account. password: it is asked for at the door. read_first: answers stay hidden until a read is locked."""

    id: int
    name: str
    role: Role
    read_first: bool
    password: bool


@dataclass(frozen=True)
class Refusal:
    """What could not be taken and what to do. file: as uploaded, so it may name somebody: never stored or logged."""

    file: str
    sentence: str
    remedy: str


@dataclass(frozen=True)
class Admission:
    """What became of an upload. cases: new ones; known: cases that held the same before."""

    cases: tuple[int, ...]
    known: tuple[int, ...]
    remarks: tuple[str, ...]
    refused: tuple[Refusal, ...]


@dataclass(frozen=True)
class CaseRow:
    """A line of the worklist.

    title: the question that `task` asks; patient: pseudonym; state: the furthest that anyone has come;
    yours: how far this user has come. score, choice: of the newest answer to `task`, kept back until this user has
    locked a read. outcome: whether this user's final read agrees with the answer.
    """

    id: int
    number: str
    kind: str
    task: str | None
    title: str
    patient: str
    age_years: float | None
    sex: str
    received: datetime
    source: str
    simulated: bool
    state: CaseState
    yours: Literal["", "read", "reviewed"]
    score: float | None
    choice: str
    outcome: Literal["", "agrees", "differs"]


@dataclass(frozen=True)
class Page:
    """Part of the worklist. total: cases that match; counts: by state, of what matches but for the state."""

    rows: tuple[CaseRow, ...]
    total: int
    counts: Mapping[CaseState, int]
    page: int
    pages: int


@dataclass(frozen=True)
class InputView:
    """shape: rows, columns (, 3) of a film; leads, samples of a signal; number of values given of a record."""

    id: int
    kind: str
    facts: Mapping[str, str]
    remarks: tuple[str, ...]
    shape: tuple[int, ...]
    sha256: str


@dataclass(frozen=True)
class Read:
    """What a person said of a case. package: the version whose answer they had before them, for a final read."""

    id: int
    user_id: int
    user: str
    case_id: int
    task: str
    stage: Stage
    choice: str
    confidence: int | None
    agrees: bool | None
    comment: str
    at: datetime
    answer_id: int | None
    package: str


@dataclass(frozen=True)
class CaseView:
    """A case as one user may see it.

    tasks: that can answer it; refusals: tasks of this kind that can't, and why. reads: the user's own, and those of
    others once that gives nothing away. previous, next: neighbours by arrival, newest first; position from 1.
    """

    row: CaseRow
    inputs: tuple[InputView, ...]
    tasks: tuple[str, ...]
    refusals: Mapping[str, Refusal]
    reads: tuple[Read, ...]
    previous: int | None
    next: int | None
    position: int
    total: int


@dataclass(frozen=True)
class AnswerView:
    """A stored answer. in_use: given by the version that answers now."""

    id: int
    case_id: int
    answer: "Answer"
    at: datetime
    user: str
    in_use: bool


@dataclass(frozen=True)
class AttributionView:
    """A stored attribution. Maps of pictures are at most 256 a side, which is finer than what nets see."""

    id: int
    answer_id: int
    attribution: "Attribution"
    at: datetime


@dataclass(frozen=True)
class Version:
    """A package of a task. package: task and version in one; report: its figures."""

    id: int
    task: str
    package: str
    version: str
    hash: str
    source: Literal["shipped", "run"]
    run_id: int | None
    in_use: bool
    at: datetime
    report: Mapping[str, Any]


@dataclass(frozen=True)
class Use:
    """From `at` on, this package answered the task, for this reason."""

    id: int
    task: str
    package: str
    user: str
    reason: str
    override: str
    at: datetime


@dataclass(frozen=True)
class RunView:
    """A training. worse: metrics in which the candidate is worse by their paired range; candidate: its version's id."""

    id: int
    task: str
    user: str
    state: JobState
    progress: float
    note: str
    error: str
    settings: Mapping[str, Any]
    epochs: tuple[Mapping[str, Any], ...]
    report: Mapping[str, Any] | None
    worse: tuple[str, ...]
    candidate: int | None
    at: datetime
    started: datetime | None
    finished: datetime | None
    attempts: int
    cancelling: bool
