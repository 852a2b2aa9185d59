"""Checks that the samples ask for: a set that was thinned, labels that are disputed."""

import numpy as np

from medcore.checks.answered import Answered, Row, Section, leading, value
from medcore.i18n import _
from medcore.learn.card import metric_title
from medcore.outcomes.metrics import bootstrap


def whole_counts(weights: np.ndarray, most: int = 20) -> np.ndarray:
    """(n,) whole numbers in the proportions of the weights within 0.5 %, or as near as factors to `most` bring them."""
    w = weights / weights.min()
    errors = [np.abs(np.rint(w * k) / (w * k) - 1).max() for k in range(1, most + 1)]
    best = next((k for k, e in enumerate(errors, 1) if e < 0.005), int(np.argmin(errors)) + 1)
    return np.asarray(np.rint(w * best), int)


def weighted(answered: Answered) -> list[Section]:
    """Each case counted as often as the source had cases like it."""
    weights = np.array([s.weight for s in answered.encoded.samples])
    if np.ptp(weights[answered.index]) == 0:
        return []
    index, truth, p = answered.index, answered.encoded.truth, answered.probabilities
    counts = whole_counts(weights)

    def of(part: np.ndarray) -> dict[str, float]:
        at = np.repeat(index[part], counts[index[part]])
        return answered.outcome.metrics(p[at], truth[at])

    found = bootstrap(of, answered.patients(index))
    rows = [
        Row(_("As the cases are here"), len(index), answered.metrics(p, index)),
        Row(_("Weighted to the source"), len(index), found),
    ]
    columns = {m: metric_title(m) for m in found if not m.startswith("auroc_") or m == "auroc_macro"}
    return [
        Section(
            "weighted",
            _("Weighted to the source's class shares"),
            _told(
                rows[0], rows[1], next((m for m in columns if m.startswith("f1_") and m != "f1_macro"), leading(found))
            ),
            _(
                "The set was thinned: some answers are rarer here than where it came from. Weighted, each case counts "
                "for as many as it stands for."
            ),
            columns,
            rows,
        )
    ]


def _told(one: Row, other: Row, metric: str) -> str:
    """The metric in one row and in the other."""
    return _("{metric} {b:.3f} instead of {a:.3f}{source}.").format(
        metric=metric_title(metric),
        a=value(one, metric),
        b=value(other, metric),
        source=f" ({one.source})" if one.source else "",
    )


def disputed(answered: Answered) -> list[Section]:
    """With and without labels that a second reader disputes, of each source that has any."""
    quality = np.array([s.facts.get("label_quality", "") for s in answered.encoded.samples])
    rows = []
    for source, index in answered.sources.items():
        kept = index[quality[index] != "disputed"]
        if len(kept) < len(index):
            rows.append(Row(_("All labels"), len(index), answered.metrics(answered.probabilities, index), source))
            rows.append(Row(_("Without disputed"), len(kept), answered.metrics(answered.probabilities, kept), source))
    if not rows:
        return []
    names = [m for m in rows[0].figures if m in (leading(rows[0].figures), "accuracy", "brier")]
    return [
        Section(
            "disputed",
            _("With and without disputed labels"),
            " ".join(_told(a, b, leading(a.figures)) for a, b in zip(rows[::2], rows[1::2], strict=True)),
            _("Disputed: a second reading of the same case says otherwise than the label that it was trained with."),
            {m: metric_title(m) for m in names},
            rows,
        )
    ]
