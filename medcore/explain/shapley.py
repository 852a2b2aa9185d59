"""Shapley values by sampling (Castro, Gómez and Tejada, Computers & OR 2009)."""

from typing import TYPE_CHECKING

from medcore.explain.attribution import Question, only_records
from medcore.explain.parts import parts, shared_out
from medcore.i18n import N_
from medcore.tasks import Task

if TYPE_CHECKING:
    import torch


class ShapleySampling:
    """Each value's mean step in the answer over random orders of putting values in; the categories of one column
    go in together. For records, where the parts are few."""

    name, title, adds_up, compares = "shapley", N_("Shapley sampling"), True, True
    orders = 12

    def unsuited(self, task: Task) -> str:
        return only_records(task)

    def attribute(self, question: Question) -> "tuple[torch.Tensor, ...]":
        import torch
        from captum.attr import ShapleyValueSampling

        groups = parts(question)
        torch.manual_seed(0)
        out: tuple[torch.Tensor, ...] = ShapleyValueSampling(question.model).attribute(
            question.xs,
            question.baselines,
            target=question.target,
            additional_forward_args=question.masks,
            feature_mask=groups,
            n_samples=self.orders,
            perturbations_per_eval=question.at_once,
        )
        return shared_out(out, groups)
