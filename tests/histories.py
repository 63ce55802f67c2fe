"""Made-up trainings with all that a trial says of itself: what pages and pictures are tested with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from hpo_core.health.readings import Histogram, LayerReading
from hpo_core.history import TrialHistory
from hpo_core.records import Epoch, Finished, Snapshot, Started

BINS = 40
UNITS, WORDS = 24, 50

CNN_LAYERS = [("conv_1", "Conv2D"), ("normalisation_1", "BatchNormalization"), ("conv_2", "Conv2D")]
LSTM_LAYERS = [("embedding", "Embedding"), ("lstm_1", "LSTM"), ("lstm_2", "LSTM")]
HEAD = [("hidden_1", "Dense"), ("output", "Dense")]


def cnn_history(
    epochs: int = 4, *, classes: int = 10, layers: int = 0, size: int = 8, colours: bool = False, names: bool = True
) -> TrialHistory:
    """A CNN on pictures of `size` by `size` pixels; `layers` convolutions in the place of CNN_LAYERS."""
    rng = np.random.default_rng(7)
    kinds = [(f"conv_{at}", "Conv2D") for at in range(1, layers + 1)] if layers else CNN_LAYERS
    history = _history(rng, epochs, classes, [*kinds, *HEAD], names)
    picture = _picture(size)
    image: list[Any] = picture.tolist()
    if colours:
        image = np.stack([picture, picture[::-1], picture.T], axis=2).tolist()
    maps_of = [f"conv_{at}" for at in (1, 2, 3)]
    for epoch in range(1, epochs + 1):
        for sample in (5, 9):
            maps = {
                name: [_map(rng, picture, max(1, size >> at), epoch / epochs) for _ in range(8)]
                for at, name in enumerate(maps_of)
            }
            history.snapshots.append(_snapshot(epoch, sample, classes, image, maps))
    return history


def lstm_history(epochs: int = 4, *, classes: int = 2) -> TrialHistory:
    """Two LSTMs on texts."""
    rng = np.random.default_rng(8)
    history = _history(rng, epochs, classes, [*LSTM_LAYERS, *HEAD], names=True)
    history.class_names = ["negative", "positive"][:classes]
    start = {name: rng.normal(0, 1, (UNITS, 1)) for name in ("lstm_1", "lstm_2")}
    for epoch in range(1, epochs + 1):
        maps = {}
        for name, level in start.items():
            steps = rng.normal(0, 0.25, (UNITS, WORDS)).cumsum(axis=1) * epoch / epochs
            maps[name] = [((np.tanh(level * 0.5 + steps) + 1) * 127.5).astype(int).tolist()]
        history.snapshots.append(_snapshot(epoch, 3, classes, None, maps))
    return history


def without_readings(history: TrialHistory) -> TrialHistory:
    """The same training without readings and snapshots."""
    epochs = [replace(epoch, layers=None) for epoch in history.epochs]
    return TrialHistory(history.started, epochs, [], history.finished, history.class_names)


def without_snapshots(history: TrialHistory) -> TrialHistory:
    """The same training without snapshots."""
    history.snapshots = []
    return history


def with_readings(history: TrialHistory, change: Callable[[LayerReading], LayerReading]) -> TrialHistory:
    """`history` with each reading changed."""
    return with_epochs(history, lambda e: replace(e, layers=[change(layer) for layer in e.layers or []]))


def with_epochs(history: TrialHistory, change: Callable[[Epoch], Epoch]) -> TrialHistory:
    """`history` with each epoch changed."""
    history.epochs = [change(epoch) for epoch in history.epochs]
    return history


def with_confusion(history: TrialHistory, counts: list[list[int]]) -> TrialHistory:
    """`history` with another confusion matrix."""
    assert history.finished is not None
    history.finished = replace(history.finished, confusion=counts)
    return history


def _history(
    rng: np.random.Generator, epochs: int, classes: int, kinds: list[tuple[str, str]], names: bool
) -> TrialHistory:
    history = TrialHistory(class_names=[f"class {at}" for at in range(classes)] if names else [])
    history.started = Started(
        layers=[], parameters=1000, n_train=1000, n_validation=20 * classes, process=1, label_counts=[20] * classes
    )
    history.epochs = [_epoch(rng, number, epochs, kinds) for number in range(1, epochs + 1)]
    right = min(18, round(history.epochs[-1].validation_accuracy * 20))
    wrong = [rng.multinomial(20 - right, np.full(classes, 1 / classes)) for _ in range(classes)]
    confusion = [[int(n) + right * (row == at) for at, n in enumerate(line)] for row, line in enumerate(wrong)]
    history.finished = Finished(epochs=epochs, duration_s=12.0, confusion=confusion)
    return history


def _epoch(rng: np.random.Generator, number: int, epochs: int, kinds: list[tuple[str, str]]) -> Epoch:
    loss, before = (2.3 * 0.7**at for at in (number, number - 1))
    accuracy = 1 - 0.9 * 0.65**number
    curve = np.linspace(before, loss, 20) * rng.uniform(0.9, 1.1, 20)
    return Epoch(
        epoch=number,
        epochs=epochs,
        loss=loss,
        accuracy=accuracy,
        validation_loss=loss * 1.1 + 0.02 * number,
        validation_accuracy=accuracy - 0.01 * number / epochs,
        validation_f1=accuracy - 0.02,
        validation_top5=1.0,
        learning_rate=1e-3 * 0.8**number,
        seconds=1.0,
        loss_curve=curve.tolist(),
        predicted=[20] * 10,
        layers=[_reading(rng, at, name, kind, number) for at, (name, kind) in enumerate(kinds)],
    )


def _reading(rng: np.random.Generator, at: int, name: str, kind: str, epoch: int) -> LayerReading:
    gradient, ratio = (scale * rng.uniform(0.7, 1.4) for scale in (10 ** (at * 0.3 - 4 - 0.05 * epoch), 2e-3))
    biases = None if kind == "Embedding" else _histogram(rng.normal(0.01, 0.01 * epoch, 32))
    return LayerReading(
        name=name,
        type=kind,
        activation="relu",
        units=UNITS,
        dead=1,
        saturated=0,
        activity=rng.gamma(2, 0.2, UNITS).tolist(),
        output_mean=0.1,
        output_std=0.5,
        weights=1000 * (at + 1),
        weight_norm=3 + 0.2 * epoch,
        gradient_norm=gradient * 30,
        update_ratio=ratio,
        weight_change=0.05,
        bias_change=0.01,
        weight_histogram=_histogram(rng.normal(0, 0.1 + 0.01 * epoch, 2000)),
        bias_histogram=biases,
    )


def _histogram(values: np.ndarray) -> Histogram:
    counts, edges = np.histogram(values, BINS)
    return Histogram(low=float(edges[0]), high=float(edges[-1]), counts=counts.tolist())


def _picture(size: int) -> np.ndarray:
    """A bright ring: (size, size) of 0 to 255."""
    y, x = np.mgrid[0:size, 0:size] - (size - 1) / 2
    return (255 * np.exp(-((np.hypot(x, y) / size - 0.3) ** 2) / 0.01)).astype(int)


def _map(rng: np.random.Generator, picture: np.ndarray, size: int, strength: float) -> list[list[int]]:
    at = np.arange(size) * len(picture) // size
    small = picture[np.ix_(at, at)] / 255
    filtered = (
        rng.normal(0, 1) * small + rng.normal(0, 0.7) * np.roll(small, 1, axis=1) + rng.normal(0, 0.1, small.shape)
    )
    return (np.clip(filtered * strength, 0, 1) * 255).astype(int).tolist()


def _snapshot(epoch: int, sample: int, classes: int, image: list[Any] | None, maps: dict[str, Any]) -> Snapshot:
    label = 1 % classes
    said = label if epoch > 1 else 0
    return Snapshot(epoch=epoch, sample=sample, label=label, predicted=said, image=image, maps=maps)
