"""Why: attributions by Captum, one method a file, on the input's own grid, each with its convergence gap."""

import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from medcore.errors import Refused
from medcore.explain.asking import ask, baseline_words, baselines
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
from medcore.explain.words import parts
from medcore.i18n import _
from medcore.inputs import Input
from medcore.learn.devices import pick, with_fallback
from medcore.learn.predict import take
from medcore.packages import Package
from medcore.tasks import Task

if TYPE_CHECKING:
    import torch

__all__ = ["METHODS", "Attribution", "attributed", "baseline_words", "baselines", "explain", "methods", "placed"]

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
        GradCam(earlier=True),
        FeatureAblation(),
    )
}
_locks: dict[str, threading.Lock] = defaultdict(threading.Lock)  # Captum's hooks are not thread-safe: one a package


def methods(task: Task) -> tuple[str, ...]:
    """Names of the methods that suit the task, those that it names first, its default before all."""
    return task.explain + tuple(n for n, m in METHODS.items() if n not in task.explain and not m.unsuited(task))


def explain(
    package: Package,
    inputs: Mapping[str, Input],
    label: str | None = None,
    method: str | None = None,
    device: str = "auto",
    baseline: str = "",
    which: Sequence[int] | None = None,
) -> Attribution:
    """Attribute one label (default: the likeliest) by one method (default: the task's first).

    baseline: what the input is compared with (`baselines`; default the usual)
    which: positions of the nets that answer (default: all); for a training case those that never saw it
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
    if baseline and baseline not in baselines(task):
        raise Refused(
            _("There is no baseline “{name}” for this question.").format(name=baseline),
            _("Baselines are: {names}.").format(names=", ".join(baselines(task))),
        )
    started, wanted = time.perf_counter(), pick(device)
    with _locks[package.hash]:
        done, used = with_fallback(
            lambda d: _attribute(package, inputs, label, METHODS[method], d, baseline, which), wanted
        )
    chosen, values, gap, failure = done
    return Attribution(
        task=task.name,
        label=chosen,
        method=method,
        baseline=baseline_words(task, baseline),
        gap=gap,
        values=values,
        parts=parts(task, inputs, values) if values else (),
        failure=failure,
        device=used,
        seconds=time.perf_counter() - started,
        remark="" if used == wanted else _("The GPU ran out of memory; the CPU explained."),
    )


def _attribute(
    package: Package,
    inputs: Mapping[str, Input],
    label: str | None,
    method: Method,
    device: str,
    baseline: str,
    which: Sequence[int] | None,
) -> tuple[str, dict[str, np.ndarray], float | None, str]:
    """The label, values by field on the input's own grid, convergence gap, and why there is none."""
    question = ask(package, inputs, label, device, baseline, which)
    chosen = package.task.outcome.labels[question.target].name
    found = attributed(question, method)
    if isinstance(found, str):
        return chosen, {}, None, found
    gap = None
    if method.adds_up:
        gap = abs(float(sum(a.sum() for a in found)) - (question.answers[0] - question.answers[1]))
    return chosen, placed(question, found, inputs), gap, ""


def attributed(question: Question, method: Method) -> "tuple[torch.Tensor, ...] | str":
    """The method's map on the encoded grid, one tensor (1, …) a field; or in a sentence why there is none."""
    import torch

    on_gpu = question.xs[0].device.type == "cuda"
    try:
        # The backward pass of a recurrent net in evaluation mode is not to be had from cuDNN.
        with torch.backends.cudnn.flags(enabled=not on_gpu):
            return tuple(a.detach() for a in method.attribute(question))
    except torch.cuda.OutOfMemoryError:
        raise
    except Exception as error:  # a method that doesn't fit a net must not take the answer with it
        return _("This method failed on this net ({kind}).").format(kind=type(error).__name__)


def placed(question: Question, found: "Sequence[torch.Tensor]", inputs: Mapping[str, Input]) -> dict[str, np.ndarray]:
    """A map by field on the input's own grid; 0 in slices that were not asked about."""
    values = {}
    for (name, spec), a in zip(question.task.fields.items(), found, strict=True):
        v = a[0].float().cpu().numpy()
        if any(question.left_out):
            v = np.pad(v, [(0, 0), question.left_out, (0, 0), (0, 0)])
        values[name] = spec.place(v, inputs[name])
    return values
