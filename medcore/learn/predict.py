"""What a package says of a case."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from medcore import __version__
from medcore.errors import Refused
from medcore.i18n import _
from medcore.inputs import Input, sha256
from medcore.learn import neighbours
from medcore.learn.batches import collate, encode_inputs, on_own_grid
from medcore.learn.decision import not_excluded, withheld
from medcore.learn.devices import moved, pick, placed, with_fallback
from medcore.outcomes import Outcome
from medcore.packages import Package

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Answer:
    """What one package says of one case.

    probabilities: calibrated, by label (a value in the outcome's unit for a regression)
    ranges: 95 % range of each, from resampling the package's nets and their calibration
    thresholds: from which probability a label is called present; choice: the label (or labels, "+") that is
    set: choices that can't be excluded at 5 %; unlike: share of the training patients that were less unlike the rest
    absent: parts of the input that were not there; wished: those that would move the answer most, first
    inputs: SHA-256 of each input by field; versions: of the libraries that computed it
    measures: of a mask by label (`Mask.measures`)
    mask_hash: SHA-256 of `mask`, or "". mask: (labels, …) bool on the input's own grid, beside the
        JSON; None where the outcome lies on no grid, or where it was not read again
    embedding: (d,) float32, what the nets saw, as `neighbours.vector` takes it; beside the JSON too, None where the
        package measures no likeness
    """

    task: str
    package: str
    package_hash: str
    probabilities: dict[str, float]
    ranges: dict[str, tuple[float, float]]
    thresholds: dict[str, float]
    choice: str
    set: tuple[str, ...]
    unlike: float
    absent: tuple[str, ...]
    wished: tuple[str, ...]
    remarks: tuple[str, ...]
    device: str
    seconds: float
    versions: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    measures: dict[str, dict[str, Any]] = field(default_factory=dict)
    mask_hash: str = ""
    mask: np.ndarray | None = field(default=None, repr=False, compare=False)
    embedding: np.ndarray | None = field(default=None, repr=False, compare=False)

    @property
    def withheld(self) -> bool:
        """Whether the case is too unlike the training data for its numbers to mean anything."""
        return withheld(self.unlike)

    def to_json(self) -> dict[str, Any]:
        values = asdict(replace(self, mask=None, embedding=None))
        del values["mask"], values["embedding"]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Answer":
        known = dict(values)
        for name in ("set", "absent", "wished", "remarks"):
            known[name] = tuple(known[name])
        known["ranges"] = {label: (float(low), float(high)) for label, (low, high) in known["ranges"].items()}
        return cls(**known)


@cache
def versions() -> dict[str, str]:
    """Of the libraries that an answer depends on."""
    return {"medcore": __version__, **{name: version(name) for name in ("torch", "numpy", "scipy")}}


def passed(package: Package, batch: "list[torch.Tensor]", device: str) -> tuple[np.ndarray, list[np.ndarray]]:
    """Logits (nets, n, width), and each net's embedding (n, d), of a batch of encoded inputs: one pass a net."""
    import torch

    logits, seen = [], []
    with torch.inference_mode():
        for net in package.nets:
            z, e = placed(net, device).both(*moved(batch, device))  # type: ignore[operator]
            logits.append(z.float().cpu().numpy().astype(np.float64))
            seen.append(e.float().cpu().numpy())
    return np.stack(logits), seen


def probabilities(package: Package, logits: np.ndarray) -> np.ndarray:
    """The nets' calibrated mean, (n, labels), of logits (nets, n, width)."""
    outcome = package.task.outcome
    each = [outcome.probabilities(z, c) for z, c in zip(logits, package.calibrations, strict=True)]
    out: np.ndarray = np.mean(each, 0)
    return out


def ranges(package: Package, logits: np.ndarray, draws: int = 200) -> np.ndarray:
    """95 % range (labels, 2) of one case's answer: the nets are drawn with replacement, each with the calibration
    of a resampling of the patients it was calibrated on (kept in the package)."""
    generator, tables = np.random.default_rng(0), []
    for z, net in zip(logits, package.about["nets"], strict=True):
        fitted = net["calibration"]
        every = [fitted, *fitted.get("draws", [])]
        # One call for all: a row a calibration.
        rows: Any = {name: np.array([c[name] for c in every]) for name in fitted if name != "draws"}
        tables.append(package.task.outcome.probabilities(z.repeat(len(every), axis=0), rows))
    table = np.stack(tables)
    which = generator.integers(0, table.shape[0], (draws, table.shape[0]))
    what = generator.integers(0, table.shape[1], (draws, table.shape[0]))
    out: np.ndarray = np.percentile(table[which, what].mean(1), [2.5, 97.5], axis=0).T
    return out


def take(package: Package, inputs: Mapping[str, Input]) -> list[str]:
    """Remarks on inputs that the package's task can answer; Refused where it can't."""
    remarks: list[str] = []
    for name, spec in package.task.fields.items():
        given = inputs.get(name)
        if given is None or given.kind != spec.kind:
            raise Refused(
                _("This question needs: {kinds}.").format(
                    kinds=", ".join(f.kind for f in package.task.fields.values())
                ),
                _("Upload what is missing, or ask another question."),
            )
        remarks += spec.check(given)
    return remarks


def answer(package: Package, inputs: Mapping[str, Input], device: str = "auto") -> Answer:
    """The package's answer to one case. Refused where the inputs can't be taken."""
    remarks = take(package, inputs)
    started = time.perf_counter()
    task, outcome = package.task, package.task.outcome
    batch = collate([encode_inputs(task, dict(inputs))])
    wanted = pick(device)
    (logits, seen), used = with_fallback(lambda d: passed(package, batch, d), wanted)
    if used != wanted:
        remarks.append(_("The GPU ran out of memory; the CPU answered."))
    p, low_high, mask = told(package, inputs, logits)
    # The range is the spread round the answer; it never leaves it outside.
    spans = {
        label.name: (float(min(a, v)), float(max(b, v)))
        for label, v, (a, b) in zip(outcome.labels, p, low_high, strict=False)
    }
    names = [label.name for label in outcome.labels]
    thresholds = dict(zip(names, package.about["thresholds"], strict=False))
    choice = outcome.choose(p, package.about["thresholds"])
    remarks += at_odds(outcome, choice)
    return Answer(
        task=task.name,
        package=package.name,
        package_hash=package.hash,
        probabilities=dict(zip(names, map(float, p), strict=False)),
        ranges=spans,
        thresholds=thresholds,
        choice=choice,
        set=not_excluded(outcome, p, package.about["exclude_below"]),
        unlike=unlike(package, seen),
        absent=tuple(a for name, spec in task.fields.items() for a in spec.absent(inputs[name])),
        wished=wished(package, inputs, batch, used),
        remarks=tuple(remarks),
        device=used,
        seconds=time.perf_counter() - started,
        versions=versions(),
        inputs={name: sha256(given) for name, given in inputs.items()},
        measures=task.grid[1].measures(mask, inputs[outcome.on]) if task.grid and mask is not None else {},
        mask_hash="" if mask is None else mask_hash(mask),
        mask=mask,
        embedding=neighbours.vector(package, seen)[0] if package.space else None,
    )


def at_odds(outcome: Outcome, choice: str) -> list[str]:
    """A remark where several labels are said together of which one is no finding, as "normal"."""
    said = [label for label in outcome.labels if label.name in choice.split("+")]
    if len(said) < 2 or all(label.finding for label in said):
        return []
    names = ", ".join(_(label.title) for label in said)
    return [
        _("These don’t go together: {names}. Each label is judged by itself; rely on none of them here.").format(
            names=names
        )
    ]


def embedded(package: Package, inputs: Mapping[str, Input], device: str = "auto") -> np.ndarray:
    """`Answer.embedding` alone, of a package that measures likeness."""
    batch = collate([encode_inputs(package.task, dict(inputs))])
    (_logits, seen), _used = with_fallback(lambda d: passed(package, batch, d), pick(device))
    out: np.ndarray = neighbours.vector(package, seen)[0]
    return out


def told(
    package: Package, inputs: Mapping[str, Input], logits: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """A case's row of probabilities, the range of each label's, and the mask where the outcome lies on a grid.

    logits: (nets, 1, …). On a grid one net at a time is brought to the input's own, so that memory holds two.
    """
    if package.task.grid is None:
        return probabilities(package, logits)[0], ranges(package, logits), None
    _spec, outcome = package.task.grid
    tallies, total = [], np.zeros(0)
    for z, calibration in zip(logits, package.calibrations, strict=True):
        own = on_own_grid(package.task, inputs, z)
        tallies.append([outcome.keep(own[0])])
        said = outcome.voxels(own, calibration)[0].astype(np.float32)
        total = total + said if total.size else said
    mean = (total / len(logits)).clip(1e-6, 1 - 1e-6)
    row, mask = outcome.marked(np.log(mean / (1 - mean)))
    return row, ranges(package, np.array(tallies))[: len(outcome.labels)], mask


def mask_hash(mask: np.ndarray) -> str:
    """SHA-256 of a mask's shape and bits."""
    return hashlib.sha256(f"{mask.shape}".encode() + np.packbits(mask).tobytes()).hexdigest()


def unlike(package: Package, seen: list[np.ndarray]) -> float:
    """Share of left-out training patients that lay nearer to the rest than this case does; 0 where not measured.

    seen: each net's embedding of the case (1, d); the distance is taken in that net's whitened space
    """
    if not package.space:
        return 0.0
    shares = []
    for fold, e in zip(package.folds, seen, strict=True):
        mean, whiten = (package.space[f"{name}_{fold}"].numpy() for name in ("mean", "whiten"))
        nearer = package.distances[fold]
        shares.append(np.searchsorted(nearer, np.linalg.norm((e[0] - mean) @ whiten)) / len(nearer))
    return float(np.mean(shares))


def wished(
    package: Package, inputs: Mapping[str, Input], batch: "list[torch.Tensor]", device: str, most: int = 3
) -> tuple[str, ...]:
    """Absent values by how much the answer spreads over their usual values in the training part, largest first."""
    import torch

    found: list[tuple[float, str]] = []
    for i, (name, spec) in enumerate(package.task.fields.items()):
        missing = spec.absent(inputs[name])
        table = package.about["reference"][name].get("usual", {})
        trials = [(column, values) for column in missing if (values := table.get(column))]
        if not trials:
            continue
        stacked = [spec.fill(batch[2 * i], batch[2 * i + 1], column, v) for column, vs in trials for v in vs]  # type: ignore[attr-defined]
        tensors = [t.expand(len(stacked), *t.shape[1:]).clone() for t in batch]
        tensors[2 * i] = torch.cat([x for x, _m in stacked])
        tensors[2 * i + 1] = torch.cat([m for _x, m in stacked])
        (logits, _seen), _used = with_fallback(lambda d, t=tensors: passed(package, t, d), device)  # type: ignore[misc]
        spread = probabilities(package, logits)
        at = 0
        for column, values in trials:
            found.append((float(spread[at : at + len(values)].std(0).max()), column))
            at += len(values)
    return tuple(column for size, column in sorted(found, reverse=True)[:most] if size > 0.005)
