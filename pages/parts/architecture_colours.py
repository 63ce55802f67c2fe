"""What the colours of a diagram say: the type of a layer, its health, or the accuracy of the network. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpo_core.health.layer_health import layer_health
from hpo_core.health.readings import LayerReading
from hpo_core.layer_plan import LayerPlan, PlannedLayer
from hpo_core.layer_texts import LayerKind
from pages.parts import formats, palette
from pages.parts.health_charts import layer_colour

TYPE, HEALTH, ACCURACY = "Layer type", "Health", "Accuracy"


@dataclass(frozen=True)
class Colouring:
    """Colours of a network.

    Attributes:
        colours: by layer name.
        notes: what stands in a box in the place of its kind, by layer name.
        legend: (word, colour) of what occurs, in the order of the layers.
        meaning: one sentence on how to read the colours.
    """

    colours: Mapping[str, str]
    notes: Mapping[str, str]
    legend: tuple[tuple[str, str], ...]
    meaning: str


def choices(readings: Sequence[LayerReading], accuracy: float | None) -> list[str]:
    """What can be shown of this network."""
    return [TYPE, *([HEALTH] if readings else []), *([ACCURACY] if accuracy is not None else [])]


def colouring(
    choice: str, plan: LayerPlan, readings: Sequence[LayerReading] = (), accuracy: float | None = None
) -> Colouring:
    """The colours that a choice stands for."""
    if choice == HEALTH:
        return by_health(plan, readings)
    if choice == ACCURACY and accuracy is not None:
        return by_accuracy(plan, accuracy)
    return by_type(plan)


def type_colour(layer: PlannedLayer) -> str:
    """The colour of a layer's type."""
    return layer_colour(layer.type, is_output=layer.kind is LayerKind.OUTPUT)


def by_type(plan: LayerPlan) -> Colouring:
    """Each layer in the colour of its type."""
    colours = {layer.name: type_colour(layer) for layer in plan.layers}
    first = {kind: next(layer for layer in plan.layers if layer.kind is kind) for kind in plan.kinds}
    legend = tuple((str(kind), colours[layer.name]) for kind, layer in first.items())
    return Colouring(colours, {}, legend, "")


def by_health(plan: LayerPlan, readings: Sequence[LayerReading]) -> Colouring:
    """Layers that were read on the scale of health; grey where nothing is read."""
    known = {name: health.value for name, health in layer_health(readings).items()}
    values = {layer.name: known.get(layer.name) for layer in plan.layers}
    measured = {name: value for name, value in values.items() if value is not None}
    colours = {name: palette.OTHER_LAYER if value is None else palette.health(value) for name, value in values.items()}
    notes = {name: f"health {formats.score(value)}" for name, value in measured.items()}
    scale = tuple((formats.score(value), palette.health(value)) for value in (0.0, 0.5, 1.0)) if measured else ()
    grey = (("not read", palette.OTHER_LAYER),) if len(measured) < len(values) else ()
    return Colouring(
        colours, notes, (*scale, *grey),
        "Health of a layer, 1 is healthy: the lower of two, the share of its units that work, and the size of its "
        "gradient: 1 down to a hundredth of the largest one, 0 at a millionth. Grey layers are not read.",
    )  # fmt: skip


def by_accuracy(plan: LayerPlan, accuracy: float) -> Colouring:
    """All layers in one colour: accuracy belongs to the whole network."""
    colour = palette.health(accuracy)
    return Colouring(
        dict.fromkeys((layer.name for layer in plan.layers), colour), {}, ((formats.percent(accuracy), colour),),
        "Accuracy belongs to the whole network, so all of it has one colour: red is 0 %, green is 100 %.",
    )  # fmt: skip
