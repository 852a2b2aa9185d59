"""Small fits that the outcomes share."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

# Numpy arrays when answering, torch tensors when explaining (the gradient goes through the calibration).
Array = TypeVar("Array")


def affine(x: Array, slope: Sequence[float], shift: Sequence[float]) -> Array:
    """slope · x + shift over the last axis."""
    make = x.new_tensor if hasattr(x, "new_tensor") else np.array
    return x * make(list(slope)) + make(list(shift))  # type: ignore[no-any-return]


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^−x), stable at both ends."""
    if hasattr(x, "sigmoid"):
        return x.sigmoid()  # type: ignore[no-any-return]
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(x, np.float64)))  # type: ignore[return-value]


def softmax(x: Array) -> Array:
    """Over the last axis."""
    if hasattr(x, "softmax"):
        return x.softmax(-1)  # type: ignore[no-any-return]
    z = np.asarray(x, np.float64)
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)  # type: ignore[no-any-return]


def fit_platt(logit: np.ndarray, truth: np.ndarray, count: np.ndarray | None = None) -> tuple[float, float]:
    """Slope and shift of Platt scaling with his smoothed targets (Platt, 1999), slope kept positive.

    count: how often each pair of logit and truth occurs, where they are tallied
    """
    z, y = np.asarray(logit, np.float64), np.asarray(truth, np.float64)
    w = np.ones_like(z) if count is None else np.asarray(count, np.float64)
    n, n1 = w.sum(), (w * y).sum()
    target = np.where(y > 0.5, (n1 + 1) / (n1 + 2), 1 / (n - n1 + 2))
    middle = float(w @ z / n)
    spread = float(np.sqrt(w @ (z - middle) ** 2 / n))
    spread = spread if spread > 1e-9 else 1.0
    columns = np.stack([(z - middle) / spread, np.ones_like(z)], 1)

    def loss(theta: np.ndarray) -> float:
        u = columns @ theta
        return float(w @ (np.logaddexp(0, u) - target * u) / n)

    theta = np.array([1.0, 0.0])
    for _step in range(50):  # Newton's method, halving steps that overshoot (Lin, Lin and Weng, Mach Learn 2007)
        p = sigmoid(columns @ theta)
        gradient = columns.T @ (w * (p - target)) / n
        hessian = (columns * (w * p * (1 - p))[:, None]).T @ columns / n + 1e-9 * np.eye(2)
        change = np.linalg.solve(hessian, gradient)
        before, size = loss(theta), 1.0
        while size > 1e-10 and loss(theta - size * change) > before - 1e-4 * size * float(gradient @ change):
            size /= 2
        if size <= 1e-10 or size * np.abs(change).max() < 1e-8:
            break
        theta = theta - size * change
    slope = max(float(theta[0]) / spread, 1e-3)
    return slope, float(theta[1]) - slope * middle


def youden(probability: np.ndarray, truth: np.ndarray) -> float:
    """The probability from which sensitivity + specificity is largest (Youden, Cancer 1950), midway to the next."""
    order = np.argsort(-probability, kind="stable")
    y = np.asarray(truth, float)[order]
    if not y.any() or y.all():
        return 0.5
    gain = np.cumsum(y) / y.sum() - np.cumsum(1 - y) / (1 - y).sum()
    last = np.append(np.diff(probability[order]) != 0, True)
    best = int(np.argmax(np.where(last, gain, -1)))
    following = probability[order][best + 1] if best + 1 < len(y) else 0.0
    return float((probability[order][best] + following) / 2)
