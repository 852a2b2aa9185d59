"""DeepLIFT, rescale rule (Shrikumar, Greenside and Kundaje, ICML 2017)."""

from typing import TYPE_CHECKING

from medcore.explain.attribution import Question
from medcore.i18n import N_
from medcore.tasks import Task

if TYPE_CHECKING:
    import torch


class DeepLift:
    """What each value's difference from the baseline brings, carried back through each layer; the nets' mean, each on
    its own answer before calibration. Only where every step between is a layer that the rule knows."""

    name, title, adds_up, compares = "deep_lift", N_("DeepLIFT"), False, True

    def unsuited(self, task: Task) -> str:
        if task.grid or any(spec.kind != "record" for spec in task.fields.values()):
            return N_("Only for records: other nets hold steps that its rule does not know, or its hooks can’t reach.")
        return ""

    def attribute(self, question: Question) -> "tuple[torch.Tensor, ...]":
        import warnings

        import torch
        from captum.attr import DeepLift as Captum

        total = [torch.zeros_like(x) for x in question.xs]
        for net in question.nets:
            with warnings.catch_warnings():  # that it hangs hooks into the net, which is a copy for that
                warnings.simplefilter("ignore", UserWarning)
                found = Captum(net).attribute(
                    question.xs, question.baselines, target=question.target, additional_forward_args=question.masks
                )
            for t, a in zip(total, found, strict=True):
                t += a.detach() / len(question.nets)
        return tuple(total)
