"""Records: the models that people try first on a table."""

import numpy as np

from medcore.checks.answered import Answered, Section
from medcore.checks.plain import Plain, beside_plain_models
from medcore.i18n import _
from medcore.inputs import RecordField


def table(field: RecordField, x: np.ndarray) -> tuple[np.ndarray, list[bool]]:
    """(n, columns) with a code for each category, from encoded records (n, slots) with NaN where absent; and which
    columns are categories."""
    owners = [name for name, _choice in field.slots]
    out = np.empty((len(x), len(field.columns)))
    for i, column in enumerate(field.columns):
        at = [j for j, owner in enumerate(owners) if owner == column.name]
        if not column.choices:
            out[:, i] = x[:, at[0]]
            continue
        known = np.isfinite(x[:, at]).all(1) & (x[:, at].sum(1) > 0)
        out[:, i] = np.where(known, np.nan_to_num(x[:, at]).argmax(1), np.nan)
    return out, [bool(c.choices) for c in field.columns]


def check(answered: Answered, name: str, field: RecordField) -> list[Section]:
    """The package beside boosted trees and a logistic regression on the same values."""
    at = 2 * list(answered.package.task.fields).index(name)
    items = answered.encoded.items
    x = np.stack([item[at].numpy() for item in items]).astype(float)
    x[np.stack([item[at + 1].numpy() for item in items]) < 0.5] = np.nan
    columns, categories = table(field, x)
    plains = [
        Plain("gradient_boosting", _("Gradient boosting"), columns, "boosting", categories),
        Plain("linear", _("Logistic regression"), x, "linear"),
    ]
    return [beside_plain_models(answered, plains)]
