"""What is read from one layer after an epoch, on a fixed probe batch of validation samples."""

from __future__ import annotations

from dataclasses import dataclass

# Layers of this type get a gradient only for the words that occur, so their mean says little.
SPARSE = "Embedding"


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """How values are spread: `counts` of equal bins between `low` and `high`; one bin wide where all are equal."""

    low: float
    high: float
    counts: list[int]


@dataclass(frozen=True, kw_only=True)
class LayerReading:
    """One layer with weights, after one epoch. None stands for what does not exist there or is no finite number.

    Attributes:
        name, type: as Keras has them.
        activation: what bends its output ('relu', 'tanh', ...), None where nothing does.
        units: filters of a convolution, units of a dense layer or LSTM.
        dead: units that tell samples nothing: they hardly ever fire (relu) or put out the same for every sample.
        saturated: units that sit at an end of their activation's range (tanh, sigmoid, LSTM) nearly always.
            Both are None for the output layer and for embeddings, where they mean nothing.
        activity: mean absolute output per unit, for at most 64 units evenly chosen.
        output_mean, output_std: over samples, places and units.
        weights: how many trainable numbers the layer has.
        weight_norm, gradient_norm: Euclidean norm over all of them; the gradient is that of the mean loss on the probe.
        update_ratio: norm of the last step of the epoch by the norm of the weights; healthy trainings are near 1e-3
            (CS231n, "Babysitting the learning process"), and far below 1e-6 nothing moves any more.
        weight_change: norm of the epoch's change by the norm of the weights before it.
        bias_change: largest absolute change of a bias in the epoch; None without biases.
        weight_histogram, bias_histogram: values of the kernels and of the biases.
    """

    name: str
    type: str
    activation: str | None
    units: int
    dead: int | None
    saturated: int | None
    activity: list[float]
    output_mean: float | None
    output_std: float | None
    weights: int
    weight_norm: float | None
    gradient_norm: float | None
    update_ratio: float | None
    weight_change: float | None
    bias_change: float | None
    weight_histogram: Histogram | None
    bias_histogram: Histogram | None

    @property
    def gradient_rms(self) -> float | None:
        """Root of the mean squared gradient: comparable between layers of different size."""
        return None if self.gradient_norm is None else self.gradient_norm / max(1, self.weights) ** 0.5


def layer_reading(fields: dict[str, object]) -> LayerReading:
    """The reading that `dataclasses.asdict` turned into plain values. Raises TypeError for wrong fields."""
    values = dict(fields)
    for name in ("weight_histogram", "bias_histogram"):
        if isinstance(histogram := values.get(name), dict):
            values[name] = Histogram(**histogram)
    return LayerReading(**values)  # type: ignore[arg-type]
