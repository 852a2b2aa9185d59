"""The learning curve: what the same recipe reaches with fewer patients, and so what more would bring."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
                "each by the net that never saw the patient. A curve that still climbs says that more would help."
            ),
            {m: metric_title(m) for m in rows[0].figures if m.startswith(("auroc", "mae", "brier")) or m == metric},
            rows,
        )
    ]


def _row(share: float, learnt: list[Sample], figures: Any, n: int) -> Row:
    patients = len({s.patient_hash for s in learnt})
    return Row(_("{p:.0f} % of the patients ({n:,})").format(p=100 * share, n=patients), n, figures)
