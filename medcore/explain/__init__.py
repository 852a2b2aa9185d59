"""Why: attributions by Captum, one method a file, on the input's own grid, each with its convergence gap."""

import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from medcore.errors import Refused
from medcore.explain.attribution import Attribution, Method, Question
from medcore.explain.deep_lift import DeepLift
from medcore.explain.feature_ablation import FeatureAblation
from medcore.explain.grad_cam import GradCam
from medcore.explain.gradient_shap import GradientShap
from medcore.explain.guided_grad_cam import GuidedGradCam
from medcore.explain.integrated_gradients import IntegratedGradients
from medcore.explain.kernel_shap import KernelShap
from medcore.explain.occlusion import Occlusion
from medcore.explain.refined_grad_cam import RefinedGradCam
from medcore.explain.shapley import ShapleySampling
from medcore.explain.smooth_grad import SmoothGrad
from medcore.explain.words import words
from medcore.i18n import N_, _
from medcore.inputs import Input
from medcore.learn.batches import collate, encode_inputs
from medcore.learn.devices import moved, pick, with_fallback
from medcore.learn.predict import take
from medcore.packages import Package
from medcore.tasks import Task

if TYPE_CHECKING:
    import torch

__all__ = ["METHODS", "Attribution", "baseline_words", "explain", "methods"]

METHODS: dict[str, Method] = {
    m.name: m
    for m in (
        IntegratedGradients(),
        GradCam(),
        RefinedGradCam(),
        Occlusion(),
        ShapleySampling(),
        KernelShap(),
        GradientShap(),
        DeepLift(),
        SmoothGrad(),
        GuidedGradCam(),
        FeatureAblation(),
    )
}
_locks: dict[str, threading.Lock] = defaultdict(threading.Lock)  # Captum's hooks are not thread-safe: one a package

BASELINES = {
    "record": N_("Compared with the mean of the training patients, for the values that were measured."),
    "image": N_("Compared with an even mid-grey picture."),
    "signal": N_("Compared with a flat line."),
    "volume": N_("Compared with an even head: each sequence at its mean."),
}


def methods(task: Task) -> tuple[str, ...]:
    """Names of the methods that suit the task, those that it names first, its default before all."""
    return task.explain + tuple(n for n, m in METHODS.items() if n not in task.explain and not m.unsuited(task))


def baseline_words(task: Task) -> str:
    """What the input is compared with, in a sentence."""
    return " ".join(_(BASELINES[spec.kind]) for spec in task.fields.values())


def _baseline(package: Package, name: str, kind: str, x: "torch.Tensor", mask: "torch.Tensor") -> "torch.Tensor":
    import torch

    if kind == "record":
        mean = torch.tensor(package.about["reference"][name]["mean"], dtype=x.dtype, device=x.device)
        return mean * mask
    return torch.full_like(x, 0.5) if kind == "image" else torch.zeros_like(x)


def explain(
    package: Package,
    inputs: Mapping[str, Input],
    label: str | None = None,
    method: str | None = None,
    device: str = "auto",
) -> Attribution:
    """Attribute one label (default: the likeliest) by one method (default: the task's first).

    A method that breaks gives an Attribution with `failure` and no values; an unknown label or
    method is Refused.
    """
    take(package, inputs)
    task = package.task
    names = [item.name for item in task.outcome.labels]
    if label is not None and label not in names:
        raise Refused(
            _("“{label}” is not a label of this question.").format(label=label),
            _("Labels are: {names}.").format(names=", ".join(names)),
        )
    method = method or task.explain[0]
    if method not in methods(task):
        why = METHODS[method].unsuited(task) if method in METHODS else ""
        sentence = _("The method “{method}” doesn't suit this question.").format(method=method)
        raise Refused(
            f"{sentence} {_(why)}".strip(),
            _("Methods are: {names}.").format(names=", ".join(methods(task))),
        )
    started = time.perf_counter()
    with _locks[package.hash]:
        done, device = with_fallback(lambda d: _attribute(package, inputs, label, METHODS[method], d), pick(device))
    chosen, values, gap, failure = done
    return Attribution(
        task=task.name,
        label=chosen,
        method=method,
        baseline=baseline_words(task),
        gap=gap,
        values=values,
        words=words(task, inputs, values) if values else (),
        failure=failure,
        device=device,
        seconds=time.perf_counter() - started,
    )


def _attribute(
    package: Package, inputs: Mapping[str, Input], label: str | None, method: Method, device: str
) -> tuple[str, dict[str, np.ndarray], float | None, str]:
    """The label, values by field on the input's own grid, convergence gap, and why there is none."""
    import torch

    from medcore.explain.ensemble import Ensemble, Inside, place_of

    task = package.task
    batch = moved(collate([encode_inputs(task, dict(inputs))]), device)
    model = Ensemble(package).to(device)
    shown: slice | None = None
    if task.grid:
        with torch.no_grad():
            place = place_of(model.everywhere(*batch[0::2], *batch[1::2]), task.grid[1].cut)
        model.place = place
        if task.grid[0].kind == "volume":
            # A slice is judged by itself and its neighbours: those far from the place move nothing in it.
            shown = _shown(place)
            batch = [t[:, :, shown] for t in batch]
            model.place = place[:, shown]
    xs, masks = tuple(batch[0::2]), tuple(batch[1::2])
    baselines = tuple(
        _baseline(package, name, spec.kind, x, m)
        for (name, spec), x, m in zip(task.fields.items(), xs, masks, strict=True)
    )
    with torch.no_grad():  # the baseline's answer only where something is measured against it
        asked = (*xs, *masks)
        if method.adds_up:
            asked = tuple(torch.cat(pair) for pair in zip(asked, (*baselines, *masks), strict=True))
        said = model(*asked)
    names = [item.name for item in task.outcome.labels]
    target = names.index(label) if label else int(said[0].argmax())
    nets = [net if model.place is None else Inside(net, model.place) for net in model.nets]
    question = Question(task, model, nets, xs, masks, baselines, target)
    try:
        # The backward pass of a recurrent net in evaluation mode is not to be had from cuDNN.
        with torch.backends.cudnn.flags(enabled=device != "cuda"):
            found = method.attribute(question)
    except torch.cuda.OutOfMemoryError:
        raise
    except Exception as error:  # a method that doesn't fit a net must not take the answer with it
        return names[target], {}, None, _("This method failed on this net ({kind}).").format(kind=type(error).__name__)
    gap = None
    if method.adds_up:
        gap = abs(float(sum(a.sum() for a in found)) - float(said[0, target] - said[1, target]))
    values = {}
    for (name, spec), a in zip(task.fields.items(), found, strict=True):
        v = a.detach()[0].float().cpu().numpy()
        if shown is not None:
            whole = np.zeros((len(v), place.shape[1], *v.shape[2:]), v.dtype)
            whole[:, shown] = v
            v = whole
        values[name] = spec.place(v, inputs[name])
    return names[target], values, gap, ""


def _shown(place: "torch.Tensor", around: int = 1) -> slice:
    """The slices of a place (labels, slices, rows, columns) and their neighbours."""
    held = place.amax((0, 2, 3)).nonzero().flatten().tolist()
    return slice(max(0, held[0] - around), held[-1] + 1 + around)
