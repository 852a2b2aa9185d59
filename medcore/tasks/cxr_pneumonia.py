"""Pneumonia on a frontal chest film."""

from typing import TYPE_CHECKING

from medcore.datasets.cxr_pneumonia import cxr_pneumonia
from medcore.i18n import N_
from medcore.inputs import ImageField
from medcore.outcomes import Binary, Label
from medcore.simulate.thorax import films
from medcore.tasks.task import Recipe, Task

if TYPE_CHECKING:
    from medcore.nets.resnet2d import ResNet2d


def net() -> "ResNet2d":
    """An untrained net."""
    from medcore.nets.resnet2d import ResNet2d

    return ResNet2d(1)


TASK = Task(
    name="cxr_pneumonia",
    title=N_("Pneumonia on a chest film"),
    question=N_("Does this film show pneumonia?"),
    unit_noun=N_("films"),
    fields={"film": ImageField(size=192, views=("PA", "AP"))},
    outcome=Binary(
        present=Label("pneumonia", N_("Pneumonia"), N_("showed pneumonia")),
        absent=Label("normal", N_("No pneumonia"), N_("showed none"), finding=False),
    ),
    net=net,
    recipe=Recipe(epochs=40, batch=16, learning_rate=2e-3, weight_decay=2e-2, patience=20, validation=0.08),
    dataset="cxr_pneumonia",
    data=cxr_pneumonia,
    simulate=films,
    explain=("grad_cam", "refined_grad_cam", "integrated_gradients", "occlusion"),
    refine="refined_grad_cam",
    intended_use=N_("Showing how a net reads a frontal film of a child or an adult, and where it looked."),
    not_for=N_("Diagnosis or triage; lateral films; CT; films with other findings than those it learnt."),
    limits=(
        N_("Learnt from two sources that differ in age, view and label: figures are given for each."),
        N_("The labels of NIH are read from reports by a program, about nine in ten of them right."),
        N_("View, age and how a film was made go with the label in both sources; part of the figures rests on that."),
    ),
)
