"""The visual language: tokens and classes (theme.css), and the small quiet pieces that every page is made of.

Every value that reaches HTML goes through `e`, unless it is `Html` already.
"""

import html as _html
from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from medcore.errors import Refused
from medcore.i18n import _, retold
from medcore.numbers import NBSP as NBSP
from medcore.numbers import number as number
from medcore.numbers import percent as percent
from medcore.numbers import span as span

CSS = Path(__file__).with_name("theme.css").read_text()
LOGO = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="24" height="24" fill="none"
 stroke="#1F9E93" stroke-width="1.6" stroke-linejoin="round" stroke-linecap="round">
<rect x="2" y="2" width="20" height="20" rx="4"/>
<path d="M5.5 12.5h3l1.8-5 3 9.5 2-4.5h3.2"/></svg>"""


class Html(str):
    """Text that is HTML already; everything else is escaped by `e`."""


def e(text: object) -> Html:
    """`text` as HTML, escaped unless it is `Html` already."""
    return text if isinstance(text, Html) else Html(_html.escape(str(text)))


def html(body: str) -> None:
    """Draw `body`, which must be made by the functions of this module."""
    st.html(f'<div class="d">{body}</div>')


def dark() -> bool:
    """Whether the browser shows the dark theme."""
    return st.context.theme.type == "dark"


def page() -> None:
    """Page settings, logo and the one style sheet; called once a run by main.py."""
    st.set_page_config(
        page_title=_("Review desk"),
        page_icon=LOGO,
        layout="wide",
        initial_sidebar_state="collapsed",
        menu_items={"About": _("For research, teaching and demonstration. Not a diagnosis.")},
    )
    st.logo(LOGO, size="medium")
    # Dialogs and tooltips are mounted outside .stApp, where only the root's scheme reaches.
    st.html(f"<style>:root{{color-scheme:{st.context.theme.type or 'light dark'}}}\n{CSS}</style>")


def panel(name: str) -> DeltaGenerator:
    """A bordered panel; `name` is its own on the page."""
    return st.container(border=True, key=f"panel-{name}", gap="xsmall")


# pieces


def icon(name: str) -> Html:
    """A glyph of the bundled icon font, hidden from screen readers."""
    return Html(f'<span class="ico" aria-hidden="true">{e(name)}</span>')


def chip(text: str, voice: str = "neutral") -> Html:
    """voice: neutral, human, machine, finding, warning, good, uncertain."""
    return Html(f'<span class="chip {e(voice)}"><span>{e(text)}</span></span>')


def title(text: str, *soft: str, right: Html | str = "") -> None:
    """A page's title line; facts in soft after it, chips at the right."""
    facts_ = "".join(f'<span class="soft">{e(s)}</span>' for s in soft if s)
    head = f'<b role="heading" aria-level="1">{e(text)}</b>'
    html(f'<div class="top">{head}{facts_}<span class="right">{e(right)}</span></div>')


def case_strip(number_: str, kind: str, *facts_: str, place: str = "", simulated: bool = False) -> None:
    """The line over a case."""
    chips = [chip(_("Simulated"), "uncertain")] if simulated else []
    chips += [chip(place)] if place else []
    chips.append(chip(_("Research use only. Not a diagnosis."), "warning"))
    soft = "".join(f'<span class="soft">{e(s)}</span>' for s in facts_ if s)
    html(
        f'<div class="top"><b role="heading" aria-level="1">{e(number_)}</b><span>{e(kind)}</span>{soft}'
        f'<span class="right">{"".join(chips)}</span></div>'
    )


def section(text: str, said: str = "") -> None:
    """A small label over a block. said: a sentence beside it, which goes beneath it where it doesn't fit."""
    head = f'<div class="sec" role="heading" aria-level="2">{e(text)}</div>'
    html(f'<div class="beside">{head}<p class="hint">{e(said)}</p></div>' if said else head)


def hint(text: str) -> None:
    """One soft line."""
    html(f'<p class="hint">{e(text)}</p>')


def _strip(voice: str, glyph: str, cause: str, text: str, role: str) -> None:
    html(
        f'<div class="strip {voice}" role="{role}">{icon(glyph)}<span><b>{e(cause)}</b> {e(text)}</span></div>',
    )


def warning(cause: str, text: str = "") -> None:
    """Something to check: the cause in bold, then what to do."""
    _strip("warning", "warning", cause, text, "status")


def refused(what: Refused | str, remedy: str = "") -> None:
    """What was wrong, and what to do next."""
    cause, rest = (what.sentence, what.remedy) if isinstance(what, Refused) else (what, remedy)
    _strip("finding", "error", retold(cause), retold(rest), "alert")


def saved(text: str) -> None:
    """One quiet line with a tick."""
    html(f'<div class="quiet" role="status">{icon("check")}<span>{e(text)}</span></div>')


def empty(headline: str, text: str) -> None:
    """Nothing here yet: one line that says what to add. Put the one button beneath."""
    head = f'<div class="head"><mark>{e(headline)}</mark></div>'
    html(f'<div class="box wide">{head}<div><mark>{e(text)}</mark></div></div>')


def hatch(headline: str, text: str) -> None:
    """Something that is kept back."""
    html(
        f'<div class="box"><div class="head">{icon("lock")}<mark>{e(headline)}</mark></div>'
        f"<div><mark>{e(text)}</mark></div></div>"
    )


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    align: str = "",
    bold: int | None = None,
    label: str = "",
    wide: bool = False,
) -> None:
    """A small quiet table. align: one letter a column, l or r; bold: the column that matters; wide: it scrolls within
    itself where there is no room."""
    right = [i < len(align) and align[i] == "r" for i in range(len(heads))]

    def cell(tag: str, i: int, value: object) -> str:
        names = " ".join(n for n, on in (("r", right[i]), ("w", tag == "td" and i == bold)) if on)
        return f'<{tag} class="{names}">{e(value)}</{tag}>'

    head = "".join(cell("th", i, h) for i, h in enumerate(heads))
    body = "".join(f"<tr>{''.join(cell('td', i, v) for i, v in enumerate(row))}</tr>" for row in rows)
    drawn = f'<table aria-label="{e(label)}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    html(f'<div class="scroll" tabindex="0" role="region" aria-label="{e(label)}">{drawn}</div>' if wide else drawn)


def scale(low: float, high: float, dot: float | None = None, cut: float | None = None) -> Html:
    """A range on a line, each end and place in percent of it; a dot for the value, a line for what it is held against.
    Numbers beside it say the same, so it is kept from those who listen."""
    at = f'<i class="band" style="left:{low:.1f}%;width:{high - low:.1f}%"></i>'
    at += "" if cut is None else f'<i class="cut" style="left:{cut:.1f}%"></i>'
    at += "" if dot is None else f'<i class="dot" style="left:{dot:.1f}%"></i>'
    return Html(f'<div class="scale" aria-hidden="true">{at}</div>')


def ticks(rows: Sequence[tuple[bool | None, str, str]]) -> None:
    """A check list: (passed, text, detail); None draws no sign."""
    signs = {
        True: f'<span class="ok">{icon("check")}</span>',
        False: f'<span class="check">{icon("warning")}</span>',
        None: "",
    }
    body = "".join(
        f'<tr><td class="i">{signs[passed]}</td><td>{e(text)}'
        f"{f'<span class=small>{e(detail)}</span>' if detail else ''}</td></tr>"
        for passed, text, detail in rows
    )
    html(f"<table><tbody>{body}</tbody></table>")


def facts(pairs: Mapping[str, str]) -> None:
    """One line of small labels with bold values."""
    html(f'<div class="line">{"".join(f"<span>{e(k)} <b>{e(v)}</b></span>" for k, v in pairs.items())}</div>')
