"""Sliders over a record that answer while they move: each movement asks the server, the newest one counts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from medcore.i18n import _

HERE = Path(__file__).parent
# Streamlit's own slider tells its value when it is let go.
_sliders = st.components.v2.component(
    "medcore_sliders",
    html="""<div class="viewer sliders"><div class="now"><div class="told" aria-live="polite"></div>
<button type="button" class="reset"></button></div><div class="rows"></div></div>""",
    css="\n".join((HERE / file).read_text() for file in ("common.css", "sliders.css")),
    js="\n".join((HERE / file).read_text() for file in ("common.js", "sliders.js")),
)


@dataclass(frozen=True)
class Slider:
    """One value that can be moved.

    usual: its usual range in words, or ""; value: as recorded, None where it was not measured; low, high, step: of a
    number; start: where a number that was not measured begins; choices: of a category, each as (value, text)
    """

    name: str
    title: str
    unit: str
    usual: str
    value: float | str | None
    low: float = 0
    high: float = 0
    step: float = 1
    start: float = 0
    choices: tuple[tuple[str, str], ...] = ()


def sliders(rows: Sequence[Slider], ask_url: str, told: Mapping[str, Any], *, key: str) -> None:
    """The sliders under what is answered with them.

    ask_url: takes {"values": {name: value}} of what was changed, as JSON, and gives what `told` holds for the record
    as it is: `said`, `shown`, `words`, `range`, `change`, and of a probability `p`, `low`, `high`, `cut`
    key: its own for each case, for what was moved is kept by it
    """
    words = {
        "reset": _("Reset"),
        "reset_one": _("{title} as recorded"),
        "absent": _("not measured"),
        "failed": _("No answer came. Move a value to ask again."),
        "values": _("Values that can be changed"),
    }
    data = {"key": key, "rows": [asdict(row) for row in rows], "url": ask_url, "told": dict(told), "words": words}
    _sliders(data=data, key=key)
