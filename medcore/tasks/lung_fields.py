"""The lungs on a frontal chest film: what other views and scores measure by."""

from typing import TYPE_CHECKING

from medcore.datasets.cxr_lungs import cxr_lungs
from medcore.i18n import N_
from medcore.inputs import ImageField
from medcore.outcomes import Label, Mask
from medcore.simulate.thorax import films_with_lungs
from medcore.tasks.task import Recipe, Task

if TYPE_CHECKING:
    from medcore.nets.unet import FilmUnet


def net() -> "FilmUnet":
    """An untrained net."""
    from medcore.nets.unet import FilmUnet

    return FilmUnet(1)


TASK = Task(
    name="lung_fields",
    title=N_("Outline of the lungs"),
    question=N_("Where are the lungs on this film?"),
    unit_noun=N_("films"),
    fields={"film": ImageField(size=192, views=("PA", "AP"), contrast=1.0)},
    outcome=Mask(
        labels=(Label("lungs", N_("Lungs"), N_("showed the lungs"), finding=False),),
        absent=Label("no_lungs", N_("No lungs"), N_("showed no lungs"), finding=False),
        on="film",
        cut=0.5,
    ),
    net=net,
    recipe=Recipe(
        epochs=30, batch=16, learning_rate=3e-3, weight_decay=2e-2, patience=30, validation=0.0, simulated=300
    ),
    dataset="cxr_lungs",
    data=cxr_lungs,
    simulate=films_with_lungs,
    explain=("grad_cam", "refined_grad_cam", "integrated_gradients", "occlusion"),
    roles=("lung_regions",),
    simulated=60,
    intended_use=N_("Finding the lungs on a frontal film, so that other answers can be told by region."),
    not_for=N_("Measuring lungs, judging them, or lateral films."),
    limits=(
        N_("Learnt from films of children only, and from simulated ones; how well it outlines adults is not measured."),
        N_("The part of the lung behind the heart and below the domes of the diaphragm belongs to the outline."),
    ),
)
