"""A residual U-Net that reads a volume slice by slice, each with its neighbours."""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    """Two 3 × 3 convolutions round a skip, each with batch normalisation (He et al., CVPR 2016); ReLU modules are not
    reused, so that Captum can hook them."""

    def __init__(self, into: int, out: int, stride: int = 1, drop: float = 0.0) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(into, out, 3, stride, 1, bias=False)
        self.norm1, self.act1 = nn.BatchNorm2d(out), nn.ReLU()
        self.drop = nn.Dropout2d(drop)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.norm2, self.act2 = nn.BatchNorm2d(out), nn.ReLU()
        self.pool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
        self.skip = nn.Conv2d(into, out, 1, bias=False) if into != out else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm2(self.conv2(self.drop(self.act1(self.norm1(self.conv1(x))))))
        out: torch.Tensor = self.act2(self.skip(self.pool(x)) + y)
        return out


class SliceUnet(nn.Module):
    """Volume to logits of each voxel (Ronneberger et al., MICCAI 2015, with residual blocks and summed skips).

    x: (n, sequences, slices, rows, columns), about mean 0 and spread 1 inside the head; rows and columns multiples of
    2 ** (levels − 1). mask: (n, sequences, slices, 1, 1), 0 where a sequence is missing. Gives (n, width, slices, rows,
    columns). A slice is seen with `around` neighbours on each side; the first and last stand in beyond the ends.
    Slices go through in chunks, so that memory doesn't grow with their number.
    """

    chunk = 16  # slices at a time when no gradient is asked for

    def __init__(
        self,
        sequences: int,
        width: int,
        channels: tuple[int, ...] = (32, 64, 96, 128, 160),
        around: int = 1,
        drop: float = 0.1,
    ) -> None:
        super().__init__()
        self.around = around
        self.fold, self.unfold = nn.PixelUnshuffle(2), nn.PixelShuffle(2)
        self.stem = Block(4 * sequences * (2 * around + 1) + sequences, channels[0])
        pairs = list(pairwise(channels))
        self.down = nn.ModuleList(Block(a, b, 2) for a, b in pairs)
        self.features = nn.Sequential(Block(channels[-1], channels[-1], drop=drop), Block(channels[-1], channels[-1]))
        self.narrow = nn.ModuleList(nn.Conv2d(b, a, 1, bias=False) for a, b in reversed(pairs))
        self.up = nn.ModuleList(Block(a, a) for a, _b in reversed(pairs))
        self.head = nn.Conv2d(channels[0], 4 * width, 1)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a third faster on a CPU

    def pictures(self, x: torch.Tensor, mask: torch.Tensor, start: int = 0, stop: int | None = None) -> torch.Tensor:
        """(n · slices, channels, rows, columns): each slice from `start` to before `stop` with its neighbours, and
        which sequences are there."""
        slices, rows, columns = x.shape[2:]
        stop = slices if stop is None else stop
        part = x[:, :, torch.arange(start - self.around, stop + self.around).clamp(0, slices - 1)]
        near = [part[:, :, k : k + stop - start] for k in range(2 * self.around + 1)]
        flat = self.fold(torch.cat(near, 1).transpose(1, 2).flatten(0, 1))
        there = mask[:, :, start:stop].transpose(1, 2).flatten(0, 1).expand(-1, -1, rows // 2, columns // 2)
        return torch.cat([flat, there], 1).contiguous(memory_format=torch.channels_last)

    def deep(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """What each level makes of pictures, the narrowest last."""
        found = [self.stem(pictures)]
        for down in self.down:
            found.append(down(found[-1]))
        return [*found[:-1], self.features(found[-1])]

    def look(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (m, width, rows, columns) of pictures, and the mean and maximum of the narrowest level of each."""
        *kept, y = self.deep(pictures)
        seen = torch.cat([y.mean((2, 3)), y.amax((2, 3))], 1)
        for narrow, up in zip(self.narrow, self.up, strict=True):
            y = up(F.interpolate(narrow(y), scale_factor=2) + kept.pop())
        return self.unfold(self.head(y)), seen

    def both(self, x: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits, and the mean over slices of what the narrowest level sees, (n, 2 · channels[-1]), in one pass."""
        parts = [self._part(x, mask, *ends) for ends in self._windows(x)]
        z, seen = (torch.cat([p[i] for p in parts], 1) for i in (0, 1))
        there = mask.amax(1)[..., 0]  # padded slices have no sequence
        return z.transpose(1, 2), (seen * there).sum(1) / there.sum(1).clamp(min=1)

    def _windows(self, x: torch.Tensor) -> list[tuple[int, int]]:
        """First slice and the one after the last, in chunks where no gradient is asked for."""
        step = x.shape[2] if torch.is_grad_enabled() else max(1, self.chunk // len(x))
        return [(start, min(start + step, x.shape[2])) for start in range(0, x.shape[2], step)]

    def _part(self, x: torch.Tensor, mask: torch.Tensor, start: int, stop: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (n, stop − start, width, rows, columns) of some slices, and what the narrowest level sees of each."""
        z, seen = self.look(self.pictures(x, mask, start, stop))
        if not self.training:  # the answer to a head and to its mirror image, turned back, halved
            low, high = max(0, start - self.around), min(x.shape[2], stop + self.around)
            mirrored = x[:, :, low:high].flip(-1), mask[:, :, low:high]
            z = (z + self.look(self.pictures(*mirrored, start - low, stop - low))[0].flip(-1)) / 2
        n = len(x)
        return z.view(n, stop - start, *z.shape[1:]), seen.view(n, stop - start, -1)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.both(x, mask)[0]

    def embed(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The second of `both` alone."""
        found = []
        for start, stop in self._windows(x):
            y = self.deep(self.pictures(x, mask, start, stop))[-1]
            found.append(torch.cat([y.mean((2, 3)), y.amax((2, 3))], 1).view(len(x), stop - start, -1))
        there = mask.amax(1)[..., 0]
        return (torch.cat(found, 1) * there).sum(1) / there.sum(1).clamp(min=1)


class FilmUnet(nn.Module):
    """Film to logits of each pixel: `SliceUnet` of a single slice.

    x, mask: (n, 1, rows, columns), grey values from 0 to 1; gives (n, width, rows, columns).
    """

    def __init__(self, width: int, channels: tuple[int, ...] = (16, 32, 48, 64, 80)) -> None:
        super().__init__()
        self.slices = SliceUnet(1, width, channels, around=0)
        self.features = self.slices.features

    def both(self, x: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits, and what the narrowest level sees, (n, 2 · channels[-1]), in one pass."""
        z, seen = self.slices.both(x[:, :, None], mask.amax((2, 3), keepdim=True)[:, :, None])
        return z[:, :, 0], seen

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.both(x, mask)[0]
