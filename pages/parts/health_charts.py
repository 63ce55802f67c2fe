"""Figures of the Health page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from hpo_core.health.metrics import METRICS
from hpo_core.history import TrialHistory, last_reading
from pages.parts import charts, palette
from pages.parts.charts import DASHES, SYMBOLS
from pages.parts.health_numbers import LOG, SHARE, Quantity, series

HEIGHT = 420
RADAR_HEIGHT = 340
LEGEND_HEIGHT = 48
ENOUGH_AXES = 3
HEALTH_LINE = "health"
COLOURS = palette.SERIES
FEW_DECADES, MANY_DECADES = 2.0, 8.0


def draw_radar(metrics: Mapping[str, float | None]) -> go.Figure | None:
    """The measured metrics as a shape; None where fewer than three say too little."""
    names = [name for name in METRICS if metrics.get(name) is not None]
    if len(names) < ENOUGH_AXES:
        return None
    around = [*names, names[0]]
    figure = _blank_radar()
    figure.add_scatterpolar(
        r=[metrics[name] for name in around], theta=[_two_lines(METRICS[name].title) for name in around],
        fill="toself", mode="lines+markers", line={"color": palette.RUNNING, "width": 2}, marker={"size": 7},
        fillcolor="rgba(0,114,178,0.18)", hovertemplate="%{theta}: %{r:.3f}<extra></extra>", showlegend=False,
    )  # fmt: skip
    return figure


def draw_radars(measured: Mapping[str, Mapping[str, float | None]]) -> go.Figure | None:
    """The metrics of several trials over each other, by the trial's name; trials of which fewer than three metrics
    were measured are left out, and None stands for no trial at all."""
    figure = _blank_radar()
    for place, (trial, metrics) in enumerate(measured.items()):
        names = [name for name in METRICS if metrics.get(name) is not None]
        if len(names) < ENOUGH_AXES:
            continue
        around = [*names, names[0]]
        figure.add_scatterpolar(
            r=[metrics[name] for name in around], theta=[_two_lines(METRICS[name].title) for name in around],
            mode="lines+markers", name=trial, hovertemplate=f"{trial}, %{{theta}}: %{{r:.3f}}<extra></extra>",
            line={"color": charts.COMPARED[place % len(charts.COMPARED)], "width": 2, "dash": DASHES[place]},
            marker={"size": 7, "symbol": SYMBOLS[place % len(SYMBOLS)]},
        )  # fmt: skip
    figure.update_layout(
        height=RADAR_HEIGHT + LEGEND_HEIGHT, showlegend=True, margin={"b": LEGEND_HEIGHT + 40},
        legend={"orientation": "h", "x": 0.5, "xanchor": "center", "y": -0.25, "yanchor": "top", "entrywidth": 80},
    )  # fmt: skip
    return figure if figure.data else None


def draw_metrics(
    by_epoch: Sequence[tuple[int, Mapping[str, float | None]]], health: Sequence[float | None]
) -> go.Figure:
    """The six metrics after each epoch, and the health score made of them as a thick line."""
    figure = charts.blank("Epoch", "health, 0 to 1", height=HEIGHT)
    epochs = tuple(epoch for epoch, _ in by_epoch)
    for place, (name, metric) in enumerate(METRICS.items()):
        values = [metrics.get(name) for _, metrics in by_epoch]
        if any(value is not None for value in values):
            _line(figure, epochs, values, metric.title, place)
    if any(value is not None for value in health):
        figure.add_scatter(
            x=list(epochs), y=list(health), mode="lines", name=HEALTH_LINE, opacity=0.9,
            line={"color": palette.NEUTRAL, "width": 5},
            hovertemplate="health after epoch %{x}: %{y:.3f}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(tickformat="d", dtick=charts.tick(epochs))
    figure.update_yaxes(range=[-0.02, 1.03])
    return figure


def draw_layers(history: TrialHistory, quantity: Quantity) -> go.Figure:
    """One line per layer over the epochs; colours say the type of the layer, dashes and marks keep them apart."""
    figure = charts.blank("Epoch", quantity.axis, height=HEIGHT)
    lines, styles = series(history, quantity), _styles(history)
    factor = 100.0 if quantity.kind == SHARE else 1.0
    for name, points in lines.items():
        colour, place = styles[name]
        form = "%{y:.1f} %" if quantity.kind == SHARE else "%{y:.3g}"
        figure.add_scatter(
            x=[epoch for epoch, _ in points], y=[value * factor for _, value in points], mode=charts.mode(len(points)),
            name=name, line={"color": colour, "width": 2, "dash": DASHES[place % len(DASHES)]},
            marker={"size": 7, "symbol": SYMBOLS[place % len(SYMBOLS)]},
            hovertemplate=f"{name}, epoch %{{x}}: {form}<extra></extra>",
        )  # fmt: skip
    epochs = tuple(epoch.epoch for epoch in history.read_epochs)
    figure.update_xaxes(tickformat="d", dtick=charts.tick(epochs))
    if quantity.kind == LOG:
        figure.update_yaxes(**_log_axis(lines))
    elif quantity.kind == SHARE:
        figure.update_yaxes(rangemode="tozero")
    if quantity.healthy is not None and lines:
        figure.add_hrect(
            y0=quantity.healthy[0], y1=quantity.healthy[1], line_width=0, fillcolor=palette.COMPLETE, opacity=0.12,
            layer="below",
        )  # fmt: skip
        # An annotation of its own: on a log axis its place is the logarithm, which `add_hrect` does not know.
        top = quantity.healthy[1]
        figure.add_annotation(
            text="healthy", xref="paper", x=1, xanchor="right", y=math.log10(top) if quantity.kind == LOG else top,
            yanchor="top", showarrow=False,
        )  # fmt: skip
    return figure


def layer_colour(layer_type: str, *, is_output: bool = False) -> str:
    """The colour of a layer by the class that Keras gives it."""
    return palette.OUTPUT_LAYER if is_output else palette.LAYERS.get(layer_type, palette.OTHER_LAYER)


def _blank_radar() -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        height=RADAR_HEIGHT, margin={"l": 88, "r": 88, "t": 40, "b": 40}, paper_bgcolor="rgba(0,0,0,0)",
        uirevision="stay", dragmode=False,
        polar={
            "bgcolor": "rgba(0,0,0,0)",
            "radialaxis": {
                "range": [0, 1], "tickvals": [0.25, 0.5, 0.75, 1], "tickfont": {"size": 12},
                "gridcolor": "rgba(128,136,150,0.35)", "linecolor": "rgba(0,0,0,0)", "angle": 90, "tickangle": 90,
            },
            "angularaxis": {
                "gridcolor": "rgba(128,136,150,0.35)", "linecolor": "rgba(128,136,150,0.35)", "rotation": 90,
                "direction": "clockwise", "tickfont": {"size": 12},
            },
        },
    )  # fmt: skip
    return figure


def _styles(history: TrialHistory) -> dict[str, tuple[str, int]]:
    """Layer to its colour and its place among the layers of that colour."""
    names = history.layer_names()
    types = {reading.name: reading.type for reading in last_reading(history.epochs)}
    found: dict[str, tuple[str, int]] = {}
    for name in names:
        colour = layer_colour(types[name], is_output=name == names[-1])
        found[name] = (colour, sum(used == colour for used, _ in found.values()))
    return found


def _line(figure: go.Figure, epochs: Sequence[int], values: Sequence[float | None], title: str, place: int) -> None:
    figure.add_scatter(
        x=list(epochs), y=list(values), mode=charts.mode(len(epochs)), name=title,
        line={"color": COLOURS[place % len(COLOURS)], "width": 2, "dash": DASHES[place // len(COLOURS) % len(DASHES)]},
        marker={"size": 7, "symbol": SYMBOLS[place % len(SYMBOLS)]},
        hovertemplate=f"{title}, epoch %{{x}}: %{{y:.3f}}<extra></extra>",
    )  # fmt: skip


def _log_axis(lines: Mapping[str, Sequence[tuple[int, float]]]) -> dict[str, Any]:
    """Plain numbers where few powers of ten are spanned; else each power, or every second one."""
    values = [value for points in lines.values() for _, value in points]
    decades = math.log10(max(values) / min(values)) if values else math.inf
    if decades < FEW_DECADES:
        return charts.log_axis(min(values), max(values))
    return {"type": "log", "exponentformat": "power", "dtick": 1 if decades < MANY_DECADES else 2}


def _two_lines(title: str) -> str:
    return title.replace(" ", "<br>", 1)
