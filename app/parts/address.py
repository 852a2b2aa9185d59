"""What is chosen on a page, kept in its address by names that no language changes."""

from collections.abc import Sequence
from typing import TypeVar

import streamlit as st

Option = TypeVar("Option", str, int)


def asked(name: str, options: Sequence[Option], default: Option) -> Option:
    """What the address asks for where that is an option, else `default`: what a control starts with."""
    wish = st.query_params.get(name)
    return next((o for o in options if str(o) == wish), default)


def keep(name: str, value: object, default: object = None) -> None:
    """Write a choice into the address; the default stays out of it."""
    if value is None or value == default:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != str(value):
        st.query_params[name] = str(value)


def number(name: str) -> int | None:
    """A row's id in the address, or None."""
    wish = st.query_params.get(name, "")
    return int(wish) if wish.isdecimal() and len(wish) < 10 else None
