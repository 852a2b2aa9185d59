"""Whether to believe a map: what happens to the answer when the map is taken at its word, and to the map when the
input or the net is changed.

Most maps look convincing whatever the net has learnt (Adebayo et al., NeurIPS 2018), so each is measured:

- deletion and insertion (Petsiuk, Das and Saenko, BMVC 2018) against random orders of the same parts;
- infidelity and sensitivity (Yeh et al., NeurIPS 2019; captum.metrics);
- agreement of its order of parts with other methods' (Spearman);
- weight randomisation from the top (Adebayo et al.): a map that stays as it was doesn't come from the net.

All of it on the parts that `parts` names (an eighth of a picture's side, half a second of a lead, a column) and with
the same baseline as the map.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from medcore.explain.asking import with_nets
from medcore.explain.attribution import Method, Question
from medcore.explain.parts import parts
from medcore.i18n import N_, _

if TYPE_CHECKING:
    import torch

RADIUS = 0.02  # how far sensitivity moves the input, as a share of its range
LAYERS = (0.5, 1.0)  # shares of the weights, from the top, that are drawn anew


@dataclass(frozen=True)
class Counts:
    """How often each thing is done. orders: random orders of the parts; steps: of a curve; samples: of infidelity;
    moves: of sensitivity; layers: how many of LAYERS, the last ones."""

    orders: int = 20
    steps: int = 10
    samples: int = 40
    moves: int = 3
    layers: int = 2


USUAL, ON_VOLUMES = Counts(), Counts(orders=8, steps=6, samples=16, moves=2)
OF_HUNDREDS = Counts(orders=10, moves=1, layers=1)  # of several leads each half second is taken out by itself
LONG = ("occlusion", "gradient_shap")  # methods of which a map takes longer than 50 gradients
LONGEST = ("shapley", "kernel_shap")  # and several times as long


@dataclass(frozen=True)
class Evidence:
    """What was measured of one map. Each may be None where it can't be told.

    deletion: how much faster than in random orders the answer falls when the map's largest parts go first, in standard
        deviations of the random orders' areas; insertion: how much faster it comes back when they come first
    infidelity: share of the answer's movement, as random parts go, that the map's values don't account for, at their
        best scale: 0 is perfect, 1 no better than nothing
    sensitivity: how far the map moves, as a share of itself, when each value is moved by up to RADIUS of the range
    randomised: rank correlation, whatever its sign, with the map of the same nets with all weights drawn anew;
        half: with those of the upper half alone
    agreement: mean rank correlation with the maps of other methods; others: with each of them, by name
    beaten: how many of `counts["orders"]` random orders both curves do better than
    """

    deletion: float | None
    insertion: float | None
    infidelity: float | None
    sensitivity: float | None
    randomised: float | None
    half: float | None
    agreement: float | None
    others: dict[str, float]
    beaten: int
    counts: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def counts_for(question: Question, method: Method) -> Counts:
    """At most what 15 integrated gradients of 50 steps cost: fewer of everything on a volume, where one pass takes a
    second, and fewer further maps where a map takes long beside those."""
    if method.name in LONGEST:
        return replace(USUAL, moves=0, layers=1)
    if method.name == "feature_ablation" and question.xs[0].dim() == 3 and question.xs[0].shape[1] > 1:
        return OF_HUNDREDS
    if question.xs[0].dim() == 2 or method.name in LONG:
        return replace(USUAL, layers=1)
    return ON_VOLUMES if question.xs[0].dim() == 5 else USUAL


def measure(
    question: Question,
    method: Method,
    found: "Sequence[torch.Tensor]",
    others: "Mapping[str, Sequence[torch.Tensor]]",
    stop: Callable[[], None] = lambda: None,
) -> Evidence:
    """Evidence on a method's map (one tensor a field, on the encoded grid). others: maps of other methods by name;
    stop: called now and then, and may raise."""
    counts, groups = counts_for(question, method), parts(question)
    active = _active(question, groups)
    weight = _by_part(found, groups)[active]
    if not len(weight) or np.ptp(weight) == 0:
        return Evidence(None, None, None, None, None, None, None, {}, 0, asdict(counts))
    deletion, insertion, beaten = _curves(question, groups, active, weight, counts, stop)
    stop()
    infidelity = _infidelity(question, groups, active, found, counts)
    stop()
    sensitivity = _sensitivity(question, method, found, counts, stop) if counts.moves else None
    stop()
    half, randomised = _randomised(question, method, groups, active, weight, counts, stop)
    agreement = {name: _rank(weight, _by_part(other, groups)[active]) for name, other in others.items()}
    known = [value for value in agreement.values() if value is not None]
    return Evidence(
        deletion=deletion,
        insertion=insertion,
        infidelity=infidelity,
        sensitivity=sensitivity,
        randomised=randomised,
        half=half,
        agreement=float(np.mean(known)) if known else None,
        others={name: value for name, value in agreement.items() if value is not None},
        beaten=beaten,
        counts=asdict(counts),
    )


def _active(question: Question, groups: "Sequence[torch.Tensor]") -> np.ndarray:
    """Numbers of the parts that differ from the baseline; taking out another one changes nothing."""
    import torch

    found = []
    for x, b, g in zip(question.xs, question.baselines, groups, strict=True):
        found.append(torch.unique(g[x != b]).cpu().numpy())
    return np.concatenate(found)


def _count(groups: "Sequence[torch.Tensor]") -> int:
    """How many parts the groups number."""
    return max(int(g.max()) for g in groups) + 1


def _by_part(found: "Sequence[torch.Tensor]", groups: "Sequence[torch.Tensor]") -> np.ndarray:
    """(parts,) the sum of a map's values over each part."""
    n = _count(groups)
    total = np.zeros(n)
    for a, g in zip(found, groups, strict=True):
        total += np.bincount(g.cpu().numpy().ravel(), a.double().cpu().numpy().ravel(), n)
    return total


def _rank(a: np.ndarray, b: np.ndarray) -> float | None:
    """Spearman's correlation; None where one of them is all the same."""
    from scipy.stats import spearmanr

    return None if np.ptp(a) == 0 or np.ptp(b) == 0 or len(a) < 3 else float(spearmanr(a, b).statistic)


def _answers(
    question: Question, groups: "Sequence[torch.Tensor]", gone: np.ndarray, stop: Callable[[], None]
) -> np.ndarray:
    """(n,) the label's probability with the parts put back to the baseline that `gone` (n, parts), bool, says."""
    import torch

    out = []
    with torch.no_grad():
        for start in range(0, len(gone), question.at_once):
            stop()
            out_of = torch.from_numpy(gone[start : start + question.at_once]).to(question.xs[0].device)
            xs = [
                torch.where(out_of[:, g[0]], b, x)
                for x, b, g in zip(question.xs, question.baselines, groups, strict=True)
            ]
            out.append(question.model(*xs, *question.masks)[:, question.target].float().cpu().numpy())
    return np.concatenate(out).astype(np.float64)


def _curves(
    question: Question,
    groups: "Sequence[torch.Tensor]",
    active: np.ndarray,
    weight: np.ndarray,
    counts: Counts,
    stop: Callable[[], None],
) -> tuple[float | None, float | None, int]:
    """Deletion and insertion, each in standard deviations of the random orders, and how many of those do worse."""
    n, generator = len(active), np.random.default_rng(0)
    steps = np.unique(np.linspace(0, n, counts.steps + 1).round().astype(int))
    orders = [np.argsort(-weight, kind="stable"), *(generator.permutation(n) for _order in range(counts.orders))]
    every = _count(groups)
    # The ends, all there and all gone, are the same for each order.
    inner, rows = slice(1, len(steps) - 1), []
    for order in orders:
        first = np.zeros((len(steps), every), bool)
        for row, step in zip(first, steps, strict=True):
            row[active[order[:step]]] = True
        rest = np.zeros_like(first)
        rest[:, active] = ~first[:, active]
        rows += [first[inner], rest[inner]]
    y = _answers(question, groups, np.concatenate(rows), stop).reshape(len(orders), 2, -1)
    whole, empty = (np.full((len(orders), 1), answer) for answer in question.answers)
    curves = np.stack([np.hstack([whole, y[:, 0], empty]), np.hstack([empty, y[:, 1], whole])], 1)
    areas = np.trapezoid(curves, steps / max(n, 1))
    (deleted, inserted), random = areas[0], areas[1:]
    spread = random.std(0)
    if not spread.min() > 1e-9:
        return None, None, 0
    return (
        float((random[:, 0].mean() - deleted) / spread[0]),
        float((inserted - random[:, 1].mean()) / spread[1]),
        int(((random[:, 0] > deleted) & (random[:, 1] < inserted)).sum()),
    )


def _infidelity(
    question: Question,
    groups: "Sequence[torch.Tensor]",
    active: np.ndarray,
    found: "Sequence[torch.Tensor]",
    counts: Counts,
) -> float | None:
    """captum.metrics.infidelity, at the map's best scale, over the same of a map of nothing."""
    import torch
    from captum.metrics import infidelity

    every, drawn = _count(groups), torch.Generator()

    def taken_out(
        given: torch.Tensor | tuple[torch.Tensor, ...],
    ) -> tuple[tuple[torch.Tensor, ...], tuple[torch.Tensor, ...]]:
        """Which values go, 1 or 0, and the inputs without them: up to a half of the parts."""
        xs = (given,) if isinstance(given, torch.Tensor) else given
        gone = torch.zeros(len(xs[0]), every, dtype=torch.bool)
        share = 0.5 * torch.rand(len(gone), 1, generator=drawn)
        gone[:, active] = torch.rand(len(gone), len(active), generator=drawn) < share
        gone = gone.to(xs[0].device)
        which = [gone[:, g[0]] for g in groups]
        left = [torch.where(w, b, x) for w, x, b in zip(which, xs, question.baselines, strict=True)]
        return tuple(w.float() for w in which), tuple(left)

    def measured(values: "Sequence[torch.Tensor]", normalize: bool) -> float:
        drawn.manual_seed(0)
        with torch.no_grad():
            said = infidelity(
                question.model, taken_out, question.xs, tuple(values), None, question.masks, question.target,
                n_perturb_samples=counts.samples, max_examples_per_batch=1 if question.xs[0].dim() == 5 else 16,
                normalize=normalize,
            )  # fmt: skip
        return float(said[0])

    moved = measured([torch.zeros_like(a) for a in found], normalize=False)
    if moved < 1e-12:
        return None
    left = measured(found, normalize=True)
    return left / moved if np.isfinite(left) else None


def _sensitivity(
    question: Question, method: Method, found: "Sequence[torch.Tensor]", counts: Counts, stop: Callable[[], None]
) -> float | None:
    """captum.metrics.sensitivity_max: the largest relative change of the map."""
    import torch
    from captum.metrics import sensitivity_max

    drawn = torch.Generator().manual_seed(0)

    def moved(xs: "tuple[torch.Tensor, ...]", _radius: float) -> "tuple[torch.Tensor, ...]":
        """A record's values by a share of their distance from the usual; other inputs by one of their range."""
        out = []
        for spec, x, b, m in zip(question.task.fields.values(), xs, question.baselines, question.masks, strict=True):
            reach = (x - b).abs() if spec.kind == "record" else x.max() - x.min()
            noise = 2 * torch.rand(x.shape, generator=drawn).to(x) - 1
            out.append(x + RADIUS * reach * noise * m)
        return tuple(out)

    def mapped(xs: "tuple[torch.Tensor, ...]") -> "tuple[torch.Tensor, ...]":
        if xs[0] is question.xs[0]:  # as it was, which captum begins with
            return tuple(found)
        stop()
        rows = [method.attribute(replace(question, xs=tuple(x[i : i + 1] for x in xs))) for i in range(len(xs[0]))]
        return tuple(torch.cat([row[k].detach() for row in rows]) for k in range(len(xs)))

    most = float(
        sensitivity_max(mapped, question.xs, moved, n_perturb_samples=counts.moves, max_examples_per_batch=1)[0]
    )
    return most if np.isfinite(most) else None


def _randomised(
    question: Question,
    method: Method,
    groups: "Sequence[torch.Tensor]",
    active: np.ndarray,
    weight: np.ndarray,
    counts: Counts,
    stop: Callable[[], None],
) -> tuple[float | None, float]:
    """How alike the map stays when weights are drawn anew from the top, the upper half and all of them: the
    values of each tensor in a random order, so that only what was learnt is lost."""
    import torch

    nets = [copy.deepcopy(net) for net in _plain(question)]
    generator = torch.Generator().manual_seed(0)
    done, found = 0.0, []
    for share in LAYERS[-counts.layers :]:
        # Each tensor is of a layer; those of the head are made last, and so stand last.
        for net in nets:
            values = list(net.parameters())
            first, last = (round(len(values) * (1 - s)) for s in (share, done))
            for value in values[first:last]:
                order = torch.randperm(value.numel(), generator=generator).to(value.device)
                value.data = value.data.flatten()[order].view_as(value)
        done = share
        stop()
        other = method.attribute(with_nets(question, nets))
        alike = _rank(weight, _by_part([a.detach() for a in other], groups)[active])
        found.append(0.0 if alike is None else abs(alike))
    return (found[0] if len(found) > 1 else None), found[-1]


def _plain(question: Question) -> "list[torch.nn.Module]":
    """The nets themselves, however their answers are gathered."""
    return [getattr(net, "net", net) for net in question.nets]


# the label


MEASURES = {"deletion": 1, "insertion": 1, "infidelity": -1, "sensitivity": -1, "randomised": -1, "agreement": 1}
"""What a verdict goes by; 1 where more is better, −1 where less is."""
LIMITS = {
    "deletion": 1.64, "insertion": 1.64, "infidelity": 0.9, "sensitivity": 1.0, "randomised": 0.5, "agreement": 0.2,
}  # fmt: skip
"""The least that is asked of any map, and all that is where a package was not calibrated: a curve that one random order
in twenty reaches; a tenth of the answer's movement told; a map that moves by less than itself; one whose order is less
than half kept when all that was learnt is lost; and a weak agreement (Cohen, 1988: a correlation of 0.1 is small)."""


def calibrated(controls: Mapping[str, Sequence[Evidence]], most: float = 0.05) -> tuple[dict[str, float], float | None]:
    """The laxest limits at which no more than `most` of the control maps of any kind pass, and the level that took:
    None where LIMITS do. Else no measure's limit is laxer than what that share of the random maps stays short of.

    controls: evidence by kind of control; "random" is there
    """
    from itertools import chain

    levels = chain([None], np.arange(0.5, 1.0, 0.05))
    for level in levels:
        limits = dict(LIMITS)
        for name, sign in MEASURES.items():
            values = [v for e in controls["random"] if (v := getattr(e, name)) is not None]
            if level is not None and values:
                reached = float(np.quantile(values, level if sign > 0 else 1 - level))
                limits[name] = max(limits[name], reached) if sign > 0 else min(limits[name], reached)
        if all(passing(found, limits) <= most for found in controls.values()):
            break
    return limits, None if level is None else float(level)


def passing(found: Sequence[Evidence], limits: Mapping[str, float]) -> float:
    """The share of maps that pass."""
    return sum(not failed(e, limits) for e in found) / max(1, len(found))


def failed(evidence: Evidence, limits: Mapping[str, float]) -> tuple[str, ...]:
    """The measures that a map doesn't pass, in the order of MEASURES; none for one that may be believed. A map of
    nothing at all fails `deletion`. What could not be told is not held against it."""
    if evidence.deletion is None:
        return ("deletion",)
    values = {name: getattr(evidence, name) for name in MEASURES}
    return tuple(n for n, v in values.items() if v is not None and MEASURES[n] * (v - limits[n]) < 0)


REASONS = {
    "deletion": N_("Taking out what it marks moves the answer no faster than taking out parts at random."),
    "insertion": N_("Putting in what it marks brings the answer back no faster than putting in parts at random."),
    "infidelity": N_("Its values don’t account for how the answer moves when parts are taken out."),
    "sensitivity": N_("It changes altogether when the input changes by too little to be seen."),
    "randomised": N_("It looks the same when all that the net has learnt is taken away."),
    "agreement": N_("Other methods mark other parts."),
}
"""Why a map isn't to be relied on, by measure."""


def measure_title(name: str) -> str:
    """What a measure is called."""
    return {
        "deletion": _("Deletion"),
        "insertion": _("Insertion"),
        "infidelity": _("Infidelity"),
        "sensitivity": _("Sensitivity of the map"),
        "randomised": _("Weights at random"),
        "agreement": _("Agreement"),
    }[name]
