"""How strongly each layer is pulled, and how far it moves.

How to read it: a gradient that falls by orders of magnitude from the output (right) to the input (left) vanishes: the
early layers hardly learn. One that grows that way explodes. Below it, the size of the last step by the size of the
weights: about 1e-3 is healthy (CS231n, "Babysitting the learning process").
"""

from __future__ import annotations

import math
from collections.abc import Callable

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from hpo_core.health.readings import LayerReading
from hpo_core.history import TrialHistory
from hpo_core.records import Epoch
from hpo_core.training.plots.style import (
    HEALTHY,
    QUIET,
    SMALL_SIZE,
    WRONG,
    Margins,
    between,
    calm,
    layer_colour,
    name_axes,
    new_figure,
    shortened,
    thinned,
    width_of,
)

HEALTHY_UPDATES = (1e-4, 1e-2)
BEST_UPDATE = 1e-3
MAX_SHADES = 8
# Tick labels that fit side by side.
MAX_NAMES, SLANTED_NAMES = 40, 12
GRADIENT_AXIS, UPDATE_AXIS = "Gradient (RMS)", "Step / weights"


def draw_gradient_flow(history: TrialHistory) -> Figure:
    """Layers from input to output; each line is an epoch, darker is later, and the last carries the layers' colours."""
    names, epochs = history.layer_names(), thinned(history.read_epochs, MAX_SHADES)
    first, last = epochs[0].epoch, epochs[-1].epoch
    shades = f"Pale: epoch {first}; dark: epoch {last}." if len(epochs) > 1 else f"After epoch {last}."
    few = len(names) <= SLANTED_NAMES
    room = width_of(shortened(name, 22) for name in names)
    bottom = round(room * 0.55) + 40 if few else room + 24
    figure = new_figure(
        680 + bottom,
        "Gradient flow: how strongly each layer is pulled",
        f"{shades} Below: size of the last step; green is healthy, 1e-3 best.",
        margins=Margins(bottom=bottom),
    )
    gradients, updates = figure.subplots(2, 1, sharex=True, squeeze=False, gridspec_kw={"hspace": 0.1}).flat
    _draw_lines(gradients, epochs, names, lambda reading: reading.gradient_rms)
    name_axes(gradients, y=GRADIENT_AXIS)
    _draw_lines(updates, epochs, names, lambda reading: reading.update_ratio, HEALTHY_UPDATES)
    updates.axhspan(*HEALTHY_UPDATES, color=HEALTHY, alpha=0.14, linewidth=0, zorder=0)
    updates.axhline(BEST_UPDATE, color=HEALTHY, linewidth=1.5, zorder=1)
    name_axes(updates, y=UPDATE_AXIS)
    updates.set_xlim(-0.5, len(names) - 0.5)
    _name_layers(updates, names, slanted=few)
    return figure


def _draw_lines(
    axes: Axes,
    epochs: list[Epoch],
    names: list[str],
    value: Callable[[LayerReading], float | None],
    always: tuple[float, ...] = (),
) -> None:
    """A line per epoch of `value` by layer, on a log axis that shows the values `always`, too."""
    table = [_row(epoch, names, value) for epoch in epochs]
    positive = [number for row in table for number in row if math.isfinite(number) and number > 0]
    low, high = _decades([*positive, *always])
    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylim(low, high)
    calm(axes, grid="both")
    for at, row in enumerate(table):
        share = at / max(1, len(table) - 1) if len(table) > 1 else 1.0
        line = [number if number > 0 else math.nan for number in row]
        axes.plot(range(len(names)), line, color=between(share), linewidth=3 if share == 1 else 2, zorder=2 + share)
        marked = share == 1 or len(names) == 1
        if marked:
            axes.scatter(range(len(names)), line, s=130, color=_colours(epochs[at], names), zorder=4)
    zeros = sorted({at for row in table for at, number in enumerate(row) if number <= 0})
    if zeros:  # an empty line that may leave its axes would upset the layout
        axes.plot(zeros, [low] * len(zeros), "v", color=WRONG, markersize=14, clip_on=False, zorder=5)
    if zeros or not positive:
        note = "triangle: zero in some epoch" if zeros else "no finite number was read"
        axes.text(0.01, 0.97, note, transform=axes.transAxes, va="top", size=SMALL_SIZE, color=QUIET)


def _row(epoch: Epoch, names: list[str], value: Callable[[LayerReading], float | None]) -> list[float]:
    """The value of each layer, NaN where there is none."""
    read = {reading.name: value(reading) for reading in epoch.layers or []}
    numbers = [read.get(name) for name in names]
    return [math.nan if number is None else number for number in numbers]


def _decades(positive: list[float]) -> tuple[float, float]:
    """Whole powers of ten around the numbers, at least a decade apart."""
    if not positive:
        return 1e-4, 1.0
    low, high = math.floor(math.log10(min(positive))), math.ceil(math.log10(max(positive)))
    return 10.0**low, 10.0 ** max(high, low + 1)


def _colours(epoch: Epoch, names: list[str]) -> list[str]:
    kinds = {reading.name: reading.type for reading in epoch.layers or []}
    return [layer_colour(name, kinds.get(name, "")) for name in names]


def _name_layers(axes: Axes, names: list[str], *, slanted: bool) -> None:
    places = thinned(range(len(names)), MAX_NAMES)
    axes.set_xticks(
        places,
        [shortened(names[at], 22) for at in places],
        rotation=30 if slanted else 90,
        ha="right" if slanted else "center",
        rotation_mode="anchor" if slanted else "default",
    )
