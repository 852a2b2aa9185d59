"""AUROC on pairs that are alike in something which goes with the label but is no part of the disease."""

from collections.abc import Iterator

import numpy as np

from medcore.checks.answered import Answered, Figure, Row, Section, value
from medcore.i18n import _

DRAWS = 500
ALIKE = 0.02


def pair_auroc(
    score: np.ndarray, positive: np.ndarray, value: np.ndarray, patients: list[str], seed: int = 0
) -> tuple[int, Figure | None, Figure | None]:
    """How many pairs of a positive and a negative lie within 2 % of each other in `value`; the AUROC of all pairs and
    of those pairs, both with their 95 % range over the same resampled patients."""
    of, against = np.flatnonzero(positive), np.flatnonzero(~positive)
    won = (np.sign(score[of][:, None] - score[against]) + 1).astype(np.float32) / 2
    alike = (np.abs(np.log(value[of][:, None] / value[against])) < np.log1p(ALIKE)).astype(np.float32)
    wins = [(won, np.ones_like(won)), (won * alike, alike)]
    _names, owner = np.unique(patients, return_inverse=True)
    generator = np.random.default_rng(seed)
    each = np.ones(len(score), np.float32)
    drawn = []
    for _draw in range(DRAWS + 1):
        drawn.append([_share(each[of] @ a @ each[against], each[of] @ b @ each[against]) for a, b in wins])
        counts = np.bincount(generator.integers(0, owner.max() + 1, owner.max() + 1), minlength=owner.max() + 1)
        each = counts[owner].astype(np.float32)
    table = np.array(drawn)
    both = [_figure(column) for column in table.T]
    return int(alike.sum()), both[0], both[1]


def _share(won: float, of: float) -> float:
    return float(won) / float(of) if of else float("nan")


def _figure(column: np.ndarray) -> Figure | None:
    """The first value with the 95 % range of the others; None where there was no pair."""
    if not np.isfinite(column[0]):
        return None
    low, high = np.nanpercentile(column[1:], [2.5, 97.5])
    return {"value": float(column[0]), "low": float(low), "high": float(high)}


def _yes_or_no(answered: Answered) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """(title, score, truth) of each label against its absence, (n,) each."""
    truth = answered.encoded.truth
    for i, label in enumerate(answered.outcome.labels):
        mine = truth == i if answered.outcome.kind == "multiclass" else truth.reshape(len(truth), -1)[:, i] > 0.5
        yield _(label.title), answered.probabilities[:, i], mine


def equal_pairs(answered: Answered, name: str, title: str, text: str, trait: np.ndarray) -> list[Section]:
    """A row for each label and source; `trait`: (n,) what pairs must be alike in. None for a regression."""
    if answered.outcome.kind == "regression":
        return []
    rows = []
    for source, index in answered.sources.items():
        for label, score, mine in _yes_or_no(answered):
            n, every, alike = pair_auroc(score[index], mine[index], trait[index], answered.patients(index))
            rows.append(Row(label, n, {"all_pairs": every, "alike": alike}, source))
    falls = [value(row, "all_pairs") - value(row, "alike") for row in rows]
    most = max((f for f in falls if np.isfinite(f)), default=0.0)
    finding = _("AUROC falls by at most {most:.3f}.").format(most=most) if most >= 0.0005 else _("AUROC does not fall.")
    columns = {"all_pairs": _("AUROC, all pairs"), "alike": _("AUROC, pairs alike")}
    return [Section(name, title, finding, text, columns, rows)]
