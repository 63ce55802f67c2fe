"""What layers put out for single samples, reduced until it fits into a record."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from hpo_core.records import Snapshot
from hpo_core.training.layers import ReadLayer, read_layers

MAPS = 8
LARGEST_MAP = 16
LARGEST_IMAGE = 64
UNITS = 32
WORDS = 60
# Epochs after which snapshots are taken, the first and the last among them; samples after the last one.
EPOCHS = 8
SAMPLES = 4


def snapshot_epochs(epochs: int) -> set[int]:
    """The 1-based epochs after which snapshots are taken."""
    return {int(epoch) for epoch in np.linspace(1, epochs, min(EPOCHS, epochs)).round()}


class Camera:
    """Takes snapshots of a few fixed samples.

    Args:
        model: functional, built.
        inputs: the samples (n, ...), at least one.
        labels: (n,) their classes.
        positions: (n,) where they stand in the validation part.
    """

    def __init__(self, model: keras.Model, inputs: tf.Tensor, labels: np.ndarray, positions: np.ndarray) -> None:
        self._inputs, self._labels, self._positions = inputs, labels, positions
        self._layers = [layer for layer in read_layers(model) if layer.hidden and _has_places(layer)]
        self._body = keras.Model(model.inputs[0], [*(layer.output for layer in self._layers), model.outputs[0]])
        self._text = len(inputs.shape) == 2
        self._outputs = forward(self._body, recurrent=any(layer.recurrent for layer in self._layers))

    def __len__(self) -> int:
        return len(self._labels)

    def take(self, epoch: int, samples: int = 1) -> list[Snapshot]:
        """One snapshot for each of the first `samples` samples."""
        answers = self._outputs(self._inputs)  # always all of them: another number would be traced anew
        # Keras answers with the tensor itself where a model has one output.
        *outputs, probabilities = answers if isinstance(answers, list) else [answers]
        chosen = np.asarray(probabilities).argmax(axis=1)
        arrays = {layer.layer.name: np.asarray(output) for layer, output in zip(self._layers, outputs, strict=True)}
        words = [np.flatnonzero(row)[-WORDS:] for row in self._inputs[:samples].numpy()] if self._text else []
        return [
            Snapshot(
                epoch=epoch,
                sample=int(self._positions[number]),
                label=int(self._labels[number]),
                predicted=int(chosen[number]),
                image=None if self._text else _image(self._inputs[number].numpy()),
                maps={
                    name: (_states(array[number], words[number]) if self._text else _maps(array[number])).tolist()
                    for name, array in arrays.items()
                },
            )
            for number in range(min(samples, len(chosen)))
        ]


def forward(body: keras.Model, *, recurrent: bool) -> Any:
    """The model's answer without training. Recurrent layers run word by word and are slow outside a graph; for others
    tracing a graph costs more than it saves."""

    def answer(x: tf.Tensor) -> Any:
        return body(x, training=False)

    return tf.function(answer, reduce_retracing=True) if recurrent else answer


def different_samples(labels: np.ndarray) -> np.ndarray:
    """Positions of at most four samples, of different classes where there are so many."""
    _, first = np.unique(labels, return_index=True)
    spread = first[np.linspace(0, len(first) - 1, min(SAMPLES, len(first))).round().astype(int)]
    return np.sort(np.unique(spread))


def _has_places(layer: ReadLayer) -> bool:
    """Whether the output is a map of a picture, or a row of states of a text."""
    return len(layer.output.shape) == 4 or layer.recurrent


def _maps(output: np.ndarray) -> np.ndarray:
    """Maps of a picture (rows, columns, filters) as 0 to 255: (maps, rows, columns) uint8."""
    maps = np.nan_to_num(np.moveaxis(output, 2, 0)[_evenly(output.shape[2])])
    step = -(-max(maps.shape[1:]) // LARGEST_MAP)
    maps = maps[:, ::step, ::step]
    return _bytes(maps, float(maps.min()), float(maps.max()))


def _states(output: np.ndarray, words: np.ndarray) -> np.ndarray:
    """States of units over a text's own words, or after the last one, as 0 to 255: (1, units, words) uint8.

    Args:
        output: (words, units), or (units,) where the layer hands on only its last state.
        words: positions that are no padding.
    """
    states = output[np.newaxis] if output.ndim == 1 else output[words if len(words) else [0]]
    return _bytes(np.nan_to_num(states.T[np.newaxis, :UNITS]), -1.0, 1.0)


def _bytes(values: np.ndarray, low: float, high: float) -> np.ndarray:
    span = high - low if high > low else 1.0
    return np.clip((values - low) / span * 255, 0, 255).round().astype(np.uint8)


def _image(pixels: np.ndarray) -> list[object]:
    step = -(-max(pixels.shape[:2]) // LARGEST_IMAGE)
    small = pixels[::step, ::step]
    rows: list[object] = (small[:, :, 0] if small.shape[2] == 1 else small).tolist()
    return rows


def _evenly(count: int) -> np.ndarray:
    return np.linspace(0, count - 1, min(MAPS, count)).round().astype(int)
