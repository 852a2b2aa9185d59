"""Exactly one of several."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medcore.outcomes import metrics as m
from medcore.outcomes.base import Calibration, Label, OfCase
from medcore.outcomes.logistic import Array, affine, softmax

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class MultiClass(OfCase):
    """One of `labels`: a logit each; truth (n,) of class positions. The answer is the most probable.

    named_f1: further metrics, each the mean F1 of some classes, as a field has its own: {"f1_cinc2017": (0, 1, 2)}
    """

    labels: tuple[Label, ...]
    named_f1: tuple[tuple[str, tuple[int, ...]], ...] = ()
    kind: str = "multiclass"

    @property
    def choices(self) -> tuple[Label, ...]:
        return self.labels

    @property
    def width(self) -> int:
        return len(self.labels)

    def loss(self, logits: "torch.Tensor", truth: "torch.Tensor", weights: "torch.Tensor") -> "torch.Tensor":
        import torch

        return torch.nn.functional.cross_entropy(
            logits, truth.long(), weights.to(logits), label_smoothing=0.05, reduction="mean"
        )

    def class_weights(self, truth: np.ndarray) -> np.ndarray:
        counts = np.bincount(truth.astype(int), minlength=self.width).clip(1)
        out: np.ndarray = np.sqrt(len(truth) / self.width / counts)
        return out

    def calibrate(self, logits: np.ndarray, truth: np.ndarray) -> Calibration:
        """One temperature and a shift per class (Guo et al., ICML 2017, with biases), lightly held to 1 and 0."""
        from scipy.optimize import minimize

        y = truth.astype(int)

        def loss(theta: np.ndarray) -> float:
            z = logits * np.exp(theta[0]) + np.append(theta[1:], 0)
            top = z.max(1)
            log_sum = top + np.log(np.exp(z - top[:, None]).sum(1))
            return float(np.mean(log_sum - z[np.arange(len(y)), y]) + 1e-3 * np.sum(theta**2))

        best = minimize(loss, np.zeros(self.width), method="L-BFGS-B").x
        return {"slope": [float(np.exp(best[0]))], "shift": [*(float(b) for b in best[1:]), 0.0]}

    def probabilities(self, logits: Array, calibration: Calibration) -> Array:
        return softmax(affine(logits, calibration["slope"], calibration["shift"]))

    def thresholds(self, probabilities: np.ndarray, truth: np.ndarray) -> list[float]:
        return [1 / self.width] * self.width

    def choose(self, probabilities: np.ndarray, thresholds: list[float]) -> str:
        return self.labels[int(np.argmax(probabilities))].name

    def metrics(self, probabilities: np.ndarray, truth: np.ndarray) -> dict[str, float]:
        y, predicted = truth.astype(int), probabilities.argmax(1)
        onehot = np.eye(self.width)[y]
        each = {
            f"auroc_{label.name}": m.auroc(probabilities[:, i], onehot[:, i]) for i, label in enumerate(self.labels)
        }
        known = [v for v in each.values() if np.isfinite(v)]
        return {
            "accuracy": float(np.mean(predicted == y)) if len(y) else m.nan,
            "balanced_accuracy": m.balanced_accuracy(predicted, y),
            "f1_macro": m.f1(predicted, y, range(self.width)),
            **{name: m.f1(predicted, y, classes) for name, classes in self.named_f1},
            "auroc_macro": float(np.mean(known)) if known else m.nan,
            **each,
            "brier": m.brier(probabilities, onehot),
            "ece": m.ece(probabilities.max(1), predicted == y),
        }

    def truth_of(self, choice: str) -> int:
        return [label.name for label in self.labels].index(choice)

    def choice_of(self, truth: float) -> str:
        return self.labels[int(truth)].name
