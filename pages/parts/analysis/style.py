"""Axes, colours and labels that the charts of the Analysis page share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from hpo_core.analysis.landscape import Axis, category
from hpo_core.analysis.targets import Target, parameter_title, spans_decades
from pages.parts import charts, palette

HEIGHT = 460
LABEL = 18
# Up to so many whole numbers each has its label; between them there is nothing.
FEW_WHOLE = 12
FEW_ON_BAR = 5
OUTLINE = {"width": 0.5, "color": "rgba(128,136,150,0.8)"}


def blank(x_title: str, y_title: str, *, height: int = HEIGHT) -> go.Figure:
    figure = charts.blank(x_title, y_title, height=height)
    figure.update_layout(hoverlabel={"align": "left"})
    return figure


def wrapped(text: str, width: int = LABEL) -> str:
    """A label in lines of at most `width` characters; longer words are broken, nothing is left out."""
    lines = [""]
    for word in text.replace("_", "_ ").split(" "):
        glue = "" if not lines[-1] or lines[-1].endswith("_") else " "
        if lines[-1] and len(lines[-1] + glue + word) > width:
            lines.append(word)
        else:
            lines[-1] += glue + word
        while len(lines[-1]) > width:
            lines[-1:] = [lines[-1][:width], lines[-1][width:]]
    return "<br>".join(plain_text(line) for line in lines if line)


def plain_text(text: str) -> str:
    """Words for a figure: plotly takes some HTML, and names may look like it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def title(name: str) -> str:
    """A hyperparameter as a figure names it."""
    return plain_text(parameter_title(name))


def colour_bar(text: str, **more: Any) -> dict[str, Any]:
    """A bar above the figure: beside it there is no room on a phone."""
    return {
        "orientation": "h", "x": 0, "xanchor": "left", "y": 1.01, "yanchor": "bottom", "thickness": 10, "len": 0.7,
        "title": {"text": wrapped(text, 30), "side": "top"}, "outlinewidth": 0, "ypad": 4, **more,
    }  # fmt: skip


def whole_ticks(numbers: Sequence[int]) -> dict[str, int]:
    """Of a colour bar of few whole numbers: otherwise there would be marks between them."""
    return {"dtick": 1} if numbers and max(numbers) - min(numbers) < FEW_ON_BAR else {}


def sequence() -> list[list[object]]:
    """The colour scale from low to high."""
    colours = palette.SEQUENCE
    return [[place / (len(colours) - 1), colour] for place, colour in enumerate(colours)]


def result_axis(target: Target, results: Sequence[float]) -> dict[str, Any]:
    """An axis of results, logarithmic where they span decades; around a single one as far as a tenth of it."""
    values = [result * target.factor for result in results]
    low, high = min(values), max(values)
    found: dict[str, Any] = {"title": wrapped(target.axis, 34)}
    if target.may_be_log and spans_decades(values):
        return found | charts.log_axis(low, high)
    if low == high:
        found["range"] = charts.around_one_value(low, target)
    return found


def draw_axes(figure: go.Figure, x: dict[str, Any], y: dict[str, Any]) -> None:
    """Both axes of a chart with a colour bar: below one plotly writes a title over the labels, so it begins a line
    lower."""
    figure.update_xaxes(**x | {"title": f"<br>{x['title']}"}).update_yaxes(**y)


def parameter_axis(axis: Axis) -> dict[str, Any]:
    """An axis of a hyperparameter: numbers on their scale, categories at whole places with their full names."""
    found: dict[str, Any] = {"title": wrapped(parameter_title(axis.name), 34)}
    if axis.categories:
        found |= {
            "tickmode": "array", "tickvals": list(range(len(axis.categories))),
            "ticktext": [wrapped(name, 12) for name in axis.categories],
            "range": [-0.6, len(axis.categories) - 0.4],
        }  # fmt: skip
    elif axis.log:
        found |= charts.log_axis(axis.low, axis.high)
    elif axis.whole and axis.high - axis.low < FEW_WHOLE:
        found |= {"dtick": 1}
    return found


def value_text(value: object) -> str:
    """A hyperparameter's value in a hover box."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return plain_text(category(value))
