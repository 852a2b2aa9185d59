"""The frame round every page: navigation, theme, language, who is signed in."""

import streamlit as st

from app.door import other_languages
from app.parts import care, desk, presence, theme
from medcore.i18n import _

desk.listen()
theme.page()

chosen = st.navigation(
    [
        st.Page("../pages/worklist.py", title=_("Worklist"), default=True),
        st.Page("../pages/new_case.py", title=_("New case"), url_path="new_case"),
        st.Page("../pages/case.py", title=_("Case"), url_path="case"),
        st.Page("../pages/explain.py", title=_("Explain"), url_path="explain"),
        st.Page("../pages/train.py", title=_("Train"), url_path="train"),
        st.Page("../pages/models.py", title=_("Models"), url_path="models"),
        st.Page("../pages/readers.py", title=_("Readers"), url_path="readers"),
        st.Page("../pages/about.py", title=_("About"), url_path="about"),
    ],
    position="top",
)

who = desk.user()
presence.here(who.name, None)  # the page of a case says otherwise
with st.container(key="who"):
    theme.html(
        f"{other_languages()}"
        f'<a class="soft" href="/login" target="_self" title="{theme.e(_("Change user or sign out"))}">'
        f'<span class="nm">{theme.e(who.name)}</span> {theme.icon("account_circle")}</a>'
    )
with care.guarded():
    chosen.run()
