"""About: what this is for and not for, its limits, its versions, and one's own settings."""

import platform
from importlib.metadata import PackageNotFoundError, version

import streamlit as st

from app.parts import care, desk, theme, words
from app.parts.theme import Html, e
from medcore import __version__
from medcore.i18n import _
from medcore.tasks import all_tasks

LIBRARIES = ("torch", "captum", "numpy", "scipy", "pydicom", "streamlit", "sqlalchemy")


def purpose() -> None:
    theme.section(_("For"))
    text = _(
        "Research, teaching and demonstration: what a network says of a record, a film or an ECG, how sure it is, and "
        "why; beside a reader who has said so first."
    )
    theme.html(f"<p>{e(text)}</p>")
    theme.section(_("Not for"))
    theme.html(
        f"<p>{e(_('Diagnosis, treatment, triage or monitoring of any patient. It is not a medical device.'))}</p>"
    )
    theme.section(_("Limits"))
    theme.ticks(
        [
            (False, _("Each model knows only what its data held; its card says what that was."), ""),
            (False, _("A probability is right on average over cases like those that it was calibrated on."), ""),
            (False, _("Attention shows what moved a score. It is not an outline of disease, nor a cause."), ""),
            (False, _("De-identification takes out what names somebody; text burnt into a picture stays."), ""),
        ]
    )


def models() -> None:
    theme.section(_("Models"))
    rows = []
    for name, task in all_tasks().items():
        in_use = clinic.answering(name)
        answers = in_use.package if in_use else _("No version answers yet")
        rows.append(
            (
                Html(f'{e(_(task.title))}<span class="small">{e(answers)}</span>'),
                Html(f'{e(_(task.intended_use))}<span class="small">{e(_("Not for: "))}{e(_(task.not_for))}</span>'),
            )
        )
    theme.table([_("Task"), _("For")], rows, label=_("Models"))


def me() -> None:
    theme.section(_("You"))
    theme.facts({_("Signed in as"): user.name, _("Role"): words.roles()[user.role]})
    on = st.toggle(
        _("Read first"),
        value=user.read_first,
        help=_("Answers stay hidden, and are not sent to the browser, until your own read is locked."),
        key="read-first",
    )
    if on != user.read_first:
        clinic.set_read_first(user, on)
        st.rerun()
    theme.hint(
        _("Answers stay hidden until you have locked your own read.")
        if on
        else _("Answers are shown at once. Readers who read first are less led by the model.")
    )
    theme.html(f'<p><a href="/login" target="_self">{e(_("Change user or sign out"))}</a></p>')


def accounts() -> None:
    """For administrators: who may sign in."""
    theme.section(_("Accounts"))
    rows = [(u.name, words.roles()[u.role], _("yes") if u.password else _("no")) for u in clinic.users()]
    theme.table([_("Name"), _("Role"), _("Password")], rows, label=_("Accounts"))
    with st.form("account", border=False, clear_on_submit=True):
        left, middle, right = st.columns(3, gap="small")
        name = left.text_input(_("Name"))
        role = middle.selectbox(_("Role"), list(words.roles()), format_func=words.roles().__getitem__)
        password = right.text_input(_("Password"), type="password", autocomplete="new-password")
        if st.form_submit_button(_("Add account")):
            clinic.add_user(user, name, role, password)
            st.rerun()


def versions() -> None:
    theme.section(_("Versions"))
    rows = [(_("Review desk"), __version__), ("Python", platform.python_version())]
    for name in LIBRARIES:
        try:
            rows.append((name, version(name)))
        except PackageNotFoundError:
            continue
    theme.table([_("Part"), _("Version")], rows, align="lr", label=_("Versions"))


clinic, user = desk.clinic(), desk.user()
theme.title(_("About"), right=theme.chip(_("Research use only. Not a diagnosis."), "warning"))
left, right = st.columns([2.36, 1], gap="small")
with left, theme.panel("purpose"), care.guarded():
    purpose()
    models()
with right:
    with theme.panel("me"), care.guarded():
        me()
        if user.role == "admin":
            accounts()
    with theme.panel("versions"), care.guarded():
        versions()
