"""Fits the templates of medcore/measure/film.json: `python -m tests.measure.fit_film` (a minute, needs cxr_pneumonia).

Logistic regressions on thumbnails of real chest films: which way up, cut at a side, cut below. Only the patients of
`in_fit` are used, so that tests/measure/test_film.py can measure on all others.
"""

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image as Pillow

from medcore.inputs import Image
from medcore.measure import film
from medcore.settings import settings

CUTS = {"side": (0.3, 0.5), "below": (0.3, 0.5)}


def in_fit(patient: str) -> bool:
    """Half of the patients, by a hash of their number."""
    return hashlib.sha256(patient.encode()).digest()[0] % 2 == 0


def films(folder: Path, fitted: bool) -> list[tuple[dict[str, str], np.ndarray]]:
    """Rows of labels.csv with the pixels of the patients that were fitted, or of the others."""
    with (folder / "labels.csv").open() as lines:
        rows = [row for row in csv.DictReader(lines) if in_fit(row["patient"]) == fitted]
    return [(row, np.asarray(Pillow.open(folder / row["file"]).convert("L"))) for row in rows]


def cut(pixels: np.ndarray, part: str, share: float) -> np.ndarray:
    """Without a share of its left side, or of its lower part."""
    rows, columns = pixels.shape
    return pixels[:, round(share * columns) :] if part == "side" else pixels[: round((1 - share) * rows)]


def _least(loss, weights: list[torch.Tensor]) -> list[np.ndarray]:
    """The weights at the lowest loss, pulled to 0 a little."""
    optimiser = torch.optim.LBFGS(weights, max_iter=300, line_search_fn="strong_wolfe")

    def step() -> torch.Tensor:
        optimiser.zero_grad()
        value = loss() + 1e-3 * (weights[0] ** 2).sum()
        value.backward()
        return value

    optimiser.step(step)
    return [w.detach().numpy() for w in weights]


def fit_upright(whole: np.ndarray) -> np.ndarray:
    """One template for all four turns: the turn that undoes the film's own scores highest."""
    both = torch.tensor(np.concatenate([whole, whole[:, :, ::-1]]))
    turns = torch.stack([torch.rot90(both, k, (1, 2)) for k in range(4)], 1)
    w = torch.zeros(film.SIDE, film.SIDE, requires_grad=True)
    truth = torch.zeros(len(both), dtype=torch.long)
    return _least(lambda: torch.nn.functional.cross_entropy((turns * w).sum((2, 3)), truth), [w])[0]


def fit_cut(whole: np.ndarray, parts: np.ndarray, mirrored: bool) -> tuple[np.ndarray, float]:
    """A template and its level: above 0 where a film is likelier cut than whole."""
    whole = np.concatenate([whole, whole[:, :, ::-1]])
    parts = np.concatenate([parts, parts[:, :, ::-1]]) if mirrored else parts
    x = torch.tensor(np.concatenate([parts, whole]).reshape(len(parts) + len(whole), -1))
    y = torch.cat([torch.ones(len(parts)), torch.zeros(len(whole))])
    w, b = torch.zeros(x.shape[1], requires_grad=True), torch.zeros(1, requires_grad=True)
    fitted = _least(lambda: torch.nn.functional.binary_cross_entropy_with_logits(x @ w + b, y), [w, b])
    return fitted[0].reshape(film.SIDE, film.SIDE), float(fitted[1][0])


def main() -> None:
    torch.set_num_threads(1)
    folder = settings().data
    assert folder is not None
    rng = np.random.default_rng(0)
    pixels = [p for _row, p in films(folder / "cxr_pneumonia", True)]
    whole = np.stack([film.thumbnail(Image(p)) for p in pixels])
    out = {"upright": {"weights": fit_upright(whole).round(3).ravel().tolist(), "level": 0.0}}
    for part, (low, high) in CUTS.items():
        parts = np.stack([film.thumbnail(Image(cut(p, part, float(rng.uniform(low, high))))) for p in pixels])
        weights, level = fit_cut(whole, parts, mirrored=part == "below")
        out[part] = {"weights": weights.round(3).ravel().tolist(), "level": round(level, 3)}
    Path(film.__file__).with_suffix(".json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
