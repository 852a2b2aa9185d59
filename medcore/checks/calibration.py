"""Whether what is said at 70 % comes true 70 times in 100, and how near to that chance alone lets anyone come."""

import numpy as np

from medcore.checks.answered import Answered, Figure, Row, Section, value
from medcore.i18n import _
from medcore.learn.reliability import reliability, statements
from medcore.outcomes import Outcome
from medcore.outcomes.metrics import bootstrap, ece

DRAWS = 200
SMALL = 0.03


def imagined(outcome: Outcome, probabilities: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Truths drawn from the probabilities (n, labels) as if each were exactly right; shaped as the outcome's truth."""
    if outcome.kind == "multiclass":
        below = generator.random((len(probabilities), 1)) > probabilities.cumsum(1)
        return np.asarray(below.sum(1).clip(max=probabilities.shape[1] - 1), float)
    drawn = np.asarray(generator.random(probabilities.shape) < probabilities, float)
    return drawn[:, 0] if outcome.kind == "binary" else drawn


def perfect(outcome: Outcome, probabilities: np.ndarray, seed: int = 0) -> Figure:
    """The calibration error of a model that says these probabilities and is exactly right: median, 0, and what 95 of
    100 such models stay below."""
    generator = np.random.default_rng(seed)
    drawn = []
    for _draw in range(DRAWS):
        said, was = statements(outcome, probabilities, imagined(outcome, probabilities, generator))
        drawn.append(ece(said.ravel(), was.ravel()))
    return {"value": float(np.median(drawn)), "low": 0.0, "high": float(np.percentile(drawn, 95))}


def error(answered: Answered) -> Section:
    """Expected calibration error, of all cases and of each source."""
    sources = {"": answered.index} | (answered.sources if len(answered.sources) > 1 else {})
    rows = []
    for source, index in sources.items():
        p = answered.probabilities[index]
        said, was = statements(answered.outcome, p, answered.encoded.truth[index])
        found: Figure = bootstrap(
            lambda part, said=said, was=was: {"ece": ece(said[part].ravel(), was[part].ravel())},  # type: ignore[misc]
            answered.patients(index),
        )["ece"]
        chance = perfect(answered.outcome, p)
        figures: dict[str, Figure | str | None] = {
            "ece": found,
            "perfect": chance,
            "perfect_range": _("up to {high:.3f}").format(high=chance["high"]),
            "verdict": _verdict(found, chance),
        }
        rows.append(Row("" if source else _("All cases"), len(index), figures, source))
    return Section(
        "calibration_error",
        _("Can the probabilities be taken at their word?"),
        _("Calibration error {ece:.3f}: {verdict}.").format(
            ece=value(rows[0], "ece"), verdict=rows[0].figures["verdict"]
        ),
        _(
            "The calibration error is how far, on average, the share of cases in which it was so lies from the "
            "probability that was said. By chance alone a perfectly calibrated model shows some too: the column beside "
            "it says how much at most, in 95 of 100 draws from the same probabilities."
        ),
        {"ece": _("Calibration error"), "perfect_range": _("If perfectly calibrated"), "verdict": _("Verdict")},
        rows,
    )


def _verdict(found: Figure, chance: Figure) -> str:
    error, most = found["value"] or 0.0, chance["high"] or 0.0
    if error <= most:
        return _("no more than chance explains")
    return _("small, but more than chance explains") if error <= SMALL else _("more than chance explains")


def groups(answered: Answered) -> Section:
    """Ten groups of equal size: said, and was so."""
    index = answered.index
    table = reliability(
        answered.outcome, answered.probabilities[index], answered.encoded.truth[index], answered.patients(index)
    )
    rows = []
    for low, high, said, was, least, most, n in zip(*table.values(), strict=True):
        figures: dict[str, Figure | str | None] = {
            "said": {"value": said, "low": None, "high": None},
            "was": {"value": was, "low": least, "high": most},
        }
        rows.append(Row(_("{low:.3f} to {high:.3f}").format(low=low, high=high), int(n), figures))
    chosen = answered.outcome.kind == "multiclass"
    far = max(rows, key=lambda row: abs(value(row, "said") - value(row, "was")))
    return Section(
        "reliability",
        _("Said and came true"),
        _("Furthest apart: said {said:.3f}, was {was:.3f}.").format(said=value(far, "said"), was=value(far, "was")),
        (_("By the probability of the answer that was chosen") if chosen else _("By the probability that was said"))
        + _(", in ten groups of equal size; left column: its range in the group."),
        {"said": _("Mean said"), "was": _("Share in which it was so")},
        rows,
    )


def check(answered: Answered) -> list[Section]:
    """Nothing for a regression, which says no probability, nor for a mask, whose probabilities are of voxels."""
    if answered.outcome.kind == "regression" or answered.outcome.on:
        return []
    return [error(answered), groups(answered)]
