"""How well a map finds what people marked: pointing game, energy inside, and overlap."""

from collections.abc import Mapping

import numpy as np


def scores(values: np.ndarray, place: np.ndarray) -> dict[str, float]:
    """pointing: 1 where the largest value lies in the place (Zhang et al., IJCV 2018); inside: share of the positive
    values that do (Wang et al., CVPR workshops 2020); iou: overlap of the place with as many of the largest values.

    values: a map on the input's own grid; place: bool on the same. A map of nothing finds nothing.
    """
    positive = np.clip(values, 0, None)
    total, n = float(positive.sum()), int(place.sum())
    if not total or not n:
        return {"pointing": 0.0, "inside": 0.0, "iou": 0.0}
    top = np.zeros(values.size, bool)
    top[np.argpartition(values.ravel(), -n)[-n:]] = True
    both = int((top & place.ravel()).sum())
    return {
        "pointing": float(place.ravel()[int(values.argmax())]),
        "inside": float(positive[place].sum()) / total,
        "iou": both / (2 * n - both),
    }


def share_outside(values: np.ndarray, place: np.ndarray) -> float | None:
    """Share of a map's positive values that lies outside a place; None for a map without any."""
    positive = np.clip(values, 0, None)
    total = float(positive.sum())
    return float(positive[~place].sum()) / total if total else None


def control_maps(shape: tuple[int, ...], seed: int) -> Mapping[str, np.ndarray]:
    """What anybody reaches without looking: `random`, even noise; `centre`, a Gaussian in the middle of each slice, a
    quarter of the sides wide."""
    grids = [(np.arange(n) + 0.5) / n - 0.5 for n in shape[-2:]]
    hill = np.exp(-sum(g**2 for g in np.meshgrid(*grids, indexing="ij")) / (2 * 0.25**2))
    noise = np.random.default_rng(seed).random(shape)
    return {"random": noise, "centre": np.broadcast_to(hill, shape)}
