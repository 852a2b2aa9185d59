"""Decoys: cases of an exercise for which the machine is made to say something that is known to be wrong.

Only somebody who has joined the exercise, and has not finished it, is ever shown one; nothing of it is stored as an
answer, and a read made in view of it is marked and neither learnt from, counted nor reported.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from medcore.outcomes import Outcome
from medcore.store.tables import ExerciseCaseRow, ExerciseReaderRow, ExerciseRow, ReviewRow

if TYPE_CHECKING:
    from medcore.learn.predict import Answer

Cases = dict[tuple[int, str], ExerciseCaseRow]


def going_on(session: Session, user_id: int) -> Cases:
    """By case and task: the cases of the exercise that this user has joined and not finished, less those that they
    had read before."""
    before = exists().where(
        ReviewRow.case_id == ExerciseCaseRow.case_id,
        ReviewRow.task == ExerciseRow.task,
        ReviewRow.user_id == user_id,
        ReviewRow.at < ExerciseReaderRow.joined,
    )
    rows = session.execute(
        select(ExerciseCaseRow, ExerciseRow.task)
        .join(ExerciseRow, ExerciseCaseRow.exercise_id == ExerciseRow.id)
        .join(ExerciseReaderRow, ExerciseReaderRow.exercise_id == ExerciseRow.id)
        .where(ExerciseReaderRow.user_id == user_id, ExerciseReaderRow.finished.is_(None), ~before)
    )
    return {(row.case_id, task): row for row, task in sorted(rows, key=lambda found: found[0].position)}


def in_exercise(going: Cases, case_id: int) -> bool:
    """Whether a case is among those of `going_on`, by whatever question."""
    return any(case == case_id for case, _task in going)


def disguised(outcome: Outcome, answer: "Answer", choice: str) -> "Answer":
    """The answer as if the machine said `choice`: of several classes the two change places; of labels with a cut each
    that would be said otherwise is mirrored at its cut, so that what was sure stays sure. What it says by itself
    stays."""
    if answer.choice == choice:
        return answer
    p, ranges = dict(answer.probabilities), dict(answer.ranges)
    if outcome.kind == "multiclass":
        p[choice], p[answer.choice] = p[answer.choice], p[choice]
        ranges[choice], ranges[answer.choice] = ranges[answer.choice], ranges[choice]
    else:
        said = choice.split("+")
        for name, cut in answer.thresholds.items():
            if (p[name] >= cut) != (name in said):
                low, high = ranges[name]
                p[name] = _mirrored(p[name], cut)
                ranges[name] = (_mirrored(high, cut), _mirrored(low, cut))
    return replace(answer, probabilities=p, ranges=ranges, choice=choice, set=(choice,))


def _mirrored(p: float, cut: float) -> float:
    """From one side of the cut to the other, as far along it."""
    return cut + (cut - p) / cut * (1 - cut) if p < cut else cut - (p - cut) / (1 - cut) * cut
