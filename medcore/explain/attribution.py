"""The interface that the methods share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from medcore.i18n import N_
from medcore.tasks import Task

if TYPE_CHECKING:
    import torch


TOLD = 4  # parts of a map, in words
AT_ONCE, COPIES = 2**19, 64  # values, and copies of an input, that go through the nets at a time
ONLY_RECORDS = N_("Only for records, where the parts are few.")
ONLY_PICTURES = N_("Only for nets that look at a picture by maps of features.")
SLOW_ON_VOLUMES = N_("On a volume it takes minutes.")


def only_records(task: Task) -> str:
    """Why a method that takes parts in and out one by one doesn't suit the task; "" for records."""
    return "" if all(spec.kind == "record" for spec in task.fields.values()) else ONLY_RECORDS


def slow_on_volumes(task: Task) -> str:
    """Why a method of many passes doesn't suit the task; "" unless its answer lies on a volume."""
    return SLOW_ON_VOLUMES if task.grid and task.grid[0].kind == "volume" else ""


@dataclass(frozen=True)
class Attribution:
    """How much each part of an input counted for one label of one answer.

    values: by field, on the input's own grid: (rows, columns) of a film, (leads, samples), (columns,) of a record;
        in points of probability for methods that add up to the answer, else relative
    gap: |sum of the values − (answer − answer to the baseline)|, None where a method doesn't add up
    parts: where or what it was, with its share of the whole, all of it, largest first
    outside: share of the positive values of a film that lies outside the lungs; None where no lungs are known
    failure: why there is no map, in a sentence; "" where there is one
    remark: what went otherwise than wished, in a sentence
    """

    task: str
    label: str
    method: str
    baseline: str
    gap: float | None
    values: Mapping[str, np.ndarray]
    parts: tuple[tuple[str, float], ...]
    failure: str
    device: str
    seconds: float
    outside: float | None = None
    remark: str = ""

    @property
    def words(self) -> tuple[tuple[str, float], ...]:
        """The parts that counted most."""
        return tuple(part for part in self.parts[:TOLD] if abs(part[1]) >= 0.01)


@dataclass(frozen=True)
class Question:
    """What a method is asked.

    model: takes each field's x, then each field's mask (all (n, …)), gives probabilities (n, labels)
    nets: the package's nets, for methods that look into one; each takes x, mask, x, mask …
    xs, masks, baselines: one tensor (1, …) a field; target: position of the label
    answers: probability of the label for xs and for the baselines
    left_out: how many slices of a volume, from its first and its last, are not asked about
    """

    task: Task
    model: "torch.nn.Module"
    nets: "Sequence[torch.nn.Module]"
    xs: "tuple[torch.Tensor, ...]"
    masks: "tuple[torch.Tensor, ...]"
    baselines: "tuple[torch.Tensor, ...]"
    target: int
    answers: tuple[float, float] = (0.0, 0.0)
    left_out: tuple[int, int] = (0, 0)

    @property
    def at_once(self) -> int:
        """How many copies of the input go through the nets at a time, so that memory stays bounded."""
        return max(1, min(COPIES, AT_ONCE // sum(x.numel() for x in self.xs)))


class Method(Protocol):
    """One way to attribute.

    adds_up: whether its parts are meant to add up to the answer less that to the baseline
    compares: whether the map depends on what the input is compared with
    """

    name: str
    title: str
    adds_up: bool
    compares: bool

    def unsuited(self, task: Task) -> str:
        """Why it doesn't suit the task, in a sentence; "" where it does."""

    def attribute(self, question: Question) -> "tuple[torch.Tensor, ...]":
        """One tensor (1, …) a field, shaped as its x."""
