"""What a task declares."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medcore.datasets.sample import Sample
from medcore.inputs import Field, Input
from medcore.outcomes import Outcome

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Recipe:
    """How a task is trained. Kept as JSON in the package.

    epochs: at most; training stops after `patience` epochs without a lower loss on the inner validation part
    learning_rate: the peak, after a fifth of the steps; then down by a cosine; weight_decay: AdamW's
    validation: share of the training patients that is kept for early stopping
    """

    epochs: int = 30
    batch: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    patience: int = 10
    validation: float = 0.125


@dataclass(frozen=True)
class Task:
    """A system: what it takes, what it says, what learns it, what it is for.

    fields: by name; the net's forward takes (x, mask) of each in this order and gives logits (n, outcome.width)
    net: makes an untrained net; besides forward it has embed(x, mask, …) -> (n, d), and may have fit(x, mask, …),
        called once on the training part, and members(x, mask, …) -> (members, n, width), each trained for itself
    data: reads a folder in the set's public layout
    simulate: n cases with truth from a seed, for a machine without data
    explain: the methods that suit it, the default first
    roles: what others may ask for it by ("lung_regions"), never its name
    unit_noun: what one case is called in a sentence ("film", "strip", "patient")
    """

    name: str
    title: str
    question: str
    unit_noun: str
    fields: Mapping[str, Field]
    outcome: Outcome
    net: "Callable[[], torch.nn.Module]"
    recipe: Recipe
    dataset: str
    data: Callable[[Path], list[Sample]]
    simulate: Callable[[int, int], list[Sample]]
    explain: tuple[str, ...]
    intended_use: str
    not_for: str
    limits: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()

    def take(self, inputs: list[Input]) -> dict[str, Input] | None:
        """The inputs by field name where each field finds one of its kind, else None. Says nothing of their quality."""
        taken: dict[str, Input] = {}
        for name, spec in self.fields.items():
            match = [i for i in inputs if i.kind == spec.kind and all(i is not other for other in taken.values())]
            if not match:
                return None
            taken[name] = match[0]
        return taken
