"""Plain models on the same patients and folds, and what they reach beside a package."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from medcore.checks.answered import Answered, Row, Section, value
from medcore.i18n import _
from medcore.learn.card import metric_title
from medcore.outcomes import Outcome


@dataclass(frozen=True)
class Plain:
    """A model of few numbers per case.

    x: (n, columns), NaN where absent; model: "boosting" (trees, scikit-learn's defaults), "forest" (400 trees, balanced
        classes) or "linear"
    categories: which columns are codes of categories, for the trees
    """

    name: str
    title: str
    x: np.ndarray = field(repr=False)
    model: str
    categories: Sequence[bool] | None = None


def estimator(plain: Plain, regression: bool) -> Any:
    """The untrained scikit-learn model."""
    if plain.model == "boosting":
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        kind = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
        return kind(categorical_features=plain.categories, random_state=0)
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    if plain.model == "forest":
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        how = {"n_estimators": 400, "min_samples_leaf": 2, "random_state": 0}
        trees = (
            RandomForestRegressor(**how)
            if regression
            else RandomForestClassifier(class_weight="balanced_subsample", **how)
        )
        return make_pipeline(SimpleImputer(strategy="median"), trees)
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.preprocessing import StandardScaler

    last = Ridge() if regression else LogisticRegression(max_iter=2000)
    return make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler(), last)


def fit_predict(plain: Plain, outcome: Outcome, truth: np.ndarray, learn: np.ndarray, say: np.ndarray) -> np.ndarray:
    """Probabilities (len(say), labels) from a model that learnt from the cases at `learn`."""
    plain = known_columns(plain, learn)
    if outcome.kind == "regression":
        model = estimator(plain, True).fit(plain.x[learn], truth[learn])
        return np.asarray(model.predict(plain.x[say]), float)[:, None]
    columns = truth[learn] if truth.ndim == 2 else truth[learn, None]
    out = []
    for y in columns.T:
        shares = np.zeros((len(say), outcome.width if outcome.kind == "multiclass" else 2))
        known = np.unique(y).astype(int)
        shares[:, known] = (
            estimator(plain, False).fit(plain.x[learn], y).predict_proba(plain.x[say]) if len(known) > 1 else 1.0
        )
        out.append(shares if outcome.kind == "multiclass" else shares[:, 1:])
    return np.concatenate(out, 1)


def known_columns(plain: Plain, learn: np.ndarray) -> Plain:
    """Without the columns that no case at `learn` has, which scikit-learn's trees stumble over."""
    known = np.isfinite(plain.x[learn]).any(0)
    if not known.any():
        return replace(plain, x=np.zeros((len(plain.x), 1)), categories=None)
    categories = None if plain.categories is None else [c for c, k in zip(plain.categories, known, strict=True) if k]
    return replace(plain, x=plain.x[:, known], categories=categories)


def out_of_fold(plain: Plain, answered: Answered, within: str | None = None, level: bool = False) -> np.ndarray:
    """Probabilities (n, labels): each fold by a model that learnt from the others; of one source alone if `within`.

    level: bring the models of all folds to one share of each label. A model that learnt nothing says the share among
    those that it learnt from, which is high where that of the left-out fold is low: together such models would rank
    worse than chance.
    """
    encoded = answered.encoded
    mine = np.array([within is None or s.source == within for s in encoded.samples])
    out = np.full((len(encoded), len(answered.outcome.labels)), np.nan)
    for fold in np.unique(encoded.folds[mine]):
        learn, say = np.flatnonzero(mine & (encoded.folds != fold)), np.flatnonzero(mine & (encoded.folds == fold))
        if len(learn):
            out[say] = fit_predict(plain, answered.outcome, encoded.truth, learn, say)
            if level:
                out[say] = levelled(out[say], answered.outcome, encoded.truth[learn], encoded.truth[mine])
    return out


def levelled(p: np.ndarray, outcome: Outcome, learnt: np.ndarray, every: np.ndarray) -> np.ndarray:
    """Probabilities (n, labels) of a model that met each label as often as in `learnt`, as if as often as in `every`
    (Saerens et al., Neural Computation 2002)."""
    if outcome.kind == "regression":
        return p

    def shares(truth: np.ndarray) -> np.ndarray:
        hot = (
            np.eye(outcome.width)[truth.astype(int)] if outcome.kind == "multiclass" else truth.reshape(-1, p.shape[1])
        )
        return np.asarray(hot.mean(0).clip(1e-6, 1 - 1e-6))

    before, after = shares(learnt), shares(every)
    yes, no = p * after / before, (1 - p) * (1 - after) / (1 - before)
    return np.asarray(yes / yes.sum(1, keepdims=True) if outcome.kind == "multiclass" else yes / (yes + no))


def beside(answered: Answered, plains: Sequence[Plain], level: bool = False) -> list[Row]:
    """A row for the package and one for each plain model, of each source; `level`: see out_of_fold."""
    titles = {"": _("This package"), **{plain.name: plain.title for plain in plains}}
    rows = []
    for source, index in answered.sources.items():
        others = {plain.name: out_of_fold(plain, answered, source or None, level) for plain in plains}
        figures = answered.beside(others, index)
        rows += [Row(titles[who], len(index), found, source) for who, found in figures.items()]
    return rows


def verdict(rows: Sequence[Row], metric: str) -> str:
    """Which models the package is better than, worse than, or not told apart from."""
    sign = -1 if metric == "mae" else 1
    said: dict[str, list[str]] = {_("better than"): [], _("not told apart from"): [], _("worse than"): []}
    for row in rows:
        lead = row.figures.get(f"lead_{metric}")
        if lead is None or isinstance(lead, str) or lead["low"] is None or lead["high"] is None:
            continue
        low, high = sorted((sign * lead["low"], sign * lead["high"]))
        title = row.title[:1].lower() + row.title[1:] + (f" ({row.source})" if row.source else "")
        list(said.values())[0 if low > 0 else 2 if high < 0 else 1].append(title)
    parts = [f"{how} {_(' and ').join(names)}" for how, names in said.items() if names]
    return _("By {metric} the package is {parts}.").format(metric=metric_title(metric), parts="; ".join(parts))


def best(rows: Sequence[Row], metric: str) -> str:
    """What the best of the plain models reaches beside the package, in each source."""
    parts = []
    for source in dict.fromkeys(row.source for row in rows):
        own, *others = [value(row, metric) for row in rows if row.source == source]
        top = _("{plain:.3f} (the package {own:.3f})").format(plain=max(others), own=own)
        parts.append(_("{figure} on {source}").format(figure=top, source=source) if source else top)
    return _("{metric} at best {parts}.").format(metric=metric_title(metric), parts="; ".join(parts))


def beside_plain_models(answered: Answered, plains: Sequence[Plain]) -> Section:
    """The package beside models that people would try first: all cases, those of each source among them, and those that
    published figures are of."""
    others = {plain.name: out_of_fold(plain, answered) for plain in plains}
    titles = {"": _("This package"), **{plain.name: plain.title for plain in plains}}
    groups = {"": answered.index} | (answered.sources if len(answered.sources) > 1 else {})
    for name in sorted({s.facts["benchmark"] for s in answered.encoded.samples if "benchmark" in s.facts}):
        part = [i for i in answered.index if answered.encoded.samples[i].facts.get("benchmark") == name]
        groups[_("published {part}").format(part=name)] = np.array(part)
    rows = [
        Row(titles[who], len(index), found, source)
        for source, index in groups.items()
        for who, found in answered.beside(others, index).items()
    ]
    columns: dict[str, str] = {}
    for metric in rows[0].figures:
        if metric in ("auroc", "auroc_macro", "mae", "brier") or (metric.startswith("f1_") and metric != "f1_macro"):
            columns |= {metric: metric_title(metric), f"lead_{metric}": _("Difference")}
    return Section(
        "plain_models",
        _("Beside plain models"),
        verdict([row for row in rows if not row.source], next(iter(columns))),
        _(
            "Each plain model learnt from the same patients and answered the same left-out fifths. Difference: this "
            "package minus the plain model, with its 95 % range over the same resampled patients; where that range "
            "holds 0, the two can't be told apart. A higher AUROC or F1 is better; a lower Brier score is."
        ),
        columns,
        rows,
    )
