"""Which classes are taken for which.

How to read it: the diagonal is right. A dark cell off it is a pair of classes that the model cannot tell apart; a dark
column is a class that the model says too often.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from hpo_core.formats import count, percent
from hpo_core.history import TrialHistory
from hpo_core.training.plots.style import (
    AMOUNT,
    LINE,
    QUIET,
    SMALL_SIZE,
    TEXT,
    TEXT_SIZE,
    WIDTH,
    Margins,
    class_name,
    name_axes,
    new_figure,
    width_of,
)

MAX_NUMBERED, MAX_NAMED, LISTED_PAIRS = 12, 20, 5
BREADTH = 780  # pixels that the columns share
RIGHT_AXIS, PREDICTED_AXIS, SHARE = "Right class", "Predicted class", "Share of the right class (%)"


def has_confusion(history: TrialHistory) -> bool:
    """Whether samples were counted."""
    return history.finished is not None and any(any(row) for row in history.finished.confusion)


def draw_confusion_matrix(history: TrialHistory) -> Figure:
    """Rows are right classes, columns predicted ones; colour is the share of the row. Numbers where they fit."""
    counts = confusion(history)
    classes, samples = len(counts), int(counts.sum())
    names = [class_name(history, at, 14) for at in range(classes)]
    numbered, named = classes <= MAX_NUMBERED, classes <= MAX_NAMED
    finished = history.finished
    part = "test" if finished is not None and finished.test_accuracy is not None else "validation"
    right = int(np.trace(counts))
    figure = new_figure(
        900 if classes > 4 else 620,
        f"Confusion matrix: accuracy {percent(right / samples)}",
        f"{count(right)} of {count(samples)} samples of the {part} part are right. "
        + ("Cells: samples, share of their row." if numbered else "Diagonal: right."),
        footer=[] if numbered else _pairs(history, counts),
        margins=_margins(names if named else ["000"], scale=not numbered),
    )
    axes = figure.subplots()
    shares = row_shares(counts)
    # The root lets a few per cent off the diagonal be seen.
    image = axes.imshow(shares * 100, cmap=AMOUNT, norm=PowerNorm(0.5, 0, 100), interpolation="nearest", aspect="auto")
    _label_axes(axes, names, named=named)
    if numbered:
        _write_numbers(axes, counts, shares)
    else:
        _add_scale(figure, image)
    return figure


def confusion(history: TrialHistory) -> np.ndarray:
    """The counts (right classes, predicted classes)."""
    return np.asarray(history.finished.confusion if history.finished else [], dtype=int)


def row_shares(counts: np.ndarray) -> np.ndarray:
    """Each cell by the sum of its row, 0..1; 0 in rows without a sample."""
    return np.asarray(counts / np.maximum(1, counts.sum(axis=1, keepdims=True)))


def confused_pairs(counts: np.ndarray, most: int) -> list[tuple[int, int]]:
    """(right, predicted) of at most `most` cells off the diagonal: those with the largest counts, none without any."""
    wrong = counts * (1 - np.eye(len(counts), dtype=int))
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    cells = [divmod(int(at), len(counts)) for at in order]
    return [(row, column) for row, column in cells if wrong[row, column] > 0]


def _pairs(history: TrialHistory, counts: np.ndarray) -> list[str]:
    pairs = confused_pairs(counts, LISTED_PAIRS)
    if not pairs:
        return ["No sample was taken for another class."]
    lines = ["Most confused:"]
    for right, predicted in pairs:
        names = f"{class_name(history, right, 24)} taken for {class_name(history, predicted, 24)}"
        lines.append(f"{names}: {count(counts[right, predicted])} of {count(counts[right].sum())}")
    return lines


def _margins(names: list[str], *, scale: bool) -> Margins:
    room = width_of(names)
    below = room * 0.6 + 60 if _slanted(names) else 70
    return Margins(left=room + 60, right=130 if scale else 20, bottom=round(below))


def _slanted(names: list[str]) -> bool:
    """Whether the names of the columns are too long to stand side by side."""
    return width_of(names) > BREADTH / len(names)


def _label_axes(axes: Axes, names: list[str], *, named: bool) -> None:
    places = range(len(names)) if named else range(0, len(names), 10)
    shown = [names[at] if named else str(at) for at in places]
    slanted = named and _slanted(names)
    axes.set_xticks(
        places,
        shown,
        rotation=35 if slanted else 0,
        ha="right" if slanted else "center",
        rotation_mode="anchor" if slanted else "default",
    )
    axes.set_yticks(places, shown)
    axes.tick_params(labelsize=SMALL_SIZE, labelcolor=TEXT, length=0)
    for spine in axes.spines.values():
        spine.set_color(LINE)
    numbers = "" if named else " (number)"
    room = width_of(names if named else ["000"])
    below = room * 0.6 + 52 if slanted else 62
    name_axes(axes, x=PREDICTED_AXIS + numbers, y=RIGHT_AXIS + numbers, below=round(below), beside=room + 24)


def _write_numbers(axes: Axes, counts: np.ndarray, shares: np.ndarray) -> None:
    size = SMALL_SIZE if len(counts) > 6 else TEXT_SIZE + 4
    for (row, column), share in np.ndenumerate(shares):
        samples = int(counts[row, column])
        if samples:
            text = f"{count(samples)}\n{share * 100:.0f} %" if share >= 0.005 else count(samples)
            colour = "white" if share > 0.3 else TEXT
            axes.text(column, row, text, size=size, color=colour, ha="center", va="center", linespacing=1.1)


def _add_scale(figure: Figure, image: AxesImage) -> None:
    bar = figure.colorbar(image, cax=figure.add_axes((1 - 110 / WIDTH, 0.4, 0.018, 0.4)))
    bar.ax.tick_params(labelsize=SMALL_SIZE, labelcolor=QUIET, length=0)
    bar.set_label(SHARE, size=SMALL_SIZE, color=QUIET)
    bar.outline.set_visible(False)
