"""Samples as tensors, and tensors as batches."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from medcore.datasets.sample import Sample
from medcore.inputs import Input, sha256
from medcore.tasks import Task

if TYPE_CHECKING:
    import torch


FAR_BELOW = -20.0  # as a logit
AT_ONCE = 2**22  # values of one tensor in a batch that is only answered


@dataclass(frozen=True)
class Encoded:
    """Samples of one task as tensors.

    items: for each sample [x, mask] of each field in turn, without batch axis
    truth: (n,) or (n, labels) float64; input_hashes: for each sample those of its inputs
    places: for an outcome that lies on a field's grid its truth there, (labels, …) of each sample; else empty
    """

    task: Task
    samples: Sequence[Sample]
    items: "list[list[torch.Tensor]]"
    truth: np.ndarray
    input_hashes: list[list[str]]
    places: "list[torch.Tensor]" = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def folds(self) -> np.ndarray:
        """(n,) the fold of each sample's patient."""
        return np.array([s.fold for s in self.samples])

    @property
    def patients(self) -> list[str]:
        return [s.patient_hash for s in self.samples]


def encode_inputs(task: Task, inputs: dict[str, Input]) -> "list[torch.Tensor]":
    """[x, mask] of each field in turn, without batch axis."""
    return [t for name, field in task.fields.items() for t in field.encode(inputs[name])]


class Stopped(Exception):
    """Training was asked to stop; the last checkpoint is kept."""


def encode(task: Task, samples: Sequence[Sample], stop: Callable[[], bool] = lambda: False) -> Encoded:
    """Read (or simulate) and encode every sample. Raises Stopped where `stop()` says so."""
    items, hashes, rows, places = [], [], [], []
    for sample in samples:
        if stop():
            raise Stopped
        inputs = sample.load()
        items.append(encode_inputs(task, inputs))
        if task.grid:
            (spec, outcome), given, mask = task.grid, inputs[task.outcome.on], sample.target()
            places.append(spec.encode_mask(mask, given))
            rows.append(outcome.truth_row(mask, given))
        else:
            rows.append(sample.target)
        hashes.append([sha256(inputs[name]) for name in task.fields])
    return Encoded(task, samples, items, np.array(rows, np.float64), hashes, places)


def collate(items: "Sequence[list[torch.Tensor]]") -> "list[torch.Tensor]":
    """A batch of each tensor; where an axis differs, shorter ones are padded with 0 at its end (and so masked out)."""
    import torch

    out = []
    for parts in zip(*items, strict=True):
        shape = [max(sizes) for sizes in zip(*(p.shape for p in parts), strict=True)]
        if all(list(p.shape) == shape for p in parts):
            out.append(torch.stack(parts))
        else:
            batch = torch.zeros(len(parts), *shape, dtype=parts[0].dtype)
            for row, p in zip(batch, parts, strict=True):
                row[tuple(slice(n) for n in p.shape)] = p
            out.append(batch)
    return out


def evaluation_batches(
    encoded: Encoded, index: np.ndarray, size: int = 64
) -> "Iterator[tuple[np.ndarray, list[torch.Tensor]]]":
    """(positions, batch) over `index`, alike sizes together so that little is padded; fewer at a time where one case is
    large."""
    lengths = np.array([encoded.items[i][0].numel() for i in index])
    size = max(1, min(size, AT_ONCE // max(1, int(lengths.max(initial=0)))))
    for part in np.array_split(index[np.argsort(lengths, kind="stable")], max(1, -(-len(index) // size))):
        if len(part):
            yield part, collate([encoded.items[i] for i in part])


def on_own_grid(task: Task, inputs: Mapping[str, Input], logits: np.ndarray) -> np.ndarray:
    """Logits (m, labels, …) of one case on the grid of the input that the outcome lies on; as they are where it lies on
    none. Padding is cut off; beyond what the field encodes they are far below 0."""
    if task.grid is None:
        return logits
    spec, given = task.grid[0], inputs[task.outcome.on]
    return np.stack([spec.on_own_grid(z, given, FAR_BELOW) for z in logits])


def truth_batch(encoded: Encoded, index: np.ndarray) -> "torch.Tensor":
    """What the loss compares the logits of the samples at `index` with."""
    import torch

    if not encoded.places:
        return torch.from_numpy(encoded.truth[index])
    return collate([[encoded.places[i]] for i in index])[0].float() / 255


def augmented(
    task: Task, batch: "list[torch.Tensor]", truth: "torch.Tensor", generator: "torch.Generator"
) -> "tuple[list[torch.Tensor], torch.Tensor]":
    """A random variant of the batch, field by field, and the truth, which goes along with the field that it lies on."""
    out: list[torch.Tensor] = []
    for i, (name, spec) in enumerate(task.fields.items()):
        x, mask = batch[2 * i], batch[2 * i + 1]
        if task.grid and name == task.outcome.on:
            x, mask, truth = task.grid[0].augment_with(x, mask, truth, generator)
        else:
            x, mask = spec.augment(x, mask, generator)
        out += [x, mask]
    return out, truth
