"""Rhythm from one lead."""

from typing import TYPE_CHECKING

from medcore.datasets.cinc2017 import cinc2017
from medcore.i18n import N_
from medcore.inputs import SignalField
from medcore.outcomes import Label, MultiClass
from medcore.simulate.ecg import strips
from medcore.tasks.task import Recipe, Task

if TYPE_CHECKING:
    from medcore.nets.resnet1d import ResNetGru1d


def net() -> "ResNetGru1d":
    """An untrained net."""
    from medcore.nets.resnet1d import ResNetGru1d

    return ResNetGru1d(1, 4)


TASK = Task(
    name="ecg_rhythm",
    title=N_("Rhythm from one lead"),
    question=N_("Which rhythm does this strip show?"),
    unit_noun=N_("strips"),
    fields={"ecg": SignalField(leads=("I",), rate_hz=150, min_seconds=9, max_seconds=61, crop_seconds=30)},
    outcome=MultiClass(
        labels=(
            Label("normal", N_("Normal rhythm"), N_("showed a normal rhythm"), finding=False),
            Label("atrial_fibrillation", N_("Atrial fibrillation"), N_("showed atrial fibrillation")),
            Label("other", N_("Other rhythm"), N_("showed another rhythm")),
            Label("too_noisy", N_("Too noisy to read"), N_("were too noisy to read"), finding=False),
        ),
        named_f1=(("f1_cinc2017", (0, 1, 2)),),
    ),
    net=net,
    recipe=Recipe(epochs=36, batch=64, learning_rate=3e-3, weight_decay=2e-2, patience=15, validation=0.08),
    dataset="cinc2017",
    data=cinc2017,
    simulate=strips,
    explain=("integrated_gradients", "occlusion"),
    shown="atrial_fibrillation",
    intended_use=N_("Showing how a net reads the rhythm of a hand-held strip, and on which beats its answer rests."),
    not_for=N_("Diagnosis or monitoring; ischaemia, intervals or anything but the rhythm; paced hearts."),
    limits=(
        N_("Learnt from hand-held single-lead recordings; lead I of a 12-lead ECG looks alike but is not the same."),
        N_("“Other” is a mixed class, and its labels overlap with normal; three versions of them were published."),
        N_("Recordings from 9 to 61 s; the length itself is not used."),
    ),
)
