"""The interface that the kinds of outcome share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from medcore.outcomes.logistic import Array

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Label:
    """Something that a task can say.

    name: lower_snake, as in JSON and in the database; title: as people say it, sentence case ("Pneumonia")
    phrase: completes "Of 100 films scored like this one, about 84 …" ("showed pneumonia")
    finding: whether somebody should look soon because of it; "normal" and "too noisy" are labels but no findings
    """

    name: str
    title: str
    phrase: str
    finding: bool = True


Calibration = dict[str, list[float]]


def uncalibrated(width: int) -> Calibration:
    """Logits as they are."""
    return {"slope": [1.0] * width, "shift": [0.0] * width}


WITH_PROBABILITIES = ("binary", "multiclass", "multilabel")
"""Kinds of outcome whose answer is a probability of each label of the case as a whole."""


class Outcome(Protocol):
    """What a task says.

    Truth and predictions are numpy arrays: `logits` (n, width), `truth` (n,) or (n, labels),
    `probabilities` (n, labels), in the order of `labels`; columns after those of the labels are for `metrics` alone.
    Where an outcome lies on a grid (`on`), `logits` are what it keeps of them, (n, …).
    """

    @property
    def kind(self) -> str: ...

    @property
    def on(self) -> str:
        """The field on whose grid the answer lies; "" where it is of the case as a whole."""

    @property
    def labels(self) -> tuple[Label, ...]: ...

    @property
    def width(self) -> int:
        """Number of logits a net gives for this outcome."""

    @property
    def choices(self) -> tuple[Label, ...]:
        """What a reader can choose from; holds `labels` and, for a yes-or-no question, the absence."""

    def loss(self, logits: "torch.Tensor", truth: "torch.Tensor", weights: "torch.Tensor") -> "torch.Tensor":
        """Mean loss of a batch; `weights` (labels or classes,) balance the classes."""

    def validation_loss(self, logits: np.ndarray, truth: np.ndarray, weights: "torch.Tensor") -> float:
        """The loss by which an epoch is better than another: not the one that balances the classes."""

    def class_weights(self, truth: np.ndarray) -> np.ndarray:
        """Weights for `loss` from the truth of the training part."""

    def calibrate(self, logits: np.ndarray, truth: np.ndarray) -> Calibration:
        """Parameters that turn logits into calibrated probabilities, fitted on cases that the net didn't learn from."""

    def probabilities(self, logits: Array, calibration: Calibration) -> Array:
        """Calibrated probabilities (n, labels), or the value (n, 1) of a regression. Numpy or torch, as it came."""

    def thresholds(self, probabilities: np.ndarray, truth: np.ndarray) -> list[float]:
        """From which probability each label is said to be present, chosen out of fold."""

    def choose(self, probabilities: np.ndarray, thresholds: list[float]) -> str:
        """The choice that probabilities (labels,) of one case come to."""

    def metrics(self, probabilities: np.ndarray, truth: np.ndarray) -> dict[str, float]:
        """Metrics by name; nan where undefined (one class only)."""

    def truth_of(self, choice: str) -> Any:
        """The target that a reader's choice stands for, as in `Sample.target`."""

    def choice_of(self, truth: Any) -> str:
        """The choice that a target stands for."""


class GridOutcome(Outcome, Protocol):
    """An outcome that lies on the grid of a field. Its targets are functions that give a mask (labels, …) on the
    input's own grid; its nets' logits are (n, labels, …) on the encoded grid."""

    @property
    def cut(self) -> float:
        """The calibrated probability from which a voxel belongs to a label."""

    def truth_row(self, mask: np.ndarray, given: Any) -> np.ndarray:
        """What a mask is in the truth that `metrics` takes, (labels,)."""

    def keep(self, logits: np.ndarray, truth: np.ndarray | None = None) -> np.ndarray:
        """What is kept of one case's logits (labels, …), brought to the input's own grid, and of its truth there."""

    def voxels(self, logits: Array, calibration: Calibration) -> Array:
        """Calibrated probabilities of logits (n, labels, …). Numpy or torch, as it came."""

    def together(self, answers: "Sequence[tuple[torch.Tensor, Calibration]]") -> "torch.Tensor":
        """The calibrated mean of several nets' logits (n, labels, …), as logits that need no calibration."""

    def marked(self, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """From one case's calibrated logits (labels, …) its row of `probabilities` and its mask, bool."""

    def measures(self, mask: np.ndarray, given: Any) -> dict[str, dict[str, Any]]:
        """What can be measured of each label's mask."""

    def nothing(self) -> np.ndarray:
        """The target of a case in which nothing is to be found."""


class OfCase:
    """What those outcomes share that say something of a case as a whole: a net gives a row of logits a case."""

    on: ClassVar[str] = ""

    def validation_loss(self, logits: np.ndarray, truth: np.ndarray, weights: "torch.Tensor") -> float:
        """Unweighted: the loss by which probabilities are right."""
        import torch

        return float(self.loss(torch.from_numpy(logits).float(), torch.from_numpy(truth), torch.ones_like(weights)))

    def loss(self, logits: "torch.Tensor", truth: "torch.Tensor", weights: "torch.Tensor") -> "torch.Tensor":
        raise NotImplementedError
