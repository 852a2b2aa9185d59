"""What was filled in and not yet sent, kept in this process' memory for its reader: Streamlit forgets the widgets of a
tab that is reloaded, or of a page that was left. Nothing of this reaches the disk."""

import threading
from collections import OrderedDict

import streamlit as st

from app.parts import desk

MOST = 500  # forms

_lock = threading.Lock()
_kept: OrderedDict[tuple[int, str], dict[str, object]] = OrderedDict()


def keep(form: str) -> None:
    """Before the widgets of a form, whose keys all begin with `form`: keeps what they hold, and where this tab has none
    of them yet, gives them what they held."""
    # A button's value can't be given back, and needn't be.
    held = {str(k): v for k, v in st.session_state.items() if str(k).startswith(form) and not isinstance(v, bool)}
    mine = (desk.user().id, form)
    with _lock:
        if held:
            _kept[mine] = held
            _kept.move_to_end(mine)
            while len(_kept) > MOST:
                _kept.popitem(last=False)
            return
        before = dict(_kept.get(mine, {}))
    st.session_state.update(before)


def forget() -> None:
    """All of everybody's: the cases that they were about are gone."""
    with _lock:
        _kept.clear()


def drop(form: str) -> None:
    """It was sent."""
    with _lock:
        _kept.pop((desk.user().id, form), None)
    for key in [k for k in st.session_state if str(k).startswith(form)]:
        del st.session_state[key]
