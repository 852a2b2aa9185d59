"""How much of an input a method holds at a time: counted at the net, for the longest ECG and the largest film."""

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
import torch

from medcore import tasks
from medcore.explain import METHODS, attributed, methods
from medcore.explain.asking import ask
from medcore.inputs import Image, Input, Signal, SignalField
from medcore.packages import load
from medcore.settings import settings
from medcore.simulate.ecg import ecg
from medcore.tasks import Task

VALUES = 2**20  # of an input at a time: 4 MB, and some hundred times that inside a net
ROWS = 64
PASSES = 12  # after which a method repeats itself
ASKED = [(name, m) for name, task in tasks.all_tasks().items() if task.grid is None for m in methods(task)]


class EnoughError(BaseException):
    """Ends a method on its way; `attributed` takes every Exception for a failure of the method."""


def largest(task: Task) -> dict[str, Input]:
    """The longest recording with all leads that the task takes, the largest film that there may be, or a record."""
    given: dict[str, Input] = dict(task.simulate(1, 5)[0].load())
    for name, spec in task.fields.items():
        if isinstance(spec, SignalField):
            held = ecg(5, seconds=spec.max_seconds, rate_hz=500, leads=spec.leads)
            assert isinstance(held, Signal)
            given[name] = held
        elif spec.kind == "image":
            pixels = np.random.default_rng(0).integers(0, 4096, (4000, 3500)).astype(np.uint16)
            given[name] = Image(pixels, facts={"view": "PA"})
    return given


@pytest.mark.parametrize(("name", "method"), ASKED)
def test_a_method_holds_no_more_of_the_largest_input_than_it_may(
    name: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = settings().models / name
    if not folder.is_dir():
        pytest.skip(f"no package of {name} is shipped here")
    question = ask(load(folder), largest(tasks.get(name)), None, "cpu", which=[0])
    seen: list[tuple[int, int]] = []

    (net,) = question.model.nets  # type: ignore[union-attr,misc]
    forward = type(net).forward

    def counted(self: Any, *given: torch.Tensor) -> Any:
        seen.append((len(given[0]), given[0].numel()))
        if len(seen) == PASSES:
            raise EnoughError
        return forward(self, *given)

    monkeypatch.setattr(type(net), "forward", counted)
    with suppress(EnoughError):
        found = attributed(question, METHODS[method])
        assert not isinstance(found, str), found
    assert max(rows for rows, _values in seen) <= ROWS and max(values for _rows, values in seen) <= VALUES
