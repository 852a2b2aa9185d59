"""Numbers as people read them: true minus, narrow spaces between thousands, whole percents."""

import math

from medcore.i18n import _

NARROW = "\u202f"  # narrow no-break space, between thousands
NBSP = "\u00a0"  # before % and units
MINUS = "\u2212"


def number(value: float | None, decimals: int | None = None, *, signed: bool = False) -> str:
    """With true minus and narrow spaces between thousands; as many decimals as given, else as few as it needs."""
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{abs(value):,.{decimals}f}" if decimals is not None else f"{abs(value):,.6g}"
    zero = not any(c in "123456789" for c in text)
    sign = "" if zero else MINUS if value < 0 else "+" if signed else ""
    return sign + text.replace(",", NARROW)


def percent(share: float | None) -> str:
    """Whole percents; under 1 and over 99 in words."""
    if share is None or not math.isfinite(share):
        return "–"
    if 0 < share < 0.01:
        return _("under {n} %").format(n=1).replace(" %", NBSP + "%")
    if 0.99 < share < 1:
        return _("over {n} %").format(n=99).replace(" %", NBSP + "%")
    return f"{share * 100:.0f}{NBSP}%"


def span(low: float | None, high: float | None, decimals: int | None = None) -> str:
    """ "0.004 to 0.026" """
    return _("{low} to {high}").format(low=number(low, decimals), high=number(high, decimals))
