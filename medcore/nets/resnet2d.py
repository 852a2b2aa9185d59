"""A small residual net for grey pictures."""

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    """Two 3 × 3 convolutions round a skip, normalised first (He et al., ECCV 2016); ReLU modules are not reused,
    so that DeepLIFT can hook them."""

    def __init__(self, into: int, out: int, stride: int, drop: float) -> None:
        super().__init__()
        self.norm1, self.act1 = nn.BatchNorm2d(into), nn.ReLU()
        self.conv1 = nn.Conv2d(into, out, 3, stride, 1, bias=False)
        self.norm2, self.act2 = nn.BatchNorm2d(out), nn.ReLU()
        self.drop = nn.Dropout2d(drop)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.pool = nn.AvgPool2d(stride, ceil_mode=True) if stride > 1 else nn.Identity()
        self.skip = nn.Conv2d(into, out, 1, bias=False) if into != out else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv1(self.act1(self.norm1(x)))
        y = self.conv2(self.drop(self.act2(self.norm2(y))))
        out: torch.Tensor = self.skip(self.pool(x)) + y
        return out


class ResNet2d(nn.Module):
    """Grey picture to logits. `x` and `mask` (n, 1, rows, columns), values about 0 to 1.

    features: the last feature maps (n, channels[-1], rows/32, columns/32) for four stages; Grad-CAM looks here.
    Pooling is the mean and the maximum over the picture, so that a small finding is not averaged away.
    """

    def __init__(self, width: int, channels: tuple[int, ...] = (32, 64, 104, 152), drop: float = 0.0) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, channels[0], 7, 2, 3, bias=False), nn.MaxPool2d(3, 2, 1))
        stages: list[nn.Module] = []
        before = channels[0]
        for i, out in enumerate(channels):
            stages += [Block(before, out, 1 if i == 0 else 2, drop), Block(out, out, 1, drop)]
            before = out
        self.features = nn.Sequential(*stages, nn.BatchNorm2d(before), nn.ReLU())
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(2 * before, width)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a third faster on a CPU

    def embed(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(n, 2 · channels[-1]): what the last layer sees."""
        y = self.features(self.stem(((x - 0.5) * 4).contiguous(memory_format=torch.channels_last)))
        return torch.cat([F.adaptive_avg_pool2d(y, 1), F.adaptive_max_pool2d(y, 1)], 1).flatten(1)

    def both(self, x: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits and what `embed` gives, in one pass."""
        seen = self.embed(x, mask)
        return self.head(self.drop(seen)), seen

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.both(x, mask)[0]
