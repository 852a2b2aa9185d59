"""What a version would say of a record with other values, and how its answer goes with each of them.

All of it is about an answer that its reader may see, and none of it is stored.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from medcore.clinic.answering import COHORT, Answering, check_told, told_answers
from medcore.clinic.decoys import going_on, in_exercise
from medcore.clinic.views import User
from medcore.errors import Refused
from medcore.i18n import _
from medcore.inputs import Record, sha256
from medcore.inputs.record import Value
from medcore.settings import Settings
from medcore.store.tables import AnswerRow, UserRow

if TYPE_CHECKING:
    from medcore.explain.counterfactual import Counterfactual
    from medcore.explain.curves import Curves
    from medcore.explain.what_if import Band, Prediction
    from medcore.packages import Package

T = TypeVar("T")
KEPT = 256


class WhatIf(Answering):
    """For tasks that take a record and nothing else."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._worked_out: OrderedDict[tuple[object, ...], object] = OrderedDict()
        self._worked_out_lock = threading.Lock()

    def of_record(self, user: User, case_id: int, task: str) -> "tuple[Package, Record]":
        """The version that answered, and the record that it answered from.

        Refused where the answer is or has no number, and within an exercise: what a version says of other values would
        tell which of its answers are wrong on purpose.
        """
        given = self.answer(user, case_id, task).answer
        with self.database.read() as session:
            if in_exercise(going_on(session, user.id), case_id):
                raise Refused(
                    _("This case is part of an exercise that you are in."),
                    _("Finish the exercise; then its values can be changed."),
                )
            record = self._record(session, case_id, task)
        check_told(given.unlike)
        return self._package_of(given.package_hash), record

    def what_if(
        self, user: User, case_id: int, task: str, values: Mapping[str, Value]
    ) -> "tuple[Prediction, Prediction]":
        """What the version that answered says of the case's record, and of the same with these values in place."""
        from medcore.explain.what_if import what_if

        package, record = self.of_record(user, case_id, task)
        return what_if(package, record, values, self.settings.device)

    def absent_bands(self, user: User, case_id: int, task: str, label: str) -> "tuple[Band, ...]":
        """How far the answer moves as each value that was not measured runs through its usual ones, widest first."""
        from medcore.explain.what_if import absent_bands

        package, record = self.of_record(user, case_id, task)
        key = ("bands", package.hash, sha256(record), label)
        return self._once_for(key, lambda: absent_bands(package, record, label, self.settings.device))

    def counterfactual(self, user: User, case_id: int, task: str, label: str) -> "Counterfactual | None":
        """The smallest plausible change found that turns the answer, or None."""
        from medcore.explain.counterfactual import counterfactual

        package, record = self.of_record(user, case_id, task)
        key = ("counterfactual", package.hash, sha256(record), label)
        return self._once_for(key, lambda: counterfactual(package, record, label, self.settings.device))

    def curves(self, user: User, case_id: int, task: str, label: str, column: str) -> "Curves":
        """How the answer goes with one value: this case's curve first, then those of the COHORT newest other cases
        whose answer by the same version this user may see."""
        from medcore.explain.curves import curves

        package, record = self.of_record(user, case_id, task)
        with self.database.read() as session:
            me = self._account(session, user, "answer")
            others = _others(session, me, case_id, task, package.hash)
            records = [record, *(self._record(session, other, task) for other in others)]
        key = ("curves", package.hash, tuple(map(sha256, records)), label, column)
        return self._once_for(key, lambda: curves(package, records, column, label, self.settings.device))

    def _record(self, session: Session, case_id: int, task: str) -> Record:
        """The record that the task takes; Refused where it takes anything else."""
        match [*self._taken(session, case_id, task).values()]:
            case [Record() as record]:
                return record
        raise Refused(_("This question takes more than a record."), _("Choose another question."))

    def _once_for(self, key: tuple[object, ...], work: Callable[[], T]) -> T:
        """What `work` gives; the last KEPT results stay in memory."""
        with self._worked_out_lock:
            if key in self._worked_out:
                self._worked_out.move_to_end(key)
                return self._worked_out[key]  # type: ignore[return-value]
        done = work()
        with self._worked_out_lock:
            self._worked_out[key] = done
            while len(self._worked_out) > KEPT:
                self._worked_out.popitem(last=False)
        return done


def _others(session: Session, me: UserRow, case_id: int, task: str, package_hash: str) -> list[int]:
    """The COHORT newest other cases whose answer by this version tells this user something."""
    query = select(AnswerRow.case_id).where(
        *told_answers(session, me, task, package_hash), AnswerRow.case_id != case_id
    )
    return list(session.scalars(query.order_by(AnswerRow.case_id.desc()).limit(COHORT)))
