"""What the answer would be if values of a record were others: chosen ones, or those that were not measured."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from medcore.errors import Refused
from medcore.explain.records import changed, field_of, said, usual_values
from medcore.i18n import _
from medcore.inputs import Record
from medcore.inputs.record import Value
from medcore.learn.decision import withheld
from medcore.learn.predict import ranges, take
from medcore.packages import Package


@dataclass(frozen=True)
class Prediction:
    """What a package says of one record; as in `Answer`."""

    probabilities: dict[str, float]
    ranges: dict[str, tuple[float, float]]
    thresholds: dict[str, float]
    choice: str
    unlike: float

    @property
    def withheld(self) -> bool:
        """Whether these values are too unlike the training data for a number to mean anything."""
        return withheld(self.unlike)


def what_if(
    package: Package, record: Record, values: Mapping[str, Value], device: str = "auto"
) -> tuple[Prediction, Prediction]:
    """What the package says of the record as it is, and with these values instead: both from one pass.

    Refused where a column is unknown or fixed, and where a value is no value of its column.
    """
    name, spec = field_of(package)
    columns = {c.name: c for c in spec.columns}
    for column in values:
        if column not in columns or columns[column].fixed:
            raise Refused(
                _("{name} can't be changed.").format(name=_(columns[column].title) if column in columns else column),
                _("Change a value that is measured."),
            )
    other = changed(record, values)
    take(package, {name: other})
    both = said(package, [record, other], device)
    outcome, cuts = package.task.outcome, package.about["thresholds"]
    thresholds = dict(zip((label.name for label in outcome.labels), cuts, strict=False))
    told = []
    for i, p in enumerate(both.probabilities):
        spans = ranges(package, both.logits[:, i : i + 1])
        by_label = [(label.name, float(v), span) for label, v, span in zip(outcome.labels, p, spans, strict=False)]
        told.append(
            Prediction(
                {label: v for label, v, _span in by_label},
                # The range is the spread round the answer; it never leaves it outside.
                {label: (min(v, float(low)), max(v, float(high))) for label, v, (low, high) in by_label},
                thresholds,
                outcome.choose(p, cuts),
                float(both.unlike[i]),
            )
        )
    return told[0], told[1]


@dataclass(frozen=True)
class Band:
    """Between which answers one label moves as a value that is absent runs through its usual ones.

    low, high: probabilities, and at_low, at_high the values that give them; turns: whether the choice changes on the
    way
    """

    column: str
    low: float
    high: float
    at_low: Value
    at_high: Value
    turns: bool


def absent_bands(package: Package, record: Record, label: str, device: str = "auto") -> tuple[Band, ...]:
    """A band for each absent column whose usual values are known, the widest first. Values that would make the record
    too unlike the training data for an answer are left out."""
    _name, spec = field_of(package)
    missing = [c for c in spec.columns if record.values.get(c.name) is None]
    trials = [(c.name, v) for c in missing for v in usual_values(package, c)]
    if not trials:
        return ()
    found = said(package, [record, *(changed(record, {name: v}) for name, v in trials)], device)
    outcome, cuts = package.task.outcome, package.about["thresholds"]
    at = [item.name for item in outcome.labels].index(label)
    now, bands = outcome.choose(found.probabilities[0], cuts), []
    for column in dict.fromkeys(name for name, _v in trials):
        rows = [i for i, (name, _v) in enumerate(trials, 1) if name == column and not withheld(found.unlike[i])]
        if not rows:
            continue
        p = found.probabilities[rows, at]
        low, high = rows[int(np.argmin(p))], rows[int(np.argmax(p))]
        turns = any(outcome.choose(found.probabilities[i], cuts) != now for i in rows)
        bands.append(Band(column, float(p.min()), float(p.max()), trials[low - 1][1], trials[high - 1][1], turns))
    return tuple(sorted(bands, key=lambda band: band.low - band.high))
