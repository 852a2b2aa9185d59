"""Who has which case open right now: one entry an open browser tab, gone as soon as the tab is."""

import threading

from streamlit.runtime import exists, get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx

_lock = threading.Lock()
_open: dict[str, tuple[str, int]] = {}  # session → (reader's name, case)


def here(name: str, case_id: int | None) -> None:
    """This tab's reader has this case open, or none."""
    context = get_script_run_ctx()
    if context is None or not exists():
        return
    with _lock:
        if case_id is None:
            _open.pop(context.session_id, None)
        else:
            _open[context.session_id] = (name, case_id)


def reading(but: str = "") -> dict[int, list[str]]:
    """By case the names of who has it open, less one's own."""
    with _lock:
        for session in [s for s in _open if not get_instance().is_active_session(s)]:
            del _open[session]
        found: dict[int, set[str]] = {}
        for name, case_id in _open.values():
            if name != but:
                found.setdefault(case_id, set()).add(name)
    return {case_id: sorted(names) for case_id, names in found.items()}
