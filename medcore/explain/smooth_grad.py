"""Saliency (Simonyan, Vedaldi and Zisserman, ICLR workshop 2014), smoothed (SmoothGrad: Smilkov et al., 2017)."""

from typing import TYPE_CHECKING

from medcore.explain.attribution import Question, slow_on_volumes
from medcore.i18n import N_
from medcore.tasks import Task

if TYPE_CHECKING:
    import torch


class SmoothGrad:
    """How steeply the answer changes with each value, whichever way: the mean over copies of the input with noise."""

    name, title, adds_up, compares = "smooth_grad", N_("Saliency, smoothed"), False, False
    samples, noise = 16, 0.1  # copies; standard deviation of the noise, in the input's own range

    def unsuited(self, task: Task) -> str:
        return slow_on_volumes(task)

    def attribute(self, question: Question) -> "tuple[torch.Tensor, ...]":
        import torch
        from captum.attr import NoiseTunnel, Saliency

        torch.manual_seed(0)
        out: tuple[torch.Tensor, ...] = NoiseTunnel(Saliency(question.model)).attribute(
            question.xs,
            nt_type="smoothgrad",
            nt_samples=self.samples,
            nt_samples_batch_size=8,
            stdevs=tuple(self.noise * float(x.max() - x.min()) for x in question.xs),
            target=question.target,
            additional_forward_args=question.masks,
            abs=True,
        )
        # What is not there can't have moved anything.
        return tuple(a * mask for a, mask in zip(out, question.masks, strict=True))
