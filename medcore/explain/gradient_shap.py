"""Gradient SHAP (Lundberg and Lee, NeurIPS 2017; as expected gradients: Erion et al., Nat Mach Intell 2021)."""

from typing import TYPE_CHECKING

from medcore.explain.attribution import Question, slow_on_volumes
from medcore.i18n import N_
from medcore.tasks import Task

if TYPE_CHECKING:
    import torch

AT_ONCE = 8  # copies of the input whose gradients are held at a time


class GradientShap:
    """Gradients at random points on the way from the baseline to the input: integrated gradients by chance, so its gap
    says how far the draws were enough. Without the noise that is often added: a hundredth of the range turns answers
    to ECGs and records, whose parts then add up to another answer than the one shown."""

    name, title, adds_up, compares = "gradient_shap", N_("Gradient SHAP"), True, True
    samples = 64

    def unsuited(self, task: Task) -> str:
        return slow_on_volumes(task)

    def attribute(self, question: Question) -> "tuple[torch.Tensor, ...]":
        import numpy as np
        import torch
        from captum.attr import GradientShap as Captum

        torch.manual_seed(0)
        np.random.seed(0)
        total = [torch.zeros_like(x) for x in question.xs]
        for _part in range(self.samples // AT_ONCE):
            found = Captum(question.model).attribute(
                question.xs,
                question.baselines,
                n_samples=AT_ONCE,
                target=question.target,
                additional_forward_args=question.masks,
            )
            for t, a in zip(total, found, strict=True):
                t += a.detach() * (AT_ONCE / self.samples)
        return tuple(t * mask for t, mask in zip(total, question.masks, strict=True))
