"""What a version goes by as a whole: maps of the cases that it answered here, and of those that it learnt from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, selectinload

from medcore import checks, jobs, tasks
from medcore.clinic.decoys import going_on
from medcore.clinic.exercises import truths
from medcore.clinic.explaining import PICTURE, Explaining
from medcore.clinic.shelf import facts_of
from medcore.clinic.versions import in_use_row
from medcore.clinic.views import Cohort, ConfidentError, User
from medcore.errors import Refused
from medcore.i18n import _, in_english
from medcore.inputs import Record
from medcore.jobs import Job
from medcore.learn.decision import UNLIKE, groups_of
from medcore.outcomes import Outcome
from medcore.store import pack
from medcore.store.tables import AnswerRow, AttributionRow, CaseTable, JobRow, ReviewRow, UserRow

if TYPE_CHECKING:
    from medcore.explain.curves import Curves
    from medcore.explain.whole import Told

COHORT = 200  # the newest answered cases
AT_A_TIME = 4  # cases that are explained before a worker looks whether somebody waits for something else
SHAPES = 6  # columns of a record whose learnt shape is shown


@dataclass(frozen=True)
class _Of:
    """An answered case: what is known of it (`facts_of`), its answer, what was so ("" where nobody knows), and its
    map's row where there is one."""

    case: CaseTable
    facts: Mapping[str, str]
    answer: AnswerRow
    truth: str
    map: AttributionRow | None


class Cohorts(Explaining):
    """The version in use over many cases."""

    def cohort(self, user: User, task: str) -> Cohort:
        """What the maps of the answered cases that this user may see come to together. Their likeliest label by the
        task's first method, as far as they were explained; `explain_cohort` has the rest explained."""
        from medcore.explain.whole import whole

        with self.database.read() as session:
            found = _answered(session, self._account(session, user, "answer"), task)
            going = _going(session, task)
        told = [self._told(one) for one in found if _has_map(one)]
        return Cohort(answered=len(found), going=going, whole=whole(told))

    def learnt_cohort(self, task: str) -> dict[str, Any]:
        """The same of the patients that the version in use learnt from, each by nets that never saw them, as its card
        holds it; {} where it doesn't."""
        with self.database.read() as session:
            package = self._package(in_use_row(session, task))
        return dict((checks.stored(package) or {}).get("whole", {}))

    def explain_cohort(self, user: User, task: str) -> None:
        """Has a worker explain all cases that `cohort` goes over. Refused where there are none, or one is at it."""
        with self._writing(user, "explain") as (session, me):
            if not _answered(session, me, task):
                raise Refused(_("No case of this question was answered yet."), _("Open some cases first."))
            if _going(session, task):
                raise Refused(_("These cases are being explained already."), _("Wait until it is done."))
            jobs.enqueue(session, "cohort", {"task": task}, me.id)

    def confident_errors(self, user: User, task: str, most: int = 10) -> list[ConfidentError]:
        """The cases that it got wrong, by what is known or by readers' common last word, the surest first."""
        outcome = tasks.get(task).outcome
        if outcome.kind == "regression":
            return []
        with self.database.read() as session:
            found = _answered(session, self._account(session, user, "answer"), task)
        wrong = [
            ConfidentError(
                one.case.id, one.case.number, one.answer.choice, one.truth, _sureness(outcome, one.answer, one.truth)
            )
            for one in found
            if one.truth and one.truth != one.answer.choice
        ]
        return sorted(wrong, key=lambda error: -error.sureness)[:most]

    def shapes(self, user: User, task: str, label: str) -> "list[Curves]":
        """For a question that takes a record alone: how the answer goes with each of the SHAPES values that count most,
        over the cases of `cohort`; [] for others."""
        from medcore.explain.curves import curves
        from medcore.explain.records import record_field
        from medcore.explain.whole import whole

        field = record_field(tasks.get(task))
        if field is None:
            return []
        with self.database.read() as session:
            found = _answered(session, self._account(session, user, "answer"), task)
            package = self._package(in_use_row(session, task))
            taken = [self._taken(session, one.case.id, task)[field[0]] for one in found]
        records = [given for given in taken if isinstance(given, Record)]
        parts = whole([self._told(one) for one in found if _has_map(one)])["parts"]
        with in_english():
            columns = {_(column.title): column.name for column in field[1].columns}
        leading = [columns[part] for part in parts if part in columns][:SHAPES]
        return [curves(package, records, column, label, self.settings.device) for column in leading]

    def _told(self, one: _Of) -> "Told":
        from medcore.explain.whole import RIGHT, WRONG, Told

        assert one.map is not None
        about = one.map.about
        groups = groups_of(one.facts)
        told = tasks.get(one.answer.task).outcome.kind != "regression"
        if told:
            groups["answer"] = one.answer.choice
        if told and one.truth:
            groups["outcome"] = RIGHT if one.truth == one.answer.choice else WRONG
        _header, arrays = pack.unpack(self.files.get(one.map.file))
        picture = {name.removeprefix(PICTURE): a for name, a in arrays.items() if name.startswith(PICTURE)}
        parts = [(str(title), float(share)) for title, share in about.get("words") or about["parts"]]
        return Told(str(one.case.patient_id), groups, parts, picture)

    def _explain_some(self, job: Job, stop: Callable[[], None]) -> None:
        """A worker's part: the next AT_A_TIME cases; the job goes back to the queue while any are left."""
        task = job.args["task"]
        with self.database.read() as session:
            found = _answered(session, session.get_one(UserRow, job.user_id), task)
            package = self._package(in_use_row(session, task))
        left, made = [one for one in found if one.map is None], []
        for one in left[:AT_A_TIME]:
            stop()
            with self.database.read() as session:
                inputs = self._taken(session, one.case.id, task)
            made.append((one, self._mapped(package, inputs, _likeliest(one.answer), tasks.get(task).explain[0])))
        with self.database.write() as session:
            me = session.get_one(UserRow, job.user_id)
            for one, mapped in made:
                self._keep_map(session, me, one.case.id, one.answer.id, mapped)
            (jobs.release if len(left) > len(made) else jobs.finish)(session, job)


def _answered(session: Session, me: UserRow, task: str) -> list[_Of]:
    """The COHORT newest cases whose answer by the version in use this user may see, but for those in an exercise that
    is going on, and those whose answer is withheld."""
    query = (
        select(CaseTable, AnswerRow)
        .options(selectinload(CaseTable.inputs))
        .join(AnswerRow, AnswerRow.case_id == CaseTable.id)
        .where(
            AnswerRow.task == task,
            AnswerRow.package_hash == in_use_row(session, task).hash,
            AnswerRow.case_id.not_in({case for case, _task in going_on(session, me.id)}),
            AnswerRow.answer["unlike"].as_float() < UNLIKE,
        )
    )
    if me.read_first:
        mine = (ReviewRow.case_id == AnswerRow.case_id, ReviewRow.task == task, ReviewRow.user_id == me.id)
        query = query.where(exists().where(*mine))
    rows = session.execute(query.order_by(CaseTable.id.desc()).limit(COHORT)).unique().all()
    known = _ends(session, task, [case.id for case, _answer in rows])
    asked = (AttributionRow.method == tasks.get(task).explain[0], AttributionRow.baseline == "")
    answers = AttributionRow.answer_id.in_([answer.id for _case, answer in rows])
    maps = {(row.answer_id, row.label): row for row in session.scalars(select(AttributionRow).where(answers, *asked))}
    return [_Of(c, facts_of(c), a, known.get(c.id, ""), maps.get((a.id, _likeliest(a)))) for c, a in rows]


def _going(session: Session, task: str) -> bool:
    """Whether a worker explains the cases of a task, or will."""
    mine = (JobRow.kind == "cohort", JobRow.args["task"].as_string() == task)
    return session.scalar(select(JobRow.id).where(JobRow.state.in_(("queued", "running")), *mine).limit(1)) is not None


def _ends(session: Session, task: str, cases: Sequence[int]) -> dict[int, str]:
    """What was so, by case: as it is known, else the readers' last word where they are of one mind."""
    rows = session.scalars(
        select(ReviewRow)
        .where(ReviewRow.task == task, ReviewRow.case_id.in_(cases), ReviewRow.stage == "final")
        .where(ReviewRow.decoy.is_(False))
        .order_by(ReviewRow.id)
    )
    last = {(row.case_id, row.user_id): row.choice for row in rows}
    said: dict[int, set[str]] = {}
    for (case_id, _user), choice in last.items():
        said.setdefault(case_id, set()).add(choice)
    agreed = {case_id: next(iter(choices)) for case_id, choices in said.items() if len(choices) == 1}
    return agreed | truths(session, task, cases)


def _has_map(one: _Of) -> bool:
    return one.map is not None and not one.map.about["failure"]


def _likeliest(row: AnswerRow) -> str:
    """The label that is explained of an answer."""
    p: dict[str, float] = row.answer["probabilities"]
    return max(p, key=lambda name: p[name])


def _sureness(outcome: Outcome, row: AnswerRow, truth: str) -> float:
    """How sure it was of what it got wrong, 0 to 1: of several labels of the surest."""
    p, said, was = row.answer["probabilities"], row.choice.split("+"), truth.split("+")
    if outcome.kind == "multiclass":
        return float(p[row.choice])
    wrong = [label.name for label in outcome.labels if (label.name in said) != (label.name in was)]
    return max(float(p[name] if name in said else 1 - p[name]) for name in wrong)
