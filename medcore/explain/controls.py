"""Maps that can't know why a net answers as it does. What passes them as an explanation measures nothing, so limits are
set by them, and tests hold that they fail."""

from dataclasses import replace
from typing import TYPE_CHECKING

from medcore.explain.attribution import Method, Question
from medcore.i18n import N_
from medcore.tasks import Task

if TYPE_CHECKING:
    import torch


class RandomMap:
    """Another noise each time."""

    name, title, adds_up, compares = "random", N_("Random map"), False, False

    def __init__(self) -> None:
        import torch

        self.generator = torch.Generator().manual_seed(0)

    def unsuited(self, task: Task) -> str:
        return ""

    def attribute(self, question: Question) -> "tuple[torch.Tensor, ...]":
        import torch

        return tuple(torch.randn(x.shape, generator=self.generator).to(x) for x in question.xs)


class EdgeMap:
    """How steep the input is at each place, whatever the net: of a picture its edges, of a trace its slopes, of a
    record how far each value lies from the baseline."""

    name, title, adds_up, compares = "edges", N_("Edges of the input"), False, False

    def unsuited(self, task: Task) -> str:
        return ""

    def attribute(self, question: Question) -> "tuple[torch.Tensor, ...]":
        import torch

        out = []
        for x, b in zip(question.xs, question.baselines, strict=True):
            if x.dim() == 2:
                out.append((x - b).abs())
                continue
            axes = (-1,) if x.dim() == 3 else (-2, -1)
            out.append(sum((x - torch.roll(x, 1, axis)).square() for axis in axes).sqrt())  # type: ignore[union-attr]
        return tuple(out)


class OtherLabel:
    """A method's map of the label that the case is least likely to have. Only where there are several."""

    name, title, adds_up, compares = "other_label", N_("Map of another label"), False, True

    def __init__(self, method: Method) -> None:
        self.method = method

    def unsuited(self, task: Task) -> str:
        return "" if len(task.outcome.labels) > 1 else N_("Only where there are several labels.")

    def attribute(self, question: Question) -> "tuple[torch.Tensor, ...]":
        import torch

        with torch.no_grad():
            said = question.model(*question.xs, *question.masks)[0]
        return self.method.attribute(replace(question, target=int(said.argmin())))
