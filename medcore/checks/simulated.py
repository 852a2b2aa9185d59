"""How a package does on cases of its task's simulator: told apart, for they are nobody's."""

import numpy as np

from medcore.checks.answered import Row, Section, leading, value
from medcore.datasets.sample import by_source
from medcore.i18n import _
from medcore.learn.card import metric_title
from medcore.learn.evaluate import evaluate
from medcore.packages import Package

CASES, OUTLINED = 100, 20  # an outline takes longer than a probability
SHOWN = ("f1_", "accuracy", "brier", "ece", "dice", "mae")
SEED = 900_000_000  # trainings take their seed from below, comparisons from a million on


def check(package: Package, device: str, n: int = 0) -> Section:
    """The package's figures on n simulated cases (0: CASES, or OUTLINED where they are outlined), and on those of each
    kind where the simulator names kinds."""
    samples = package.task.simulate(n or (OUTLINED if package.task.grid else CASES), SEED)
    found = evaluate(package, samples, device=device)
    kinds = by_source(samples)
    rows = [Row(_("All cases"), found["n"], found["metrics"])]
    rows += [Row("", len(kinds[name]), figures, name) for name, figures in found["by_source"].items()]
    metric = leading(rows[0].figures)
    told = value(rows[0], metric)
    return Section(
        "simulated",
        _("On simulated cases"),
        _("{metric} {figure:.3f}.").format(metric=metric_title(metric), figure=told) if np.isfinite(told) else "",
        _(
            "Cases that the task's simulator draws, from a seed that neither trainings nor comparisons use, answered "
            "by all nets. They are nobody's: these figures say whether a demonstration and a retraining without data "
            "make sense, and nothing about patients."
        ),
        {m: metric_title(m) for m in rows[0].figures if m == metric or m.startswith(SHOWN)},
        rows,
    )
