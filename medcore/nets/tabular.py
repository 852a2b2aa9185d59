"""A net for records with missing values."""

import torch
from torch import nn


class PiecewiseLinear(nn.Module):
    """Each number as how far it has come through each of `bins` quantile bins (Gorishniy et al., NeurIPS 2022),
    with a bit that says whether it was measured. (n, slots) → (n, slots · (bins + 1)).

    The edges are learnt from the training part by `fit` and saved with the weights.
    """

    edges: torch.Tensor

    def __init__(self, slots: int, bins: int) -> None:
        super().__init__()
        self.register_buffer("edges", torch.linspace(0, 1, bins + 1).repeat(slots, 1))

    @torch.no_grad()
    def fit(self, x: torch.Tensor, mask: torch.Tensor) -> None:
        steps = torch.linspace(0, 1, self.edges.shape[1], device=x.device)
        for i in range(x.shape[1]):
            known = x[mask[:, i] > 0, i]
            if len(known):
                # Each edge once, the last one repeated: a bin of no width would be a step, which no gradient sees.
                edges = torch.quantile(known, steps).unique()  # type: ignore[no-untyped-call]
                self.edges[i] = edges[-1]
                self.edges[i, : len(edges)] = edges

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        low, high = self.edges[:, :-1], self.edges[:, 1:]
        part = (x[..., None] - low) / (high - low).clamp(min=1e-6)
        part = part.clamp(0, 1) * (high > low) * mask[..., None]
        return torch.cat([part, mask[..., None]], -1).flatten(1)


class TabularNet(nn.Module):
    """Record to logits: piecewise-linear numbers, then `members` small perceptrons that share their weights up to
    a scale per member and feature (TabM, Gorishniy et al., ICLR 2025); the answer is the members' mean.

    `x`, `mask` (n, slots): values in native units, 1 where measured.
    """

    def __init__(
        self, slots: int, width: int, bins: int = 16, hidden: int = 192, members: int = 16, drop: float = 0.3
    ) -> None:
        super().__init__()
        self.encode = PiecewiseLinear(slots, bins)
        size = slots * (bins + 1)
        self.scale = nn.Parameter(torch.randn(members, size).sign())
        self.first, self.second = nn.Linear(size, hidden), nn.Linear(hidden, hidden)
        self.scale1 = nn.Parameter(torch.ones(members, hidden))
        self.act1, self.act2 = nn.ReLU(), nn.ReLU()
        self.drop1, self.drop2 = nn.Dropout(drop), nn.Dropout(drop)
        self.head = nn.Parameter(torch.randn(members, hidden, width) / hidden**0.5)
        self.bias = nn.Parameter(torch.zeros(members, 1, width))

    def fit(self, x: torch.Tensor, mask: torch.Tensor) -> None:
        """Learn the bins from the training part, before training."""
        self.encode.fit(x, mask)

    def _hidden(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        y = self.encode(x, mask) * self.scale[:, None]
        y = self.drop1(self.act1(self.first(y))) * self.scale1[:, None]
        out: torch.Tensor = self.drop2(self.act2(self.second(y)))
        return out

    def both(self, x: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (n, width), and the members' mean of what their last layers see (n, hidden), in one pass."""
        hidden = self._hidden(x, mask)
        return self._logits(hidden).mean(0), hidden.mean(0)

    def members(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Logits of each member, (members, n, width); each is trained for itself."""
        return self._logits(self._hidden(x, mask))

    def _logits(self, hidden: torch.Tensor) -> torch.Tensor:
        return torch.bmm(hidden, self.head) + self.bias

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.members(x, mask).mean(0)
