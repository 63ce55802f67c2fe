"""Where each layer of a diagram stands. Pure: every picture of a network is drawn from these coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hpo_core.layer_plan import LayerPlan, PlannedLayer, Shape
from hpo_core.layer_texts import LayerKind
from pages.parts import formats

WIDTH, HEIGHT = 240.0, 40.0
PITCH = 64.0
MARGIN = 8.0
# The text beside an arrow begins this far from it; so wide is a letter of it.
ASIDE, LETTER = 10.0, 6.2
PICTURE = 3
# Of layers that always do the same.
SUBTITLES = {
    "Rescaling": "pixels divided by 255",
    "MaxPooling2D": "the largest of 2 × 2",
    "Flatten": "all numbers in one row",
    "GlobalAveragePooling2D": "the mean of each map",
    "GlobalMaxPooling1D": "the largest over the words",
    "GlobalAveragePooling1D": "the mean over the words",
}


@dataclass(frozen=True)
class Box:
    """A layer: its middle at (x, y), its number with its name, and what it is."""

    layer: PlannedLayer
    x: float
    y: float
    title: str
    subtitle: str

    @property
    def top(self) -> float:
        return self.y - HEIGHT / 2

    @property
    def bottom(self) -> float:
        return self.y + HEIGHT / 2

    @property
    def left(self) -> float:
        return self.x - WIDTH / 2


@dataclass(frozen=True)
class Arrow:
    """From one layer to the next, with the shape of what is handed on, as text with its middle at (x, y)."""

    start: Box
    end: Box
    text: str

    @property
    def x(self) -> float:
        return self.start.x + ASIDE + len(self.text) * LETTER / 2

    @property
    def y(self) -> float:
        return (self.start.bottom + self.end.top) / 2


@dataclass(frozen=True)
class Layout:
    """A diagram from top to bottom, in pixels, y downwards."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def lay_out(plan: LayerPlan) -> Layout:
    """One layer below the other, so that it is readable on a telephone."""
    boxes = tuple(
        Box(layer, MARGIN + WIDTH / 2, MARGIN + HEIGHT / 2 + place * PITCH, title(layer), subtitle(layer))
        for place, layer in enumerate(plan.layers)
    )
    arrows = tuple(Arrow(start, end, shape_text(start.layer.output_shape)) for start, end in pairwise(boxes))
    height = 2 * MARGIN + HEIGHT + PITCH * (len(boxes) - 1)
    return Layout(WIDTH + 2 * MARGIN, height, boxes, arrows)


def summary(plan: LayerPlan) -> str:
    """The network in one line."""
    first, last = plan.layers[0], plan.layers[-1]
    return (
        f"{formats.plural(len(plan.layers), 'layer')}, {formats.plural(plan.trainable, 'weight')} that learn, from "
        f"{shape_text(first.output_shape)} numbers to {formats.count(last.size)} classes"
    )


def title(layer: PlannedLayer) -> str:
    """For example '3 · conv_1'."""
    return f"{layer.number} · {layer.name}"


def subtitle(layer: PlannedLayer) -> str:
    """What the layer is, and how many numbers it learns or which value makes it what it is."""
    made_by = dict(layer.made_by)
    if layer.type in SUBTITLES:
        return SUBTITLES[layer.type]
    if layer.kind is LayerKind.INPUT:
        return "pixels" if len(layer.output_shape) == PICTURE else "numbers of words"
    if layer.kind is LayerKind.ACTIVATION:
        return f"activation · {made_by['activation']}"
    if layer.kind is LayerKind.DROPOUT:
        return f"dropout · leaves out {float(made_by['dropout']) * 100:g} %"
    return f"{layer.kind} · {formats.plural(layer.trainable, 'weight')}" if layer.trainable else str(layer.kind)


def shape_text(shape: Shape) -> str:
    """For example '8 × 8 × 16'."""
    return " × ".join(formats.count(size) for size in shape)
