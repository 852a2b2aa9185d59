"""Shapley values by sampling (Castro, Gómez and Tejada, Computers & OR 2009)."""

from typing import TYPE_CHECKING

from medcore.explain.attribution import Question
from medcore.i18n import N_

if TYPE_CHECKING:
    import torch


class ShapleySampling:
    """Each value's mean step in the answer over random orders of putting values in; the categories of one column
    go in together. For records, where the parts are few."""

    name, title, adds_up = "shapley", N_("Shapley sampling"), True
    orders = 20

    def attribute(self, question: Question) -> "tuple[torch.Tensor, ...]":
        import torch
        from captum.attr import ShapleyValueSampling

        groups, first = [], 0
        for spec in question.task.fields.values():
            names = [name for name, _choice in spec.slots]  # type: ignore[attr-defined]
            order = {name: i for i, name in enumerate(dict.fromkeys(names))}
            groups.append(torch.tensor([[first + order[name] for name in names]]))
            first += len(order)
        torch.manual_seed(0)
        out: tuple[torch.Tensor, ...] = ShapleyValueSampling(question.model).attribute(
            question.xs,
            question.baselines,
            target=question.target,
            additional_forward_args=question.masks,
            feature_mask=tuple(groups),
            n_samples=self.orders,
            perturbations_per_eval=16,
        )
        # Captum gives each member of a group the group's whole value: count it once.
        return tuple(a / torch.tensor([[(g[0] == i).sum() for i in g[0]]]) for a, g in zip(out, groups, strict=True))
