"""The worklist's queries. Each page is a walk along one index; counts are counts of an index."""

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from medcore.clinic.views import CaseRow, Page
from medcore.errors import Refused
from medcore.i18n import _
from medcore.store.tables import AnswerRow, CaseState, CaseTable, PatientRow, ReviewRow, UserRow
from medcore.tasks import Task, all_tasks

ORDERS: Mapping[str, tuple[Any, ...]] = {
    "received": (CaseTable.received, CaseTable.id),
    "number": (CaseTable.kind, CaseTable.running),
    "kind": (CaseTable.kind, CaseTable.received, CaseTable.id),
    "patient": (CaseTable.patient_id, CaseTable.id),
    "age": (CaseTable.age_years, CaseTable.id),
    "state": (CaseTable.state, CaseTable.received, CaseTable.id),
}


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
    base = matching(text, kind)
    counted = session.execute(select(CaseTable.state, func.count()).where(*base).group_by(CaseTable.state)).all()
    counts = {cast(CaseState, s): n for s, n in counted}
    total = counts.get(cast(CaseState, state), 0) if state else sum(counts.values())
    pages = max(1, -(-total // per_page))
    number = min(max(1, number), pages)
    chosen = ids(text, kind, state, sort, descending).limit(per_page).offset((number - 1) * per_page)
    rows = view(session, user, session.scalars(chosen).all())
    return Page(tuple(rows), total, counts, number, pages)


def ids(text: str, kind: str, state: str, sort: str, descending: bool) -> Select[int]:
    """The ids of what matches, in order. Ids alone, so that a far page skips entries of an index, not rows."""
    if sort not in ORDERS:
        raise Refused(
            _("The worklist can't be sorted by “{sort}”.").format(sort=sort),
            _("Sort by one of: {names}.").format(names=", ".join(ORDERS)),
        )
    where = matching(text, kind)
    if state:
        where.append(CaseTable.state == state)
    order = [c.desc() if descending else c.asc() for c in ORDERS[sort]]
    return select(CaseTable.id).where(*where).order_by(*order)


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
    return [_row(cases[i], user, reads, newest) for i in chosen]


def _row(
    case: CaseTable,
    user: UserRow,
    reads: Mapping[tuple[int, str], Mapping[str, ReviewRow]],
    newest: Mapping[tuple[int, str], AnswerRow],
) -> CaseRow:
    task = all_tasks().get(case.task or "")
    read = reads.get((case.id, case.task or ""), {})
    answer = newest.get((case.id, case.task or ""))
    shown = answer if answer is not None and (read or not user.read_first) else None
    agrees = read["final"].agrees if "final" in read else None
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
