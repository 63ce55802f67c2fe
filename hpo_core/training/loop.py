"""The one training loop: local trials, remote ones and the final model all go through `train`."""

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

import datasets
from hpo_core.records import Batch, Epoch, Finished, Phase, Record, Resources, Started, finite
from hpo_core.training.data import TrialData, trial_data
from hpo_core.training.model import build_model, describe_layers
from hpo_core.training.quality import quality
from hpo_core.trial_config import TrialConfig

# Batch records: not more often than this, whichever is rarer.
BATCHES_BETWEEN_RECORDS = 10
SECONDS_BETWEEN_RECORDS = 0.25
# Validation needs no gradients and therefore little memory: larger batches are faster there.
VALIDATION_BATCH = 256

Emit = Callable[[Record], None]


class TrainingStopped(Exception):
    """The parent asked this training to stop."""


def train(
    config: TrialConfig, prepared: datasets.PreparedDataset, emit: Emit, should_stop: Callable[[], bool]
) -> keras.Model:
    """Train what `config` says and say how it goes.

    Args:
        config: complete configuration; its `threads` were set when the process started.
        prepared: the decoded data set.
        emit: takes each record at once, in order; numbering them is its business.
        should_stop: asked after every batch.

    Returns:
        The model with the weights of the last epoch.

    Raises:
        TrainingStopped: `should_stop` said so.
    """
    began = time.monotonic()
    emit(Phase(name="loading data"))
    data = trial_data(config, prepared)
    batch_size, epochs = config.number("batch_size"), config.number("epochs")
    batches = math.ceil(len(data.train) / batch_size)

    emit(Phase(name="building the model"))
    keras.utils.set_random_seed(config.seed)
    model = build_model(config, data.info, steps=batches * epochs)
    emit(_started(model, data))

    reporter = Reporter(data, emit, should_stop, batches)
    model.fit(
        data.training_batches(batch_size, config.seed), epochs=epochs, callbacks=[reporter], verbose=0, shuffle=False
    )
    emit(Finished(epochs=epochs, duration_s=round(time.monotonic() - began, 3)))
    return model


class Reporter(keras.callbacks.Callback):
    """Turns what happens in a fit into records, and validates after each epoch."""

    def __init__(self, data: TrialData, emit: Emit, should_stop: Callable[[], bool], batches: int) -> None:
        super().__init__()
        self._emit = emit
        self._should_stop = should_stop
        self._batches = batches
        self._validation = data.validation_batches(VALIDATION_BATCH)
        self._labels = data.validation_labels()
        self._process = psutil.Process(os.getpid())
        self._predict: Any = None
        self._last_record = 0.0
        self._epoch = 0
        self._epoch_began = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch = epoch + 1
        self._epoch_began = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._should_stop():
            raise TrainingStopped
        now, done = time.monotonic(), batch + 1
        first = done == 1 and self._last_record == 0.0
        due = done % BATCHES_BETWEEN_RECORDS == 0 and now - self._last_record >= SECONDS_BETWEEN_RECORDS
        if not (first or due):
            return
        self._last_record = now
        values = logs or {}
        self._emit(
            Batch(
                epoch=self._epoch,
                batch=done,
                batches=self._batches,
                loss=finite(float(values["loss"])),
                accuracy=finite(float(values["accuracy"])),
            )
        )

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        values = logs or {}
        result = quality(self._probabilities(), self._labels)
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
            )
        )
        memory = self._process.memory_info().rss / 1e6
        self._emit(Resources(memory_mb=round(memory, 1), processor_percent=self._process.cpu_percent()))

    def _probabilities(self) -> np.ndarray:
        """Class probabilities of the whole validation part: (n, classes) float32."""
        if self._predict is None:
            self._predict = tf.function(lambda x: self.model(x, training=False), reduce_retracing=True)
        parts = []
        for inputs, _ in self._validation:
            parts.append(self._predict(inputs).numpy())
            if self._should_stop():
                raise TrainingStopped
        return np.concatenate(parts)


def _started(model: keras.Model, data: TrialData) -> Started:
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    return Started(
        layers=describe_layers(model),
        parameters=trainable,
        n_train=len(data.train),
        n_validation=len(data.validation),
        process=os.getpid(),
    )
