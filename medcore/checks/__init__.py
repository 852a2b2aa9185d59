"""Checks of a package that its card holds: plain baselines, calibration, and shortcuts that a net may have taken.

Chosen by the kinds of a task's fields and by what the samples say of themselves, never by a task's name. Every figure
is out of fold, on the folds that the package was trained by, with its 95 % range over resampled patients, by source.
They are kept in `checks.json` beside package.json, with the hash of the package they are about.
"""

import datetime as dt
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from medcore.checks import (
    calibration,
    learning,
    maps,
    pictures,
    records,
    samples,
    signals,
    simulated,
    transfer,
    volumes,
    whole,
)
from medcore.checks.answered import Answered, Section, answered
from medcore.datasets.sample import Sample
from medcore.inputs import ImageField, RecordField, SignalField, VolumeField
from medcore.learn.card import card
from medcore.learn.decision import decision
from medcore.learn.devices import pick
from medcore.learn.roc import roc
from medcore.packages import Package

FILE = "checks.json"
TRAINED = ("learning_curve", "transfer")  # sections that take a training
MAPPED = ("health", "whole", "truth", "truth_lungs", "truth_simulated")  # sections that take maps of many cases
__all__ = ["check", "limits", "stored", "write"]


def stored(package: Package) -> dict[str, Any] | None:
    """The checks that lie beside the package; None where there are none, or they are about another version."""
    path = package.folder / FILE
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found if found.get("package_hash") == package.hash else None


def limits(package: Package) -> dict[str, float]:
    """By which evidence a map of the package may be believed: as its card says, else the least that any must keep."""
    from medcore.explain.health import LIMITS

    found = (stored(package) or {}).get("health")
    return dict(found["limits"]) if found else dict(LIMITS)


def check(
    package: Package,
    cases: Sequence[Sample],
    device: str = "auto",
    masks: Path | None = None,
    train: bool = False,
    explain: bool = False,
    simulate: int = 0,
    on_epoch: Callable[[dict[str, Any]], None] = lambda row: None,
) -> dict[str, Any]:
    """All checks that suit the package and the cases: task, package, package_hash, made, device, n, decision, roc,
    sections, and with `explain` health, truth and whole.

    masks: a folder of PNGs that mark the lungs of pictures of the same stem
    train: also train a net on each source alone, and packages from a part of the patients, which takes longer than
        training does; otherwise what an earlier call with `train` found of this package stays
    explain: also set the limits by which maps are believed, and score maps where people marked what is to be found,
        which takes minutes to hours; what an earlier call found stays likewise
    simulate: on how many cases of the task's simulator it is measured besides; 0 for as many as suit
    """
    device = pick(device)
    said = answered(package, cases, device)
    sections = [s.to_json() for s in (*_sections(said, masks), simulated.check(package, device, simulate))]
    if train:
        sections += [s.to_json() for s in (*learning.check(said, on_epoch), *transfer.check(said, on_epoch))]
    before = stored(package) or {"sections": []}
    kept = (() if train else TRAINED) + (() if explain else MAPPED)
    sections += [s for s in before["sections"] if s["name"] in kept]
    mapped: dict[str, Any] = {key: before[key] for key in ("health", "truth", "whole") if key in before}
    if explain:
        mapped, more = maps.check(package, cases, device, masks)
        mapped["whole"], section = whole.check(package, cases, device)
        sections += [s.to_json() for s in (section, *more)]
    return {
        "task": package.task.name,
        "package": package.name,
        "package_hash": package.hash,
        "made": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "device": device,
        "n": len(said.index),
        "decision": _decision(said),
        "roc": roc(said.outcome, said.probabilities[said.index], said.encoded.truth[said.index]),
        **mapped,
        "sections": sections,
    }


def _decision(said: Answered) -> dict[str, Any]:
    """For packages that were made before their report held it."""
    samples = [said.encoded.samples[i] for i in said.index]
    p, truth = said.probabilities[said.index], said.encoded.truth[said.index]
    return decision(said.outcome, p, truth, said.package.about["thresholds"], samples)


def _sections(said: Answered, masks: Path | None) -> list[Section]:
    out: list[Section] = []
    for name, field in said.package.task.fields.items():
        if isinstance(field, RecordField):
            out += records.check(said, name, field)
        elif isinstance(field, SignalField):
            out += signals.check(said, name, field)
        elif isinstance(field, ImageField):
            out += pictures.check(said, name, masks)
        elif isinstance(field, VolumeField):
            out += volumes.check(said, name, field)
    return [*out, *samples.weighted(said), *samples.disputed(said), *calibration.check(said)]


def write(package: Package, found: dict[str, Any]) -> None:
    """Keep the checks beside the package and write its card again with them; the package's hash stays."""
    for name, text in (
        (FILE, json.dumps(found, ensure_ascii=False, indent=1) + "\n"),
        ("CARD.md", card(package.task, package.about, found)),
    ):
        part = package.folder / f"{name}.part"
        part.write_text(text, encoding="utf-8")
        part.replace(package.folder / name)
