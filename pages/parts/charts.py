"""Figures of the pages: pure functions from numbers to plotly figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from hpo_core.analysis.targets import Target, plain
from pages.parts import palette
from pages.parts.numbers import History

HEIGHT = 300
# For Streamlit: the chart without its bar of buttons.
QUIET_CHART = {"displayModeBar": False}
MAX_MARKED = 25
WIDE_DECADES = 2.5
# Of trials that are compared, by their place.
COMPARED = (palette.RUNNING, palette.PRUNED, palette.COMPLETE, palette.BEST)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "square", "diamond", "cross", "x", "triangle-up")


def draw_history(points: History, score: Target) -> go.Figure:
    """Every complete trial as a dot, the best score so far as a line, the best trial as a star."""
    figure = blank("Trial", score.axis)
    names = [f"Trial {number}" for number in points.numbers]
    heights = [value * score.factor for value in points.scores]
    figure.add_scatter(
        x=points.numbers, y=heights, mode="markers", name="complete trial", text=names,
        marker={"color": palette.COMPLETE, "size": 8, "opacity": 0.75},
        customdata=[score.text(value) for value in points.scores],
        hovertemplate="%{text}: %{customdata}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=points.numbers, y=[value * score.factor for value in points.best], mode="lines", name="best so far",
        line={"color": palette.BEST, "width": 2, "shape": "hv"}, hoverinfo="skip",
    )  # fmt: skip
    if points.champion is not None:
        figure.add_scatter(
            x=[points.numbers[points.champion]], y=[heights[points.champion]], mode="markers", name="best trial",
            text=[names[points.champion]], marker={"color": palette.BEST, "size": 16, "symbol": "star"},
            customdata=[score.text(points.scores[points.champion])],
            hovertemplate="%{text}, the best: %{customdata}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(tickformat="d", dtick=tick(points.numbers))
    if len(points.numbers) == 1:
        figure.update_xaxes(range=around_one_trial(points.numbers[0]))
    if points.scores and min(points.scores) == max(points.scores):
        figure.update_yaxes(range=around_one_value(heights[0], score))
    return figure


def around_one_trial(number: int) -> list[float]:
    """An axis of trials on which a single one stands in the middle, and no other has its place."""
    return [number - 0.9, number + 0.9]


def around_one_value(value: float, score: Target) -> list[float]:
    """An axis around a single result, as far as a tenth of it; one in per cent ends at 100."""
    margin = abs(value) / 10 or 1.0
    highest = value + margin
    return [value - margin, min(highest, 100 + margin / 10) if score.is_share else highest]


def draw_curve(curve: Mapping[int, float], score: Target) -> go.Figure:
    """The value that the pruner saw after each epoch of one trial."""
    figure = blank("Epoch", score.axis)
    figure.add_scatter(
        x=list(curve), y=[value * score.factor for value in curve.values()], mode=mode(len(curve)), name=score.title,
        # As validation is drawn wherever training stands beside it.
        line={"color": palette.PRUNED, "width": 2}, marker={"size": 7},
        customdata=[score.text(value) for value in curve.values()],
        hovertemplate="epoch %{x}: %{customdata}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(tickformat="d", tickangle=0, dtick=tick(tuple(curve)))
    if len(curve) == 1:
        ((epoch, value),) = curve.items()
        figure.update_xaxes(range=around_one_trial(epoch)).update_yaxes(
            range=around_one_value(value * score.factor, score)
        )
    return figure


def draw_curves(curves: Mapping[str, Mapping[int, float]], score: Target, places: Sequence[int]) -> go.Figure:
    """The curves of several trials, each told apart by colour, dash and mark.

    Args:
        curves: by the name of the trial; none of them is empty.
        score: what they show.
        places: of the trials among all that are compared, which decide their colours.
    """
    figure = blank("Epoch", score.axis)
    for place, (name, curve) in zip(places, curves.items(), strict=True):
        figure.add_scatter(
            x=list(curve), y=[value * score.factor for value in curve.values()], mode=mode(len(curve)), name=name,
            line={"color": COMPARED[place % len(COMPARED)], "width": 2, "dash": DASHES[place % len(DASHES)]},
            marker={"size": 7, "symbol": SYMBOLS[place % len(SYMBOLS)]},
            customdata=[score.text(value) for value in curve.values()],
            hovertemplate=f"{name}, epoch %{{x}}: %{{customdata}}<extra></extra>",
        )  # fmt: skip
    steps = tuple(step for curve in curves.values() for step in curve)
    figure.update_xaxes(tickformat="d", tickangle=0, dtick=tick(steps))
    return figure


def blank(x_title: str, y_title: str, *, height: int = HEIGHT) -> go.Figure:
    """A figure without content, in the style of all charts."""
    figure = go.Figure()
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 40, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        # Counted from the chart's own edge: from the plot's, it lies across the plot after a telephone is turned.
        legend={"orientation": "h", "x": 0, "y": 1, "yref": "container", "yanchor": "top"},
        showlegend=True,
        # The same value at every update: zoom and hover survive it.
        uirevision="stay",
        modebar={"remove": ["lasso2d", "select2d"]},
    )
    figure.update_xaxes(title=x_title, zeroline=False, showgrid=False, automargin=True)
    figure.update_yaxes(title=y_title, zeroline=False, automargin=True)
    return figure


def tick(numbers: tuple[int, ...]) -> int | None:
    """Whole numbers only on a short axis; longer ones are left to plotly."""
    return 1 if numbers and max(numbers) - min(numbers) < 12 else None


def mode(points: int) -> str:
    """How a line is drawn: with marks, unless they would touch."""
    return "lines+markers" if points <= MAX_MARKED else "lines"


def log_axis(low: float, high: float) -> dict[str, Any]:
    """A logarithmic axis with plain numbers: at each power of ten, and between them where few are spanned."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    decades = math.log10(high / low)
    step = 1 if decades < 8 else 2
    digits = (1,) if decades >= WIDE_DECADES else (1, 3) if decades >= 1 else (1, 2, 3, 5, 7)
    ticks = [digit * 10.0**power for power in range(first, last + 1, step) for digit in digits]
    return {"type": "log", "tickmode": "array", "tickvals": ticks, "ticktext": [plain(tick) for tick in ticks]}
