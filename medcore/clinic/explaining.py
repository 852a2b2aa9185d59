"""Why the machine says so, and whether to believe that."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from medcore import checks, jobs, tasks
from medcore.clinic.answering import Answering
from medcore.clinic.views import AnswerView, AttributionView, Health, User
from medcore.errors import Refused
from medcore.explain.truth import share_outside
from medcore.i18n import _, in_english
from medcore.inputs import Image, Input, sha256
from medcore.jobs import Job
from medcore.learn.predict import Answer
from medcore.settings import Settings
from medcore.store import audit, pack
from medcore.store.tables import AnswerRow, AttributionRow, EvidenceRow, InputRow, JobRow, UserRow

if TYPE_CHECKING:
    from medcore.explain import Attribution
    from medcore.packages import Package


@dataclass(frozen=True)
class Mapped:
    """An attribution that is not kept yet. method, baseline: as they were asked for; blob: its maps, packed."""

    why: "Attribution"
    method: str
    baseline: str
    blob: bytes


PICTURE = "picture:"  # in a blob, before the names of what is averaged over cases
LUNG_OUTLINES = 16  # of the last films that were explained


class Explaining(Answering):
    """Attributions: each computed once for an answer, and its evidence measured by a worker."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._lung_outlines: OrderedDict[str, np.ndarray | None] = OrderedDict()

    @in_english()
    def explain(
        self,
        user: User,
        case_id: int,
        task: str,
        label: str | None = None,
        method: str | None = None,
        baseline: str = "",
    ) -> AttributionView:
        """Why the version in use answers so: for `label` (else the likeliest) by `method` (else the task's first),
        compared with `baseline` (else the usual one). Refused where the answer is. Whether the map may be believed is
        measured by a worker."""
        given = self.answer(user, case_id, task)
        said = given.answer.probabilities
        label = label or max(said, key=lambda name: said[name])
        method = method or tasks.get(task).explain[0]
        package = self._package_of(given.answer.package_hash)
        # One at a time for a package: the methods hang hooks into its nets.
        with self._once(("explain", package.hash)):
            found = self._attribution(given.id, label, method, baseline)
            if found is None:
                return self._explain(user, given, package, label, method, baseline)
        if found.health.state == "unasked" and not found.attribution.failure:
            return self._measured_too(user, found)
        return found

    def health(self, user: User, attribution_id: int) -> Health:
        """Whether to believe an attribution, as far as it is known by now; under the same rule as its answer."""
        with self.database.read() as session:
            return _health(session, self._seen(session, user, attribution_id))

    def attributions(self, given: AnswerView) -> list[AttributionView]:
        """Every map of an answer that was made so far, by label, then in the order in which they were asked for."""
        with self.database.read() as session:
            rows = session.execute(
                select(AttributionRow.label, AttributionRow.method, AttributionRow.baseline)
                .where(AttributionRow.answer_id == given.id)
                .order_by(AttributionRow.label, AttributionRow.id)
            ).all()
        found = [self._attribution(given.id, *row) for row in rows]
        return [view for view in found if view and not view.attribution.failure]

    def truth_scores(self, package_hash: str) -> dict[str, Any]:
        """How well a version's maps find what is known of where it lies, as far as its card holds it: `methods` (what
        people marked) and `lungs` of `explain-report`, and `simulated` (what the simulator put there)."""
        found = checks.stored(self._package_of(package_hash)) or {}
        return dict(found.get("truth", {}))

    def map_bytes(self, user: User, attribution_id: int) -> bytes:
        """An attribution's map, packed, under the same rule as the answer it belongs to."""
        with self.database.read() as session:
            row = self._seen(session, user, attribution_id)
        return self.files.get(row.file)

    def _seen(self, session: Session, user: User, attribution_id: int) -> AttributionRow:
        """The attribution, if its answer may reach this user."""
        me = self._account(session, user, "answer")
        row = session.get(AttributionRow, attribution_id)
        if row is None:
            raise Refused(_("There is no such map."), _("Open its case from the worklist."))
        answered = session.get_one(AnswerRow, row.answer_id)
        self._check_revealed(session, me, answered.case_id, answered.task)
        return row

    def _attribution(self, answer_id: int, label: str, method: str, baseline: str) -> AttributionView | None:
        from medcore.explain import Attribution

        with self.database.read() as session:
            mine = (AttributionRow.answer_id == answer_id, AttributionRow.label == label)
            how = (AttributionRow.method == method, AttributionRow.baseline == baseline)
            row = session.scalars(select(AttributionRow).where(*mine, *how)).one_or_none()
            if row is None:
                return None
            health = _health(session, row)
        header, maps = pack.unpack(self.files.get(row.file))
        about = dict(row.about)
        told = about.pop("words", None)  # of a release that kept but the first parts
        about["parts"] = tuple((str(title), float(share)) for title, share in told or about["parts"])
        values = {field: maps[name] for name, field in header["fields"].items()}
        return AttributionView(row.id, answer_id, Attribution(**about, values=values), row.at, health)

    def _explain(
        self, user: User, given: AnswerView, package: "Package", label: str, method: str, baseline: str
    ) -> AttributionView:
        with self.database.read() as session:
            inputs = self._taken(session, given.case_id, given.answer.task)
            me = self._account(session, user, "explain")
        made = self._mapped(package, inputs, label, method, baseline)
        with self.database.write() as session:
            row = self._keep_map(session, me, given.case_id, given.id, made)
            if not made.why.failure:
                _measure(session, row.id, me)
        stored = self._attribution(given.id, label, method, baseline)
        assert stored is not None
        return stored

    def _measured_too(self, user: User, found: AttributionView) -> AttributionView:
        """A map that a worker made among many has no evidence yet: now that somebody looks at it, it is measured."""
        with self.database.write() as session:
            _measure(session, found.id, self._account(session, user, "explain"))
            return replace(found, health=_health(session, session.get_one(AttributionRow, found.id)))

    def _mapped(
        self, package: "Package", inputs: Mapping[str, Input], label: str, method: str, baseline: str = ""
    ) -> "Mapped":
        """An attribution, told by region, and its maps in one blob."""
        from medcore.explain import explain

        why = explain(package, inputs, label, method, self.settings.device, baseline)
        why, spots = self._by_region(inputs, why)
        return Mapped(why, method, baseline, _packed(why, inputs, spots))

    def _keep_map(self, session: Session, me: UserRow, case_id: int, answer_id: int, made: "Mapped") -> AttributionRow:
        """Its row, or the one that another process has made meanwhile."""
        which = {"label": made.why.label, "method": made.method, "baseline": made.baseline}
        known = session.scalar(select(AttributionRow).filter_by(answer_id=answer_id, **which))
        if known is not None:
            return known
        about = {k: v for k, v in asdict(made.why).items() if k != "values"}
        sha = self._shelve(session, made.blob)
        row = AttributionRow(answer_id=answer_id, **which, about=about, file=sha, user_id=me.id)
        session.add(row)
        session.flush()
        details = {"answer": answer_id, "attribution": row.id, "label": made.why.label, "method": made.method}
        audit.append(session, me.name, "explain", f"case {case_id}", details)
        return row

    def _by_region(
        self, inputs: Mapping[str, Input], why: "Attribution"
    ) -> "tuple[Attribution, list[dict[str, float]]]":
        """A film's map told by regions of its lungs, with the share that lies outside; and where each of those regions
        that are told is marked most. Other attributions as they are."""
        from medcore.explain.regions import mirrored, regions, sides, spot

        films = [(name, given) for name, given in inputs.items() if isinstance(given, Image) and name in why.values]
        if len(films) != 1:
            return why, []
        ((name, film),) = films
        small, outline = pack.shrink(why.values[name], pack.MAP_SIDE)[0], self._lungs(film, sha256(film))
        lungs = outside = None
        if outline is not None:
            lungs, outside = sides(outline), share_outside(small, outline)
        found = regions(small, lungs, mirrored(film))
        why = replace(why, outside=outside, parts=tuple((region.title, region.share) for region in found))
        spots = [(*spot(small, region), region.share) for region in found[: len(why.words)]]
        return why, [dict(zip(("x", "y", "radius", "share"), one, strict=True)) for one in spots]

    def film_remarks(self, user: User, input_id: int) -> tuple[str, ...]:
        """What the outline of the lungs says against a film, in sentences that are not stored; () for other inputs, and
        where nothing outlines them. It takes a pass of that task's nets, once."""
        from medcore.explain.regions import remarks

        with self.database.read() as session:
            self._account(session, user, "case")
            row = session.get(InputRow, input_id)
            if row is None or row.kind != "image":
                return ()
        film = self._load(row)
        outline = self._lungs(film, row.sha256) if isinstance(film, Image) else None
        return () if outline is None else remarks(outline)

    def _lungs(self, film: Image, sha: str) -> np.ndarray | None:
        """(rows, columns) bool: the lungs on a film of this hash, as the task of that role outlines them, at most
        MAP_SIDE a side as maps are kept; None where it can't."""
        from medcore.explain.regions import outlined

        task = tasks.by_role("lung_regions")
        if task is not None and sha not in self._lung_outlines:
            try:
                found = outlined(self.in_use(task.name), film, self.settings.device)
            except Refused:  # no version answers
                return None
            small = None if found is None else pack.shrink(found.astype(np.float32), pack.MAP_SIDE)[0] >= 0.5
            self._lung_outlines[sha] = small
            while len(self._lung_outlines) > LUNG_OUTLINES:
                self._lung_outlines.popitem(last=False)
        return self._lung_outlines.get(sha)

    def _weigh(self, job: Job, stop: Callable[[], None]) -> None:
        """A worker's part: evidence on the attribution that the job names."""
        from medcore.explain import METHODS, attributed
        from medcore.explain.asking import ask
        from medcore.explain.health import measure

        with self.database.read() as session:
            row = session.get_one(AttributionRow, job.args["attribution"])
            answered = session.get_one(AnswerRow, row.answer_id)
            given = Answer.from_json(answered.answer)
            inputs = self._taken(session, answered.case_id, answered.task)
        started, package = time.perf_counter(), self._package_of(answered.package_hash)
        question = ask(package, inputs, row.label, given.device, row.baseline)
        maps = {}
        for name in dict.fromkeys((row.method, *package.task.explain)):
            stop()
            found = attributed(question, METHODS[name])
            if not isinstance(found, str):
                maps[name] = found
        own = maps.pop(row.method)
        evidence = measure(question, METHODS[row.method], own, maps, stop)
        with self.database.write() as session:
            if not jobs.finish(session, job):  # the attribution of this number may be another by now
                raise jobs.Lost
            session.merge(
                EvidenceRow(
                    attribution_id=row.id,
                    evidence=evidence.to_json(),
                    limits=checks.limits(package),
                    seconds=time.perf_counter() - started,
                )
            )


def _measure(session: Session, attribution_id: int, me: UserRow) -> None:
    """Has a worker measure the evidence on a map, once: one that couldn't be measured isn't tried again."""
    if session.scalar(_evidence_job(JobRow.id, attribution_id)) is None:
        jobs.enqueue(session, "evidence", {"attribution": attribution_id}, me.id)


def _evidence_job(what: Any, attribution_id: int) -> Any:
    """`what` of the job that measures an attribution: there is at most one."""
    mine = JobRow.args["attribution"].as_integer() == attribution_id
    return select(what).where(JobRow.kind == "evidence", mine).limit(1)


def _health(session: Session, row: AttributionRow) -> Health:
    """What is known of whether to believe an attribution."""
    from medcore.explain.health import Evidence, failed

    found = session.get(EvidenceRow, row.id)
    if found:
        evidence = Evidence(**found.evidence)
        return Health("known", failed(evidence, found.limits), evidence, found.limits)
    state = session.scalar(_evidence_job(JobRow.state, row.id))
    return Health("unasked" if state is None else "measuring" if state in ("queued", "running") else "unknown")


def _packed(why: "Attribution", inputs: Mapping[str, Input], spots: list[dict[str, float]]) -> bytes:
    """All maps of an attribution in one blob: that of the first field as `map`, of further ones as `map_2` …; and as
    `picture:…` what its case brings to an average (medcore.explain.whole.picture_of).

    A picture's map is averaged to at most MAP_SIDE a side: finer than what the nets see, and a 50th of the bytes.
    spots: of a film, where the regions of its words are marked most (`regions` in the header).
    """
    from medcore.explain.whole import picture_of

    maps: dict[str, np.ndarray] = {}
    fields: dict[str, str] = {}
    for i, (field, values) in enumerate(why.values.items(), 1):
        small = pack.shrink(values, pack.MAP_SIDE)[0] if inputs[field].kind == "image" else values
        name = "map" if i == 1 else f"map_{i}"
        maps[name], fields[name] = np.asarray(small, np.float32), field
    shape = next((list(v.shape) for v in why.values.values()), [])
    header = {"label": why.label, "method": why.method, "gap": why.gap, "baseline": why.baseline, "regions": spots}
    drawn = picture_of(inputs, {field: maps[name] for name, field in fields.items()})
    pictures = {f"{PICTURE}{name}": picture.astype(np.float32) for name, picture in drawn.items()}
    return pack.pack({**header, "failure": why.failure, "fields": fields, "shape": shape}, {**maps, **pictures})
