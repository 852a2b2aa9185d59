"""The volume viewer, chosen by the address: ?of=ct&map=1&mask=1; several series: ?of=ct,three;
a second viewer beside it, that moves with it: ?of=ct&beside=tilted."""

import streamlit as st

from app.parts import theme
from app.parts.viewers import Series, volume

theme.page()
names = st.query_params.get("of", "ct").split(",")
over, mask = (bool(st.query_params.get(kind)) for kind in ("map", "mask"))
if st.button("Run again", type="primary"):
    st.session_state["runs"] = st.session_state.get("runs", 0) + 1
theme.hint(f"Runs: {st.session_state.get('runs', 0)}")

beside = st.query_params.get("beside")
if beside:
    for place, shown in zip(st.columns(2), (names, [beside]), strict=True):
        with place:
            volume([Series(n, f"/bytes/input/{n}") for n in shown], key=f"volume-{'-'.join(shown)}", link="pair")
    st.stop()
viewer, _rail = st.columns([2.36, 1], gap="small")
with viewer, theme.panel("viewer"):
    series = [
        Series(
            name.replace("_", " "),
            f"/bytes/input/{name}",
            f"/bytes/map/{name}" if over else None,
            f"/bytes/mask/{name}" if mask else None,
            "Attention for x" if over else "",
        )
        for name in names
    ]
    volume(series, key=f"volume-{'-'.join(names)}")
