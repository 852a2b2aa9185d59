"""A residual net with a recurrent head for signals of any length."""

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    """Two convolutions round a skip, normalised first; as in nets.resnet2d, in one dimension."""

    def __init__(self, into: int, out: int, stride: int, kernel: int, drop: float) -> None:
        super().__init__()
        self.norm1, self.act1 = nn.BatchNorm1d(into), nn.ReLU()
        self.conv1 = nn.Conv1d(into, out, kernel, stride, kernel // 2, bias=False)
        self.norm2, self.act2 = nn.BatchNorm1d(out), nn.ReLU()
        self.drop = nn.Dropout(drop)
        self.conv2 = nn.Conv1d(out, out, kernel, 1, kernel // 2, bias=False)
        self.pool = nn.AvgPool1d(stride, ceil_mode=True) if stride > 1 else nn.Identity()
        self.skip = nn.Conv1d(into, out, 1, bias=False) if into != out else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv1(self.act1(self.norm1(x)))
        y = self.conv2(self.drop(self.act2(self.norm2(y))))
        out: torch.Tensor = self.skip(self.pool(x)[..., : y.shape[-1]]) + y
        return out


class ResNetGru1d(nn.Module):
    """Signal to logits. `x`, `mask` (n, leads, samples): mV, 1 where recorded.

    A strided stem, stages of two blocks that halve the rate, a bidirectional GRU over what is left, then four
    attention heads, the mean and the maximum over the recorded part: the length itself is never seen.
    """

    def __init__(
        self,
        leads: int,
        width: int,
        channels: tuple[int, ...] = (32, 64, 96, 128),
        stem: int = 5,
        recurrent: int = 64,
        kernel: int = 7,
        drop: float = 0.1,
    ) -> None:
        super().__init__()
        self.stem = nn.Conv1d(leads, channels[0], 15, stem, 7, bias=False)
        blocks: list[nn.Module] = []
        before = channels[0]
        for out in channels:
            blocks += [Block(before, out, 2, kernel, drop), Block(out, out, 1, kernel, drop)]
            before = out
        self.features = nn.Sequential(*blocks, nn.BatchNorm1d(before), nn.ReLU())
        self.recurrent = nn.GRU(before, recurrent, bidirectional=True, batch_first=True)
        self.attention = nn.Conv1d(2 * recurrent, 4, 1)
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(2 * recurrent * 6, width)

    def embed(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(n, 12 · recurrent): attention heads, mean and maximum over time."""
        y = self.features(self.stem(x.clamp(-5, 5)))
        there = F.adaptive_max_pool1d(mask.amax(1, keepdim=True), y.shape[-1])
        y = self.recurrent((y * there).transpose(1, 2))[0].transpose(1, 2)
        weight = self.attention(y).float().masked_fill(there == 0, -1e4).softmax(-1).to(y.dtype)
        heads = torch.einsum("ncl,nal->nac", y, weight).flatten(1)
        mean = (y * there).sum(-1) / there.sum(-1).clamp(min=1)
        return torch.cat([heads, mean, y.masked_fill(there == 0, -1e4).amax(-1)], 1)

    def both(self, x: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits and what `embed` gives, in one pass."""
        seen = self.embed(x, mask)
        return self.head(self.drop(seen)), seen

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.both(x, mask)[0]
