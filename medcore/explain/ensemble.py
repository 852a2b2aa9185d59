"""A package as one differentiable net, so that what is explained is the very answer that is shown."""

import torch
from torch import nn

from medcore.packages import Package


class Ensemble(nn.Module):
    """The nets' calibrated mean: takes each field's x, then each field's mask; gives probabilities (n, labels)."""

    def __init__(self, package: Package) -> None:
        super().__init__()
        self.nets = nn.ModuleList(package.hooked_nets)
        self.calibrations = package.calibrations
        self.outcome = package.task.outcome

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
        half = len(tensors) // 2
        n = tensors[0].shape[0]
        # Captum repeats the inputs for its steps and hands the masks on as they are.
        ordered = [
            t for x, m in zip(tensors[:half], tensors[half:], strict=True) for t in (x, m.expand(n, *m.shape[1:]))
        ]
        each = [
            self.outcome.probabilities(net(*ordered).float(), calibration)
            for net, calibration in zip(self.nets, self.calibrations, strict=True)
        ]
        return torch.stack(each).mean(0)
