"""Which pictures there are, and how they become files: `pictures_of` says what will be drawn, `draw_pictures` does it.

A picture that fails is a sentence, not an error: a trial that was trained is worth more than its pictures.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from hpo_core.files import with_part
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
        draw: makes a figure, or the bytes of the finished file.
        applies: whether a history has what it takes.
    """

    name: str
    draw: Callable[[TrialHistory], Figure | bytes]
    applies: Callable[[TrialHistory], bool]


@dataclass(frozen=True)
class Drawn:
    """A picture that was made, or not.

    Attributes:
        name: of the file.
        path: where it lies; None where it could not be made.
        note: why not, in one sentence; empty where it was.
    """

    name: str
    path: Path | None
    note: str = ""


PICTURES: tuple[Picture, ...] = (
    Picture("training_history.png", draw_training_history, lambda history: bool(history.epochs)),
    Picture("gradient_flow.png", draw_gradient_flow, lambda history: bool(history.read_epochs)),
    Picture("weights_and_biases.png", draw_weights_and_biases, lambda history: bool(layers_with_weights(history))),
    Picture("activation_maps.png", draw_activation_maps, has_picture_maps),
    Picture("unit_activity.png", draw_unit_activity, has_unit_activity),
    Picture("activation_progression.png", draw_activation_progression, has_progression),
    Picture("confusion_matrix.png", draw_confusion_matrix, has_confusion),
    Picture("training_animation.gif", draw_training_animation, has_two_epochs),
)


def pictures_of(history: TrialHistory) -> list[Picture]:
    """The pictures that `history` has what it takes for, in the order in which they are drawn."""
    return [picture for picture in PICTURES if picture.applies(history)]


def draw_pictures(history: TrialHistory, folder: Path, pictures: list[Picture] | None = None) -> Iterator[Drawn]:
    """Draw `pictures` (all of `pictures_of`) into `folder`, one at each step; stop by not going on.

    Files that are there are replaced; a picture that cannot be made leaves the file that was there, and no other.
    """
    for picture in pictures_of(history) if pictures is None else pictures:
        path, note = _make(picture, history, folder)
        yield Drawn(picture.name, path, note)


def _make(picture: Picture, history: TrialHistory, folder: Path) -> tuple[Path | None, str]:
    """The file and no note, or no file and a note."""
    try:
        data = encoded(picture.draw(history))
    except Exception as error:  # a fault in a picture must not cost the trial
        LOG.exception("%s could not be drawn", picture.name)
        return None, f"{picture.name} could not be drawn: {type(error).__name__}: {error}."
    path = folder / picture.name
    try:
        with_part(path, lambda part: part.write_bytes(data))
    except OSError as error:
        LOG.warning("%s could not be written: %s", path, error)
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
