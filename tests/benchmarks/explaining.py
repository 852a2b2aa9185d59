"""An explanation over Captum called plainly, by its usual steps and with the same baseline, on encoded inputs."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from captum.attr import IntegratedGradients, LayerAttribution, LayerGradCam

from medcore.explain import METHODS, explain, methods
from medcore.explain.asking import ask
from medcore.explain.ensemble import Ensemble
from medcore.explain.health import measure
from medcore.inputs import Input
from medcore.learn.batches import collate, encode_inputs
from medcore.packages import Package
from tests.benchmarks.measure import Row, interleaved
from tests.benchmarks.packages import package

ROUNDS = 5
STEPS = 50
BAR = 1.2
SMALL = 5e-4  # of probability: a gap that nobody sees


def rows(folder: Path) -> list[Row]:
    """Integrated gradients of each kind of input, of one lead and of twelve, and Grad-CAM of a film. `folder`: where
    trained packages are kept."""
    out = []
    for task in ("cxr_pneumonia", "ecg_rhythm", "ecg_diagnosis", "mortality"):
        answers = package(task, folder)
        inputs = answers.task.simulate(1, 3)[0].load()
        out.append(_gradients(answers, inputs))
        out.append(_default(answers, inputs))
        out += _evidence(answers, inputs)
        if "grad_cam" in answers.task.explain:
            out.append(_grad_cam(answers, inputs))
    return out


def _gradients(answers: Package, inputs: dict[str, Input]) -> Row:
    x, mask = collate([encode_inputs(answers.task, inputs)])
    model, (field,) = Ensemble(answers.task, answers.hooked_nets, answers.calibrations), answers.task.fields
    kind = answers.task.fields[field].kind
    mean = torch.tensor(answers.about["reference"][field].get("mean", [0.0]))
    baseline = mean * mask if kind == "record" else torch.full_like(x, 0.5 if kind == "image" else 0.0)
    with torch.no_grad():
        difference = model(x, mask)[0] - model(baseline, mask)[0]
    target = answers.task.outcome.width - 1
    gaps = {}

    def ours(_turn: int) -> None:
        found = explain(answers, inputs, answers.task.outcome.labels[-1].name, "integrated_gradients", "cpu")
        gaps["ours"] = float(found.gap or 0)

    def plain(_turn: int) -> None:
        found = IntegratedGradients(model).attribute(
            x, baseline, target=target, additional_forward_args=(mask,), n_steps=STEPS, internal_batch_size=16
        )
        gaps["plain"] = abs(float(found.sum() - difference[target]))

    a, b = interleaved([ours, plain], ROUNDS, time.process_time)
    note = f"gap {gaps['ours']:.1e}, plain {gaps['plain']:.1e}"
    assert gaps["ours"] <= max(gaps["plain"], SMALL), note
    return Row(f"integrated gradients: {answers.task.name}", a, b, a / b, None if kind == "record" else BAR, note=note)


def _grad_cam(answers: Package, inputs: dict[str, Input]) -> Row:
    x, mask = collate([encode_inputs(answers.task, inputs)])

    def plain(_turn: int) -> None:
        for net in answers.nets:
            found = LayerGradCam(net, net.features).attribute(
                x, target=0, additional_forward_args=(mask,), relu_attributions=True
            )
            LayerAttribution.interpolate(found.detach(), tuple(x.shape[2:]), "bilinear")

    a, b = interleaved(
        [lambda _t: explain(answers, inputs, method="grad_cam", device="cpu"), plain], ROUNDS, time.process_time
    )
    return Row("grad-CAM: image", a, b, a / b, note="ours also answers twice, and places the map on the film")


def _default(answers: Package, inputs: dict[str, Input]) -> Row:
    """The method that a case shows first, over the nets alone."""
    batch, kind = collate([encode_inputs(answers.task, inputs)]), next(iter(answers.task.fields.values())).kind

    def forward(_turn: int) -> None:
        with torch.no_grad():
            for net in answers.nets:
                net(*batch)

    a, b = interleaved([lambda _t: explain(answers, inputs, device="cpu"), forward], ROUNDS, time.process_time)
    bar, note = None if kind == "record" else 40, answers.task.explain[0]
    return Row(f"default explanation over a forward pass: {answers.task.name}", a, b, a / b, bar, note=note)


def _evidence(answers: Package, inputs: dict[str, Input]) -> list[Row]:
    """Whether to believe a map, over integrated gradients of 50 steps: of the default method and of the one that takes
    longest. With the maps that it is compared with, as a worker does it."""
    question, task = ask(answers, inputs, None, "cpu"), answers.task
    names = methods(task)

    def gradients() -> None:
        IntegratedGradients(question.model).attribute(
            question.xs, question.baselines, target=question.target, additional_forward_args=question.masks,
            n_steps=STEPS, internal_batch_size=16,
        )  # fmt: skip

    def measured(name: str) -> None:
        maps = {other: METHODS[other].attribute(question) for other in dict.fromkeys((name, *task.explain))}
        own = maps.pop(name)
        measure(question, METHODS[name], own, maps)

    def seconds(what: Callable[[], None]) -> float:
        start = time.process_time()
        what()
        return time.process_time() - start

    for name in names:
        METHODS[name].attribute(question)  # so that what is loaded the first time is loaded
    plain = min(seconds(gradients) for _turn in range(3))
    took = {name: seconds(partial(measured, name)) for name in names}
    out = []
    for which, name in (("default", task.explain[0]), ("dearest", max(took, key=lambda n: took[n]))):
        title = f"evidence on a map over 50-step gradients, {which} method: {task.name}"
        out.append(Row(title, took[name], plain, took[name] / plain, 15, note=name))
    return out
