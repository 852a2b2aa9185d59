"""A record as a table: value, unit, usual range, and how far each value moved the answer. Styled spans, no script."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from app.parts import theme
from app.parts.theme import Html, e, number
from medcore.i18n import N_, _
from medcore.inputs import Column
from medcore.inputs.record import Value

SHOWN = 12


def _decimals(value: float) -> int:
    """As many as a clinician reads: none from 1000, one from 10, two from 1, three below."""
    size = abs(value)
    return 0 if size >= 1000 else 1 if size >= 10 else 2 if size >= 1 else 3


def value_text(column: Column, value: Value) -> str:
    """A value without its unit."""
    if value is None:
        return _("not measured")
    if isinstance(value, str):
        word = _(value)
        return word[:1].upper() + word[1:]
    if column.unit == "0/1":
        return _("Yes") if value else _("No")
    return number(round(value, _decimals(value)))


SINGULAR = {"days": N_("day"), "years": N_("year")}


def _value(column: Column, value: Value) -> str:
    if value is None:
        return f'<span class="miss">{e(value_text(column, value))}</span>'
    known = SINGULAR.get(column.unit, column.unit) if value == 1 else column.unit
    unit = f"({column.unit})" if "–" in column.unit else _(known)
    bare = isinstance(value, str) or column.unit in ("", "count", "0/1")
    return f"<b>{e(value_text(column, value))}</b>" + ("" if bare else f' <span class="soft">{e(unit)}</span>')


def _change(column: Column, value: Value, before: Value) -> str:
    """What became of the value since the patient's last record: the difference, or what it was."""
    if before is None:
        return "" if value is None else _("new")
    if isinstance(value, int | float) and isinstance(before, int | float) and column.unit != "0/1":
        moved = round(value - before, max(_decimals(value), _decimals(before)))
        return number(moved, signed=True) if moved else _("same")
    return _("same") if value == before else _("was {value}").format(value=value_text(column, before))


def _range(column: Column, value: Value) -> str:
    """The usual range as a box on an axis; a dot inside it, a diamond outside."""
    if column.usual is None or isinstance(value, str):
        return ""
    low, high = column.usual
    span = (high - low) or 1.0
    left, right = low - 1.3 * span, high + 1.3 * span
    if low >= 0:
        left = max(0.0, left)

    def at(x: float) -> float:
        return min(98.0, max(2.0, 100 * (x - left) / (right - left)))

    mark, words = "", _("usual {range}").format(range=theme.span(low, high))
    if value is not None:
        inside = low <= value <= high
        mark = f'<i class="{"in" if inside else "out"}" style="left:{at(value):.1f}%"></i>'
        words += ", " + (_("inside") if inside else _("outside"))
    box = f'<i class="box2" style="left:{at(low):.1f}%;width:{at(high) - at(low):.1f}%"></i>'
    return f'<span class="rng" role="img" aria-label="{e(words)}"><i class="axis"></i>{box}{mark}</span>'


def _sum(points: float, most: float) -> str:
    side = "up" if points >= 0 else "down"
    bar = f'<i class="{side}" style="width:{48 * abs(points) / most:.1f}%"></i>' if points else ""
    return f'<span class="sums" aria-hidden="true"><i class="zero"></i>{bar}</span>'


def _row(column: Column, value: Value, points: float | None, most: float, change: str | None, more: bool) -> str:
    moved = (
        f'<td class="sum">{_sum(points, most)}</td><td class="r">{number(points, 1, signed=True)}</td>'
        if points is not None
        else ""
    )
    since, beneath, kind = "", "", ' class="more"' if more else ""
    if change is not None:  # beneath the value where the screen has no room for a column
        since = f'<td class="chg">{e(change)}</td>'
        beneath = f'<span class="chg">{e(change)}</span>'
    return (
        f'<tr{kind}><th scope="row">{e(_(column.title))}</th><td class="v">{_value(column, value)}{beneath}</td>{since}'
        f'<td class="range">{_range(column, value)}</td>{moved}</tr>'
    )


def _order(columns: Sequence[Column], values: Mapping[str, Value], points: Sequence[float] | None) -> list[int]:
    """Before the answer: measured values in the order of the columns. After: what moved it most, raising first."""
    every = range(len(columns))
    if points is None:
        return sorted(every, key=lambda i: values.get(columns[i].name) is None)
    return sorted(every, key=lambda i: -abs(points[i]))


def record_table(
    columns: Sequence[Column],
    values: Mapping[str, Value],
    points: Sequence[float] | None = None,
    *,
    base: float | None = None,
    before: Mapping[str, Value] | None = None,
    before_from: str = "",
    grey: bool = False,
) -> None:
    """The record's values in the order in which they matter.

    points: how far each column moved the answer, in points of 100 (None before the read is locked)
    base: the answer that the points start from, 0 to 1
    before: values of the patient's last record, if there is one; before_from: its case's number
    grey: the points are not to be relied on, and drawn in greys
    """
    order = _order(columns, values, points)
    first = set(order[: SHOWN if points is not None else SHOWN + 6])
    if points is not None:
        order = sorted(order, key=lambda i: (points[i] < 0, -abs(points[i])))
    most = max((abs(p) for p in points), default=0.0) if points is not None else 0.0
    rows = ""
    for i in order:
        column, moves = columns[i], None if points is None else float(points[i])
        value = values.get(column.name)
        change = None if before is None else _change(column, value, before.get(column.name))
        rows += _row(column, value, moves, most or 1.0, change, i not in first)
    halves = f'<span class="halves"><span>{e(_("lowers risk"))}</span><span>{e(_("raises risk"))}</span></span>'
    moved = f'<th class="sum">{halves}</th><th class="r">{e(_("Points"))}</th>' if points is not None else ""
    usual = f'<th class="range">{e(_("Against the usual range"))}</th>'
    named = "" if before is None else e(_("Since {number}").format(number=before_from))
    since, beneath = (f'<th class="chg">{named}</th>', f'<span class="chg">{named}</span>') if named else ("", "")
    head = f'<th>{e(_("Value"))}</th><th class="v">{e(_("This patient"))}{beneath}</th>{since}{usual}'
    look = ("rec grey" if grey else "rec") if points is not None else "rec plain"
    theme.html(
        f'<table class="{look}" aria-label="{e(_("Values of this patient"))}"><thead><tr>{head}{moved}</tr></thead>'
        f'<tbody>{rows}</tbody></table><div class="two">{_foot(points, first, base)}</div>{_all(order, first)}'
    )


def _all(order: Sequence[int], first: AbstractSet[int]) -> Html:
    """The control that shows the other values too. The style sheet does it: no script, and the server isn't asked."""
    title = _("Show all {n} values").format(n=len(order))
    return Html(f'<details class="all"><summary>{e(title)}</summary></details>' if len(order) > len(first) else "")


def _foot(points: Sequence[float] | None, first: AbstractSet[int], base: float | None) -> Html:
    signs = _("Box: usual range. Diamond: outside it.")
    if points is None:
        return Html(f"<span></span><span>{e(signs)}</span>")
    top = sum(float(points[i]) for i in first)
    rest = sum(float(p) for p in points) - top
    story = _("The {n} that count most move it by {top} points; the other {m} by {rest}.").format(
        n=len(first), top=number(top, 1, signed=True), m=len(points) - len(first), rest=number(rest, 1, signed=True)
    )
    if base is not None:
        start = _("Start: {n} in 100, the answer to the values it is compared with.")
        story = f"{start.format(n=round(100 * base))} {story}"
    return Html(f"<span>{e(story)}</span><span>{e(signs)} {e(_('Points: share of 100.'))}</span>")
