"""Work that takes longer than a page may: done beside it, once for all who ask, while the page stays usable."""

import contextvars
import threading
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from types import MappingProxyType
from typing import TypeVar

import streamlit as st

T = TypeVar("T")
PATIENCE_SECONDS = 0.8  # what was computed before comes back within this
EVERY_SECONDS = 1.0
KEPT = 64

_lock = threading.Lock()
_room = threading.Semaphore(2)
_going: "dict[Hashable, Future[object]]" = {}


def _start(work: Callable[[], T]) -> "Future[T]":
    """In a thread that doesn't keep the process from ending; what is half done then is done again when asked for."""
    future: Future[T] = Future()
    language = contextvars.copy_context()

    def run() -> None:
        with _room:
            try:
                future.set_result(language.run(work))
            except BaseException as error:
                future.set_exception(error)

    threading.Thread(target=run, daemon=True, name="later").start()
    return future


def soon(key: Hashable, work: Callable[[], T]) -> T | None:
    """What `work` gives, or None while it is going on; raises what it raised. `key` says whose work is the same.

    Where it gives None, call `wait(key)` where the page ends.
    """
    with _lock:
        if key not in _going:
            for old in [k for k, f in _going.items() if f.done()][: max(0, len(_going) - KEPT)]:
                del _going[old]
            _going[key] = _start(work)  # type: ignore[assignment]
        future = _going[key]
    try:
        result: T = future.result(PATIENCE_SECONDS)  # type: ignore[assignment]
    except NotYet:
        if not future.done():
            return None
        raise
    finally:
        if future.done():
            with _lock:
                _going.pop(key, None)
    return result


@st.fragment(run_every=EVERY_SECONDS)
def wait(key: Hashable, kept: Mapping[str, object] = MappingProxyType({})) -> None:
    """Runs the page again as soon as that work is done. kept: what that run finds in the session's state."""
    with _lock:
        done = key not in _going or _going[key].done()
    if done:
        st.session_state.update(kept)
        st.rerun()
