"""From files to cases: decoded aside, de-identified, stored all or not at all."""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from medcore.clinic.shelf import Fit, Shelf, fits, shape
from medcore.clinic.views import Admission, Refusal, User
from medcore.errors import Refused, Unasked
from medcore.i18n import _, in_english
from medcore.inputs import Input, Outlines, Volume, sha256
from medcore.inputs.outlines import MOST
from medcore.measure import quality
from medcore.readers import Found, files_of, read
from medcore.readers.dicom_file import study_of
from medcore.store import audit, identity
from medcore.store.tables import AuditRow, CaseTable, InputRow, PatientRow, StoredFile, UserRow, now

LOOKED_BACK = 5000  # rows of the audit among which a user's last upload is looked for
PREFIX = {"record": "REC", "image": "FILM", "signal": "ECG", "volume": "VOL"}


@dataclass(frozen=True)
class Piece:
    """An input on its way in, with the files that give it again. stored: their hashes, once they lie in the store."""

    input: Input
    sha256: str
    files: Mapping[str, bytes] = field(repr=False)
    remarks: tuple[str, ...] = ()
    stored: dict[str, str] = field(default_factory=dict)


@dataclass
class Arrival:
    """A case on its way in."""

    pieces: list[Piece]
    person: str | None = field(repr=False)
    label: str = field(repr=False)
    fits: list[Fit] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return self.pieces[0].input.kind


class Admissions(Shelf):
    """Takes cases in."""

    @in_english()
    def admit(
        self, user: User, files: dict[str, bytes], mapping: dict[str, str] | None = None, source: str = "upload"
    ) -> Admission:
        """Everything that `files` (by name as uploaded) hold, as cases: one for each patient and kind of input,
        one for each row of a table. What can't be taken is told file by file, and the rest is taken.

        mapping: table column → record column. The names of the files are neither stored nor logged.
        """
        from medcore.readers import decode_each

        with self.database.read() as session:
            self._account(session, user, "admit")
        reading = decode_each(files, key=self.key, mapping=mapping)
        # A foreign file beside good ones in a ZIP (a readme, a picture of the disc) is no news.
        told = [r for r in reading.refused if not (reading.found and r.foreign and r.packed)]
        refused = [Refusal(r.name, r.error.sentence, r.error.remedy) for r in told]
        arrivals = []
        laid = [f for f in reading.found if f.input.kind == "outlines"]
        rest = [f for f in reading.found if f.input.kind != "outlines"]
        for arrival in _arrivals(rest):
            arrival.fits = fits([p.input for p in arrival.pieces])
            refusal = _refusal(arrival.fits)
            if refusal:
                refused.append(Refusal(arrival.label, refusal.sentence, refusal.remedy))
            else:
                arrivals.append(arrival)
        taken = self._take(user, arrivals, source, laid)
        return replace(taken, refused=(*refused, *taken.refused))

    @in_english()
    def admit_inputs(
        self, user: User, inputs: Sequence[Input], person: str | None = None, source: str = "typed"
    ) -> int:
        """One case of inputs that came in no file (typed, simulated); gives the case that has them already, if any."""
        pieces = [_piece(given) for given in inputs]
        arrival = Arrival(pieces, person, "", fits([p.input for p in pieces]))
        refusal = _refusal(arrival.fits)
        if refusal:
            raise refusal
        taken = self._take(user, [arrival], source)
        return (taken.cases or taken.known)[0]

    def last_admitted(self, user: User) -> list[int]:
        """The cases that this user's last upload brought, as far as they are still here: the audit tells."""
        with self.database.read() as session:
            me = self._account(session, user, "admit")
            end = session.scalar(select(func.max(AuditRow.id))) or 0
            mine = (AuditRow.id > end - LOOKED_BACK, AuditRow.user == me.name, AuditRow.action == "admit")
            rows = session.scalars(select(AuditRow).where(*mine).order_by(AuditRow.id.desc()))
            uploads = [(int(row.subject.removeprefix("case ")), json.loads(row.details)) for row in rows]
            together = [(case, about.get("with", case)) for case, about in uploads if about["source"] == "upload"]
            found = {case for case, first in together if first == together[0][1]}
            return list(session.scalars(select(CaseTable.id).where(CaseTable.id.in_(found)).order_by(CaseTable.id)))

    def _take(self, user: User, arrivals: Sequence[Arrival], source: str, laid: Sequence[Found] = ()) -> Admission:
        """Files first, then all rows in one transaction; on any failure neither. laid: outlines, each for the case that
        has the series on which they lie, new or known."""
        cases: list[int] = []
        known: list[int] = []
        remarks: list[str] = []
        refused: list[Refusal] = []
        outlines = [(found.case, _piece_of(found)) for found in laid]
        loaded: list[tuple[tuple[int, str], Input]] = []
        put: set[str] = set()
        try:
            for piece in (*(p for arrival in arrivals for p in arrival.pieces), *(p for _name, p in outlines)):
                for name, data in piece.files.items():
                    piece.stored[name] = self.files.put(data)
                    put.add(piece.stored[name])
            with self._writing(user, "admit") as (session, me):
                for arrival in arrivals:
                    other = _known(session, self.key, arrival)
                    if other:
                        known.append(other.id)
                        remarks.append(_("This is here already, as {number}.").format(number=other.number))
                        continue
                    case = self._add(session, me, arrival, source, cases[:1])
                    cases.append(case.id)
                    pairs = zip(case.inputs, arrival.pieces, strict=True)
                    loaded += [((row.id, row.sha256), piece.input) for row, piece in pairs]
                    remarks += [r for p in arrival.pieces for r in p.remarks]
                    remarks += [r for f in arrival.fits[:1] for r in f.remarks]
                    if not arrival.fits or arrival.fits[0].taken is None:
                        remarks.append(
                            _("No task here can answer {number}; it can be viewed.").format(number=case.number)
                        )
                for name, piece in outlines:
                    try:
                        case, remark = self._lay(session, me, piece, source, cases[:1])
                    except Refused as refusal:
                        refused.append(Refusal(name, refusal.sentence, refusal.remedy))
                        continue
                    remarks += [remark, *piece.remarks]
                    if case.id not in (*cases, *known):
                        known.append(case.id)
        except BaseException:
            self._sweep(put)
            raise
        if known or refused:
            self._sweep(put)
        for key, given in loaded[-20:]:
            self._remember(key, given)
        return Admission(tuple(cases), tuple(known), tuple(dict.fromkeys(remarks)), tuple(refused))

    def _add(self, session: Session, me: UserRow, arrival: Arrival, source: str, before: Sequence[int]) -> CaseTable:
        """before: the first case of the same upload, if this is a further one."""
        inputs = [p.input for p in arrival.pieces]
        first = arrival.fits[0] if arrival.fits and arrival.fits[0].taken is not None else None
        last = session.scalar(select(func.max(CaseTable.running)).where(CaseTable.kind == arrival.kind)) or 0
        age, sex = _age_and_sex(inputs)
        case = CaseTable(
            number=f"{PREFIX[arrival.kind]}-{last + 1:04d}",
            running=last + 1,
            kind=arrival.kind,
            task=first.task.name if first else None,
            patient=_patient(session, self.key, arrival.person),
            age_years=age,
            sex=sex,
            state="to_read" if first else "unanswerable",
            source=source,
            simulated=any(given.facts.get("simulated") for given in inputs),
            received=now(),
            inputs=[self._row(session, p, i) for i, p in enumerate(arrival.pieces)],
        )
        session.add(case)
        session.flush()
        details = {"source": source, "kind": case.kind, "inputs": len(inputs), "with": [*before, case.id][0]}
        audit.append(session, me.name, "admit", f"case {case.id}", details)
        return case

    def _row(self, session: Session, piece: Piece, position: int) -> InputRow:
        return InputRow(
            position=position,
            kind=piece.input.kind,
            sha256=piece.sha256,
            files={name: self._shelve(session, piece.files[name], sha) for name, sha in piece.stored.items()},
            facts=dict(piece.input.facts),
            remarks=list(piece.remarks),
            shape=shape(piece.input),
        )

    def _lay(
        self, session: Session, me: UserRow, piece: Piece, source: str, before: Sequence[int]
    ) -> tuple[CaseTable, str]:
        """Outlines become one more input of the newest case that has the series on which they lie: that case, and what
        is to be said. Raises Refused where there is none, or as many segments there as are shown."""
        assert isinstance(piece.input, Outlines)
        session.flush()
        case = self._drawn_on(session, piece.input)
        if case is None:
            raise Refused(
                _("These outlines lie on no series that is here."),
                _("Upload them together with the series that they were drawn on."),
            )
        if any(row.sha256 == piece.sha256 for row in case.inputs):
            return case, _("This is here already, as {number}.").format(number=case.number)
        segments = sum(len(held.names) for held in self._outlines(case))
        if segments + len(piece.input.names) > MOST:
            raise Refused(
                _("{number} has {n} outlined segments already; at most {most} are shown together.").format(
                    number=case.number, n=segments, most=MOST
                ),
                _("Export the segments that matter as one DICOM SEG."),
            )
        case.inputs.append(row := self._row(session, piece, len(case.inputs)))
        session.flush()
        # Alone they are an upload of their own, not a further part of the one that brought the case.
        together = before[0] if before else f"input {row.id}"
        details = {"source": source, "kind": "outlines", "inputs": 1, "with": together}
        audit.append(session, me.name, "admit", f"case {case.id}", details)
        return case, _("The outlines are shown over {number}.").format(number=case.number)

    def _drawn_on(self, session: Session, given: Outlines) -> CaseTable | None:
        """The newest case with a series of that study on which each of the outlines' slices has its place."""
        rows = session.scalars(select(InputRow).where(InputRow.kind == "volume").order_by(InputRow.id.desc()))
        for row in rows:
            name, sha = next(iter(row.files.items()))
            if tuple(row.shape[2:]) != given.bits.shape[1:] or not name.endswith(".dcm"):
                continue
            with suppress(Refused):  # a file that is gone is another case's trouble
                if study_of(self.files.get(sha)) == given.study:
                    volume = self._load(row)
                    if isinstance(volume, Volume) and given.on(volume) is not None:
                        return row.case
        return None

    def sweep(self) -> None:
        """Removes files that no row refers to: what a process that was killed while it stored them has left."""
        with self.database.read() as session:
            known = set(session.scalars(select(StoredFile.sha256)))
        self._sweep(set(self.files.all()) - known)
        self.files.remove_drafts()

    def _sweep(self, put: set[str]) -> None:
        """Removes those of these files that no row refers to."""
        if not put:
            return
        with self.database.write() as session:
            for sha in put:
                if session.get(StoredFile, sha) is None:
                    self.files.remove(sha)


def _piece(given: Input) -> Piece:
    """An input with a file of our own, read back from it: so what is stored is what is answered, and names nobody."""
    files = files_of(given)
    try:
        again = read(files)[0].input
    except Refused:
        raise Refused(
            _("A value of this record is very long, or looks like a date, a telephone number or an address."),
            _("Leave out what could name somebody."),
        ) from None
    return Piece(again, sha256(again), files, quality.remarks(again))


def _piece_of(f: Found) -> Piece:
    return Piece(f.input, sha256(f.input), f.files, (*f.remarks, *quality.remarks(f.input)))


def _arrivals(found: Sequence[Found]) -> list[Arrival]:
    """One a patient and kind, and for volumes a day; where files name nobody, one a file; one a row of a table."""
    grouped: dict[tuple[object, ...], Arrival] = {}
    for i, f in enumerate(found):
        same = f.person if f.person is not None else frozenset(map(_digest, f.files.values()))
        day = f.input.facts.get("acquired") if f.input.kind == "volume" else None
        key = (i,) if f.input.kind == "record" else (f.input.kind, same, day)
        piece = _piece_of(f)
        arrival = grouped.setdefault(key, Arrival([], f.person, f.case))
        if all(piece.sha256 != p.sha256 for p in arrival.pieces):
            arrival.pieces.append(piece)
    return list(grouped.values())


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _refusal(found: Sequence[Fit]) -> Refused | None:
    """Why no task takes it, where some task asks about its like. What no task asks about may still be viewed."""
    if any(f.taken is not None for f in found):
        return None
    return next((f.refusal for f in found if f.refusal and not isinstance(f.refusal, Unasked)), None)


def _known(session: Session, key: bytes, arrival: Arrival) -> CaseTable | None:
    """The case that holds all of this already. Two people may have equal records, but not equal films or signals."""
    holds = select(CaseTable)
    for piece in arrival.pieces:
        holds = holds.where(CaseTable.inputs.any(InputRow.sha256 == piece.sha256))
    if arrival.kind == "record" and arrival.person is not None:
        holds = holds.join(PatientRow).where(PatientRow.pseudonym == identity.pseudonym(key, arrival.person))
    return session.scalars(holds.order_by(CaseTable.id).limit(1)).first()


def _patient(session: Session, key: bytes, person: str | None) -> PatientRow:
    """The patient of that identity; a new one where nobody is named."""
    name = identity.pseudonym(key, person if person is not None else secrets.token_hex(16))
    row = session.scalar(select(PatientRow).where(PatientRow.pseudonym == name))
    return row or PatientRow(pseudonym=name)


def _age_and_sex(inputs: Sequence[Input]) -> tuple[float | None, str]:
    """From the facts, for the worklist."""
    age = next((float(g.facts["age_years"]) for g in inputs if g.facts.get("age_years")), None)
    return age, next((g.facts["sex"] for g in inputs if g.facts.get("sex")), "")
