"""The worklist's queries. Each page is a walk along one index; counts are counts of an index."""

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from medcore.clinic import decoys
from medcore.clinic.views import CaseRow, Page
from medcore.errors import Refused
from medcore.i18n import _
from medcore.learn.decision import withheld
from medcore.store.tables import AnswerRow, CaseState, CaseTable, PatientRow, ReviewRow, UseRow, UserRow
from medcore.tasks import Task, all_tasks

ORDERS: Mapping[str, tuple[Any, ...]] = {
    "received": (CaseTable.received, CaseTable.id),
    "number": (CaseTable.kind, CaseTable.running),
    "kind": (CaseTable.kind, CaseTable.received, CaseTable.id),
    "patient": (PatientRow.pseudonym, CaseTable.id),
    "age": (CaseTable.age_years, CaseTable.id),
    "state": (CaseTable.state, CaseTable.received, CaseTable.id),
}
RANKS: Mapping[str, Any] = {"urgency": AnswerRow.urgency, "uncertainty": AnswerRow.uncertainty}
SECOND = "second"
"""The state of cases that others have reviewed and this user has not read."""


def page(
    session: Session,
    user: UserRow,
    text: str,
    kind: str,
    state: str,
    sort: str,
    descending: bool,
    number: int,
    per_page: int,
) -> Page:
    """One page of the cases that match."""
    if sort in RANKS and (user.read_first or decoys.going_on(session, user.id)):
        raise Refused(
            _("The machine chooses no order for who reads first."),
            _("Sort by arrival or age, or switch reading first off on the About page."),
        )
    base = matching(text, kind)
    counted = session.execute(select(CaseTable.state, func.count()).where(*base).group_by(CaseTable.state)).all()
    counts = {cast(CaseState, s): n for s, n in counted}
    found = ids(text, kind, state, sort, descending, user.id)
    if state == SECOND:
        total = session.scalar(select(func.count()).select_from(found.order_by(None).subquery())) or 0
    else:
        total = counts.get(cast(CaseState, state), 0) if state else sum(counts.values())
    pages = max(1, -(-total // per_page))
    number = min(max(1, number), pages)
    rows = view(session, user, session.scalars(found.limit(per_page).offset((number - 1) * per_page)).all())
    return Page(tuple(rows), total, counts, number, pages)


def ids(text: str, kind: str, state: str, sort: str, descending: bool, user_id: int = 0) -> Select[int]:
    """The ids of what matches, in order. Ids alone, so that a far page skips entries of an index, not rows.

    user_id: whose second reads, where the state is SECOND.
    """
    if sort not in ORDERS and sort not in RANKS:
        raise Refused(
            _("The worklist can't be sorted by “{sort}”.").format(sort=sort),
            _("Sort by one of: {names}.").format(names=", ".join([*ORDERS, *RANKS])),
        )
    where = matching(text, kind)
    if state == SECOND:
        where += [CaseTable.state == "reviewed", ~_read_by(user_id)]
    elif state:
        where.append(CaseTable.state == state)
    if sort in RANKS:
        return _ranked(where, RANKS[sort])
    order = [c.desc() if descending else c.asc() for c in ORDERS[sort]]
    found = select(CaseTable.id)
    if sort == "patient":
        found = found.join(PatientRow, CaseTable.patient_id == PatientRow.id)
    return found.where(*where).order_by(*order)


def _read_by(user_id: int) -> ColumnElement[bool]:
    """Whether this user has read the case, whatever was asked."""
    return exists().where(ReviewRow.case_id == CaseTable.id, ReviewRow.user_id == user_id)


def _answers_in_use() -> ColumnElement[bool]:
    """Of a case: its answer by the version in use."""
    newest = select(func.max(UseRow.id)).group_by(UseRow.task)
    used = select(UseRow.package_id).where(UseRow.id.in_(newest))
    return and_(AnswerRow.case_id == CaseTable.id, AnswerRow.task == CaseTable.task, AnswerRow.package_id.in_(used))


def _ranked(where: list[ColumnElement[bool]], rank: Any) -> Select[int]:
    """By what the version in use holds highest; cases that it hasn't answered, or can't rank, come last."""
    return (
        select(CaseTable.id)
        .outerjoin(AnswerRow, _answers_in_use())
        .where(*where)
        .order_by(rank.is_(None), rank.desc(), CaseTable.received.desc(), CaseTable.id.desc())
    )


def unanswered(session: Session, most: int) -> list[tuple[int, str]]:
    """(case, task) of what waits to be read and that the version in use hasn't answered, the newest first."""
    query = (
        select(CaseTable.id, CaseTable.task)
        .outerjoin(AnswerRow, _answers_in_use())
        .where(CaseTable.state == "to_read", CaseTable.task.in_(select(UseRow.task)), AnswerRow.id.is_(None))
        .order_by(CaseTable.received.desc(), CaseTable.id.desc())
    )
    return [(case_id, task or "") for case_id, task in session.execute(query.limit(most))]


def matching(text: str, kind: str) -> list[ColumnElement[bool]]:
    """Conditions for a kind and for what a person typed, each of which an index serves."""
    where: list[ColumnElement[bool]] = [CaseTable.kind == kind] if kind else []
    text = text.strip()
    if not text:
        return where
    upper = text.upper()
    patients = select(PatientRow.id).where(_begins(PatientRow.pseudonym, upper))
    either = [_begins(CaseTable.number, upper), CaseTable.patient_id.in_(patients)]
    if text.isdecimal() and len(text) < 10:
        either.append(CaseTable.running == int(text))
    words = text.lower().split()
    asked = [t.name for t in all_tasks().values() if all(w in _described(t) for w in words)]
    if asked:
        either.append(CaseTable.task.in_(asked))
    return [*where, or_(*either)]


def _begins(column: Any, start: str) -> ColumnElement[bool]:
    """`column` begins with `start`: as a range, which an index serves in every database."""
    return and_(column >= start, column < start[:-1] + chr(ord(start[-1]) + 1))


def _described(task: Task) -> str:
    labels = " ".join(_(c.title) for c in task.outcome.choices)
    return f"{task.name} {_(task.title)} {_(task.question)} {labels}".lower()


def view(session: Session, user: UserRow, chosen: Any) -> list[CaseRow]:
    """The cases of these ids, in this order, as `user` may see them."""
    cases = {c.id: c for c in session.scalars(select(CaseTable).where(CaseTable.id.in_(chosen)))}
    reads: dict[tuple[int, str], dict[str, ReviewRow]] = {}
    mine = select(ReviewRow).where(ReviewRow.case_id.in_(chosen), ReviewRow.user_id == user.id).order_by(ReviewRow.id)
    for read in session.scalars(mine):
        reads.setdefault((read.case_id, read.task), {})[read.stage] = read
    newest: dict[tuple[int, str], AnswerRow] = {}
    given = select(AnswerRow).where(AnswerRow.case_id.in_(chosen)).order_by(AnswerRow.id)
    for answer in session.scalars(given):
        newest[answer.case_id, answer.task] = answer
    exercise = {case_id for case_id, _task in decoys.going_on(session, user.id)}
    return [_row(cases[i], user, reads, newest, i in exercise) for i in chosen]


def _row(
    case: CaseTable,
    user: UserRow,
    reads: Mapping[tuple[int, str], Mapping[str, ReviewRow]],
    newest: Mapping[tuple[int, str], AnswerRow],
    exercise: bool,
) -> CaseRow:
    task = all_tasks().get(case.task or "")
    read = reads.get((case.id, case.task or ""), {})
    answer = newest.get((case.id, case.task or ""))
    known = answer is not None and (read or not user.read_first) and not withheld(answer.answer["unlike"])
    # The worklist keeps silent on every case of an exercise: its word on a decoy would give it away.
    shown = answer if known and not exercise else None
    final = read.get("final")
    agrees = final.agrees if final and not final.decoy and not exercise else None
    return CaseRow(
        id=case.id,
        number=case.number,
        kind=case.kind,
        task=case.task,
        title=_(task.question) if task else "",
        patient=case.patient.pseudonym,
        age_years=case.age_years,
        sex=case.sex,
        received=case.received,
        source=case.source,
        simulated=case.simulated,
        state=cast(CaseState, case.state),
        yours="reviewed" if "final" in read else "read" if read else "",
        score=shown.score if shown else None,
        choice=shown.choice if shown else "",
        outcome="" if agrees is None else "agrees" if agrees else "differs",
    )
