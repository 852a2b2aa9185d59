"""What a task declares."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from medcore.datasets.sample import Sample
from medcore.errors import Refused
from medcore.inputs import Field, GridField, Input, joined
from medcore.outcomes import GridOutcome, Outcome

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Recipe:
    """How a task is trained. Kept as JSON in the package.

    epochs: at most; training stops after `patience` epochs without a lower loss on the inner validation part
    learning_rate: the peak, after a fifth of the steps; then down by a cosine; weight_decay: AdamW's
    validation: share of the training patients that is kept for early stopping; with 0 the last epochs are taken
    simulated: cases of the task's simulator that a fresh net learns from before it sees a patient, in half the epochs
    visits: how often an epoch draws each case (of a volume a few slices at a time)
    """

    epochs: int = 30
    batch: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    patience: int = 10
    validation: float = 0.125
    simulated: int = 0
    visits: int = 1


@dataclass(frozen=True)
class Task:
    """A system: what it takes, what it says, what learns it, what it is for.

    fields: by name; the net's forward takes (x, mask) of each in this order and gives logits (n, outcome.width)
    net: makes an untrained net; besides forward it has both(x, mask, …) -> logits and an embedding (n, d),
        and may have embed(x, mask, …) for the embedding alone, fit(x, mask, …),
        called once on the training part, and members(x, mask, …) -> (members, n, width), each trained for itself
    data: reads a folder in the set's public layout
    simulate: n cases with truth from a seed, for a machine without data
    explain: the methods that suit it, the default first
    refine: of these, the slower one whose map takes the first paint's place as soon as it is there; "" for none
    shown: what the simulated case of a demonstration shows, a choice of the outcome; "" for no such case
    roles: what others may ask for it by ("lung_regions"), never its name
    simulated: how many cases a quick retraining simulates, unless it is told otherwise
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
    refine: str = ""
    shown: str = ""
    simulated: int = 400

    @property
    def grid(self) -> tuple[GridField, GridOutcome] | None:
        """The field that the outcome lies on, and the outcome; None where it says something of the case as a whole."""
        on = self.outcome.on
        return (cast(GridField, self.fields[on]), cast(GridOutcome, self.outcome)) if on else None

    def take(self, inputs: Sequence[Input]) -> tuple[dict[str, Input], tuple[str, ...]] | None:
        """For each field the first input of its kind that passes its check and that no other field has, and the
        fields' remarks on them; None where nothing is of a field's kind.

        Raises Refused, with what was wrong with the first, where what is of its kind passes no check.
        """
        taken: dict[str, Input] = {}
        remarks: list[str] = []
        for name, spec in self.fields.items():
            refusal = None
            fitting = [i for i in inputs if i.kind == spec.kind and not any(i is other for other in taken.values())]
            for given in (*joined(spec, fitting), *fitting):
                try:
                    remarks += spec.check(given)
                except Refused as error:
                    refusal = refusal or error
                    continue
                taken[name] = given
                break
            if refusal and name not in taken:
                raise refusal
            if name not in taken:
                return None
        return taken, tuple(remarks)
