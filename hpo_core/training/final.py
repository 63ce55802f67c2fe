"""The final model: the best configuration trained on all that trials saw, tested once, and made into files."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import datasets
from hpo_core.records import FINAL_PHASE, Finished, Phase, finite
from hpo_core.splits import test_indices
from hpo_core.training.data import TrialData, shared_tensor, trial_data
from hpo_core.training.export import export_model
from hpo_core.training.loop import FitPlan, fit_epochs, started_record
from hpo_core.training.model import build_model
from hpo_core.training.quality import confusion, quality
from hpo_core.training.replicas import mirrored, shared_devices
from hpo_core.training.reporter import VALIDATION_BATCH, BatchReporter, Emit, TrainingStopped
from hpo_core.trial_config import TrialConfig

BUILDING, TESTING, EXPORTING = FINAL_PHASE, "testing the final model", "exporting the final model"
# Samples on which exported files are compared with the model.
EXPORT_SAMPLES = 16


@dataclass(frozen=True)
class FinalData:
    """What the final model reads.

    Attributes:
        training: all samples that trials trained or validated on, as its training part; its validation part is empty.
        test_inputs: pictures (n, height, width, channels) uint8, or token ids (n, sequence_length) int32.
        test_labels: (n,) int32 class numbers.
    """

    training: TrialData
    test_inputs: tf.Tensor
    test_labels: np.ndarray


@dataclass(frozen=True)
class Evaluation:
    """The final model on the test part.

    Attributes:
        accuracy: share of right answers.
        loss: mean cross-entropy in nats; NaN after divergence.
        confusion: row per right class, column per predicted one.
    """

    accuracy: float
    loss: float
    confusion: list[list[int]]


def train_final(
    config: TrialConfig,
    prepared: datasets.PreparedDataset,
    emit: Emit,
    should_stop: Callable[[], bool],
    folder: Path,
) -> None:
    """Train `config` on training and validation part together, test once, and write the model's files.

    Args:
        config: of the best trial, its seed and epochs included.
        prepared: the decoded data set.
        emit: takes each record at once, in order.
        should_stop: asked after every batch and between files.
        folder: where the files go.

    Raises:
        TrainingStopped: `should_stop` said so.
        UsageError: there are fewer devices than `config` asks for.
    """
    began = time.monotonic()
    plan = FitPlan(config.number("batch_size"), config.number("epochs"), config.seed)
    devices = shared_devices(config.replicas, plan.batch_size)
    emit(Phase(name=BUILDING))
    data = final_data(config, prepared)
    batches = math.ceil(len(data.training.train) / plan.batch_size)
    keras.utils.set_random_seed(plan.seed)
    with mirrored(devices):
        model = build_model(config, prepared.info, steps=batches * plan.epochs)
    emit(started_record(model, data.training, batches))
    fit_epochs(model, data.training, plan, [BatchReporter(emit, should_stop, batches)])
    if len(devices) > 1:
        model = _on_one_device(model, build_model(config, prepared.info, steps=batches * plan.epochs))

    emit(Phase(name=TESTING))
    result = evaluate(model, data.test_inputs, data.test_labels, VALIDATION_BATCH, should_stop)
    emit(Phase(name=EXPORTING))
    for artefact in export_model(model, folder, data.test_inputs[:EXPORT_SAMPLES].numpy()):
        emit(artefact)
        if should_stop():
            raise TrainingStopped
    emit(
        Finished(
            epochs=plan.epochs,
            duration_s=round(time.monotonic() - began, 3),
            confusion=result.confusion,
            test_accuracy=result.accuracy,
            test_loss=finite(result.loss),
            n_test=len(data.test_labels),
        )
    )


def _on_one_device(trained: keras.Model, model: keras.Model) -> keras.Model:
    """`model`, built for one device, with the trained weights: converters do not know those of several devices."""
    model.set_weights(trained.get_weights())
    return model


def final_data(config: TrialConfig, prepared: datasets.PreparedDataset) -> FinalData:
    """The split of `config`, its two training parts put together, and the whole test part.

    `sample_percentage` counts for what is trained on; the test is the same for every sample. A set with a test part of
    its own is tested on that, another one on what `test_split` set aside.
    """
    trial = trial_data(config, prepared)
    together = np.sort(np.concatenate([trial.train, trial.validation]))
    training = TrialData(
        inputs=trial.inputs, labels=trial.labels, train=together, validation=together[:0], info=trial.info
    )
    return FinalData(training, *_test_part(config, prepared))


def _test_part(config: TrialConfig, prepared: datasets.PreparedDataset) -> tuple[tf.Tensor, np.ndarray]:
    """All samples to test on, and their labels."""
    part, chosen = test_indices(config, prepared)
    own = part == "test"
    labels = np.asarray(prepared.y_test if own else prepared.y_train)
    if prepared.info.kind is datasets.Kind.TEXT:
        texts = prepared.sequences(part).padded(
            chosen, length=config.number("sequence_length"), vocabulary_size=config.number("vocabulary_size")
        )
        inputs = tf.convert_to_tensor(texts)
    else:
        inputs = shared_tensor(prepared.x_test) if own else tf.convert_to_tensor(prepared.x_train[chosen])
    return inputs, labels[chosen].astype(np.int32)


def evaluate(
    model: keras.Model, inputs: tf.Tensor, labels: np.ndarray, batch: int, should_stop: Callable[[], bool]
) -> Evaluation:
    """Ask the model once for every sample, `batch` at a time. Raises TrainingStopped."""
    answer = tf.function(lambda x: model(x, training=False), reduce_retracing=True)
    parts = []
    for begin in range(0, len(labels), batch):
        parts.append(answer(inputs[begin : begin + batch]).numpy())
        if should_stop():
            raise TrainingStopped
    probabilities = np.concatenate(parts)
    measured = quality(probabilities, labels)
    return Evaluation(measured.accuracy, measured.loss, confusion(probabilities, labels))
