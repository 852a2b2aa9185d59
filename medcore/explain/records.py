"""Many records at once: what sliders, curves and counterfactuals ask a package whose only input is a record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor

import numpy as np

from medcore.inputs import Column, Record, RecordField
from medcore.inputs.record import Value
from medcore.learn.batches import collate, encode_inputs
from medcore.learn.devices import pick, with_fallback
from medcore.learn.predict import passed, probabilities, unlike
from medcore.packages import Package
from medcore.tasks import Task

AT_ONCE = 256  # records in one pass of the nets


@dataclass(frozen=True)
class Said:
    """What a package says of n records: logits (nets, n, width), calibrated probabilities (n, labels), and the
    unlike-training scores (n,)."""

    logits: np.ndarray
    probabilities: np.ndarray
    unlike: np.ndarray


def record_field(task: Task) -> tuple[str, RecordField] | None:
    """Name and field of a task that takes a record and nothing else; None for others."""
    fields = [(name, spec) for name, spec in task.fields.items() if isinstance(spec, RecordField)]
    return fields[0] if len(fields) == len(task.fields) == 1 else None


def field_of(package: Package) -> tuple[str, RecordField]:
    """`record_field` of a package that has one."""
    found = record_field(package.task)
    assert found is not None, "asked of a task that takes more than a record"
    return found


def changed(record: Record, values: Mapping[str, Value]) -> Record:
    """The record with these values in place of its own."""
    return Record({**record.values, **values}, record.facts)


def said(package: Package, records: Sequence[Record], device: str = "auto") -> Said:
    """What the package says of each record, AT_ONCE of them in a pass of the nets."""
    name, _spec = field_of(package)
    logits, shares = [], []
    for start in range(0, len(records), AT_ONCE):
        batch = collate([encode_inputs(package.task, {name: r}) for r in records[start : start + AT_ONCE]])
        (z, seen), _used = with_fallback(lambda d, b=batch: passed(package, b, d), pick(device))  # type: ignore[misc]
        logits.append(z)
        shares += [unlike(package, [e[i : i + 1] for e in seen]) for i in range(z.shape[1])]
    every = np.concatenate(logits, axis=1)
    return Said(every, probabilities(package, every), np.array(shares))


def usual_values(package: Package, column: Column) -> list[Value]:
    """The column's usual values in the training part: five quantiles (5, 25, 50, 75, 95 %), or the commonest
    categories; [] where it was never measured there."""
    name, _spec = field_of(package)
    return list(package.about["reference"][name].get("usual", {}).get(column.name, []))


def usual_span(package: Package, column: Column) -> tuple[float, float] | None:
    """Between which values 90 of 100 training patients lie, by whole steps and within the column's limits; None for
    categories, and where that is unknown. Where they all have one value, the limits."""
    numbers = [float(v) for v in usual_values(package, column) if isinstance(v, int | float)]
    if column.choices or not numbers:
        return None
    low, high = min(numbers), max(numbers)
    if column.limits:
        low, high = max(low, column.limits[0]), min(high, column.limits[1])
    # Inwards; what float32 made of 1.7 is 1.7.
    low, high = (ceil(low / column.step - 1e-4) * column.step, floor(high / column.step + 1e-4) * column.step)
    return (round(low, 10), round(high, 10)) if low < high else column.limits


def on_step(column: Column, value: float) -> float:
    """The value as people tell it: a whole number of the column's steps."""
    return round(round(value / column.step) * column.step, 10)
