"""Integrated gradients (Sundararajan, Taly and Yan, ICML 2017), with more steps where the answer bends."""

from typing import TYPE_CHECKING

import numpy as np

from medcore.explain.attribution import Question, slow_on_volumes
from medcore.i18n import N_
from medcore.tasks import Task

if TYPE_CHECKING:
    import torch


AT_ONCE = 2**20  # values of an input whose gradients are computed at a time


class IntegratedGradients:
    """Gradients summed on the straight way from the baseline to the input.

    Each gradient stands for the way up to half of that to the next. What lies between two of them should add up to is
    known, as the nets answer there anyway, so the piece that misses it by most is halved next (with a little
    preference for wide ones: parts that cancel out are seen nowhere else). From `fewest` gradients on it ends when all
    pieces together miss the answer by `enough` (of probability), else at `most` with the nodes that missed it least.
    On patients' data its gap is below that of Captum's usual 50 steps, and its parts are as near to those of 300 steps
    as 25 of Captum's bring them (tests/benchmarks/explaining.py).
    """

    name, title, adds_up, compares = "integrated_gradients", N_("Integrated gradients"), True, True
    first, fewest, most, enough, wide = 10, 12, 24, 5e-4, 0.02

    def unsuited(self, task: Task) -> str:
        return slow_on_volumes(task)

    def attribute(self, question: Question) -> "tuple[torch.Tensor, ...]":
        import torch

        way = [x - b for x, b in zip(question.xs, question.baselines, strict=True)]
        with torch.no_grad():
            start, end = (
                float(question.model(*xs, *question.masks)[0, question.target])
                for xs in (question.baselines, question.xs)
            )
        nodes = ((np.polynomial.legendre.leggauss(self.first)[0] + 1) / 2).tolist()
        seen = _along(question, way, nodes)
        best, least = np.zeros(0), np.inf
        while True:
            order = np.argsort(nodes)
            place, answer, slope = (np.array(v)[order] for v in (nodes, *zip(*(s[:2] for s in seen), strict=True)))
            edges, across = np.array([0, *place, 1]), np.array([slope[0], *slope, slope[-1]])
            missed = np.diff(edges) * (across[1:] + across[:-1]) / 2 - np.diff([start, *answer, end])
            if len(nodes) <= self.fewest or abs(missed.sum()) < least:
                least, best = abs(missed.sum()), _stands_for(place)[np.argsort(order)]
            if len(nodes) == self.most or (len(nodes) >= self.fewest and least <= self.enough):
                break
            worst = int((np.abs(missed) + self.wide * np.diff(edges)).argmax())
            nodes.append(float(edges[worst : worst + 2].mean()))
            seen += _along(question, way, nodes[-1:])
        gradients = [[float(share) * g for g in s[2]] for share, s in zip(best, seen, strict=False)]
        return tuple(w * sum(g[k] for g in gradients) for k, w in enumerate(way))


def _stands_for(place: np.ndarray) -> np.ndarray:
    """How much of the way each of the sorted places stands for: up to half of that to the next, and the outermost to
    the end. The ends have no gradient of their own: at a flat line all kinks of a net may lie in one place."""
    between = np.convolve(place, [0.5, 0.5], "valid")
    return np.diff(np.array([0, *between, 1]))


def _along(
    question: Question, way: "list[torch.Tensor]", nodes: list[float]
) -> "list[tuple[float, float, tuple[torch.Tensor, ...]]]":
    """At places of the way (0 to 1): the answer, how fast it changes there, and its gradient for each field."""
    import torch

    out: list[tuple[float, float, tuple[torch.Tensor, ...]]] = []
    size = max(1, AT_ONCE // sum(w.numel() for w in way))
    for start in range(0, len(nodes), size):
        at = torch.tensor(nodes[start : start + size], dtype=way[0].dtype, device=way[0].device)
        masks = [m.expand(len(at), *m.shape[1:]) for m in question.masks]
        with torch.enable_grad():
            xs = [
                (b + at.view(-1, *[1] * (w.dim() - 1)) * w).requires_grad_()
                for b, w in zip(question.baselines, way, strict=True)
            ]
            said = question.model(*xs, *masks)[:, question.target]
            gradients = torch.autograd.grad(said.sum(), xs)
        for i, answer in enumerate(said.tolist()):
            own = tuple(g[i : i + 1] for g in gradients)
            out.append((answer, sum(float((g * w).sum()) for g, w in zip(own, way, strict=True)), own))
    return out
