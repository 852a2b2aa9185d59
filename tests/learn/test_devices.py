"""What is done where CUDA is there, full, or slow at bfloat16; of a card there is a stand-in that has no room."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from medcore.errors import Refused
from medcore.explain import METHODS, attributed, explain
from medcore.explain.attribution import Question
from medcore.learn.build import train
from medcore.learn.devices import pick, training_precision, with_fallback
from medcore.learn.predict import answer
from medcore.packages import Package
from medcore.tasks import get

TASK = get("mortality")
QUICK = replace(TASK.recipe, epochs=2, batch=16)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    out = tmp_path_factory.mktemp("package")
    return train(TASK, TASK.simulate(60, 1), out, version="0.1.0", recipe=QUICK, folds=[0], device="cpu")


@pytest.fixture
def full_card(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A card without room for a net or an array; gives the names of what was refused."""
    refused = list[str]()

    def without_room(kind: Any) -> None:
        real = kind.to

        def to(self: Any, *args: Any, **kwargs: Any) -> Any:
            if args[:1] == ("cuda",):
                refused.append(type(self).__name__)
                raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
            return real(self, *args, **kwargs)

        monkeypatch.setattr(kind, "to", to)

    without_room(torch.nn.Module)
    without_room(torch.Tensor)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: True)
    return refused


def test_the_card_is_taken_where_there_is_one_unless_the_cpu_is_wished(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert [pick(wish) for wish in ("auto", "cuda", "cpu")] == ["cuda", "cuda", "cpu"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert [pick(wish) for wish in ("auto", "cpu")] == ["cpu", "cpu"]
    with pytest.raises(Refused, match="No CUDA device"):
        pick("cuda")


@pytest.mark.parametrize(("native", "precision"), [(True, "bf16-mixed"), (False, "32-true")])
def test_a_card_that_only_emulates_bfloat16_trains_in_full_precision(
    native: bool, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or native)
    assert training_precision("cuda") == precision


def test_what_breaks_for_another_reason_is_not_tried_again() -> None:
    tried: list[str] = []

    def run(device: str) -> None:
        tried.append(device)
        raise ValueError("odd")

    with pytest.raises(ValueError, match="odd"):
        with_fallback(run, "cuda")
    assert tried == ["cuda"]


def test_an_answer_says_that_the_cpu_gave_it(package: Package, full_card: list[str]) -> None:
    inputs = TASK.simulate(1, 5)[0].load()
    given = answer(package, inputs, "auto")
    assert full_card and given.device == "cpu" and "The GPU ran out of memory; the CPU answered." in given.remarks
    asked = answer(package, inputs, "cpu")
    assert given.probabilities == asked.probabilities and not any("GPU" in r for r in asked.remarks)


def test_an_explanation_says_that_the_cpu_made_it(package: Package, full_card: list[str]) -> None:
    inputs = TASK.simulate(1, 5)[0].load()
    why = explain(package, inputs, device="auto")
    assert full_card and (why.failure, why.device) == ("", "cpu")
    assert why.remark == "The GPU ran out of memory; the CPU explained."
    assert explain(package, inputs, device="cpu").remark == ""


def test_memory_that_ends_within_a_method_is_not_told_as_the_methods_failure(
    package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = METHODS[TASK.explain[0]]

    def full(question: Question) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(type(method), "attribute", lambda self, question: full(question))
    with pytest.raises(torch.cuda.OutOfMemoryError):
        explain(package, TASK.simulate(1, 5)[0].load(), device="cpu")


@pytest.mark.parametrize(("device", "enabled"), [("cuda", False), ("cpu", True)])
def test_recurrent_nets_are_explained_without_cudnn(
    device: str, enabled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no backward pass for them in evaluation mode."""
    seen: list[bool] = []
    method = SimpleNamespace(attribute=lambda question: seen.append(torch.backends.cudnn.enabled) or ())
    xs = (SimpleNamespace(device=SimpleNamespace(type=device)),)
    assert attributed(SimpleNamespace(xs=xs), method) == ()  # type: ignore[arg-type]
    assert seen == [enabled] and torch.backends.cudnn.enabled


def test_a_training_says_that_the_cpu_went_on(full_card: list[str], tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = []
    made = train(
        TASK, TASK.simulate(60, 1), tmp_path, version="0.1.0", recipe=QUICK, folds=[0, 1], device="auto",
        on_epoch=rows.append,
    )  # fmt: skip
    assert len(full_card) == 1, "the second net isn't tried there again"
    assert [(r["fold"], r["epoch"], r["device"]) for r in rows] == [
        (0, 1, "cpu"), (0, 2, "cpu"), (1, 1, "cpu"), (1, 2, "cpu"),
    ]  # fmt: skip
    assert {r["remark"] for r in rows} == {"The GPU ran out of memory; the CPU went on with the training."}
    assert made.about["device"] == "cpu"


def test_a_training_on_the_device_that_was_wished_says_nothing(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = []
    recipe = replace(QUICK, epochs=1)
    samples = TASK.simulate(60, 1)
    train(TASK, samples, tmp_path, version="0", recipe=recipe, folds=[0], device="cpu", on_epoch=rows.append)
    assert [(r["device"], r["remark"]) for r in rows] == [("cpu", "")]
