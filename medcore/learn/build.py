"""From samples to a package: train, answer out of fold, calibrate, measure, write."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medcore.datasets.sample import FOLDS, Sample
from medcore.errors import Refused
from medcore.i18n import _
from medcore.learn.batches import Encoded, collate, encode
from medcore.learn.decision import decision, exclude_below
from medcore.learn.devices import pick
from medcore.learn.evaluate import figures
from medcore.learn.predict import versions
from medcore.learn.reliability import reliability
from medcore.learn.roc import roc
from medcore.learn.train import OnEpoch, learnt_from_simulated, predict_logits, split, train_nets
from medcore.outcomes.base import Calibration
from medcore.packages import Package, save
from medcore.tasks import Recipe, Task

if TYPE_CHECKING:
    import torch

DRAWS = 40  # resamplings of the calibration patients that a range is taken from


def train(
    task: Task,
    samples: Sequence[Sample],
    out: Path,
    *,
    version: str,
    recipe: Recipe | None = None,
    folds: Sequence[int] = tuple(range(FOLDS)),
    seed: int = 0,
    start: Package | None = None,
    device: str = "auto",
    work: Path | None = None,
    on_epoch: OnEpoch = lambda row: None,
    stop: Callable[[], bool] = lambda: False,
) -> Package:
    """Train one net for each of `folds`, each with that fold left out, and write them as a package to `out`.

    start: a package whose weights are gone on from; what it has seen is seen by the new one too.
    work: folder of checkpoints (default `out/.work`, removed in the end); a second call with the same goes on there.
    Raises Stopped where `stop()` says so; Refused where the samples can't be learnt from.
    """
    import shutil

    recipe, device, work = recipe or task.recipe, pick(device), work or out / ".work"
    if len(folds) == 1 and not recipe.validation:  # there are no other nets' answers to calibrate it by
        recipe = replace(recipe, validation=0.125)
    encoded = encode(task, samples, stop)
    _check(encoded, folds, recipe)
    begin = start.states() if start else {}
    if recipe.simulated and not start and _real(task, samples):
        begin = dict.fromkeys(folds, learnt_from_simulated(task, recipe, seed, device, work, stop))
    states, device = train_nets(
        encoded, recipe, folds, seed, device, {f: begin[f] for f in folds if f in begin}, work, on_epoch, stop
    )
    package = _write(task, encoded, states, recipe, version, seed, start, device, out)
    shutil.rmtree(work, ignore_errors=True)
    return package


def _real(task: Task, samples: Sequence[Sample]) -> bool:
    """Whether some samples come from elsewhere than the task's own simulator."""
    own = {s.dataset for s in task.simulate(1, 0)}
    return any(s.dataset not in own for s in samples)


def _check(encoded: Encoded, folds: Sequence[int], recipe: Recipe) -> None:
    """Refused where a fold would leave too little to learn from."""
    if not len(encoded):
        raise Refused(_("There is no labelled case to learn from."), _("Add reviewed cases, or simulate some."))
    for fold in folds:
        parts = split(encoded, fold, recipe)
        truth = encoded.truth[parts.train]
        if len(parts.train) < 8 or len(parts.left_out) == 0 or (truth.ndim == 1 and len(np.unique(truth)) < 2):
            raise Refused(
                _("{n} cases of one kind or of too few patients are not enough to learn from.").format(n=len(encoded)),
                _("Give at least 20 cases, with each of the answers among them."),
            )


def _write(
    task: Task,
    encoded: Encoded,
    states: "dict[int, dict[str, torch.Tensor]]",
    recipe: Recipe,
    version: str,
    seed: int,
    start: Package | None,
    device: str,
    out: Path,
) -> Package:
    """Calibrate and measure the nets as they will be shipped (weights rounded to float16), then save."""
    import torch

    outcome, nets, logits = task.outcome, {}, {}
    for fold, state in states.items():
        net = task.net()
        rounded = {k: v.half().float() if v.dtype == torch.float32 and v.dim() > 1 else v for k, v in state.items()}
        net.load_state_dict(rounded)
        nets[fold] = net.to(device).eval()
        parts = split(encoded, fold, recipe)
        held = {"out": parts.left_out, "validation": parts.validation}
        logits[fold] = {k: (i, predict_logits(net, encoded, i, device)) for k, i in held.items() if len(i)}
    calibrations = [_calibrate(task, encoded, logits, fold) for fold in states]
    index = np.concatenate([logits[f]["out"][0] for f in states])
    p = np.concatenate(
        [outcome.probabilities(logits[f]["out"][1], c) for f, c in zip(states, calibrations, strict=True)]
    )
    space, table = _space(encoded, nets, recipe)
    truth, thresholds = encoded.truth[index], outcome.thresholds(p, encoded.truth[index])
    about: dict[str, Any] = {
        "task": task.name,
        "version": version,
        "made": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "recipe": asdict(recipe),
        "seed": seed,
        "device": device,
        "versions": versions(),
        "thresholds": thresholds,
        "exclude_below": exclude_below(outcome, p, truth),
        "reference": reference(task, encoded),
        "unlike": table,
        "seen": _seen(encoded, start),
        "data": {
            name: sum(s.dataset == name for s in encoded.samples) for name in {s.dataset for s in encoded.samples}
        },
        "started_from": start.hash if start else None,
        "report": {
            **figures(task, p, encoded, index),
            "reliability": reliability(outcome, p, truth, [encoded.patients[i] for i in index]),
            "roc": roc(outcome, p, truth),
            "decision": decision(outcome, p, truth, thresholds, [encoded.samples[i] for i in index]),
        },
    }
    from medcore.learn.card import card

    return save(out, about, states, calibrations, space, card(task, about))


def _calibrate(
    task: Task, encoded: Encoded, logits: Mapping[int, dict[str, tuple[np.ndarray, np.ndarray]]], fold: int
) -> Calibration:
    """Fitted on the other nets' answers to the folds that they left out, so that no label of `fold` is used;
    a lone net is calibrated on the part that it stopped early by. `draws`: the same for resampled patients."""
    others = [logits[f]["out"] for f in logits if f != fold] or [logits[fold].get("validation", logits[fold]["out"])]
    index, z = np.concatenate([i for i, _ in others]), np.concatenate([v for _, v in others])
    truth = encoded.truth[index]
    fitted = task.outcome.calibrate(z, truth)
    _names, owner = np.unique(np.array(encoded.patients)[index], return_inverse=True)
    generator = np.random.default_rng(fold)
    draws = []
    for _draw in range(DRAWS):
        weight = np.bincount(generator.integers(0, owner.max() + 1, owner.max() + 1), minlength=owner.max() + 1)
        rows = np.repeat(np.arange(len(index)), weight[owner])
        draws.append(task.outcome.calibrate(z[rows], truth[rows]))
    return {**fitted, "draws": draws}  # type: ignore[dict-item]


def reference(task: Task, encoded: Encoded) -> dict[str, Any]:
    """Per field what explanations and wishes compare with: `usual` values of columns, `mean` of the encoded input."""
    out: dict[str, Any] = {}
    for i, (name, spec) in enumerate(task.fields.items()):
        about: dict[str, Any] = {}
        if spec.kind == "record":
            x, mask = collate([[item[2 * i], item[2 * i + 1]] for item in encoded.items])
            about["mean"] = ((x * mask).sum(0) / mask.sum(0).clamp(min=1)).tolist()
            about["usual"] = spec.usual([s.load()[name] for s in encoded.samples])  # type: ignore[attr-defined]
        out[name] = about
    return out


def _seen(encoded: Encoded, start: Package | None) -> dict[str, dict[str, int]]:
    """Fold by hash of patients and inputs, with those of the package that was gone on from."""
    patients = dict(start.seen_patients) if start else {}
    inputs = dict(start.seen_inputs) if start else {}
    for sample, hashes in zip(encoded.samples, encoded.input_hashes, strict=True):
        patients[sample.patient_hash] = sample.fold
        inputs |= dict.fromkeys(hashes, sample.fold)
    return {"patients": patients, "inputs": inputs}


def _space(
    encoded: Encoded, nets: "dict[int, torch.nn.Module]", recipe: Recipe, most: int = 1500, keep: int = 24
) -> "tuple[dict[str, torch.Tensor], dict[str, list[float]]]":
    """Mean and whitening of each net's embedding over (at most `most` of) its training part, and the sorted distances
    of its left-out fold: a Mahalanobis distance in the leading directions (Lee et al., NeurIPS 2018)."""
    import torch

    from medcore.learn.batches import evaluation_batches

    tensors: dict[str, torch.Tensor] = {}
    table: dict[str, list[float]] = {}
    for fold, net in nets.items():
        parts = split(encoded, fold, recipe)
        net = net.cpu()
        embed: Any = getattr(net, "embed", lambda *batch, net=net: net.both(*batch)[1])
        with torch.no_grad():
            inside, outside = (
                torch.cat([embed(*batch).float() for _i, batch in evaluation_batches(encoded, part)])
                for part in (parts.train[:: max(1, len(parts.train) // most)], parts.left_out)
            )
        mean = inside.mean(0)
        _u, size, directions = torch.linalg.svd(inside - mean, full_matrices=False)
        rank = int((size > size[0] * 1e-3).sum().clamp(max=keep))
        whiten = directions[:rank].T / (size[:rank] / len(inside) ** 0.5)
        tensors |= {f"mean_{fold}": mean, f"whiten_{fold}": whiten.contiguous()}
        far = ((outside - mean) @ whiten).norm(dim=1).sort().values
        table[str(fold)] = [round(float(v), 4) for v in np.quantile(far.numpy(), np.linspace(0, 1, 101))]
    return tensors, table
