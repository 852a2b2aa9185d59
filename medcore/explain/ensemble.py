"""A package as one differentiable net, so that what is explained is the very answer that is shown."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from medcore.outcomes.base import Calibration
from medcore.tasks import Task


class Ensemble(nn.Module):
    """The calibrated mean of nets: takes each field's x, then each field's mask; gives probabilities (n, labels).

    place: (labels, …) bool on the encoded grid, where the outcome lies on a grid: the probability is then the mean over
        the voxels of the place, which stays the same however the input is changed.
    """

    def __init__(
        self,
        task: Task,
        nets: Sequence[nn.Module],
        calibrations: Sequence[Calibration],
        place: torch.Tensor | None = None,
    ) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)
        self.calibrations = calibrations
        self.calibrated = task.grid[1].voxels if task.grid else task.outcome.probabilities
        self.place = place

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
        said = self.everywhere(*tensors)
        return said if self.place is None else within(said, self.place)

    def everywhere(self, *tensors: torch.Tensor) -> torch.Tensor:
        """The calibrated mean as the nets give it: (n, labels), or of each voxel (n, labels, …)."""
        half = len(tensors) // 2
        n = tensors[0].shape[0]
        # Captum repeats the inputs for its steps and hands the masks on as they are.
        ordered = [
            t for x, m in zip(tensors[:half], tensors[half:], strict=True) for t in (x, m.expand(n, *m.shape[1:]))
        ]
        each = [
            self.calibrated(self._run(net, ordered).float(), calibration)
            for net, calibration in zip(self.nets, self.calibrations, strict=True)
        ]
        return torch.stack(each).mean(0)

    def _run(self, net: nn.Module, ordered: list[torch.Tensor]) -> torch.Tensor:
        """A net's logits. Those that fill a grid are computed again for the gradient, so that what leads to them is
        held for one net at a time."""
        again = self.place is not None and torch.is_grad_enabled()
        found: torch.Tensor = checkpoint(net, *ordered, use_reentrant=False) if again else net(*ordered)
        return found


class Inside(nn.Module):
    """One net whose answer is the mean of its logits within a place, (n, labels) (Vinogradova et al., AAAI 2020)."""

    def __init__(self, net: nn.Module, place: torch.Tensor) -> None:
        super().__init__()
        self.net, self.place, self.features = net, place, net.features

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
        return within(self.net(*tensors).float(), self.place)


def within(values: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    """(n, labels): the mean of values (n, labels, …) over each label's place (labels, …)."""
    rest = tuple(range(2, values.dim()))
    return (values * place).sum(rest) / place.sum(tuple(range(1, place.dim()))).clamp(min=1)


def place_of(said: torch.Tensor, cut: float, least: int = 16) -> torch.Tensor:
    """Where probabilities (1, labels, …) of voxels reach the cut; of a label that is nowhere the `least` likeliest."""
    top = said[0].flatten(1).topk(least).values[:, -1].clamp(max=cut)
    return said[0] >= top.reshape(-1, *[1] * (said.dim() - 2))
