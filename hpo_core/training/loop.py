"""The one training loop: local trials, remote ones and the final model all go through `fit_epochs`."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

import datasets
from hpo_core.history import TrialHistory
from hpo_core.pictures import wants_pictures
from hpo_core.records import Finished, Phase, Record, Started
from hpo_core.training.data import TrialData, trial_data
from hpo_core.training.examination import Examination
from hpo_core.training.model import build_model, describe_layers
from hpo_core.training.pictures import picture_records
from hpo_core.training.quality import confusion
from hpo_core.training.replicas import batches_for, mirrored, replicas_of, shared_devices
from hpo_core.training.reporter import Emit, Reporter, TrainingStopped
from hpo_core.trial_config import TrialConfig


@dataclass(frozen=True)
class FitPlan:
    """How a model is trained, whatever the model.

    Attributes:
        batch_size: samples of a step, on all devices together.
        epochs: as Keras means them.
        seed: of the order of the samples.
        health_interval: epochs from one reading of the layers to the next; 0 for none.
    """

    batch_size: int
    epochs: int
    seed: int
    health_interval: int = 1


def train(
    config: TrialConfig,
    prepared: datasets.PreparedDataset,
    emit: Emit,
    should_stop: Callable[[], bool],
    folder: Path | None = None,
) -> keras.Model:
    """Train what `config` says and say how it goes.

    Args:
        config: complete configuration; its `threads` were set when the process started.
        prepared: the decoded data set.
        emit: takes each record at once, in order; numbering them is its business.
        should_stop: asked after every batch.
        folder: where the trial's pictures go; None for no pictures, whatever `config` says.

    Returns:
        The model with the weights of the last epoch.

    Raises:
        TrainingStopped: `should_stop` said so.
        UsageError: there are fewer devices than `config` asks for.
    """
    began = time.monotonic()
    devices = shared_devices(config.replicas, config.number("batch_size"))
    emit(Phase(name="loading data"))
    data = trial_data(config, prepared)
    plan = FitPlan(config.number("batch_size"), config.number("epochs"), config.seed, config.health_interval)
    steps = plan.epochs * math.ceil(len(data.train) / plan.batch_size)

    emit(Phase(name="building the model"))
    keras.utils.set_random_seed(config.seed)
    with mirrored(devices):
        model = build_model(config, data.info, steps)
    history = TrialHistory(class_names=list(data.info.class_names))

    def keep(record: Record) -> None:
        history.add(record)
        emit(record)

    counts = fit(model, data, plan, keep, should_stop)
    history.add(_finished(plan, began, counts))
    if folder is not None and wants_pictures(config, history):
        for picture in picture_records(history, folder):
            emit(picture)
            if should_stop():
                raise TrainingStopped
    emit(_finished(plan, began, counts))
    return model


def fit(
    model: keras.Model, data: TrialData, plan: FitPlan, emit: Emit, should_stop: Callable[[], bool]
) -> list[list[int]]:
    """Train a compiled model, with a record of everything that happens; the confusion matrix after the last epoch.

    Raises:
        TrainingStopped: `should_stop` said so.
    """
    batches = math.ceil(len(data.train) / plan.batch_size)
    emit(started_record(model, data, batches))
    examination = None
    if plan.health_interval > 0 and len(data.validation):
        examination = Examination(
            model, data, epochs=plan.epochs, batches=batches, interval=plan.health_interval, seed=plan.seed
        )
    reporter = Reporter(data, emit, should_stop, plan.batch_size, examination, replicas_of(model))
    callbacks = [reporter] if examination is None else [examination, reporter]
    fit_epochs(model, data, plan, callbacks)
    return confusion(reporter.probabilities, data.validation_labels())


def fit_epochs(model: keras.Model, data: TrialData, plan: FitPlan, callbacks: list[keras.callbacks.Callback]) -> None:
    """Train on as many devices as the model was built for; `callbacks` see what happens."""
    steps = math.ceil(len(data.train) / plan.batch_size)
    model.fit(
        batches_for(model, data, plan.batch_size, plan.seed),
        epochs=plan.epochs,
        steps_per_epoch=steps if replicas_of(model) > 1 else None,  # what several devices read has no end of its own
        callbacks=callbacks,
        verbose=0,
        shuffle=False,
    )


def _finished(plan: FitPlan, began: float, counts: list[list[int]]) -> Finished:
    return Finished(epochs=plan.epochs, duration_s=round(time.monotonic() - began, 3), confusion=counts)


def _input_size(model: keras.Model, data: TrialData) -> int:
    """Numbers that a linear classifier would take: pixels times channels, or one for each word that is told apart."""
    embeddings = [layer for layer in model.layers if isinstance(layer, keras.layers.Embedding)]
    return int(embeddings[0].input_dim if embeddings else np.prod(data.inputs.shape[1:]))


def started_record(model: keras.Model, data: TrialData, batches: int) -> Started:
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    return Started(
        layers=describe_layers(model),
        parameters=trainable,
        n_train=len(data.train),
        n_validation=len(data.validation),
        process=os.getpid(),
        input_size=_input_size(model, data),
        label_counts=np.bincount(data.validation_labels(), minlength=data.info.n_classes).tolist(),
        batches=batches,
        devices=replicas_of(model),
    )
