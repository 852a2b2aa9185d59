"""The volume viewer as a Streamlit component: bytes come by address, words and facts by `data`."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from app.parts.viewers.canvas import shared_words
from medcore.i18n import _

HERE = Path(__file__).parent
SCRIPTS = (
    "common.js",
    "link.js",
    "pointers.js",
    "volume_data.js",
    "volume_slices.js",
    "volume_measures.js",
    "volume_pane.js",
    "volume_controls.js",
    "volume_edit.js",
    "volume.js",
)
HTML = """<div class="viewer volume"><span class="watch"></span><span class="probe"></span>
<div class="tools" role="toolbar"></div>
<div class="well"><div class="panes"></div><div class="help" role="dialog" hidden></div><div class="state"></div></div>
<div class="measures"></div><div class="remarks"></div>
<div class="foot"><span class="legend"></span><span class="keys"></span></div>
<div class="read" aria-live="polite"></div></div>"""


def _texts(*files: str) -> str:
    return "\n".join((HERE / file).read_text() for file in files)


_volume: Any = st.components.v2.component(
    "medcore_volume",
    html=HTML,
    css=_texts("common.css", "volume.css"),
    js=_texts(*SCRIPTS),
)


@dataclass(frozen=True)
class Series:
    """One volume of a case: where its voxels, the map over it, the answer's mask and outlines of a file are fetched.

    title: what it is, in the list of series and for the screen reader; label: what the map is about
    """

    title: str
    input: str
    map: str | None = None
    mask: str | None = None
    label: str = ""
    outlines: str | None = None


def volume(series: Sequence[Series], *, key: str, link: str = "") -> None:
    """Volumes in three linked planes, with windows, measures and, where there are any, masks and attention.

    series: those of one case, of which one is shown at a time; key: its own for each case, for the view is kept by it
    link: viewers of one link move together
    """
    data = {
        "key": key,
        "link": link,
        "series": [asdict(one) for one in series],
        "words": shared_words() | _words() | _keys(),
    }
    _volume(data=data, key=key)


def _words() -> dict[str, str]:
    return {
        "title": _("Volume"),
        "loading": _("Loading the volume…"),
        "series": _("Series"),
        "plane": _("Plane"),
        "axial": _("Axial"),
        "coronal": _("Coronal"),
        "sagittal": _("Sagittal"),
        "three": _("Three planes"),
        "slice": _("Slice"),
        "slice_in": _("{plane} slice"),
        "slice_of": _("slice {n} of {all}"),
        "sides": _("{left} at the left, {right} at the right"),
        "channel": _("Sequence"),
        "presets": _("Window"),
        "lung": _("Lung"),
        "mediastinum": _("Mediastinum"),
        "bone": _("Bone"),
        "brain": _("Brain"),
        "stroke": _("Stroke"),
        "percentile": _("1 to 99 %"),
        "own": _("File’s own"),
        "window": _("W {w}  C {c}"),
        "tools": _("Drag to"),
        "cross": _("Crosshair"),
        "slices": _("Slices"),
        "level": _("Level"),
        "pan": _("Pan"),
        "distance": _("Distance"),
        "ellipse": _("Ellipse"),
        "polygon": _("Polygon"),
        "picture": _("Picture"),
        "invert": _("Invert"),
        "lines": _("Lines"),
        "crosshair_lines": _("Crosshair lines"),
        "fit": _("Fit"),
        "zoom_in": _("Zoom in"),
        "zoom_out": _("Zoom out"),
        "reset": _("Reset"),
        "segmentation": _("Mask"),
        "fill": _("Fill"),
        "contour": _("Contour"),
        "heat": _("Heat"),
        "opacity": _("Opacity"),
        "ml": _("{n} ml"),
        "across": _("{n} mm across"),
        "empty": _("none found"),
        "mm": _("{n} mm"),
        "pixels": _("{n} px"),
        "square_mm": _("{n} mm²"),
        "square_cm": _("{n} cm²"),
        "square_pixels": _("{n} px²"),
        "mean": _("mean {mean}, SD {sd} {unit}"),
        "measure": _("{kind}, {plane} {n}"),
        "remove": _("Remove {what}"),
        "of_slices": _("Slices as stored"),
        "of_rows": _("Across rows"),
        "of_columns": _("Across columns"),
        "not_placed": _("The file doesn’t say how the patient lies"),
        "not_scanned": _("not scanned"),
        "voxel": _("voxel {at} (slice, row, column)"),
        "no_spacing": _("No spacing in the file: nothing is measured in mm"),
        "uneven": _("Uneven slices: {least} to {most} mm apart"),
        "gap": _("Gap of {mm} mm after slice {n}"),
        "tilt": _("Stack tilted by {n}°"),
        "help": _("Keys"),
        "close": _("Close"),
        "keys": _("Click: crosshair. Wheel or arrow keys: slice. Right drag: window. ?: all keys."),
    }


def _keys() -> dict[str, str]:
    """The list of keys: before the colon what is pressed, after it what it does."""
    return {
        "keys_slice": _("Arrow keys, wheel: Slice by slice"),
        "keys_ends": _("Page up, Page down, Home, End: Ten slices, first, last"),
        "keys_move": _("Shift + arrow keys: Move the crosshair within the plane"),
        "keys_zoom": _("+ −, Ctrl + wheel, pinch: Zoom. Shift + drag: pan"),
        "keys_window": _("1 to 6: Windows in the order of the buttons. Right drag: any window"),
        "keys_plane": _("P, L: Next plane large, three planes or one. Double click: this plane large"),
        "keys_channel": _("C: Next sequence"),
        "keys_mask": _("M, O: Segmentation and attention on or off"),
        "keys_measure": _(
            "D, E, A: Distance, ellipse, polygon. Enter places or closes, arrow keys adjust, Delete removes"
        ),
        "keys_picture": _("I, X, F, 0: Invert, crosshair lines, fit, reset"),
        "keys_tools": _("H, S, W, G: Drag to move the crosshair, the slices, the level, the picture"),
        "keys_help": _("?, Escape: These keys, leave the picture"),
    }
