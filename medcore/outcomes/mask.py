"""Where something is: a mask on the grid of an input."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from medcore.inputs.base import spread
from medcore.outcomes import metrics as m
from medcore.outcomes.base import Calibration, Label, uncalibrated
from medcore.outcomes.logistic import Array, affine, fit_platt, sigmoid

if TYPE_CHECKING:
    import torch

BINS, REACH = 1200, 12.0  # of the tallies: logits from −REACH to REACH, in steps of 0.02
SMALLEST = 1e-4  # share of the voxels: about 1 ml of a usual field of view round a head, 7 pixels of 256² in one slice
EDGES = np.linspace(-REACH, REACH, BINS + 1)
CENTRES = (EDGES[1:] + EDGES[:-1]) / 2


@dataclass(frozen=True)
class Mask:
    """Where each of `labels` is: a logit a voxel and label, truth (labels, slices, rows, columns), or of a picture
    (labels, rows, columns).

    on: the field on whose grid the mask lies
    cut: calibrated probability from which a voxel belongs to a label. Dice is highest from half of the Dice that is
        reached (Lipton et al., ECML 2014): 0.4 for outlines that agree by 0.8

    The probability that a label is there at all is the mean of its most probable voxels, as many as SMALLEST of the
    volume: that of the smallest finding that counts. Below a half nothing is marked, so that a speck is no finding.

    What is kept of a case's logits is a tally: for each label how many voxels outside and inside the truth had which
    logit, (labels, 2, BINS). Calibration, the probability and Dice all follow from it, and no volume is kept. Rows of
    `probabilities` are (labels, then voxels marked, then voxels rightly marked); rows of truth are voxels marked by
    people; all on the input's own grid.
    """

    labels: tuple[Label, ...]
    absent: Label
    on: str
    cut: float = 0.4
    kind: str = "mask"

    @property
    def choices(self) -> tuple[Label, ...]:
        return (*self.labels, self.absent)

    @property
    def width(self) -> int:
        return len(self.labels)

    def truth_row(self, mask: np.ndarray, given: Any) -> np.ndarray:
        """(labels,) voxels of each label."""
        row: np.ndarray = mask.reshape(len(mask), -1).sum(1).astype(np.float64)
        return row

    def loss(self, logits: "torch.Tensor", truth: "torch.Tensor", weights: "torch.Tensor") -> "torch.Tensor":
        """Cross entropy and 1 − Dice of the whole batch (Milletari et al., 3DV 2016); truth between 0 and 1."""
        import torch

        p, rest = logits.sigmoid(), (0, *range(2, logits.dim()))
        dice = (2 * (p * truth).sum(rest) + 1) / (p.sum(rest) + truth.sum(rest) + 1)
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, truth) + (1 - dice).mean()

    def validation_loss(self, logits: np.ndarray, truth: np.ndarray, weights: "torch.Tensor") -> float:
        """The same from tallies, Dice by case."""
        p, count = sigmoid(CENTRES), logits.sum(3)
        hit, said = logits[:, :, 1] @ p, logits.sum(2) @ p
        dice = (2 * hit + 1) / (said + count[:, :, 1] + 1)
        wrong = logits[:, :, 1] @ np.logaddexp(0, -CENTRES) + logits[:, :, 0] @ np.logaddexp(0, CENTRES)
        return float((wrong / count.sum(2)).mean() + (1 - dice).mean())

    def class_weights(self, truth: np.ndarray) -> np.ndarray:
        return np.ones(self.width)

    def keep(self, logits: np.ndarray, truth: np.ndarray | None = None) -> np.ndarray:
        """The tally (labels, 2, BINS) of logits (labels, …); without truth all is outside."""
        out = np.zeros((self.width, 2, BINS), np.float64)
        for i, z in enumerate(logits):
            at = ((z + REACH) * (BINS / (2 * REACH))).astype(np.int64).clip(0, BINS - 1)
            inside = np.zeros(z.shape, bool) if truth is None else spread(truth[i : i + 1], z.shape)[0]
            for k, part in enumerate((at[~inside], at[inside])):
                out[i, k] = np.bincount(part, minlength=BINS)
        return out

    def calibrate(self, logits: np.ndarray, truth: np.ndarray) -> Calibration:
        """Platt scaling of voxels, all cases' together."""
        fits = []
        for tally in logits.sum(0):
            fits.append(fit_platt(np.tile(CENTRES, 2), np.repeat([0.0, 1.0], BINS), tally.ravel()))
        return {"slope": [f[0] for f in fits], "shift": [f[1] for f in fits]}

    def voxels(self, logits: Array, calibration: Calibration) -> Array:
        """Calibrated probabilities of logits (n, labels, …). Numpy or torch, as it came."""
        values: Any = logits
        last = values.movedim(1, -1) if hasattr(values, "movedim") else np.moveaxis(values, 1, -1)
        p: Any = sigmoid(affine(last, calibration["slope"], calibration["shift"]))
        return p.movedim(-1, 1) if hasattr(p, "movedim") else np.moveaxis(p, -1, 1)  # type: ignore[no-any-return]

    def probabilities(self, logits: Any, calibration: Calibration) -> Any:
        """From tallies; slope and shift may have a row a case."""
        slope, shift = (np.asarray(calibration[name])[..., None] for name in ("slope", "shift"))
        p = np.broadcast_to(sigmoid(slope * CENTRES + shift), (len(logits), self.width, BINS))
        count = logits.sum(2)
        most = (SMALLEST * count.sum(2, keepdims=True)).clip(1)
        above = np.cumsum(count[..., ::-1], 2)[..., ::-1]
        taken = (most - (above - count)).clip(0, count)
        there = (taken * p).sum(2) / most[..., 0]
        marked = (p >= self.cut) & (there >= 0.5)[..., None]
        return np.concatenate([there, (count * marked).sum(2), (logits[:, :, 1] * marked).sum(2)], 1)

    def together(self, answers: "Sequence[tuple[torch.Tensor, Calibration]]") -> "torch.Tensor":
        """The calibrated mean of several nets' logits (n, labels, …), as logits that need no calibration."""
        import torch

        mean = torch.stack([self.voxels(z, calibration) for z, calibration in answers]).mean(0)
        return torch.logit(mean, eps=1e-6)

    def marked(self, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """From calibrated logits (labels, …): the row of `probabilities`, and the mask, bool."""
        row = self.probabilities(self.keep(logits)[None], uncalibrated(self.width))[0]
        there = (row[: self.width] >= 0.5).reshape(-1, *[1] * (logits.ndim - 1))
        return row, (logits >= np.log(self.cut / (1 - self.cut))) & there

    def thresholds(self, probabilities: np.ndarray, truth: np.ndarray) -> list[float]:
        return [0.5] * self.width

    def choose(self, probabilities: np.ndarray, thresholds: list[float]) -> str:
        return self.choice_of([p >= t for p, t in zip(probabilities[: self.width], thresholds, strict=True)])

    def metrics(self, probabilities: np.ndarray, truth: np.ndarray) -> dict[str, float]:
        """Dice of each case, over all of its slices together (1 where nothing is there and nothing marked), then mean
        and median; precision and recall of voxels likewise."""
        _there, said, hit = np.split(probabilities, 3, axis=1)
        both = said + truth
        dice = np.where(both > 0, 2 * hit / both.clip(1), 1.0).mean(1)
        return {
            "dice": float(dice.mean()) if len(dice) else m.nan,
            "dice_median": float(np.median(dice)) if len(dice) else m.nan,
            "precision": float(np.mean((hit / said.clip(1))[said > 0])) if (said > 0).any() else m.nan,
            "recall": float(np.mean((hit / truth.clip(1))[truth > 0])) if (truth > 0).any() else m.nan,
        }

    def truth_of(self, choice: str) -> np.ndarray:
        """Whether each label is there, (labels,) bool: where it is, no choice tells."""
        named = choice.split("+")
        return np.array([label.name in named for label in self.labels])

    def nothing(self) -> np.ndarray:
        """The target of a case in which nothing is to be found, (labels, 1): it stands for the whole of any grid."""
        return np.zeros((self.width, 1), bool)

    def choice_of(self, truth: Any) -> str:
        """Of a target, or of whether each label is there."""
        there = [bool(np.any(t)) for t in (truth() if callable(truth) else truth)]
        named = [label.name for label, t in zip(self.labels, there, strict=True) if t]
        return "+".join(named) or self.absent.name

    def measures(self, mask: np.ndarray, given: Any) -> dict[str, dict[str, Any]]:
        """For each label `voxels`. Of a picture also `share`, from 0 to 1, of its pixels; no area, for its distances
        are those on the detector. Of a volume also `volume_ml` and `diameter_mm`, None where its distances aren't real:
        the longest straight line between marked pixels of one slice, as in RANO's larger diameter (Wen et al., JCO
        2010)."""
        out: dict[str, dict[str, Any]] = {}
        for label, marked in zip(self.labels, mask, strict=True):
            more = {"share": float(marked.mean())} if marked.ndim == 2 else of_volume(marked, given)
            out[label.name] = {"voxels": int(marked.sum()), **more}
        return out


def of_volume(marked: np.ndarray, given: Any) -> dict[str, float | None]:
    """What can be measured of a mask (slices, rows, columns) beside its voxels."""
    if not given.spacing_real:
        return {"volume_ml": None, "diameter_mm": None}
    # A slice stands for half of the way to each neighbour along the normal, so that neither a lean of the stack nor a
    # gap elsewhere in it counts.
    _slices, high, wide = given.spacing_mm
    along = np.asarray(given.along_mm)
    middles = (along[1:] + along[:-1]) / 2
    ends = np.concatenate([[1.5 * along[0] - 0.5 * along[1]], middles, [1.5 * along[-1] - 0.5 * along[-2]]])
    areas = marked.sum((1, 2)) * high * wide
    return {
        "volume_ml": float(areas @ np.abs(np.diff(ends)) / 1000),
        "diameter_mm": max((_diameter(s, given.spacing_mm[1:]) for s in marked if s.any()), default=0.0),
    }


def _diameter(marked: np.ndarray, spacing_mm: tuple[float, ...]) -> float:
    """The largest distance in mm between the outer edges of marked pixels (rows, columns) of one slice: between two
    corners of their convex hull."""
    from scipy.spatial import ConvexHull
    from scipy.spatial.distance import pdist

    rows = np.flatnonzero(marked.any(1))
    ends = [(r, c) for r in rows for c in (np.flatnonzero(marked[r])[[0, -1]])]
    corners = np.array([(r + dr, c + dc) for r, c in ends for dr in (0, 1) for dc in (0, 1)], float) * spacing_mm
    return float(pdist(corners[ConvexHull(corners).vertices]).max())
