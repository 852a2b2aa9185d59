"""Words that several pages share: kinds, states, people, times, metrics."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import streamlit as st

from app.parts.theme import Html, e, number
from medcore.clinic import CaseRow, InputView, RunView
from medcore.i18n import N_, _
from medcore.inputs import Column


def kinds() -> dict[str, str]:
    """Kinds of input as people call them."""
    return {"signal": _("ECG"), "image": _("Film"), "volume": _("Volume"), "record": _("Record")}


def body_part(code: str) -> str:
    """A part of the body by its DICOM code, the usual ones in the reader's language."""
    known = {
        "ABDOMEN": _("Abdomen"),
        "BRAIN": _("Brain"),
        "CHEST": _("Chest"),
        "HEAD": _("Head"),
        "NECK": _("Neck"),
        "PELVIS": _("Pelvis"),
        "SPINE": _("Spine"),
    }
    return known.get(code, code.capitalize())


def titled(column: Column) -> str:
    """A column of a record with its unit."""
    return f"{_(column.title)}, {column.unit}" if column.unit and column.unit != "0/1" else _(column.title)


def states() -> dict[str, str]:
    """How far a case has come."""
    return {"to_read": _("To read"), "read": _("Read"), "reviewed": _("Reviewed"), "unanswerable": _("Can’t be scored")}


def sources() -> dict[str, str]:
    """Where a case came from."""
    return {"upload": _("Uploaded"), "typed": _("Typed in"), "demo": _("Demo file")}


def roles() -> dict[str, str]:
    return {"reader": _("Reader"), "trainer": _("Trainer"), "admin": _("Administrator")}


def run_state(run: RunView) -> tuple[str, str]:
    """A run's state in words, and the chip's voice."""
    if run.state == "running" and run.cancelling:
        return _("Stopping"), "warning"
    return {
        "queued": (_("Waiting"), "neutral"),
        "running": (_("Training"), "machine"),
        "done": (_("Done"), "good"),
        "failed": (_("Failed"), "finding"),
        "cancelled": (_("Stopped"), "neutral"),
    }[run.state]


# What `plain` makes of labels' names where no label has that for a title.
LABELS = (N_("Normal"), N_("Other"), N_("Too noisy"), N_("Infarction"), N_("St t change"), N_("Conduction"))


def plain(name: str) -> str:
    """A lower_snake name as words."""
    return name.replace("_", " ").strip().capitalize()


def leading_metric(metrics: Mapping[str, object]) -> str:
    """The name of the one that is drawn: the most telling of those that an outcome has."""
    order = ("auroc", "dice", "concordance", "auroc_macro", "f1_macro", "mae", "accuracy")
    return next((n for n in order if metrics.get(n) is not None), next(iter(metrics), ""))


def metric(name: str) -> str:
    """A metric as people say it. Those of one label or of one field keep that in brackets."""
    known = {
        "auroc": _("AUROC"),
        "auroc_macro": _("AUROC, mean of labels"),
        "auprc": _("Average precision"),
        "accuracy": _("Accuracy"),
        "balanced_accuracy": _("Balanced accuracy"),
        "f1_macro": _("F1, mean of labels"),
        "brier": _("Brier score"),
        "ece": _("Calibration error"),
        "dice": _("Dice"),
        "dice_median": _("Dice, median"),
        "precision": _("Precision of voxels"),
        "recall": _("Recall of voxels"),
        "mae": _("Mean absolute error"),
        "concordance": _("Concordance"),
    }
    if name in known:
        return known[name]
    stem, _rest, of = name.partition("_")
    return f"{known.get(stem, stem.upper())}, {_(plain(of)).lower()}" if of else plain(name)


def case_link(case_id: int, number: str, task: str) -> Html:
    """A case's number, which opens it by that question."""
    return Html(f'<a href="/case?case={case_id}&amp;task={e(task)}" target="_self">{e(number)}</a>')


def described(inputs: Sequence[InputView]) -> str:
    """What a case holds: "12-lead ECG", "Chest film, PA", "Patient record"."""
    if not inputs:
        return ""
    first = inputs[0]
    if first.kind == "signal":
        n = first.shape[0]
        return _("One-lead ECG") if n == 1 else _("{n}-lead ECG").format(n=n)
    if first.kind == "image":
        part, view = first.facts.get("body_part", ""), first.facts.get("view", "")
        film = _("{part} film").format(part=body_part(part)) if part else _("Film")
        return f"{film}, {view}" if view else film
    if first.kind == "volume":
        part, modality = first.facts.get("body_part", ""), first.facts.get("modality", "")
        what = " ".join(filter(None, (modality, body_part(part).lower()))) or _("Volume")
        what = ", ".join(filter(None, (what, _(first.facts.get("sequence", "")))))
        return _("{what}, {n} slices").format(what=what, n=first.shape[1])
    return _("Patient record")


def age_sex(row: CaseRow) -> str:
    """ "63 y, F"; empty where neither is known."""
    sex = {"F": _("F"), "M": _("M"), "O": _("O")}.get(row.sex, "")
    return ", ".join(part for part in (years(row.age_years), sex) if part)


def years(age: float | None) -> str:
    """ "63 y"; under two years "14 mo"."""
    if age is None:
        return ""
    return _("{n} y").format(n=number(age, 0)) if age >= 2 else _("{n} mo").format(n=number(12 * age, 0))


# times


def _here(at: datetime) -> datetime:
    """`at` where the browser is."""
    try:
        zone = ZoneInfo(st.context.timezone or "UTC")
    except (KeyError, ValueError):
        zone = ZoneInfo("UTC")
    return at.astimezone(zone)


def clock(at: datetime) -> str:
    """ "08:14" today, else with the day."""
    here = _here(at)
    if here.date() == _here(datetime.now(UTC)).date():
        return f"{here:%H:%M}"
    return f"{day(at)}, {here:%H:%M}"


def day(at: datetime) -> str:
    """ "3 Nov 2026" """
    months = _("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec").split()
    here = _here(at)
    return _("{day} {month} {year}").format(day=here.day, month=months[here.month - 1], year=here.year)


def since(at: datetime) -> str:
    """ "08:14" today, "Yesterday", else the day: for columns."""
    days = (_here(datetime.now(UTC)).date() - _here(at).date()).days
    return clock(at) if days <= 0 else _("Yesterday") if days == 1 else day(at)


def duration(seconds: float) -> str:
    """ "about 40 s", "about 11 min" """
    if seconds < 90:
        return _("about {n} s").format(n=max(1, round(seconds)))
    return (
        _("about {n} min").format(n=round(seconds / 60))
        if seconds < 5400
        else _("about {n} h").format(n=round(seconds / 3600))
    )
