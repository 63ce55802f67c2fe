"""Looks into the network while it trains: readings after its epochs, snapshots of a few samples."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from hpo_core.health.readings import LayerReading
from hpo_core.records import Snapshot
from hpo_core.training.data import TrialData
from hpo_core.training.probe import PROBE_SAMPLES, Probe
from hpo_core.training.snapshots import Camera, different_samples, snapshot_epochs


class Examination(keras.callbacks.Callback):
    """Remembers weights where a reading will need them; `read` and `snapshots` are asked for after each epoch.

    Args:
        model: the network.
        data: of the trial; the probe is drawn from its validation part.
        epochs, batches: in the training, and in an epoch.
        interval: epochs from one reading to the next; the last epoch is always read.
        seed: of the choice of the probe's samples.
    """

    def __init__(
        self, model: keras.Model, data: TrialData, *, epochs: int, batches: int, interval: int, seed: int
    ) -> None:
        super().__init__()
        self._epochs, self._batches, self._interval = epochs, batches, interval
        self._due = False
        chosen = probe_positions(len(data.validation), seed)
        x, y = _gather(data, data.validation[chosen])
        self._probe = Probe(model, x, y)
        pictured = chosen[different_samples(y.numpy())]
        x, y = _gather(data, data.validation[pictured])
        self._camera = Camera(model, x, y.numpy(), pictured)
        self._snapshot_epochs = snapshot_epochs(epochs)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._due = epoch % self._interval == 0 or epoch + 1 == self._epochs
        if self._due:
            self._probe.epoch_begins()

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._due and batch + 1 == self._batches:
            self._probe.last_step_begins()

    def read(self) -> list[LayerReading] | None:
        """What the layers look like now; None in an epoch without a reading."""
        return self._probe.read() if self._due else None

    def snapshots(self, epoch: int) -> list[Snapshot]:
        """Of one sample, or of all chosen ones after the last epoch; none in most epochs of a long training."""
        if epoch not in self._snapshot_epochs:
            return []
        return self._camera.take(epoch, samples=1 if epoch < self._epochs else len(self._camera))


def probe_positions(n: int, seed: int) -> np.ndarray:
    """Which of `n` validation samples are read: at most 256, the same for a seed, in rising order."""
    return np.sort(np.random.default_rng(seed).permutation(n)[:PROBE_SAMPLES])


def _gather(data: TrialData, indices: np.ndarray) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.gather(data.inputs, indices), tf.gather(data.labels, indices)
