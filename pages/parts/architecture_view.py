"""A network on a page or in a dialog: diagram, numbers of the layer that is clicked, pictures to download."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from hpo_core.health.readings import LayerReading
from hpo_core.layer_plan import LayerPlan, PlannedLayer
from pages.parts import architecture_colours, architecture_graph, architecture_panel, formats
from pages.parts.architecture_colours import Colouring
from pages.parts.architecture_layout import lay_out, shape_text


def draw(
    plan: LayerPlan, *, key: str, name: str, readings: Sequence[LayerReading] = (), accuracy: float | None = None
) -> None:
    """Draw a network.

    Args:
        plan: its layers.
        key: tells several networks of a page apart; every widget's key begins with it.
        name: what its files are called, without the ending.
        readings: of its layers after the newest epoch; without them there is no colour by health.
        accuracy: of the trained network; without it there is no colour by accuracy.
    """
    st.html(f'<div class="quiet">{summary(plan)}</div>')
    with st.container(key=f"architecture_{key}"):
        st.fragment(_interactive, key=f"{key}_diagram")(plan, key, tuple(readings), accuracy)


def summary(plan: LayerPlan) -> str:
    """The network in one line."""
    first, last = plan.layers[0], plan.layers[-1]
    return (
        f"{formats.plural(len(plan.layers), 'layer')}, {formats.plural(plan.trainable, 'weight')} that learn, from "
        f"{shape_text(first.output_shape)} numbers to {formats.count(last.size)} classes"
    )


def _interactive(plan: LayerPlan, key: str, readings: tuple[LayerReading, ...], accuracy: float | None) -> None:
    colouring = _choose_colours(plan, key, readings, accuracy)
    architecture_panel.draw_legend(colouring)
    left, right = st.columns([2, 3], gap="medium")
    with right, st.container(border=True, key=f"architecture_layer_{key}"):
        chosen = _choose_layer(plan, key)
        architecture_panel.draw_layer(plan, chosen, readings)
    with left, st.container(key=f"architecture_graph_{key}"):
        architecture_graph.draw(
            lay_out(plan), colouring, chosen.name, key=f"{key}_graph", turn=st.session_state.get(f"{key}_turn", 0),
            on_click=lambda: _take_click(key),
        )  # fmt: skip


def _choose_colours(plan: LayerPlan, key: str, readings: tuple[LayerReading, ...], accuracy: float | None) -> Colouring:
    options = architecture_colours.choices(readings, accuracy)
    choice = options[0]
    if len(options) > 1:
        choice = str(st.segmented_control("Colour", options, default=choice, required=True, key=f"{key}_colour"))
    return architecture_colours.colouring(choice, plan, readings, accuracy)


def _choose_layer(plan: LayerPlan, key: str) -> PlannedLayer:
    """The layer that was clicked, or chosen from the list, which keyboards reach."""
    names = [layer.name for layer in plan.layers]
    widget = f"{key}_layer"
    if st.session_state.get(widget) not in names:
        st.session_state[widget] = max(plan.layers, key=lambda layer: layer.trainable).name
    numbers = {layer.name: layer.number for layer in plan.layers}
    chosen = st.selectbox(
        "Layer", names, key=widget, format_func=lambda name: f"{numbers[name]} · {name}", on_change=_forget_click,
        args=(key,), help="Click a layer in the diagram, or choose it here.",
    )  # fmt: skip
    layer = plan.layer(str(chosen))
    assert layer is not None
    return layer


def _take_click(key: str) -> None:
    name = architecture_graph.layer_of(st.session_state.get(f"{key}_graph"))
    if name is not None:
        st.session_state[f"{key}_layer"] = name


def _forget_click(key: str) -> None:
    """What is clicked next is news, also where it was clicked before."""
    st.session_state[f"{key}_turn"] = st.session_state.get(f"{key}_turn", 0) + 1
