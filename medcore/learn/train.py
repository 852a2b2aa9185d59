"""Training: one net a fold, each with that fold left out, resumable and stoppable at any batch."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medcore.datasets.sample import FOLDS
from medcore.i18n import _
from medcore.learn.batches import (
    Encoded,
    Stopped,
    augmented,
    collate,
    encode,
    evaluation_batches,
    on_own_grid,
    truth_batch,
)
from medcore.learn.devices import moved, training_precision, with_fallback
from medcore.outcomes.base import uncalibrated
from medcore.tasks import Recipe, Task

if TYPE_CHECKING:
    import torch
    from lightning_fabric import Fabric

FOLLOWS = 4  # steps after which the mean of the weights follows them: it costs as much as a small net's whole step
OnEpoch = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Split:
    """Positions of the samples that a net learns from, stops early by, and never sees."""

    train: np.ndarray
    validation: np.ndarray
    left_out: np.ndarray


def split(encoded: Encoded, fold: int, recipe: Recipe) -> Split:
    """By patient: `fold` is left out; of the others a share, by the patient's hash too, is kept for early stopping."""
    draw = np.array([(int(p, 16) // FOLDS) % 1000 / 1000 for p in encoded.patients])
    left_out, validation = encoded.folds == fold, draw < recipe.validation
    return Split(
        np.flatnonzero(~left_out & ~validation),
        np.flatnonzero(~left_out & validation),
        np.flatnonzero(left_out),
    )


def predict_logits(
    net: "Callable[..., torch.Tensor]", encoded: Encoded, index: np.ndarray, device: str, size: int = 64
) -> np.ndarray:
    """Logits (len(index), width) in full precision, in the order of `index`; of logits that fill a grid what the
    outcome keeps of them, (len(index), …), so that memory doesn't grow with their size."""
    import torch

    rows: dict[int, np.ndarray] = {}
    with torch.no_grad():
        for part, batch in evaluation_batches(encoded, index, size):
            z = net(*moved(batch, device)).float().cpu().numpy()
            rows |= zip(part.tolist(), z if not encoded.places else _kept(encoded, part, z), strict=True)
    return np.array([rows[i] for i in index.tolist()], np.float64)


def _kept(encoded: Encoded, part: np.ndarray, logits: np.ndarray) -> "Iterator[np.ndarray]":
    """Each case's logits brought to the input's own grid and tallied against the truth there."""
    assert encoded.task.grid
    _spec, outcome = encoded.task.grid
    for i, z in zip(part, logits, strict=True):
        sample = encoded.samples[i]
        own = on_own_grid(encoded.task, sample.load(), z[None])[0]
        yield outcome.keep(own, sample.target())


def train_fold(
    encoded: Encoded,
    fold: int,
    recipe: Recipe,
    seed: int,
    device: str,
    start: "dict[str, torch.Tensor] | None",
    checkpoint: Path,
    on_epoch: OnEpoch,
    stop: Callable[[], bool],
) -> "dict[str, torch.Tensor]":
    """Weights of one net (an exponential mean over its last steps, at its best epoch by validation loss).

    start: weights to begin with, or None for a fresh net. checkpoint: file written after each epoch and
    resumed from if it is there. Raises Stopped as soon as `stop()` says so, in mid-epoch too.
    """
    import torch
    from lightning_fabric import Fabric
    from torch.optim.swa_utils import AveragedModel

    task, parts = encoded.task, split(encoded, fold, recipe)
    torch.manual_seed(seed * FOLDS + fold)
    net = task.net()
    if start is not None:
        net.load_state_dict(start)
    elif fit := getattr(net, "fit", None):
        fit(*collate([encoded.items[i] for i in parts.train]))
    fabric = Fabric(accelerator=device, devices=1, precision=training_precision(device))  # type: ignore[arg-type]
    optimizer = torch.optim.AdamW(net.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    steps = max(1, len(parts.train) * recipe.visits // recipe.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, partial(_rate, total=recipe.epochs * steps))
    mean = AveragedModel(net, multi_avg_fn=_follow, use_buffers=True)
    mean.to(device)
    model, optimizer = fabric.setup(net, optimizer, _reapply_compile=False)
    weights = torch.as_tensor(task.outcome.class_weights(encoded.truth[parts.train]), dtype=torch.float32).to(device)
    state: dict[str, Any] = {
        "model": model, "optimizer": optimizer, "schedule": schedule, "mean": mean,
        "epoch": 0, "best": float("inf"), "best_epoch": 0, "best_weights": {},
    }  # fmt: skip
    if checkpoint.exists():
        fabric.load(checkpoint, state, weights_only=True)
    for epoch in range(state["epoch"], recipe.epochs):
        if epoch - state["best_epoch"] > recipe.patience:
            break
        # A generator an epoch, so that a resumed training sees the same batches as an unbroken one.
        generator = torch.Generator().manual_seed((seed * FOLDS + fold) * 10_000 + epoch)
        torch.manual_seed(generator.initial_seed())
        rounds = [torch.randperm(len(parts.train), generator=generator) for _round in range(recipe.visits)]
        order = torch.from_numpy(parts.train)[torch.cat(rounds)]
        total = torch.zeros((), device=device)
        model.train()
        for step in range(steps):
            if stop():
                raise Stopped
            index = order[step * recipe.batch : (step + 1) * recipe.batch]
            plain = collate([encoded.items[i] for i in index]), truth_batch(encoded, index.numpy())
            batch, truth = augmented(task, *plain, generator)
            loss = _loss(fabric, task, model, moved(batch, device), truth.to(device), weights)
            optimizer.zero_grad()
            fabric.backward(loss)
            fabric.clip_gradients(model, optimizer, max_norm=2.0)
            optimizer.step()
            schedule.step()
            if step % FOLLOWS == FOLLOWS - 1 or step == steps - 1:
                mean.update_parameters(net)
            total += loss.detach()
        # Where nothing is kept for early stopping, some of what is learnt from shows how far it has come.
        held = parts.validation if len(parts.validation) else parts.train[:: max(1, len(parts.train) // 12)]
        logits = predict_logits(mean.module.eval(), encoded, held, device)
        validation = task.outcome.validation_loss(logits, encoded.truth[held], weights.cpu())
        state["epoch"] = epoch + 1
        if validation < state["best"] or not state["best_weights"]:
            state |= {"best": validation, "best_epoch": epoch}
            state["best_weights"] = {k: v.detach().cpu().clone() for k, v in mean.module.state_dict().items()}
        # Told before it is kept: what is cut off in between is done again, and none is missing.
        probabilities = task.outcome.probabilities(logits, uncalibrated(task.outcome.width))
        on_epoch(
            {
                "fold": fold,
                "epoch": epoch + 1,
                "epochs": recipe.epochs,
                "loss": float(total) / steps,
                "validation_loss": validation,
                "metrics": task.outcome.metrics(probabilities, encoded.truth[held]),
                "device": device,
            }
        )
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        fabric.save(checkpoint.with_suffix(".part"), state)
        checkpoint.with_suffix(".part").replace(checkpoint)
    best: dict[str, torch.Tensor] = state["best_weights"]
    return best


def _follow(mean: "Sequence[torch.Tensor]", now: "Sequence[torch.Tensor]", count: "torch.Tensor | int") -> None:
    """Move the mean weights towards those of now: far in the first steps, by 1 in 200 for each step later on."""
    import torch

    step = 1 - min(0.995**FOLLOWS, (1 + int(count)) / (10 + int(count)))
    if mean[0].is_floating_point():  # called with tensors of one kind at a time
        torch._foreach_lerp_(list(mean), list(now), step)
    else:
        for m, n in zip(mean, now, strict=True):
            m.copy_(n)


def _rate(step: int, total: int, warm: float = 0.2) -> float:
    """Share of the peak learning rate: up in a straight line, down by a cosine (Loshchilov and Hutter, ICLR 2017)."""
    rising = max(1.0, warm * total)
    if step < rising:
        return (step + 1) / (rising + 1)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - rising) / max(1.0, total - rising))))


def _loss(
    fabric: "Fabric",
    task: Task,
    model: Any,
    batch: "list[torch.Tensor]",
    truth: "torch.Tensor",
    weights: "torch.Tensor",
) -> "torch.Tensor":
    """Mean loss; a net of several members has each of them trained for itself."""
    import torch

    if hasattr(model.module, "members"):
        with fabric.autocast():  # on one device only `forward` gets it by itself
            each = model.members(*batch)
        return torch.stack([task.outcome.loss(z.float(), truth, weights) for z in each]).mean()
    loss: torch.Tensor = task.outcome.loss(model(*batch).float(), truth, weights)
    return loss


def train_nets(
    encoded: Encoded,
    recipe: Recipe,
    folds: Sequence[int],
    seed: int,
    device: str,
    start: "dict[int, dict[str, torch.Tensor]]",
    work: Path,
    on_epoch: OnEpoch = lambda row: None,
    stop: Callable[[], bool] = lambda: False,
) -> "tuple[dict[int, dict[str, torch.Tensor]], str]":
    """Weights by left-out fold, and the device that the last was trained on: the CPU goes on, from the last checkpoint
    and for all nets that follow, where CUDA ran out of memory; each epoch's `remark` says so.

    start: weights to begin with, by fold; work: folder of the checkpoints
    """

    def told(row: dict[str, Any]) -> None:
        fell = row["device"] != wanted
        on_epoch({**row, "remark": _("The GPU ran out of memory; the CPU went on with the training.") if fell else ""})

    wanted, out = device, {}
    for fold in folds:
        out[fold], device = with_fallback(
            lambda d, fold=fold: train_fold(  # type: ignore[misc]
                encoded, fold, recipe, seed, d, start.get(fold), work / f"fold{fold}.ckpt", told, stop
            ),
            device,
        )
    return out, device


def learnt_from_simulated(
    task: Task, recipe: Recipe, seed: int, device: str, work: Path, stop: Callable[[], bool] = lambda: False
) -> "dict[str, torch.Tensor]":
    """Weights of a net that learnt from `recipe.simulated` cases of the task's simulator and from no patient, so that
    every net may go on from them, whichever fold it leaves out."""
    encoded = encode(task, task.simulate(recipe.simulated, seed), stop)
    half = replace(recipe, epochs=max(1, recipe.epochs // 2), validation=0.05)
    nobody = FOLDS  # a fold that no case is in
    return train_nets(encoded, half, [nobody], seed, device, {}, work, stop=stop)[0][nobody]
