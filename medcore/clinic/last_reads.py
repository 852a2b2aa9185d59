"""What readers said last of a case: what learning, similar cases and a version's mistakes go by."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from medcore.store.tables import ReviewRow, Stage


def counted(stage: Stage = "final") -> tuple[ColumnElement[bool], ...]:
    """What makes a read count: not one of a decoy, and a first one only where it was blind. Final ones make a case
    reviewed."""
    return ReviewRow.stage == stage, ReviewRow.decoy.is_(False), ReviewRow.shown.is_(False)


def last_reads(session: Session, task: str, cases: Collection[int] | None = None) -> dict[int, list[ReviewRow]]:
    """By case (of `cases`, else of all) each reader's newest final read. A case that nobody could tell has none."""
    query = select(ReviewRow).where(ReviewRow.task == task, *counted())
    if cases is not None:
        query = query.where(ReviewRow.case_id.in_(cases))
    newest: dict[int, dict[int, ReviewRow]] = {}
    for read in session.scalars(query.order_by(ReviewRow.id)):
        newest.setdefault(read.case_id, {})[read.user_id] = read
    return {case: [read for read in reads.values() if settled(read)] for case, reads in newest.items()}


def settled(read: ReviewRow) -> bool:
    """Whether it says something: who can't tell doesn't, which is not none of several labels."""
    return bool(read.choice) or read.agrees is not None
