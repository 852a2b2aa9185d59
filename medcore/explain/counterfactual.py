"""The smallest plausible change of a record that turns the answer.

After Wachter, Mittelstadt & Russell (Harv J Law Technol 2018): the nearest record that is answered otherwise, by the
sum of the changes in units of each column's spread; of those that change fewest columns (as in DiCE, Mothilal et al.,
FAT* 2020). Found by a beam search, so it is near, but not proven to be the nearest.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from medcore.explain.records import changed, field_of, on_step, said, usual_span, usual_values
from medcore.inputs import Column, Record
from medcore.inputs.record import Value
from medcore.learn.decision import withheld
from medcore.outcomes.base import WITH_PROBABILITIES
from medcore.packages import Package

MOST = 4  # columns that are changed at once
BEAM = 6
STEPS = 64  # that are tried at once on the way back

Changes = Mapping[str, Value]


@dataclass(frozen=True)
class Change:
    """One value: as recorded, and as it would have to be."""

    column: str
    old: Value
    new: Value


@dataclass(frozen=True)
class Counterfactual:
    """changes: the largest first; before, after: probability of the label; unlike: the unlike-training score before and
    after; distance: sum of the changes, each in units of the column's interquartile range, 1 for a category."""

    changes: tuple[Change, ...]
    before: float
    after: float
    unlike: tuple[float, float]
    distance: float


def counterfactual(package: Package, record: Record, label: str, device: str = "auto") -> Counterfactual | None:
    """The change that takes the label out of the answer, or into it; None where nothing plausible does, and where the
    outcome has no sides.

    Only measured values change that are not fixed, each by whole steps and no further than the training patients' 5 to
    95 % range and the column's limits; a record so unlike the training data that it would get no answer is none.
    """
    outcome = package.task.outcome
    if outcome.kind not in WITH_PROBABILITIES:
        return None
    _name, spec = field_of(package)
    columns = {c.name: c for c in spec.columns if not c.fixed and record.values.get(c.name) is not None}
    options = {name: found for name, c in columns.items() if (found := _options(package, c, record.values[name]))}
    where = [item.name for item in outcome.labels].index(label)
    start = said(package, [record], device)
    has = label in outcome.choose(start.probabilities[0], package.about["thresholds"]).split("+")

    def tried(trials: list[Changes]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of each trial: whether it turns the answer and is like the data; probability of the label; unlike."""
        found = said(package, [changed(record, t) for t in trials], device)
        chosen = [outcome.choose(p, package.about["thresholds"]).split("+") for p in found.probabilities]
        plausible = np.array([not withheld(u) for u in found.unlike])
        return np.array([(label in c) != has for c in chosen]) & plausible, found.probabilities[:, where], found.unlike

    def far(changes: Changes) -> float:
        return sum(_distance(package, columns[name], record.values[name], v) for name, v in changes.items())

    beam: list[Changes] = [{}]
    for _size in range(min(MOST, len(options))):
        trials = _grown(beam, options)
        turned, p, unlike = tried(trials)
        if turned.any():
            good = [t for t, turns in zip(trials, turned, strict=True) if turns]
            nearest = _best_of_each(good, [far(t) for t in good])
            done = min((_nearer(t, columns, record, tried, far) for t in nearest), key=far)
            _turned, after, apart = tried([done])
            changes = [Change(name, record.values[name], v) for name, v in done.items()]
            changes.sort(key=lambda c: -_distance(package, columns[c.column], c.old, c.new))
            return Counterfactual(
                tuple(changes),
                float(start.probabilities[0, where]),
                float(after[0]),
                (float(start.unlike[0]), float(apart[0])),
                far(done),
            )
        beam = _best_of_each(trials, (p if has else -p) + np.array([withheld(u) for u in unlike]))
    return None


def _options(package: Package, column: Column, value: Value) -> list[Value]:
    """What a value may become: its other categories, or its usual values by whole steps within the limits."""
    usual = usual_values(package, column)
    if column.choices:
        return [v for v in usual if v != value]
    span = usual_span(package, column)
    if span is None or not _spread(package, column):
        return []
    numbers = (on_step(column, min(max(float(v), span[0]), span[1])) for v in usual if v is not None)
    return [v for v in dict.fromkeys(numbers) if v != value]


def _spread(package: Package, column: Column) -> float:
    """The interquartile range of a number in the training part; where it is 0, the 5 to 95 % range."""
    numbers = sorted(float(v) for v in usual_values(package, column) if v is not None)
    return (numbers[-2] - numbers[1]) or (numbers[-1] - numbers[0])


def _distance(package: Package, column: Column, old: Value, new: Value) -> float:
    if isinstance(old, int | float) and isinstance(new, int | float):
        return abs(new - old) / _spread(package, column)
    return float(old != new)


def _grown(beam: list[Changes], options: Mapping[str, list[Value]]) -> list[Changes]:
    """Each of the beam with one more column changed; none twice."""
    out: dict[frozenset[tuple[str, Value]], Changes] = {}
    for changes in beam:
        for name, values in options.items():
            for value in values if name not in changes else ():
                grown = {**changes, name: value}
                out[frozenset(grown.items())] = grown
    return [*out.values()]


def _best_of_each(trials: list[Changes], scores: Sequence[float] | np.ndarray) -> list[Changes]:
    """The BEAM of the lowest scores, one for each set of columns."""
    best: dict[frozenset[str], Changes] = {}
    for i in np.argsort(scores, kind="stable"):
        best.setdefault(frozenset(trials[i]), trials[i])
    return [*best.values()][:BEAM]


def _nearer(
    changes: Changes,
    columns: Mapping[str, Column],
    record: Record,
    tried: Callable[[list[Changes]], tuple[np.ndarray, np.ndarray, np.ndarray]],
    far: Callable[[Changes], float],
) -> Changes:
    """One number after another is taken back towards what was recorded, as long as the answer stays turned."""
    for name in sorted(changes, key=lambda n: -far({n: changes[n]})):
        old, new = record.values[name], changes[name]
        if not isinstance(old, int | float) or not isinstance(new, int | float):
            continue
        step = columns[name].step if new > old else -columns[name].step
        near, here = 0, round((new - old) / step)
        while here - near > 1:
            counts = np.unique(np.linspace(near, here, STEPS + 2).round().astype(int))[1:-1]
            trials: list[Changes] = [{**changes, name: on_step(columns[name], old + int(n) * step)} for n in counts]
            turned = np.flatnonzero(tried(trials)[0])
            if len(turned):
                first = int(turned[0])
                changes, here = trials[first], int(counts[first])
                near = int(counts[first - 1]) if first else near
            else:
                near = int(counts[-1])
    return changes
