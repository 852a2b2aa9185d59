"""Inputs as they lie in the store, and which task takes which."""

import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from medcore.clinic.desk import Desk
from medcore.clinic.views import User
from medcore.errors import Refused
from medcore.i18n import _, retold
from medcore.inputs import Image, Input, Outlines, Record, Signal, Volume, parts_of, sha256
from medcore.settings import Settings
from medcore.store import pack
from medcore.store.tables import CaseTable, InputRow, StoredFile
from medcore.tasks import Task, all_tasks

CACHE_BYTES = 512 * 2**20  # a CT of 500 slices and what is looked at beside it


@dataclass(frozen=True)
class Fit:
    """What a task makes of a case.

    taken: inputs by field name, or None with the refusal (which is None too where nothing is of the task's kind)
    """

    task: Task
    taken: dict[str, Input] | None
    remarks: tuple[str, ...] = ()
    refusal: Refused | None = None


def read_from(found: Fit) -> set[str]:
    """SHA-256 of the inputs, as they were read, that the task answers from."""
    return {part for given in (found.taken or {}).values() for part in parts_of(given)}


def fit(task: Task, inputs: Sequence[Input]) -> Fit:
    """What the task takes, or why it can't."""
    try:
        found = task.take(inputs)
    except Refused as refusal:
        return Fit(task, None, refusal=refusal)
    return Fit(task, *found) if found else Fit(task, None)


def fits(inputs: Sequence[Input]) -> list[Fit]:
    """Each task's, those that can answer first, of these the ones that only help others (`Task.roles`) last, and then
    by how little they miss of what they take and how little they remark: a strip of one lead is for a task of one lead,
    and one that reads all twelve goes first where there are twelve."""
    return sorted((fit(task, inputs) for task in all_tasks().values()), key=_badness)


def _badness(found: Fit) -> tuple[bool, bool, int, int]:
    helps = bool(found.task.roles)
    if found.taken is None:
        return True, helps, 0, 0
    fields = found.task.fields
    absent = sum(len(fields[name].absent(given)) for name, given in found.taken.items())
    return False, helps, absent, len(found.remarks)


def shape(given: Input) -> list[int]:
    if isinstance(given, Image):
        return list(given.pixels.shape)
    if isinstance(given, Signal):
        return list(given.samples.shape)
    if isinstance(given, Volume):
        return list(given.voxels.shape)
    if isinstance(given, Outlines):
        return list(given.bits.shape)
    assert isinstance(given, Record)
    return [sum(v is not None for v in given.values.values())]


class Shelf(Desk):
    """Gives inputs back; the last ones read are kept in memory."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        # By id and content: where a demonstration begins anew in another process, ids do too.
        self._cached: OrderedDict[tuple[int, str], tuple[Input, int]] = OrderedDict()
        self._cache_lock = threading.Lock()

    def input(self, user: User, input_id: int) -> Input:
        """One input in native units."""
        return self._load(self._input_row(user, input_id))

    def input_bytes(self, user: User, input_id: int) -> bytes:
        """What its viewer needs, packed (medcore.store.pack.view_input)."""
        row = self._input_row(user, input_id)
        return pack.view_input(self._load(row), [retold(remark) for remark in row.remarks])

    def _input_row(self, user: User, input_id: int) -> InputRow:
        with self.database.read() as session:
            self._account(session, user, "input")
            row = session.get(InputRow, input_id)
            if row is None or row.kind == "outlines":  # those are shown over a volume, by a rule of their own
                raise Refused(_("There is no such input."), _("Open its case from the worklist."))
        return row

    def _inputs(self, session: Session, case: CaseTable) -> list[Input]:
        return [self._load(row) for row in case.inputs]

    def _outlines(self, case: CaseTable) -> list[Outlines]:
        rows = [row for row in case.inputs if row.kind == "outlines"]
        return [held for held in map(self._load, rows) if isinstance(held, Outlines)]

    def _load(self, row: InputRow) -> Input:
        key = (row.id, row.sha256)
        with self._cache_lock:
            if key in self._cached:
                self._cached.move_to_end(key)
                return self._cached[key][0]
        given = self._from_files(row)
        self._remember(key, given)
        return given

    def _from_files(self, row: InputRow) -> Input:
        from medcore.readers import again

        files = {name: self.files.get(sha) for name, sha in row.files.items()}
        for given in again(files):
            if sha256(given) == row.sha256:
                # The facts of the first reading: this one would move dates once more.
                return replace(given, facts=row.facts)  # type: ignore[type-var]
        raise Refused(
            _("A stored file no longer gives what it gave when it was uploaded."),
            _("Go back to the release that stored it, or upload the case again."),
        )

    def _shelve(self, session: Session, data: bytes, sha: str = "") -> str:
        """Stores a file, unless it is there as `sha`, and notes it as referred to; gives its hash. This transaction is
        alone on the database, so what another upload's failure has swept away until now is put again, and from here
        on nobody sweeps it."""
        if not sha or not self.files.has(sha):
            sha = self.files.put(data)
        session.merge(StoredFile(sha256=sha, size=len(data)))
        return sha

    def _remember(self, key: tuple[int, str], given: Input) -> None:
        size = sum(a.nbytes for a in given.content()[1]) + len(json.dumps(given.content()[0]))
        with self._cache_lock:
            self._cached[key] = (given, size)
            while sum(s for _given, s in self._cached.values()) > CACHE_BYTES and len(self._cached) > 1:
                self._cached.popitem(last=False)


def facts_of(case: CaseTable) -> dict[str, str]:
    """What is known of a case's patient and inputs, by which its groups are told; of the first input that says it."""
    facts = {k: v for i in reversed(case.inputs) for k, v in i.facts.items()}
    if case.age_years is not None:
        facts["age_years"] = str(case.age_years)
    return {**facts, "sex": case.sex or facts.get("sex", "")}
