"""Systems that somebody adds: each the text of the one file that it takes, in the folder of tasks."""

MULTILABEL = '''
"""Which organs fail, of a record."""

from dataclasses import replace

from medcore.datasets.support2 import COLUMNS, support2
from medcore.inputs import RecordField
from medcore.nets.tabular import TabularNet
from medcore.outcomes import Label, MultiLabel
from medcore.simulate.record import records
from medcore.tasks.task import Recipe, Task

FIELD = RecordField(tuple(c for c in COLUMNS if c.name not in ("crea", "pafi")))


def failing(n, seed):
    """Kidney and lung, from the values that the net isn't shown."""
    out = []
    for s in records(n, seed):
        v = s.load()["record"].values
        out.append(replace(s, target=[int((v["crea"] or 1) > 1.5), int((v["pafi"] or 333) < 250)]))
    return out


TASK = Task(
    name="organ_failure",
    title="Failing organs",
    question="Which organs fail?",
    unit_noun="patients",
    fields={"record": FIELD},
    outcome=MultiLabel((Label("kidney", "Kidney", "had failing kidneys"), Label("lung", "Lung", "had failing lungs"))),
    net=lambda: TabularNet(len(FIELD.slots), 2),
    recipe=Recipe(),
    dataset="support2",
    data=support2,
    simulate=failing,
    explain=("integrated_gradients", "shapley", "occlusion"),
    intended_use="A test.",
    not_for="Anything else.",
)
'''

REGRESSION = '''
"""The age of a heart, of a strip."""

from dataclasses import replace

from medcore.datasets.cinc2017 import cinc2017
from medcore.inputs import SignalField
from medcore.nets.resnet1d import ResNetGru1d
from medcore.outcomes import Label, Regression
from medcore.simulate.ecg import strips
from medcore.tasks.task import Recipe, Task


def aged(n, seed):
    """The age that the simulator drew."""
    return [replace(s, target=float(s.load()["ecg"].facts["age_years"])) for s in strips(n, seed)]


TASK = Task(
    name="heart_age",
    title="Age of the heart",
    question="How old is this heart?",
    unit_noun="strips",
    fields={"ecg": SignalField(("I",), rate_hz=60, min_seconds=9, max_seconds=61, crop_seconds=9)},
    outcome=Regression(Label("age", "Age of the heart", "were this old"), unit="years"),
    net=lambda: ResNetGru1d(1, 1, channels=(8, 16), recurrent=8),
    recipe=Recipe(),
    dataset="cinc2017",
    data=cinc2017,
    simulate=aged,
    explain=("integrated_gradients", "occlusion"),
    intended_use="A test.",
    not_for="Anything else.",
)
'''

NEW = {"organ_failure": MULTILABEL, "heart_age": REGRESSION}
