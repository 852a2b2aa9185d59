"""What a package goes by as a whole: maps of patients that it learnt from, each by nets that never saw them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from medcore import tasks
from medcore.checks.answered import Row, Section
from medcore.checks.maps import asked, drawn, map_title
from medcore.datasets.sample import Sample
from medcore.explain import METHODS, attributed, placed
from medcore.explain.regions import mirrored, outlined, regions, sides
from medcore.explain.whole import RIGHT, WRONG, Told, picture_of, whole
from medcore.explain.words import parts
from medcore.i18n import _
from medcore.inputs import Image
from medcore.learn.decision import groups_of
from medcore.learn.devices import pick
from medcore.outcomes.base import WITH_PROBABILITIES
from medcore.packages import Package, load
from medcore.settings import settings

if TYPE_CHECKING:
    from medcore.explain.attribution import Question

PATIENTS = 200
LISTED = 8  # parts that the card lists


def check(
    package: Package, samples: Sequence[Sample], device: str, n: int = PATIENTS
) -> tuple[dict[str, Any], Section]:
    """`medcore.explain.whole.whole` of one case each of `n` patients, by the task's first method; and its section."""
    task, lungs = package.task, _of_lungs()
    method, told = METHODS[task.explain[0]], []
    for sample, inputs, question in asked(package, drawn(samples, n), pick(device)):
        found = attributed(question, method)
        if isinstance(found, str):
            continue
        values = placed(question, found, inputs)
        listed = parts(task, inputs, values)
        films = [(name, given) for name, given in inputs.items() if isinstance(given, Image)]
        outline = outlined(lungs, films[0][1], device) if lungs and len(films) == 1 else None
        if outline is not None:
            ((name, film),) = films
            listed = tuple((r.title, r.share) for r in regions(values[name], sides(outline), mirrored(film)))
        told.append(Told(sample.patient_hash, _groups(package, sample, question), listed, picture_of(inputs, values)))
    about = whole(told)
    return {"method": method.name, **about}, _section(about, method.name)


def _of_lungs() -> Package | None:
    task = tasks.by_role("lung_regions")
    folder = settings().models / task.name if task else None
    return load(folder) if folder and folder.is_dir() else None


def _groups(package: Package, sample: Sample, question: "Question") -> dict[str, str]:
    """Age, sex, view and source as far as they are known; what the unseen nets said, and whether it was right."""
    groups = groups_of({**sample.facts, "source": sample.source})
    outcome = package.task.outcome
    if outcome.kind not in WITH_PROBABILITIES:
        return groups
    import torch

    with torch.no_grad():
        p = question.model(*question.xs, *question.masks)[0].cpu().numpy()
    said = outcome.choose(p, package.about["thresholds"])
    return groups | {"answer": said, "outcome": RIGHT if said == outcome.choice_of(sample.target) else WRONG}


def _section(about: dict[str, Any], method: str) -> Section:
    """Of all patients, and of right and wrong answers where there are enough."""
    columns = {"": _("All"), f"outcome:{RIGHT}": _("Right answers"), f"outcome:{WRONG}": _("Wrong answers")}
    found = {key: title for key, title in columns.items() if key in about["importance"]}
    rows = [
        Row(part, about["n"], {key or "all": about["importance"][key]["share"][part] for key in found})
        for part in about["parts"][:LISTED]
    ]
    first = ", ".join(about["parts"][:3])
    return Section(
        "whole",
        _("What it goes by"),
        _("Most of its maps lies on: {parts}.").format(parts=first),
        _(
            "Mean share of the maps of {n} patients, one case each, of the likeliest label by nets that never saw "
            "them, by {method}. A share says how much counted, not whether it should have; whether single maps may be "
            "believed stands under “Which maps may be believed”."
        ).format(n=about["n"], method=map_title(method)),
        {key or "all": title for key, title in found.items()},
        rows,
    )
