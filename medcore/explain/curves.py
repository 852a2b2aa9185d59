"""How the answer goes with one value: each record's own curve (individual conditional expectation, Goldstein et al.,
J Comput Graph Stat 2015) and their mean (partial dependence, Friedman, Ann Stat 2001)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medcore.explain.records import changed, field_of, on_step, said, usual_span, usual_values
from medcore.inputs import Column, Record
from medcore.inputs.record import Value
from medcore.learn.decision import withheld
from medcore.packages import Package

POINTS = 15


@dataclass(frozen=True)
class Curves:
    """at: the values that the column is given; each: (records, len(at)) probability of the label at each of them, nan
    where the record would be too unlike the training data for an answer."""

    column: str
    at: tuple[Value, ...]
    each: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """(len(at),) the partial dependence, over the records that are answered there; nan where none is."""
        known = np.isfinite(self.each)
        total, n = np.where(known, self.each, 0).sum(0), known.sum(0)
        return np.where(n > 0, total / np.maximum(n, 1), np.nan)


def curves(package: Package, records: Sequence[Record], column: str, label: str, device: str = "auto") -> Curves:
    """One column runs through its usual range, or its categories, in each record; all else stays as it is there."""
    _name, spec = field_of(package)
    at = _points(package, next(c for c in spec.columns if c.name == column))
    which = [item.name for item in package.task.outcome.labels].index(label)
    found = said(package, [changed(r, {column: v}) for r in records for v in at], device)
    p = np.where([withheld(u) for u in found.unlike], np.nan, found.probabilities[:, which])
    return Curves(column, at, p.reshape(len(records), len(at)))


def _points(package: Package, column: Column) -> tuple[Value, ...]:
    span = usual_span(package, column)
    if span is None:
        return column.choices or tuple(usual_values(package, column))
    return tuple(dict.fromkeys(on_step(column, float(x)) for x in np.linspace(*span, POINTS)))
