"""Exercises: cases whose truth is known, some of them with a machine's answer that is wrong on purpose."""

import random
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from medcore import tasks
from medcore.clinic.decoys import going_on
from medcore.clinic.desk import SYSTEM
from medcore.clinic.reading import Reading, _checked_choice, settles
from medcore.clinic.views import ExerciseResult, ExerciseView, User
from medcore.errors import Refused
from medcore.i18n import _
from medcore.outcomes import Outcome
from medcore.store import audit
from medcore.store.tables import (
    CaseTable,
    ExerciseCaseRow,
    ExerciseReaderRow,
    ExerciseRow,
    ReviewRow,
    TruthRow,
    UserRow,
    now,
)

FEWEST, MOST = 2, 200


class Exercises(Reading):
    """A trainer makes one; whoever joins it reads its cases first, sees answers of which some are wrong, and learns
    which when they finish."""

    def set_truth(self, user: User, case_id: int, task: str, choice: str) -> None:
        """What was so in the end, by follow-up or another examination; given again it replaces what was said before."""
        choice = _checked_choice(task, choice)
        with self._writing(user, "set_truth") as (session, me):
            self._case(session, case_id)
            self._add_truth(session, me, case_id, task, choice, "entered")

    @staticmethod
    def _add_truth(session: Session, me: UserRow, case_id: int, task: str, choice: str, origin: str) -> None:
        row = TruthRow(case_id=case_id, task=task, choice=choice, origin=origin, user_id=me.id)
        session.add(row)
        session.flush()
        audit.append(session, me.name, "set_truth", f"case {case_id}", {"task": task, "truth": row.id})

    def truth(self, user: User, case_id: int, task: str) -> str | None:
        """The known truth of a case, as a choice; None where it isn't known, and for whoever has given no final read of
        their own or still reads the case in an exercise, whatever their role."""
        with self.database.read() as session:
            me = self._account(session, user, "open_case")
            final = select(ReviewRow.id).where(
                ReviewRow.case_id == case_id,
                ReviewRow.task == task,
                ReviewRow.user_id == me.id,
                ReviewRow.stage == "final",
            )
            in_exercise = (case_id, task) in going_on(session, me.id)
            if in_exercise or session.scalar(final.limit(1)) is None:
                return None
            return truths(session, task, [case_id]).get(case_id)

    def exercise_candidates(self, user: User, task: str) -> list[tuple[int, str]]:
        """Ids and numbers of the cases whose truth is known, in order of arrival: what an exercise can be made of."""
        with self.database.read() as session:
            self._account(session, user, "make_exercise")
            known = select(TruthRow.case_id).where(TruthRow.task == task)
            query = select(CaseTable.id, CaseTable.number).where(CaseTable.id.in_(known))
            return [(i, number) for i, number in session.execute(query.order_by(CaseTable.received, CaseTable.id))]

    def make_exercise(
        self, user: User, title: str, task: str, cases: Sequence[int], share: float = 0.3, seed: int | None = None
    ) -> int:
        """An exercise of these cases in a random order; gives its id.

        share: of decoys, 0 to 0.5, drawn at random and at least one where above 0: who makes the exercise doesn't know
        which. Refused where a case's truth isn't known, or where the question has no choices to be wrong in.
        """
        outcome = tasks.get(task).outcome
        if not outcome.kind.startswith(("binary", "multi")):
            raise Refused(
                _("This question has no choices that an answer could be wrong in."), _("Choose another question.")
            )
        if not title.strip() or len(title) > 80:
            raise Refused(_("An exercise needs a title of up to 80 letters."), _("Give it one."))
        cases = list(dict.fromkeys(cases))
        if not FEWEST <= len(cases) <= MOST or not 0 <= share <= 0.5:
            raise Refused(
                _("An exercise has {low} to {high} cases, and at most half of them are decoys.").format(
                    low=FEWEST, high=MOST
                ),
                _("Choose other cases or another share."),
            )
        generator = random.Random(seed)
        generator.shuffle(cases)
        count = round(share * len(cases)) or int(share > 0)
        chosen = set(generator.sample(cases, count))
        with self._writing(user, "make_exercise") as (session, me):
            known = truths(session, task, cases)
            if len(known) < len(cases):
                raise Refused(
                    _("The truth of {n} of these cases isn't known.").format(n=len(cases) - len(known)),
                    _("Enter it on the case, or choose others."),
                )
            row = ExerciseRow(title=title.strip(), task=task, user_id=me.id)
            session.add(row)
            session.flush()
            for i, case_id in enumerate(cases):
                decoy = wrong(outcome, known[case_id], generator) if case_id in chosen else ""
                session.add(ExerciseCaseRow(exercise_id=row.id, case_id=case_id, position=i, decoy=decoy))
            details = {"task": task, "cases": len(cases), "decoys": count}
            audit.append(session, me.name, "make_exercise", f"exercise {row.id}", details)
            return row.id

    def join_exercise(self, user: User, exercise_id: int) -> ExerciseView:
        """From now on this user reads the exercise's cases that they haven't read before. One exercise at a time."""
        with self._writing(user, "join_exercise") as (session, me):
            row = _exercise(session, exercise_id)
            mine = select(ExerciseReaderRow).where(ExerciseReaderRow.user_id == me.id)
            if session.scalar(mine.where(ExerciseReaderRow.exercise_id == row.id)):
                raise Refused(_("You have joined this exercise already."), _("Go on with it, or choose another."))
            if session.scalar(mine.where(ExerciseReaderRow.finished.is_(None)).limit(1)):
                raise Refused(_("You are in another exercise."), _("Finish that one first."))
            session.add(ExerciseReaderRow(exercise_id=row.id, user_id=me.id))
            session.flush()
            if not going_on(session, me.id):
                raise Refused(_("You have read all cases of this exercise before."), _("Choose another exercise."))
            audit.append(session, me.name, "join_exercise", f"exercise {row.id}")
            return _view(session, me, row)

    def finish_exercise(self, user: User, exercise_id: int) -> list[ExerciseResult]:
        """Ends it for this user, who learns which answers were wrong on purpose. Cases left unread stay so."""
        with self._writing(user, "finish_exercise") as (session, me):
            row = _exercise(session, exercise_id)
            mine = _reader(session, row.id, me.id)
            if mine is None or mine.finished:
                raise Refused(_("You are not in this exercise."), _("Join it first."))
            mine.finished = now()
            session.flush()
            self._clear_states(session, row)
            audit.append(session, me.name, "finish_exercise", f"exercise {row.id}")
        return self.exercise_results(user, exercise_id)

    @staticmethod
    def _clear_states(session: Session, row: ExerciseRow) -> None:
        """Reads of decoys make no case read: once nobody is in the exercise, their cases stand as the others left
        them. Until then the worklist must not tell decoys from the rest."""
        left = (ExerciseReaderRow.exercise_id == row.id, ExerciseReaderRow.finished.is_(None))
        if session.scalar(select(ExerciseReaderRow.id).where(*left).limit(1)):
            return
        query = select(ExerciseCaseRow.case_id).where(
            ExerciseCaseRow.exercise_id == row.id, ExerciseCaseRow.decoy != ""
        )
        for case in session.scalars(select(CaseTable).where(CaseTable.id.in_(query))):
            if case.state in ("read", "reviewed"):
                real = select(ReviewRow).where(ReviewRow.case_id == case.id, ReviewRow.decoy.is_(False))
                stages = {read.stage for read in session.scalars(real) if settles(case, read.task)}
                case.state = "reviewed" if "final" in stages else "read" if stages else "to_read"

    def exercises(self, user: User) -> list[ExerciseView]:
        """All, the newest first."""
        with self.database.read() as session:
            me = self._account(session, user, "worklist")
            rows = session.scalars(select(ExerciseRow).order_by(ExerciseRow.id.desc())).all()
            return [_view(session, me, row) for row in rows]

    def exercise_results(self, user: User, exercise_id: int) -> list[ExerciseResult]:
        """What a user said who has finished it: one's own, or of everybody for a trainer. Whoever is still in it
        learns nothing."""
        with self.database.read() as session:
            me = self._account(session, user, "worklist")
            row = _exercise(session, exercise_id)
            mine = _reader(session, row.id, me.id)
            if mine is not None and mine.finished is None:
                raise Refused(_("You are still in this exercise."), _("Finish it to see what was wrong on purpose."))
            done = (
                select(ExerciseReaderRow)
                .where(ExerciseReaderRow.exercise_id == row.id, ExerciseReaderRow.finished.is_not(None))
                .order_by(ExerciseReaderRow.id)
            )
            if me.role == "reader":
                done = done.where(ExerciseReaderRow.user_id == me.id)
            return [r for reader in session.scalars(done) for r in _results(session, row, reader)]


def wrong(outcome: Outcome, truth: str, generator: random.Random) -> str:
    """A choice that isn't the truth: another class, or one label more or less."""
    if outcome.kind != "multilabel":
        return generator.choice([c.name for c in outcome.choices if c.name != truth])
    row = list(outcome.truth_of(truth))
    i = generator.randrange(len(row))
    row[i] = 1 - row[i]
    return outcome.choice_of(row) or outcome.choices[(i + 1) % len(row)].name


def truths(session: Session, task: str, cases: Sequence[int]) -> dict[int, str]:
    """The known truth by case, as far as it is known."""
    rows = session.execute(
        select(TruthRow.case_id, TruthRow.choice)
        .where(TruthRow.task == task, TruthRow.case_id.in_(cases))
        .order_by(TruthRow.id)
    )
    return {row.case_id: row.choice for row in rows}


def _exercise(session: Session, exercise_id: int) -> ExerciseRow:
    row = session.get(ExerciseRow, exercise_id)
    if row is None:
        raise Refused(_("There is no such exercise."), _("Choose one from the list."))
    return row


def _reader(session: Session, exercise_id: int, user_id: int) -> ExerciseReaderRow | None:
    return session.scalar(
        select(ExerciseReaderRow).where(
            ExerciseReaderRow.exercise_id == exercise_id, ExerciseReaderRow.user_id == user_id
        )
    )


def _view(session: Session, me: UserRow, row: ExerciseRow) -> ExerciseView:
    mine = _reader(session, row.id, me.id)
    own = [case_id for case_id, _task in going_on(session, me.id)] if mine and not mine.finished else []
    finals = select(ReviewRow.case_id).where(
        ReviewRow.user_id == me.id, ReviewRow.task == row.task, ReviewRow.stage == "final", ReviewRow.case_id.in_(own)
    )
    done = set(session.scalars(finals))
    whole = select(func.count()).select_from(ExerciseCaseRow).where(ExerciseCaseRow.exercise_id == row.id)
    maker = session.get(UserRow, row.user_id)
    return ExerciseView(
        id=row.id,
        title=row.title,
        task=row.task,
        user=maker.name if maker else SYSTEM,
        at=row.at,
        state="open" if mine is None else "finished" if mine.finished else "joined",
        cases=len(own) or session.scalar(whole) or 0,
        done=len(done),
        next=next((case_id for case_id in own if case_id not in done), None),
    )


def _results(session: Session, row: ExerciseRow, reader: ExerciseReaderRow) -> list[ExerciseResult]:
    """The reader's first and last final read of each case, made while they were in the exercise."""
    name = session.get_one(UserRow, reader.user_id).name
    cases = session.execute(
        select(ExerciseCaseRow, CaseTable.number)
        .join(CaseTable, ExerciseCaseRow.case_id == CaseTable.id)
        .where(ExerciseCaseRow.exercise_id == row.id)
        .order_by(ExerciseCaseRow.position)
    ).all()
    said: dict[int, dict[str, ReviewRow]] = {}
    reads = select(ReviewRow).where(
        ReviewRow.user_id == reader.user_id,
        ReviewRow.task == row.task,
        ReviewRow.at >= reader.joined,
        ReviewRow.at <= reader.finished,
        ReviewRow.case_id.in_([c.case_id for c, _number in cases]),
    )
    for read in session.scalars(reads.order_by(ReviewRow.id)):
        said.setdefault(read.case_id, {})[read.stage] = read
    known = truths(session, row.task, [*said])
    out = []
    for case, number in cases:
        if case.case_id in said:
            first, final = (said[case.case_id].get(stage) for stage in ("first", "final"))
            out.append(
                ExerciseResult(
                    user=name,
                    case_id=case.case_id,
                    number=number,
                    decoy=case.decoy,
                    truth=known[case.case_id],
                    first=first.choice if first else "",
                    final=final.choice if final else "",
                    agrees=final.agrees if final else None,
                )
            )
    return out
