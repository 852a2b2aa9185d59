"""The learning curve: what the same recipe reaches with fewer patients, and so what more would bring."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from medcore.checks.answered import Answered, Row, Section, leading, value
from medcore.datasets.sample import FOLDS, Sample
from medcore.errors import Refused
from medcore.i18n import _
from medcore.learn.build import train
from medcore.learn.card import metric_title
from medcore.learn.evaluate import out_of_fold_probabilities
from medcore.tasks import Recipe

SHARES = (0.25, 0.5)


def drawn(samples: list[Sample], share: float) -> list[Sample]:
    """The samples of that share of the patients, by their hash: a smaller share lies within a larger one."""
    return [s for s in samples if (int(s.patient_hash, 16) // (1000 * FOLDS)) % 1000 < 1000 * share]


def check(answered: Answered, on_epoch: Callable[[dict[str, Any]], None]) -> list[Section]:
    """Packages made afresh from a quarter and half of the patients, each asked about all of them out of fold."""
    package, index = answered.package, answered.index
    samples = list(answered.encoded.samples)
    known = package.seen_patients
    mine = [s for s in samples if s.patient_hash in known]
    rows = []
    for share in SHARES:
        few = drawn(mine, share)
        with tempfile.TemporaryDirectory() as place:
            try:
                smaller = train(
                    package.task,
                    few,
                    Path(place),
                    version="0.0.0",
                    recipe=Recipe(**package.about["recipe"]),
                    folds=package.folds,
                    device=answered.device,
                    on_epoch=on_epoch,
                )
            except Refused:  # too few to learn from
                continue
            p, _there = out_of_fold_probabilities(smaller, answered.encoded, answered.device)
        rows.append(_row(share, few, answered.metrics(p, index), len(index)))
    rows.append(_row(1.0, mine, answered.metrics(answered.probabilities, index), len(index)))
    metric = leading(rows[0].figures)
    told = [_("{figure:.3f} with {part}").format(figure=value(row, metric), part=row.title) for row in rows]
    return [
        Section(
            "learning_curve",
            _("What more patients would bring"),
            _("{metric} {parts}.").format(metric=metric_title(metric), parts=", ".join(told)),
            _(
                "The same recipe, begun afresh with a part of the patients; each package was asked about all cases, "
                "each by the net that never saw the patient."
            )
            + outlook(rows, metric),
            {m: metric_title(m) for m in rows[0].figures if m.startswith(("auroc", "mae", "brier")) or m == metric},
            rows,
        )
    ]


def outlook(rows: Sequence[Row], metric: str) -> str:
    """A sentence on twice as many patients, "" from fewer than three points: what is left to be had is a · n^−b
    (Hestness et al., arXiv:1712.00409), fitted to each of 2,000 draws of the points from their 95 % ranges."""
    generator, best = np.random.default_rng(0), 0.0 if metric == "mae" else 1.0
    points = []
    for row in rows:
        figure, n = row.figures.get(metric), row.figures.get("patients")
        if isinstance(figure, str) or isinstance(n, str) or not figure or not n or None in figure.values():
            continue
        low, high = float(figure["low"] or 0), float(figure["high"] or 0)
        drawn = generator.normal(float(figure["value"] or 0), (high - low) / 3.92, 2000)
        points.append((float(n["value"] or 1), np.abs(best - drawn).clip(1e-4)))
    if len(points) < 3:
        return ""
    x = np.log([n for n, _left in points])
    slope, shift = np.polyfit(x, np.log([left for _n, left in points]), 1)
    left = np.exp(shift + slope * (x.max() + np.log(2)))
    low, middle, high = np.percentile(np.abs(best - left), [2.5, 50, 97.5])
    return " " + _(
        "By a power law through these points twice as many patients would bring {metric} {value:.2f} ({low:.2f} to "
        "{high:.2f})."
    ).format(metric=metric_title(metric), value=middle, low=low, high=high)


def _row(share: float, learnt: list[Sample], figures: Any, n: int) -> Row:
    patients = len({s.patient_hash for s in learnt})
    counted = {**figures, "patients": {"value": float(patients), "low": None, "high": None}}
    return Row(_("{p:.0f} % of the patients ({n:,})").format(p=100 * share, n=patients), n, counted)
