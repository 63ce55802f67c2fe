"""The training as a film: curves on the left, what the layers put out (or their weights) on the right.

One figure serves all frames: its still parts are drawn once, and each frame draws only what moves.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from hpo_core.history import TrialHistory
from hpo_core.records import Epoch, Snapshot
from hpo_core.training.plots.samples import first_sample, scale_of, shown_layers
from hpo_core.training.plots.style import (
    DPI,
    GROUND,
    QUIET,
    TEXT,
    TRAINING,
    VALIDATION,
    calm,
    class_name,
    layer_colour,
    name_axes,
    shortened,
    thinned,
)
from hpo_core.training.plots.training_history import (
    ACCURACY_AXIS,
    LOSS_AXIS,
    draw_accuracy,
    draw_loss,
    epoch_limits,
    values,
)
from hpo_core.training.plots.weights_and_biases import layers_with_weights, outline

SIZE = (800, 440)
TITLE_SIZE, TEXT_SIZE = 22, 16
MAX_FRAMES, MAX_BYTES, COLOURS = 24, 2_000_000, 160
FRAME_MS, LAST_MS = 400, 3000
# Where the two sides begin and end, as shares of the width.
LEFT_SIDE, RIGHT_SIDE = (0.125, 0.49), (0.61, 0.985)
# The mosaic of maps: tiles of so many pixels, so many layers below each other, maps beside each other.
TILE, GAP, LAYERS, MAPS = 64, 4, 4, 4

Update = Callable[[Epoch], list[Artist]]


def has_two_epochs(history: TrialHistory) -> bool:
    """Whether anything moves."""
    return len(history.epochs) >= 2


def draw_training_animation(history: TrialHistory) -> bytes:
    """A GIF that repeats: a frame per epoch (at most MAX_FRAMES, evenly chosen), the last one stays longer."""
    figure, updates = _scene(history)
    canvas: Any = figure.canvas  # matplotlib has no types for it
    canvas.draw()
    still = canvas.copy_from_bbox(figure.bbox)
    frames = []
    for epoch in thinned(history.epochs, MAX_FRAMES):
        canvas.restore_region(still)
        for update in updates:
            for artist in update(epoch):
                artist.draw(canvas.get_renderer())
        frames.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[:, :, :3].copy()))
    return gif(frames)


def gif(frames: list[Image.Image], most: int = MAX_BYTES) -> bytes:
    """The frames as a GIF; where it is larger than `most` bytes, every second frame is left out, down to two."""
    while True:
        data = _encoded(frames)
        if len(data) <= most or len(frames) <= 2:
            return data
        frames = thinned(frames, max(2, len(frames) // 2))


def _encoded(frames: list[Image.Image]) -> bytes:
    # One palette for all, from the first, a middle and the last frame: no colour flickers, and frames share pixels.
    width, height = frames[0].size
    strip = Image.new("RGB", (width, height * 3))
    for place, frame in enumerate((frames[0], frames[len(frames) // 2], frames[-1])):
        strip.paste(frame, (0, height * place))
    palette = strip.quantize(COLOURS, method=Image.Quantize.MEDIANCUT)
    reduced = [_reduced(frame, palette) for frame in frames]
    buffer = io.BytesIO()
    reduced[0].save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=reduced[1:],
        duration=[FRAME_MS] * (len(frames) - 1) + [LAST_MS],
        loop=0,
        optimize=False,
    )
    return buffer.getvalue()


def _reduced(frame: Image.Image, palette: Image.Image) -> Image.Image:
    """The frame in the colours of `palette`. Pillow takes near ones at times, which must not turn the ground grey."""
    reduced = frame.quantize(palette=palette, dither=Image.Dither.NONE)
    ground = (np.asarray(frame) == 255).all(axis=2)
    reduced.paste(int(np.asarray(palette)[0, 0]), mask=Image.fromarray(ground))
    return reduced


def _scene(history: TrialHistory) -> tuple[Figure, list[Update]]:
    """The figure without what moves, and what moves as functions of the epoch."""
    width, height = SIZE
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=GROUND)
    FigureCanvasAgg(figure)
    right = _right_side(history)
    half = LEFT_SIDE[1] if right else RIGHT_SIDE[1]
    grid = figure.add_gridspec(2, 1, left=LEFT_SIDE[0], right=half, top=0.78, bottom=0.15, hspace=0.14)
    loss = figure.add_subplot(grid[0])
    accuracy = figure.add_subplot(grid[1], sharex=loss)
    updates = [_heading(figure, history), _curves(loss, accuracy, history.epochs)]
    if right:
        updates.append(right(figure.add_axes((RIGHT_SIDE[0], 0.15, RIGHT_SIDE[1] - RIGHT_SIDE[0], 0.63))))
    return figure, updates


def _heading(figure: Figure, history: TrialHistory) -> Update:
    total = history.epochs[-1].epoch
    text = figure.text(0.02, 0.97, "", size=TITLE_SIZE, color=TEXT, va="top", animated=True)

    def update(epoch: Epoch) -> list[Artist]:
        text.set_text(
            f"Epoch {epoch.epoch} of {total}: {epoch.validation_accuracy * 100:.1f} % validation accuracy"
        )  # fmt: skip
        return [text]

    return update


def _curves(loss: Axes, accuracy: Axes, epochs: list[Epoch]) -> Update:
    """Both panels are drawn whole once, which sets their scales; then their lines move."""
    draw_loss(loss, epochs)
    draw_accuracy(accuracy, epochs)
    for axes in (loss, accuracy):
        axes.set_xlim(*epoch_limits(epochs))
        axes.tick_params(labelsize=TEXT_SIZE)
        for artist in (*axes.lines, *axes.texts):
            artist.set_visible(False)
    loss.tick_params(labelbottom=False)
    accuracy.locator_params(axis="x", integer=True, min_n_ticks=1)
    accuracy.set_xlabel("Epoch", size=TEXT_SIZE, color=TEXT)
    for axes, name in ((loss, LOSS_AXIS), (accuracy, ACCURACY_AXIS)):
        name_axes(axes, y=name, beside=70)
        axes.yaxis.label.set_fontsize(TEXT_SIZE)
    series = [
        (loss, TRAINING, values(epoch.loss for epoch in epochs), "training"),
        (loss, VALIDATION, values(epoch.validation_loss for epoch in epochs), "validation"),
        (accuracy, TRAINING, values(epoch.accuracy for epoch in epochs), ""),
        (accuracy, VALIDATION, values(epoch.validation_accuracy for epoch in epochs), ""),
    ]
    lines = []
    for axes, colour, numbers, label in series:
        (line,) = axes.plot([], [], "o-", color=colour, linewidth=2.5, markersize=5, label=label, animated=True)
        lines.append((line, numbers))
    handles = [line for line, _ in lines[:2]]
    loss.legend(handles=handles, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, fontsize=TEXT_SIZE)
    x = [epoch.epoch for epoch in epochs]

    def update(epoch: Epoch) -> list[Artist]:
        count = x.index(epoch.epoch) + 1
        for line, numbers in lines:
            line.set_data(x[:count], numbers[:count])
        return [line for line, _ in lines]

    return update


def _right_side(history: TrialHistory) -> Callable[[Axes], Update] | None:
    """What moves at the right: maps of the first sample, else the weights of the largest layer, else nothing."""
    series = first_sample(history)
    if series:
        return lambda axes: _maps(axes, history, series)
    if layers_with_weights(history):
        return lambda axes: _weights(axes, history)
    return None


def _maps(axes: Axes, history: TrialHistory, series: list[Snapshot]) -> Update:
    last = series[-1]
    names = shown_layers(last, LAYERS if last.image is not None else 1)
    picture = mosaic(last, names)
    image = axes.imshow(
        picture, cmap=scale_of(last), vmin=0, vmax=255, interpolation="nearest", animated=True,
        aspect="equal" if last.image is not None else "auto",
    )  # fmt: skip
    calm(axes, grid="", size=TEXT_SIZE)
    title = f"Output for a sample of class {class_name(history, last.label, 14)}"
    if last.image is None:
        title = f"{shortened(names[0], 18)}: units by words"
        axes.set_xlabel("Word", size=TEXT_SIZE)
    axes.set_title(title, size=TEXT_SIZE, color=TEXT, loc="left")
    axes.set_xticks([])
    rows = [TILE / 2 + row * (TILE + GAP) for row in range(len(names))] if last.image is not None else []
    axes.set_yticks(rows, [shortened(name, 16) for name in names[: len(rows)]])
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)

    def update(epoch: Epoch) -> list[Artist]:
        now = [snapshot for snapshot in series if snapshot.epoch <= epoch.epoch]
        image.set_data(mosaic(now[-1] if now else series[0], names))
        return [image]

    return update


def mosaic(snapshot: Snapshot, names: list[str]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Maps as one picture, NaN between them: a row per layer for pictures; for texts units by words of one layer."""
    if snapshot.image is None:
        return np.asarray(snapshot.maps.get(names[0], [[[127]]])[0], dtype=np.float64)
    step = TILE + GAP
    picture = np.full((len(names) * step - GAP, MAPS * step - GAP), np.nan)
    for row, name in enumerate(names):
        for column, pixels in enumerate(snapshot.maps.get(name, [])[:MAPS]):
            values_of = np.asarray(pixels, dtype=np.float64)
            at = np.ix_(_nearest(values_of.shape[0]), _nearest(values_of.shape[1]))
            picture[row * step : row * step + TILE, column * step : column * step + TILE] = values_of[at]
    return picture


def _nearest(pixels: int) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Which of `pixels` stands at each of the TILE places."""
    return np.arange(TILE) * pixels // TILE


def _weights(axes: Axes, history: TrialHistory) -> Update:
    def size(name: str) -> int:
        return history.layer(name)[-1][1].weights

    name = max(layers_with_weights(history), key=size)
    read = [(at, reading) for at, reading in history.layer(name) if reading.weight_histogram or reading.bias_histogram]
    spreads = [
        (at, outline(spread)) for at, reading in read if (spread := reading.weight_histogram or reading.bias_histogram)
    ]
    low = min(float(edges[0]) for _, (_, edges) in spreads)
    high = max(float(edges[-1]) for _, (_, edges) in spreads)
    calm(axes, grid="", size=TEXT_SIZE)
    axes.set_xlim(low, high)
    axes.set_ylim(0, 1.1)
    axes.set_yticks([])
    axes.locator_params(axis="x", nbins=4)
    axes.set_title(f"Weights of {shortened(name, 20)}", size=TEXT_SIZE, color=TEXT, loc="left")
    axes.set_xlabel("Value of a weight", size=TEXT_SIZE)
    axes.set_ylabel("Share (highest is 1)", size=TEXT_SIZE, color=QUIET)
    patch = axes.stairs(*spreads[0][1], fill=True, color=layer_colour(name, read[-1][1].type), animated=True)

    def update(epoch: Epoch) -> list[Artist]:
        now = [spread for at, spread in spreads if at <= epoch.epoch]
        patch.set_data(*(now[-1] if now else spreads[0][1]))
        return [patch]

    return update
