"""Feature ablation: what is lost when a part is put back to the baseline (after Zeiler and Fergus, ECCV 2014)."""

from typing import TYPE_CHECKING

from medcore.explain.attribution import Question, slow_on_volumes
from medcore.explain.parts import parts, shared_out
from medcore.i18n import N_
from medcore.tasks import Task

if TYPE_CHECKING:
    import torch


class FeatureAblation:
    """The fall of the answer when a part is put back to the baseline, each part once and by itself: a column of a
    record, a half second of each lead, a square of a picture. A part's fall is shared out among its values."""

    name, title, adds_up, compares = "feature_ablation", N_("Feature ablation"), False, True

    def unsuited(self, task: Task) -> str:
        return slow_on_volumes(task)

    def attribute(self, question: Question) -> "tuple[torch.Tensor, ...]":
        from captum.attr import FeatureAblation as Captum

        groups = parts(question)
        found: tuple[torch.Tensor, ...] = Captum(question.model).attribute(
            question.xs,
            question.baselines,
            target=question.target,
            additional_forward_args=question.masks,
            feature_mask=groups,
            perturbations_per_eval=question.at_once,
        )
        return shared_out(found, groups)
