"""Charts: one Plotly template, and the kinds that the pages draw. Direct labels, no legend box."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from app.parts import theme
from medcore.i18n import _

FONT = "Plex, 'IBM Plex Sans', 'Noto Sans', sans-serif"
TOKENS = {
    True: {
        "text": "#D9DFE3",
        "soft": "#A3AEB6",
        "line": "#2E373D",
        "control": "#66757F",
        "human": "#4FC1B4",
        "machine": "#A7A4F7",
        "panel": "#161B1F",
    },
    False: {
        "text": "#182026",
        "soft": "#4A5862",
        "line": "#D3DADE",
        "control": "#7C8A93",
        "human": "#00696B",
        "machine": "#5443C4",
        "panel": "#FFFFFF",
    },
}


def tokens() -> dict[str, str]:
    """Colours of the theme that the browser shows."""
    return TOKENS[theme.dark()]


def _figure(x_title: str, y_title: str = "", height: int = 300) -> go.Figure:
    t = tokens()
    axis = {
        "color": t["soft"],
        "linecolor": t["control"],
        "tickcolor": t["control"],
        "ticks": "outside",
        "ticklen": 4,
        "zeroline": False,
        "showline": True,
        "tickfont": {"size": 12},
        "fixedrange": False,
    }
    figure = go.Figure()
    figure.update_layout(
        template=None,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 12, "color": t["soft"]},
        margin={"l": 44, "r": 18, "t": 26 if y_title else 10, "b": 46},
        height=height,
        showlegend=False,
        hoverlabel={"bgcolor": t["panel"], "bordercolor": t["control"], "font": {"family": FONT, "color": t["text"]}},
        xaxis=axis | {"showgrid": False},
        yaxis=axis | {"gridcolor": t["line"], "showgrid": True},
    )
    note = {"xref": "paper", "yref": "paper", "showarrow": False, "xanchor": "left", "font": {"size": 12}}
    figure.add_annotation(text=x_title, x=0, y=0, yshift=-24, yanchor="top", **note)
    if y_title:
        figure.add_annotation(text=y_title, x=0, y=1, xshift=-40, yshift=8, yanchor="bottom", **note)
    return figure


def _end(figure: go.Figure, text: str, x: float, y: float, colour: str, anchor: str = "left", shift: int = 6) -> None:
    """A label at the end of a line instead of a legend."""
    figure.add_annotation(
        text=text,
        x=x,
        y=y,
        xanchor=anchor,
        xshift=shift,
        yanchor="middle",
        showarrow=False,
        font={"color": colour, "size": 12},
    )


def curves(
    series: Mapping[str, Sequence[float | None]],
    *,
    xs: Sequence[float],
    x_max: float,
    reference: tuple[str, float] | None = None,
) -> go.Figure:
    """Lines over epochs `xs`, of at most `x_max`. The first series is the one that matters; a reference is a dashed
    line with its name."""
    t = tokens()
    figure = _figure(_("Epoch"))
    for n, (name, ys) in enumerate(series.items()):
        colour = t["machine"] if n == 0 else t["soft"]
        figure.add_scatter(
            x=list(xs),
            y=list(ys),
            name=name,
            mode="lines",
            line={"color": colour, "width": 2, "dash": "solid" if n == 0 else "4px,3px"},
        )
        last = next((i for i in reversed(range(len(ys))) if ys[i] is not None), None)
        if last is None:
            continue
        if n == 0:
            figure.add_scatter(
                x=[xs[last]], y=[ys[last]], mode="markers", hoverinfo="skip", marker={"color": colour, "size": 8}
            )
        if len(series) > 1:
            _end(figure, name, xs[last], float(ys[last] or 0), colour)
    if reference:
        name, value = reference
        figure.add_hline(y=value, line={"color": t["human"], "width": 1, "dash": "4px,3px"})
        figure.add_annotation(
            text=name,
            x=1,
            xref="paper",
            y=value,
            xanchor="right",
            yanchor="top",
            showarrow=False,
            font={"color": t["human"]},
        )
    shown = [y for ys in series.values() for y in ys if y is not None]
    if shown and max(shown) <= 1.5:
        figure.update_yaxes(tickformat=".2f")
    figure.update_xaxes(range=[0.5, x_max + max(1.0, 0.12 * x_max)])
    if len(series) > 1:
        figure.update_layout(margin_r=80)  # the lines' names stand at their ends
    return figure


def reliability(
    said: Sequence[float],
    was: Sequence[float],
    low: Sequence[float] | None = None,
    high: Sequence[float] | None = None,
) -> go.Figure:
    """When it said 70 %, was it right 70 times in 100? All values 0 to 1; low and high: 95 % range of `was`."""
    t = tokens()
    figure = _figure(_("Model said"), _("Was present"))
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", hoverinfo="skip", line={"color": t["control"], "width": 1, "dash": "4px,3px"}
    )
    bars = None
    if low is not None and high is not None:
        bars = {
            "type": "data",
            "symmetric": False,
            "array": [h - w for h, w in zip(high, was, strict=True)],
            "arrayminus": [w - lo for lo, w in zip(low, was, strict=True)],
            "color": t["machine"],
            "thickness": 1.5,
            "width": 0,
        }
    figure.add_scatter(
        x=list(said),
        y=list(was),
        mode="lines+markers",
        line={"color": t["machine"], "width": 1.5},
        marker={"size": 7},
        error_y=bars,
    )
    figure.update_xaxes(range=[0, 1.01], tickformat=".0%", dtick=0.2)
    figure.update_yaxes(range=[0, 1.01], tickformat=".0%", dtick=0.2)
    return figure


def roc(lines: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> go.Figure:
    """ROC curves: name to (1 − specificity, sensitivity). The first is the one that matters."""
    t = tokens()
    figure = _figure(_("1 − specificity"), _("Sensitivity"))
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", hoverinfo="skip", line={"color": t["control"], "width": 1, "dash": "4px,3px"}
    )
    for n, (name, (x, y)) in enumerate(lines.items()):
        colour, dash = (t["machine"], "solid") if n == 0 else (t["soft"], "4px,3px")
        figure.add_scatter(
            x=list(x), y=list(y), name=name, mode="lines", line={"color": colour, "width": 2, "dash": dash}
        )
        if len(lines) > 1:
            figure.add_annotation(
                text=name,
                x=0.98,
                y=0.06 + 0.09 * (len(lines) - 1 - n),
                xanchor="right",
                showarrow=False,
                font={"color": colour},
            )
    figure.update_xaxes(range=[0, 1.01], dtick=0.2)
    figure.update_yaxes(range=[0, 1.01], dtick=0.2)
    return figure


def individual(
    at: Sequence[float | str],
    series: Mapping[str, Sequence[float | None]],
    others: Sequence[Sequence[float | None]],
    *,
    x_title: str,
    here: tuple[float, float] | None = None,
    cut: tuple[str, float] | None = None,
    height: int = 300,
) -> go.Figure:
    """Curves of single cases, shares of 0 to 1. series: the one that matters first, a second dashed; others: thin,
    without a name; here: where the first case stands, a dot; cut: a named level. Over categories they are dots."""
    t = tokens()
    figure = _figure(x_title, height=height)
    mode = "markers" if at and isinstance(at[0], str) else "lines"
    xs: list[float | str | None] = []
    ys: list[float | None] = []
    for one in others:  # all in one trace: two hundred of them are slow
        xs += [*at, None]
        ys += [*one, None]
    soft = {"color": t["soft"], "width": 1}
    figure.add_scatter(
        x=xs, y=ys, mode=mode, hoverinfo="skip", opacity=0.3, line=soft, marker={"color": t["soft"], "size": 4}
    )
    for n, (name, one) in reversed([*enumerate(series.items())]):
        colour = t["machine"] if n == 0 else t["text"]
        figure.add_scatter(
            x=list(at),
            y=list(one),
            name=name,
            mode=mode,
            line={"color": colour, "width": 2, "dash": "solid" if n == 0 else "4px,3px"},
            marker={"color": colour, "size": 9 if n == 0 else 14, "symbol": "circle" if n == 0 else "line-ew-open"},
            hovertemplate="%{x}: %{y:.0%}",
        )
        last = next((i for i in reversed(range(len(one))) if one[i] is not None), None)
        if last is not None:
            x = last if mode == "markers" else at[last]
            _end(figure, name, x, float(one[last] or 0), colour, shift=12)  # type: ignore[arg-type]
    if here:
        figure.add_scatter(
            x=[here[0]], y=[here[1]], mode="markers", hoverinfo="skip", marker={"color": t["machine"], "size": 10}
        )
    if cut:
        figure.add_hline(y=cut[1], line={"color": t["control"], "width": 1})
        note = {"xref": "paper", "xanchor": "left", "xshift": 4, "yanchor": "bottom", "showarrow": False}
        figure.add_annotation(text=cut[0], x=0, y=cut[1], font={"color": t["soft"]}, **note)
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    figure.update_layout(margin_r=84)
    return figure


HEAT = [[0, "rgba(0,0,0,0)"], [0.22, "#3B1F4A"], [0.45, "#B3364C"], [0.75, "#F79C2F"], [1, "#F9DC5C"]]


def heat(cells: np.ndarray) -> go.Figure:
    """A square grid (rows, columns) from 0 to 1, as a map lies on a dark picture."""
    figure = _figure("", height=260)
    figure.add_heatmap(z=cells, zmin=0, zmax=1, colorscale=HEAT, showscale=False, hoverinfo="skip")
    figure.update_xaxes(visible=False, constrain="domain")
    figure.update_yaxes(visible=False, autorange="reversed", scaleanchor="x")
    figure.update_layout(plot_bgcolor="#000000", margin={"l": 0, "r": 0, "t": 0, "b": 0})
    return figure


def beat(
    seconds: Sequence[float],
    mv: Sequence[float],
    mapped: Sequence[float],
    reach: tuple[float, float],
) -> go.Figure:
    """An average beat in mV at seconds from R, over bands as dark as each part counted (0 to 1). reach: of its axis in
    mV."""
    t = tokens()
    figure = _figure(_("s from R"), "mV", 180)
    red, green, blue = (int(t["machine"][i : i + 2], 16) for i in (1, 3, 5))
    bands = [[0, f"rgba({red},{green},{blue},0)"], [1, f"rgba({red},{green},{blue},0.7)"]]
    figure.add_heatmap(
        x=list(seconds), y=list(reach), z=[list(mapped)] * 2, zmin=0, zmax=1, colorscale=bands, showscale=False,
        hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(
        x=list(seconds), y=list(mv), mode="lines", hoverinfo="skip", line={"color": t["text"], "width": 2}
    )
    figure.update_yaxes(range=list(reach))
    return figure


def show(figure: go.Figure, *, alt: str, key: str) -> None:
    """Draw a chart. alt: what it shows, in a sentence, for those who can't see it."""
    st.plotly_chart(figure, theme=None, key=key, alt=alt, config={"displayModeBar": False, "displaylogo": False})
