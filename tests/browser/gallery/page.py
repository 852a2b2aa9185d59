"""One viewer, chosen by the address: ?show=film&of=monochrome1&map=1&mask=1; a second one beside it: &beside=film."""

import streamlit as st

from app.parts import theme
from app.parts.viewers import ecg, film, record_table
from medcore.inputs import Column

theme.page()
show, of = st.query_params.get("show", "film"), st.query_params.get("of", "film")
over = f"/bytes/map/{of}" if st.query_params.get("map") else None
mask = f"/bytes/mask/{of}" if st.query_params.get("mask") else None

if st.button("Run again", type="primary"):
    st.session_state["runs"] = st.session_state.get("runs", 0) + 1
theme.hint(f"Runs: {st.session_state.get('runs', 0)}")
other = st.toggle("Another case")
st.multiselect("Tags", ["one"], default=["one"])

with theme.panel("viewer"):
    if beside := st.query_params.get("beside"):
        for place, name in zip(st.columns(2), (of, beside), strict=True):
            with place:
                if show == "film":
                    film(f"/bytes/input/{name}", key=f"film-{name}", link="pair")
                else:
                    ecg(f"/bytes/input/{name}", key=f"ecg-{name}", link="pair")
    elif show == "film":
        name = "monochrome1" if other else of
        regions = ("Right lower zone, 64 %", "Left upper zone, 36 %") if over else ()
        facts = {"laterality": "R", "orientation": "L\\F"} if st.query_params.get("sides") else {}
        about = {"corners": ("Chest, PA",), "number": "CXR-1", "label": "A film"}
        film(f"/bytes/input/{name}", over, mask, key=f"film-{name}", regions=regions, facts=facts, **about)
    elif show == "ecg":
        name = "paced" if other else of
        measured = f"/measure/{name}" if st.query_params.get("measure") else None
        ecg(f"/bytes/input/{name}", over, key=f"ecg-{name}", label="Attention for x", measure_url=measured)
    else:
        columns = [
            Column("hb", "Haemoglobin", "g/dL", (12, 16)),
            Column("na", "Sodium", "mmol/L", (135, 145)),
            Column("sex", "Sex", choices=("female", "male")),
            Column("alb", "<b>Albumin</b>", "g/L", (35, 50)),
        ]
        values = {"hb": 9.4, "na": 140.0, "sex": "female", "alb": None}
        before = {"hb": 10.2, "na": 140.0, "sex": "male"} if st.query_params.get("before") else None
        points = [8.6, -2.25, 0.5, 0.0] if over else None
        if st.query_params.get("many"):
            columns += [Column(f"v{i}", f"Value {i}") for i in range(20)]
            values |= {f"v{i}": float(i) for i in range(20)}
            points = points and points + [i / 10 for i in range(20)]
        record_table(columns, values, points, base=0.17, before=before, before_from="REC-0001")
