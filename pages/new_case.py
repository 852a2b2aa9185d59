"""New cases: files of any kind, a table whose columns are named, or a record typed in."""

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from app.parts import address, care, desk, drafts, theme, words
from medcore.clinic import Admission
from medcore.errors import Refused
from medcore.i18n import _, retold
from medcore.inputs import Column, Record, RecordField
from medcore.readers import Table, decode_table, is_table
from medcore.readers.base import age_fact, sex_fact
from medcore.readers.identity import is_patient_column
from medcore.readers.table import PERSON
from medcore.tasks import Task, all_tasks

CASE = "../pages/case.py"
LIMIT_MB = 500
SHOWN_ROWS = 5
ACROSS = 4
STRIPS = 3  # refused files that get a strip each; more of them get a table


def record_tasks() -> dict[str, tuple[Task, RecordField]]:
    """Questions that are asked of a record, with its columns."""
    return {
        name: (task, spec)
        for name, task in all_tasks().items()
        for spec in task.fields.values()
        if isinstance(spec, RecordField)
    }


def choose_record_task(key: str) -> tuple[Task, RecordField]:
    """The question whose columns are meant; a choice only where there are several."""
    found = record_tasks()
    name = next(iter(found))
    if len(found) > 1:
        name = st.selectbox(_("Question"), list(found), format_func=lambda n: _(found[n][0].title), key=key)
    return found[name]


# what was admitted


def outcome(admission: Admission, number_of_files: int) -> None:
    """What became of the last upload: new cases, known ones, remarks, and what was refused and why."""
    if admission.cases:
        n = len(admission.cases)
        theme.saved(_("{n} new cases from {m} files.").format(n=n, m=number_of_files) if n > 1 else _("One new case."))
    links([*admission.cases, *admission.known])
    if admission.remarks:
        theme.section(_("Remarks"))
        theme.ticks([(False, retold(remark), "") for remark in admission.remarks])
    refusals = admission.refused
    if refusals:
        theme.section(_("Not taken"))
    if len(refusals) <= STRIPS:
        for r in refusals:
            theme.refused((f"{r.file}: " if r.file else "") + retold(r.sentence), r.remedy)
    else:
        rows = [(r.file, retold(r.sentence), retold(r.remedy)) for r in refusals]
        theme.table([_("File"), _("What was wrong"), _("What to do")], rows)


def links(cases: Sequence[int]) -> None:
    """A link to each case, with what was recognised."""
    if not cases:
        return
    newest = {r.id: r for r in clinic.worklist(user, per_page=max(50, len(cases))).rows}
    for i in cases[:12]:
        row = newest.get(i)
        kind = words.kinds().get(row.kind, row.kind) if row else ""
        label = f"{row.number}  {kind}  {row.title}" if row else _("Case {n}").format(n=i)
        st.page_link(CASE, label=label, query_params={"case": str(i)}, icon=":material/arrow_forward:")
    if len(cases) > 12:
        theme.hint(_("And {n} more on the worklist.").format(n=len(cases) - 12))


# files


def upload() -> None:
    """One file, many, or a ZIP; a table's columns are mapped first."""
    turn = st.session_state.setdefault("upload_turn", 0)
    files = st.file_uploader(
        _("Files"),
        accept_multiple_files=True,
        key=f"files-{turn}",
        max_upload_size=LIMIT_MB,
        help=_("What a file is, is told by what is in it, never by its name."),
    )
    theme.hint(
        _(
            "DICOM images, series, outlines and ECGs, NIfTI, PNG, JPEG, WFDB (header and signal together), EDF, "
            "HL7 aECG, MUSE XML, CSV, Excel, or a ZIP of these, each of at most {mb} MB. Names and dates are taken out "
            "before anything is stored."
        ).format(mb=LIMIT_MB)
    )
    theme.hint(
        _(
            "Columns of one table, dropped as it is, can be named by hand. In a ZIP, or of several tables at once, "
            "they are read by their own names."
        )
    )
    often = Counter(f.name for f in files)  # series of a study number their files alike
    given = {f.name if often[f.name] == 1 else f"{i}/{f.name}": f.getvalue() for i, f in enumerate(files, 1)}
    found = table_of(given, tuple(f.file_id for f in files))
    mapping = map_columns(found) if found and record_tasks() else None
    n = len(given)
    label = _("Add {n} files").format(n=n) if n > 1 else _("Add cases")
    if st.button(label, type="primary", disabled=not given):
        with st.spinner(_("Reading {n} files…").format(n=n), show_time=True):
            admission = clinic.admit(user, given, mapping)
        st.session_state["admission"] = (admission, n)
        st.session_state["upload_turn"] = turn + 1  # a fresh uploader: the files leave this process' memory
        st.rerun()


def table_of(files: Mapping[str, bytes], uploaded: tuple[str, ...]) -> Table | None:
    """The one table among the files; None where there is none or several, which are read by their own names.

    uploaded: ids of these uploads; a table is decoded once for them, beside this process as every upload is.
    """
    kept: tuple[tuple[str, ...], Table | None] | None = st.session_state.get("upload_table")
    if kept and kept[0] == uploaded:
        return kept[1]
    tables = [{name: content} for name, content in files.items() if is_table(content)]
    found = None
    if len(tables) == 1:
        with contextlib.suppress(Refused):  # what is wrong with it is told when it is added
            found = decode_table(tables[0])
    st.session_state["upload_table"] = (uploaded, found)
    return found


def plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


def guess(column: str, columns: Sequence[Column]) -> str:
    """The record's column that a table's column means by its name, or ""."""
    if is_patient_column(column):
        return PERSON
    wanted = plain(column)
    for c in columns:
        if wanted in {plain(n) for n in (c.name, c.title, _(c.title), *c.aliases)}:
            return c.name
    return ""


def recognised(known: Mapping[str, str], spec: RecordField) -> str:
    """The recognised columns, each with the unit that it must be in."""
    units = {c.name: c.unit for c in spec.columns if c.unit and c.unit != "0/1"}
    return ", ".join(f"{c} ({units[to]})" if to in units else c for c, to in known.items())


def map_columns(table: Table) -> dict[str, str]:
    """Each column of the table to a value of the record. One row is one case."""
    _task, spec = choose_record_task("table-task")
    titles = {"": _("Leave out"), PERSON: _("Whose row it is"), **{c.name: words.titled(c) for c in spec.columns}}
    dropped = set(table.identifying())
    theme.section(_("Table of {n} rows: one row is one case").format(n=theme.number(len(table.rows))))
    st.dataframe(
        pd.DataFrame(table.rows[:SHOWN_ROWS], columns=list(table.columns)),
        hide_index=True,
        row_height=33,
        alt=_("The first rows of the table"),
    )
    guessed = {c: guess(c, spec.columns) for c in table.columns if c not in dropped}
    known = {c: to for c, to in guessed.items() if to}
    open_ones = [c for c in guessed if c not in known]
    theme.ticks(
        [
            (bool(known) or None, _("Recognised: {names}.").format(names=recognised(known, spec) or _("none")), ""),
            (None, _("Left out: {names}.").format(names=", ".join([*sorted(dropped), *open_ones]) or _("none")), ""),
        ]
    )
    by_hand = st.segmented_control(
        _("Name columns by hand"),
        ["open", "all"],
        default="open" if not known else None,
        format_func={"open": _("Those left out"), "all": _("All")}.__getitem__,
        key=f"by-hand-{len(known)}",
    )
    open_ones = {"open": open_ones, "all": list(guessed), None: []}[by_hand]
    mapping = dict(known)
    across = st.columns(3, gap="small")
    for i, column in enumerate(open_ones):
        example = next((row[column] for row in table.rows[:50] if row.get(column)), "")
        mapping[column] = across[i % 3].selectbox(
            f"{column} ({example[:14]})" if example else column,
            list(titles),
            index=list(titles).index(known.get(column, "")),
            format_func=titles.__getitem__,
            key=f"map-{column}",
        )
    return {c: mapping.get(c, "") for c in guessed}


# a record typed in


def usual(column: Column, unit: str) -> str:
    """The usual range in the chosen unit."""
    if column.usual is None:
        return _("Not measured")
    factor = column.other_units.get(unit, 1.0)
    low, high = (theme.number(float(f"{v / factor:.3g}")) for v in column.usual)
    return _("Usual {range}").format(range=low if low == high else _("{low} to {high}").format(low=low, high=high))


def ask(column: Column, turn: int) -> float | str | None:
    """One value in one of its units, as the record holds it; None where it was not measured. What is typed stays while
    other pages are looked at. turn: of the form, so that the next record begins empty."""
    key = f"typed-{turn}-{column.name}"
    if column.choices:
        return st.selectbox(
            _(column.title),
            column.choices,
            index=None,
            format_func=lambda c: _(c)[:1].upper() + _(c)[1:],
            placeholder=_("Not known"),
            key=key,
            persist_state="session",
        )
    if column.limits == (0, 1):
        says = {0.0: _("No"), 1.0: _("Yes")}
        return st.selectbox(
            _(column.title),
            list(says),
            index=None,
            format_func=says.__getitem__,
            placeholder=_("Not known"),
            key=key,
            persist_state="session",
        )
    unit, kept = column.unit, {"value": None, "format": "%g", "key": key, "persist_state": "session"}
    if not column.other_units:
        return st.number_input(words.titled(column), placeholder=usual(column, unit), **kept)
    left, right = st.columns([1.5, 1], gap="xxsmall", vertical_alignment="bottom")
    unit = right.selectbox(
        _("Unit of {title}").format(title=_(column.title)),
        [column.unit, *column.other_units],
        key=f"{key}-unit",
        label_visibility="collapsed",
        persist_state="session",
    )
    value = left.number_input(_(column.title), placeholder=usual(column, unit), **kept)
    return None if value is None else value * column.other_units.get(unit, 1.0)


def odd(column: Column, value: float | str | None) -> str:
    """A question where a value is rarely seen; it is taken all the same."""
    if column.limits is None or not isinstance(value, float | int) or column.limits[0] <= value <= column.limits[1]:
        return ""
    return _("{title} is {value:g} {unit}, which is rarely seen. Is the unit right?").format(
        title=_(column.title), value=value, unit=column.unit
    )


@desk.fragment
def typed() -> None:
    """A record by hand: each value with its unit and usual range; empty means not measured."""
    with st.container(gap="xsmall"), care.guarded():
        drafts.keep("typed")
        _task, spec = choose_record_task("typed-task")
        turn = st.session_state.setdefault("typed_turn", 0)
        values: dict[str, float | str | None] = {}
        for heading, columns in groups(spec.columns).items():
            theme.section(heading)
            for start in range(0, len(columns), ACROSS):  # row by row, so that keys and narrow screens keep the order
                across = st.columns(ACROSS, gap="small")
                for place, column in zip(across, columns[start : start + ACROSS], strict=False):
                    with place:
                        values[column.name] = ask(column, turn)
        doubts = [d for c in spec.columns if (d := odd(c, values[c.name]))]
        if doubts:
            theme.warning(_("Check this."), " ".join(doubts))
        given = {k: v for k, v in values.items() if v is not None}
        with st.container(horizontal=True, vertical_alignment="bottom"):
            person = st.text_input(
                _("Patient number"),
                placeholder=_("Optional"),
                help=_("Kept only as a keyed hash, so that cases of one patient meet."),
                key=f"typed-{turn}-person",
                width=240,
                persist_state="session",
            )
            if st.button(_("Add this record"), type="primary", disabled=not given):
                facts = facts_of(given)
                case_id = clinic.admit_inputs(user, [Record(values, facts)], person=person.strip() or None)
                drafts.drop("typed")
                st.session_state["typed_turn"] = turn + 1
                st.switch_page(CASE, query_params={"case": str(case_id)})
        theme.hint(
            _("{n} of {m} values given. Empty means not measured: the model is told so.").format(
                n=len(given), m=len(spec.columns)
            )
        )


def groups(columns: Sequence[Column]) -> dict[str, list[Column]]:
    """Measurements, which have a usual range, apart from what is known of the patient."""
    measured = [c for c in columns if c.usual is not None or c.other_units]
    return {
        _("The patient"): [c for c in columns if c not in measured],
        _("Measurements"): measured,
    }


def facts_of(values: Mapping[str, float | str | None]) -> dict[str, str]:
    """Age and sex for the worklist, where the record has them."""
    age, sex = values.get("age"), sex_fact(str(values.get("sex") or ""))
    facts = {"age_years": age_fact(float(age))} if isinstance(age, int | float) and 0 <= age < 130 else {}
    return facts | ({"sex": sex} if sex else {})


clinic, user = desk.clinic(), desk.user()
theme.title(_("New case"), _("Recognised by content, de-identified before it is stored"))

ways = {"files": _("Files"), **({"record": _("Type in a record")} if record_tasks() else {})}
way = address.choose("way", ways, _("What to add"), "files", key="way", hidden=True)

with theme.panel("new"), care.guarded():
    if way == "files":
        upload()
    else:
        typed()

if way == "files":
    last = st.session_state.get("admission")
    before = [] if last else clinic.last_admitted(user)
    if last or before:
        with theme.panel("admitted"), care.guarded():
            if last:
                outcome(*last)
            else:  # the page was loaded again, or the browser closed meanwhile
                theme.section(_("Your last upload"))
                links(before)
