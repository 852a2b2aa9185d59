"""What the machine says of a case, and whether this user may know it yet."""

import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from medcore import tasks
from medcore.clinic.decoys import Cases, disguised, going_on
from medcore.clinic.ranking import uncertainty, urgency
from medcore.clinic.shelf import fit
from medcore.clinic.versions import Versions, in_use_id, in_use_row
from medcore.clinic.views import AnswerView, User
from medcore.errors import Refused
from medcore.i18n import _, in_english
from medcore.inputs import Input, VolumeField, sha256
from medcore.learn.decision import UNLIKE, withheld
from medcore.outcomes import Outcome
from medcore.settings import Settings
from medcore.store import audit, pack
from medcore.store.tables import AnswerRow, EmbeddingRow, PackageRow, ReviewRow, UserRow

if TYPE_CHECKING:
    from medcore.learn.predict import Answer
    from medcore.packages import Package


COHORT = 200  # the newest cases, where many are told of together


class Answering(Versions):
    """Answers: each computed once for a case and version, and kept with what it takes to repeat it."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._locks: dict[object, threading.Lock] = {}

    @in_english()
    def answer(self, user: User, case_id: int, task: str) -> AnswerView:
        """The answer of the version in use. Refused while this user reads first and has locked no read.

        Within an exercise that the user has not finished, a decoy's answer is not the version's own.
        """
        with self._once(("answer", task)):
            with self.database.read() as session:
                me = self._account(session, user, "answer")
                decoy = self._check_revealed(session, me, case_id, task)
                version = in_use_row(session, task)
                stored = self._stored(session, case_id, version.id)
                inputs = {} if stored else self._taken(session, case_id, task)
            given = (
                _answer_view(*stored, in_use=True)
                if stored
                else self._compute(me, case_id, version.id, self._package(version), inputs)
            )
        return replace(given, answer=disguised(tasks.get(task).outcome, given.answer, decoy)) if decoy else given

    def answers(self, user: User, case_id: int, task: str) -> list[AnswerView]:
        """The stored answers of all versions, the newest first; of a decoy only the one that is shown."""
        with self.database.read() as session:
            me = self._account(session, user, "answer")
            decoy = self._check_revealed(session, me, case_id, task)
        if decoy:
            return [self.answer(user, case_id, task)]
        with self.database.read() as session:
            used = in_use_id(session, task)
            rows = session.execute(
                select(AnswerRow, UserRow.name)
                .join(UserRow, AnswerRow.user_id == UserRow.id)
                .where(AnswerRow.case_id == case_id, AnswerRow.task == task)
                .order_by(AnswerRow.id.desc())
            ).all()
            return [_answer_view(row, name, row.package_id == used) for row, name in rows]

    def recompute(self, answer_id: int) -> "tuple[Answer, float]":
        """The answer computed afresh from what it kept, and the greatest difference of a probability from then."""
        from medcore.learn.predict import Answer, answer

        with self.database.read() as session:
            row = session.get(AnswerRow, answer_id)
            if row is None:
                raise Refused(_("There is no such answer."), _("Open its case from the worklist."))
            version = session.get_one(PackageRow, row.package_id)
            old = Answer.from_json(row.answer)
            given = {sha256(i): i for i in self._inputs(session, self._case(session, row.case_id))}
            given |= {sha256(i): i for i in self._taken(session, row.case_id, row.task).values()}
        inputs = {name: given[sha] for name, sha in old.inputs.items()}
        new = answer(self._package(version), inputs, device=old.device)
        apart = max(abs(new.probabilities[k] - p) for k, p in old.probabilities.items())
        return new, max(apart, float(new.mask_hash != old.mask_hash))

    def mask_bytes(self, user: User, answer_id: int) -> bytes:
        """An answer's mask, packed: `mask` uint8 (labels, …) of 0 and 1 on the input's own grid;
        the header's `labels` give name, title and what was measured of each, `leading` the names of the sequence to
        show it on. Under the same rule as the answer."""
        with self.database.read() as session:
            me = self._account(session, user, "answer")
            row = session.get(AnswerRow, answer_id)
            if row is None or not row.settings.get("mask"):
                raise Refused(_("There is no such mask."), _("Open its case from the worklist."))
            self._check_revealed(session, me, row.case_id, row.task)
            check_told(row.answer["unlike"])
            task = tasks.get(row.task)
            labels = task.outcome.labels
            measures = row.answer["measures"]
        mask = self._mask(row)
        named = [{"name": label.name, "title": _(label.title), **measures.get(label.name, {})} for label in labels]
        field = task.fields[task.outcome.on]
        leading = field.sequences[field.leading] if isinstance(field, VolumeField) else ()
        return pack.pack({"labels": named, "leading": leading}, {"mask": mask.astype(np.uint8)})

    def _mask(self, row: AnswerRow) -> np.ndarray:
        """The mask that an answer was stored with, (labels, …) bool on the input's own grid."""
        header, arrays = pack.unpack(self.files.get(row.settings["mask"]))
        bits = np.unpackbits(arrays["bits"], count=int(np.prod(header["shape"])))
        return bits.reshape(header["shape"]).astype(bool)

    def _check_revealed(self, session: Session, me: UserRow, case_id: int, task: str) -> str:
        """What the machine is made to say to this user, or "". Refused while nothing of the answer may reach them."""
        self._case(session, case_id)
        tasks.get(task)
        going = going_on(session, me.id)
        if not revealed(session, me, case_id, task, going):
            raise Refused(
                _("The answer appears when your read is locked."), _("Read the case and lock your read first.")
            )
        return decoy_of(going, case_id, task)

    def _taken(self, session: Session, case_id: int, task: str) -> dict[str, Input]:
        """The case's inputs by the task's fields; Refused, with what is wrong, where it can't take them."""
        found = fit(tasks.get(task), self._inputs(session, self._case(session, case_id)))
        if found.taken is None:
            raise found.refusal or Refused(
                _("This question can't be asked of this case."), _("Choose one that takes what was uploaded.")
            )
        return found.taken

    @staticmethod
    def _stored(session: Session, case_id: int, version_id: int) -> tuple[AnswerRow, str] | None:
        mine = (AnswerRow.case_id == case_id, AnswerRow.package_id == version_id)
        found = session.execute(
            select(AnswerRow, UserRow.name).join(UserRow, AnswerRow.user_id == UserRow.id).where(*mine)
        ).one_or_none()
        return (found[0], found[1]) if found else None

    def _compute(
        self, me: UserRow, case_id: int, version_id: int, package: "Package", inputs: Mapping[str, Input]
    ) -> AnswerView:
        from medcore.learn.predict import answer

        given = answer(package, inputs, device=self.settings.device)
        settings = {"device": self.settings.device}
        try:
            with self.database.write() as session:
                if given.mask is not None:
                    blob = pack.pack({"shape": given.mask.shape}, {"bits": np.packbits(given.mask)})
                    settings["mask"] = self._shelve(session, blob)
                row = AnswerRow(
                    case_id=case_id,
                    task=given.task,
                    package_id=version_id,
                    package_hash=given.package_hash,
                    score=_score(tasks.get(given.task).outcome, given),
                    urgency=urgency(tasks.get(given.task).outcome, given),
                    uncertainty=uncertainty(tasks.get(given.task).outcome, given),
                    choice=given.choice,
                    answer=given.to_json(),
                    settings=settings,
                    user_id=me.id,
                )
                session.add(row)
                session.flush()
                if given.embedding is not None:
                    keep_embedding(session, row.id, given.embedding)
                details = {"task": given.task, "answer": row.id, "hash": given.package_hash}
                audit.append(session, me.name, "answer", f"case {case_id}", details)
        except IntegrityError:  # another process was quicker
            with self.database.read() as session:
                stored = self._stored(session, case_id, version_id)
            if stored is None:
                raise
            return _answer_view(*stored, in_use=True)
        return _answer_view(row, me.name, in_use=True)

    def _once(self, what: object) -> AbstractContextManager[Any]:
        """A lock by name, so that what two sessions ask for at once is computed once."""
        return self._locks.setdefault(what, threading.Lock())


def revealed(session: Session, me: UserRow, case_id: int, task: str, going: Cases) -> bool:
    """Whether this user may see what the machine says: after a read of their own, or at once where they don't read
    first. Within an exercise (`going_on`) everybody reads first."""
    mine = (ReviewRow.user_id == me.id, ReviewRow.case_id == case_id, ReviewRow.task == task)
    if session.scalar(select(ReviewRow.id).where(*mine).limit(1)) is not None:
        return True
    return not me.read_first and (case_id, task) not in going


def check_told(unlike: float) -> None:
    """Refused where an answer is withheld: then its outline isn't shown, nor what it would be for other values."""
    if withheld(unlike):
        raise Refused(
            _("The answer to this case is withheld: it is not like the training data."), _("Read it without the model.")
        )


def told_answers(session: Session, me: UserRow, task: str, package_hash: str) -> tuple[ColumnElement[bool], ...]:
    """What makes an AnswerRow one of a version's that tells this user something: they may see it, it is not withheld,
    and its case is not part of an exercise that they are in."""
    mine = (ReviewRow.case_id == AnswerRow.case_id, ReviewRow.task == task, ReviewRow.user_id == me.id)
    return (
        AnswerRow.task == task,
        AnswerRow.package_hash == package_hash,
        AnswerRow.case_id.not_in({case for case, _task in going_on(session, me.id)}),
        AnswerRow.answer["unlike"].as_float() < UNLIKE,
        *((exists().where(*mine),) if me.read_first else ()),
    )


def decoy_of(going: Cases, case_id: int, task: str) -> str:
    """What the machine is made to say of a case in an exercise that is going on, or ""."""
    row = going.get((case_id, task))
    return row.decoy if row else ""


def keep_embedding(session: Session, answer_id: int, embedding: np.ndarray) -> None:
    """Keeps what the nets saw of an answered case, so that it is computed once."""
    session.add(EmbeddingRow(answer_id=answer_id, vector=embedding.astype("<f4").tobytes()))


def _answer_view(row: AnswerRow, user: str, in_use: bool) -> AnswerView:
    from medcore.learn.predict import Answer

    return AnswerView(row.id, row.case_id, Answer.from_json(row.answer), row.at, user, in_use)


def _score(outcome: Outcome, given: "Answer") -> float | None:
    """What the worklist shows: the probability of what was chosen, of several labels the greatest; where that is an
    absence, the greatest of a finding. Of a regression its value."""
    p = given.probabilities
    said = [p[name] for name in given.choice.split("+") if name in p]
    findings = [p[label.name] for label in outcome.labels if label.finding]
    return max(said or findings or p.values(), default=None)
