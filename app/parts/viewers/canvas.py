"""The two canvas viewers as Streamlit components: bytes come by address, words and facts by `data`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from medcore.i18n import _

HERE = Path(__file__).parent
OPPOSITE = str.maketrans("RLAPHF", "LRPAFH")  # letters of PatientOrientation (DICOM PS3.3, C.7.6.1.1.1)


def _component(name: str, parts: Sequence[str], inside: str, below: str, foot: str) -> Any:
    """A viewer of `name`.js and its `parts`. inside, below: what lies over and under its canvas."""
    css = "\n".join((HERE / file).read_text() for file in ("common.css", f"{name}.css"))
    js = "\n".join((HERE / f"{part}.js").read_text() for part in ("common", "link", *parts, name))
    html = f"""<div class="viewer {name}"><span class="watch"></span><span class="probe"></span>
<div class="tools" role="toolbar"></div>
<div class="well"><canvas tabindex="0" role="img"></canvas>{inside}<div class="state"></div></div>
{below}<div class="foot"><span class="legend"></span>{foot}</div><div class="read" aria-live="polite"></div></div>"""
    return st.components.v2.component(f"medcore_{name}", html=html, css=css, js=js)


_film = _component(
    "film",
    ("pointers", "film_data", "film_draw"),
    "".join(f'<div class="{place}"></div>' for place in ("corner tl", "corner tr", "corner bl", "corner br", "edge l"))
    + '<div class="edge r"></div>',
    "",
    '<span class="keys"></span>',
)
_ecg = _component(
    "ecg",
    ("ecg_data", "ecg_layout", "ecg_draw", "ecg_calipers", "ecg_measure"),
    "",
    '<div class="beats" hidden><div class="caption"></div><canvas role="img"></canvas></div>'
    '<div class="measures"></div>',
    '<span><span class="scale"></span> <span class="keys"></span></span>',
)


def shared_words() -> dict[str, str]:
    return {
        "failed": _("This could not be loaded."),
        "retry": _("Try again"),
        "attention": _("Attention"),
        "off": _("Off"),
        "low": _("Model attention: low"),
        "high": _("high"),
        "more": _("More"),
        "together": _("Move together"),
    }


def _edges(orientation: str) -> tuple[str, str] | None:
    """Letters for the left and the right edge from PatientOrientation, which names the right and the lower edge."""
    right = orientation.split("\\")[0]
    return (right.translate(OPPOSITE), right) if right else None


def film(
    input_url: str,
    map_url: str | None = None,
    mask_url: str | None = None,
    *,
    key: str,
    corners: Sequence[str] = (),
    number: str = "",
    label: str = "",
    regions: Sequence[str] = (),
    facts: Mapping[str, str] | None = None,
    link: str = "",
) -> None:
    """A film with window and level, zoom, ruler and, where there are any, a mask and the model's attention.

    corners: lines of the upper left corner; number: upper right; label: what it is, for the screen reader
    regions: words for the numbered regions, heaviest first; key: its own for each case, for the view is kept by it
    facts: of the input; its side of the body is shown where they say it. link: viewers of one link move together
    """
    facts = facts or {}
    words = shared_words() | {
        "title": _("Film"),
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
        "as_words": _("Words"),
        "opacity": _("Opacity"),
        "contours": _("Contours: dashed 45 %, solid 75 % of peak model attention"),
        "named": _("Regions by their share of the model’s attention"),
        "keys": _("Drag: window. Wheel: zoom. O: overlay. I: invert. 0: reset.")
        + (f" {_('M: mask.')}" if mask_url else ""),
        "segmentation": _("Mask"),
        "share": _("{n} % of the picture"),
        "empty": _("none found"),
        "window": _("W {w}  C {c}"),
        "zoom": _("Zoom {n} %"),
        "size": _("{columns} × {rows}"),
        "bits": _(", {n} bit"),
        "ruler_mm": _("{n} mm"),
        "ruler_px": _("{n} px, not calibrated"),
        "region": _("Region {n}: {share} % of the model's attention"),
        "side": _("Side of the body, as the file says: {side}"),
        "edges": _("Left edge of the picture: {left}; right edge: {right}"),
    }
    data = {"key": key, "input": input_url, "map": map_url, "mask": mask_url, "number": number, "label": label}
    sided = {"laterality": facts.get("laterality", "").replace("U", ""), "sides": _edges(facts.get("orientation", ""))}
    _film(
        data=data | sided | {"corners": list(corners), "regions": list(regions), "words": words, "link": link}, key=key
    )


def ecg(
    input_url: str,
    map_url: str | None = None,
    *,
    key: str,
    label: str = "",
    measure_url: str | None = None,
    link: str = "",
) -> None:
    """An ECG, or any signal, on paper.

    label: what the attention is about, for the screen reader; measure_url: where its measurements are (JSON); the strip
    and the average beat are left out where there are none. link: viewers of one link move together
    """
    words = shared_words() | {
        "title": _("ECG"),
        "loading": _("Loading the recording…"),
        "gain": _("Gain"),
        "speed": _("Speed"),
        "layout": _("Layout"),
        "grid": _("3 × 4"),
        "stacked": _("All leads"),
        "trace": _("On trace"),
        "band": _("Band"),
        "measuring": _("Measuring"),
        "calipers": _("Calipers"),
        "beats": _("Beats"),
        "start": _("Start of what is shown"),
        "earlier": _("Earlier"),
        "later": _("Later"),
        "shown": _("{from} to {to} of {all} s"),
        "rhythm": _("rhythm"),
        "unit_unknown": _("no unit"),
        "scale": _("{n} px per mm."),
        "keys": _("Drag to measure; arrow keys move the calipers."),
        "kind": _("Recording of {n} leads ({leads}), {s} s"),
        "measures": _("Measurements"),
        "rate": _("Rate"),
        "lead": _("Measured in"),
        "not_measurable": _("not measurable"),
        "measured_by": _("Measured by this tool, not by the recorder"),
        "average": _("Average beat in each lead"),
        "average_one": _("Average beat"),
        "beat_scale": _("{speed} mm/s, {gain} mm/mV"),
    }
    data = {"key": key, "input": input_url, "map": map_url, "measure": measure_url, "label": label, "link": link}
    _ecg(data=data | {"words": words}, key=key)
