"""What a package's figures mean for one decision: how often its cut is right, which labels can be excluded, and for
which groups of patients that was measured. All of it from answers out of fold."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from medcore.datasets.sample import Sample
from medcore.outcomes import Outcome
from medcore.outcomes.base import WITH_PROBABILITIES
from medcore.outcomes.metrics import bootstrap, nan

UNLIKE = 0.99
"""From this unlike-training score on an answer is kept, but no number of it is shown: of the training patients that a
net had not seen, 99 in 100 lay nearer to the rest than this case does."""
MISS = 0.05  # a label is excluded where 95 % of those who have it score higher
FEWEST = 20  # with fewer cases of a label nothing is excluded
PARTS = 5
AGES = ((0, 2), (2, 12), (12, 18), (18, 40), (40, 65), (65, 80), (80, 130))
LEADING = ("auroc", "auroc_macro", "accuracy", "dice")


def withheld(unlike: float) -> bool:
    """Whether a case of this unlike-training score is too far from the training data for a number to be shown."""
    return unlike >= UNLIKE


def columns(outcome: Outcome, probabilities: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Names and probabilities (n, k) of what can be excluded: each label, and the absence of a yes-or-no question."""
    names = [label.name for label in outcome.labels]
    if outcome.kind == "binary":
        return [c.name for c in outcome.choices], np.column_stack([probabilities[:, 0], 1 - probabilities[:, 0]])
    return names, probabilities[:, : len(names)]  # of a mask more than probabilities is known


def having(outcome: Outcome, truth: np.ndarray, width: int) -> np.ndarray:
    """(n, width) bool: which of `columns` was so."""
    if outcome.kind == "multiclass":
        return np.asarray(np.eye(width)[truth.astype(int)] > 0.5)
    has = truth.reshape(len(truth), -1) > 0.5
    return np.column_stack([has, ~has]) if outcome.kind == "binary" else has


def exclusion(values: np.ndarray, has: np.ndarray) -> np.ndarray:
    """(k,) for each column the probability that 95 % of the patients who have it reach: class-conditional split
    conformal (Vovk, ACML 2012). Below it a label can be excluded."""
    out = np.zeros(values.shape[1])
    for i in range(values.shape[1]):
        mine = np.sort(values[has[:, i], i])
        out[i] = mine[max(0, int(MISS * (len(mine) + 1)) - 1)] if len(mine) >= FEWEST else 0.0
    return out


def exclude_below(outcome: Outcome, probabilities: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """`exclusion` by name; empty for an outcome that says no probabilities."""
    if outcome.kind not in WITH_PROBABILITIES:
        return {}
    names, values = columns(outcome, probabilities)
    return dict(zip(names, map(float, exclusion(values, having(outcome, truth, len(names)))), strict=True))


def not_excluded(outcome: Outcome, probabilities: np.ndarray, below: Mapping[str, float]) -> tuple[str, ...]:
    """The choices that probabilities (labels,) of one case leave open; a name that `below` lacks is left out."""
    if not below:
        return ()
    names, values = columns(outcome, probabilities[None])
    return tuple(n for n, v in zip(names, values[0], strict=True) if n in below and v >= below[n])


def decision(
    outcome: Outcome,
    probabilities: np.ndarray,
    truth: np.ndarray,
    thresholds: Sequence[float],
    samples: Sequence[Sample],
) -> dict[str, Any]:
    """What the answer card needs of the answers (n, labels) to `samples`; of a mask `groups` and
    `counts` alone; empty for a regression.

    labels: for each, its threshold, sensitivity and specificity there (of several classes: of being the chosen one),
        and n_with, n_without
    exclude_below, coverage, single: conformal cuts; how many of those who have a label kept it, measured on each
        fifth of the patients by the cuts of the others; share of cases that a single label was left of
    counts: of a mask by label, n_with and n_without
    groups: by age, sex, view and source, each group's n and leading metric
    Figures are {value, low, high}: 95 % range over resampled patients.
    """
    if outcome.kind not in WITH_PROBABILITIES:
        if not outcome.on:
            return {}
        there = truth.reshape(len(truth), -1)[:, : len(outcome.labels)] > 0
        counts = {
            label.name: {"n_with": int(t.sum()), "n_without": int((~t).sum())}
            for label, t in zip(outcome.labels, there.T, strict=True)
        }
        return {"counts": counts, "groups": _groups(outcome, probabilities, truth, samples)}
    names, values = columns(outcome, probabilities)
    has = having(outcome, truth, len(names))
    patients = [s.patient_hash for s in samples]
    return {
        "labels": _labels(outcome, probabilities, has, thresholds, patients),
        "exclude_below": dict(zip(names, map(float, exclusion(values, has)), strict=True)),
        **_coverage(names, values, has, patients),
        "groups": _groups(outcome, probabilities, truth, samples),
    }


def _labels(
    outcome: Outcome, p: np.ndarray, has: np.ndarray, thresholds: Sequence[float], patients: list[str]
) -> dict[str, Any]:
    wide = len(outcome.labels)
    chosen = np.eye(wide)[p.argmax(1)] > 0.5 if outcome.kind == "multiclass" else p >= np.asarray(thresholds)
    out = {}
    for i, label in enumerate(outcome.labels):
        called, was = chosen[:, i], has[:, i]

        def rates(part: np.ndarray, called: np.ndarray = called, was: np.ndarray = was) -> dict[str, float]:
            c, w = called[part], was[part]
            return {
                "sensitivity": float(c[w].mean()) if w.any() else nan,
                "specificity": float((~c[~w]).mean()) if (~w).any() else nan,
            }

        counts = {"n_with": int(was.sum()), "n_without": int((~was).sum())}
        cut = None if outcome.kind == "multiclass" else float(thresholds[i])
        out[label.name] = {"threshold": cut, **counts, **bootstrap(rates, patients)}
    return out


def _coverage(names: list[str], values: np.ndarray, has: np.ndarray, patients: list[str]) -> dict[str, Any]:
    # Not the folds themselves: a package of one net has answers of one fold only.
    part = np.array([int(p, 16) // PARTS % PARTS for p in patients])
    kept = np.zeros(values.shape, bool)
    for g in np.unique(part):
        kept[part == g] = values[part == g] >= exclusion(values[part != g], has[part != g])

    def shares(index: np.ndarray) -> dict[str, float]:
        k, h = kept[index], has[index]
        return {n: float(k[h[:, i], i].mean()) if h[:, i].any() else nan for i, n in enumerate(names)}

    return {"coverage": bootstrap(shares, patients), "single": float((kept.sum(1) == 1).mean())}


def age_group(years: float) -> str:
    """The band of AGES that an age lies in, as "65-79"; "80+" is the last."""
    low, high = next((b for b in AGES if b[0] <= years < b[1]), AGES[-1])
    return f"{low}+" if high == AGES[-1][1] else f"{low}-{high - 1}"


def groups_of(facts: Mapping[str, str]) -> dict[str, str]:
    """The groups that a patient of these facts belongs to: age, sex, view and source, as far as they are known."""
    out: dict[str, str] = {}
    with suppress(ValueError):
        out["age"] = age_group(float(facts.get("age_years") or facts.get("age") or ""))
    sex = facts.get("sex", "")[:1].upper()
    if sex in ("F", "M"):
        out["sex"] = sex
    return out | {group: facts[group] for group in ("view", "source") if facts.get(group)}


def decided(report: Mapping[str, Any], checks: Mapping[str, Any] | None) -> dict[str, Any]:
    """`decision` of a package: as its own report has it, else its checks; groups by the checks, which may know more of
    the same patients than was read when it was trained."""
    own, checked = report.get("decision") or {}, (checks or {}).get("decision") or {}
    return {**checked, **own, "groups": checked.get("groups") or own.get("groups") or {}} if own or checked else {}


def _groups(outcome: Outcome, p: np.ndarray, truth: np.ndarray, samples: Sequence[Sample]) -> dict[str, Any]:
    found: dict[str, dict[str, list[int]]] = {}
    for i, sample in enumerate(samples):
        for key, group in groups_of({**sample.facts, "source": sample.source}).items():
            found.setdefault(key, {}).setdefault(group, []).append(i)
    return {
        key: {name: _measured(outcome, p, truth, samples, np.array(index)) for name, index in sorted(groups.items())}
        for key, groups in found.items()
    }


def _measured(
    outcome: Outcome, p: np.ndarray, truth: np.ndarray, samples: Sequence[Sample], index: np.ndarray
) -> dict[str, Any]:
    """n, and the first metric of LEADING that is defined here with its range."""
    metric = next(name for name in LEADING if name in outcome.metrics(p[:1], truth[:1]))

    def leading(part: np.ndarray) -> dict[str, float]:
        return {metric: outcome.metrics(p[index[part]], truth[index[part]])[metric]}

    figure = bootstrap(leading, [samples[i].patient_hash for i in index], draws=200)[metric]
    return {"n": len(index), "metric": metric, "figure": figure}
