"""What may leave, by whom, and that it did: every export is made when it is asked for, and written to the audit."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydicom.dataset import Dataset
from sqlalchemy import select
from sqlalchemy.orm import Session

from medcore import tasks
from medcore.clinic import worklist
from medcore.clinic.decoys import going_on, in_exercise
from medcore.clinic.explaining import Explaining
from medcore.clinic.reading import Reading
from medcore.clinic.views import AnswerView, AttributionView, User
from medcore.errors import Refused
from medcore.explain.health import REASONS
from medcore.export import Report, Said
from medcore.i18n import N_, _
from medcore.inputs import Input, Volume, parts_of
from medcore.learn.decision import withheld
from medcore.store import audit
from medcore.store.tables import AnswerRow, CaseTable, ReviewRow, Role, UserRow, now

Form = Literal["pdf", "fhir", "replay", "png", "talk", "maps", "secondary_capture", "segmentation", "cohort"]
Scope = Literal["own", "any"]

# Who may take what: of own cases (read by oneself), or of any whose answer one may see. What isn't named, may not.
MAY: Mapping[Form, Mapping[Role, Scope]] = {
    "pdf": {"reader": "own", "trainer": "any", "admin": "any"},
    "fhir": {"reader": "own", "trainer": "any", "admin": "any"},
    "replay": {"reader": "own", "trainer": "any", "admin": "any"},
    "png": {"reader": "any", "trainer": "any", "admin": "any"},
    "talk": {"reader": "any", "trainer": "any", "admin": "any"},
    "maps": {"reader": "any", "trainer": "any", "admin": "any"},
    "secondary_capture": {"trainer": "any", "admin": "any"},
    "segmentation": {"trainer": "any", "admin": "any"},
    "cohort": {"trainer": "any", "admin": "any"},
}
TITLES: Mapping[Form, str] = {
    "pdf": N_("Report, PDF"),
    "fhir": N_("Report, FHIR R4B"),
    "replay": N_("Replay bundle, ZIP"),
    "png": N_("Picture, PNG"),
    "talk": N_("All maps, HTML"),
    "maps": N_("All maps, NPZ"),
    "secondary_capture": N_("Picture, DICOM"),
    "segmentation": N_("Outlines, DICOM"),
    "cohort": N_("Cohort, CSV"),
}
NAMES: Mapping[Form, tuple[str, str]] = {  # end of the file's name, media type
    "pdf": (".pdf", "application/pdf"),
    "fhir": (".fhir.json", "application/fhir+json"),
    "replay": (".replay.zip", "application/zip"),
    "png": (".png", "image/png"),
    "talk": (".maps.html", "text/html"),
    "maps": (".maps.npz", "application/octet-stream"),
    "secondary_capture": (".dcm", "application/dicom"),
    "segmentation": (".seg.dcm", "application/dicom"),
    "cohort": (".csv", "text/csv"),
}
ON_EXPLAIN = ("png", "talk", "maps")  # offered beside the map
CHUNK = 500


@dataclass(frozen=True)
class Export:
    """A file to take away. Its name is made of the case's number and the task's name."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True)
class Offer:
    """Something that this user may take away. refusal: why it can't be made here, or None."""

    form: Form
    title: str
    name: str
    media_type: str
    refusal: Refused | None


class Exporting(Reading, Explaining):
    """From a case to a file."""

    def offers(self, user: User, case_id: int, task: str) -> list[Offer]:
        """What this user may take away of a case; nothing is made for it, and nothing leaves an exercise."""
        from medcore.export import pdf

        with self.database.read() as session:
            me = self._account(session, user, "export")
            number = self._case(session, case_id).number
            if in_exercise(going_on(session, me.id), case_id):
                return []
            forms = [
                form for form in MAY if form not in (*ON_EXPLAIN, "cohort") and _may(session, me, form, case_id, task)
            ]
            stored = [name for row in self._case(session, case_id).inputs for name in row.files]
            mine = (AnswerRow.case_id == case_id, AnswerRow.task == task)
            last = session.scalars(select(AnswerRow).where(*mine).order_by(AnswerRow.id.desc()).limit(1)).first()
        if last is not None and withheld(last.answer["unlike"]):  # there is no number to report
            forms = [form for form in forms if form == "replay"]
        grid = tasks.get(task).grid
        if not (grid and grid[0].kind == "volume" and any(name.endswith(".dcm") for name in stored)):
            forms = [form for form in forms if form != "segmentation"]  # no outlines, or no series that they could join
        lacking = {"pdf": pdf.missing()}
        return [Offer(form, _(TITLES[form]), *_named(form, number, task), lacking.get(form)) for form in forms]

    def export(
        self,
        user: User,
        case_id: int,
        task: str,
        form: Form,
        label: str | None = None,
        method: str | None = None,
        baseline: str = "",
    ) -> Export:
        """The answer of the version in use as a file. label, method, baseline: of the map; by default what the page
        shows.

        Refused where the answer is, where the role doesn't allow it, and where it can't be made here.
        """
        self.check_reportable(user, case_id)
        with self.database.read() as session:
            me = self._account(session, user, "export")
            self._check_revealed(session, me, case_id, task)
            if form == "cohort" or not _may(session, me, form, case_id, task):
                raise _not_yours()
        given = self.answer(user, case_id, task)
        if given.answer.withheld and form != "replay":
            raise Refused(
                _("This case is not like the training data; its answer holds no number to report."),
                _("Take the replay bundle, which says what was computed."),
            )
        report = self._gathered(user, given, label, method, baseline)
        data = self._made(report, given, form)
        self._note_export(user, form, f"case {case_id}", data, {"task": task, "answer": given.id})
        return Export(*_named(form, report.number, task), data)

    def cohort_offer(self, user: User) -> Offer | None:
        """The cohort, where this user's role may have it."""
        end, media_type = NAMES["cohort"]
        offer = Offer("cohort", _(TITLES["cohort"]), f"cohort{end}", media_type, None)
        return offer if user.role in MAY["cohort"] else None

    def export_cohort(self, user: User, text: str = "", kind: str = "", state: str = "") -> Export:
        """The cases of the worklist that match, as CSV. What a user who reads first may not know yet stays empty."""
        from medcore.export.cohort import csv_of

        with self.database.read() as session:
            me = self._account(session, user, "export")
            if me.role not in MAY["cohort"]:
                raise _not_yours()
            hidden = {case for case, _task in going_on(session, me.id)}
            found = session.scalars(worklist.ids(text, kind, state, "received", descending=False))
            chosen = [case for case in found if case not in hidden]
            data = csv_of(
                row for at in range(0, len(chosen), CHUNK) for row in _rows(session, me, chosen[at : at + CHUNK])
            )
        self._note_export(user, "cohort", "worklist", data, {"cases": len(chosen)})
        return Export(f"cohort{NAMES['cohort'][0]}", NAMES["cohort"][1], data)

    def _note_export(self, user: User, form: Form, subject: str, data: bytes, details: Mapping[str, object]) -> None:
        """To the audit, before the file goes out."""
        digest = hashlib.sha256(data).hexdigest()
        with self._writing(user, "export") as (session, me):
            audit.append(session, me.name, "export", subject, {"what": form, "sha256": digest, **details})

    def pictures(self, user: User, given: AnswerView, wide: int = 480) -> list[tuple[AttributionView, bytes]]:
        """Every map of an answer that was made so far, each with its picture, `wide` pixels, PNG: to be seen beside
        each other. Under the rule of the answer."""
        from medcore.export.picture import SCREEN, draw, encoded

        with self.database.read() as session:
            me = self._account(session, user, "answer")
            self._check_revealed(session, me, given.case_id, given.answer.task)
        report, out = self._without_map(user, given), []
        for found in self.attributions(given):
            drawn = draw(self._doubted(report, found), SCREEN)
            drawn.thumbnail((wide, 2 * wide))
            out.append((found, encoded(drawn)))
        return out

    @staticmethod
    def _doubted(report: Report, found: AttributionView) -> Report:
        """The report with that map, and why it isn't to be relied on."""
        why, failed = found.attribution, found.health.failed
        return replace(report, why=None if why.failure else why, doubt=_(REASONS[failed[0]]) if failed else "")

    def _gathered(
        self, user: User, given: AnswerView, label: str | None, method: str | None, baseline: str = ""
    ) -> Report:
        # As on the page: the finer map where the task has one.
        method = method or tasks.get(given.answer.task).refine or None
        found = self.explain(user, given.case_id, given.answer.task, label, method, baseline)
        return self._doubted(self._without_map(user, given), found)

    def _without_map(self, user: User, given: AnswerView) -> Report:
        task = given.answer.task
        with self.database.read() as session:
            me = self._account(session, user, "export")
            case = self._case(session, given.case_id)
            row = session.get_one(AnswerRow, given.id)
            inputs = self._taken(session, case.id, task)
            used = {part for one in inputs.values() for part in parts_of(one)}
            return Report(
                number=case.number,
                patient=case.patient.pseudonym,
                age_years=case.age_years,
                sex=case.sex,
                simulated=case.simulated,
                received=case.received,
                task=tasks.get(task),
                answer=given.answer,
                answered=given.at,
                inputs=inputs,
                quality=tuple(r for one in case.inputs if one.sha256 in used for r in one.remarks),
                why=None,
                mask=self._mask(row) if row.settings.get("mask") else None,
                reads=tuple(_said(*pair) for pair in _reads(session, me, [case.id]) if pair[0].task == task),
                made=now(),
            )

    def _made(self, report: Report, given: AnswerView, form: Form) -> bytes:
        """The file itself. Each format is imported when it is first asked for."""
        if form == "pdf":
            from medcore.export.pdf import pdf

            return pdf(report)
        if form == "fhir":
            from medcore.export.fhir import fhir

            return fhir(report)
        if form == "replay":
            from medcore.export.bundle import write

            with self.database.read() as session:
                settings = session.get_one(AnswerRow, given.id).settings
            return write(report, settings, self._cleaned(given.case_id, report.inputs))
        if form == "secondary_capture":
            from medcore.export.secondary_capture import secondary_capture
            from medcore.export.study import study_of

            return secondary_capture(report, study_of(report, self._headers(given.case_id, report.inputs), self.key))
        if form == "segmentation":
            return self._segmentation(report, given)
        if form in ("talk", "maps"):
            from medcore.export import talk

            maps = [(self._doubted(report, why), why.health.evidence) for why in self.attributions(given)]
            if not maps:
                raise Refused(_("There is no map of this answer yet."), _("Choose another method on Explain first."))
            return talk.html(maps) if form == "talk" else talk.npz(maps)
        from medcore.export.picture import png

        return png(report)

    def _segmentation(self, report: Report, given: AnswerView) -> bytes:
        from medcore.export.segmentation import segmentation
        from medcore.export.study import study_of

        sources = self._headers(given.case_id, report.inputs)
        volume = report.inputs.get(report.task.outcome.on)
        if report.mask is None or not isinstance(volume, Volume) or not sources:
            raise Refused(
                _("There are no outlines here that could join a DICOM study."), _("Take the picture instead.")
            )
        # Where several series were read together, the outline lies on the first.
        sources = [s for s in sources if s.get("SeriesInstanceUID") == sources[0].get("SeriesInstanceUID")]
        study = study_of(report, sources, self.key)
        labels = {label.name: _(label.title) for label in report.task.outcome.labels}
        return segmentation(report.mask, labels, volume.affine, study, given.answer.package, given.answer.package_hash)

    def _cleaned(self, case_id: int, inputs: Mapping[str, Input]) -> dict[str, dict[str, bytes]]:
        """By field the stored files of its input, by their stored names; of several that it joins, in folders."""
        with self.database.read() as session:
            rows = {row.sha256: dict(row.files) for row in self._case(session, case_id).inputs}
        return {
            field: {
                f"{i}/{name}" if len(parts) > 1 else name: self.files.get(sha)
                for i, part in enumerate(parts, 1)
                for name, sha in rows[part].items()
            }
            for field, parts in ((field, parts_of(given)) for field, given in inputs.items())
        }

    def _headers(self, case_id: int, inputs: Mapping[str, Input]) -> list[Dataset]:
        """Of the stored DICOM files of these inputs, without their pictures."""
        from medcore.export.study import header

        parts = (data for files in self._cleaned(case_id, inputs).values() for data in files.values())
        return [found for found in map(header, parts) if found is not None]


def _named(form: Form, number: str, task: str) -> tuple[str, str]:
    end, media_type = NAMES[form]
    return f"{number}-{task}{end}", media_type


def _may(session: Session, me: UserRow, form: Form, case_id: int, task: str) -> bool:
    scope = MAY[form].get(me.role)  # type: ignore[call-overload]
    if scope != "own":
        return scope is not None
    mine = (ReviewRow.user_id == me.id, ReviewRow.case_id == case_id, ReviewRow.task == task)
    return session.scalar(select(ReviewRow.id).where(*mine).limit(1)) is not None


def _not_yours() -> Refused:
    return Refused(
        _("Your role doesn't allow this export."),
        _("Readers may export what they have read themselves; ask a trainer or an administrator for more."),
    )


def _reads(session: Session, me: UserRow, case_ids: Sequence[int]) -> list[tuple[ReviewRow, AnswerRow | None]]:
    """Reads of these cases that may leave with this user, as given: the one place where decoys are left out, and
    what other readers said of a case that this one reads first and has not reviewed."""
    rows = session.execute(
        select(ReviewRow, AnswerRow)
        .outerjoin(AnswerRow, ReviewRow.answer_id == AnswerRow.id)
        .where(ReviewRow.case_id.in_(case_ids), ReviewRow.decoy.is_(False))
        .order_by(ReviewRow.id)
    ).all()
    done = {(r.case_id, r.task) for r, _answer in rows if r.user_id == me.id and r.stage == "final"}
    return [(r, answer) for r, answer in rows if r.user_id == me.id or not me.read_first or (r.case_id, r.task) in done]


def _said(row: ReviewRow, answer: AnswerRow | None) -> Said:
    package = str(answer.answer["package"]) if answer else ""
    return Said(row.user.name, row.stage, row.choice, row.confidence, row.agrees, row.at, package, row.shown)  # type: ignore[arg-type]


def _rows(session: Session, me: UserRow, case_ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    """The cohort's rows of these cases, in this order."""
    cases = {c.id: c for c in session.scalars(select(CaseTable).where(CaseTable.id.in_(case_ids)))}
    reads: dict[tuple[int, str], dict[str, dict[str, Said]]] = {}
    for row, answer in _reads(session, me, case_ids):
        reads.setdefault((row.case_id, row.task), {}).setdefault(row.user.name, {})[row.stage] = _said(row, answer)
    answers: dict[tuple[int, str], AnswerRow] = {}
    for given in session.scalars(select(AnswerRow).where(AnswerRow.case_id.in_(case_ids)).order_by(AnswerRow.id)):
        answers[given.case_id, given.task] = given
    for case_id in case_ids:
        case = cases[case_id]
        asked = [task for c, task in {**answers, **reads} if c == case_id] or [case.task or ""]
        for task in sorted(asked):
            people = reads.get((case_id, task), {})
            known = not me.read_first or me.name in people
            said = _answered(answers.get((case_id, task)) if known else None)
            for reader, stages in sorted(people.items()) or [("", {})]:
                for label in said:
                    yield {**_about(case), "task": task, **label, "reader": reader, **_read_columns(stages)}


def _about(case: CaseTable) -> dict[str, Any]:
    return {
        "case": case.number,
        "patient": case.patient.pseudonym,
        "age_years": case.age_years,
        "sex": case.sex,
        "kind": case.kind,
        "simulated": case.simulated,
        "received": case.received.isoformat(timespec="seconds"),
    }


def _answered(row: AnswerRow | None) -> list[dict[str, Any]]:
    """A label a row; one empty row where there is no answer, or none that may be known."""
    if row is None:
        return [{}]
    given = row.answer
    head = {
        "package": given["package"],
        "package_hash": row.package_hash,
        "answered": row.at.isoformat(timespec="seconds"),
        "choice": row.choice or "none",
    }
    if withheld(given["unlike"]):
        return [{name: value for name, value in head.items() if name != "choice"}]
    out = []
    for label, p in given["probabilities"].items():
        low, high = given["ranges"].get(label, (None, None))
        cut = given["thresholds"].get(label)
        out.append({**head, "label": label, "probability": p, "low": low, "high": high, "threshold": cut})
    return out


def _read_columns(stages: Mapping[str, Said]) -> dict[str, Any]:
    first, final = stages.get("first"), stages.get("final")
    out: dict[str, Any] = {}
    if first:
        out |= {"first_read": first.choice or "cant_tell", "first_confidence": first.confidence}
        out |= {"first_at": first.at.isoformat(timespec="seconds"), "first_blind": not first.shown}
    if final:
        out |= {"final_read": final.choice or ("none" if final.settled else "cant_tell"), "final_agrees": final.agrees}
        out |= {"final_at": final.at.isoformat(timespec="seconds"), "final_package": final.package}
    return out
