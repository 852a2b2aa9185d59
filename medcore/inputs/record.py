"""Records: named values of one patient, many of which may be missing."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from medcore.errors import Refused
from medcore.i18n import _

if TYPE_CHECKING:
    import torch

Value = float | str | None


@dataclass(frozen=True)
class Record:
    """Named values. Numbers in the units of the columns' declaration, categories as text, None where not measured."""

    values: Mapping[str, Value]
    facts: Mapping[str, str] = field(default_factory=dict)
    kind: ClassVar[str] = "record"

    def content(self) -> tuple[dict[str, Any], list[np.ndarray]]:
        return {k: v for k, v in self.values.items() if v is not None}, []


@dataclass(frozen=True)
class Column:
    """One value of a record.

    name: as in the source's table; title: as people say it; unit: of the stored number
    usual: range in healthy adults, or None; limits: outside of these a value is asked about, never refused
    choices: the categories, for text; () for a number
    other_units: further units that people use, each as factor to the stored unit ({"µmol/L": 1 / 88.42})
    step: the smallest difference of a number that is told; fixed: nothing that is done now changes it (age, diagnosis)
    """

    name: str
    title: str
    unit: str = ""
    usual: tuple[float, float] | None = None
    limits: tuple[float, float] | None = None
    choices: tuple[str, ...] = ()
    other_units: Mapping[str, float] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    step: float = 1.0
    fixed: bool = False


@dataclass(frozen=True)
class RecordField:
    """Takes records with these columns. Encoded: one number a numeric column, one 0/1 a category; mask alike."""

    columns: tuple[Column, ...]
    kind: str = "record"
    drop: float = 0.15

    def check(self, given: Record) -> list[str]:
        known = [c for c in self.columns if given.values.get(c.name) is not None]
        if not known:
            raise Refused(
                _("This record has none of the values that the question needs."),
                _("Give at least one of: {names}.").format(names=", ".join(c.name for c in self.columns[:6]) + " …"),
            )
        remarks = []
        for column in known:
            value = given.values[column.name]
            if column.choices:
                if value not in column.choices:
                    raise Refused(
                        _("{name} is “{value}”, which is not one of its categories.").format(
                            name=column.name, value=value
                        ),
                        _("Use one of: {choices}.").format(choices=", ".join(column.choices)),
                    )
            elif not isinstance(value, int | float) or not math.isfinite(value):
                raise Refused(
                    _("{name} is “{value}”, which is not a number.").format(name=column.name, value=value),
                    _("Give a number in {unit}, or leave it empty.").format(unit=column.unit or "its unit"),
                )
            elif column.limits and not column.limits[0] <= value <= column.limits[1]:
                remarks.append(
                    _("{title} is {value:g} {unit}, which is rarely seen. Is the unit right?").format(
                        title=_(column.title), value=value, unit=column.unit
                    )
                )
        return remarks

    @property
    def slots(self) -> list[tuple[str, str | None]]:
        """(column name, category or None) of each encoded position."""
        return [(c.name, choice) for c in self.columns for choice in (c.choices or (None,))]

    def encode(self, given: Record) -> "tuple[torch.Tensor, torch.Tensor]":
        import torch

        x = np.zeros(len(self.slots), np.float32)
        mask = np.zeros_like(x)
        for i, (name, choice) in enumerate(self.slots):
            value = given.values.get(name)
            if value is not None:
                x[i] = float(value == choice) if choice is not None else float(value)
                mask[i] = 1
        return torch.from_numpy(x), torch.from_numpy(mask)

    def augment(
        self, x: "torch.Tensor", mask: "torch.Tensor", generator: "torch.Generator"
    ) -> "tuple[torch.Tensor, torch.Tensor]":
        """Leaves out each column with probability `drop`, so that missing is nothing new to the net."""
        import torch

        owner = torch.tensor([self._index[name] for name, _choice in self.slots])
        kept = torch.rand(len(x), len(self.columns), generator=generator) >= self.drop
        keep = kept[:, owner].to(x)
        return x * keep, mask * keep

    def fill(
        self, x: "torch.Tensor", mask: "torch.Tensor", column: str, value: Value
    ) -> "tuple[torch.Tensor, torch.Tensor]":
        """The encoded record (1, slots) with one more value known."""
        x, mask = x.clone(), mask.clone()
        for i, (name, choice) in enumerate(self.slots):
            if name == column:
                x[:, i] = float(value == choice) if choice is not None else float(value or 0)
                mask[:, i] = 1
        return x, mask

    def usual(self, records: list[Record]) -> dict[str, list[Value]]:
        """For each column five values that stand for how it is spread: quantiles, or the commonest categories."""
        out: dict[str, list[Value]] = {}
        for column in self.columns:
            known = [v for r in records if (v := r.values.get(column.name)) is not None]
            if not known:
                continue
            if column.choices:
                out[column.name] = list(sorted(set(known), key=lambda v: -known.count(v))[:5])
            else:
                numbers = np.array(known, float)
                out[column.name] = [float(v) for v in np.quantile(numbers, [0.05, 0.25, 0.5, 0.75, 0.95])]
        return out

    @property
    def _index(self) -> dict[str, int]:
        return {c.name: i for i, c in enumerate(self.columns)}

    def place(self, attribution: np.ndarray, given: Record) -> np.ndarray:
        """One number a column, in the order of `columns`: the sum over its categories."""
        out = np.zeros(len(self.columns), attribution.dtype)
        np.add.at(out, [self._index[name] for name, _choice in self.slots], attribution)
        return out

    def absent(self, given: Record) -> list[str]:
        return [c.name for c in self.columns if given.values.get(c.name) is None]
