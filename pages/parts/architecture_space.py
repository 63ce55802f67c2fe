"""A network in three dimensions: boxes whose edges follow the shapes of what the layers hand on."""

from __future__ import annotations

import math

import plotly.graph_objects as go

from hpo_core.layer_plan import LayerPlan, PlannedLayer
from hpo_core.layer_texts import LayerKind
from pages.parts import palette
from pages.parts.architecture_colours import Colouring
from pages.parts.architecture_layout import shape_text, subtitle, title
from pages.parts.glb import Cuboid

MEANING = "Each edge of a box grows with the logarithm of its length, so that 8 and 512 fit in one picture."
HEIGHT = 440
GAP, THIN, LABEL = 0.9, 0.35, 1.4
LONGEST = 2.2
# Layers that change numbers, not shapes, are thin plates.
PLATES = (LayerKind.SCALING, LayerKind.NORMALISATION, LayerKind.ACTIVATION, LayerKind.DROPOUT)
PICTURE, SEQUENCE = 3, 2
# Corners of a box as bits of x, y, z, and its twelve triangles.
CORNERS = [(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)]
TRIANGLES = (
    (0, 1, 3), (0, 3, 2), (4, 7, 5), (4, 6, 7), (0, 5, 1), (0, 4, 5), (2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4),
    (1, 5, 7), (1, 7, 3),
)  # fmt: skip


def cuboids(plan: LayerPlan, colouring: Colouring) -> list[Cuboid]:
    """One box per layer, along x from the input to the output, all with their middle at height 0."""
    boxes: list[Cuboid] = []
    x = 0.0
    for layer in plan.layers:
        size = _size(layer)
        boxes.append(Cuboid(layer.name, (x + size[0] / 2, 0.0, 0.0), size, colouring.colours[layer.name]))
        x += size[0] + GAP
    return boxes


def draw_space(plan: LayerPlan, colouring: Colouring) -> go.Figure:
    """The boxes as a figure that can be turned."""
    figure = go.Figure()
    boxes = cuboids(plan, colouring)
    for layer, box in zip(plan.layers, boxes, strict=True):
        figure.add_mesh3d(**_mesh(box), hovertext=_hover(layer, colouring), hoverinfo="text")
    numbered = [pair for pair in zip(plan.layers, boxes, strict=True) if pair[0].kind not in PLATES]
    figure.add_scatter3d(
        x=[box.centre[0] for _, box in numbered], y=[0.0] * len(numbered),
        z=[box.size[2] / 2 + LABEL / 2 for _, box in numbered],
        mode="text", text=[str(layer.number) for layer, _ in numbered], hoverinfo="skip", showlegend=False,
        textfont={"size": 12, "color": palette.NEUTRAL},
    )  # fmt: skip
    axis = {"visible": False, "showbackground": False}
    figure.update_layout(
        height=HEIGHT, margin={"l": 0, "r": 0, "t": 0, "b": 0}, paper_bgcolor="rgba(0,0,0,0)", uirevision="stay",
        scene={
            "aspectmode": "manual", "aspectratio": _ratio(boxes), "xaxis": axis, "yaxis": axis, "zaxis": axis,
            "camera": {"eye": {"x": -1.5, "y": -1.1, "z": 0.6}, "projection": {"type": "orthographic"}},
        },
    )  # fmt: skip
    return figure


def _ratio(boxes: list[Cuboid]) -> dict[str, float]:
    """Edges of the whole scene, true to one another, the longest one so long that the scene fills its place."""
    length = boxes[-1].centre[0] + boxes[-1].size[0] / 2
    width, height = (max(box.size[at] for box in boxes) for at in (1, 2))
    scale = LONGEST / max(length, width, height)
    return {"x": length * scale, "y": width * scale, "z": (height + LABEL) * scale}


def _size(layer: PlannedLayer) -> tuple[float, float, float]:
    """Length along the network, width and height: channels, columns and rows of a map."""
    shape = layer.output_shape
    if len(shape) == PICTURE:
        length = THIN if layer.kind in PLATES else max(THIN, _edge(shape[2]) / 2)
        return length, _edge(shape[1]), _edge(shape[0])
    if len(shape) == SEQUENCE:
        return THIN * 2, _edge(shape[0]), _edge(shape[1])
    return (THIN if layer.kind in PLATES else THIN * 2), THIN * 2, _edge(shape[0])


def _edge(length: int) -> float:
    return math.log2(1 + length)


def _mesh(box: Cuboid) -> dict[str, object]:
    places = [tuple(box.centre[at] + corner[at] * box.size[at] for at in range(3)) for corner in CORNERS]
    return {
        "x": [place[0] for place in places], "y": [place[1] for place in places], "z": [place[2] for place in places],
        "i": [t[0] for t in TRIANGLES], "j": [t[1] for t in TRIANGLES], "k": [t[2] for t in TRIANGLES],
        "color": box.colour, "flatshading": True, "name": box.name, "showlegend": False,
        "lighting": {"ambient": 0.65, "diffuse": 0.6, "specular": 0.05},
    }  # fmt: skip


def _hover(layer: PlannedLayer, colouring: Colouring) -> str:
    what = colouring.notes.get(layer.name, subtitle(layer))
    return f"<b>{title(layer)}</b><br>{what}<br>hands on {shape_text(layer.output_shape)}"
