"""The interface that the kinds of outcome share."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

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


class Outcome(Protocol):
    """What a task says.

    Truth and predictions are numpy arrays: `logits` (n, width), `truth` (n,) or (n, labels),
    `probabilities` (n, labels), in the order of `labels`.
    """

    @property
    def kind(self) -> str: ...

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
