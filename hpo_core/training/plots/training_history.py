"""Loss, accuracy and learning rate by epoch.

How to read it: both losses should fall. Validation that rises while training still falls is overfitting; both flat and
high is a learning rate that is too small, or a model that is too small.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from hpo_core.formats import percent
from hpo_core.history import TrialHistory
from hpo_core.records import Epoch
from hpo_core.training.plots.style import (
    BEST,
    QUIET,
    SMALL_SIZE,
    TRAINING,
    VALIDATION,
    WRONG,
    Margins,
    calm,
    name_axes,
    new_figure,
)

# From this ratio on, the largest loss would flatten all others to a line.
LOG_FROM = 50
# With more epochs, marks on the lines would touch.
MARKED_EPOCHS = 30
LOSS_AXIS, LOG_LOSS_AXIS = "Loss (cross-entropy)", "Loss (cross-entropy, log)"
ACCURACY_AXIS, RATE_AXIS = "Accuracy (%)", "Learning rate"


def draw_training_history(history: TrialHistory) -> Figure:
    """Loss over accuracy over, where it changes, the learning rate; the best epoch is marked through all of them."""
    epochs = history.epochs
    best, last = best_epoch(epochs), epochs[-1]
    heights = [3.0, 3.0, 1.5] if rate_changes(epochs) else [3.0, 3.0]
    figure = new_figure(
        round(105 * sum(heights)) + 130,
        f"Training history: {percent(last.validation_accuracy)} validation accuracy after epoch {last.epoch}",
        f"{_which_counts(epochs)} Loss: cross-entropy." + (" Cross: no finite loss." if _lost(epochs) else ""),
        margins=Margins(left=132, top=40),
    )
    panels: list[Axes] = list(
        figure.subplots(
            len(heights), 1, sharex=True, squeeze=False, height_ratios=heights, gridspec_kw={"hspace": 0.12}
        ).flat
    )
    draw_loss(panels[0], epochs)
    draw_accuracy(panels[1], epochs)
    panels[0].legend(
        loc="lower right", bbox_to_anchor=(1, 1), ncols=3, frameon=False, fontsize=SMALL_SIZE, borderaxespad=0
    )
    if len(panels) == 3:
        _draw_rate(panels[2], epochs)
    for panel in panels:
        panel.axvline(best.epoch, color=BEST, linewidth=1.5, linestyle=(0, (4, 3)), zorder=1)
    panels[1].plot([best.epoch], [best.validation_accuracy], "*", color=BEST, markersize=24, zorder=5)
    for panel, name in zip(panels, (LOSS_AXIS, ACCURACY_AXIS, RATE_AXIS), strict=False):
        logarithmic = name == LOSS_AXIS and panel.get_yscale() == "log"
        name_axes(panel, y=LOG_LOSS_AXIS if logarithmic else name, beside=100)
    lowest = panels[-1]
    name_axes(lowest, x="Epoch")
    lowest.set_xlim(*epoch_limits(epochs))
    lowest.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return figure


def best_epoch(epochs: list[Epoch]) -> Epoch:
    """The first of those with the highest validation accuracy."""
    return max(epochs, key=lambda epoch: epoch.validation_accuracy)


def _which_counts(epochs: list[Epoch]) -> str:
    """That a trial is judged by its last epoch, and which one the star marks."""
    best = best_epoch(epochs)
    if len(epochs) == 1:
        return "One epoch."
    if best is epochs[-1]:
        return f"The last of {len(epochs)} epochs counts; it is the best (star)."
    accuracy = percent(best.validation_accuracy)
    return f"The last of {len(epochs)} epochs counts; the best was epoch {best.epoch} with {accuracy} (star)."


def rate_changes(epochs: list[Epoch]) -> bool:
    return len({epoch.learning_rate for epoch in epochs}) > 1


def epoch_limits(epochs: list[Epoch]) -> tuple[float, float]:
    """From where the first epoch began to a little beyond the last."""
    first, last = epochs[0].epoch, epochs[-1].epoch
    return first - 1.0, last + max(0.25, (last - first) * 0.03)


def draw_loss(axes: Axes, epochs: list[Epoch]) -> None:
    """Training and validation loss; an epoch whose loss is no number has a cross at the bottom instead."""
    x, marker = [epoch.epoch for epoch in epochs], _marker(epochs)
    within = within_epochs(epochs)
    if within:
        axes.plot(*zip(*within, strict=True), color=TRAINING, alpha=0.3, linewidth=1.5, label="within an epoch")
    axes.plot(x, values(e.loss for e in epochs), marker, color=TRAINING, linewidth=3, label="training")
    axes.plot(x, values(e.validation_loss for e in epochs), marker, color=VALIDATION, linewidth=3, label="validation")
    calm(axes)
    _scale_loss(axes, epochs)
    if lost := _lost(epochs):
        bottom = axes.get_xaxis_transform()
        axes.plot(lost, [0.06] * len(lost), "x", transform=bottom, color=WRONG, markersize=12, markeredgewidth=3)


def draw_accuracy(axes: Axes, epochs: list[Epoch]) -> None:
    """Training and validation accuracy."""
    x, marker = [epoch.epoch for epoch in epochs], _marker(epochs)
    training = values(epoch.accuracy for epoch in epochs)
    validation = [epoch.validation_accuracy for epoch in epochs]
    axes.plot(x, training, marker, color=TRAINING, linewidth=3, label="training")
    axes.plot(x, validation, marker, color=VALIDATION, linewidth=3, label="validation")
    calm(axes)
    known = [value for value in (*training, *validation) if math.isfinite(value)]
    room = max(0.02, (max(known) - min(known)) * 0.08)
    axes.set_ylim(max(-0.02, min(known) - room), min(1.02, max(known) + room))
    axes.yaxis.set_major_formatter(lambda value, _: f"{round(value * 100, 2):g}")


def within_epochs(epochs: list[Epoch]) -> list[tuple[float, float]]:
    """(moment in epochs, training loss) along the training: each stretch stands at its middle."""
    points = []
    for epoch in epochs:
        stretches = len(epoch.loss_curve)
        for at, loss in enumerate(epoch.loss_curve):
            points.append((epoch.epoch - 1 + (at + 0.5) / stretches, math.nan if loss is None else loss))
    return points if any(math.isfinite(loss) for _, loss in points) else []


def values(numbers: Iterable[float | None]) -> list[float]:
    """The numbers, with NaN, which leaves a gap in a line, for None."""
    return [math.nan if value is None else value for value in numbers]


def _lost(epochs: list[Epoch]) -> list[int]:
    """Epochs one of whose losses is no finite number."""
    return [epoch.epoch for epoch in epochs if epoch.loss is None or epoch.validation_loss is None]


def _scale_loss(axes: Axes, epochs: list[Epoch]) -> None:
    known = [loss for epoch in epochs for loss in (epoch.loss, epoch.validation_loss) if loss is not None]
    if known and min(known) > 0 and max(known) / min(known) >= LOG_FROM:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_locator(NullLocator())
    elif known and min(known) >= 0:
        axes.set_ylim(bottom=0)


def _draw_rate(axes: Axes, epochs: list[Epoch]) -> None:
    axes.plot([e.epoch for e in epochs], [e.learning_rate for e in epochs], _marker(epochs), color=QUIET, linewidth=2.5)
    calm(axes)
    low, high = min(epoch.learning_rate for epoch in epochs), max(epoch.learning_rate for epoch in epochs)
    if low > 0 and high / low >= 10:
        axes.set_yscale("log")
    axes.set_yticks([low, high], [f"{low:.2g}", f"{high:.2g}"])
    axes.yaxis.set_minor_locator(NullLocator())


def _marker(epochs: list[Epoch]) -> str:
    return "o-" if len(epochs) <= MARKED_EPOCHS else "-"
