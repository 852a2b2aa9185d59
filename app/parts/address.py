"""What is chosen on a page, kept in its address by names that no language changes."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import streamlit as st

Option = TypeVar("Option", str, int)


def asked(name: str, options: Sequence[Option], default: Option) -> Option:
    """What the address asks for where that is an option, else `default`: what a control starts with."""
    wish = st.query_params.get(name)
    return next((o for o in options if str(o) == wish), default)


def choose(name: str, titles: Mapping[str, str], label: str, first: str, *, key: str, hidden: bool = False) -> str:
    """One of `titles` by buttons: what the address says at first, else `first`, which stays out of it. hidden: the
    label is for those alone who can't see the buttons."""
    picked = st.segmented_control(
        label,
        list(titles),
        default=asked(name, list(titles), first),
        required=True,
        format_func=titles.__getitem__,
        key=key,
        label_visibility="collapsed" if hidden else "visible",
        wrap=True,
    )
    keep(name, picked, first)
    return str(picked)


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
