"""How the output of an early and a late layer for one sample changes along the training.

How to read it: maps that settle early have learned what they will; maps that never change have not learned at all;
maps that go empty have died.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
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
from hpo_core.training.plots.style import (
    MARGIN,
    QUIET,
    RIGHT,
    SMALL_SIZE,
    TEXT,
    WRONG,
    class_name,
    new_canvas,
    shortened,
    thinned,
)

MAX_EPOCHS, MAPS_OF_A_LAYER = 8, 3
HEADER = 56  # epoch and prediction above the tiles
LAYER_GAP = 14
TALL = 200  # units by words


def has_progression(history: TrialHistory) -> bool:
    """Whether one sample was looked at after two epochs at least."""
    return len({snapshot.epoch for snapshot in first_sample(history)}) >= 2


def draw_activation_progression(history: TrialHistory) -> Figure:
    """Columns are epochs; rows are the maps of the first and of the last layer that differ most over the picture."""
    series = thinned(first_sample(history), MAX_EPOCHS)
    last = series[-1]
    rows = chosen_maps(last)
    layers = len({name for name, _ in rows})
    picture = last.image is not None
    tile = TILE if picture else TALL
    body = (SAMPLE if picture else 60) + HEADER + MARGIN * 2 + (tile + GAP) * len(rows) + LAYER_GAP * (layers - 1)
    figure, axes = new_canvas(
        body,
        "Activations along the training" + (": an early and a late layer" if layers > 1 else ""),
        "One sample of the validation part; above each column what the model took it for.",
    )
    words = (
        [
            "Shown: the maps that differ most within the picture.",
            "Pale: least; dark: most that the layer puts out in that epoch.",
        ]
        if picture
        else ["Units (rows) by words (columns). Orange: negative, white: zero, blue: positive."]
    )
    y = draw_sample(axes, history, last, 0, words)
    _head_columns(axes, history, series, y)
    y += HEADER
    before = rows[0][0]
    for name, number in rows:
        y += LAYER_GAP if name != before else 0
        before = name
        name_row(axes, shortened(name, 18), f"map {number + 1}" if picture else "", y + tile / 2)
        _draw_row(axes, series, (name, number), y, tile)
        y += tile + GAP
    return figure


def _head_columns(axes: Axes, history: TrialHistory, series: list[Snapshot], y: float) -> None:
    for column, snapshot in enumerate(series):
        middle = NAMES + column * (TILE + GAP) + TILE / 2
        colour = RIGHT if snapshot.predicted == snapshot.label else WRONG
        axes.text(middle, y, f"epoch {snapshot.epoch}", size=SMALL_SIZE, color=TEXT, ha="center", va="top")
        axes.text(
            middle,
            y + 26,
            class_name(history, snapshot.predicted, 9),
            size=SMALL_SIZE - 2,
            color=colour,
            ha="center",
            va="top",
        )


def _draw_row(axes: Axes, series: list[Snapshot], shown: tuple[str, int], y: float, height: float) -> None:
    """One map of one layer in each of the epochs, a dash where it was not looked at."""
    name, number = shown
    for column, snapshot in enumerate(series):
        maps = snapshot.maps.get(name, [])
        box = Box(NAMES + column * (TILE + GAP), y, TILE, height)
        if number < len(maps):
            place_tile(axes, maps[number], box, scale_of(snapshot))
        else:
            axes.text(box.left + TILE / 2, y + height / 2, "–", color=QUIET, size=SMALL_SIZE, ha="center")


def chosen_maps(snapshot: Snapshot) -> list[tuple[str, int]]:
    """(layer, position of the map) of the first and the last layer: up to three maps each with the widest spread."""
    chosen = []
    for name in shown_layers(snapshot, 2):
        spread = [float(np.std(pixels)) for pixels in snapshot.maps[name]]
        widest = sorted(range(len(spread)), key=lambda at: -spread[at])[:MAPS_OF_A_LAYER]
        chosen += [(name, at) for at in sorted(widest)]
    return chosen
