"""Turns what happens in a fit into records."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import psutil
import tensorflow as tf

from hpo_core.records import Batch, Epoch, Record, Resources, finite
from hpo_core.training.data import TrialData
from hpo_core.training.examination import Examination
from hpo_core.training.quality import fold_accuracies, quality, stratified_folds

# Batch records: not more often than this, whichever is rarer. The batches are counted across epochs: some have fewer.
BATCHES_BETWEEN_RECORDS = 10
SECONDS_BETWEEN_RECORDS = 0.25
# Validation needs no gradients and therefore little memory: larger batches are faster there.
VALIDATION_BATCH = 256
# An epoch's loss curve has at most this many points.
CURVE_POINTS = 20

Emit = Callable[[Record], None]


class TrainingStopped(Exception):
    """The parent asked this training to stop."""


class BatchReporter(keras.callbacks.Callback):
    """Progress within the epochs, and the place where a training hears that it shall stop."""

    def __init__(self, emit: Emit, should_stop: Callable[[], bool], batches: int, last: float = 1.0) -> None:
        super().__init__()
        self._last = last
        self._emit = emit
        self._should_stop = should_stop
        self._batches = batches
        self._last_record = -math.inf
        self._unsaid = BATCHES_BETWEEN_RECORDS  # batches since the last record; the first one is told at once
        self._epoch = 0
        self._curve = LossCurve(batches, last)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch = epoch + 1
        self._curve = LossCurve(self._batches, self._last)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._stop_if_asked()
        values, done = logs or {}, batch + 1
        if self._curve.due(done):
            self._curve.add(done, float(values["loss"]))
        now = time.monotonic()
        self._unsaid += 1
        if self._unsaid < BATCHES_BETWEEN_RECORDS or now - self._last_record < SECONDS_BETWEEN_RECORDS:
            return
        self._last_record, self._unsaid = now, 0
        self._emit(
            Batch(
                epoch=self._epoch,
                batch=done,
                batches=self._batches,
                loss=finite(float(values["loss"])),
                accuracy=finite(float(values["accuracy"])),
            )
        )

    def _stop_if_asked(self) -> None:
        if self._should_stop():
            raise TrainingStopped


class Reporter(BatchReporter):
    """Validates after each epoch as well, and adds what the examination found.

    Args:
        data: of the trial.
        emit, should_stop: as in `train`.
        batch_size: samples of a training batch, on all devices together.
        examination: looks at the layers; None for no readings.
        replicas: devices that share each batch.
    """

    def __init__(
        self,
        data: TrialData,
        emit: Emit,
        should_stop: Callable[[], bool],
        batch_size: int,
        examination: Examination | None = None,
        replicas: int = 1,
    ) -> None:
        batches = math.ceil(len(data.train) / batch_size)
        rest = len(data.train) - (batches - 1) * batch_size
        # Devices take parts of equal size, whatever is left.
        super().__init__(emit, should_stop, batches, math.ceil(rest / replicas) / math.ceil(batch_size / replicas))
        self._examination = examination
        self._validation = data.validation_batches(VALIDATION_BATCH)
        self._labels = data.validation_labels()
        self._folds = stratified_folds(self._labels)
        self._process = psutil.Process(os.getpid())
        self._process.cpu_percent()  # its first answer is always 0: a share counts from here
        self._took_told = False
        self._predict: Any = None
        self._epoch_began = 0.0
        self.probabilities = np.empty((0, data.info.n_classes), dtype=np.float32)
        """Of the classes, for each validation sample, after the last epoch: (n, classes)."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        super().on_epoch_begin(epoch, logs)
        self._epoch_began = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        super().on_train_batch_end(batch, logs)
        if not self._took_told:  # not only after a whole epoch: what all trainings take is added up
            self._tell_what_it_takes()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        values = logs or {}
        self.probabilities = self._answers()
        result = quality(self.probabilities, self._labels)
        layers = self._examination.read() if self._examination else None
        self._emit(
            Epoch(
                epoch=epoch + 1,
                epochs=self.params["epochs"],
                loss=finite(float(values["loss"])),
                accuracy=finite(float(values["accuracy"])),
                validation_loss=finite(result.loss),
                validation_accuracy=result.accuracy,
                validation_f1=result.f1,
                validation_top5=result.top5,
                learning_rate=float(self.model.optimizer.learning_rate.numpy()),
                seconds=round(time.monotonic() - self._epoch_began, 3),
                loss_curve=self._curve.values,
                fold_accuracies=fold_accuracies(self.probabilities, self._labels, self._folds),
                predicted=np.bincount(
                    self.probabilities.argmax(axis=1), minlength=self.probabilities.shape[1]
                ).tolist(),
                layers=layers,
            )
        )
        for snapshot in self._examination.snapshots(epoch + 1) if self._examination else []:
            self._emit(snapshot)
        self._tell_what_it_takes()

    def _tell_what_it_takes(self) -> None:
        self._took_told = True
        # Its own pages alone: those of libraries are shared, and would count once for each training.
        memory = self._process.memory_full_info().uss / 1e6
        self._emit(Resources(memory_mb=round(memory, 1), processor_percent=self._process.cpu_percent()))

    def _answers(self) -> np.ndarray:
        """Class probabilities of the whole validation part: (n, classes) float32."""
        if self._predict is None:
            self._predict = tf.function(lambda x: self.model(x, training=False), reduce_retracing=True)
        parts = []
        for inputs, _ in self._validation:
            parts.append(self._predict(inputs).numpy())
            self._stop_if_asked()
        return np.concatenate(parts)


class LossCurve:
    """The loss of an epoch's first batch, then means over equal stretches, from Keras's running means.

    Args:
        batches: in the epoch.
        last: how full the last of them is, 0 to 1; Keras's means are over samples.
    """

    def __init__(self, batches: int, last: float = 1.0) -> None:
        points = min(CURVE_POINTS, batches)
        self._ends = {1, *(round(batches * (point + 1) / points) for point in range(points))}
        self._short = (batches, last)
        self._before = (0.0, 0.0)
        self.values: list[float | None] = []

    def due(self, done: int) -> bool:
        """Whether a stretch ends after `done` batches."""
        return done in self._ends

    def add(self, done: int, running_mean: float) -> None:
        """Close a stretch: `running_mean` is that of the epoch's first `done` batches."""
        before, mean = self._before
        batches, last = self._short
        seen = done - 1 + last if done == batches else float(done)
        value = finite((running_mean * seen - mean * before) / (seen - before))
        self.values.append(None if value is None else round(value, 6))
        self._before = (seen, running_mean)
