"""What the layers put out for a few pictures at the end of the training.

How to read it: early layers should show edges and areas of the picture, later ones ever coarser and rarer spots. An
empty map is a filter that does not fire for this picture; the same map many times is a waste of filters. A filter that
answers to one class and not to the other tells them apart.
"""

from __future__ import annotations

from matplotlib.figure import Figure

from hpo_core.history import TrialHistory
from hpo_core.records import Snapshot
from hpo_core.training.plots.samples import (
    GAP,
    NAMES,
    SAMPLE,
    TILE,
    Box,
    draw_sample,
    first_sample,
    name_row,
    place_tile,
    scale_of,
    shown_layers,
)
from hpo_core.training.plots.style import MARGIN, new_canvas, shortened

MAX_LAYERS, MAX_MAPS = 8, 8
# As many samples are shown as have room for all their layers; the first is shown in any case.
MAX_ROWS = 8
WORDS = ["A row is a layer, a tile one of its filters.", "Pale: least; dark: most that the layer puts out."]


def has_picture_maps(history: TrialHistory) -> bool:
    """Whether snapshots of pictures are there."""
    series = first_sample(history)
    return bool(series) and series[-1].image is not None


def draw_activation_maps(history: TrialHistory) -> Figure:
    """For each sample its picture, and a row of at most eight maps for each layer, input first."""
    last = first_sample(history)[-1]
    names = shown_layers(last, MAX_LAYERS)
    samples = [last, *(other for other in others(history, last) if set(names) <= set(other.maps))]
    samples = samples[: max(1, MAX_ROWS // len(names))]
    step = TILE + GAP
    block = SAMPLE + MARGIN + step * len(names) + MARGIN
    title = f"Activation maps after epoch {last.epoch}"
    drawn = sum(1 for maps in last.maps.values() if maps)
    if drawn > len(names):
        title += f": {len(names)} of {drawn} layers, evenly chosen"
    figure, axes = new_canvas(
        block * len(samples), title, "What each layer puts out for pictures of the validation part."
    )
    for place, snapshot in enumerate(samples):
        y = draw_sample(axes, history, snapshot, block * place, WORDS if place == 0 else [])
        for name in names:
            name_row(axes, shortened(name, 18), size_of(snapshot, name), y + TILE / 2)
            for column, pixels in enumerate(snapshot.maps[name][:MAX_MAPS]):
                place_tile(axes, pixels, Box(NAMES + column * step, y, TILE, TILE), scale_of(snapshot))
            y += step
    return figure


def others(history: TrialHistory, last: Snapshot) -> list[Snapshot]:
    """The other samples that were looked at after the same epoch."""
    return [other for other in history.snapshots if other.epoch == last.epoch and other.sample != last.sample]


def size_of(snapshot: Snapshot, layer: str) -> str:
    """Height and width at which the maps of a layer are drawn; of large maps every other row and column is kept."""
    pixels = snapshot.maps[layer][0]
    return f"drawn {len(pixels)} × {len(pixels[0])}"
