"""From the worklist to a reviewed case. What a person says is added, never changed."""

from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import func, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from medcore import tasks
from medcore.clinic import worklist
from medcore.clinic.answering import Answering, decoy_of, revealed
from medcore.clinic.decoys import Cases, going_on, in_exercise
from medcore.clinic.shelf import Fit, fits, read_from
from medcore.clinic.versions import in_use_id
from medcore.clinic.views import CaseView, InputView, Page, Read, Refusal, User
from medcore.errors import Refused
from medcore.i18n import _
from medcore.learn.decision import withheld
from medcore.store import audit
from medcore.store.tables import (
    AnswerRow,
    AuditRow,
    CaseTable,
    ExerciseCaseRow,
    ExerciseReaderRow,
    ReviewRow,
    Stage,
    UserRow,
    now,
)

LONGEST_COMMENT = 2000
SAME_VISIT = timedelta(minutes=5)


class Reading(Answering):
    """The reader's own way through the cases."""

    def worklist(
        self,
        user: User,
        text: str = "",
        kind: str = "",
        state: str = "",
        sort: str = "received",
        descending: bool = True,
        page: int = 1,
        per_page: int = 25,
    ) -> Page:
        """One page of the cases that match.

        text: a case's number or its start, a patient's pseudonym or its start, words of a question
        state: one of a case's, or "second": reviewed by others and not yet read by this user
        sort: received, number, kind, patient, age or state; urgency or uncertainty (the machine's, greatest first) only
            for who doesn't read first
        """
        with self.database.read() as session:
            me = self._account(session, user, "worklist")
            return worklist.page(session, me, text, kind, state, sort, descending, page, max(1, per_page))

    def unanswered(self, user: User, most: int = 200) -> list[tuple[int, str]]:
        """(case, task) of what an order by the machine still lacks; nothing for who reads first."""
        with self.database.read() as session:
            me = self._account(session, user, "worklist")
            return [] if me.read_first else worklist.unanswered(session, most)

    def open_case(self, user: User, case_id: int) -> CaseView:
        """Everything of a case that this user may see. That they opened it is kept."""
        self._note_opening(user, case_id)
        with self.database.read() as session:
            me = self._account(session, user, "open_case")
            case = self._case(session, case_id)
            found = fits(self._inputs(session, case))
            answering = tuple(f.task.name for f in found if f.taken is not None)
            going = going_on(session, me.id)
            exercise = [row for (c, _task), row in going.items() if c == case_id]
            previous, following, position, total = (
                _beside(going, exercise[0]) if exercise else _neighbours(session, case)
            )
            return CaseView(
                row=worklist.view(session, me, [case.id])[0],
                inputs=tuple(
                    InputView(i.id, i.kind, i.facts, tuple(i.remarks), tuple(i.shape), i.sha256) for i in case.inputs
                ),
                tasks=answering,
                sources={f.task.name: _ids_of(f, case) for f in found if f.taken},
                refusals={f.task.name: Refusal("", f.refusal.sentence, f.refusal.remedy) for f in found if f.refusal},
                reads=tuple(_visible(session, me, case, going)),
                revealed=tuple(t for t in answering if revealed(session, me, case_id, t, going)),
                exercise=exercise[0].exercise_id if exercise else None,
                previous=previous,
                next=following,
                position=position,
                total=total,
            )

    def check_reportable(self, user: User, case_id: int) -> None:
        """Refused while this user reads the case in an exercise: a decoy must reach no report and no export."""
        with self.database.read() as session:
            me = self._account(session, user, "open_case")
            if in_exercise(going_on(session, me.id), case_id):
                raise Refused(
                    _("This case is part of an exercise that you are in; some of its answers are wrong on purpose."),
                    _("Finish the exercise; then the case can be taken out."),
                )

    def _note_opening(self, user: User, case_id: int) -> None:
        """Writes it to the audit; a page that draws itself again within SAME_VISIT is no further opening."""
        subject = f"case {case_id}"
        with self.database.read() as session:
            me = self._account(session, user, "open_case")
            self._case(session, case_id)
            since = (now() - SAME_VISIT).isoformat(timespec="microseconds")
            mine = (AuditRow.subject == subject, AuditRow.user == me.name, AuditRow.action == "open")
            if session.scalar(select(AuditRow.id).where(*mine, AuditRow.at > since).limit(1)):
                return
        with self._writing(user, "open_case") as (session, me):
            audit.append(session, me.name, "open", subject)

    def lock_read(
        self, user: User, case_id: int, task: str, choice: str, confidence: int | None = None, comment: str = ""
    ) -> Read:
        """The first read: given once, before any answer, and never changed. choice: "" where it can't be told;
        confidence: 1 (a guess) to 4 (certain). Where the reader could have seen an answer already, it says so."""
        choice = _checked_choice(task, choice) if choice else ""
        if confidence is not None and confidence not in (1, 2, 3, 4):
            raise Refused(_("Confidence goes from 1 to 4."), _("Choose one of the four."))
        with self.database.read() as session:
            self._taken(session, case_id, task)
        try:
            with self._writing(user, "lock_read") as (session, me):
                if _own(session, case_id, me.id, task, "first"):
                    raise _locked_already()
                opened, shown = _opened(session, me, case_id), _shown(session, me, case_id, task)
                return self._note(
                    session, me, case_id, task, "first", choice, comment, confidence, opened=opened, shown=shown
                )
        except IntegrityError as error:
            raise _locked_already() from error

    def review(
        self, user: User, case_id: int, task: str, agrees: bool | None, choice: str = "", comment: str = ""
    ) -> Read:
        """The final read, after the answer was seen. agrees: None where it can't be told, and where the answer was
        withheld; then `choice` is what the reader holds to be so, "" where that can't be told.

        Given again it is a correction: both stay, the newest counts.
        """
        with self.database.read() as session:
            me = self._account(session, user, "review")
            decoy = self._check_revealed(session, me, case_id, task)
            self._taken(session, case_id, task)
            seen = session.scalar(
                select(AnswerRow)
                .where(AnswerRow.case_id == case_id, AnswerRow.task == task)
                .order_by((AnswerRow.package_id == in_use_id(session, task)).desc(), AnswerRow.id.desc())
                .limit(1)
            )
        silent = seen is not None and withheld(seen.answer["unlike"])
        if silent:
            agrees, seen = None, None
        if agrees and not choice and seen is not None:
            choice = decoy or seen.choice
        if agrees is None and not silent:
            choice = ""
        if agrees is not None or choice:
            choice = _checked_choice(task, choice)
        with self._writing(user, "review") as (session, me):
            return self._note(session, me, case_id, task, "final", choice, comment, agrees=agrees, answer=seen)

    def _note(
        self,
        session: Session,
        me: UserRow,
        case_id: int,
        task: str,
        stage: Stage,
        choice: str,
        comment: str,
        confidence: int | None = None,
        agrees: bool | None = None,
        answer: AnswerRow | None = None,
        opened: datetime | None = None,
        shown: bool = False,
    ) -> Read:
        case = self._case(session, case_id)
        # A decoy's answer is nobody's: the read points to none.
        decoy = bool(decoy_of(going_on(session, me.id), case_id, task))
        answer = None if decoy else answer
        if len(comment) > LONGEST_COMMENT:
            raise Refused(_("The comment is longer than {n} characters.").format(n=LONGEST_COMMENT), _("Shorten it."))
        row = ReviewRow(
            case_id=case.id,
            task=task,
            user=me,
            stage=stage,
            choice=choice,
            confidence=confidence,
            agrees=agrees,
            comment=comment.strip(),
            answer_id=answer.id if answer else None,
            decoy=decoy,
            opened=opened,
            shown=shown,
        )
        session.add(row)
        if settles(case, task) and (stage == "final" or case.state != "reviewed"):
            case.state = "reviewed" if stage == "final" else "read"
        session.flush()
        details = {"task": task, "review": row.id, "answer": row.answer_id}
        audit.append(session, me.name, "lock_read" if stage == "first" else "review", f"case {case.id}", details)
        return _read(row, answer)


def settles(case: CaseTable, task: str) -> bool:
    """Whether a read to this question makes the case a read one: not to a question that only helps others, unless it is
    the one that the case came with."""
    asked = tasks.all_tasks().get(task)
    return task == case.task or asked is None or not asked.roles


def _neighbours(session: Session, case: CaseTable) -> tuple[int | None, int | None, int, int]:
    """(previous, next, position, total) by arrival, newest first."""
    place, here = tuple_(CaseTable.received, CaseTable.id), tuple_(case.received, case.id)
    up, down = (CaseTable.received, CaseTable.id), (CaseTable.received.desc(), CaseTable.id.desc())
    previous = session.scalar(select(CaseTable.id).where(place > here).order_by(*up).limit(1))
    following = session.scalar(select(CaseTable.id).where(place < here).order_by(*down).limit(1))
    before = session.scalar(select(func.count()).select_from(CaseTable).where(place > here)) or 0
    return previous, following, before + 1, session.scalar(select(func.count()).select_from(CaseTable)) or 0


def _beside(going: Cases, here: ExerciseCaseRow) -> tuple[int | None, int | None, int, int]:
    """(previous, next, position, total) among this user's cases of the exercise."""
    cases = [row.case_id for row in going.values()]
    at = cases.index(here.case_id)
    previous, following = cases[at - 1] if at else None, cases[at + 1] if at + 1 < len(cases) else None
    return previous, following, at + 1, len(cases)


def _opened(session: Session, me: UserRow, case_id: int) -> datetime | None:
    """When this user last opened the case, as the audit has it."""
    mine = (AuditRow.subject == f"case {case_id}", AuditRow.user == me.name, AuditRow.action == "open")
    at = session.scalar(select(AuditRow.at).where(*mine).order_by(AuditRow.id.desc()).limit(1))
    return datetime.fromisoformat(at) if at else None


def _shown(session: Session, me: UserRow, case_id: int, task: str) -> bool:
    """Whether this user could have seen an answer to the case: one was there while they did not read first. An exercise
    hides answers from when it was joined."""
    if me.read_first:
        until = me.switched
    elif going := going_on(session, me.id).get((case_id, task)):
        mine = (ExerciseReaderRow.user_id == me.id, ExerciseReaderRow.exercise_id == going.exercise_id)
        until = session.scalars(select(ExerciseReaderRow.joined).where(*mine)).one()
        until = None if me.switched and me.switched > until else until
    else:
        until = now()
    if until is None:
        return False
    there = (AnswerRow.case_id == case_id, AnswerRow.task == task, AnswerRow.at < until)
    return session.scalar(select(AnswerRow.id).where(*there).limit(1)) is not None


def _visible(session: Session, me: UserRow, case: CaseTable, going: Cases) -> list[Read]:
    """The user's own reads of a case; those of others to a task once the user's own are final. Reads of a decoy only
    to who gave them and while the exercise goes on; within one, nobody else's."""
    rows = session.execute(
        select(ReviewRow, AnswerRow)
        .outerjoin(AnswerRow, ReviewRow.answer_id == AnswerRow.id)
        .where(ReviewRow.case_id == case.id)
        .order_by(ReviewRow.id)
    ).all()
    exercise = {task for case_id, task in going if case_id == case.id}
    done = {r.task for r, _answer in rows if r.user_id == me.id and r.stage == "final"}

    def mine_to_see(r: ReviewRow) -> bool:
        if r.user_id == me.id:
            return not r.decoy or r.task in exercise
        return not r.decoy and r.task not in exercise and (not me.read_first or r.task in done)

    return [_read(r, answer) for r, answer in rows if mine_to_see(r)]


def _own(session: Session, case_id: int, user_id: int, task: str, stage: Stage) -> bool:
    mine = (ReviewRow.case_id == case_id, ReviewRow.user_id == user_id, ReviewRow.task == task)
    return session.scalar(select(ReviewRow.id).where(*mine, ReviewRow.stage == stage).limit(1)) is not None


def _read(row: ReviewRow, answer: AnswerRow | None) -> Read:
    return Read(
        id=row.id,
        user_id=row.user_id,
        user=row.user.name,
        case_id=row.case_id,
        task=row.task,
        stage=cast(Stage, row.stage),
        choice=row.choice,
        confidence=row.confidence,
        agrees=row.agrees,
        comment=row.comment,
        at=row.at,
        answer_id=row.answer_id,
        package=str(answer.answer["package"]) if answer else "",
        shown=row.shown,
    )


def _checked_choice(task: str, choice: str) -> str:
    """The choice in its usual spelling (the order of labels, the digits of a number); Refused where it is none."""
    outcome = tasks.get(task).outcome
    names = [c.name for c in outcome.choices]
    try:
        said = outcome.choice_of(outcome.truth_of(choice))
        known = sorted(said.split("+")) == sorted(choice.split("+")) or f"{float(choice):g}" == said
    except ValueError:
        known = False
    if known:
        return said
    raise Refused(
        _("“{choice}” is no answer to this question.").format(choice=choice[:40]),
        _("Choose one of: {names}.").format(names=", ".join(names)),
    )


def _locked_already() -> Refused:
    return Refused(_("Your first read of this case is locked already."), _("Say what you think now in the final read."))


def _ids_of(found: Fit, case: CaseTable) -> frozenset[int]:
    """The inputs of the case that a task answers from."""
    known = read_from(found)
    return frozenset(row.id for row in case.inputs if row.sha256 in known)
