"""One source's net on the other source."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from medcore.checks.answered import Answered, Row, Section, leading, subset
from medcore.i18n import _
from medcore.learn.card import metric_title
from medcore.learn.train import predict_logits, train_fold
from medcore.outcomes.metrics import bootstrap

FOLD = 0  # left out of the lone net


def check(answered: Answered, on_epoch: Callable[[dict[str, Any]], None]) -> list[Section]:
    """For each source one net, by the package's recipe with half of its epochs, that learnt from that source alone;
    its ranking of the fold of its own source that it never saw, and of every other source."""
    if len(answered.sources) < 2:
        return []
    recipe = replace(answered.package.task.recipe, epochs=max(1, answered.package.task.recipe.epochs // 2))
    rows, metric = [], ""
    for own in answered.sources:
        mine = [i for i, s in enumerate(answered.encoded.samples) if s.source == own]
        learnt = subset(answered.encoded, mine)
        with tempfile.TemporaryDirectory() as work:
            state = train_fold(
                learnt, FOLD, recipe, 0, answered.device, None, Path(work) / "net", on_epoch, lambda: False
            )
        net = answered.package.task.net()
        net.load_state_dict(state)
        net = net.to(answered.device)
        known = {*learnt.patients, *(h for hashes in learnt.input_hashes for h in hashes)}
        for source, index in answered.sources.items():
            left_out = [
                i
                for i in index
                if (
                    answered.encoded.samples[i].fold == FOLD
                    if source == own
                    else known.isdisjoint([answered.encoded.patients[i], *answered.encoded.input_hashes[i]])
                )
            ]
            at = np.array(left_out, int)
            if not len(at):
                continue
            p = answered.outcome.probabilities(
                predict_logits(net, answered.encoded, at, answered.device),
                {"slope": [1.0] * answered.outcome.width, "shift": [0.0] * answered.outcome.width},
            )
            truth = answered.encoded.truth[at]
            found = bootstrap(
                lambda part, p=p, truth=truth: answered.outcome.metrics(p[part], truth[part]),  # type: ignore[misc]
                answered.patients(at),
            )
            metric = leading(found)
            rows.append(Row(_("Learnt from {source}").format(source=own), len(at), {metric: found[metric]}, source))
    return [
        Section(
            "transfer",
            _("One source's net on the other"),
            _(
                "One net, trained on one source alone with half the epochs, asked about a left-out fifth of that "
                "source and about the other source. Good at home and near chance (AUROC 0.5) away: it learnt the "
                "source more than the disease, and figures for a third source can't be promised."
            ),
            {metric: metric_title(metric)},
            rows,
        )
    ]
