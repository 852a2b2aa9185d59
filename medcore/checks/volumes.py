"""Volumes: what becomes of answers when a sequence is missing, and of small findings."""

import numpy as np

from medcore.checks.answered import Answered, Row, Section, change, leading, value, without
from medcore.i18n import _
from medcore.inputs import VolumeField
from medcore.learn.card import metric_title


def left_out(answered: Answered, name: str, field: VolumeField) -> Section:
    """Each sequence left out, and all but the leading one; of the cases that have them all."""
    at = 2 * list(answered.package.task.fields).index(name)
    whole = np.array([bool(answered.encoded.items[i][at + 1].min() > 0) for i in answered.index])
    index = answered.index[whole]
    others = [i for i in range(len(field.sequences)) if i != field.leading]
    sets = [[i] for i in range(len(field.sequences))] + ([others] if len(others) > 1 else [])
    titles = [", ".join(_(field.sequences[i][0]) for i in those) for those in sets]
    found = answered.beside(
        {title: without(answered, name, those, index) for title, those in zip(titles, sets, strict=True)}, index
    )
    metric = leading(found[""])
    rows = [Row(_("All sequences"), len(index), {metric: found[""][metric]})]
    for title in titles:
        figures = {metric: found[title][metric], "change": change(found[title][f"lead_{metric}"])}
        rows.append(Row(_("Without {names}").format(names=title), len(index), figures))
    most = max(rows[1:], key=lambda row: np.nan_to_num(abs(value(row, "change"))))
    return Section(
        "sequences",
        _("When a sequence is missing"),
        _("{metric} {figure:.3f} with all; it moves most, to {worst:.3f}: {which}.").format(
            metric=metric_title(metric),
            figure=value(rows[0], metric),
            worst=value(most, metric),
            which=most.title[:1].lower() + most.title[1:],
        ),
        _("The same nets on the same left-out patients, with sequences masked out that these patients have."),
        {metric: metric_title(metric), "change": _("Change")},
        rows,
    )


def by_size(answered: Answered, groups: int = 3) -> Section:
    """Groups of equal count by how much people marked."""
    size = answered.encoded.truth[answered.index].sum(1)
    names = (_("Smallest third"), _("Middle third"), _("Largest third"))
    rows, metric = [], ""
    for title, part in zip(names, np.array_split(np.argsort(size, kind="stable"), groups), strict=True):
        found = answered.metrics(answered.probabilities, answered.index[part])
        metric = leading(found)
        rows.append(Row(title, len(part), {metric: found[metric]}))
    return Section(
        "by_size",
        _("Small and large findings"),
        _("{metric} {small:.3f} in the smallest third, {large:.3f} in the largest.").format(
            metric=metric_title(metric), small=value(rows[0], metric), large=value(rows[-1], metric)
        ),
        _("Patients in three groups by the voxels that people marked: the edge weighs more where there is little."),
        {metric: metric_title(metric)},
        rows,
    )


def check(answered: Answered, name: str, field: VolumeField) -> list[Section]:
    """Sequences left out; where a mask is asked for, findings by size."""
    out = [left_out(answered, name, field)]
    return [*out, by_size(answered)] if answered.outcome.on == name else out
