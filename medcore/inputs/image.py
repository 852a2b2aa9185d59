"""Images: one two-dimensional picture, in the values that the file stores."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from medcore.errors import Refused
from medcore.i18n import _
from medcore.inputs.base import spread

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Image:
    """One picture.

    pixels: (rows, columns) for grey, (rows, columns, 3) for colour; the values stored in the file
    monochrome1: low values are bright (DICOM MONOCHROME1); `brightness` undoes it
    spacing_mm: distance between rows and between columns in mm, or None where the file doesn't say
    bits: bits stored per value
    window: (centre, width) in stored values where the file suggests one
    """

    pixels: np.ndarray
    monochrome1: bool = False
    spacing_mm: tuple[float, float] | None = None
    bits: int = 8
    window: tuple[float, float] | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    kind: ClassVar[str] = "image"

    def content(self) -> tuple[dict[str, Any], list[np.ndarray]]:
        return {"monochrome1": self.monochrome1}, [self.pixels]

    def brightness(self) -> np.ndarray:
        """(rows, columns) float32, dense structures high, whatever the file's convention; colour becomes grey."""
        pixels = self.pixels.astype(np.float32)
        if pixels.ndim == 3:
            pixels = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
        # In place: a large film is copied once.
        return np.subtract(pixels.max() + pixels.min(), pixels, out=pixels) if self.monochrome1 else pixels


def colourfulness(pixels: np.ndarray) -> float:
    """Mean distance between the colour channels as a share of the range; 0 for grey, stored as colour too."""
    if pixels.ndim == 2:
        return 0.0
    p = pixels[:: max(1, len(pixels) // 128), :: max(1, pixels.shape[1] // 128)].astype(np.float32)
    return float((p.max(2) - p.min(2)).mean() / max(1.0, float(p.max())))


@dataclass(frozen=True)
class ImageField:
    """Takes one grey picture of at least `min_side` pixels.

    Encoded: (1, size, size), squeezed to a square so that the picture's shape is not seen, grey values scaled to
    0 to 1 (8 bits: by 255; deeper: from the darkest to the brightest of the squeezed picture); the mask is all ones.
    views: the ViewPosition values that are taken; a file that says another is refused, one that says none is not.
    """

    size: int
    min_side: int = 64
    views: tuple[str, ...] = ()
    kind: str = "image"
    stretch: float = 0.3
    move: float = 0.6
    contrast: float = 0.0

    def check(self, given: Image) -> list[str]:
        rows, columns = given.pixels.shape[:2]
        if colourfulness(given.pixels) > 0.06:
            raise Refused(
                _("This is a colour picture; the question is asked of a grey film."),
                _("Upload the film itself (DICOM, or a grey PNG or JPEG), not a photograph."),
            )
        if min(rows, columns) < self.min_side:
            raise Refused(
                _("The picture is {columns} × {rows} pixels, too small to read.").format(columns=columns, rows=rows),
                _("Upload it with at least {side} pixels a side.").format(side=self.min_side),
            )
        if float(given.pixels.max()) == float(given.pixels.min()):
            raise Refused(_("The picture is one even grey; nothing is on it."), _("Export the film again."))
        view = given.facts.get("view", "")
        if self.views and view and view not in self.views:
            raise Refused(
                _("The file says that this is a {view} view; the question is asked of a frontal film.").format(
                    view=view
                ),
                _("Upload a film of one of these views: {views}.").format(views=", ".join(self.views)),
            )
        remarks = []
        if max(rows, columns) > 2.2 * min(rows, columns):
            remarks.append(_("The film is very long for its width. Is it cut, or more than one picture?"))
        if self.views and not view:
            remarks.append(_("The file doesn't name its view. It is read as a frontal film."))
        return remarks

    def encode(self, given: Image) -> "tuple[torch.Tensor, torch.Tensor]":
        import torch

        grey = torch.from_numpy(given.brightness())[None, None]
        x = torch.nn.functional.interpolate(grey, (self.size, self.size), mode="bilinear", antialias=True)[0]
        # Eight bits are ready for display and keep their scale; of deeper ones any part of the range may be in use.
        low, high = (0.0, 255.0) if given.bits <= 8 else (float(x.amin()), float(x.amax()))
        x = (x - low) / max(high - low, 1e-6)
        return x, torch.ones_like(x)

    def encode_mask(self, mask: np.ndarray, given: Image) -> "torch.Tensor":
        """A mask (labels, rows, columns) on the encoded grid, uint8: 255 times the share of each pixel."""
        import torch

        whole = spread(mask, given.pixels.shape[:2]).astype(np.float32)
        size = (self.size, self.size)
        share = torch.nn.functional.interpolate(torch.from_numpy(whole)[None], size, mode="bilinear", antialias=True)
        return (255 * share[0]).round().to(torch.uint8)

    def on_own_grid(self, encoded: np.ndarray, given: Image, beyond: float = 0.0) -> np.ndarray:
        """(labels, rows, columns) of the picture, bilinearly; nothing of it lies beyond the encoded grid."""
        import torch

        values = torch.from_numpy(np.asarray(encoded, np.float32))[None]
        return torch.nn.functional.interpolate(values, given.pixels.shape[:2], mode="bilinear")[0].numpy()

    def augment(
        self, x: "torch.Tensor", mask: "torch.Tensor", generator: "torch.Generator"
    ) -> "tuple[torch.Tensor, torch.Tensor]":
        x, mask, _truth = self.augment_with(x, mask, x.new_zeros(len(x), 0, *x.shape[2:]), generator)
        return x, mask

    def augment_with(
        self, x: "torch.Tensor", mask: "torch.Tensor", truth: "torch.Tensor", generator: "torch.Generator"
    ) -> "tuple[torch.Tensor, torch.Tensor, torch.Tensor]":
        """A random variant with the truth (n, labels, rows, columns) moved along. Mirrors half of them; stretches one
        way by up to `stretch`; turns (by up to 10° · `move`), shifts (8 %), zooms (12 %); changes gamma, gain and
        level and adds noise by `contrast`."""
        import torch

        n = len(x)

        def around(middle: float, most: float) -> "torch.Tensor":
            return middle + most * (2 * torch.rand(n, generator=generator) - 1)

        angle = torch.deg2rad(around(0, 10 * self.move))
        zoom, stretch = around(1, 0.12 * self.move), torch.exp(around(0, self.stretch / 2))
        side = 1 - 2 * (torch.rand(n, generator=generator) < 0.5).float()
        cos, sin = torch.cos(angle), torch.sin(angle)
        theta = torch.stack(
            [
                torch.stack([side * zoom * stretch * cos, -zoom * stretch * sin, around(0, 0.08 * self.move)], 1),
                torch.stack([side * zoom / stretch * sin, zoom / stretch * cos, around(0, 0.08 * self.move)], 1),
            ],
            1,
        )
        both = torch.cat([x, truth.to(x)], 1)
        grid = torch.nn.functional.affine_grid(theta, list(both.shape), align_corners=False).to(x)
        both = torch.nn.functional.grid_sample(both, grid, padding_mode="border", align_corners=False)
        x, truth = both[:, : x.shape[1]], both[:, x.shape[1] :]
        if not self.contrast:
            return x, mask, truth
        log_gamma, gain, shift, noise = (
            v[:, None, None, None].to(x)
            for v in (
                around(0, 0.35 * self.contrast),
                around(1, 0.2 * self.contrast),
                around(0, 0.12 * self.contrast),
                around(0.02 * self.contrast, 0.02 * self.contrast),
            )
        )
        x = (x.clamp(1e-4, 1) ** torch.exp(log_gamma) - 0.5) * gain + 0.5 + shift
        return x + torch.randn(x.shape, generator=generator).to(x) * noise, mask, truth

    def place(self, attribution: np.ndarray, given: Image) -> np.ndarray:
        """(rows, columns) of the picture, scaled back bilinearly."""
        import torch

        a = torch.from_numpy(np.asarray(attribution, np.float32).reshape(1, 1, self.size, self.size))
        rows, columns = given.pixels.shape[:2]
        return torch.nn.functional.interpolate(a, (rows, columns), mode="bilinear")[0, 0].numpy()

    def absent(self, given: Image) -> list[str]:
        return []
