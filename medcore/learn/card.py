"""The model card of a package, in Markdown (after Mitchell et al., FAT* 2019)."""

from typing import Any

from medcore.tasks import Task


def interval(value: dict[str, float] | None, digits: int = 3) -> str:
    """A metric as "0.821 (0.810 to 0.832)"; a dash where undefined."""
    if value is None:
        return "–"
    low, high = value.get("low"), value.get("high")
    return f"{value['value']:.{digits}f}" + (f" ({low:.{digits}f} to {high:.{digits}f})" if low is not None else "")


def table(rows: list[list[str]], heads: list[str]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def card(task: Task, about: dict[str, Any]) -> str:
    """The card of a package that `about` (package.json less weights) describes."""
    report = about["report"]
    sources = report["by_source"]
    heads = ["Metric", "All", *sources]
    rows = [
        [name, interval(value), *(interval(sources[s].get(name)) for s in sources)]
        for name, value in report["metrics"].items()
    ]
    data = ", ".join(f"{name} ({n} cases)" for name, n in sorted(about["data"].items()))
    parts = [
        f"# {task.title} {about['version']}",
        task.question,
        f"**For:** {task.intended_use}",
        f"**Not for:** {task.not_for}",
        "Research, teaching and demonstration only. Not a medical device.",
        "## Figures on patients never trained on",
        f"{report['n']} cases, each answered by the net that never saw the patient. "
        "In brackets the 95 % range over resampled patients.",
        table(rows, heads),
        *_also(report.get("also", {})),
        "## How it was made",
        f"Data: {data}. Made {about['made'][:10]} on {about['device']}, seed {about['seed']}. "
        f"Recipe: {', '.join(f'{k} {v:g}' for k, v in about['recipe'].items())}. "
        "Calibrated out of fold; thresholds chosen out of fold "
        "(largest sensitivity + specificity for yes-or-no labels).",
    ]
    if task.limits:
        parts += ["## Limits", "\n".join(f"- {text}" for text in task.limits)]
    return "\n\n".join(parts) + "\n"


def _also(also: dict[str, Any]) -> list[str]:
    """Further sections: title → rows of {name: value or metric}, or a sentence."""
    out = []
    for title, content in also.items():
        out.append(f"### {title}")
        if isinstance(content, str):
            out.append(content)
            continue
        names = list(dict.fromkeys(k for row in content.values() for k in row))
        cells = [
            [label, *(interval(row[k]) if isinstance(row.get(k), dict) else str(row.get(k, "–")) for k in names)]
            for label, row in content.items()
        ]
        out.append(table(cells, ["", *names]))
    return out
