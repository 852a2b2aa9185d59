"""Figures of a package on labelled cases: with intervals, by patient, and never on what its nets have seen."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from medcore.datasets.sample import Sample, by_source
from medcore.errors import Refused
from medcore.i18n import _
from medcore.learn.batches import Encoded, encode
from medcore.learn.devices import pick
from medcore.learn.train import predict_logits
from medcore.outcomes.base import uncalibrated
from medcore.outcomes.metrics import bootstrap
from medcore.packages import Package

if TYPE_CHECKING:
    import torch


def seen(package: Package, encoded: Encoded) -> np.ndarray:
    """(n,) bool: the patient or an input of the sample is one that some net was fitted, tuned or calibrated on."""
    patients, inputs = package.seen_patients, package.seen_inputs
    return np.array(
        [
            patient in patients or any(h in inputs for h in hashes)
            for patient, hashes in zip(encoded.patients, encoded.input_hashes, strict=True)
        ],
        bool,
    )


def never_saw(package: Package, encoded: Encoded) -> np.ndarray:
    """(nets, n) bool: which net never saw which sample; a net saw each listed patient but its left-out fold's."""
    patients, inputs = package.seen_patients, package.seen_inputs
    rows = []
    for fold in package.folds:
        rows.append(
            [
                patients.get(patient, fold) == fold and all(inputs.get(h, fold) == fold for h in hashes)
                for patient, hashes in zip(encoded.patients, encoded.input_hashes, strict=True)
            ]
        )
    return np.array(rows, bool)


def mean_probabilities(
    package: Package, which: Sequence[int], encoded: Encoded, index: np.ndarray, device: str
) -> np.ndarray:
    """Answers (len(index), labels) of some of the package's nets: their calibrated mean, voxel by voxel where the
    outcome lies on a grid."""
    outcome = package.task.outcome
    nets = [(package.nets[i].to(device), package.calibrations[i]) for i in which]
    if package.task.grid:
        _spec, lying = package.task.grid

        def together(*batch: "torch.Tensor") -> "torch.Tensor":
            return lying.together([(net(*batch).float(), calibration) for net, calibration in nets])

        return outcome.probabilities(predict_logits(together, encoded, index, device), uncalibrated(outcome.width))
    each = [outcome.probabilities(predict_logits(net, encoded, index, device), c) for net, c in nets]
    out: np.ndarray = np.mean(each, 0)
    return out


def ensemble_probabilities(package: Package, encoded: Encoded, index: np.ndarray, device: str) -> np.ndarray:
    """The package's answers (len(index), labels): the nets' calibrated mean."""
    return mean_probabilities(package, range(len(package.nets)), encoded, index, device)


def out_of_fold_probabilities(package: Package, encoded: Encoded, device: str) -> tuple[np.ndarray, np.ndarray]:
    """Each sample answered by the mean of the nets that never saw it: (n, labels), and (n,) whether there was one."""
    unseen = never_saw(package, encoded)
    # A patient who is new to every net is answered by the net of their own fold alone, as the others are.
    for row, fold in zip(unseen, package.folds, strict=True):
        row &= (encoded.folds == fold) | (unseen.sum(0) < len(unseen))
    rows: dict[int, np.ndarray] = {}
    for pattern in np.unique(unseen, axis=1).T:
        index = np.flatnonzero((unseen == pattern[:, None]).all(0))
        if pattern.any():
            said = mean_probabilities(package, np.flatnonzero(pattern).tolist(), encoded, index, device)
            rows |= zip(index.tolist(), said, strict=True)
    nothing = np.zeros_like(next(iter(rows.values()), np.zeros(len(package.task.outcome.labels))))
    return np.array([rows.get(i, nothing) for i in range(len(encoded))]), np.asarray(unseen.any(0))


def figures(task: Any, probabilities: np.ndarray, encoded: Encoded, index: np.ndarray) -> dict[str, Any]:
    """`n`, `metrics` and `by_source` of the answers to the samples at `index`."""
    truth, patients = encoded.truth[index], np.array(encoded.patients)[index]

    def of(part: np.ndarray) -> dict[str, Any]:
        p, y = probabilities[part], truth[part]
        return bootstrap(lambda i: task.outcome.metrics(p[i], y[i]), list(patients[part]))

    sources = by_source([encoded.samples[i] for i in index])
    return {
        "n": len(index),
        "metrics": of(np.arange(len(index))),
        "by_source": {name: of(np.array(part)) for name, part in sources.items()},
    }


def evaluate(package: Package, samples: Sequence[Sample], mode: str = "unseen", device: str = "auto") -> dict[str, Any]:
    """The JSON of `python -m medcore evaluate`: task, package, n, n_seen, metrics, by_source.

    mode: "unseen" leaves out what the package has seen and counts it; "include_seen" adds the figures of those under
    `seen`; "out_of_fold" answers each sample by the nets that never saw it. Where no sample is left, each metric
    that the package was measured by is None.
    """
    if not samples:
        raise Refused(_("The folder holds no labelled case."), _("Give a folder in the layout that the README shows."))
    encoded, device = encode(package.task, samples), pick(device)
    known = seen(package, encoded)
    head = {"task": package.task.name, "package": package.name}
    nothing = {"metrics": dict.fromkeys(package.report["metrics"]), "by_source": {}}
    if mode == "out_of_fold":
        p, answered = out_of_fold_probabilities(package, encoded, device)
        index = np.flatnonzero(answered)
        out = {**head, "n": len(index), "n_seen": int((~answered).sum()), **nothing}
        return out | figures(package.task, p[index], encoded, index) if len(index) else out
    fresh = np.flatnonzero(~known)
    out = {**head, "n": len(fresh), "n_seen": int(known.sum()), **nothing}
    if len(fresh):
        out |= figures(package.task, ensemble_probabilities(package, encoded, fresh, device), encoded, fresh)
    if mode == "include_seen" and known.any():
        index = np.flatnonzero(known)
        out["seen"] = figures(package.task, ensemble_probabilities(package, encoded, index, device), encoded, index)
    return out
