"""Which pictures there are, and how they become files: `pictures_of` says what will be drawn, `draw_pictures` does it.

A picture that fails is a sentence, not an error: a trial that was trained is worth more than its pictures.
"""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from hpo_core.history import TrialHistory
from hpo_core.training.plots.activation_maps import draw_activation_maps, has_picture_maps
from hpo_core.training.plots.activation_progression import draw_activation_progression, has_progression
from hpo_core.training.plots.confusion_matrix import draw_confusion_matrix, has_confusion
from hpo_core.training.plots.gradient_flow import draw_gradient_flow
from hpo_core.training.plots.training_animation import draw_training_animation, has_two_epochs
from hpo_core.training.plots.training_history import draw_training_history
from hpo_core.training.plots.unit_activity import draw_unit_activity, has_unit_activity
from hpo_core.training.plots.weights_and_biases import draw_weights_and_biases, layers_with_weights

LOG = logging.getLogger("onegin.plots")


@dataclass(frozen=True)
class Picture:
    """One kind of picture.

    Attributes:
        name: of its file.
        title: what people call it.
        draw: makes a figure, or the bytes of the finished file.
        applies: whether a history has what it takes.
    """

    name: str
    title: str
    draw: Callable[[TrialHistory], Figure | bytes]
    applies: Callable[[TrialHistory], bool]


@dataclass(frozen=True)
class Drawn:
    """A picture that was made, or not.

    Attributes:
        number, total: the how manieth of how many, from 1.
        name: of the file.
        path: where it lies; None where it could not be made.
        note: why not, in one sentence; empty where it was.
    """

    number: int
    total: int
    name: str
    path: Path | None
    note: str = ""


PICTURES: tuple[Picture, ...] = (
    Picture("training_history.png", "Training history", draw_training_history, lambda history: bool(history.epochs)),
    Picture("gradient_flow.png", "Gradient flow", draw_gradient_flow, lambda history: bool(history.read_epochs)),
    Picture(
        "weights_and_biases.png",
        "Weights and biases",
        draw_weights_and_biases,
        lambda history: bool(layers_with_weights(history)),
    ),
    Picture("activation_maps.png", "Activation maps", draw_activation_maps, has_picture_maps),
    Picture("unit_activity.png", "Activity of units", draw_unit_activity, has_unit_activity),
    Picture("activation_progression.png", "Activations by epoch", draw_activation_progression, has_progression),
    Picture("confusion_matrix.png", "Confusion matrix", draw_confusion_matrix, has_confusion),
    Picture("training_animation.gif", "Training animation", draw_training_animation, has_two_epochs),
)


def pictures_of(history: TrialHistory) -> list[Picture]:
    """The pictures that `history` has what it takes for, in the order in which they are drawn."""
    return [picture for picture in PICTURES if picture.applies(history)]


def draw_pictures(history: TrialHistory, folder: Path, pictures: list[Picture] | None = None) -> Iterator[Drawn]:
    """Draw `pictures` (all of `pictures_of`) into `folder`, one at each step; stop by not going on.

    Files that are there are replaced; a picture that cannot be made leaves the file that was there, and no other.
    """
    chosen = pictures_of(history) if pictures is None else pictures
    for number, picture in enumerate(chosen, start=1):
        path, note = _make(picture, history, folder)
        yield Drawn(number, len(chosen), picture.name, path, note)


def _make(picture: Picture, history: TrialHistory, folder: Path) -> tuple[Path | None, str]:
    """The file and no note, or no file and a note."""
    try:
        data = encoded(picture.draw(history))
    except Exception as error:  # a fault in a picture must not cost the trial
        LOG.exception("%s could not be drawn", picture.name)
        return None, f"{picture.name} could not be drawn: {type(error).__name__}: {error}."
    part, path = folder / f"{picture.name}.part", folder / picture.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        os.replace(part, path)
    except OSError as error:
        LOG.warning("%s could not be written: %s", path, error)
        _remove(part)
        return None, f"{picture.name} could not be written: {error.strerror or error}."
    return path, ""


def encoded(picture: Figure | bytes) -> bytes:
    """The bytes of the file."""
    if isinstance(picture, bytes):
        return picture
    canvas: Any = picture.canvas  # matplotlib has no types for it
    canvas.draw()
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(canvas.buffer_rgba())[:, :, :3]).save(buffer, format="PNG")
    return buffer.getvalue()


def _remove(part: Path) -> None:
    try:
        part.unlink(missing_ok=True)
    except OSError:
        LOG.warning("%s could not be removed", part)
