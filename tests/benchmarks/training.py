"""Training samples per second over a loop written by hand: the same net, augmentation, loss, optimiser and validation,
but no checkpoint, mean of weights, schedule, metrics or cancelling."""

import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch

from medcore.datasets.sample import Sample
from medcore.inputs import Image, Input, Signal
from medcore.learn.batches import Encoded, augmented, collate, encode, evaluation_batches, truth_batch
from medcore.learn.devices import training_precision
from medcore.learn.train import split, train_fold
from medcore.tasks import Task, get
from tests.benchmarks.measure import Row

EPOCHS = 5
BAR = 0.95


def noise(kind: str, seed: int) -> dict[str, Input]:
    """Inputs of the usual size; how fast a net learns from them doesn't depend on what they show."""
    rng = np.random.default_rng(seed)
    if kind == "image":
        return {"film": Image(rng.integers(0, 256, (320, 320), np.uint8))}
    samples = rng.normal(0, 0.3, (1, 9000)).astype(np.float32)
    return {"ecg": Signal(samples, 300.0, ("I",), ("mV",))}


def samples(task: Task, n: int) -> list[Sample]:
    """n cases of n patients, their labels in turn."""
    if "record" in task.fields:
        return task.simulate(n, 1)
    (field,) = task.fields.values()
    labels = len(task.outcome.choices)
    return [Sample("noise", str(i), str(i), partial(noise, field.kind, i), i % labels) for i in range(n)]


class ByHand:
    """The loop that one would write in a notebook; one call is one epoch."""

    def __init__(self, encoded: Encoded, batch: int) -> None:
        self.encoded, self.task, self.batch = encoded, encoded.task, batch
        self.parts = split(encoded, 0, encoded.task.recipe)
        self.net = self.task.net()
        if hasattr(self.net, "fit"):
            self.net.fit(*collate([encoded.items[i] for i in self.parts.train]))
        self.forward = getattr(self.net, "members", None) or (lambda *tensors: self.net(*tensors)[None])
        self.optimizer = torch.optim.AdamW(self.net.parameters(), 1e-3)
        self.weights = torch.from_numpy(self.task.outcome.class_weights(encoded.truth[self.parts.train])).float()
        self.half = training_precision("cpu") != "32-true"
        self.generator = torch.Generator().manual_seed(0)

    def epoch(self) -> None:
        self.net.train()
        order = np.random.default_rng(0).permutation(self.parts.train)
        for step in range(max(1, len(order) // self.batch)):
            index = order[step * self.batch : (step + 1) * self.batch]
            plain = collate([self.encoded.items[i] for i in index]), truth_batch(self.encoded, index)
            batch, truth = augmented(self.task, *plain, self.generator)
            with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
                logits = self.forward(*batch)
            loss = torch.stack([self.task.outcome.loss(z.float(), truth, self.weights) for z in logits]).mean()
            self.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), 2.0)
            self.optimizer.step()
        self.net.eval()
        with torch.no_grad():
            for index, batch in evaluation_batches(self.encoded, self.parts.validation):
                truth = torch.from_numpy(self.encoded.truth[index])
                self.task.outcome.loss(self.net(*batch).float(), truth, self.weights)


def rows() -> list[Row]:
    return [_row(get(name), n) for name, n in (("cxr_pneumonia", 240), ("ecg_rhythm", 360), ("mortality", 7000))]


def _row(task: Task, n: int) -> Row:
    encoded = encode(task, samples(task, n))
    recipe = replace(task.recipe, epochs=EPOCHS + 1, batch=min(task.recipe.batch, n // 4), patience=EPOCHS + 1)
    hand = ByHand(encoded, recipe.batch)
    ours: list[float] = []
    theirs: list[float] = []
    start = time.process_time()

    def told(_epoch: object) -> None:
        """Between two epochs of ours, one by hand."""
        nonlocal start
        ours.append(time.process_time() - start)
        start = time.process_time()
        hand.epoch()
        theirs.append(time.process_time() - start)
        start = time.process_time()

    with tempfile.TemporaryDirectory() as work:
        train_fold(encoded, 0, recipe, 0, "cpu", None, Path(work) / "fold0.ckpt", told, lambda: False)
    a, b = median(ours[1:]), median(theirs[1:])  # the first of ours makes the net and starts the engine
    per = len(hand.parts.train) // recipe.batch * recipe.batch
    return Row(f"training: {task.name}", a, b, b / a, BAR, least=True, note=f"{per / a:.0f} samples a second")
