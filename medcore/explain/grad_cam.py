"""Grad-CAM (Selvaraju et al., ICCV 2017)."""

from typing import TYPE_CHECKING

from medcore.explain.attribution import ONLY_PICTURES, Question
from medcore.i18n import N_
from medcore.tasks import Task

if TYPE_CHECKING:
    import torch


class GradCam:
    """Where feature maps raise the label: one pass a net, coarse; the nets' mean, each scaled to its peak.

    Only for one field whose nets have `features`, a sequence of layers.
    earlier: the maps halfway through it, which are finer and know less of the label; else its last
    """

    adds_up, compares = False, False

    def __init__(self, earlier: bool = False) -> None:
        self.earlier = earlier
        self.name = "grad_cam_earlier" if earlier else "grad_cam"
        self.title = N_("Grad-CAM, earlier layer") if earlier else N_("Grad-CAM")

    def unsuited(self, task: Task) -> str:
        kinds = [spec.kind for spec in task.fields.values()]
        return "" if kinds in (["image"], ["volume"]) else ONLY_PICTURES

    def attribute(self, question: Question) -> "tuple[torch.Tensor, ...]":
        import torch
        from captum.attr import LayerAttribution, LayerGradCam

        (x,), (mask,) = question.xs, question.masks
        total = torch.zeros_like(x)
        for net in question.nets:
            layers = list(net.features.children())  # type: ignore[union-attr]
            layer = layers[(len(layers) - 1) // 2] if self.earlier else net.features
            cam = LayerGradCam(net, layer).attribute(
                x, target=question.target, additional_forward_args=(mask,), relu_attributions=True
            )
            # One map a picture; of a volume one a slice, shared out among its sequences.
            cam = LayerAttribution.interpolate(cam.detach(), tuple(x.shape[-2:]), "bilinear")
            cam = cam.reshape(len(x), 1, *x.shape[2:]) / x.shape[1]
            total += cam / cam.max().clamp(min=1e-12) / len(question.nets)
        return (total,)
