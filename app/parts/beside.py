"""Another case of the same patient beside the one that is open: chosen on the page, kept in the address."""

import streamlit as st

from app.parts import address, desk, words
from medcore.clinic import CaseRow, CaseView, User
from medcore.i18n import _


def choose(view: CaseView, user: User) -> CaseView | None:
    """The case to show beside `view`, which counts as opened; None where none is chosen, or the patient has no other
    of this kind."""
    clinic = desk.clinic()
    others = {row.id: row for row in clinic.same_patient(user, view.row.id)}
    picked: int | None = None
    if others:
        asked = address.number("compare")
        picked = st.selectbox(
            _("Compare with"),
            list(others),
            index=list(others).index(asked) if asked in others else None,
            format_func=lambda i: named(others[i]),
            placeholder=_("Compare with another case of this patient ({n})").format(n=len(others)),
            key=f"compare-{view.row.id}",
            label_visibility="collapsed",
            width=420,
        )
    address.keep("compare", picked)
    return clinic.open_case(user, picked) if picked else None


def named(row: CaseRow) -> str:
    """ "FILM-0002, 63 y, received 3 Nov 2026, 08:14" """
    received = _("received {when}").format(when=words.clock(row.received))
    return ", ".join(part for part in (row.number, words.years(row.age_years), received) if part)
