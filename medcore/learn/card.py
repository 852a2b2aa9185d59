"""The model card of a package, in Markdown (after Mitchell et al., FAT* 2019)."""

from collections.abc import Mapping, Sequence
from typing import Any

from medcore.i18n import _, retold
from medcore.learn.decision import decided
from medcore.tasks import Task


def metric_title(name: str) -> str:
    """A metric as people say it; those of one label or one field keep that behind a comma."""
    known = {
        "auroc": _("AUROC"),
        "auroc_macro": _("AUROC, mean of labels"),
        "auprc": _("Average precision"),
        "accuracy": _("Accuracy"),
        "balanced_accuracy": _("Balanced accuracy"),
        "f1_macro": _("F1, mean of labels"),
        "brier": _("Brier score"),
        "ece": _("Calibration error"),
        "mae": _("Mean absolute error"),
        "dice": _("Dice, mean of patients"),
        "dice_median": _("Dice, median of patients"),
        "precision": _("Precision of voxels, mean of patients"),
        "recall": _("Recall of voxels, mean of patients"),
    }
    stem, _rest, of = name.partition("_")
    return known.get(name) or f"{known.get(stem, stem.upper())}, {of.replace('_', ' ')}"


def interval(value: Mapping[str, Any] | None, digits: int = 3) -> str:
    """A figure as "0.821 (0.810 to 0.832)"; a dash where undefined."""
    if value is None:
        return "–"

    def number(x: float) -> str:
        return f"{round(x, digits) + 0.0:.{digits}f}".replace("-", "−")  # adding 0 makes −0 plain 0

    low, high = value.get("low"), value.get("high")
    if low is None or high is None:
        return number(value["value"])
    return _("{value} ({low} to {high})").format(value=number(value["value"]), low=number(low), high=number(high))


def table(rows: Sequence[Sequence[str]], heads: Sequence[str]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def card(task: Task, about: dict[str, Any], checks: dict[str, Any] | None = None) -> str:
    """The card of a package that `about` (package.json less weights) describes, with its checks where there are."""
    report = about["report"]
    sources = report["by_source"]
    heads = [_("Measure"), _("All"), *sources]
    rows = [
        [metric_title(name), interval(value), *(interval(sources[s].get(name)) for s in sources)]
        for name, value in report["metrics"].items()
    ]
    data = ", ".join(_("{name} ({n:,} cases)").format(name=name, n=n) for name, n in sorted(about["data"].items()))
    parts = [
        f"# {_(task.title)} {about['version']}",
        _(task.question),
        "**" + _("For:") + f"** {_(task.intended_use)}",
        "**" + _("Not for:") + f"** {_(task.not_for)}",
        _("Research, teaching and demonstration only. Not a medical device."),
        "## " + _("Figures on patients never trained on"),
        _(
            "{n} cases, each answered by the net that never saw the patient. "
            "In brackets the 95 % range over resampled patients."
        ).format(n=f"{report['n']:,}"),
        table(rows, heads),
        *_decision(task, decided(report, checks)),
        *(part for section in (checks or {"sections": []})["sections"] for part in _section(section)),
        "## " + _("How it was made"),
        _("Data: {data}. Made {day} on {device}, seed {seed}. Recipe: {recipe}.").format(
            data=data,
            day=about["made"][:10],
            device=about["device"],
            seed=about["seed"],
            recipe=", ".join(f"{k} {v:g}" for k, v in about["recipe"].items()),
        )
        + " "
        + _how_cut(task),
    ]
    if task.limits:
        parts += ["## " + _("Limits"), "\n".join(f"- {_(text)}" for text in task.limits)]
    return "\n\n".join(parts) + "\n"


def _how_cut(task: Task) -> str:
    """Where calibration and cuts come from."""
    if task.grid:
        return _(
            "Calibrated out of fold. The cuts are fixed: marked is what reaches {voxel:.0f} %, and a label is there "
            "where its likeliest part reaches half."
        ).format(voxel=100 * task.grid[1].cut)
    if task.outcome.kind == "multiclass":
        return _("Calibrated out of fold. No cut: the most probable is said.")
    if task.outcome.kind == "regression":
        return _("Calibrated out of fold.")
    return _("Calibrated out of fold; thresholds chosen out of fold (largest sensitivity + specificity).")


def group_title(group: str, value: str) -> str:
    """A group of patients as people say it."""
    if group == "age":
        low, _to, high = value.partition("-")
        return (
            _("{low} to {high} years").format(low=low, high=high) if high else _("{n} years or more").format(n=low[:-1])
        )
    if group == "sex":
        return {"F": _("Women and girls"), "M": _("Men and boys")}.get(value, value)
    return _("View {view}").format(view=value) if group == "view" else _("From {source}").format(source=value)


def _decision(task: Task, found: Mapping[str, Any]) -> list[str]:
    """What the cut and the exclusion come to, and for whom: `medcore.learn.decision`."""
    groups = [
        [group_title(group, value), f"{g['n']:,}", metric_title(g["metric"]), interval(g["figure"])]
        for group, values in found.get("groups", {}).items()
        for value, g in values.items()
    ]
    by_group = ["## " + _("By group of patients"), table(groups, ["", _("n"), _("Measure"), _("Value")])]
    return [*_cuts(task, found), *(by_group if groups else [])]


def _cuts(task: Task, found: Mapping[str, Any]) -> list[str]:
    if "labels" not in found:
        return []
    titles = {c.name: _(c.title) for c in task.outcome.choices}
    cuts = [
        [
            titles[name],
            _("the most probable") if r["threshold"] is None else f"{100 * r['threshold']:.0f} %",
            interval(r["sensitivity"]),
            interval(r["specificity"]),
            f"{r['n_with']:,}",
            f"{r['n_without']:,}",
        ]
        for name, r in found["labels"].items()
    ]
    kept = [[titles[name], interval(figure)] for name, figure in found["coverage"].items()]
    return [
        "## " + _("What the cut means"),
        table(cuts, ["", _("Said from"), _("Sensitivity"), _("Specificity"), _("n with"), _("n without")]),
        "## " + _("What can be excluded"),
        _(
            "A label is excluded where 95 of 100 patients who have it score higher. Measured on each fifth of the "
            "patients by the cuts of the others: how many who have it keep it. Of all cases, {share:.0f} % keep a "
            "single label."
        ).format(share=100 * found["single"]),
        table(kept, ["", _("Keep it")]),
    ]


def _section(section: dict[str, Any]) -> list[str]:
    """Heading, finding, text and table of a check, as checks.json holds it."""
    rows, columns = section["rows"], section["columns"]
    by_source = any(row["source"] for row in rows)
    heads = ["", *([_("Source")] if by_source else []), _("n"), *map(retold, columns.values())]
    cells = [
        [
            retold(row["title"]),
            *([row["source"] or "–"] if by_source else []),
            f"{row['n']:,}",
            *(v if isinstance(v := row["figures"].get(key), str) else interval(v) for key in columns),
        ]
        for row in rows
    ]
    title, finding, text = (retold(section[part]) for part in ("title", "finding", "text"))
    return [f"## {title}", f"**{finding}** {text}", table(cells, heads)]
