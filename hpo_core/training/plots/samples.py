"""The sample whose way through the network is drawn, and what is put onto a canvas by pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap

from hpo_core.history import TrialHistory
from hpo_core.records import Snapshot
from hpo_core.training.plots.style import (
    AMOUNT,
    LINE,
    MARGIN,
    QUIET,
    RIGHT,
    SIGNED,
    SMALL_SIZE,
    TEXT,
    TEXT_SIZE,
    WRONG,
    class_name,
    thinned,
)

# On a canvas: names of layers stand left of NAMES, eight tiles right of it.
NAMES, TILE, GAP = 190, 93, 7
SAMPLE = 140  # height of the strip with the sample itself


class Box(NamedTuple):
    """A place on a canvas, in pixels."""

    left: float
    top: float
    width: float
    height: float


def first_sample(history: TrialHistory) -> list[Snapshot]:
    """Snapshots with maps of the first sample, by epoch."""
    drawn = [snapshot for snapshot in history.snapshots if any(snapshot.maps.values())]
    return sorted(
        (snapshot for snapshot in drawn if snapshot.sample == drawn[0].sample), key=lambda snapshot: snapshot.epoch
    )


def shown_layers(snapshot: Snapshot, most: int) -> list[str]:
    """At most `most` layers that have maps, evenly chosen, input first."""
    return thinned([name for name, maps in snapshot.maps.items() if maps], most)


def scale_of(snapshot: Snapshot) -> Colormap:
    """Pictures have amounts, texts have units between -1 and 1."""
    return SIGNED if snapshot.image is None else AMOUNT


def draw_sample(axes: Axes, history: TrialHistory, snapshot: Snapshot, y: int, words: Sequence[str]) -> int:
    """The sample, what it is and what the model says, from `y` downwards on a canvas; the y below it, in pixels."""
    left, line, height = MARGIN, round(SMALL_SIZE * 1.5), SAMPLE
    if snapshot.image is None:
        height = line * (1 + len(words))
    else:
        place_tile(axes, snapshot.image, Box(MARGIN, y, SAMPLE, SAMPLE))
        left = NAMES
    right = snapshot.predicted == snapshot.label
    axes.text(left, y + 4, verdict(history, snapshot), size=TEXT_SIZE, color=RIGHT if right else WRONG, va="top")
    for at, sentence in enumerate(words, start=1):
        axes.text(left, y + 10 + at * line, sentence, size=SMALL_SIZE, color=QUIET, va="top")
    return y + height + MARGIN


def verdict(history: TrialHistory, snapshot: Snapshot) -> str:
    """What the sample is and what the model says: 'right class: cat, predicted: dog (wrong)'."""
    label, predicted = (class_name(history, number, 24) for number in (snapshot.label, snapshot.predicted))
    return (
        f"right class: {label}, predicted: {predicted} ({'right' if snapshot.label == snapshot.predicted else 'wrong'})"
    )


def place_tile(axes: Axes, pixels: Sequence[object], box: Box, scale: Colormap | str = "gray") -> None:
    """One map or picture into `box`: pictures keep their proportions, units by words have none and fill it."""
    values = np.asarray(pixels, dtype=np.uint8)  # (h, w), (h, w, 1) or (h, w, 3)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    left, top, width, height = box
    if scale is not SIGNED:
        rows, columns = values.shape[:2]
        pixel = min(box.width / columns, box.height / rows)
        width, height = pixel * columns, pixel * rows
        left, top = left + (box.width - width) / 2, top + (box.height - height) / 2
    right, bottom = left + width, top + height
    axes.imshow(
        values,
        extent=(left, right, bottom, top),
        cmap=scale,
        vmin=0,
        vmax=255,
        interpolation="nearest",
        aspect="auto",
    )
    frame = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    axes.plot(*zip(*frame, strict=True), color=LINE, linewidth=1)


def name_row(axes: Axes, name: str, note: str, middle: float) -> None:
    """What a row of tiles shows, left of it."""
    axes.text(MARGIN, middle - 2, name, size=SMALL_SIZE, color=TEXT, va="bottom")
    axes.text(MARGIN, middle + 2, note, size=SMALL_SIZE - 2, color=QUIET, va="top")
