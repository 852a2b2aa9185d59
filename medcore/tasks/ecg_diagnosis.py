"""Diagnosis from twelve leads or fewer."""

from typing import TYPE_CHECKING

from medcore.datasets.ptbxl import ptbxl
from medcore.i18n import N_
from medcore.inputs import SignalField
from medcore.inputs.signal import LEADS
from medcore.outcomes import Label, MultiLabel
from medcore.simulate.twelve_leads import electrocardiograms
from medcore.tasks.task import Recipe, Task

if TYPE_CHECKING:
    from medcore.nets.beat_net import BeatNet


def net() -> "BeatNet":
    """An untrained net."""
    from medcore.nets.beat_net import BeatNet

    return BeatNet(100, 5)


TASK = Task(
    name="ecg_diagnosis",
    title=N_("Diagnosis from twelve leads"),
    question=N_("What does this ECG show?"),
    unit_noun=N_("ECGs"),
    fields={"ecg": SignalField(leads=LEADS, rate_hz=100, min_seconds=5, max_seconds=61, crop_seconds=10)},
    outcome=MultiLabel(
        (
            Label("normal", N_("Normal ECG"), N_("were called normal"), finding=False),
            Label("infarction", N_("Myocardial infarction"), N_("showed an infarction, old or new")),
            Label("st_t_change", N_("ST or T change"), N_("showed a change of ST or T")),
            Label("conduction", N_("Conduction disturbance"), N_("showed a conduction disturbance")),
            Label("hypertrophy", N_("Hypertrophy"), N_("showed hypertrophy")),
        )
    ),
    net=net,
    recipe=Recipe(
        epochs=40, batch=64, learning_rate=3e-3, weight_decay=5e-2, patience=40, validation=0.0, simulated=1500
    ),
    dataset="ptbxl",
    data=ptbxl,
    simulate=electrocardiograms,
    explain=("integrated_gradients", "occlusion"),
    intended_use=N_(
        "Showing how a net sorts a resting ECG into five broad groups, and on which leads and waves it rests."
    ),
    not_for=N_("Diagnosis, monitoring, or ruling out an acute infarction; rhythm; paced hearts; children."),
    limits=(
        N_(
            "Learnt from 397 ECGs of 373 patients of 1984 to 1987, most of them from two sites; figures by site differ."
        ),
        N_("“Infarction” is mostly old: few acute ones were among them."),
        N_("Age, sex and site are not used, though normal limits depend on the first two."),
        N_(
            "Fewer than twelve leads are taken, and it knows less: AUROC 0.89 with all, 0.86 with the limb leads, 0.80 "
            "with lead II and 0.77 with lead I."
        ),
    ),
)
