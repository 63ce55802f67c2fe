"""How numbers run forward through a network and the error runs back, as a figure that plays."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import plotly.graph_objects as go

from hpo_core.layer_plan import LayerPlan, PlannedLayer
from pages.parts import palette
from pages.parts.architecture_colours import Colouring
from pages.parts.architecture_layout import shape_text, title

# Pixels: of a layer, of the sentence, of the buttons and the slider above it, below the last layer.
ROW, SAID, CONTROLS, FOOT = 22, 116, 100, 20
STEP_MS, FAST_STEP_MS = 1600, 600
LETTERS, LINES = 44, 5
FORWARD, BACKWARD = "Forward", "Backward"
RING = {FORWARD: palette.PRUNED, BACKWARD: palette.BEST}
FAINT = 0.25


@dataclass(frozen=True)
class Step:
    """One moment of the animation: which way, at which layer, and what happens there."""

    way: str
    layer: PlannedLayer
    text: str


def steps(plan: LayerPlan) -> list[Step]:
    """Forward from the input to the output, then backward."""
    there = [Step(FORWARD, layer, layer.explanation) for layer in plan.layers]
    return there + [Step(BACKWARD, layer, layer.backward) for layer in reversed(plan.layers)]


def draw_motion(plan: LayerPlan, colouring: Colouring) -> go.Figure:
    """One layer below the other; a ring runs down and up again, with a sentence at each layer."""
    moments = steps(plan)
    figure = go.Figure(data=_traces(plan, colouring, moments[0]), layout=_layout(plan, moments[0]))
    figure.frames = [
        go.Frame(name=str(at), data=_traces(plan, colouring, step), layout={"annotations": [_sentence(step)]})
        for at, step in enumerate(moments)
    ]
    figure.update_layout(updatemenus=[_buttons()], sliders=[_slider(moments)])
    return figure


def _traces(plan: LayerPlan, colouring: Colouring, step: Step) -> list[go.Scatter]:
    at = step.layer.number
    reached = [(layer.number <= at) if step.way == FORWARD else (layer.number >= at) for layer in plan.layers]
    rows = [-layer.number for layer in plan.layers]
    layers = go.Scatter(
        x=[0] * len(rows), y=rows, mode="lines+markers+text", line={"color": palette.WAITING, "width": 1},
        marker={
            "symbol": "square", "size": 16, "color": [colouring.colours[layer.name] for layer in plan.layers],
            "opacity": [1.0 if there else FAINT for there in reached],
        },
        text=[f"   {title(layer)}  ({shape_text(layer.output_shape)})" for layer in plan.layers],
        textposition="middle right", hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    ring = go.Scatter(
        x=[0], y=[-at], mode="markers", hoverinfo="skip", showlegend=False,
        marker={"symbol": "circle-open", "size": 26, "color": RING[step.way], "line": {"width": 4}},
    )  # fmt: skip
    return [layers, ring]


def _sentence(step: Step) -> dict[str, object]:
    lines = "<br>".join(textwrap.wrap(step.text, LETTERS)[:LINES])
    return {
        "text": f"<b>{step.way}: {title(step.layer)}</b><br>{lines}", "x": 0, "y": 1, "xref": "paper", "yref": "paper",
        "xanchor": "left", "yanchor": "top", "yshift": SAID, "align": "left", "showarrow": False, "font": {"size": 13},
    }  # fmt: skip


def _layout(plan: LayerPlan, first: Step) -> dict[str, object]:
    count, head = len(plan.layers), SAID + CONTROLS
    hidden = {"visible": False, "fixedrange": True}
    return {
        "height": head + FOOT + ROW * count, "margin": {"l": 0, "r": 0, "t": head, "b": FOOT}, "dragmode": False,
        "xaxis": {**hidden, "range": [-0.6, 10]}, "yaxis": {**hidden, "range": [-count - 0.7, -0.3]},
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "annotations": [_sentence(first)],
    }  # fmt: skip


def _buttons() -> dict[str, object]:
    play, fast = (
        {"frame": {"duration": step, "redraw": True}, "mode": "immediate", "transition": {"duration": 0},
         "fromcurrent": True}
        for step in (STEP_MS, FAST_STEP_MS)
    )  # fmt: skip
    pause = {"frame": {"duration": 0, "redraw": False}, "mode": "immediate", "transition": {"duration": 0}}
    return {
        "type": "buttons", "direction": "right", "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom",
        # Light in both themes: under the mouse a button becomes light whatever is set here.
        "showactive": False, "bgcolor": palette.LIGHT.surface, "font": {"color": palette.LIGHT.accent},
        "bordercolor": palette.LIGHT.accent,
        "pad": {"b": SAID + CONTROLS / 2, "r": 8}, "buttons": [
            {"label": "Play", "method": "animate", "args": [None, play]},
            {"label": "Play fast", "method": "animate", "args": [None, fast]},
            {"label": "Pause", "method": "animate", "args": [[None], pause]},
        ],
    }  # fmt: skip


def _slider(moments: list[Step]) -> dict[str, object]:
    now = {"frame": {"duration": 0, "redraw": True}, "mode": "immediate", "transition": {"duration": 0}}
    return {
        "x": 0, "y": 1, "yanchor": "bottom", "len": 1, "pad": {"b": SAID, "t": 0, "l": 8, "r": 8},
        "currentvalue": {"visible": False}, "ticklen": 0, "minorticklen": 0,
        "font": {"size": 1, "color": "rgba(0,0,0,0)"}, "steps": [
            {"label": f"{step.way} {step.layer.number}", "method": "animate", "args": [[str(at)], now]}
            for at, step in enumerate(moments)
        ],
    }  # fmt: skip
