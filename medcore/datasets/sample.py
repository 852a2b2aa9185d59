"""One labelled case of a data set, and the fold that its patient is in."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from medcore.inputs import Input

FOLDS = 5


@dataclass(frozen=True)
class Sample:
    """A case with its truth.

    dataset, patient: name of the set and the patient in it; splits respect `dataset:patient`
    load: reads the inputs by field name; called when they are needed
    target: a class index, 0/1, a row of 0/1 or a number, as the task's outcome takes it
    source: the source or site that figures are also reported by
    published_fold: the set's own fold, where it has one
    weight: how many cases of the source this one stands for, where the set was thinned
    facts: what else figures may be split by (label quality, view …); `benchmark`: the part of the set that published
        figures are of, where that isn't all of it
    place: where what was found is, bool on the own grid of the (first) input, which it is given; None where nobody
        marked it
    """

    dataset: str
    patient: str
    case: str
    load: Callable[[], dict[str, Input]]
    target: Any
    source: str = ""
    published_fold: int | None = None
    weight: float = 1.0
    facts: Mapping[str, str] = field(default_factory=dict)
    place: Callable[[Any], np.ndarray] | None = None

    @property
    def patient_hash(self) -> str:
        """SHA-256 of `dataset:patient`, as packages list it."""
        return hashlib.sha256(f"{self.dataset}:{self.patient}".encode()).hexdigest()

    @property
    def fold(self) -> int:
        """The set's published fold, else the patient's hash modulo 5: the same in every training."""
        return self.published_fold if self.published_fold is not None else int(self.patient_hash, 16) % FOLDS


def by_source(samples: Sequence[Sample]) -> dict[str, list[int]]:
    """Positions of the samples of each source that the set names."""
    out: dict[str, list[int]] = {}
    for i, sample in enumerate(samples):
        if sample.source:
            out.setdefault(sample.source, []).append(i)
    return out
