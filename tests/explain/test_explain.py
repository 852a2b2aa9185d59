"""Attributions against nets whose answer is known by hand, and on each task's own inputs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from medcore.errors import Refused
from medcore.explain import METHODS, explain, methods
from medcore.explain.attribution import Question
from medcore.explain.words import parts
from medcore.inputs import Image, Signal
from medcore.learn.build import train
from medcore.measure.ecg import measure
from medcore.packages import Package
from medcore.simulate.ecg import ecg
from medcore.tasks import Recipe, get

TASK = get("mortality")


class Linear(nn.Module):
    """Adds its input up with known weights."""

    def __init__(self, weights: torch.Tensor) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return (x * self.weights).flatten(1).sum(1, keepdim=True)


GROUPED = ("shapley", "kernel_shap", "feature_ablation")  # the categories of a column share what they bring together


@pytest.mark.parametrize("name", ["integrated_gradients", "occlusion", "deep_lift", *GROUPED])
def test_a_linear_net_is_attributed_exactly(name: str) -> None:
    slots = len(TASK.fields["record"].slots)  # type: ignore[attr-defined]
    rng = torch.Generator().manual_seed(0)
    x, weights = torch.rand(1, slots, generator=rng), torch.randn(slots, generator=rng)
    net = Linear(weights)
    zero = torch.zeros_like(x)
    (found,) = METHODS[name].attribute(Question(TASK, net, [net], (x,), (torch.ones_like(x),), (zero,), 0))
    expected = (x * weights)[0]
    if name in GROUPED:
        place = TASK.fields["record"].place
        np.testing.assert_allclose(
            place(found[0].detach().numpy(), None),
            place(expected.detach().numpy(), None),
            atol=2e-3 if name == "kernel_shap" else 1e-5,  # a line fitted with weights of a million
        )
    else:
        torch.testing.assert_close(found[0].detach(), expected.detach(), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("method", ["grad_cam", "refined_grad_cam"])
def test_grad_cam_looks_where_the_only_signal_is(method: str) -> None:
    from medcore.nets.resnet2d import ResNet2d

    class Bright(nn.Module):
        """Feature maps are the picture itself, in patches; the answer is their mean."""

        def __init__(self) -> None:
            super().__init__()
            self.features = nn.Conv2d(1, 1, 8, 8, bias=False)
            nn.init.ones_(self.features.weight)

        def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return self.features(x).flatten(1).mean(1, keepdim=True)

    x = torch.zeros(1, 1, 64, 64)
    x[..., 40:48, 8:16] = 1
    net = Bright().eval()
    task = get("cxr_pneumonia")
    (found,) = METHODS[method].attribute(
        Question(task, net, [net], (x,), (torch.ones_like(x),), (torch.zeros_like(x),), 0)
    )
    peak = np.unravel_index(int(found.argmax()), (64, 64))
    assert 38 <= peak[0] <= 50 and 6 <= peak[1] <= 18
    assert hasattr(ResNet2d(1), "features")


def test_gradients_refine_grad_cam_within_a_patch() -> None:
    class Corner(nn.Module):
        """Maps of 32-pixel patches that look at the first quarter of each patch alone."""

        def __init__(self) -> None:
            super().__init__()
            self.features = nn.Conv2d(1, 1, 32, 32, bias=False)
            nn.init.zeros_(self.features.weight)
            self.features.weight.data[..., :16, :16] = 1

        def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return self.features(x).flatten(1).mean(1, keepdim=True)

    x = torch.zeros(1, 1, 128, 128)
    x[..., 32:64, 64:96] = 1
    net = Corner().eval()
    question = Question(get("cxr_pneumonia"), net, [net], (x,), (torch.ones_like(x),), (torch.zeros_like(x),), 0)

    def inside(method: str) -> float:
        (found,) = METHODS[method].attribute(question)
        return float(found[..., 32:48, 64:80].sum() / found.sum())

    assert inside("grad_cam") < 0.25
    assert inside("refined_grad_cam") > 0.6


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    recipe = Recipe(epochs=2, batch=32, learning_rate=2e-3)
    return train(
        TASK, TASK.simulate(200, 1), tmp_path_factory.mktemp("p"), version="0.1.0", recipe=recipe, folds=[0, 1]
    )


@pytest.mark.parametrize("method", methods(TASK))
def test_each_method_answers_for_the_answer_that_is_shown(package: Package, method: str) -> None:
    from medcore.learn.predict import answer

    inputs = TASK.simulate(1, 8)[0].load()
    found = explain(package, inputs, method=method, device="cpu")
    assert found.failure == "" and found.baseline
    values = found.values["record"]
    assert values.shape == (len(TASK.fields["record"].columns),)  # type: ignore[attr-defined]
    absent = answer(package, inputs, "cpu").absent
    names = [c.name for c in TASK.fields["record"].columns]  # type: ignore[attr-defined]
    assert all(abs(values[names.index(name)]) < 1e-6 for name in absent), "what is not there can't have moved anything"
    if METHODS[method].adds_up:
        assert found.gap is not None and found.gap < 0.02
    else:
        assert found.gap is None


def test_unknown_label_and_unfit_method_are_refused(package: Package) -> None:
    inputs = TASK.simulate(1, 8)[0].load()
    with pytest.raises(Refused, match="label"):
        explain(package, inputs, label="gout", device="cpu")
    with pytest.raises(Refused, match="grad_cam"):
        explain(package, inputs, method="grad_cam", device="cpu")


def test_a_method_that_breaks_is_told_in_words(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    from medcore.explain import occlusion

    # A window that doesn't fit the input: Captum itself then fails.
    monkeypatch.setattr(occlusion.Occlusion, "_window", lambda self, shape: (10_000,))
    found = explain(package, TASK.simulate(1, 8)[0].load(), method="occlusion", device="cpu")
    assert "failed" in found.failure and not found.values


def test_many_threads_on_one_package(package: Package) -> None:
    from concurrent.futures import ThreadPoolExecutor

    inputs = TASK.simulate(1, 8)[0].load()
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _i: explain(package, inputs, device="cpu").values["record"], range(12)))
    for values in found[1:]:
        np.testing.assert_array_equal(values, found[0])


def test_folder_is_left_as_it_was(package: Package, tmp_path: Path) -> None:
    before = sorted(p.name for p in package.folder.iterdir())
    explain(package, TASK.simulate(1, 8)[0].load(), device="cpu")
    assert sorted(p.name for p in package.folder.iterdir()) == before


@pytest.mark.parametrize(("orientation", "side"), [("", "Right"), ("L\\F", "Right"), ("R\\F", "Left")])
def test_zones_are_named_by_the_side_that_the_file_says(orientation: str, side: str) -> None:
    task = get("cxr_pneumonia")
    given = Image(np.zeros((60, 40), np.uint8), facts={"orientation": orientation} if orientation else {})
    values = np.zeros((60, 40))
    values[50, 5] = 1
    (name,) = task.fields
    assert parts(task, {name: given}, {name: values})[0] == (f"{side} lower zone", 1.0)


def test_an_ecg_is_told_by_lead_and_segment_of_the_beat() -> None:
    given, task = ecg(4, leads=("II",)), get("ecg_rhythm")
    values = np.zeros(given.samples.shape, np.float32)
    for segment in measure(given).segments:
        values[0, segment.start : segment.end] = {"QRS": 3.0, "T": 0.5}.get(segment.kind, 0.0)
    told = dict(parts(task, {"ecg": given}, {"ecg": values}))
    assert list(told)[:2] == ["Lead II, QRS", "Lead II, T wave"] and sum(told.values()) == pytest.approx(1)
    flat = Signal(np.zeros((1, 3000), np.float32), 300.0, ("I",), ("mV",))
    ((first, _share), *_rest) = parts(task, {"ecg": flat}, {"ecg": np.ones((1, 3000), np.float32)})
    assert first == "Lead I, 0 to 1 s"


@pytest.mark.parametrize("kink", [0.13, 0.5, 0.777])
def test_a_kink_is_told_exactly_wherever_it_lies(kink: float) -> None:
    """relu(a + b − k): up to the kink neither value counts, from there on both as much as they grow."""
    xs, zero = (torch.tensor([[0.3, 0.7]]),), (torch.zeros(1, 2),)

    class Kink(torch.nn.Module):
        def forward(self, x: torch.Tensor, _mask: torch.Tensor) -> torch.Tensor:
            return torch.relu(x.sum(1, keepdim=True) - kink)

    question = Question(get("mortality"), Kink(), [Kink()], xs, (torch.ones(1, 2),), zero, 0)
    (found,) = METHODS["integrated_gradients"].attribute(question)
    assert found[0].tolist() == pytest.approx([0.3 * (1 - kink), 0.7 * (1 - kink)], abs=1e-6)


def test_integrated_gradients_put_their_steps_where_the_answer_bends() -> None:
    """A logistic of two values with a sharp bend: known attributions, and few gradients for them."""
    xs, zero = (torch.tensor([[3.0, 1.0]]),), (torch.zeros(1, 2),)

    class Bend(torch.nn.Module):
        def forward(self, x: torch.Tensor, _mask: torch.Tensor) -> torch.Tensor:
            return torch.sigmoid(12 * (x[:, :1] + x[:, 1:] - 3.0))

    net = Bend()
    question = Question(get("mortality"), net, [net], xs, (torch.ones(1, 2),), zero, 0)
    (found,) = METHODS["integrated_gradients"].attribute(question)
    whole = float(net(xs[0], xs[0])[0, 0] - net(zero[0], zero[0])[0, 0])
    assert found[0].tolist() == pytest.approx([0.75 * whole, 0.25 * whole], abs=2e-3)
