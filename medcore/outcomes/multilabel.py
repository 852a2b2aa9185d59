"""Several things, each there or not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medcore.outcomes import metrics as m
from medcore.outcomes.base import Calibration, Label, OfCase
from medcore.outcomes.logistic import Array, affine, fit_platt, sigmoid, youden

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class MultiLabel(OfCase):
    """Any of `labels`: a logit each; truth (n, labels) of 0 and 1. A reader's choice is the names joined by "+"."""

    labels: tuple[Label, ...]
    kind: str = "multilabel"

    @property
    def choices(self) -> tuple[Label, ...]:
        return self.labels

    @property
    def width(self) -> int:
        return len(self.labels)

    def loss(self, logits: "torch.Tensor", truth: "torch.Tensor", weights: "torch.Tensor") -> "torch.Tensor":
        import torch

        return torch.nn.functional.binary_cross_entropy_with_logits(
            logits, truth.to(logits), pos_weight=weights.to(logits)
        )

    def class_weights(self, truth: np.ndarray) -> np.ndarray:
        share = truth.mean(0).clip(0.01, 0.99)
        out: np.ndarray = np.sqrt((1 - share) / share)
        return out

    def calibrate(self, logits: np.ndarray, truth: np.ndarray) -> Calibration:
        fits = [fit_platt(logits[:, i], truth[:, i]) for i in range(self.width)]
        return {"slope": [f[0] for f in fits], "shift": [f[1] for f in fits]}

    def probabilities(self, logits: Array, calibration: Calibration) -> Array:
        return sigmoid(affine(logits, calibration["slope"], calibration["shift"]))

    def thresholds(self, probabilities: np.ndarray, truth: np.ndarray) -> list[float]:
        return [youden(probabilities[:, i], truth[:, i]) for i in range(self.width)]

    def choose(self, probabilities: np.ndarray, thresholds: list[float]) -> str:
        return self.choice_of([float(p >= t) for p, t in zip(probabilities, thresholds, strict=True)])

    def metrics(self, probabilities: np.ndarray, truth: np.ndarray) -> dict[str, float]:
        each = {f"auroc_{label.name}": m.auroc(probabilities[:, i], truth[:, i]) for i, label in enumerate(self.labels)}
        known = [v for v in each.values() if np.isfinite(v)]
        return {
            "auroc_macro": float(np.mean(known)) if known else m.nan,
            **each,
            "brier": float(np.mean((probabilities - truth) ** 2)) if len(truth) else m.nan,
            "ece": m.ece(probabilities.ravel(), np.asarray(truth).ravel()),
        }

    def truth_of(self, choice: str) -> list[int]:
        named = choice.split("+")
        return [int(label.name in named) for label in self.labels]

    def choice_of(self, truth: Sequence[float]) -> str:
        return "+".join(label.name for label, t in zip(self.labels, truth, strict=True) if t > 0.5)
