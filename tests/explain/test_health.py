"""What tells a map that may be believed from one that may not, on nets whose reasons are known by hand."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from medcore.explain import METHODS
from medcore.explain.asking import with_nets
from medcore.explain.attribution import Method, Question
from medcore.explain.controls import EdgeMap, OtherLabel, RandomMap
from medcore.explain.ensemble import Ensemble
from medcore.explain.health import LIMITS, MEASURES, Evidence, calibrated, failed, measure, passing
from medcore.outcomes.base import uncalibrated
from medcore.tasks import get

FILM, RECORD, STRIP = get("cxr_pneumonia"), get("mortality"), get("ecg_rhythm")


class Patch(nn.Module):
    """Sees one part of a picture alone: the brighter, the likelier. What it has learnt is where, and how much."""

    def __init__(self, rows: slice, columns: slice, side: int = 64) -> None:
        super().__init__()
        weight = torch.zeros(side, side)
        weight[rows, columns] = 6 / weight[rows, columns].numel()
        self.features = nn.Identity()
        self.weight = nn.Parameter(weight)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return ((x - 0.5) * self.weight).flatten(1).sum(1, keepdim=True)


class Classes(nn.Module):
    """Three columns of weights: each class has signs of its own for the values of a trace's stretches."""

    def __init__(self, width: int, samples: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        coarse = torch.randn(width, 1, samples // 150 + 1, generator=generator)
        self.weight = nn.Parameter(coarse.repeat_interleave(150, 2)[:, :, :samples] / 40)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return torch.einsum("ncs,wcs->nw", x, self.weight)


def asked(task: Any, net: nn.Module, x: torch.Tensor, baseline: torch.Tensor, target: int = 0) -> Question:
    model = Ensemble(task, [net.eval()], [uncalibrated(task.outcome.width)])
    mask = torch.ones_like(x)
    with torch.no_grad():
        said = model(torch.cat([x, baseline]), torch.cat([mask, mask]))
    answers = float(said[0, target]), float(said[1, target])
    return Question(task, model, [net], (x,), (mask,), (baseline,), target, answers)


@pytest.fixture
def film() -> Question:
    """A noisy picture with bright spots all over, of which the net sees those in one corner alone."""
    generator = torch.Generator().manual_seed(1)
    x = 0.35 + 0.3 * torch.rand(1, 1, 8, 8, generator=generator).repeat_interleave(8, 2).repeat_interleave(8, 3)
    x = (x + 0.05 * torch.randn(1, 1, 64, 64, generator=generator)).clamp(0, 1)
    x[..., 40:56, 8:24] += 0.3
    return asked(FILM, Patch(slice(40, 56), slice(8, 24)), x, torch.full_like(x, 0.5))


def weighed(question: Question, method: Method, others: Sequence[str] = ("occlusion",)) -> Evidence:
    maps = {name: METHODS[name].attribute(question) for name in others if name != method.name}
    return measure(question, method, method.attribute(question), maps)


@pytest.mark.parametrize("name", ["integrated_gradients", "occlusion", "feature_ablation"])
def test_a_map_of_what_the_net_sees_passes(film: Question, name: str) -> None:
    evidence = weighed(film, METHODS[name], ("integrated_gradients", "feature_ablation"))
    assert failed(evidence, LIMITS) == ()
    assert evidence.beaten == evidence.counts["orders"]


def test_a_random_map_fails(film: Question) -> None:
    evidence = weighed(film, RandomMap())
    assert {"deletion", "insertion", "sensitivity"} <= set(failed(evidence, LIMITS))


def test_an_edge_detector_fails_for_it_stays_as_it_is_when_all_that_was_learnt_is_gone(film: Question) -> None:
    evidence = weighed(film, EdgeMap())
    assert evidence.randomised == pytest.approx(1.0)
    assert "randomised" in failed(evidence, LIMITS)


def test_the_map_of_another_label_fails() -> None:
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(1, 1, 3000, generator=generator)
    question = asked(STRIP, Classes(4, 3000), x, torch.zeros_like(x))
    with torch.no_grad():
        said = question.model(*question.xs, *question.masks)[0]
    best = int(said.argmax())
    question = asked(STRIP, Classes(4, 3000), x, torch.zeros_like(x), best)
    own = METHODS["integrated_gradients"]
    assert failed(weighed(question, own), LIMITS) == ()
    assert {"deletion", "insertion"} & set(failed(weighed(question, OtherLabel(own)), LIMITS))


def test_a_map_of_nothing_fails(film: Question) -> None:
    empty = tuple(torch.zeros_like(x) for x in film.xs)
    evidence = measure(film, METHODS["grad_cam"], empty, {})
    assert evidence.deletion is None and failed(evidence, LIMITS) == ("deletion",)


def test_an_answer_that_nothing_moves_has_no_evidence(film: Question) -> None:
    blind = Patch(slice(0, 8), slice(0, 8))
    blind.weight.data.zero_()
    still = with_nets(film, [blind])
    said = still.model(*film.xs, *film.masks)[0, 0].item()
    evidence = measure(replace(still, answers=(said, said)), RandomMap(), RandomMap().attribute(still), {})
    assert evidence.deletion is None and evidence.infidelity is None


def test_values_that_add_up_have_no_infidelity_on_a_net_that_adds_up() -> None:
    class Sum(nn.Module):
        def __init__(self, slots: int) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(slots, generator=torch.Generator().manual_seed(7)) / 50)

        def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return (x * self.weight).sum(1, keepdim=True)

    slots = len(RECORD.fields["record"].slots)  # type: ignore[attr-defined]
    x = torch.rand(1, slots, generator=torch.Generator().manual_seed(4))
    question = asked(RECORD, Sum(slots), x, torch.zeros_like(x))
    assert (weighed(question, METHODS["integrated_gradients"]).infidelity or 0) < 0.01
    assert (weighed(question, RandomMap()).infidelity or 0) > 0.3


def test_it_is_the_same_each_time(film: Question) -> None:
    own = METHODS["integrated_gradients"]
    assert weighed(film, own) == weighed(film, own)


def evidence(**values: float) -> Evidence:
    named = {name: values.get(name, 9.0 if sign > 0 else 0.0) for name, sign in MEASURES.items()}
    return Evidence(**named, half=None, others={}, beaten=20, counts={"orders": 20})


def test_limits_are_tightened_until_no_control_passes() -> None:
    poor = [evidence(deletion=2.0 + i / 100, insertion=2.0 + i / 100) for i in range(40)]
    limits, level = calibrated({"random": poor})
    assert level is not None and passing(poor, limits) <= 0.05
    assert limits["deletion"] > 2.0 and failed(evidence(), limits) == ()
    assert calibrated({"random": [evidence(deletion=0.0)] * 40}) == (LIMITS, None)


def test_what_could_not_be_told_is_not_held_against_a_map() -> None:
    assert failed(replace(evidence(), agreement=None, sensitivity=None), LIMITS) == ()
