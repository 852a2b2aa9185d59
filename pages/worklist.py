"""The worklist: what there is to read, found, filtered, sorted and paged in the database."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial

import pandas as pd
import streamlit as st

from app.parts import address, answer, care, desk, drafts, presence, take_away, theme, words
from app.parts.theme import Html, e
from medcore.clinic import CaseRow, Page
from medcore.errors import Refused
from medcore.i18n import _
from medcore.tasks import all_tasks

PER_PAGE = 25
ALL = "all"
CASE = "../pages/case.py"
NEW = "../pages/new_case.py"
# The tinted grounds of LOOK.md, dark and light: yours to do, open, done, set aside.
GROUNDS = {
    True: {"to_read": "#1D4B47", "read": "#4A421F", "reviewed": "#232B30", "unanswerable": "#39424A"},
    False: {"to_read": "#CDE9E7", "read": "#F7EAB5", "reviewed": "#EBEFF1", "unanswerable": "#DDE3E6"},
}


def sorts() -> dict[str, tuple[str, bool]]:
    """What the list can be ordered by: label, and whether that runs downwards."""
    return {
        "newest": (_("Newest first"), True),
        "oldest": (_("Oldest first"), False),
        "number": (_("Case number"), False),
        "kind": (_("Kind"), False),
        "patient": (_("Patient"), False),
        "age": (_("Age"), True),
        "state": (_("State"), True),
        **({} if user.read_first else {"urgency": (_("Urgency"), True), "uncertainty": (_("Uncertainty"), True)}),
    }


def heads() -> dict[str, str]:
    """Column heads, in the order of the columns."""
    return {
        "case": _("Case"),
        "state": _("State"),
        "open": _("Open now"),
        "question": _("Question"),
        "kind": _("Kind"),
        "patient": _("Patient"),
        "who": _("Age, sex"),
        "received": _("Received"),
        "says": _("Model, after read"),
        "score": _("Score"),
        "outcome": _("Outcome"),
        "source": _("Source"),
    }


def counted(page: Page) -> list[Html]:
    """ "9 to read  2 read …" """
    return [
        Html(f"<strong>{theme.number(page.counts.get(state, 0))}</strong> {e(text.lower())}")
        for state, text in words.states().items()
        if state != "unanswerable" or page.counts.get(state)
    ]


def said(row: CaseRow) -> str:
    """What the model said, once this user may know."""
    task = all_tasks().get(row.task or "")
    return answer.words_for(task.outcome, row.choice, settled=True) if task and row.score is not None else ""


def line(row: CaseRow, reading: Mapping[int, Sequence[str]]) -> dict[str, object]:
    """A case as a row of the table. reading: who has which case open."""
    return {
        "case": row.number,
        "state": [words.states()[row.state]],
        "open": ", ".join(reading.get(row.id, ())),
        "question": row.title,
        "kind": words.kinds().get(row.kind, row.kind),
        "patient": row.patient,
        "who": words.age_sex(row),
        "received": words.since(row.received),
        "says": said(row),
        "score": None if row.score is None else min(99.0, max(1.0, 100 * row.score)),
        "outcome": {"agrees": _("Confirmed"), "differs": _("Corrected")}.get(row.outcome, ""),
        "source": _("Simulated") if row.simulated else words.sources().get(row.source, row.source),
    }


def open_case(case_id: int) -> None:
    st.switch_page(CASE, query_params={"case": str(case_id)})


def to_first_page() -> None:
    st.session_state["page"] = 1


def sort_by_head(key: str) -> None:
    """A click on a head orders the whole list by it, not only what is shown."""
    picked = st.session_state[key].selection.columns
    now, by = st.session_state.get("sort"), {"received": "newest", "case": "number", "who": "age"}
    wished = next((by.get(name, name) for name in picked), None)
    if picked:
        st.session_state["turn"] = st.session_state.get("turn", 0) + 1  # a new table, in which no column is marked
    if wished in sorts():
        st.session_state["sort"] = "oldest" if wished == "newest" == now else wished
        to_first_page()


def table(page: Page) -> None:
    """The cases of this page; a ticked row opens."""
    state = words.states()
    grounds = GROUNDS[theme.dark()]
    config = {name: st.column_config.TextColumn(head) for name, head in heads().items()}
    config["case"] = st.column_config.TextColumn(heads()["case"], width=92)
    config["state"] = st.column_config.MultiselectColumn(
        heads()["state"], options=list(state.values()), color=[grounds[s] for s in state], width=118
    )
    config["question"] = st.column_config.TextColumn(heads()["question"], width=250)
    config["score"] = st.column_config.ProgressColumn(
        heads()["score"],
        format="%.0f %%",
        min_value=0,
        max_value=100,
        color="violet",
        width=120,
        help=_("Calibrated probability of what was said, or of the finding where that was said to be absent"),
    )
    key = f"cases-{st.session_state.get('turn', 0)}"
    reading = presence.reading()
    shown = [h for h in heads() if h != "open" or any(r.id in reading for r in page.rows)]
    event = st.dataframe(
        pd.DataFrame([line(r, reading) for r in page.rows], columns=shown),
        key=key,
        hide_index=True,
        row_height=33,
        height="content",
        column_config=config,
        placeholder="",
        on_select=partial(sort_by_head, key),
        selection_mode=["single-row", "single-column"],
        alt=_("Cases of this page, {n} of {total}").format(n=len(page.rows), total=page.total),
    )
    if event.selection.rows:
        open_case(page.rows[event.selection.rows[0]].id)


def beneath(page: Page, matching: Mapping[str, str]) -> None:
    """The same cases for the keyboard and for narrow screens, the way to the other pages, and the list as a file.

    matching: what the list was filtered by
    """
    rows = {r.id: r for r in page.rows}
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(width="stretch"):
            theme.hint(
                _(
                    "The model’s score stays hidden until a case has been read, and chooses no order for who reads "
                    "first. Tick a row to open it, or press a head to sort by it."
                )
            )
        chosen = st.selectbox(
            _("Open case"),
            list(rows),
            index=None,
            format_func=lambda i: f"{rows[i].number}, {words.states()[rows[i].state].lower()}: {rows[i].title}",
            placeholder=_("Open case…"),
            label_visibility="collapsed",
            key="chosen",
            width=260,
        )
        if page.pages > 1:
            st.pagination(page.pages, key="page", bind="query-params")
        if cohort := clinic.cohort_offer(user):
            make = partial(clinic.export_cohort, user, **matching)
            take_away.button(cohort.title, make, cohort.name, cohort.media_type, key="cohort")
    if chosen is not None:
        open_case(chosen)


def score_waiting() -> None:
    """For an order by the machine: have it answer the cases that it hasn't. Stop keeps what was answered."""
    waiting = clinic.unanswered(user)
    if not waiting:
        return
    n = len(waiting)
    if not st.button(_("Score {n} waiting cases").format(n=n), icon=":material/bolt:"):
        theme.hint(_("Cases without an answer come last."))
        return
    bar, started = st.progress(0.0, _("Scoring {n} cases").format(n=n)), time.monotonic()
    st.button(_("Stop"))  # any click ends this run of the page
    for i, (case_id, task) in enumerate(waiting, 1):
        with suppress(Refused):  # what can't be taken stays unanswered
            clinic.answer(user, case_id, task)
        left = words.duration((time.monotonic() - started) / i * (n - i))
        bar.progress(i / n, _("Scoring {i} of {n}, {left} left").format(i=i, n=n, left=left))
    st.rerun()


def reset() -> None:
    """The demonstration as it began."""
    with care.guarded(), st.spinner(_("Putting the five cases back.")):
        desk.start_again(user)
        drafts.forget()
        st.session_state.clear()
        st.query_params.clear()
        st.rerun()


def nothing(filtered: bool) -> None:
    if not filtered:
        theme.empty(
            _("No cases yet"), _("Add DICOM, WFDB, EDF, PNG, JPEG, CSV, Excel or ZIP files, or type in a record.")
        )
        st.page_link(NEW, label=_("Add cases"), icon=":material/upload:")
        return
    theme.empty(_("No case matches"), _("Take a filter away, or search for a case number, a patient or a question."))
    if st.button(_("Show all cases")):
        for name in ("kind", "state", "q", "page"):
            st.session_state.pop(name, None)
        st.query_params.clear()
        st.rerun()


clinic, user = desk.clinic(), desk.user()
top, bar, body = st.container(), st.container(horizontal=True, vertical_alignment="center"), st.container(gap="xsmall")

with bar:
    kinds = {ALL: _("All"), **words.kinds()}
    kind = st.pills(
        _("Kind"),
        list(kinds),
        default=address.asked("kind", list(kinds), ALL),
        required=True,
        format_func=kinds.__getitem__,
        key="kind",
        on_change=to_first_page,
        label_visibility="collapsed",
    )
    states = {
        "to_read": _("To read"),
        "read": _("Read"),
        "reviewed": _("Reviewed"),
        "second": _("Second read"),
        ALL: _("All"),
    }
    state = st.segmented_control(
        _("State"),
        list(states),
        default=address.asked("state", list(states), ALL),
        required=True,
        format_func=states.__getitem__,
        key="state",
        on_change=to_first_page,
        label_visibility="collapsed",
    )
    text = st.text_input(
        _("Search"),
        type="search",
        key="q",
        bind="query-params",
        placeholder=_("Case number, patient or question"),
        icon=":material/search:",
        on_change=to_first_page,
        label_visibility="collapsed",
        width=240,
    )
    sort = st.selectbox(
        _("Sort"),
        list(sorts()),
        index=list(sorts()).index(address.asked("sort", list(sorts()), "newest")),
        format_func=lambda name: sorts()[name][0],
        key="sort",
        on_change=to_first_page,
        label_visibility="collapsed",
        width=150,
    )
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center", width="stretch"):
        if st.button(_("Add cases"), icon=":material/upload:"):
            st.switch_page(NEW)
        read_next = st.container(width="content")

for name, value, default in (("kind", kind, ALL), ("state", state, ALL), ("sort", sort, "newest")):
    address.keep(name, value, default)
address.keep("case", None)  # left behind by the browser's way back
down = sorts()[sort][1]
these = {"text": text or "", "kind": "" if kind == ALL else kind}
asked = str(st.session_state.get("page") or st.query_params.get("page", "1"))
with care.guarded():
    page = clinic.worklist(
        user,
        **these,
        state="" if state == ALL else state,
        sort={"newest": "received", "oldest": "received"}.get(sort, sort),
        descending=down,
        page=int(asked) if asked.isdecimal() else 1,
        per_page=PER_PAGE,
    )
    with top:
        with st.container(horizontal=True, vertical_alignment="center"):
            with st.container(width="stretch"):
                theme.title(_("Worklist"), *counted(page))
            if clinic.settings.demo and st.button(
                _("Start again"),
                icon=":material/restart_alt:",
                type="tertiary",
                help=_("Back to the five cases of this demonstration, unread"),
            ):
                reset()
        if saved := st.session_state.pop("saved", ""):
            theme.saved(_("{number} is saved.").format(number=saved))
    with read_next:
        waiting = page.counts.get("to_read", 0)
        why = None if waiting else _("No case of this list is left to read.")
        if st.button(_("Read next case"), type="primary", disabled=not waiting, help=why, shortcut="Alt+N"):
            for row in clinic.worklist(user, **these, state="to_read", per_page=1).rows:
                open_case(row.id)
    with body:
        if sort in ("urgency", "uncertainty"):
            score_waiting()
            theme.hint(_("Last: outlines, whose score says where and not how urgent, and answers without a number."))
        if page.rows:
            table(page)
            beneath(page, {**these, "state": "" if state == ALL else state})
        else:
            nothing(filtered=bool(text) or kind != ALL or state != ALL)
