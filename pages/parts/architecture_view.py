"""A network on a page or in a dialog: diagram, numbers of the layer that is clicked, pictures to download."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from hpo_core.health.readings import LayerReading
from hpo_core.layer_plan import LayerPlan, PlannedLayer
from pages.parts import (
    architecture_colours,
    architecture_graph,
    architecture_motion,
    architecture_panel,
    architecture_space,
)
from pages.parts.architecture_colours import Colouring
from pages.parts.architecture_files import KINDS, picture
from pages.parts.architecture_layout import lay_out, summary
from pages.parts.charts import QUIET_CHART
from pages.parts.glb import glb_file

TURNED = "Drag to turn it, scroll or pinch to come closer, point at a box for its name."
DIAGRAM, SPACE, MOTION = "Diagram", "3D", "Animation"
VIEWS = (DIAGRAM, SPACE, MOTION)
FILE_HELP: Mapping[str, str] = {
    "svg": "The diagram as vectors, for web pages and drawing programs.",
    "png": "The diagram as a picture, for slides and documents.",
    "pdf": "The diagram as vectors on one page, for papers.",
    "json": "Configuration, counts and every layer with its shape, for programs.",
    "glb": "The boxes of the 3D view, for 3D programs and slides.",
}


@dataclass(frozen=True)
class Shown:
    """What `draw` was told about a network beside its layers."""

    key: str
    name: str
    title: str
    readings: tuple[LayerReading, ...]
    accuracy: float | None


def draw(
    plan: LayerPlan,
    *,
    key: str,
    name: str,
    title: str,
    readings: Sequence[LayerReading] = (),
    accuracy: float | None = None,
) -> None:
    """Draw a network.

    Args:
        plan: its layers.
        key: tells several networks of a page apart; every widget's key begins with it.
        name: what its files are called, without the ending.
        title: what stands above the diagram in its files.
        readings: of its layers after the newest epoch; without them there is no colour by health.
        accuracy: of the trained network; without it there is no colour by accuracy.
    """  # fmt: skip
    st.html(f'<div class="quiet">{summary(plan)}</div>')
    with st.container(key=f"architecture_{key}"):
        st.fragment(_interactive, key=f"{key}_diagram")(plan, Shown(key, name, title, tuple(readings), accuracy))


def _interactive(plan: LayerPlan, shown: Shown) -> None:
    key = shown.key
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"architecture_choices_{key}"):
        view = str(st.segmented_control("View", VIEWS, default=DIAGRAM, required=True, key=f"{key}_view"))
        colouring = _choose_colours(plan, shown)
    architecture_panel.draw_legend(colouring)
    if view == DIAGRAM:
        _diagram(plan, shown, colouring)
    elif view == SPACE:
        st.plotly_chart(
            architecture_space.draw_space(plan, colouring), key=f"{key}_space", config=QUIET_CHART, alt=summary(plan)
        )
        st.html(f'<div class="quiet">{architecture_space.MEANING} {TURNED}</div>')
    else:
        st.plotly_chart(
            architecture_motion.draw_motion(plan, colouring), key=f"{key}_motion", config=QUIET_CHART,
            alt="Numbers run forward through the layers, then the error runs back.",
        )  # fmt: skip
    _downloads(plan, shown, colouring)


def _diagram(plan: LayerPlan, shown: Shown, colouring: Colouring) -> None:
    key = shown.key
    left, right = st.columns([2, 3], gap="medium")
    with right, st.container(border=True, key=f"architecture_layer_{key}"):
        chosen = _choose_layer(plan, key)
        architecture_panel.draw_layer(plan, chosen, shown.readings)
    graph = f"{key}_graph_{len(plan.layers)}"  # a front end that is there already keeps its scale
    with left, st.container(key=f"architecture_graph_{key}"):
        architecture_graph.draw(
            lay_out(plan), colouring, chosen.name, key=graph, turn=st.session_state.get(f"{key}_turn", 0),
            on_click=lambda: _take_click(key, graph),
        )  # fmt: skip


def _downloads(plan: LayerPlan, shown: Shown, colouring: Colouring) -> None:
    """Files are made when they are asked for."""
    boxes = architecture_space.cuboids(plan, colouring)
    makers: dict[str, tuple[str, Callable[[], bytes]]] = {
        kind: (mime, partial(picture, kind, plan, colouring, shown.title, summary(plan)))
        for kind, (_, mime) in KINDS.items()
    }
    makers |= {
        "json": ("application/json", plan.to_json().encode),
        "glb": ("model/gltf-binary", partial(glb_file, boxes)),
    }
    with st.container(horizontal=True, key=f"architecture_files_{shown.key}"):
        for kind, (mime, make) in makers.items():
            st.download_button(
                kind.upper(), data=make, file_name=f"{shown.name}.{kind}", mime=mime, key=f"{shown.key}_{kind}",
                icon=":material/download:", on_click="ignore", help=FILE_HELP[kind],
            )  # fmt: skip


def _choose_colours(plan: LayerPlan, shown: Shown) -> Colouring:
    options = architecture_colours.choices(shown.readings, shown.accuracy)
    choice = options[0]
    if len(options) > 1:
        choice = str(st.segmented_control("Colour", options, default=choice, required=True, key=f"{shown.key}_colour"))
    return architecture_colours.colouring(choice, plan, shown.readings, shown.accuracy)


def _choose_layer(plan: LayerPlan, key: str) -> PlannedLayer:
    """The layer that was clicked, or chosen from the list, which keyboards reach."""
    names = [layer.name for layer in plan.layers]
    widget = f"{key}_layer"
    if st.session_state.get(widget) not in names:
        st.session_state[widget] = max(plan.layers, key=lambda layer: layer.trainable).name
    numbers = {layer.name: layer.number for layer in plan.layers}
    chosen = st.selectbox(
        "Layer", names, key=widget, format_func=lambda name: f"{numbers[name]} · {name}", on_change=_forget_click,
        args=(key,), help="Click a layer in the diagram, or choose it here; at first the one with the most weights.",
    )  # fmt: skip
    layer = plan.layer(str(chosen))
    assert layer is not None
    return layer


def _take_click(key: str, graph: str) -> None:
    name = architecture_graph.layer_of(st.session_state.get(graph))
    if name is not None:
        st.session_state[f"{key}_layer"] = name


def _forget_click(key: str) -> None:
    """What is clicked next is news, also where it was clicked before."""
    st.session_state[f"{key}_turn"] = st.session_state.get(f"{key}_turn", 0) + 1
