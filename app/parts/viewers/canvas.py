"""The two canvas viewers as Streamlit components: bytes come by address, words and facts by `data`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from medcore.i18n import _

HERE = Path(__file__).parent


def _component(name: str, foot: str) -> Any:
    def text(*files: str) -> str:
        return "\n".join((HERE / file).read_text() for file in files)

    corners = "".join(f'<div class="corner {c}"></div>' for c in ("tl", "tr", "bl", "br")) if name == "film" else ""
    html = f"""<div class="viewer {name}"><span class="watch"></span><span class="probe"></span>
<div class="tools" role="toolbar"></div>
<div class="well"><canvas tabindex="0" role="img"></canvas>{corners}<div class="state"></div></div>
<div class="foot"><span class="legend"></span>{foot}</div><div class="read" aria-live="polite"></div></div>"""
    css = text("common.css", f"{name}.css")
    js = text("common.js", f"{name}_data.js", f"{name}.js")
    return st.components.v2.component(f"medcore_{name}", html=html, css=css, js=js)


_film = _component("film", '<span class="keys"></span>')
_ecg = _component("ecg", '<span><span class="scale"></span> <span class="keys"></span></span>')


def _shared_words() -> dict[str, str]:
    return {
        "failed": _("This could not be loaded."),
        "retry": _("Try again"),
        "attention": _("Attention"),
        "off": _("Off"),
        "low": _("Model attention: low"),
        "high": _("high"),
        "more": _("More"),
    }


def film(
    input_url: str,
    map_url: str | None = None,
    *,
    key: str,
    corners: Sequence[str] = (),
    number: str = "",
    label: str = "",
    regions: Sequence[str] = (),
) -> None:
    """A film with window and level, zoom, ruler and, where there is a map, the model's attention.

    corners: lines of the upper left corner; number: upper right; label: what it is, for the screen reader
    regions: words for the numbered regions, heaviest first; key: its own for each case, for the view is kept by it
    """
    words = _shared_words() | {
        "loading": _("Loading the film…"),
        "presets": _("Window"),
        "auto": _("Auto"),
        "lung": _("Lung"),
        "bone": _("Bone"),
        "invert": _("Invert"),
        "zooms": _("Picture"),
        "fit": _("Fit"),
        "zoom_in": _("Zoom in"),
        "zoom_out": _("Zoom out"),
        "tools": _("Drag to"),
        "level": _("Level"),
        "pan": _("Pan"),
        "ruler": _("Ruler"),
        "heat": _("Heat"),
        "contour": _("Contour"),
        "opacity": _("Opacity"),
        "contours": _("Contours: dashed 45 %, solid 75 % of peak model attention"),
        "keys": _("Drag: window. Wheel: zoom. O: overlay. I: invert. 0: reset."),
        "window": _("W {w}  C {c}"),
        "zoom": _("Zoom {n} %"),
        "size": _("{columns} × {rows}"),
        "bits": _(", {n} bit"),
        "ruler_mm": _("{n} mm"),
        "ruler_px": _("{n} px, not calibrated"),
        "region": _("Region {n}: {share} % of the model's attention"),
    }
    data = {"key": key, "input": input_url, "map": map_url, "corners": list(corners), "number": number, "label": label}
    _film(data=data | {"regions": list(regions), "words": words}, key=key)


def ecg(input_url: str, map_url: str | None = None, *, key: str, label: str = "") -> None:
    """An ECG, or any signal, on paper. label: what the attention is about, for the screen reader."""
    words = _shared_words() | {
        "loading": _("Loading the recording…"),
        "gain": _("Gain"),
        "speed": _("Speed"),
        "layout": _("Layout"),
        "grid": _("3 × 4"),
        "stacked": _("All leads"),
        "trace": _("On trace"),
        "band": _("Band"),
        "calipers": _("Calipers"),
        "start": _("Start of what is shown"),
        "earlier": _("Earlier"),
        "later": _("Later"),
        "shown": _("{from} to {to} of {all} s"),
        "rhythm": _("rhythm"),
        "unit_unknown": _("no unit"),
        "scale": _("{n} px per mm."),
        "keys": _("Drag to measure; arrow keys move the calipers."),
        "kind": _("Recording of {n} leads ({leads}), {s} s"),
    }
    _ecg(data={"key": key, "input": input_url, "map": map_url, "label": label, "words": words}, key=key)
