"""Who sits at the desk, and the one Clinic that pages and routes of this process share."""

import gc
import secrets
import threading
from collections.abc import Callable
from functools import cache, wraps
from typing import TYPE_CHECKING, ParamSpec

import streamlit as st

from app.guard import LANGUAGE
from medcore.errors import Refused
from medcore.i18n import _, language, preferred
from medcore.settings import settings

if TYPE_CHECKING:
    from medcore.clinic import Clinic, User

P = ParamSpec("P")


def listen() -> None:
    """From here on in the language that this browser has chosen, else asks for."""
    language.set(preferred(st.context.cookies.get(LANGUAGE), st.context.locale))


def fragment(block: Callable[P, None], run_every: float | None = None) -> Callable[P, None]:
    """`st.fragment` for a block with text: run by itself, it comes in a thread that has not heard the language."""

    @wraps(block)
    def heard(*args: P.args, **kwargs: P.kwargs) -> None:
        listen()
        block(*args, **kwargs)

    return st.fragment(heard, run_every=run_every)


@cache
def clinic() -> "Clinic":
    """The Clinic of this process."""
    from medcore.clinic import Clinic

    return Clinic(settings())


@cache
def _desk() -> str:
    """Of this Clinic: in each address that a browser keeps things by, for another one may count from 1 again."""
    return secrets.token_hex(4)


def start_again(who: "User") -> None:
    """A demonstration as it began: its five cases, unread."""
    clinic().forget_demo(who)
    clinic.cache_clear()
    _desk.cache_clear()
    clinic().seed_demo(who)
    clinic().sweep()


def user() -> "User":
    """Who is signed in. The server puts the id into each websocket's headers; nobody else can."""
    from app.parts import theme

    try:
        return clinic().user(int(str(st.user.get("id") or 0)))
    except Refused:
        theme.refused(_("You are not signed in."), _("Reload the page and sign in."))
        st.stop()


@cache
def warm() -> None:
    """Start importing torch in the background, once: answer and explanation then come without that wait."""
    threading.Thread(target=_import_torch, daemon=True).start()


def _import_torch() -> None:
    import captum.attr  # noqa: F401 - takes matplotlib along, which is as slow
    import torch

    torch.set_num_threads(1)
    # Streamlit collects garbage after every run of a page: half a second more each time with these modules in it.
    gc.collect()
    gc.freeze()


def input_url(input_id: int) -> str:
    """Where a viewer fetches an input."""
    return f"/bytes/input/{input_id}?{_desk()}"


def map_url(attribution_id: int, grey: bool = False) -> str:
    """Where a viewer fetches an attribution's map. grey: it failed its checks, and the viewer draws it so."""
    return f"/bytes/map/{attribution_id}?{_desk()}{'&grey' if grey else ''}"


def mask_url(answer_id: int) -> str:
    """Where a viewer fetches the mask that an answer drew."""
    return f"/bytes/mask/{answer_id}?{_desk()}"


def outlines_url(input_id: int, files: int) -> str:
    """Where a viewer fetches what came as outlines on a volume, in so many files; a further one changes the address."""
    return f"/bytes/outlines/{input_id}?{_desk()}&{files}"


def measure_url(input_id: int) -> str:
    """Where a viewer fetches what was measured of a recording."""
    return f"/measure/{input_id}?{_desk()}"
