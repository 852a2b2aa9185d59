"""Occlusion (Zeiler and Fergus, ECCV 2014)."""

from typing import TYPE_CHECKING

from medcore.explain.attribution import Question, slow_on_volumes
from medcore.i18n import N_
from medcore.tasks import Task

if TYPE_CHECKING:
    import torch


class Occlusion:
    """How far the answer falls when a window is put back to the baseline; windows overlap by half."""

    name, title, adds_up, compares = "occlusion", N_("Occlusion"), False, True
    parts = 8  # windows along an axis, before overlap

    def unsuited(self, task: Task) -> str:
        return slow_on_volumes(task)

    def attribute(self, question: Question) -> "tuple[torch.Tensor, ...]":
        from captum.attr import Occlusion as Captum

        windows = tuple(self._window(tuple(x.shape[1:])) for x in question.xs)
        strides = tuple(tuple(max(1, w // 2) for w in window) for window in windows)
        out: tuple[torch.Tensor, ...] = Captum(question.model).attribute(
            question.xs,
            sliding_window_shapes=windows,
            strides=strides,
            baselines=question.baselines,
            target=question.target,
            additional_forward_args=question.masks,
            perturbations_per_eval=question.at_once,
        )
        return out

    def _window(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """One value of a record, a stretch of the only lead or the whole of one of several, a square of a film."""
        if len(shape) == 1:
            return (1,)
        if len(shape) == 2:
            return (1, shape[1] if shape[0] > 1 else max(1, shape[1] // (5 * self.parts)))
        return (shape[0], *(max(1, side // self.parts) for side in shape[1:]))
