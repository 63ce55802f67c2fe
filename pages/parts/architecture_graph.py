"""The diagram as a network that can be clicked: the front end of streamlit-agraph.

Its Python half has no key for the widget and loads networkx and rdflib (16 MB) to no use here, so only its front end is
taken, by the package's place on the disk.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import streamlit as st
import streamlit.components.v1 as components

from pages.parts import palette
from pages.parts.architecture_colours import Colouring
from pages.parts.architecture_layout import HEIGHT, WIDTH, Arrow, Box, Layout

CHOSEN_BORDER, BORDER = 4, 1
# The front end shows a network with this much room around it.
FIT = 1.1
FONT = "system-ui, Roboto, Liberation Sans, sans-serif"
SEPARATOR, BESIDE = ":", "/shape"


def draw(
    layout: Layout, colouring: Colouring, chosen: str, *, key: str, turn: int, on_click: Callable[[], None]
) -> None:
    """Draw the network; the value of the widget `key` is what `layer_of` reads.

    Args:
        layout, colouring: of the network.
        chosen: the layer that is marked.
        key: of the widget.
        turn: another number forgets what was clicked.
        on_click: called when a layer was clicked.
    """
    dark = st.context.theme.type == "dark"
    theme = palette.DARK if dark else palette.LIGHT
    ink, quiet = theme.text, theme.quiet

    def border(box: Box) -> tuple[str, int]:
        # On a dark ground some colours would hardly stand out without a rim.
        rim = quiet if dark else colouring.colours[box.layer.name]
        return (ink, CHOSEN_BORDER) if box.layer.name == chosen else (rim, BORDER)

    nodes = [node(box, colouring, border(box), turn) for box in layout.boxes]
    nodes += [_shape(arrow, turn, quiet) for arrow in layout.arrows]
    edges = [_edge(arrow, turn, quiet) for arrow in layout.arrows]
    _component()(
        data=json.dumps({"nodes": nodes, "edges": edges}), config=json.dumps(_options(layout.height * FIT)), key=key,
        on_change=on_click,
    )  # fmt: skip


def layer_of(value: object) -> str | None:
    """The layer that was clicked, None before that."""
    return value.partition(SEPARATOR)[2].removesuffix(BESIDE) or None if isinstance(value, str) else None


@cache
def _component() -> Any:
    spec = find_spec("streamlit_agraph")
    assert spec is not None and spec.submodule_search_locations is not None
    return components.declare_component(
        "agraph", path=str(Path(spec.submodule_search_locations[0]) / "frontend" / "build")
    )


def _id(box: Box, turn: int) -> str:
    return f"{turn}{SEPARATOR}{box.layer.name}"


def node(box: Box, colouring: Colouring, border: tuple[str, int], turn: int) -> dict[str, object]:
    """A box as vis.js takes it, its border given as colour and width in pixels."""
    colour, (rim, width) = colouring.colours[box.layer.name], border
    shades = {"background": colour, "border": rim}
    text = {"color": palette.ink_on(colour), "size": 13, "face": FONT}
    note = colouring.notes.get(box.layer.name, box.subtitle)
    return {
        "id": _id(box, turn), "x": box.x, "y": box.y, "shape": "box", "margin": 4,
        "label": f"<b>{html.escape(box.title, quote=False)}</b>\n{html.escape(note, quote=False)}",
        "widthConstraint": {"minimum": WIDTH - 8}, "heightConstraint": {"minimum": HEIGHT - 8},
        "color": {**shades, "highlight": shades, "hover": shades},
        "borderWidth": width, "borderWidthSelected": width,
        # The title a little higher, or its letters would touch the line below.
        "font": text | {"multi": "html", "bold": text | {"mod": "", "vadjust": -2}},
        "shapeProperties": {"borderRadius": 6}, "labelHighlightBold": False,
    }  # fmt: skip


def _edge(arrow: Arrow, turn: int, quiet: str) -> dict[str, object]:
    return {
        "from": _id(arrow.start, turn), "to": _id(arrow.end, turn), "smooth": False, "width": 1.5, "selectionWidth": 0,
        "color": {"color": quiet, "highlight": quiet, "hover": quiet},
        "arrows": {"to": {"enabled": True, "scaleFactor": 0.5}},
    }  # fmt: skip


def _shape(arrow: Arrow, turn: int, quiet: str) -> dict[str, object]:
    """The shape of what an edge carries, beside it: labels of edges lie under the arrow."""
    return {
        "id": _id(arrow.start, turn) + BESIDE, "x": arrow.x, "y": arrow.y, "shape": "text", "margin": 1,
        "label": arrow.text, "font": {"color": quiet, "size": 12, "face": FONT}, "labelHighlightBold": False,
    }  # fmt: skip


def _options(height: float) -> dict[str, object]:
    """A fixed picture: no physics; wheel and finger scroll the page."""
    return {
        "width": "100%", "height": f"{height:.0f}px", "physics": {"enabled": False}, "autoResize": True,
        "layout": {"improvedLayout": False},
        "interaction": {
            "dragNodes": False, "dragView": False, "zoomView": False, "hover": True, "selectConnectedEdges": False,
            "hoverConnectedEdges": False,
        },
    }  # fmt: skip
