"""Gradient SHAP (Lundberg and Lee, NeurIPS 2017; as expected gradients: Erion et al., Nat Mach Intell 2021)."""

from typing import TYPE_CHECKING

from medcore.explain.attribution import Question, slow_on_volumes
from medcore.i18n import N_
from medcore.tasks import Task

if TYPE_CHECKING:
    import torch


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
        at_once = max(8, question.at_once // 8)  # gradients take several times the memory of answers
        for first in range(0, self.samples, at_once):
            n = min(at_once, self.samples - first)
            found = Captum(question.model).attribute(
                question.xs,
                question.baselines,
                n_samples=n,
                target=question.target,
                additional_forward_args=question.masks,
            )
            for t, a in zip(total, found, strict=True):
                t += a.detach() * (n / self.samples)
        return tuple(t * mask for t, mask in zip(total, question.masks, strict=True))
