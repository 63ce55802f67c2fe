"""What stands beside a diagram: the legend, and everything about the layer that was chosen."""

from __future__ import annotations

import html

import streamlit as st

from hpo_core.health.layer_health import LayerHealth, layer_health
from hpo_core.health.readings import LayerReading
from hpo_core.layer_plan import LayerPlan, PlannedLayer
from hpo_core.parameters import PARAMETERS
from hpo_core.references import keras
from pages.parts import formats, palette, state
from pages.parts.architecture_colours import Colouring, type_colour
from pages.parts.architecture_layout import shape_text

Readings = tuple[LayerReading, ...]


def draw_legend(colouring: Colouring) -> None:
    """The colours that occur, each with its word, and how to read them."""
    marks = "".join(
        f'<span class="layer-mark"><i style="background:{colour}"></i>{html.escape(word)}</span>'
        for word, colour in colouring.legend
    )
    meaning = f'<div class="quiet">{html.escape(colouring.meaning)}</div>' if colouring.meaning else ""
    st.html(f'<div class="layer-legend">{marks}</div>{meaning}')


def draw_layer(plan: LayerPlan, layer: PlannedLayer, readings: Readings) -> None:
    """Numbers and explanation of one layer."""
    badge = state.badge(str(layer.kind), type_colour(layer))
    name = f'<div class="run-line"><span class="name">{layer.number} · {html.escape(layer.name)}</span>{badge}</div>'
    parts = [
        f'<div class="card-text layer-text">{html.escape(layer.explanation)}</div>',
        _table(_numbers(plan, layer)),
    ]
    if layer.made_by:
        parts.append('<div class="layer-part">What made it</div>')
        parts.append(_table([_made_by(name, value) for name, value in layer.made_by]))
    reading = next((reading for reading in readings if reading.name == layer.name), None)
    if reading is not None:
        parts.append('<div class="layer-part">How it was doing when it was last read</div>')
        parts.append(_table(_read(reading, layer_health(readings)[layer.name])))
    st.html(f'<details class="layer-fold" open><summary>{name}</summary>{"".join(parts)}</details>')


def _numbers(plan: LayerPlan, layer: PlannedLayer) -> list[tuple[str, str]]:
    before = plan.layers[layer.number - 2].output_shape if layer.number > 1 else None
    rows = [("Takes", _shape(before))] if before is not None else []
    rows += [
        ("Hands on", _shape(layer.output_shape)),
        ("Keras class", formats.link(keras(f"layers.{layer.type}")._replace(title=layer.type))),
    ]
    if not layer.parameters:
        return [*rows, ("Parameters", "none: there is nothing to learn")]
    share = layer.trainable / plan.trainable if plan.trainable else 0.0
    rows.append(("Weights that learn", f"{formats.count(layer.trainable)} <small>{share * 100:.1f} % of all</small>"))
    if layer.parameters > layer.trainable:
        rows.append(("Numbers noted beside", formats.count(layer.parameters - layer.trainable)))
    return rows


def _shape(shape: tuple[int, ...]) -> str:
    size = 1
    for length in shape:
        size *= length
    return shape_text(shape) + (f" <small>= {formats.count(size)} numbers</small>" if len(shape) > 1 else "")


def _made_by(name: str, value: object) -> tuple[str, str]:
    parameter = PARAMETERS[name]
    explanation = f"<br><small>{html.escape(parameter.explanation)}</small>"
    return parameter.title + explanation, html.escape(formats.value(value))


def _read(reading: LayerReading, health: LayerHealth) -> list[tuple[str, str]]:
    rows = [("Health", _chip(health.value))]
    if reading.dead is not None:
        rows.append(("Dead units", f"{formats.count(reading.dead)} of {formats.count(reading.units)}"))
    if reading.saturated is not None:
        rows.append(("Saturated units", f"{formats.count(reading.saturated)} of {formats.count(reading.units)}"))
    rows += [
        ("Gradient", _scientific(reading.gradient_rms)),
        ("Update ratio", _scientific(reading.update_ratio)),
        ("Weight norm", formats.NOTHING if reading.weight_norm is None else f"{reading.weight_norm:.3g}"),
    ]
    return rows


def _chip(value: float | None) -> str:
    if value is None:
        return "not measured"
    colour = palette.health(value)
    style = f"background:{colour};color:{palette.ink_on(colour)}"
    return f'<span class="health-chip" style="{style}">{formats.score(value)}</span>'


def _scientific(value: float | None) -> str:
    return formats.NOTHING if value is None else f"{value:.1e}"


def _table(rows: list[tuple[str, str]]) -> str:
    """Rows of HTML."""
    body = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in rows)
    return f'<table class="facts-table">{body}</table>'
