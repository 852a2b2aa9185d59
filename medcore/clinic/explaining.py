"""Why the machine says so, and whether to believe that."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
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
from medcore.inputs import Input
from medcore.jobs import Job
from medcore.learn.predict import Answer
from medcore.store import audit, pack
from medcore.store.tables import AnswerRow, AttributionRow, EvidenceRow, JobRow

if TYPE_CHECKING:
    from medcore.explain import Attribution
    from medcore.packages import Package


class Explaining(Answering):
    """Attributions: each computed once for an answer, and its evidence measured by a worker."""

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
            return found or self._explain(user, given, package, label, method, baseline)

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
        """How well a version's maps find what people marked: `methods` and `lungs` of `explain-report`, where its card
        holds them."""
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
        about["words"] = tuple((str(title), float(share)) for title, share in about["words"])
        values = {header["fields"][name]: values for name, values in maps.items()}
        return AttributionView(row.id, answer_id, Attribution(**about, values=values), row.at, health)

    def _explain(
        self, user: User, given: AnswerView, package: "Package", label: str, method: str, baseline: str
    ) -> AttributionView:
        from medcore.explain import explain

        with self.database.read() as session:
            inputs = self._taken(session, given.case_id, given.answer.task)
        why = explain(package, inputs, label, method, self.settings.device, baseline)
        why = replace(why, outside=self._outside_lungs(inputs, why.values))
        blob = _packed(why, inputs)
        about = {k: v for k, v in asdict(why).items() if k != "values"}
        with self._writing(user, "explain") as (session, me):
            sha = self._shelve(session, blob)
            row = AttributionRow(
                answer_id=given.id, label=label, method=method, baseline=baseline, about=about, file=sha, user_id=me.id
            )
            session.add(row)
            session.flush()
            details = {"answer": given.id, "attribution": row.id, "label": label, "method": method}
            audit.append(session, me.name, "explain", f"case {given.case_id}", details)
            if not why.failure:
                jobs.enqueue(session, "evidence", {"attribution": row.id}, me.id)
        stored = self._attribution(given.id, label, method, baseline)
        assert stored is not None
        return stored

    def _outside_lungs(self, inputs: Mapping[str, Input], values: Mapping[str, np.ndarray]) -> float | None:
        """Share of a film's map that lies outside the lungs, as the task of that role outlines them; None for other
        inputs, and where it can't outline them."""
        from medcore.learn.predict import answer

        task = tasks.by_role("lung_regions")
        maps = [(given, values[name]) for name, given in inputs.items() if given.kind == "image" and name in values]
        if task is None or len(maps) != 1:
            return None
        ((given, found),) = maps
        try:
            said = answer(self.in_use(task.name), dict.fromkeys(task.fields, given), device=self.settings.device)
        except Refused:  # no version answers, or the film is not one that it takes
            return None
        if said.mask is None or not said.mask.any():
            return None
        return share_outside(found, np.asarray(said.mask.any(0)))

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


def _health(session: Session, row: AttributionRow) -> Health:
    """What is known of whether to believe an attribution."""
    from medcore.explain.health import Evidence, failed

    found = session.get(EvidenceRow, row.id)
    if found:
        evidence = Evidence(**found.evidence)
        return Health("known", failed(evidence, found.limits), evidence, found.limits)
    going = (JobRow.state.in_(("queued", "running")), JobRow.kind == "evidence")
    mine = JobRow.args["attribution"].as_integer() == row.id
    job = session.scalar(select(JobRow.id).where(*going, mine).limit(1))
    return Health("unknown" if job is None else "measuring")


def _packed(why: "Attribution", inputs: Mapping[str, Input]) -> bytes:
    """All maps of an attribution in one blob: that of the first field as `map`, of further ones as `map_2` …

    A picture's map is averaged to at most MAP_SIDE a side: finer than what the nets see, and a 50th of the bytes.
    """
    maps: dict[str, np.ndarray] = {}
    fields: dict[str, str] = {}
    for i, (field, values) in enumerate(why.values.items(), 1):
        small = pack.shrink(values, pack.MAP_SIDE)[0] if inputs[field].kind == "image" else values
        name = "map" if i == 1 else f"map_{i}"
        maps[name], fields[name] = np.asarray(small, np.float32), field
    shape = next((list(v.shape) for v in why.values.values()), [])
    header = {"label": why.label, "method": why.method, "gap": why.gap, "baseline": why.baseline}
    return pack.pack({**header, "failure": why.failure, "fields": fields, "shape": shape}, maps)
