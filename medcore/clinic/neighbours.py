"""Cases that the nets see alike to one: reviewed here, or learnt from."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session

from medcore import tasks
from medcore.clinic.answering import Answering, keep_embedding
from medcore.clinic.decoys import going_on, in_exercise
from medcore.clinic.last_reads import counted, last_reads
from medcore.clinic.views import AnswerView, Neighbour, Neighbourhood, User
from medcore.errors import Refused
from medcore.i18n import _
from medcore.settings import Settings
from medcore.store.tables import AnswerRow, CaseTable, EmbeddingRow, ReviewRow, UserRow

if TYPE_CHECKING:
    from medcore.learn.neighbours import Index, Learnt
    from medcore.packages import Package

MOST, REVIEWED = 7, 3
"""Neighbours that are shown, and how many of them are reviewed cases where there are as many."""


class Reviewed:
    """The reviewed cases that one version has answered, by position in their index."""

    def __init__(self, directions: int) -> None:
        from medcore.learn.neighbours import Index

        self.index: Index = Index(np.zeros((0, directions), np.float32))
        self.cases: list[int] = []
        self.place: dict[int, int] = {}
        self._last_embedding = self._last_review = 0

    def extend(self, session: Session, package_hash: str) -> None:
        """Takes in what has come since: an embedding of a case that was reviewed, or a read of one that has its own."""
        last = select(EmbeddingRow.id).order_by(EmbeddingRow.id.desc()).limit(1)
        embedding = session.scalar(last) or 0
        review = session.scalar(select(ReviewRow.id).order_by(ReviewRow.id.desc()).limit(1)) or 0
        found: dict[int, bytes] = {}
        if embedding > self._last_embedding:
            reviewed = exists().where(
                ReviewRow.case_id == AnswerRow.case_id, ReviewRow.task == AnswerRow.task, *counted()
            )
            new = _embeddings(package_hash).where(EmbeddingRow.id > self._last_embedding, reviewed)
            found |= dict(session.execute(new).all())
        if review > self._last_review and self._last_embedding:
            read = (ReviewRow.case_id == AnswerRow.case_id) & (ReviewRow.task == AnswerRow.task)
            new = _embeddings(package_hash).join(ReviewRow, read).where(ReviewRow.id > self._last_review, *counted())
            found |= dict(session.execute(new).all())
        fresh = [case_id for case_id in found if case_id not in self.place]
        if fresh:
            self.place |= {case_id: len(self.cases) + i for i, case_id in enumerate(fresh)}
            self.cases += fresh
            self.index.add(np.stack([np.frombuffer(found[case_id], "<f4") for case_id in fresh]))
        self._last_embedding, self._last_review = embedding, review


class Neighbours(Answering):
    """Most similar cases, as far as this user may know of them."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._reviewed: dict[str, Reviewed] = {}
        self._learnt: dict[str, tuple[Learnt, Index] | None] = {}

    def neighbours(self, user: User, case_id: int, task: str) -> Neighbourhood:
        """The nearest reviewed cases and the nearest of those that the version in use learnt from, by its nets.

        Who reads first is told of those cases alone that they have reviewed themselves: that two cases are alike is
        something that the machine says of both. Refused where the answer is, and within an exercise, in which cases
        like a decoy would give it away.
        """
        with self.database.read() as session:
            me = self._account(session, user, "answer")
            if in_exercise(going_on(session, me.id), case_id):
                raise Refused(_("This case is part of an exercise that you are in."), _("Finish the exercise first."))
        given = self.answer(user, case_id, task)
        package = self._package_of(given.answer.package_hash)
        if not package.space:
            return Neighbourhood((), learnt=0, far=None, itself=False)
        vector = self._embedding(given, package)
        with self._once(("neighbours", package.hash)):
            trained = self._trained(package)
            reviewed = self._near_reviewed(me, case_id, package, vector, trained[0] if trained else None)
        if trained is None:
            return Neighbourhood(tuple(reviewed), learnt=0, far=None, itself=False)
        learnt, far, itself = _near_learnt(*trained, given, vector)
        kept = reviewed[: max(REVIEWED, MOST - len(learnt))]
        rows = sorted([*kept, *learnt[: MOST - len(kept)]], key=lambda row: row.distance)
        return Neighbourhood(tuple(rows), len(trained[0]), far, itself)

    def _embedding(self, given: AnswerView, package: "Package") -> np.ndarray:
        """Kept with the answer; computed now where that was given before embeddings were kept."""
        from medcore.learn.predict import embedded

        kept = select(EmbeddingRow.vector).where(EmbeddingRow.answer_id == given.id)
        with self.database.read() as session:
            stored = session.scalar(kept)
            inputs = {} if stored else self._taken(session, given.case_id, given.answer.task)
        if stored:
            return np.frombuffer(stored, "<f4")
        vector = embedded(package, inputs, self.settings.device)
        with self.database.write() as session:
            if session.scalar(kept) is None:
                keep_embedding(session, given.id, vector)
        return vector

    def _trained(self, package: "Package") -> "tuple[Learnt, Index] | None":
        """The cases it learnt from."""
        from medcore.learn.neighbours import Index, stored

        if package.hash not in self._learnt:
            found = stored(package.folder, package.hash)
            self._learnt[package.hash] = (found, Index(found.vectors)) if found else None
        return self._learnt[package.hash]

    def _near_reviewed(
        self, me: UserRow, case_id: int, package: "Package", vector: np.ndarray, learnt: "Learnt | None"
    ) -> list[Neighbour]:
        if package.hash not in self._reviewed:
            self._reviewed[package.hash] = Reviewed(len(vector))
        held = self._reviewed[package.hash]
        with self.database.read() as session:
            held.extend(session, package.hash)
            going = going_on(session, me.id)
            hidden = {case_id, *(case for case, _task in going)}
            own = None
            if me.read_first:
                mine = select(ReviewRow.case_id).where(ReviewRow.user_id == me.id, *counted())
                cases = set(session.scalars(mine.where(ReviewRow.task == package.task.name)))
                own = [held.place[case] for case in cases - hidden if case in held.place]
            near = held.index.search(vector, MOST + len(hidden), own)
            distances = {held.cases[i]: d for i, d in near if held.cases[i] not in hidden}
            return _told(session, case_id, package.task.name, dict([*distances.items()][:MOST]), learnt)


def _embeddings(package_hash: str) -> Select[int, bytes]:
    """Cases that the version has answered, and their vectors."""
    answered = select(AnswerRow.case_id, EmbeddingRow.vector).join(EmbeddingRow)
    return answered.where(AnswerRow.package_hash == package_hash).order_by(EmbeddingRow.id)


def _told(
    session: Session, case_id: int, task: str, distances: Mapping[int, float], learnt: "Learnt | None"
) -> list[Neighbour]:
    """Reviewed cases with what their readers said last, in the order of `distances`."""
    patient = session.get_one(CaseTable, case_id).patient_id
    cases = {case.id: case for case in session.scalars(select(CaseTable).where(CaseTable.id.in_(distances)))}
    reads, out = last_reads(session, task, distances), []
    for other, distance in distances.items():
        agreed = {r.agrees for r in reads[other]} - {None}
        out.append(
            Neighbour(
                case_id=other,
                number=cases[other].number,
                source="",
                choices=tuple(dict.fromkeys(r.choice for r in reads[other])),
                outcome="" if not agreed else "agreed" if agreed == {True} else "corrected",
                same_patient=cases[other].patient_id == patient,
                distance=distance,
                nearer=learnt.nearer(distance) if learnt else None,
            )
        )
    return out


def _near_learnt(
    learnt: "Learnt", index: "Index", given: AnswerView, vector: np.ndarray
) -> tuple[list[Neighbour], bool | None, bool]:
    """The nearest training cases, whether even those are far, and whether the case itself is one of them."""
    from medcore.learn.neighbours import FAR, key

    fields = tasks.get(given.answer.task).fields
    own = learnt.places.get(key(given.answer.inputs[name] for name in fields), [])
    same = {i for i in own for i in np.flatnonzero((learnt.patients == learnt.patients[i]).all(1)).tolist()}
    near = index.search(vector, MOST + len(same))
    rows = [
        Neighbour(
            case_id=None,
            number="",
            source=learnt.sources[learnt.source[i]],
            choices=(learnt.choices[learnt.choice[i]],),
            outcome="",
            same_patient=i in same,
            distance=distance,
            nearer=learnt.nearer(distance),
        )
        for i, distance in near
        if i not in own
    ]
    nearer = next((learnt.nearer(distance) for i, distance in near if i not in same), None)
    return rows[:MOST], None if nearer is None else nearer > FAR, bool(own)
