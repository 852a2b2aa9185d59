"""Another case of the same patient beside the one that is open: chosen on the page, kept in the address."""

import streamlit as st

from app.parts import address, desk, words
from medcore.clinic import CaseRow, CaseView, User
from medcore.i18n import _


def chosen(view: CaseView, user: User, others: tuple[CaseRow, ...]) -> CaseView | None:
    """The case to show beside `view`, which counts as opened; None where none of `others` is chosen."""
    wish = st.session_state.get(_key(view), address.number("compare"))
    picked = wish if wish in {row.id for row in others} else None
    address.keep("compare", picked)
    return desk.clinic().open_case(user, picked) if picked else None


def offer(view: CaseView, others: tuple[CaseRow, ...], other: CaseView | None) -> None:
    """The control by which one of the patient's other cases of this kind is chosen, or none again."""
    if not others:
        return
    by_id = {row.id: row for row in others}
    st.selectbox(
        _("Compare with"),
        list(by_id),
        index=list(by_id).index(other.row.id) if other else None,
        format_func=lambda i: named(by_id[i]),
        placeholder=_("Compare with another case of this patient ({n})").format(n=len(others)),
        key=_key(view),
        label_visibility="collapsed",
        width=420,
    )


def named(row: CaseRow) -> str:
    """ "FILM-0002, 63 y, received 3 Nov 2026, 08:14"; a made-up one says so."""
    received = _("received {when}").format(when=words.clock(row.received))
    simulated = _("Simulated") if row.simulated else ""
    return ", ".join(part for part in (row.number, words.years(row.age_years), received, simulated) if part)


def _key(view: CaseView) -> str:
    return f"compare-{view.row.id}"
