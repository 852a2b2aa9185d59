"""What a version goes by as a whole: maps of the cases that it answered here, and of those that it learnt from."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from medcore import checks, jobs, tasks
from medcore.clinic.answering import COHORT, told_answers
from medcore.clinic.exercises import truths
from medcore.clinic.explaining import PICTURE, Explaining, Mapped
from medcore.clinic.last_reads import counted, last_reads
from medcore.clinic.shelf import facts_of
from medcore.clinic.versions import in_use_row
from medcore.clinic.views import Cohort, ConfidentError, User
from medcore.errors import Refused
from medcore.i18n import _, in_english
from medcore.inputs import Record
from medcore.jobs import Job
from medcore.learn.decision import groups_of
from medcore.outcomes import Outcome
from medcore.store import pack
from medcore.store.tables import AnswerRow, AttributionRow, CaseTable, JobRow, ReviewRow, UserRow

if TYPE_CHECKING:
    from medcore.explain.curves import Curves
    from medcore.explain.whole import Told

AT_A_TIME = 4  # cases that are explained before a worker looks whether somebody waits for something else
SHAPES = 6  # columns of a record whose learnt shape is shown


@dataclass(frozen=True)
class _Of:
    """An answered case: what is known of it (`facts_of`), its answer, what was so (None where this user can't know it),
    and its map's row where there is one."""

    case: CaseTable
    facts: Mapping[str, str]
    answer: AnswerRow
    truth: str | None
    map: AttributionRow | None


class Cohorts(Explaining):
    """The version in use over many cases."""

    def cohort(self, user: User, task: str) -> Cohort:
        """How many answered cases this user may see, and how many of those are explained: their likeliest label by the
        task's first method. `explain_cohort` has the rest explained."""
        with self.database.read() as session:
            found = _answered(session, self._account(session, user, "answer"), task)
            return Cohort(len(found), sum(one.map is not None for one in found), _going(session, task))

    def whole(self, user: User, task: str) -> dict[str, Any]:
        """What the maps of a cohort's explained cases come to together (medcore.explain.whole.whole)."""
        from medcore.explain.whole import whole

        with self.database.read() as session:
            found = _answered(session, self._account(session, user, "answer"), task)
        return whole([self._told(one) for one in found if _has_map(one)])

    def learnt_whole(self, task: str) -> dict[str, Any]:
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
            if one.truth is not None and one.truth != one.answer.choice
        ]
        return sorted(wrong, key=lambda error: -error.sureness)[:most]

    def shapes(self, user: User, task: str, label: str, parts: Sequence[str]) -> "list[Curves]":
        """For a question that takes a record alone: how the answer goes with the first SHAPES of these parts, over the
        cases of its cohort; [] for others."""
        from medcore.explain.curves import curves
        from medcore.explain.records import record_field

        field = record_field(tasks.get(task))
        if field is None:
            return []
        with self.database.read() as session:
            found = _answered(session, self._account(session, user, "answer"), task)
            package = self._package(in_use_row(session, task))
            records = []
            for one in found:
                with suppress(Refused):  # a stored file is gone
                    if isinstance(given := self._taken(session, one.case.id, task)[field[0]], Record):
                        records.append(given)
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
        if told and one.truth is not None:
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
        left = [one for one in found if one.map is None]
        made: list[tuple[_Of, Mapped]] = []
        while left and len(made) < AT_A_TIME:
            stop()
            one = left.pop(0)
            try:
                with self.database.read() as session:
                    inputs = self._taken(session, one.case.id, task)
            except Refused:  # a stored file is gone: the others' are not
                continue
            made.append((one, self._mapped(package, inputs, _likeliest(one.answer), tasks.get(task).explain[0])))
        with self.database.write() as session:
            me = session.get_one(UserRow, job.user_id)
            for one, mapped in made:
                self._keep_map(session, me, one.case.id, one.answer.id, mapped)
            if not (jobs.release if left else jobs.finish)(session, job):
                raise jobs.Lost  # another worker has made them, or a demonstration began anew


def _answered(session: Session, me: UserRow, task: str) -> list[_Of]:
    """The COHORT newest cases whose answer by the version in use tells this user something."""
    query = (
        select(CaseTable, AnswerRow)
        .options(selectinload(CaseTable.inputs))
        .join(AnswerRow, AnswerRow.case_id == CaseTable.id)
        .where(*told_answers(session, me, task, in_use_row(session, task).hash))
    )
    rows = session.execute(query.order_by(CaseTable.id.desc()).limit(COHORT)).unique().all()
    known = _ends(session, me, task, [case.id for case, _answer in rows])
    asked = (AttributionRow.method == tasks.get(task).explain[0], AttributionRow.baseline == "")
    answers = AttributionRow.answer_id.in_([answer.id for _case, answer in rows])
    maps = {(row.answer_id, row.label): row for row in session.scalars(select(AttributionRow).where(answers, *asked))}
    return [_Of(c, facts_of(c), a, known.get(c.id), maps.get((a.id, _likeliest(a)))) for c, a in rows]


def _going(session: Session, task: str) -> bool:
    """Whether a worker explains the cases of a task, or will."""
    mine = (JobRow.kind == "cohort", JobRow.args["task"].as_string() == task)
    return session.scalar(select(JobRow.id).where(JobRow.state.in_(("queued", "running")), *mine).limit(1)) is not None


def _ends(session: Session, me: UserRow, task: str, cases: Sequence[int]) -> dict[int, str]:
    """What was so, by case: as it is known, else the readers' last word where they are of one mind. Who reads first is
    told of those cases alone of which they have given a final read themselves."""
    reads = last_reads(session, task, cases)
    agreed = {case: told[0].choice for case, told in reads.items() if len({read.choice for read in told}) == 1}
    mine = select(ReviewRow.case_id).where(ReviewRow.user_id == me.id, ReviewRow.task == task, *counted())
    own = set(session.scalars(mine)) if me.read_first else set(cases)
    return {case: end for case, end in (agreed | truths(session, task, cases)).items() if case in own}


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
