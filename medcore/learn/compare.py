"""A candidate beside the version in use: on the same patients, each answered by nets that never saw them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from medcore.datasets.sample import Sample
from medcore.learn.batches import encode
from medcore.learn.devices import pick
from medcore.learn.evaluate import out_of_fold_probabilities
from medcore.outcomes.metrics import bootstrap
from medcore.packages import Package

LOWER_IS_BETTER = ("brier", "ece", "mae")


def compare(current: Package, candidate: Package, samples: Sequence[Sample], device: str = "auto") -> dict[str, Any]:
    """n, and per metric `current`, `candidate` and their paired `change`, each {value, low, high}, with a `verdict`.

    The change's range comes from the same resamplings of patients for both. verdict: "better" or "worse" where the
    range leaves zero out, else "same". Patients that some version has only nets for that saw them are left out.
    """
    encoded, device = encode(candidate.task, samples), pick(device)
    old, had_old = out_of_fold_probabilities(current, encoded, device)
    new, had_new = out_of_fold_probabilities(candidate, encoded, device)
    index = np.flatnonzero(had_old & had_new)
    truth, patients = encoded.truth[index], [encoded.patients[i] for i in index]
    outcome = candidate.task.outcome

    def both(part: np.ndarray) -> dict[str, float]:
        a, b = outcome.metrics(old[index[part]], truth[part]), outcome.metrics(new[index[part]], truth[part])
        return {
            f"{kind} {k}": v for k in a for kind, v in (("current", a[k]), ("candidate", b[k]), ("change", b[k] - a[k]))
        }

    drawn = bootstrap(both, patients) if len(index) else {}
    names = dict.fromkeys(key.split(" ", 1)[1] for key in drawn)
    rows = {name: {kind: drawn[f"{kind} {name}"] for kind in ("current", "candidate", "change")} for name in names}
    for name, row in rows.items():
        row["verdict"] = _verdict(name, row["change"])
    return {"n": len(index), "metrics": rows, "worse": [n for n, row in rows.items() if row["verdict"] == "worse"]}


def _verdict(name: str, change: dict[str, float] | None) -> str:
    if change is None or change["low"] is None:
        return "same"
    sign = -1 if name in LOWER_IS_BETTER else 1
    ends = sorted((sign * change["low"], sign * change["high"]))
    return "better" if ends[0] > 0 else "worse" if ends[1] < 0 else "same"
