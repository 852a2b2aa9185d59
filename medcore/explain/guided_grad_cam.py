"""Guided Grad-CAM (Selvaraju et al., ICCV 2017)."""

from typing import TYPE_CHECKING

from medcore.explain.attribution import Question, slow_on_volumes
from medcore.explain.grad_cam import GradCam
from medcore.i18n import N_
from medcore.tasks import Task

if TYPE_CHECKING:
    import torch


class GuidedGradCam:
    """Grad-CAM times guided backpropagation. Its fine lines are edges of the input whatever the net has learnt (Adebayo
    et al., NeurIPS 2018): it is here to be compared with, and its health label says so."""

    name, title, adds_up, compares = "guided_grad_cam", N_("Guided Grad-CAM"), False, False

    def unsuited(self, task: Task) -> str:
        return slow_on_volumes(task) or GradCam().unsuited(task)

    def attribute(self, question: Question) -> "tuple[torch.Tensor, ...]":
        import warnings

        import torch
        from captum.attr import GuidedBackprop

        (where,) = GradCam().attribute(question)
        (x,), (mask,) = question.xs, question.masks
        fine = torch.zeros_like(x)
        for net in question.nets:
            with warnings.catch_warnings():  # that it hangs hooks into the net, which is a copy for that
                warnings.simplefilter("ignore", UserWarning)
                found = GuidedBackprop(net).attribute(x, target=question.target, additional_forward_args=(mask,))
            fine += found.detach().abs() / len(question.nets)
        return (where * fine / fine.max().clamp(min=1e-12),)
