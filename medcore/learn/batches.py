"""Samples as tensors, and tensors as batches."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medcore.datasets.sample import Sample
from medcore.inputs import Input, sha256
from medcore.tasks import Task

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Encoded:
    """Samples of one task as tensors.

    items: for each sample [x, mask] of each field in turn, without batch axis
    truth: (n,) or (n, labels) float64; input_hashes: for each sample those of its inputs
    """

    task: Task
    samples: Sequence[Sample]
    items: "list[list[torch.Tensor]]"
    truth: np.ndarray
    input_hashes: list[list[str]]

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


def encode(task: Task, samples: Sequence[Sample], progress: Callable[[float], None] | None = None) -> Encoded:
    """Read and encode every sample. `progress` is called with the share done."""
    items, hashes = [], []
    for i, sample in enumerate(samples):
        inputs = sample.load()
        items.append(encode_inputs(task, inputs))
        hashes.append([sha256(inputs[name]) for name in task.fields])
        if progress and i % 50 == 0:
            progress(i / len(samples))
    truth = np.array([s.target for s in samples], np.float64)
    return Encoded(task, samples, items, truth, hashes)


def collate(items: "Sequence[list[torch.Tensor]]") -> "list[torch.Tensor]":
    """A batch of each tensor; where last axes differ, shorter ones are padded with 0 (and so masked out)."""
    import torch

    out = []
    for parts in zip(*items, strict=True):
        length = max(p.shape[-1] for p in parts)
        if all(p.shape[-1] == length for p in parts):
            out.append(torch.stack(parts))
        else:
            batch = torch.zeros(len(parts), *parts[0].shape[:-1], length)
            for row, p in zip(batch, parts, strict=True):
                row[..., : p.shape[-1]] = p
            out.append(batch)
    return out


def evaluation_batches(
    encoded: Encoded, index: np.ndarray, size: int = 64
) -> "Iterator[tuple[np.ndarray, list[torch.Tensor]]]":
    """(positions, batch) over `index`, alike lengths together so that little is padded."""
    lengths = np.array([encoded.items[i][0].shape[-1] for i in index])
    for part in np.array_split(index[np.argsort(lengths, kind="stable")], max(1, -(-len(index) // size))):
        if len(part):
            yield part, collate([encoded.items[i] for i in part])


def augmented(task: Task, batch: "list[torch.Tensor]", generator: "torch.Generator") -> "list[torch.Tensor]":
    """A random variant of the batch, field by field."""
    out: list[torch.Tensor] = []
    for i, field in enumerate(task.fields.values()):
        out += field.augment(batch[2 * i], batch[2 * i + 1], generator)
    return out
