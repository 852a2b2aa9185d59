"""Who sits at the desk, and the one Clinic that pages and routes of this process share."""

import gc
import threading
from functools import cache
from typing import TYPE_CHECKING

import streamlit as st

from medcore.errors import Refused
from medcore.i18n import _
from medcore.settings import settings

if TYPE_CHECKING:
    from medcore.clinic import Clinic, User


@cache
def clinic() -> "Clinic":
    """The Clinic of this process."""
    from medcore.clinic import Clinic

    return Clinic(settings())


def start_again(who: "User") -> None:
    """A demonstration as it began: its five cases, unread."""
    clinic().forget_demo(who)
    clinic.cache_clear()
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
    return f"/bytes/input/{input_id}"


def map_url(attribution_id: int) -> str:
    """Where a viewer fetches an attribution's map."""
    return f"/bytes/map/{attribution_id}"


def mask_url(answer_id: int) -> str:
    """Where a viewer fetches the mask that an answer drew."""
    return f"/bytes/mask/{answer_id}"


def measure_url(input_id: int) -> str:
    """Where a viewer fetches what was measured of a recording."""
    return f"/measure/{input_id}"
