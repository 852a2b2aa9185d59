"""Integrated gradients (Sundararajan, Taly and Yan, ICML 2017)."""

from typing import TYPE_CHECKING

from medcore.explain.attribution import Question, slow_on_volumes
from medcore.i18n import N_
from medcore.tasks import Task

if TYPE_CHECKING:
    import torch


AT_ONCE = 2**20  # values of an input whose gradients are held at a time


class IntegratedGradients:
    """Gradients summed on the straight way from the baseline to the input."""

    name, title, adds_up, compares = "integrated_gradients", N_("Integrated gradients"), True, True
    steps = 32

    def unsuited(self, task: Task) -> str:
        return slow_on_volumes(task)

    def attribute(self, question: Question) -> "tuple[torch.Tensor, ...]":
        from captum.attr import IntegratedGradients as Captum

        out: tuple[torch.Tensor, ...] = Captum(question.model).attribute(
            question.xs,
            question.baselines,
            target=question.target,
            additional_forward_args=question.masks,
            n_steps=self.steps,
            internal_batch_size=max(1, min(16, AT_ONCE // sum(x.numel() for x in question.xs))),
        )
        return out
