"""What the use cases give: plain values, detached from the database. Times are aware and in UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from medcore.store.tables import CaseState, JobState, Role, Stage

if TYPE_CHECKING:
    from medcore.explain import Attribution
    from medcore.explain.health import Evidence
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
    locked a read, where the answer is withheld, and within an exercise. outcome: whether this user's final read agrees
    with the answer.
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
    """What a person said of a case. package: the version whose answer they had before them, for a final read; shown:
    they could have seen an answer before a first read."""

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
    shown: bool


@dataclass(frozen=True)
class CaseView:
    """A case as one user may see it.

    tasks: that can answer it; sources: by task the ids of the inputs that it answers from; refusals: tasks of this kind
    that can't, and why. reads: the user's own, and those of others once that gives nothing away; a read of a decoy only
    to who gave it, and only until the exercise is finished. revealed: the tasks whose answer this user may see.
    exercise: the one of which this user reads the case now. previous, next: neighbours in that exercise, else by
    arrival, newest first; position from 1.
    """

    row: CaseRow
    inputs: tuple[InputView, ...]
    tasks: tuple[str, ...]
    sources: Mapping[str, frozenset[int]]
    refusals: Mapping[str, Refusal]
    reads: tuple[Read, ...]
    revealed: tuple[str, ...]
    exercise: int | None
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
class Limit:
    """How the package stands with one group that a patient belongs to.

    group: what it is ("age", "sex", "view", "source"), value: which one ("65-79", "F", "AP", "site 0"); n: patients of
    it that the package was measured on; metric, figure, overall: its leading metric there and over all; worse: the
    group's range lies on the worse side of the figure over all
    """

    group: str
    value: str
    n: int
    metric: str
    figure: Mapping[str, float | None] | None
    overall: float | None
    worse: bool


@dataclass(frozen=True)
class Card:
    """What stands beside an answer. Empty where the version's report doesn't hold it.

    open: choices that can't be excluded; coverage: how many of those who had each choice kept it, measured;
    rates: sensitivity, specificity, threshold, n_with and n_without, of each label
    limits: of the groups that the patient belongs to; sources: each that the package learnt from, for a case doesn't
        say where it is from; none for a made-up one. simulated: a made-up case before a package of real ones
    overlap: Dice on patients never seen, of an outline; counts: how many of them had each label, n_with and n_without
    """

    open: tuple[str, ...]
    coverage: Mapping[str, Mapping[str, float] | None]
    rates: Mapping[str, Mapping[str, Any]]
    limits: tuple[Limit, ...]
    sources: tuple[Limit, ...]
    simulated: bool
    overlap: Mapping[str, float | None] | None
    counts: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Neighbour:
    """A case that the nets see alike to another.

    case_id, number: of a reviewed case; None and "" of one that the version learnt from
    source: of that one, as its data set names it
    choices: the last word of each reader who could tell, each once; of a training case its one label
    outcome: whether readers agreed with the answer that they saw; "" where they couldn't tell, and of a training case
    distance: between the two as `medcore.learn.neighbours.vector` sees them: two training cases at random lie about 1.4
        apart; nearer: share of the training cases whose own nearest lies nearer than that, None where not known
    """

    case_id: int | None
    number: str
    source: str
    choices: tuple[str, ...]
    outcome: Literal["", "agreed", "corrected"]
    same_patient: bool
    distance: float
    nearer: float | None


@dataclass(frozen=True)
class Neighbourhood:
    """The neighbours of a case, the nearest first.

    learnt: how many training cases are known, 0 where none were kept; far: none of them is like the case, None where
    not known; itself: the version learnt from this very case, which isn't among the rows
    """

    rows: tuple[Neighbour, ...]
    learnt: int
    far: bool | None
    itself: bool


@dataclass(frozen=True)
class Health:
    """Whether to believe an attribution.

    state: "known", "measuring" (a worker has it or will), "unasked" (no worker was told yet) or "unknown" (none
        can tell)
    failed: the measures that it doesn't pass (medcore.explain.health.REASONS); evidence, limits: what that rests on
    """

    state: Literal["known", "measuring", "unasked", "unknown"]
    failed: tuple[str, ...] = ()
    evidence: "Evidence | None" = None
    limits: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class AttributionView:
    """A stored attribution. Maps of pictures are at most 256 a side, which is finer than what nets see."""

    id: int
    answer_id: int
    attribution: "Attribution"
    at: datetime
    health: Health


@dataclass(frozen=True)
class Changes:
    """Reads before and after the answer, held against what was so.

    basis: "truth" (known) or "consensus" (of at least two other readers, all of one mind); n: reads that could be
    held against it; right_before, right_after: of these; helpful: first wrong, final right; harmful: the reverse
    """

    basis: Literal["truth", "consensus"]
    n: int
    right_before: int
    right_after: int
    helpful: int
    harmful: int


@dataclass(frozen=True)
class Statistics:
    """One reader's first and final reads beside one version's answers; reads of decoys are not among them.

    n: cases with both reads; agreed_before, agreed_after: of these; seconds_first: median from opening to the first
    read, seconds_final: from there to the final read, both None where not known
    """

    user: str
    task: str
    package: str
    n: int
    agreed_before: int
    agreed_after: int
    changes: tuple[Changes, ...]
    seconds_first: float | None
    seconds_final: float | None


@dataclass(frozen=True)
class Kappa:
    """Two readers on the same cases. kappa: value, low, high; None where it is undefined."""

    task: str
    one: str
    other: str
    stage: Stage
    n: int
    agreed: int
    kappa: Mapping[str, float | None] | None


@dataclass(frozen=True)
class Disagreement:
    """A case on which readers differ. said: reader, choice, and whether that says something ("" may be none of several
    labels, or can't tell); truth: None where it isn't known."""

    case_id: int
    number: str
    task: str
    said: tuple[tuple[str, str, bool], ...]
    truth: str | None


@dataclass(frozen=True)
class ExerciseView:
    """An exercise as one user may see it. cases: how many are theirs to read, done: of which they have read;
    next: the first that they haven't."""

    id: int
    title: str
    task: str
    user: str
    at: datetime
    state: Literal["open", "joined", "finished"]
    cases: int
    done: int
    next: int | None


@dataclass(frozen=True)
class ExerciseResult:
    """One case of an exercise that a reader has finished. decoy: what the machine was made to say, or "".

    agrees: of the final read, None where the reader couldn't tell
    """

    user: str
    case_id: int
    number: str
    decoy: str
    truth: str
    first: str
    final: str
    agrees: bool | None

    @property
    def right(self) -> bool:
        """The final read is what was so. Who can't tell says nothing, which is not none of several labels."""
        return self.final == self.truth and bool(self.final or self.agrees is not None)


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


@dataclass(frozen=True)
class Cohort:
    """The version in use over the cases that this user may see. answered: how many those are; explained: how many of
    them have their map; going: a worker makes the rest."""

    answered: int
    explained: int
    going: bool


@dataclass(frozen=True)
class ConfidentError:
    """A case that the version in use got wrong. said, was: choices; sureness: of what was wrong, 0 to 1."""

    case_id: int
    number: str
    said: str
    was: str
    sureness: float
