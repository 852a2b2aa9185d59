"""Outline of a lower-grade glioma on MR of the brain."""

from typing import TYPE_CHECKING

from medcore.datasets.lgg import lgg
from medcore.i18n import N_
from medcore.inputs import VolumeField
from medcore.outcomes import Label, Mask
from medcore.simulate.head import heads
from medcore.tasks.task import Recipe, Task

if TYPE_CHECKING:
    from medcore.nets.unet import SliceUnet


def net() -> "SliceUnet":
    """An untrained net."""
    from medcore.nets.unet import SliceUnet

    return SliceUnet(3, 1)


TASK = Task(
    name="brain_tumour_seg",
    title=N_("Outline of a brain tumour"),
    question=N_("Where is the tumour on this MR of the brain?"),
    unit_noun=N_("scans"),
    fields={
        "mr": VolumeField(
            sequences=((N_("pre-contrast"), "T1"), (N_("FLAIR"),), (N_("post-contrast"), "T1 post-contrast")),
            rows=160,
            columns=128,
        )
    },
    outcome=Mask(
        labels=(Label("tumour", N_("Tumour"), N_("had a tumour")),),
        absent=Label("no_tumour", N_("No tumour"), N_("had none"), finding=False),
        on="mr",
    ),
    net=net,
    recipe=Recipe(  # so few patients that all are learnt from: two or three kept for early stopping chose by luck
        epochs=36, batch=4, learning_rate=3e-3, weight_decay=2e-2, patience=36, validation=0.0, visits=9
    ),
    dataset="lgg",
    data=lgg,
    simulate=heads,
    explain=("grad_cam",),
    shown="tumour",
    simulated=60,
    intended_use=N_("Showing how a net outlines a glioma on three MR sequences, slice by slice, and how sure it is."),
    not_for=N_("Diagnosis, planning or measuring of treatment; other tumours, strokes or lesions; children."),
    limits=(
        N_("Every patient it learnt from has a glioma: how often it marks something in a healthy head is not known."),
        N_("The outline is that of the abnormality on FLAIR, oedema included, not of the part that takes up contrast."),
        N_(
            "Not asked without FLAIR: on patients never trained on, Dice falls from 0.81 to 0.16 without it. Without "
            "the pre-contrast one it falls by 0.04, without the post-contrast one it stays."
        ),
        N_("Learnt from thinned stacks without true distances between pixels or slices: no volume is told for those."),
        N_("Five institutions of one collection, one of them with a single patient; figures are given for each."),
    ),
)
