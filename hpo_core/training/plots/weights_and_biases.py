"""How the weights and biases of each layer are spread, at first and at last.

How to read it: weights should widen a little and stay rounded. A last histogram that is all but a spike at zero is a
layer that was switched off; one much wider than at first, with a norm many times larger, is on its way to divergence;
one that did not move at all did not learn.
"""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hpo_core.health.readings import Histogram, LayerReading
from hpo_core.history import TrialHistory
from hpo_core.training.plots.style import (
    QUIET,
    SMALL_SIZE,
    TEXT,
    TEXT_SIZE,
    Margins,
    calm,
    layer_colour,
    new_figure,
    number,
    shortened,
    thinned,
)

MAX_LAYERS, COLUMNS = 12, 3
VALUE_AXIS = "Value of a weight or bias"
CELL_HEIGHT = 230
MAX_BINS, BIAS_BINS = 60, 12  # few biases in many bins are a comb


def draw_weights_and_biases(history: TrialHistory) -> Figure:
    """A cell for each layer, at most MAX_LAYERS: weights upwards, biases downwards, each scaled to its own peak."""
    layers = layers_with_weights(history)
    shown = thinned(layers, MAX_LAYERS)
    columns = min(COLUMNS, len(shown))
    rows = math.ceil(len(shown) / columns)
    epochs = history.read_epochs
    first, last = epochs[0].epoch, epochs[-1].epoch
    title = "Weights and biases of each layer"
    if len(shown) < len(layers):
        title = f"Weights and biases of {len(shown)} of {len(layers)} layers, evenly chosen"
    moments = f"Filled: epoch {last}; line: epoch {first}." if first < last else f"Epoch {last}."
    figure = new_figure(
        CELL_HEIGHT * max(rows, 2) + 140,
        title,
        f"{moments} Weights up, biases down, each scaled to its own peak.",
        margins=Margins(left=46, top=58),
    )
    cells: list[Axes] = list(
        figure.subplots(rows, columns, squeeze=False, gridspec_kw={"hspace": 0.58, "wspace": 0.06}).flat
    )
    for place, (axes, name) in enumerate(zip(cells, shown, strict=False)):
        _draw_layer(axes, history.layer(name), first_column=place % columns == 0)
    for axes in cells[len(shown) :]:
        axes.set_axis_off()
    figure.text(0.5, 8 / figure.bbox.height, VALUE_AXIS, size=TEXT_SIZE, color=TEXT, ha="center")
    return figure


def layers_with_weights(history: TrialHistory) -> list[str]:
    """Layers of which some histogram was read, input first."""
    return [name for name in history.layer_names() if any(_spread(reading) for _, reading in history.layer(name))]


def outline(histogram: Histogram, most: int = MAX_BINS) -> tuple[np.ndarray, np.ndarray]:
    """Heights (bins,) scaled so that the highest is 1, and edges (bins + 1,), with neighbours joined to `most` bins.

    A single value gets a narrow bin.
    """
    low, high = histogram.low, histogram.high
    counts = np.asarray(histogram.counts, dtype=float)
    if high <= low:
        half = 0.02 * max(abs(low), 0.05)
        return np.sign(counts.sum(keepdims=True)), np.array([low - half, low + half])
    joined = math.ceil(len(counts) / most)
    edges = np.linspace(low, high, len(counts) + 1)
    edges = np.append(edges[:-1:joined], edges[-1])
    density = np.add.reduceat(counts, np.arange(0, len(counts), joined)) / np.diff(edges)
    return density / (density.max() or 1.0), edges


def _draw_layer(axes: Axes, readings: list[tuple[int, LayerReading]], *, first_column: bool) -> None:
    before, after = readings[0][1], readings[-1][1]
    colour = layer_colour(after.name, after.type)
    biases = any(reading.bias_histogram for reading in (before, after))
    calm(axes, grid="")
    for reading, filled in ((after, True), (before, False)):
        if not filled and len(readings) == 1:
            continue
        _draw_histogram(axes, reading.weight_histogram, colour, 1, filled=filled)
        _draw_histogram(axes, reading.bias_histogram, colour, -1, filled=filled)
    axes.axhline(0, color=QUIET, linewidth=1)
    axes.set_ylim(-1.1 if biases else 0, 1.1)
    axes.set_yticks([0.5, -0.5] if biases else [0.5], ["weights", "biases"][: 1 + biases], rotation=90, va="center")
    axes.tick_params(axis="y", length=0, labelleft=first_column, labelsize=SMALL_SIZE - 2)
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=3)
    axes.set_title(_heading(before, after, len(readings)), loc="left", size=SMALL_SIZE, color=TEXT)
    if _spread(after) is None:
        axes.text(
            0.5, 0.5, "no finite weights", transform=axes.transAxes, ha="center", size=SMALL_SIZE, color=QUIET
        )  # fmt: skip


def _draw_histogram(axes: Axes, histogram: Histogram | None, colour: str, sign: int, *, filled: bool) -> None:
    if histogram is None or not histogram.counts:
        return
    heights, edges = outline(histogram, MAX_BINS if sign > 0 else BIAS_BINS)
    if filled:
        axes.stairs(sign * heights, edges, fill=True, color=colour, alpha=0.7 if sign > 0 else 0.4)
    else:
        axes.stairs(sign * heights, edges, color=TEXT, linewidth=1.2)


def _heading(before: LayerReading, after: LayerReading, readings: int) -> str:
    norm = number(after.weight_norm)
    if readings > 1:
        norm = f"{number(before.weight_norm)} → {norm}"
    return f"{shortened(after.name, 26)}\nnorm {norm}"


def _spread(reading: LayerReading) -> Histogram | None:
    return reading.weight_histogram or reading.bias_histogram
