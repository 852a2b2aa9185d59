"""Maps of cases that the nets never saw: which of them may be believed, and how well they find what people marked."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medcore.checks.answered import Row, Section
from medcore.checks.pictures import fitted, outline
from medcore.datasets.sample import Sample
from medcore.errors import Refused
from medcore.explain import METHODS, attributed, methods, placed
from medcore.explain.asking import ask
from medcore.explain.controls import EdgeMap, OtherLabel, RandomMap
from medcore.explain.health import MEASURES, Evidence, calibrated, measure, measure_title, passing
from medcore.explain.truth import control_maps, scores
from medcore.i18n import N_, _
from medcore.inputs import Input, Record
from medcore.learn.batches import encode
from medcore.learn.devices import pick
from medcore.learn.evaluate import never_saw
from medcore.outcomes.metrics import bootstrap
from medcore.packages import Package

if TYPE_CHECKING:
    from medcore.explain.attribution import Method, Question

CASES = 40  # that limits are set by
MOST = 200  # marked cases of which every map is held against its place; of more, those of CASES patients
SIMULATED, SEED = 60, 2_000_000  # cases of a seed that neither a training nor a comparison takes
TRUTHS = ("pointing", "inside", "iou")


def asked(
    package: Package, samples: Sequence[Sample], device: str
) -> "Iterator[tuple[Sample, dict[str, Input], Question]]":
    """Each sample that some net never saw, and the question that those nets are asked of its likeliest label."""
    for sample in samples:
        inputs = sample.load()
        unseen = np.flatnonzero(never_saw(package, encode(package.task, [sample]))[:, 0]).tolist()
        if unseen:
            yield sample, inputs, ask(package, inputs, None, device, which=unseen)


def drawn(samples: Sequence[Sample], n: int) -> list[Sample]:
    """One case each of `n` patients, in an order that their hashes give: the same whatever the order of the set."""
    by_patient = {sample.patient_hash: sample for sample in samples}
    return [by_patient[patient] for patient in sorted(by_patient)[:n]]


def health(
    package: Package, samples: Sequence[Sample], device: str = "auto", n: int = CASES
) -> tuple[dict[str, Any], Section]:
    """Limits for the evidence on a map, found on control maps of left-out cases, and how often real maps pass them:
    `limits`, `level`, `n`, `passing` by method and control; and the same for the card."""
    task, device = package.task, pick(device)
    found: dict[str, list[Evidence]] = {}
    patients: list[str] = []
    for sample, _inputs, question in asked(package, drawn(samples, n), device):
        maps = {name: a for name in methods(task) if not isinstance(a := attributed(question, METHODS[name]), str)}
        beside = {name: maps[name] for name in task.explain if name in maps}
        controls: list[Method] = [RandomMap(), EdgeMap(), OtherLabel(METHODS[task.explain[0]])]
        for method in (*(METHODS[name] for name in maps), *(c for c in controls if not c.unsuited(task))):
            given = maps.get(method.name) or method.attribute(question)
            others = {name: a for name, a in beside.items() if name != method.name}
            found.setdefault(method.name, []).append(measure(question, method, given, others))
        patients.append(sample.patient_hash)
    if len(patients) < 20:
        raise Refused(
            _("{n} cases that some net never saw are too few to set limits by.").format(n=len(patients)),
            _("Give the folder that the package was trained on."),
        )
    known = [name for name in ("random", "edges", "other_label") if name in found]
    limits, level = calibrated({name: found[name] for name in known})
    rows = [_row(name, evidence, limits, patients) for name, evidence in found.items()]
    about = {
        "limits": limits,
        "level": level,
        "n": len(patients),
        "passing": {name: passing(evidence, limits) for name, evidence in found.items()},
    }
    return about, _health_section(rows, limits, level, len(patients))


def map_title(name: str) -> str:
    """What a method or a control is called."""
    controls = {
        "random": RandomMap.title,
        "edges": EdgeMap.title,
        "other_label": OtherLabel.title,
        "centre": N_("The middle of the picture"),
    }
    return _(METHODS[name].title if name in METHODS else controls[name])


def _row(name: str, found: Sequence[Evidence], limits: Mapping[str, float], patients: Sequence[str]) -> Row:
    def of(index: np.ndarray) -> dict[str, float]:
        part = [found[i] for i in index]
        out = {"passing": passing(part, limits)}
        for measured in MEASURES:
            values = [v for e in part if (v := getattr(e, measured)) is not None]
            out[measured] = float(np.median(values)) if values else float("nan")
        return out

    return Row(map_title(name), len(found), bootstrap(of, list(patients)))


def _health_section(rows: Sequence[Row], limits: Mapping[str, float], level: float | None, n: int) -> Section:
    told = "; ".join(
        _("{title} {share:.0%}").format(title=row.title, share=row.figures["passing"]["value"])  # type: ignore[index]
        for row in rows
    )
    how = (
        _("The least that is asked of any map was enough.")
        if level is None
        else _("To get there no limit is laxer than what {share:.0%} of the random maps fall short of.").format(
            share=level
        )
    )
    at = ", ".join(
        f"{measure_title(name)} {'≥' if MEASURES[name] > 0 else '≤'} {limits[name]:.2f}" for name in MEASURES
    )
    return Section(
        "health",
        _("Which maps may be believed"),
        _("Share of maps that pass: {told}.").format(told=told),
        _(
            "Maps of the likeliest label of {n} patients, one case each, by nets that never saw them, and of control "
            "maps that can't know anything: noise, the input's edges, the map of another label. A map passes when it "
            "keeps all limits; they are the laxest at which at most one in twenty control maps of any kind passes. "
            "{how} Limits: {at}."
        ).format(n=n, how=how, at=at),
        {"passing": _("Pass"), **{name: measure_title(name) for name in MEASURES}},
        rows,
    )


def check(
    package: Package, samples: Sequence[Sample], device: str, lungs: Path | None
) -> tuple[dict[str, Any], list[Section]]:
    """`health` and, where something is marked, `truth` of the package, and their sections."""
    about, section = health(package, samples, device)
    out, sections = {"health": about}, [section]
    if any(s.place or package.task.grid for s in samples):
        found = report(package, samples, device, lungs if _of_pictures(package) else None)
        out["truth"] = {key: found[key] for key in ("methods", "lungs") if key in found}
        sections.append(_truth_section("truth", _("Where people marked what was found"), found["methods"]))
        if "lungs" in found:
            sections.append(_truth_section("truth_lungs", _("Within the lungs"), found["lungs"]))
    made = [s for s in package.task.simulate(SIMULATED, SEED) if s.place]
    if made:
        found = report(package, made, device)["methods"]
        out.setdefault("truth", {})["simulated"] = found
        sections.append(_truth_section("truth_simulated", _("Where simulated cases have it"), found))
    return out, sections


def _of_pictures(package: Package) -> bool:
    return all(spec.kind == "image" for spec in package.task.fields.values())


def _truth_section(name: str, title: str, found: Mapping[str, Any]) -> Section:
    rows = [Row(map_title(m), scored["n"], {k: scored[k] for k in TRUTHS}) for m, scored in found.items()]
    chance = found["random"]["inside"]["value"]
    best = max((m for m in found if m in METHODS), key=lambda m: found[m]["inside"]["value"])
    return Section(
        name,
        title,
        _("Most lies inside with {method}: {share:.0%}, where a random map has {chance:.0%}.").format(
            method=map_title(best), share=found[best]["inside"]["value"], chance=chance
        ),
        _(
            "Maps of the likeliest label by nets that never saw the patient. Pointing: share of maps whose largest "
            "value lies in the marked place. Inside: share of the positive values that do. Overlap: of the place with "
            "as many of the largest values. The middle of the picture is what anybody reaches without looking."
        ),
        {"pointing": _("Pointing"), "inside": _("Inside"), "iou": _("Overlap")},
        rows,
    )


def report(
    package: Package, samples: Sequence[Sample], device: str = "auto", lungs: Path | None = None
) -> dict[str, Any]:
    """The JSON of `python -m medcore explain-report`: task, package, methods; each method's pointing game, energy
    inside and overlap with what people marked, {value, low, high}, and n; `random` and `centre` among them. Of more
    than MOST marked cases one each of CASES patients stands for all.

    lungs: a folder of PNGs that mark the lungs of pictures of the same stem: `lungs` then holds the same for those,
        unless lungs are what is asked for
    """
    device, task = pick(device), package.task
    marked = [s for s in samples if s.place is not None or task.grid]
    marked = marked if len(marked) <= MOST else drawn(marked, CASES)
    outlined = {path.stem: path for path in sorted(lungs.glob("*.png"))} if lungs and not task.grid else {}
    within = drawn([s for s in samples if Path(s.case).stem in outlined], CASES)
    if not marked and not within:
        raise Refused(
            _("No case of this folder says where something is."),
            _("Give one whose cases are marked: boxes, outlines, or simulated ones."),
        )
    head = {"task": task.name, "package": package.name, "methods": _scored(package, marked, device, _marked_place)}
    if within:
        head["lungs"] = _scored(
            package, within, device, lambda s, given: fitted(outline(outlined[Path(s.case).stem]), given)
        )
    return head


def _marked_place(sample: Sample, given: Input) -> np.ndarray:
    place = sample.place(given) if sample.place else sample.target().any(0)
    return np.asarray(place, bool)


def _scored(package: Package, samples: Sequence[Sample], device: str, place_of: Any) -> dict[str, Any]:
    found: dict[str, list[dict[str, float]]] = {}
    patients: list[str] = []
    for i, (sample, inputs, question) in enumerate(asked(package, samples, device)):
        given = next(iter(inputs.values()))
        place = place_of(sample, given)
        for name in methods(package.task):
            a = attributed(question, METHODS[name])
            values = np.zeros(place.shape) if isinstance(a, str) else next(iter(placed(question, a, inputs).values()))
            if isinstance(given, Record):  # what lowers an answer is found as well
                values = np.abs(values)
            found.setdefault(name, []).append(scores(values, place))
        for name, values in control_maps(place.shape, i).items():
            found.setdefault(name, []).append(scores(values, place))
        patients.append(sample.patient_hash)
    return {name: {**_mean(rows, patients), "n": len(rows)} for name, rows in found.items()}


def _mean(rows: Sequence[Mapping[str, float]], patients: Sequence[str]) -> dict[str, Any]:
    """The mean of each score with its range."""
    return bootstrap(lambda index: {k: float(np.mean([rows[j][k] for j in index])) for k in TRUTHS}, patients)
