"""One source's net on the other source."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medcore.checks.answered import Answered, Row, Section, leading, subset, value
from medcore.i18n import _
from medcore.learn.batches import Encoded
from medcore.learn.card import metric_title
from medcore.learn.train import predict_logits, train_fold
from medcore.outcomes.base import uncalibrated

if TYPE_CHECKING:
    import torch

FOLD = 0  # left out of the lone net
LEAST = 50  # cases: a smaller source teaches too little for its net to be asked anything


def lone_net(learnt: Encoded, device: str, on_epoch: Callable[[dict[str, Any]], None]) -> "torch.nn.Module":
    """A net by the task's recipe with half of its epochs, from the folds of `learnt` other than FOLD."""
    recipe = replace(learnt.task.recipe, epochs=max(1, learnt.task.recipe.epochs // 2))
    with tempfile.TemporaryDirectory() as work:
        state = train_fold(learnt, FOLD, recipe, 0, device, None, Path(work) / "net", on_epoch, lambda: False)
    net = learnt.task.net()
    net.load_state_dict(state)
    return net.to(device).eval()


def answers(net: "torch.nn.Module", answered: Answered, index: np.ndarray) -> np.ndarray:
    """Uncalibrated probabilities (n, labels) of the cases at `index`: their order is all that is asked for."""
    outcome = answered.outcome
    out = np.full(answered.probabilities.shape, np.nan)
    logits = predict_logits(net, answered.encoded, index, answered.device)
    out[index] = outcome.probabilities(logits, uncalibrated(outcome.width))
    return out


def check(answered: Answered, on_epoch: Callable[[dict[str, Any]], None]) -> list[Section]:
    """For each source that is large enough a net that learnt from it alone: how it ranks the fold of its own source
    that it never saw, and the cases of every other source."""
    if len(answered.sources) < 2:
        return []
    encoded = answered.encoded
    rows, away, metric = [], [], ""
    for own in answered.sources:
        learnt = subset(encoded, [i for i, s in enumerate(encoded.samples) if s.source == own])
        if len(learnt) < LEAST:
            continue
        net = lone_net(learnt, answered.device, on_epoch)
        known = {*learnt.patients, *(h for hashes in learnt.input_hashes for h in hashes)}
        for source, index in answered.sources.items():
            if source == own:
                at = index[encoded.folds[index] == FOLD]
            else:
                new = [known.isdisjoint([encoded.patients[i], *encoded.input_hashes[i]]) for i in index]
                at = index[np.array(new)]
            if not len(at):
                continue
            found = answered.metrics(answers(net, answered, at), at)
            metric = leading(found)
            rows.append(Row(_("Learnt from {source}").format(source=own), len(at), {metric: found[metric]}, source))
            if source != own:
                told = _("learnt from {own}, asked about {other}: {value:.3f}")
                away.append(told.format(own=own, other=source, value=value(rows[-1], metric)))
    return [
        Section(
            "transfer",
            _("One source's net on the other"),
            _("{metric}, {parts}.").format(metric=metric_title(metric), parts="; ".join(away)),
            _(
                "One net, trained on one source alone with half the epochs, asked about a left-out fifth of that "
                "source and about the other source. Good at home and near chance (AUROC 0.5) away: it learnt the "
                "source more than the disease, and figures for a third source can't be promised."
            ),
            {metric: metric_title(metric)},
            rows,
        )
    ]
