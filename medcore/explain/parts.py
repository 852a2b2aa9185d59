"""The parts of an input that methods which take things out work by."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from medcore.explain.attribution import Question

if TYPE_CHECKING:
    import torch

    from medcore.inputs import RecordField

ACROSS = 8  # squares of a picture along an axis
SECONDS = 0.5  # of a lead


def parts(question: Question) -> "tuple[torch.Tensor, ...]":
    """For each field a number for each value of its x, (1, …) integer, counted on from field to field: those of a part
    share one. The categories of a record's column go together."""
    import torch

    groups, first = [], 0
    for spec, x in zip(question.task.fields.values(), question.xs, strict=True):
        if spec.kind == "record":
            found = columns(spec)  # type: ignore[arg-type]
        elif x.dim() == 3:
            step = max(1, round(SECONDS * spec.rate_hz))  # type: ignore[attr-defined]
            stretch = torch.arange(x.shape[2]) // step
            found = torch.arange(x.shape[1])[:, None] * (int(stretch[-1]) + 1) + stretch
        else:
            rows, cols = (torch.arange(n) * ACROSS // n for n in x.shape[-2:])
            found = (rows[:, None] * ACROSS + cols).expand(x.shape[1:])
        groups.append((found + first)[None].to(x.device))
        first = int(groups[-1].max()) + 1
    return tuple(groups)


def shared_out(found: "Sequence[torch.Tensor]", groups: "Sequence[torch.Tensor]") -> "tuple[torch.Tensor, ...]":
    """Captum gives each member of a part the part's whole value: here each has its share, so that it counts once."""
    return tuple(a / g.flatten().bincount()[g] for a, g in zip(found, groups, strict=True))


def columns(spec: "RecordField") -> "torch.Tensor":
    """(slots,) the position of each slot's column."""
    import torch

    order = {name: i for i, name in enumerate(dict.fromkeys(name for name, _choice in spec.slots))}
    return torch.tensor([order[name] for name, _choice in spec.slots])
