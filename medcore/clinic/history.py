"""The patient's other cases: what was seen before, and what may be looked at beside this."""

from sqlalchemy import Select, select, tuple_

from medcore.clinic import worklist
from medcore.clinic.reading import Reading
from medcore.clinic.views import CaseRow, User
from medcore.inputs import Record
from medcore.store.tables import CaseTable

MOST = 50


class History(Reading):
    """One patient over time."""

    def same_patient(self, user: User, case_id: int) -> tuple[CaseRow, ...]:
        """The patient's other cases of the same kind, newest first, at most MOST."""
        with self.database.read() as session:
            me = self._account(session, user, "same_patient")
            ids = session.scalars(_others(self._case(session, case_id)).limit(MOST)).all()
            return tuple(worklist.view(session, me, ids))

    def record_before(self, user: User, case_id: int) -> tuple[str, Record] | None:
        """Number and record of the patient's last case with one that was received before this; None where there is
        none. That it was looked at is kept."""
        with self.database.read() as session:
            self._account(session, user, "record_before")
            case = self._case(session, case_id)
            earlier = tuple_(CaseTable.received, CaseTable.id) < tuple_(case.received, case.id)
            before = session.scalar(_others(case).where(earlier).limit(1))
        if before is None:
            return None
        self._note_opening(user, before)
        with self.database.read() as session:
            row = self._case(session, before)
            found = next((given for given in self._inputs(session, row) if isinstance(given, Record)), None)
            return (row.number, found) if found else None


def _others(case: CaseTable) -> Select[int]:
    """Ids of the patient's other cases of that kind, newest first."""
    alike = (CaseTable.patient_id == case.patient_id, CaseTable.kind == case.kind, CaseTable.id != case.id)
    return select(CaseTable.id).where(*alike).order_by(CaseTable.received.desc(), CaseTable.id.desc())
