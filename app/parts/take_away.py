"""Buttons by which a file leaves: it is made at the click, never when the page is drawn."""

import contextvars
from collections.abc import Callable

import streamlit as st

from app.parts import desk, theme
from medcore.clinic import Export, User
from medcore.i18n import _


def exports(user: User, case_id: int, task: str) -> None:
    """What this user may take away of a case, behind one quiet button; nothing where they may take nothing."""
    offers = desk.clinic().offers(user, case_id, task)
    if not offers:
        return
    with st.popover(_("Export"), icon=":material/ios_share:", type="tertiary"):
        theme.hint(_("Under the pseudonym, without comments. Each export is written to the audit."))
        for offer in offers:
            button(
                offer.title,
                lambda form=offer.form: desk.clinic().export(user, case_id, task, form),
                offer.name,
                offer.media_type,
                key=f"export-{offer.form}",
                refusal=str(offer.refusal or ""),
            )


def button(title: str, make: Callable[[], Export], name: str, media_type: str, *, key: str, refusal: str = "") -> None:
    """One file. refusal: why it can't be had, as the button's hint."""
    language = contextvars.copy_context()  # the click is answered in a thread that knows nothing of the page
    st.download_button(
        title,
        data=lambda: language.copy().run(make).data,
        file_name=name,
        mime=media_type,
        on_click="ignore",
        icon=":material/download:",
        key=key,
        disabled=bool(refusal),
        help=refusal or None,
    )
    if refusal:
        theme.hint(refusal)
