"""Grad-CAM refined by integrated gradients: the coarse map says which region, the gradients where in it.

After guided Grad-CAM (Selvaraju et al., ICCV 2017), with integrated gradients in the place of guided backpropagation,
which shows edges whatever the net has learnt (Adebayo et al., NeurIPS 2018).
"""

from typing import TYPE_CHECKING

from medcore.explain.attribution import Question
from medcore.explain.grad_cam import GradCam
from medcore.explain.integrated_gradients import IntegratedGradients
from medcore.i18n import N_
from medcore.tasks import Task

if TYPE_CHECKING:
    import torch

WINDOW = 9  # pixels of the encoded picture that a gradient is averaged over, three times: about a rib's width


class RefinedGradCam:
    """Grad-CAM times the smoothed strength of integrated gradients. For what Grad-CAM is for."""

    name, title, adds_up, compares = "refined_grad_cam", N_("Grad-CAM refined by gradients"), False, True

    def unsuited(self, task: Task) -> str:
        return GradCam().unsuited(task) or IntegratedGradients().unsuited(task)

    def attribute(self, question: Question) -> "tuple[torch.Tensor, ...]":
        from torch.nn.functional import avg_pool2d

        (where,) = GradCam().attribute(question)
        (strength,) = (a.detach().abs().to(where) for a in IntegratedGradients().attribute(question))
        for _turn in range(3):
            strength = avg_pool2d(strength, WINDOW, 1, WINDOW // 2, count_include_pad=False)
        return (where * strength / strength.max().clamp(min=1e-12),)
