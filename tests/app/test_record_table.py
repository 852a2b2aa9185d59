"""Words of the table of a record."""

import pytest

from app.parts.viewers.record import _value
from medcore.inputs import Column


@pytest.mark.parametrize(("value", "said"), [(1.0, "day"), (2.0, "days"), (0.0, "days")])
def test_one_is_told_in_the_singular(value: float, said: str) -> None:
    assert f">{said}</span>" in _value(Column("hday", "Hospital day", "days"), value)
