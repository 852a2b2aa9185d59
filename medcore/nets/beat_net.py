"""A small net that reads the average beat of an ECG."""

import torch
from torch import nn

from medcore.nets.average_beat import AFTER, BEFORE, average_beat, with_limb_leads


class BeatNet(nn.Module):
    """Twelve-lead ECG to logits. `x`, `mask` (n, 12, samples): mV in the order of LEADS, 1 where recorded.

    The average beat, its small waves brought nearer to the large ones, two convolutions that keep the place (all beats
    lie alike, so where a wave is says which it is), then `members` perceptrons, each trained for itself; the answer is
    their mean. Small on purpose: it is meant for some hundred patients.
    """

    def __init__(
        self,
        rate_hz: float,
        width: int,
        channels: tuple[int, int] = (24, 32),
        hidden: int = 64,
        members: int = 8,
        drop: float = 0.3,
    ) -> None:
        super().__init__()
        self.rate_hz = rate_hz
        first, second = channels
        self.features = nn.Sequential(
            nn.Conv1d(12, first, 7, 2, 3), nn.BatchNorm1d(first), nn.ReLU(),
            nn.Conv1d(first, second, 5, 2, 2), nn.BatchNorm1d(second), nn.ReLU(),
        )  # fmt: skip
        steps = -(-round((BEFORE + AFTER) * rate_hz) // 4)
        size = second * steps + 12
        self.drop0, self.drop1 = nn.Dropout(drop), nn.Dropout(drop)
        self.weight0 = nn.Parameter(torch.randn(members, size, hidden) / size**0.5)
        self.bias0 = nn.Parameter(torch.zeros(members, 1, hidden))
        self.weight1 = nn.Parameter(torch.randn(members, hidden, width) / hidden**0.5)
        self.bias1 = nn.Parameter(torch.zeros(members, 1, width))
        self.act = nn.ReLU()

    def _hidden(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(members, n, hidden)"""
        beat, known = average_beat(*with_limb_leads(x, mask), self.rate_hz)
        seen = torch.cat([self.features(torch.asinh(4 * beat) / 2).flatten(1), known], 1)
        each = self.drop0(seen.expand(len(self.weight0), *seen.shape))
        out: torch.Tensor = self.drop1(self.act(torch.baddbmm(self.bias0, each, self.weight0)))
        return out

    def _logits(self, hidden: torch.Tensor) -> torch.Tensor:
        return torch.baddbmm(self.bias1, hidden, self.weight1)

    def both(self, x: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (n, width), and the members' mean of what their last layers see (n, hidden), in one pass."""
        hidden = self._hidden(x, mask)
        return self._logits(hidden).mean(0), hidden.mean(0)

    def members(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Logits of each member, (members, n, width); each is trained for itself."""
        return self._logits(self._hidden(x, mask))

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.members(x, mask).mean(0)
