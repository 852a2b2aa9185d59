"""Whether to believe a map: one line beside the answer, the whole evidence on Explain."""

from typing import TYPE_CHECKING

import streamlit as st

from app.parts import desk, theme
from medcore.checks.maps import map_title
from medcore.explain.health import MEASURES, REASONS, measure_title
from medcore.i18n import _

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from medcore.clinic import AttributionView
    from medcore.clinic.views import Health

EVERY_SECONDS = 2.0


def believed(why: "AttributionView") -> bool:
    """Whether words may rely on the map: it has not failed."""
    return not why.health.failed


def line(health: "Health") -> None:
    """What came out, in a sentence; in two where the map failed."""
    if health.failed:
        theme.warning(_("Don’t rely on this map."), _(REASONS[health.failed[0]]))
    elif health.evidence:
        n = health.evidence.counts["orders"]
        text = _(
            "Passed its checks: it does better than {beaten} of {n} random orders, and comes from what was learnt."
        )
        theme.ticks([(True, text.format(beaten=health.evidence.beaten, n=n), "")])
    elif health.state == "measuring":
        theme.hint(_("Whether to believe this map is being measured."))
    else:
        theme.hint(_("Whether to believe this map was not measured."))


def whole(health: "Health") -> None:
    """Each measure beside its limit, and what a failed one means."""
    line(health)
    evidence = health.evidence
    if evidence is None:
        return
    rows = []
    for name, sign in MEASURES.items():
        value = getattr(evidence, name)
        limit = f"{'≥' if sign > 0 else '≤'} {theme.number(health.limits[name], 2)}"
        shown = "–" if value is None else theme.number(value, 2)
        verdict = _("not measured") if value is None else _("passes")
        rows.append((measure_title(name), shown, limit, _("fails") if name in health.failed else verdict))
    theme.table([_("Measure"), _("This map"), _("Limit"), ""], rows, align="lrrl")
    for name in health.failed[1:]:
        theme.hint(_(REASONS[name]))
    counts = evidence.counts
    theme.hint(
        _("From {orders} random orders in {steps} steps, {samples} samples of parts, {moves} moved inputs.").format(
            **counts
        )
    )


def agreement(whys: "Sequence[AttributionView]") -> None:
    """How far each measured map of a label and the maps of the task's methods put the parts in the same order."""
    known = {why.attribution.method: why.health.evidence for why in whys if why.health.evidence}
    columns = list(dict.fromkeys(name for evidence in known.values() for name in evidence.others))
    if not columns:
        return
    theme.section(_("Agreement between methods"))
    rows = [
        (map_title(name), *("–" if c not in evidence.others else theme.number(evidence.others[c], 2) for c in columns))
        for name, evidence in known.items()
    ]
    heads = [_("Method"), *map(map_title, columns)]
    theme.table(heads, rows, align="l" + "r" * len(columns), label=_("Agreement between methods"), wide=True)
    theme.hint(_("Rank correlation of their parts: 1 is the same order, 0 none, −1 the reverse."))


def truth(package_hash: str) -> None:
    """How well the version's maps find what people marked, method by method, where that is known."""
    found = desk.clinic().truth_scores(package_hash)
    titles = {
        "methods": _("Where people marked what was found"),
        "lungs": _("Within the lungs"),
        "simulated": _("Where simulated cases have it"),
    }
    for key, title in titles.items():
        if key in found:
            theme.section(title)
            rows = [
                (map_title(name), *(theme.percent(scores[k]["value"]) for k in ("pointing", "inside", "iou")))
                for name, scores in found[key].items()
            ]
            theme.table([_("Method"), _("Pointing"), _("Inside"), _("Overlap")], rows, align="lrrr")
            n = next(iter(found[key].values()))["n"]
            theme.hint(_("{n} left-out cases of this version; the card has the ranges.").format(n=n))


def watch(why: "AttributionView", kept: "Mapping[str, object]") -> None:
    """Runs the page again as soon as the worker has measured the map. kept: what that run finds in the session."""
    if why.health.state == "measuring":
        desk.fragment(_look, run_every=EVERY_SECONDS)(why.id, kept)


def _look(attribution_id: int, kept: "Mapping[str, object]") -> None:
    if desk.clinic().health(desk.user(), attribution_id).state != "measuring":
        st.session_state.update(kept)
        st.rerun()
