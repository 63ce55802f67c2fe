"""What the units of recurrent layers put out, word by word, for one text.

How to read it: rows that stay white are units that tell nothing; rows that are deep blue or deep orange from the first
to the last word are saturated and cannot learn; changes along a row are where the text says something to that unit.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from hpo_core.health.readings import LayerReading
from hpo_core.history import TrialHistory
from hpo_core.records import Snapshot
from hpo_core.training.plots.samples import first_sample, shown_layers, verdict
from hpo_core.training.plots.style import (
    QUIET,
    SIGNED,
    SMALL_SIZE,
    TEXT,
    TEXT_SIZE,
    Margins,
    calm,
    layer_colour,
    name_axes,
    new_figure,
    shortened,
)

MAX_LAYERS = 3
UNIT_AXIS, WORD_AXIS, MEAN_AXIS, SCALE = (
    "Unit",
    "The last words of the text, in their order",
    "Mean |output|",
    "Output (−1 to 1)",
)


def has_unit_activity(history: TrialHistory) -> bool:
    """Whether snapshots of texts are there."""
    series = first_sample(history)
    return bool(series) and series[-1].image is None


def draw_unit_activity(history: TrialHistory) -> Figure:
    """A row for each layer: units by words of one text, and beside it the mean activity of each unit on many texts."""
    last = first_sample(history)[-1]
    names = shown_layers(last, MAX_LAYERS)
    figure = new_figure(
        330 * len(names) + 190,
        f"Activity of units, word by word, after epoch {last.epoch}",
        f"One text: {verdict(history, last)}. Right: mean over texts.",
        margins=Margins(left=96, top=34, bottom=170),
    )
    grid = figure.subplots(
        len(names), 2, squeeze=False, width_ratios=[4, 1], gridspec_kw={"hspace": 0.32, "wspace": 0.12}
    )
    image = None
    for (units, bars), name in zip(grid, names, strict=True):
        readings = history.layer(name)
        reading = readings[-1][1] if readings else None
        image = _draw_units(units, last, name, reading)
        _draw_bars(bars, reading, len(last.maps[name][0]))
    name_axes(grid[-1][0], x=WORD_AXIS)
    name_axes(grid[-1][1], x=MEAN_AXIS)
    if image is not None:
        place = figure.add_axes((0.25, 62 / figure.bbox.height, 0.4, 12 / figure.bbox.height))
        bar = figure.colorbar(image, cax=place, orientation="horizontal", ticks=[0, 127.5, 255])
        bar.ax.set_xticklabels(["−1", "0", "1"], size=SMALL_SIZE, color=QUIET)
        bar.set_label(SCALE, size=SMALL_SIZE, color=QUIET)
        bar.outline.set_visible(False)
    return figure


def _draw_units(axes: Axes, snapshot: Snapshot, name: str, reading: LayerReading | None) -> AxesImage:
    values = np.asarray(snapshot.maps[name][0], dtype=np.uint8)  # (units, words)
    units, words = values.shape
    calm(axes, grid="")
    image = axes.imshow(
        values, cmap=SIGNED, vmin=0, vmax=255, aspect="auto", interpolation="nearest",
        extent=(0.5, words + 0.5, units + 0.5, 0.5),
    )  # fmt: skip
    title = shortened(name, 40)
    if reading and reading.units > units:
        title += f": the first {units} of {reading.units} units"
    axes.set_title(title, loc="left", size=TEXT_SIZE, color=TEXT)
    name_axes(axes, y=UNIT_AXIS, beside=56)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    return image


def _draw_bars(axes: Axes, reading: LayerReading | None, rows: int) -> None:
    """A bar beside each of the `rows`; where not every unit was read, bars of all that were, which fit to no row."""
    calm(axes, grid="x")
    axes.set_yticks([])
    if reading is None or not reading.activity:
        axes.text(0.5, 0.5, "not read", transform=axes.transAxes, ha="center", size=SMALL_SIZE, color=QUIET)
        axes.set_xticks([])
        return
    fits = len(reading.activity) == reading.units
    activity = reading.activity[:rows] if fits else reading.activity
    if not fits:
        axes.set_title(f"{len(activity)} units", loc="left", size=SMALL_SIZE, color=QUIET)
    axes.barh(range(len(activity)), activity, height=0.8, color=layer_colour(reading.name, reading.type))
    axes.set_ylim(len(activity) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(2))
