"""One thing that is there or is not."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medcore.outcomes import metrics as m
from medcore.outcomes.base import Calibration, Label, OfCase
from medcore.outcomes.logistic import Array, affine, fit_platt, sigmoid, youden

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Binary(OfCase):
    """Present or absent: one logit; truth (n,) of 0 and 1."""

    present: Label
    absent: Label
    kind: str = "binary"

    @property
    def labels(self) -> tuple[Label, ...]:
        return (self.present,)

    @property
    def choices(self) -> tuple[Label, ...]:
        return (self.present, self.absent)

    @property
    def width(self) -> int:
        return 1

    def loss(self, logits: "torch.Tensor", truth: "torch.Tensor", weights: "torch.Tensor") -> "torch.Tensor":
        import torch

        truth = truth.to(logits)
        weight = torch.where(truth > 0.5, weights[1], weights[0])
        each = torch.nn.functional.binary_cross_entropy_with_logits(logits[:, 0], truth, reduction="none")
        return (weight * each).mean()

    def class_weights(self, truth: np.ndarray) -> np.ndarray:
        share = float(np.clip(truth.mean(), 0.01, 0.99))
        return np.sqrt([0.5 / (1 - share), 0.5 / share])

    def calibrate(self, logits: np.ndarray, truth: np.ndarray) -> Calibration:
        slope, shift = fit_platt(logits[:, 0], truth)
        return {"slope": [slope], "shift": [shift]}

    def probabilities(self, logits: Array, calibration: Calibration) -> Array:
        return sigmoid(affine(logits, calibration["slope"], calibration["shift"]))

    def thresholds(self, probabilities: np.ndarray, truth: np.ndarray) -> list[float]:
        return [youden(probabilities[:, 0], truth)]

    def choose(self, probabilities: np.ndarray, thresholds: list[float]) -> str:
        return (self.present if probabilities[0] >= thresholds[0] else self.absent).name

    def metrics(self, probabilities: np.ndarray, truth: np.ndarray) -> dict[str, float]:
        p = probabilities[:, 0]
        predicted = p >= 0.5
        return {
            "auroc": m.auroc(p, truth),
            "auprc": m.auprc(p, truth),
            "accuracy": float(np.mean(predicted == truth)) if len(p) else m.nan,
            "balanced_accuracy": m.balanced_accuracy(predicted.astype(int), truth),
            "brier": m.brier(p, truth),
            "ece": m.ece(p, truth),
        }

    def truth_of(self, choice: str) -> int:
        return int(choice == self.present.name)

    def choice_of(self, truth: float) -> str:
        return self.present.name if truth > 0.5 else self.absent.name
