"""From a case to the question that methods and measures are asked."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from medcore.explain.attribution import Question
from medcore.i18n import N_, _
from medcore.inputs import Input
from medcore.learn.batches import collate, encode_inputs
from medcore.learn.devices import moved
from medcore.packages import Package
from medcore.tasks import Task

if TYPE_CHECKING:
    import torch

BASELINES: dict[str, dict[str, str]] = {
    "record": {
        "mean": N_("Compared with the mean of the training patients, for the values that were measured."),
        "zero": N_("Compared with zero in each value that was measured."),
        "noise": N_("Compared with values drawn at random round the mean of the training patients."),
    },
    "image": {
        "mean": N_("Compared with an even mid-grey picture."),
        "zero": N_("Compared with a black picture."),
        "blurred": N_("Compared with the same picture, blurred."),
        "noise": N_("Compared with a picture of random greys."),
    },
    "signal": {
        "zero": N_("Compared with a flat line."),
        "blurred": N_("Compared with the same trace, smoothed until its beats are gone."),
        "noise": N_("Compared with noise of the same height."),
    },
    "volume": {
        "mean": N_("Compared with an even head: each sequence at its mean."),
        "blurred": N_("Compared with the same slices, blurred."),
        "noise": N_("Compared with slices of random greys."),
    },
}
"""What an input may be compared with, by its kind, the usual first."""
BLUR = 8  # a blurred picture keeps what is wider than this share of its side (1 in 8); a trace this many parts


def baselines(task: Task) -> tuple[str, ...]:
    """What every field of the task may be compared with, the usual first."""
    kinds = [BASELINES[spec.kind] for spec in task.fields.values()]
    usual = next(iter(kinds[0]))
    return (usual, *(name for name in kinds[0] if name != usual and all(name in other for other in kinds[1:])))


def baseline_words(task: Task, baseline: str = "") -> str:
    """What the input is compared with, in a sentence."""
    chosen = baseline or baselines(task)[0]
    return " ".join(_(BASELINES[spec.kind].get(chosen, "")) for spec in task.fields.values())


def _baseline(
    package: Package, name: str, kind: str, baseline: str, x: "torch.Tensor", mask: "torch.Tensor"
) -> "torch.Tensor":
    """What one field's x (1, …) is compared with."""
    import torch

    if baseline == "blurred":
        return _blurred(x, kind)
    noise = torch.zeros_like(x)
    if baseline == "noise":
        noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0)).to(x)
    if kind == "record":
        mean = torch.tensor(package.about["reference"][name]["mean"], dtype=x.dtype, device=x.device)
        found = torch.zeros_like(x) if baseline == "zero" else mean * (1 + 0.25 * noise)
    elif kind == "image":
        found = torch.full_like(x, 0.0 if baseline == "zero" else 0.5) + 0.2 * noise
    else:
        found = noise * x.std()
    return found * mask


def _blurred(x: "torch.Tensor", kind: str) -> "torch.Tensor":
    """Averaged three times over an eighth of its extent: near to a Gaussian."""
    import torch.nn.functional as F

    if kind == "signal":
        wide = x.shape[-1] // BLUR // 2 * 2 + 1
        for _turn in range(3):
            x = F.avg_pool1d(x, wide, 1, wide // 2, count_include_pad=False)
        return x
    shape, flat = x.shape, x.reshape(1, -1, *x.shape[-2:])
    tall, wide = (side // BLUR // 2 * 2 + 1 for side in shape[-2:])
    for _turn in range(3):
        flat = F.avg_pool2d(flat, (tall, wide), 1, (tall // 2, wide // 2), count_include_pad=False)
    return flat.reshape(shape)


def ask(
    package: Package,
    inputs: Mapping[str, Input],
    label: str | None,
    device: str,
    baseline: str = "",
    which: Sequence[int] | None = None,
) -> Question:
    """What is asked of the package about one label (default: the likeliest) of its answer to a case.

    which: positions of the nets that answer (default: all); for a training case those that never saw it
    """
    import torch

    from medcore.explain.ensemble import Ensemble, place_of

    task = package.task
    batch = moved(collate([encode_inputs(task, dict(inputs))]), device)
    taken = range(len(package.folds)) if which is None else which
    nets = [package.hooked_nets[i] for i in taken]
    model = Ensemble(task, nets, [package.calibrations[i] for i in taken]).to(device)
    left_out = (0, 0)
    if task.grid:
        with torch.no_grad():
            place = place_of(model.everywhere(*batch[0::2], *batch[1::2]), task.grid[1].cut)
        if place.dim() == 4:
            # A slice is judged by itself and its neighbours: those far from the place move nothing in it.
            shown, left_out = _shown(place)
            batch, place = [t[:, :, shown] for t in batch], place[:, shown]
        model.place = place
    xs, masks = tuple(batch[0::2]), tuple(batch[1::2])
    chosen = baseline or baselines(task)[0]
    compared = tuple(
        _baseline(package, name, spec.kind, chosen, x, m)
        for (name, spec), x, m in zip(task.fields.items(), xs, masks, strict=True)
    )
    with torch.no_grad():
        both = (torch.cat(pair) for pair in zip((*xs, *masks), (*compared, *masks), strict=True))
        said = model(*both)
    names = [item.name for item in task.outcome.labels]
    target = names.index(label) if label else int(said[0].argmax())
    answers = float(said[0, target]), float(said[1, target])
    return Question(task, model, _single(model), xs, masks, compared, target, answers, left_out)


def _single(model: "torch.nn.Module") -> "list[torch.nn.Module]":
    """The nets one by one, each with an answer of its own for the case."""
    from medcore.explain.ensemble import Inside

    return [net if model.place is None else Inside(net, model.place) for net in model.nets]  # type: ignore[union-attr,arg-type]


def with_nets(question: Question, nets: "Sequence[torch.nn.Module]") -> Question:
    """The same question asked of other nets in the place of its own."""
    from medcore.explain.ensemble import Ensemble

    old = question.model
    model = Ensemble(question.task, nets, old.calibrations, old.place)  # type: ignore[arg-type]
    return replace(question, model=model, nets=_single(model))


def _shown(place: "torch.Tensor", around: int = 1) -> tuple[slice, tuple[int, int]]:
    """The slices of a place (labels, slices, rows, columns) and their neighbours, and how many lie before and after."""
    held = place.amax((0, 2, 3)).nonzero().flatten().tolist()
    first, end = max(0, held[0] - around), min(place.shape[1], held[-1] + 1 + around)
    return slice(first, end), (first, place.shape[1] - end)
