"""Kernel SHAP (Lundberg and Lee, NeurIPS 2017)."""

from typing import TYPE_CHECKING

from medcore.explain.attribution import Question, only_records
from medcore.explain.parts import parts, shared_out
from medcore.i18n import N_
from medcore.tasks import Task

if TYPE_CHECKING:
    import torch


class KernelShap:
    """Shapley values as the weights of a straight line through the answers to random sets of values. For records,
    where the parts are few."""

    name, title, adds_up, compares = "kernel_shap", N_("Kernel SHAP"), True, True
    samples = 300

    def unsuited(self, task: Task) -> str:
        return only_records(task)

    def attribute(self, question: Question) -> "tuple[torch.Tensor, ...]":
        import torch
        from captum.attr import KernelShap as Captum

        groups = parts(question)
        torch.manual_seed(0)
        found: tuple[torch.Tensor, ...] = Captum(question.model).attribute(
            question.xs,
            question.baselines,
            target=question.target,
            additional_forward_args=question.masks,
            feature_mask=groups,
            n_samples=self.samples,
            perturbations_per_eval=question.at_once,
        )
        # The line fits a little something to parts that are as in the baseline, which can't have moved anything.
        differ = [(x != b).flatten().float() for x, b in zip(question.xs, question.baselines, strict=True)]
        return tuple(
            a * (g.flatten().bincount(d)[g] > 0)
            for a, g, d in zip(shared_out(found, groups), groups, differ, strict=True)
        )
