"""Integrated gradients (Sundararajan, Taly and Yan, ICML 2017), with more steps where the answer bends."""

from typing import TYPE_CHECKING

import numpy as np

from medcore.explain.attribution import Question, slow_on_volumes
from medcore.i18n import N_
from medcore.tasks import Task

if TYPE_CHECKING:
    import torch


class IntegratedGradients:
    """Gradients summed on the straight way from the baseline to the input.

    What lies between two gradients should add up to is known, as the nets answer there anyway: so the `at_once` pieces
    that miss it by most are halved next (with a little preference for wide ones: parts that cancel out are seen nowhere
    else), until there are `most` gradients. That also tells how much of the way each of the two stands for: see
    `_shares`. On patients' data the gap is 0.2 to 0.8 of that of Captum's usual 50 steps
    (tests/benchmarks/gradients.py), and the parts are about as near to those of 200 steps as 25 of Captum's bring them.
    """

    name, title, adds_up, compares = "integrated_gradients", N_("Integrated gradients"), True, True
    first, at_once, most, wide = 10, 4, 22, 0.02

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
        while True:
            order = np.argsort(nodes)
            place, answer, slope = (np.array(v)[order] for v in (nodes, *zip(*(s[:2] for s in seen), strict=True)))
            if len(nodes) >= self.most:
                break
            edges, across = np.array([0, *place, 1]), np.array([slope[0], *slope, slope[-1]])
            missed = np.diff(edges) * (across[1:] + across[:-1]) / 2 - np.diff([start, *answer, end])
            worst = np.argsort(-np.abs(missed) - self.wide * np.diff(edges))[: self.at_once]
            halves = ((edges[1:] + edges[:-1]) / 2)[worst].tolist()
            nodes += halves
            seen += _along(question, way, halves)
        shares = _shares(place, answer, slope).tolist()
        gradients = [[share * g for g in seen[i][2]] for share, i in zip(shares, order, strict=True)]
        return tuple(w * sum(g[k] for g in gradients) for k, w in enumerate(way))


def _shares(place: np.ndarray, answer: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """How much of the way each of the sorted places stands for. Of a piece between two of them both have so much that
    the piece adds up to what the answer changes there; were there one kink in it, as in a net of ReLUs, each has
    exactly what lies on its side of the kink. What lies before the first and after the last is theirs: the ends have no
    gradient, for at a flat line all kinks of a net may lie in one place.

    place: (n,) 0 to 1; answer, slope: (n,) the answer there, and how fast it changes
    """
    wide, bend = np.diff(place), slope[:-1] - slope[1:]
    straight = np.abs(bend) < 1e-9
    before = np.where(straight, 0.5, (np.diff(answer) / wide - slope[1:]) / np.where(straight, 1.0, bend)).clip(0, 1)
    return np.asarray(np.hstack([place[0], wide * (1 - before)]) + np.hstack([wide * before, 1 - place[-1]]))


def _along(
    question: Question, way: "list[torch.Tensor]", nodes: list[float]
) -> "list[tuple[float, float, tuple[torch.Tensor, ...]]]":
    """At places of the way (0 to 1): the answer, how fast it changes there, and its gradient for each field."""
    import torch

    out: list[tuple[float, float, tuple[torch.Tensor, ...]]] = []
    for start in range(0, len(nodes), question.at_once):
        at = torch.tensor(nodes[start : start + question.at_once], dtype=way[0].dtype, device=way[0].device)
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
