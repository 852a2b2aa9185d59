"""Volumes as a task takes them: sequences by name, the head in a frame of one size, slices as they are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from medcore.errors import Unasked
from medcore.i18n import _
from medcore.inputs.base import sha256, spread
from medcore.inputs.volume import Volume

if TYPE_CHECKING:
    import torch

AXIAL = (2, 1, 0)  # which of the patient's axes (x left, y back, z head) slices, rows and columns go along
BRIGHT = 0.15  # of a sequence's 99th percentile: tissue rather than air
STANDS_IN = (
    0.08  # mean difference in spreads of FLAIR; real sequences of the lgg set begin at 0.127, copies end at 0.059
)
FEW = 3  # slices
SPARSE = (slice(None), slice(None, None, 3), slice(None, None, 3))  # one pixel in nine is enough for statistics


@dataclass(frozen=True)
class Frame:
    """Where the encoded grid lies in a volume.

    axes, flips: of the voxels (slices, rows, columns) that bring them to axial slices from the feet up, rows to the
        back, columns to the patient's left
    top, left, height, width: the rectangle round the head, in those slices' pixels; it may reach over the edge
    """

    axes: tuple[int, ...]
    flips: tuple[int, ...]
    top: int
    left: int
    height: int
    width: int

    def turned(self, grid: np.ndarray) -> np.ndarray:
        """(…, slices, rows, columns) of the volume as axial slices."""
        lead = grid.ndim - 3
        out = grid.transpose(*range(lead), *(lead + a for a in self.axes))
        return np.asarray(np.flip(out, tuple(lead + f for f in self.flips)))

    def turned_back(self, grid: np.ndarray) -> np.ndarray:
        """The way back from `turned`."""
        lead = grid.ndim - 3
        out = np.asarray(np.flip(grid, tuple(lead + f for f in self.flips)))
        return out.transpose(*range(lead), *(lead + int(a) for a in np.argsort(self.axes)))


@dataclass(frozen=True)
class VolumeField:
    """Takes MR sequences of a head on one grid.

    sequences: for each that the net wants the names that it goes by, the first the usual one. Any but the leading one
        may be missing; one that repeats that (in the lgg set FLAIR stands in for what was not acquired) counts as
        missing
    leading: position of the sequence that others may repeat, and that the net can't do without
    rows, columns: of the encoded grid. The head is cut out with a margin and brought to it in plane, so that the size
        of the picture and of its frame are not seen; slices stay as they are.
    crop: neighbouring slices that training sees at a time

    Encoded: (sequences, slices, rows, columns), mean 0 and spread 1 over the head of each sequence, and a mask
    (sequences, slices, 1, 1).
    """

    sequences: tuple[tuple[str, ...], ...]
    rows: int
    columns: int
    leading: int = 1
    crop: int = 4
    kind: str = "volume"
    drop: float = 0.1

    def _channels(self, given: Volume) -> list[int | None]:
        """For each sequence the channel that shows it."""
        names = [name.strip().lower() for name in given.channels]
        wanted = [[name.lower() for name in known] for known in self.sequences]
        found = [next((names.index(k) for k in known if k in names), None) for known in wanted]
        main = found[self.leading]
        if main is not None:
            flair = given.voxels[main][SPARSE].astype(np.float32)
            for i, channel in enumerate(found):
                if channel is not None and channel != main:
                    apart = np.abs(given.voxels[channel][SPARSE].astype(np.float32) - flair).mean()
                    found[i] = channel if apart > STANDS_IN * flair.std() else None
        return found

    def joined(self, inputs: Sequence[Volume]) -> list[Volume]:
        """What several series give together: those of one sequence each that lie on one grid, as one volume with as
        many of the wanted sequences as there are. The fullest first; [] where no two belong together."""
        grids: list[dict[int, Volume]] = []
        for given in inputs:
            shown = [i for i, c in enumerate(self._channels(given)) if c is not None]
            if len(given.voxels) != 1 or len(shown) != 1:
                continue
            grid = next((g for g in grids if _on_one_grid(next(iter(g.values())), given)), None)
            if grid is None:
                grids.append(grid := {})
            grid.setdefault(shown[0], given)
        several = sorted((grid for grid in grids if len(grid) > 1), key=len, reverse=True)
        return [_one_of([grid[i] for i in sorted(grid)]) for grid in several]

    def check(self, given: Volume) -> list[str]:
        """What the question can't be asked of can still be viewed, so it is Unasked rather than turned away."""
        usual = ", ".join(_(known[0]) for known in self.sequences)
        channels = self._channels(given)
        if given.units == "HU" or all(c is None for c in channels):
            raise Unasked(
                _("This volume has none of the sequences that the question needs: {names}.").format(names=usual),
                _("Upload MR sequences of the head whose files name them."),
            )
        if channels[self.leading] is None:
            raise Unasked(
                _("There is no {name}, and without it the nets of this question find next to nothing.").format(
                    name=_(self.sequences[self.leading][0])
                ),
                _("Add that series of the same examination; the others alone can be viewed."),
            )
        slices, rows, columns = given.voxels.shape[1:]
        if slices < FEW or min(rows, columns) < self.columns // 3:
            raise Unasked(
                _("The volume has {s} slices of {c} × {r} pixels, too little to read.").format(
                    s=slices, c=columns, r=rows
                ),
                _("Upload the whole series at its full size."),
            )
        if float(given.voxels.max()) == float(given.voxels.min()):
            raise Unasked(_("The volume is one even grey; nothing is on it."), _("Export the series again."))
        missing = self.absent(given)
        said = [_("Not there, or only a copy of another sequence: {names}.").format(names=", ".join(missing))]
        return said if missing else []

    def absent(self, given: Volume) -> list[str]:
        return [known[0] for known, c in zip(self.sequences, self._channels(given), strict=True) if c is None]

    def frame(self, given: Volume) -> Frame:
        """The rectangle of the grid's shape round all that is brighter than air, with a margin of 3 %."""
        axes, flips = _orientation(given.affine)
        shown = [given.voxels[c] for c in self._channels(given) if c is not None]
        bright = np.any([voxels > BRIGHT * _top(voxels) for voxels in shown], axis=0)
        bright = Frame(axes, flips, 0, 0, 0, 0).turned(bright)
        spacing = np.array(given.spacing_mm)[list(axes)]
        aspect = self.rows / self.columns * spacing[2] / spacing[1]  # height to width in pixels
        (top, bottom), (left, right) = _extent(bright, 2), _extent(bright, 1)
        height = max(bottom - top, (right - left) * aspect) * 1.06
        high, wide = max(1, round(height)), max(1, round(height / aspect))
        return Frame(axes, flips, round((top + bottom - high) / 2), round((left + right - wide) / 2), high, wide)

    def encode(self, given: Volume) -> "tuple[torch.Tensor, torch.Tensor]":
        import torch

        frame = self.frame(given)
        parts, mask = [], []
        for channel in self._channels(given):
            voxels = frame.turned(given.voxels[channel or 0])
            x = self._cut(torch.from_numpy(voxels.astype(np.float32)), frame)
            head = x[x > BRIGHT * _top(voxels)]
            spread = float(head.std()) if len(head) > 1 else 1.0
            parts.append((x - head.mean()) / max(spread, 1e-6) if channel is not None else torch.zeros_like(x))
            mask.append(torch.full((x.shape[0], 1, 1), float(channel is not None)))
        return torch.stack(parts), torch.stack(mask)

    def encode_mask(self, mask: np.ndarray, given: Volume) -> "torch.Tensor":
        """A mask (labels, slices, rows, columns) on the encoded grid, uint8: 255 times the share of each pixel."""
        import torch

        frame = self.frame(given)
        whole = frame.turned(spread(mask, given.voxels.shape[1:]))
        share = torch.stack([self._cut(torch.from_numpy(m.astype(np.float32)), frame) for m in whole])
        return (255 * share).round().to(torch.uint8)

    def _cut(self, slices: "torch.Tensor", frame: Frame) -> "torch.Tensor":
        """(slices, rows, columns) of the frame on the encoded grid; beyond the edge is 0."""
        import torch

        rows, columns = slices.shape[1:]
        pad = [
            max(0, -frame.left), max(0, frame.left + frame.width - columns),
            max(0, -frame.top), max(0, frame.top + frame.height - rows),
        ]  # fmt: skip
        padded = torch.nn.functional.pad(slices, pad)
        top, left = max(0, frame.top), max(0, frame.left)
        cut = padded[:, top : top + frame.height, left : left + frame.width]
        size = (self.rows, self.columns)
        return torch.nn.functional.interpolate(cut[None], size, mode="bilinear", antialias=True)[0]

    def on_own_grid(self, encoded: np.ndarray, given: Volume, beyond: float = 0.0) -> np.ndarray:
        """(labels, slices, rows, columns) of the encoded grid on the volume's own, bilinearly; `beyond` off the frame.
        Slices that padded a batch are left out."""
        import torch

        frame = self.frame(given)
        shape = frame.turned(given.voxels[0]).shape
        size = (frame.height, frame.width)
        values = torch.from_numpy(np.ascontiguousarray(encoded[:, : shape[0]], np.float32))
        values = torch.nn.functional.interpolate(values, size, mode="bilinear")
        out = np.full((len(encoded), *shape), beyond, np.float32)
        top, left = max(0, frame.top), max(0, frame.left)
        bottom, right = min(shape[1], frame.top + frame.height), min(shape[2], frame.left + frame.width)
        inside = values[:, :, top - frame.top : bottom - frame.top, left - frame.left : right - frame.left]
        out[:, :, top:bottom, left:right] = inside.numpy()
        return np.ascontiguousarray(frame.turned_back(out))

    def place(self, attribution: np.ndarray, given: Volume) -> np.ndarray:
        """(slices, rows, columns) of the volume: the sum over its sequences, each pixel with its share."""
        placed = self.on_own_grid(attribution.sum(0, keepdims=True), given)[0]
        frame = self.frame(given)
        return np.asarray(placed * np.float32(self.rows * self.columns / (frame.height * frame.width)))

    def augment(
        self, x: "torch.Tensor", mask: "torch.Tensor", generator: "torch.Generator"
    ) -> "tuple[torch.Tensor, torch.Tensor]":
        x, mask, _truth = self.augment_with(x, mask, x.new_zeros(len(x), 0, *x.shape[2:]), generator)
        return x, mask

    def augment_with(
        self, x: "torch.Tensor", mask: "torch.Tensor", truth: "torch.Tensor", generator: "torch.Generator"
    ) -> "tuple[torch.Tensor, torch.Tensor, torch.Tensor]":
        """A random variant with the truth (n, labels, slices, rows, columns) moved along: `crop` slices, half of the
        time round one that has some truth, from either end; mirrored, turned (15°), zoomed (15 %), shifted (6 %);
        gamma, gain and level of each sequence; one left out with probability `drop`, the leading one a third as often.
        """
        import torch

        x, mask, truth = _windows(x, mask, truth, self.crop, generator)
        n, sequences, slices, rows, columns = x.shape
        theta = _affine(n, rows / columns, generator)
        both = torch.cat([x, truth.to(x)], 1).flatten(1, 2)
        grid = torch.nn.functional.affine_grid(theta, list(both.shape), align_corners=False)
        both = torch.nn.functional.grid_sample(both, grid, padding_mode="border", align_corners=False)
        both = both.view(n, -1, slices, rows, columns)
        x, truth = both[:, :sequences], both[:, sequences:]

        def around(most: float) -> "torch.Tensor":
            return most * (2 * torch.rand(n, sequences, 1, 1, 1, generator=generator) - 1)

        low, high = x.amin((2, 3, 4), keepdim=True), x.amax((2, 3, 4), keepdim=True)
        span = (high - low).clamp(min=1e-6)
        x = ((x - low) / span).clamp(1e-4, 1) ** torch.exp(around(0.35)) * span + low
        x = x * torch.exp(around(0.2)) + around(0.3)
        x = x + 0.08 * torch.rand(n, 1, 1, 1, 1, generator=generator) * torch.randn(x.shape, generator=generator)
        rate = torch.tensor([self.drop / 3 if i == self.leading else self.drop for i in range(sequences)])
        keep = (torch.rand(n, sequences, generator=generator) >= rate).to(x)[:, :, None, None, None] * mask
        mask = torch.where(keep.amax((1, 2), keepdim=True) > 0, keep, mask)  # never all of them
        return x * mask, mask, truth


def _on_one_grid(a: Volume, b: Volume) -> bool:
    facts = [(v.voxels.shape, v.positions_mm, v.units, v.spacing_real, v.placed) for v in (a, b)]
    return facts[0] == facts[1] and np.allclose(a.affine, b.affine, atol=1e-3)


def _one_of(parts: Sequence[Volume]) -> Volume:
    return replace(
        parts[0],
        voxels=np.concatenate([part.voxels for part in parts]),
        channels=tuple(channel for part in parts for channel in part.channels),
        window=None,
        padding=None,
        made_of=tuple(sha256(part) for part in parts),
    )


def _top(voxels: np.ndarray) -> float:
    """What 99 of 100 voxels (slices, rows, columns) are below."""
    return max(float(np.percentile(voxels[SPARSE], 99)), 1e-6)


def _orientation(affine: np.ndarray) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Axes and flips that bring (slices, rows, columns) nearest to AXIAL, each in the direction of its patient axis."""
    from itertools import permutations

    turn = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0).clip(1e-9)
    axes = max(permutations(range(3)), key=lambda p: sum(abs(turn[w, a]) for w, a in zip(AXIAL, p, strict=True)))
    flips = tuple(i for i, (w, a) in enumerate(zip(AXIAL, axes, strict=True)) if turn[w, a] < 0)
    return axes, flips


def _extent(bright: np.ndarray, along: int) -> tuple[int, int]:
    """First row (`along` 2) or column (`along` 1), and one past the last, with more than speckle in any slice."""
    line = bright.sum(along).max(0)
    at = np.flatnonzero(line > 0.12 * bright.shape[along])
    return (int(at[0]), int(at[-1]) + 1) if len(at) else (0, len(line))


def _windows(
    x: "torch.Tensor", mask: "torch.Tensor", truth: "torch.Tensor", crop: int, generator: "torch.Generator"
) -> "tuple[torch.Tensor, torch.Tensor, torch.Tensor]":
    """`crop` neighbouring slices of each volume, from either end; half of the time round one that has some truth."""
    import torch

    order = []
    for i in range(len(x)):
        valid = int(mask[i].amax(0).sum())
        draw, where, turn = torch.rand(3, generator=generator).tolist()
        most = max(0, valid - crop)
        held = torch.nonzero(truth[i].flatten(2).amax((0, 2))).flatten().tolist() if truth.shape[1] else []
        middle = held[int(where * len(held))] - crop // 2 if held and draw < 0.5 else int(where * (most + 1))
        at = min(max(0, middle), most) + torch.arange(min(crop, x.shape[2]))
        order.append(at if turn < 0.5 else at.flip(0))
    taken = [torch.stack([t[i, :, at] for i, at in enumerate(order)]) for t in (x, mask, truth)]
    return taken[0], taken[1], taken[2]


def _affine(n: int, aspect: float, generator: "torch.Generator") -> "torch.Tensor":
    """(n, 2, 3) for affine_grid; aspect: rows to columns."""
    import torch

    def around(most: float) -> "torch.Tensor":
        return most * (2 * torch.rand(n, generator=generator) - 1)

    angle, zoom, stretch = torch.deg2rad(around(15)), torch.exp(around(0.15)), torch.exp(around(0.06))
    side = 1 - 2 * (torch.rand(n, generator=generator) < 0.5).float()
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    first = torch.stack([side * cos * stretch, -aspect * sin * stretch, around(0.12)], 1)
    second = torch.stack([side * sin / aspect / stretch, cos / stretch, around(0.12)], 1)
    return torch.stack([first, second], 1)
