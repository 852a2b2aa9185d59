"""What is measured of a case's recordings, computed once and kept in memory."""

import threading
from collections import OrderedDict

from medcore.clinic.shelf import Shelf
from medcore.clinic.views import User
from medcore.errors import Refused
from medcore.i18n import _, language
from medcore.inputs import Signal
from medcore.measure.ecg import Measurement, measure
from medcore.settings import Settings
from medcore.store.tables import InputRow

KEPT = 256


class Measuring(Shelf):
    """Intervals and beats of ECGs."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._measured: OrderedDict[tuple[int, str], Measurement] = OrderedDict()
        self._measured_lock = threading.Lock()

    def measurement(self, user: User, input_id: int) -> Measurement:
        """Of one recording. Raises Refused for an input of another kind."""
        key = input_id, language.get()
        with self.database.read() as session:
            self._account(session, user, "measurement")
            row = session.get(InputRow, input_id)
            if row is None or row.kind != "signal":
                raise Refused(_("There is no such recording."), _("Open its case from the worklist."))
        with self._measured_lock:
            if key in self._measured:
                self._measured.move_to_end(key)
                return self._measured[key]
        given = self._load(row)
        assert isinstance(given, Signal)
        done = measure(given)
        with self._measured_lock:
            self._measured[key] = done
            while len(self._measured) > KEPT:
                self._measured.popitem(last=False)
        return done

    def measurements(self, user: User, case_id: int) -> dict[int, Measurement]:
        """Of each recording of a case, by input id; {} where it has none."""
        with self.database.read() as session:
            self._account(session, user, "measurement")
            ids = [row.id for row in self._case(session, case_id).inputs if row.kind == "signal"]
        return {i: self.measurement(user, i) for i in ids}
