"""Reads the layers of a network on a fixed batch of samples: what its units put out, and how its gradient flows.

Sources of the quantities: dead units and saturation as in SageMaker Debugger's rules; update-to-weight ratio as in
CS231n ("Babysitting the learning process"); the choice of quantities follows Cockpit (Schneider et al., NeurIPS 2021).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from hpo_core.health.readings import Histogram, LayerReading
from hpo_core.records import finite
from hpo_core.training.layers import ReadLayer, read_layers

PROBE_SAMPLES = 256
# The probe is read in parts where the layers' outputs for all of it would be more numbers than this (100 MB).
OUTPUTS_AT_ONCE = 25_000_000
# A unit that fires for fewer samples, or at fewer places, than this tells nothing about the others.
FIRES_FOR_SAMPLES = 0.01
FIRES_AT_PLACES = 0.001
# Of fewer samples than this nothing follows about units.
FEWEST_SAMPLES = 8
# A unit whose outputs differ by no more than this share of the layer's largest output is constant.
CONSTANT_SHARE = 1e-5
# Outputs beyond this share of the range count as being at its end; a unit that is there this often is saturated.
END_OF_RANGE = 0.98
OFTEN = 0.9
BOUNDS = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0), "hard_sigmoid": (0.0, 1.0), "softsign": (-1.0, 1.0)}
RECTIFIERS = ("relu", "relu6")
ACTIVITY_UNITS = 64
BINS = 24
# Norms and histograms of very large layers are taken from an even sample of their weights.
SAMPLED_WEIGHTS = 200_000
HISTOGRAM_WEIGHTS = 20_000


@dataclass
class UnitTotals:
    """What is summed up per unit of a layer over the parts of the probe; arrays of shape (units,)."""

    samples: int
    low: np.ndarray
    high: np.ndarray
    fired: np.ndarray
    positive: np.ndarray
    at_end: np.ndarray
    absolute: np.ndarray
    mean: np.ndarray
    square: np.ndarray

    def add(self, other: UnitTotals) -> UnitTotals:
        """Both together; the shares weighted by the number of samples."""
        total = self.samples + other.samples
        means = [
            (mine * self.samples + theirs * other.samples) / total
            for mine, theirs in zip(self._means(), other._means(), strict=True)
        ]
        return UnitTotals(total, np.minimum(self.low, other.low), np.maximum(self.high, other.high), *means)

    def _means(self) -> tuple[np.ndarray, ...]:
        return self.fired, self.positive, self.at_end, self.absolute, self.mean, self.square


class Probe:
    """Reads a model; made once per training, after the model is built.

    Args:
        model: functional or sequential, built.
        inputs: at most 256 samples (n, ...).
        labels: (n,) class numbers.
    """

    def __init__(self, model: keras.Model, inputs: tf.Tensor, labels: tf.Tensor) -> None:
        self._inputs = inputs[:PROBE_SAMPLES]
        self._labels = labels[:PROBE_SAMPLES]
        self.layers = read_layers(model)
        self._variables = [variable for layer in self.layers for variable in layer.layer.trainable_weights]
        outputs = sum(math.prod(layer.output.shape[1:]) for layer in model.layers if None not in layer.output.shape[1:])
        self._part = max(1, min(PROBE_SAMPLES, OUTPUTS_AT_ONCE // outputs))
        self._body = keras.Model(model.inputs[0], [*(layer.output for layer in self.layers), model.outputs[0]])
        # Recurrent layers run word by word and are slow outside a graph; for others tracing costs more than it saves.
        recurrent = any(layer.recurrent for layer in self.layers)
        self._measure: Any = tf.function(self._pass, reduce_retracing=True) if recurrent else self._pass
        self._before: list[np.ndarray] = []
        self._last: list[np.ndarray] = []

    def epoch_begins(self) -> None:
        """Remember the weights, to know later how far the epoch moved them."""
        self._before = [_sample(variable) for variable in self._variables]

    def last_step_begins(self) -> None:
        """Remember the weights before the epoch's last step."""
        self._last = [_sample(variable) for variable in self._variables]

    def read(self) -> list[LayerReading]:
        """One reading per layer, input first."""
        totals, gradients = self._over_probe()
        readings, position = [], 0
        for layer, units in zip(self.layers, totals, strict=True):
            count = len(layer.layer.trainable_weights)
            chosen = slice(position, position + count)
            readings.append(self._reading(layer, units, gradients[chosen], chosen))
            position += count
        return readings

    def _over_probe(self) -> tuple[list[UnitTotals], list[float]]:
        """Per layer what its units put out, and per variable the norm of the gradient of the mean loss."""
        totals: list[UnitTotals] = []
        sums: list[Any] = []
        n = int(self._inputs.shape[0])
        for start in range(0, n, self._part):
            x, y = self._inputs[start : start + self._part], self._labels[start : start + self._part]
            share = int(x.shape[0]) / n
            statistics, gradients = self._measure(x, y)
            parts = [UnitTotals(int(x.shape[0]), *(np.asarray(value) for value in layer)) for layer in statistics]
            totals = [old.add(new) for old, new in zip(totals, parts, strict=True)] if totals else parts
            weighted = [gradient * share for gradient in gradients]
            sums = [old + new for old, new in zip(sums, weighted, strict=True)] if sums else weighted
        return totals, [float(tf.norm(gradient)) for gradient in sums]

    def _pass(self, x: tf.Tensor, y: tf.Tensor) -> tuple[list[tuple[tf.Tensor, ...]], list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            *outputs, probabilities = self._body(x, training=False)
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(y, probabilities))
        gradients = tape.gradient(
            loss, [variable.value for variable in self._variables], unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        statistics = [_unit_statistics(output, layer) for output, layer in zip(outputs, self.layers, strict=True)]
        return statistics, [_dense(gradient) for gradient in gradients]

    def _reading(self, layer: ReadLayer, units: UnitTotals, norms: list[float], chosen: slice) -> LayerReading:
        now = [_sample(variable) for variable in self._variables[chosen]]
        before, last = self._before[chosen], self._last[chosen]
        kernels = [values for values, v in zip(now, self._variables[chosen], strict=True) if len(v.shape) > 1]
        biases = [values for values, v in zip(now, self._variables[chosen], strict=True) if len(v.shape) == 1]
        moved = [
            float(np.abs(new - old).max())
            for new, old, v in zip(now, before, self._variables[chosen], strict=False)
            if len(v.shape) == 1 and new.size
        ]
        saturated, dead = _judged(units, layer.activation)
        judged = layer.hidden and units.samples >= FEWEST_SAMPLES
        mean = float(units.mean.mean())
        return LayerReading(
            name=layer.layer.name,
            type=type(layer.layer).__name__,
            activation=layer.activation,
            units=len(units.mean),
            dead=int(dead.sum()) if judged else None,
            saturated=int(saturated.sum()) if judged else None,
            activity=[round(float(value), 6) for value in _evenly(units.absolute) if math.isfinite(value)],
            output_mean=finite(mean),
            output_std=finite(math.sqrt(max(0.0, float(units.square.mean()) - mean**2))),
            weights=sum(int(np.prod(variable.shape)) for variable in self._variables[chosen]),
            weight_norm=finite(_norm_of(self._variables[chosen])),
            gradient_norm=finite(math.sqrt(sum(norm**2 for norm in norms))),
            update_ratio=_relative(now, last),
            weight_change=_relative(now, before),
            bias_change=finite(max(moved)) if moved else None,
            weight_histogram=_histogram(kernels),
            bias_histogram=_histogram(biases),
        )


def _unit_statistics(output: tf.Tensor, layer: ReadLayer) -> tuple[tf.Tensor, ...]:
    """(low, high, fired, positive, at_end, absolute, mean, square) of shape (units,), in the order of UnitTotals."""
    axes = list(range(len(output.shape) - 1))
    places = axes[1:]
    positive = tf.cast(output > 0, tf.float32)
    fired = tf.reduce_max(positive, axis=places) if places else positive
    low, high = BOUNDS.get(layer.activation or "", (-math.inf, math.inf))
    margin = (1 - END_OF_RANGE) * (high - low) / 2 if math.isfinite(high) else 0.0
    at_end = tf.cast((output <= low + margin) | (output >= high - margin), tf.float32)
    return (
        tf.reduce_min(output, axis=axes),
        tf.reduce_max(output, axis=axes),
        tf.reduce_mean(fired, axis=0),
        tf.reduce_mean(positive, axis=axes),
        tf.reduce_mean(at_end, axis=axes),
        tf.reduce_mean(tf.abs(output), axis=axes),
        tf.reduce_mean(output, axis=axes),
        tf.reduce_mean(tf.square(output), axis=axes),
    )


def _judged(units: UnitTotals, activation: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Which units are saturated, and which are dead; none is both. Where outputs are no numbers, all are dead."""
    saturated = units.at_end >= OFTEN if activation in BOUNDS else np.zeros(len(units.mean), dtype=bool)
    span = units.high - units.low
    scale = max(abs(float(units.high.max())), abs(float(units.low.min())))
    dead = ~(span > CONSTANT_SHARE * scale)
    if activation in RECTIFIERS:
        dead |= (units.fired < FIRES_FOR_SAMPLES) | (units.positive < FIRES_AT_PLACES)
    return saturated, dead & ~saturated


def _dense(gradient: Any) -> tf.Tensor:
    """A gradient as a tensor; that of an embedding comes as rows, in which a word may occur several times."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    return tf.math.unsorted_segment_sum(gradient.values, gradient.indices, gradient.dense_shape[0])


def _sample(variable: keras.Variable) -> np.ndarray:
    """A copy of a variable's values, or of every k-th of them where there are very many."""
    values = variable.value.numpy().reshape(-1)
    return values[:: 1 + values.size // SAMPLED_WEIGHTS].copy()


def _norm_of(variables: Sequence[keras.Variable]) -> float:
    return math.sqrt(sum(float(tf.reduce_sum(tf.square(variable.value))) for variable in variables))


def _relative(now: list[np.ndarray], before: list[np.ndarray]) -> float | None:
    """Norm of the difference by the norm of what was before; None where nothing was remembered or all was zero."""
    if not before:
        return None
    norm = math.sqrt(sum(float(np.vdot(values, values)) for values in before))
    step = math.sqrt(sum(float(np.vdot(new - old, new - old)) for new, old in zip(now, before, strict=True)))
    return finite(step / norm) if norm > 0 else None


def _evenly(values: np.ndarray) -> np.ndarray:
    """At most 64 of the values, evenly chosen."""
    if len(values) <= ACTIVITY_UNITS:
        return values
    return values[np.linspace(0, len(values) - 1, ACTIVITY_UNITS).round().astype(int)]


def _histogram(arrays: list[np.ndarray]) -> Histogram | None:
    """How the values of all arrays are spread; None without any, or where one is no number."""
    values = np.concatenate(arrays) if arrays else np.empty(0)
    values = values[:: 1 + values.size // HISTOGRAM_WEIGHTS]
    if not values.size or not np.isfinite(values).all():
        return None
    low, high = float(values.min()), float(values.max())
    if low == high:
        return Histogram(low=low, high=high, counts=[int(values.size)])
    counts, _ = np.histogram(values, bins=BINS, range=(low, high))
    return Histogram(low=low, high=high, counts=[int(count) for count in counts])
