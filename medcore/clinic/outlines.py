"""Outlines that came in a file, as they lie on a volume of their case."""

import numpy as np

from medcore import tasks
from medcore.clinic.answering import Answering, revealed
from medcore.clinic.decoys import going_on
from medcore.clinic.views import User
from medcore.errors import Refused
from medcore.i18n import _
from medcore.inputs import Volume
from medcore.inputs.outlines import OWN
from medcore.outcomes.mask import of_volume
from medcore.readers.segmentation import meanings
from medcore.store import pack


class Outlined(Answering):
    """Gives the outlines of a case."""

    def outlines_bytes(self, user: User, input_id: int) -> bytes:
        """All outlines on a volume, packed: `bits` uint8 (slices, rows, columns), segment i as bit i, and the header's
        `labels` as of `mask_bytes`. They may tell what somebody else has found: they come when an answer may."""
        row = self._input_row(user, input_id)
        with self.database.read() as session:
            me = self._account(session, user, "answer")
            case = self._case(session, row.case_id)
            if case.task and not revealed(session, me, case.id, case.task, going_on(session, me.id)):
                raise Refused(
                    _("The outlines appear when your read is locked."), _("Read the case and lock your read first.")
                )
            given = self._outlines(case)
        volume = self._load(row)
        if not isinstance(volume, Volume):
            raise Refused(_("There is no such mask."), _("Open its case from the worklist."))
        bits = np.zeros(volume.voxels.shape[1:], np.uint8)
        labels: list[dict[str, object]] = []
        for outlines in given:
            laid = outlines.on(volume)
            if laid is None:
                continue
            bits |= laid << len(labels)
            for i, (name, drawn) in enumerate(zip(outlines.names, outlines.drawn, strict=True)):
                about = of_volume(laid >> i & 1, volume)
                labels.append({"name": name, "title": _title(name, i, drawn), **about})
        return pack.pack({"labels": labels}, {"bits": bits})


def _title(name: str, i: int, drawn: str) -> str:
    """What a segment is called, and how it came about."""
    scheme, _colon, value = name.partition(":")
    own = {label.name: label.title for task in tasks.all_tasks().values() for label in task.outcome.choices}
    known = _(own[value]) if scheme == OWN and value in own else meanings().get(value, "")
    what = known or _("Segment {n}").format(n=i + 1)
    how = {
        "MANUAL": _("{what}, drawn by hand"),
        "SEMIAUTOMATIC": _("{what}, drawn with a program"),
        "AUTOMATIC": _("{what}, drawn by a program"),
    }
    return how.get(drawn, "{what}").format(what=what)
