"""A number."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medcore.outcomes import metrics as m
from medcore.outcomes.base import Calibration, Label, OfCase
from medcore.outcomes.logistic import Array, affine

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Regression(OfCase):
    """One number in `unit`: one standardised logit; truth (n,). A reader's choice is the number as text."""

    value: Label
    unit: str
    kind: str = "regression"

    @property
    def labels(self) -> tuple[Label, ...]:
        return (self.value,)

    @property
    def choices(self) -> tuple[Label, ...]:
        return (self.value,)

    @property
    def width(self) -> int:
        return 1

    def loss(self, logits: "torch.Tensor", truth: "torch.Tensor", weights: "torch.Tensor") -> "torch.Tensor":
        import torch

        return torch.nn.functional.smooth_l1_loss(logits[:, 0], (truth.to(logits) - weights[0]) / weights[1])

    def validation_loss(self, logits: np.ndarray, truth: np.ndarray, weights: "torch.Tensor") -> float:
        import torch

        return float(self.loss(torch.from_numpy(logits).float(), torch.from_numpy(truth), weights))

    def class_weights(self, truth: np.ndarray) -> np.ndarray:
        """Mean and standard deviation of the truth: the scale on which the net learns."""
        return np.array([truth.mean(), max(float(truth.std()), 1e-6)])

    def calibrate(self, logits: np.ndarray, truth: np.ndarray) -> Calibration:
        """A rising straight line from the net's scale to the unit. One case's worth of it is the scale that the net
        learnt on, so that logits without spread still give a line."""
        z, y, scale = logits[:, 0], np.asarray(truth, np.float64), max(float(np.std(truth)), 1e-6)
        apart = z - z.mean()
        slope = max(float(apart @ (y - y.mean()) + scale) / float(apart @ apart + 1), 1e-3 * scale)
        return {"slope": [slope], "shift": [float(y.mean() - slope * z.mean())]}

    def probabilities(self, logits: Array, calibration: Calibration) -> Array:
        return affine(logits, calibration["slope"], calibration["shift"])

    def thresholds(self, probabilities: np.ndarray, truth: np.ndarray) -> list[float]:
        return []

    def choose(self, probabilities: np.ndarray, thresholds: list[float]) -> str:
        return self.choice_of(float(probabilities[0]))

    def metrics(self, probabilities: np.ndarray, truth: np.ndarray) -> dict[str, float]:
        return {"mae": float(np.mean(np.abs(probabilities[:, 0] - truth))) if len(truth) else m.nan}

    def truth_of(self, choice: str) -> float:
        return float(choice)

    def choice_of(self, truth: float) -> str:
        return f"{truth:g}"
