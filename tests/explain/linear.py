"""A task whose answer can be worked out by hand, and its package: one linear rule over a few values of a record.

logit = 2 (creatinine − 1.96) + 0.05 (heart rate − 100) + 0.5 (age − 60) + 3 [drug = b] + 0.5 lactate
where an absent value adds nothing. Unlike the training data is who has a heart rate far from 80.
"""

from pathlib import Path

import torch

from medcore import tasks
from medcore.packages import Package, save

NAME = "linear_rule"
TASK = '''
"""A rule that can be worked out by hand."""

import torch

from medcore.inputs import Column, RecordField
from medcore.outcomes import Binary, Label
from medcore.tasks.task import Recipe, Task

FIELD = RecordField(
    (
        Column("age", "Age", "years", limits=(0, 120), fixed=True),
        Column("crea", "Creatinine", "mg/dL", (0.6, 1.3), (0.1, 20), step=0.1),
        Column("hrt", "Heart rate", "/min", (60, 100), (20, 250)),
        Column("drug", "Drug", choices=("a", "b")),
        Column("lact", "Lactate", "mmol/L", (0.5, 2), (0.1, 30), step=0.1),
    )
)


class Rule(torch.nn.Module):
    """Weights and centres of each slot; the embedding is how far the heart rate is from 80, in units of 20."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(len(FIELD.slots)))
        self.centre = torch.nn.Parameter(torch.zeros(len(FIELD.slots)))

    def both(self, x, mask):
        return (((x - self.centre) * mask) @ self.weight)[:, None], (x[:, 2:3] - 80) / 20 * mask[:, 2:3]

    def forward(self, x, mask):
        return self.both(x, mask)[0]


TASK = Task(
    name="linear_rule",
    title="Linear rule",
    question="Is it so?",
    unit_noun="patients",
    fields={"record": FIELD},
    outcome=Binary(Label("yes", "So", "were so"), Label("no", "Not so", "were not so")),
    net=Rule,
    recipe=Recipe(),
    dataset="none",
    data=lambda folder: [],
    simulate=lambda n, seed: [],
    explain=("integrated_gradients",),
    intended_use="A test.",
    not_for="Anything else.",
)
'''
USUAL = {
    "age": [30.0, 50.0, 60.0, 70.0, 90.0],
    "crea": [0.6, 0.9, 1.2, 2.0, 5.4],
    "hrt": [55.0, 72.0, 100.0, 120.0, 148.0],
    "drug": ["a", "b"],
    "lact": [0.5, 1.0, 2.0, 3.0, 8.0],
}


def write_task(folder: Path) -> None:
    """The task's one file."""
    (folder / f"{NAME}.py").write_text(TASK)


def package(folder: Path) -> Package:
    """The rule as a package of one net, with a cut at 0.5."""
    state = {
        "weight": torch.tensor([0.5, 2.0, 0.05, 0.0, 3.0, 0.5]),
        "centre": torch.tensor([60.0, 1.96, 100.0, 0.0, 0.0, 0.0]),
    }
    about = {
        "task": NAME,
        "version": "1.0.0",
        "thresholds": [0.5],
        "exclude_below": {},
        "reference": {"record": {"mean": [0.0] * 6, "usual": USUAL}},
        "unlike": {"0": [i / 50 for i in range(101)]},  # from 2 × 20 beats per minute away on nobody is
        "seen": {"patients": {}, "inputs": {}},
        "report": {"n": 0, "metrics": {}, "by_source": {}},
    }
    space = {"mean_0": torch.zeros(1), "whiten_0": torch.eye(1)}
    assert tasks.get(NAME)
    return save(folder, about, {0: state}, [{"slope": [1.0], "shift": [0.0]}], space, "A rule.")
