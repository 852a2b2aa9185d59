"""Pictures: what their shape, their coarse grey and their borders tell, and what becomes of answers when the picture is
stretched or loses the part that matters."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from medcore.checks.answered import Answered, Figure, Row, Section, change, leading, subset, value
from medcore.checks.pairs import equal_pairs
from medcore.checks.plain import Plain, beside, best
from medcore.datasets.sample import Sample
from medcore.i18n import _
from medcore.inputs import Image
from medcore.learn.batches import encode_inputs
from medcore.learn.card import metric_title
from medcore.learn.evaluate import out_of_fold_probabilities
from medcore.outcomes.metrics import bootstrap

FACTOR = 1.2
CHUNK = 256  # pictures in memory at a time


def along(pixels: np.ndarray, axis: int, factor: float, keep_frame: bool) -> np.ndarray:
    """The picture stretched by `factor` along one axis, interpolated linearly: made longer as a whole, or its content
    about the centre within the same frame, cut off or continued from its edge."""
    n = pixels.shape[axis]
    out = n if keep_frame else round(n * factor)
    at = ((np.arange(out) + 0.5 - out / 2) / factor + n / 2 - 0.5).clip(0, n - 1)
    low = np.floor(at).astype(int)
    share = (at - low).reshape([-1 if a == axis else 1 for a in range(pixels.ndim)])
    values = pixels.take(low, axis) * (1 - share) + pixels.take(np.minimum(low + 1, n - 1), axis) * share
    return np.asarray(np.rint(values) if pixels.dtype.kind in "iu" else values, pixels.dtype)


def shrunk(picture: Image, side: int) -> np.ndarray:
    """(side, side) means of its grey, the darkest 0 and the brightest 1."""
    import torch

    grey = torch.from_numpy(picture.brightness())[None, None]
    small = torch.nn.functional.interpolate(grey, (side, side), mode="area")[0, 0].numpy()
    return np.asarray((small - small.min()) / max(float(np.ptp(small)), 1e-6))


def frame(small: np.ndarray) -> np.ndarray:
    """The outer tenth of a square, as one row."""
    wide = max(1, round(len(small) / 10))
    inside = np.zeros(small.shape, bool)
    inside[wide:-wide, wide:-wide] = True
    return np.asarray(small[~inside])


Change = Callable[[Sample, Image], Image]


def answers_to(
    answered: Answered, name: str, changes: Mapping[str, Change], index: np.ndarray
) -> dict[str, np.ndarray]:
    """What the nets that never saw the patients say (n, labels) when the pictures at `index` are changed, by change."""
    task = answered.package.task
    out = {key: np.full(answered.probabilities.shape, np.nan) for key in changes}
    for part in np.array_split(index, -(-len(index) // CHUNK)):
        cases = subset(answered.encoded, part)
        loaded = [s.load() for s in cases.samples]
        for key, made in changes.items():
            # The original's hashes stay: which net saw a picture is not changed by stretching it.
            altered = [
                {**inputs, name: made(sample, inputs[name])}  # type: ignore[arg-type]
                for sample, inputs in zip(cases.samples, loaded, strict=True)
            ]
            items = [encode_inputs(task, inputs) for inputs in altered]
            out[key][part], _there = out_of_fold_probabilities(
                answered.package, replace(cases, items=items), answered.device
            )
    return out


def shortcuts(answered: Answered, name: str) -> list[Section]:
    """Models that see next to none of the anatomy, and pairs of one shape."""
    shapes, coarse, borders = [], [], []
    for sample in answered.encoded.samples:
        picture = sample.load()[name]
        assert isinstance(picture, Image)
        rows, columns = picture.pixels.shape[:2]
        shapes.append([columns, rows, columns / rows])
        coarse.append(shrunk(picture, 8).ravel())
        borders.append(frame(shrunk(picture, 24)))
    plains = [
        Plain("shape_only", _("Shape of the picture alone"), np.array(shapes, float), "boosting"),
        Plain("thumbnail", _("Shrunk to 8 × 8 greys"), np.array(coarse), "linear"),
        Plain("borders_only", _("Outer tenth alone"), np.array(borders), "linear"),
    ]
    rows = beside(answered, plains, level=True)
    metric = leading(rows[0].figures)
    return [
        Section(
            "shortcuts",
            _("What can be told without looking at the anatomy"),
            best(rows, metric),
            _(
                "Plain models of each source, trained and tested on the same folds, that see only the width and height "
                "of the picture, only 64 coarse greys, or only its outer tenth. AUROC 0.5 is chance. Whatever they "
                "reach, a net could reach without looking at the disease: the nearer they come to the package, the "
                "less its figure proves. Difference: the package minus the plain model."
            ),
            {metric: metric_title(metric), f"lead_{metric}": _("Difference")},
            rows,
        ),
        *equal_pairs(
            answered,
            "equal_shape",
            _("On pairs of equal shape"),
            _(
                "Each picture with the finding is compared only with pictures without it, of the same source, whose "
                "ratio of width to height is the same within 2 %; n counts pairs. A package that went by the "
                "shape would fall here."
            ),
            np.array(shapes, float)[:, 2],
        ),
    ]


def stretched(answered: Answered, name: str) -> Section:
    """Left-out pictures stretched, as a whole and within their frame, each way by a fifth."""

    def by(axis: int, factor: float, keep_frame: bool) -> Change:
        return lambda sample, picture: replace(picture, pixels=along(picture.pixels, axis, factor, keep_frame))

    titles = {
        "whole_wider": _("Whole picture a fifth wider"),
        "whole_taller": _("Whole picture a fifth taller"),
        "wider": _("Content a fifth wider, cut at the sides"),
        "narrower": _("Content narrower by the same, sides continued"),
        "taller": _("Content a fifth taller, cut at top and bottom"),
        "flatter": _("Content flatter by the same, top and bottom continued"),
    }
    ways = [(1, FACTOR, False), (0, FACTOR, False), (1, FACTOR, True), (1, 1 / FACTOR, True), (0, FACTOR, True)]
    changes = dict(zip(titles, [by(*way) for way in [*ways, (0, 1 / FACTOR, True)]], strict=True))
    others = answers_to(answered, name, changes, answered.index)
    rows, metric = [], ""
    for source, index in answered.sources.items():
        found = answered.beside(others, index)
        metric = leading(found[""])
        rows.append(Row(_("As it is"), len(index), {metric: found[""][metric]}, source))
        for key, title in titles.items():
            figures = {metric: found[key][metric], "change": change(found[key][f"lead_{metric}"])}
            rows.append(Row(title, len(index), figures, source))
    most = max(rows, key=lambda row: np.nan_to_num(abs(value(row, "change"))))
    return Section(
        "stretched",
        _("When left-out pictures are stretched"),
        _("{metric} moves by at most {most:.3f}.").format(metric=metric_title(metric), most=abs(value(most, "change"))),
        _(
            "The same nets on the same left-out pictures, stretched by a fifth one way. A package that reads the shape "
            "of the chest rather than what is in it would change."
        ),
        {metric: metric_title(metric), "change": _("Change")},
        rows,
    )


def fitted(mask: np.ndarray, picture: Image) -> np.ndarray:
    """A mask (rows, columns), true or false, at the picture's size."""
    rows, columns = (np.arange(n) * m // n for n, m in zip(picture.pixels.shape[:2], mask.shape, strict=True))
    return np.asarray(mask[rows][:, columns])


def outline(path: Path) -> np.ndarray:
    """The mask (rows, columns), true or false, that a PNG holds."""
    from medcore.readers import read

    mask = read({path.name: path.read_bytes()})[0].input
    assert isinstance(mask, Image)
    return np.asarray(mask.brightness() > 127)


def without(picture: Image, mask: np.ndarray) -> Image:
    """The picture with what the mask (rows, columns), true or false, marks replaced by the mean of the rest."""
    pixels, marked = picture.pixels.copy(), fitted(mask, picture)
    pixels[marked] = pixels[~marked].mean(0)
    return replace(picture, pixels=pixels)


def masked(answered: Answered, name: str, masks: Path) -> list[Section]:
    """Pictures whose lungs are painted over, where `masks` holds a PNG of the same stem; none, no section."""
    there = {path.stem: path for path in sorted(masks.glob("*.png"))}

    def paint(sample: Sample, picture: Image) -> Image:
        return without(picture, outline(there[Path(sample.case).stem]))

    rows, metric = [], ""
    for source, whole in answered.sources.items():
        index = np.array([i for i in whole if Path(answered.encoded.samples[i].case).stem in there], int)
        if not len(index):
            continue
        found = answered.beside(answers_to(answered, name, {"masked": paint}, index), index)
        metric = leading(found[""])
        rows.append(Row(_("As it is"), len(index), {metric: found[""][metric]}, source))
        lost = change(found["masked"][f"lead_{metric}"])
        rows.append(Row(_("Lungs masked out"), len(index), {metric: found["masked"][metric], "change": lost}, source))
    if not rows:
        return []
    return [
        Section(
            "masked",
            _("With the lungs masked out"),
            _("{metric} without the lungs: {parts}.").format(
                metric=metric_title(metric),
                parts="; ".join(
                    _("{source} {out:.3f} instead of {own:.3f}")
                    .format(source=own.source, out=value(out, metric), own=value(own, metric))
                    .strip()
                    for own, out in zip(rows[::2], rows[1::2], strict=True)
                ),
            ),
            _(
                "Both lungs, as people outlined them, are painted with the mean grey of the rest; only the pictures "
                "that have outlines. What is left above 0.5 was told from outside the lungs or from their outline."
            ),
            {metric: metric_title(metric), "change": _("Change")},
            rows,
        )
    ]


def atlas(answered: Answered) -> Section:
    """The mean of the outlines that people drew on other folds, brought to each picture: an outline without looking."""
    encoded = answered.encoded
    places = np.stack([place.numpy() for place in encoded.places]) > 127
    dice = np.zeros((2, len(places)))
    for fold in np.unique(encoded.folds):
        mean = places[encoded.folds != fold].mean(0) >= 0.5
        for i in np.flatnonzero(encoded.folds == fold):
            dice[1, i] = 2 * (mean & places[i]).sum() / max(1, mean.sum() + places[i].sum())
    for i in answered.index:
        dice[0, i] = answered.outcome.metrics(answered.probabilities[[i]], encoded.truth[[i]])["dice"]

    def of(which: int) -> Figure | None:
        values = dice[which, answered.index]
        found: Figure | None = bootstrap(
            lambda part: {"dice": float(values[part].mean())}, answered.patients(answered.index)
        )["dice"]
        return found

    rows = [
        Row(_("This package"), len(answered.index), {"dice": of(0)}),
        Row(_("Mean outline of the other patients"), len(answered.index), {"dice": of(1)}),
    ]
    return Section(
        "plain_models",
        _("Beside plain models"),
        _("Dice {own:.3f}, where an outline without looking has {mean:.3f}.").format(
            own=value(rows[0], "dice"), mean=value(rows[1], "dice")
        ),
        _("The mean of the outlines that people drew on the other folds' pictures, put on each left-out picture."),
        {"dice": metric_title("dice")},
        rows,
    )


def check(answered: Answered, name: str, masks: Path | None) -> list[Section]:
    """Shortcuts, pairs of one shape, stretching and, where there are outlines, lungs masked out; where the outcome lies
    on the picture, what the mean outline reaches."""
    if answered.outcome.on == name:
        return [atlas(answered)]
    out = [*shortcuts(answered, name), stretched(answered, name)]
    return out + masked(answered, name, masks) if masks else out
