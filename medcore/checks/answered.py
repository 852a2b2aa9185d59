"""What a package said out of fold, and how its figures stand beside others on the same patients."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from medcore.datasets.sample import Sample, by_source
from medcore.errors import Refused
from medcore.i18n import _
from medcore.learn.batches import Encoded, encode
from medcore.learn.evaluate import out_of_fold_probabilities
from medcore.outcomes import Outcome
from medcore.outcomes.metrics import bootstrap
from medcore.packages import Package

Figure = dict[str, float | None]  # value, and low and high of its 95 % range over resampled patients


@dataclass(frozen=True)
class Row:
    """A line of a check: of what, of which source ("" for all), on how many cases or pairs, and its figures by name.

    A figure is None where it is undefined, and a text where it is no number.
    """

    title: str
    n: int
    figures: Mapping[str, Figure | str | None]
    source: str = ""


@dataclass(frozen=True)
class Section:
    """A check of a package.

    name: lower_snake, for programs; title, finding and text: for people, what came out, what was done, how to read it
    columns: titles of the figures that the card shows; rows may hold more
    """

    name: str
    title: str
    finding: str
    text: str
    columns: Mapping[str, str]
    rows: Sequence[Row]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Answered:
    """Labelled cases and what a package said of them, each by nets that never saw the patient.

    probabilities: (n, labels), of the cases at `index`; the others are ones that every net saw
    """

    package: Package
    encoded: Encoded
    device: str
    probabilities: np.ndarray = field(repr=False)
    index: np.ndarray = field(repr=False)

    @property
    def outcome(self) -> Outcome:
        return self.package.task.outcome

    @property
    def sources(self) -> dict[str, np.ndarray]:
        """Positions of the answered cases of each source; all under "" where the set names none."""
        found = by_source([self.encoded.samples[i] for i in self.index])
        return {name: self.index[part] for name, part in found.items()} or {"": self.index}

    def patients(self, index: np.ndarray) -> list[str]:
        return [self.encoded.samples[i].patient_hash for i in index]

    def metrics(self, probabilities: np.ndarray, index: np.ndarray) -> dict[str, Figure | None]:
        """Metrics of answers (n, labels) to the cases at `index`."""
        truth = self.encoded.truth
        return bootstrap(
            lambda part: self.outcome.metrics(probabilities[index[part]], truth[index[part]]), self.patients(index)
        )

    def beside(self, others: Mapping[str, np.ndarray], index: np.ndarray) -> dict[str, dict[str, Figure | None]]:
        """Metrics at `index` of the package (under "") and of other answers (n, labels), by name.

        Those of others hold, as `lead_<metric>`, the package's less theirs; its range comes from resampling the
        same patients for both.
        """
        truth = self.encoded.truth

        def all_of(part: np.ndarray) -> dict[str, float]:
            at = index[part]
            own = self.outcome.metrics(self.probabilities[at], truth[at])
            out = {f" {k}": v for k, v in own.items()}
            for name, p in others.items():
                theirs = self.outcome.metrics(p[at], truth[at])
                out |= {f"{name} {k}": v for k, v in theirs.items()}
                out |= {f"{name} lead_{k}": own[k] - v for k, v in theirs.items()}
            return out

        drawn: dict[str, dict[str, Figure | None]] = {name: {} for name in ("", *others)}
        for key, figure in bootstrap(all_of, self.patients(index)).items():
            name, metric = key.rsplit(" ", 1)
            drawn[name][metric] = figure
        return drawn


def answered(package: Package, samples: Sequence[Sample], device: str) -> Answered:
    """The package's answers to the samples. Refused where its nets saw all of them."""
    encoded = encode(package.task, samples)
    probabilities, there = out_of_fold_probabilities(package, encoded, device)
    index = np.flatnonzero(there)
    if not len(index):
        raise Refused(
            _("The folder holds no labelled case that some net of the package never saw."),
            _("Give the folder that it was trained on, or one of new cases, in the layout that the README shows."),
        )
    return Answered(package, encoded, device, probabilities, index)


def subset(encoded: Encoded, index: Sequence[int] | np.ndarray) -> Encoded:
    """The samples at those positions."""
    return replace(
        encoded,
        samples=[encoded.samples[i] for i in index],
        items=[encoded.items[i] for i in index],
        truth=encoded.truth[np.asarray(index, int)],
        input_hashes=[encoded.input_hashes[i] for i in index],
        places=[encoded.places[i] for i in index] if encoded.places else [],
    )


def without(answered: Answered, name: str, channels: Sequence[int], index: np.ndarray) -> np.ndarray:
    """Answers (n, …) of the nets that never saw the patients when these channels of a field are masked out; NaN but at
    `index`."""
    at = 2 * list(answered.package.task.fields).index(name)
    cases = subset(answered.encoded, index)
    items = []
    for item in cases.items:
        x, mask = item[at].clone(), item[at + 1].clone()
        x[list(channels)], mask[list(channels)] = 0, 0
        items.append([*item[:at], x, mask, *item[at + 2 :]])
    said, _there = out_of_fold_probabilities(answered.package, replace(cases, items=items), answered.device)
    out = np.full(answered.probabilities.shape, np.nan)
    out[index] = said
    return out


def leading(metrics: Mapping[str, Any]) -> str:
    """The name of the metric that one number is told by."""
    return next(name for name in ("auroc", "auroc_macro", "mae", "dice", *metrics) if name in metrics)


def value(row: Row, name: str) -> float:
    """The value of that figure; NaN where there is none."""
    found = row.figures.get(name)
    number = found["value"] if found is not None and not isinstance(found, str) else None
    return float("nan") if number is None else number


def change(figure: Figure | None) -> Figure | None:
    """A lead of the package over another answer, told as the other's change from the package."""
    if figure is None:
        return None
    value, low, high = (None if v is None else -v for v in (figure["value"], figure["high"], figure["low"]))
    return {"value": value, "low": low, "high": high}
