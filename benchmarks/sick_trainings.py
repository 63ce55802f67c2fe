"""Trainings that are sick on purpose, and healthy ones beside them: `python -m benchmarks.sick_trainings [NAME ...]`.

Prints one JSON object per training: name, seed, and the code, severity and layer of each diagnosis after the last
epoch, with the codes that were fatal after any epoch.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from keras import layers

import datasets
from benchmarks.work import config
from hpo_core.health.diagnoses import diagnose
from hpo_core.health.metrics import history_until
from hpo_core.history import TrialHistory
from hpo_core.parameters import Value
from hpo_core.settings import Settings
from hpo_core.training.data import TrialData, trial_data
from hpo_core.training.loop import FitPlan, fit
from hpo_core.training.model import build_model

SEEDS = (1, 2, 3)
Optimizer = Callable[[], keras.optimizers.Optimizer]


@dataclass(frozen=True)
class Case:
    """One kind of training.

    Attributes:
        code: the diagnosis that is expected; '' for a healthy training.
        run: trains with a seed.
    """

    code: str
    run: Callable[[int], TrialHistory]


def prepared(name: str) -> datasets.PreparedDataset:
    settings = Settings.from_environment(os.environ)
    return datasets.prepare(name, folder=settings.datasets_dir, cache=settings.cache_dir)


def of_config(dataset: str, changes: dict[str, Value], share: float = 100.0) -> Callable[[int], TrialHistory]:
    """What `changes` to the default configuration make of a data set."""

    def run(seed: int) -> TrialHistory:
        one = config(dataset, changes, threads=2, share=share, seed=seed)
        data = trial_data(one, prepared(dataset))
        batch_size, epochs = one.number("batch_size"), one.number("epochs")
        keras.utils.set_random_seed(seed)
        model = build_model(one, data.info, steps=epochs * math.ceil(len(data.train) / batch_size))
        return trained(model, data, FitPlan(batch_size, epochs, seed))

    return run


def of_digits(
    build: Callable[[], keras.Model],
    optimizer: Optimizer = keras.optimizers.Adam,
    *,
    epochs: int = 5,
    change: Callable[[TrialData, np.random.Generator], TrialData] = lambda data, _: data,
) -> Callable[[int], TrialHistory]:
    """What a network of its own kind makes of the digits."""

    def run(seed: int) -> TrialHistory:
        data = trial_data(config("digits", {}, threads=2, seed=seed), prepared("digits"))
        data = change(data, np.random.default_rng(seed))
        keras.utils.set_random_seed(seed)
        model = build()
        model.compile(optimizer=optimizer(), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return trained(model, data, FitPlan(32, epochs, seed))

    return run


def trained(model: keras.Model, data: TrialData, plan: FitPlan) -> TrialHistory:
    history = TrialHistory()
    fit(model, data, plan, history.add, lambda: False)
    return history


def dense(
    widths: list[int], activation: str, spread: float | None = None, bias: float = 0.0
) -> Callable[[], keras.Model]:
    """A plain network on the flattened picture; `spread` is the deviation of its first weights."""

    def build() -> keras.Model:
        kernel = keras.initializers.RandomNormal(stddev=spread) if spread else "glorot_uniform"
        inputs = keras.Input((8, 8, 1), dtype="uint8")
        x = layers.Flatten()(layers.Rescaling(1 / 255)(inputs))
        for width in widths:
            x = layers.Dense(
                width, activation=activation, kernel_initializer=kernel,
                bias_initializer=keras.initializers.Constant(bias),
            )(x)  # fmt: skip
        return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))

    return build


def random_labels(data: TrialData, rng: np.random.Generator) -> TrialData:
    labels = tf.constant(rng.permutation(data.labels.numpy()))
    return dataclasses.replace(data, labels=labels)


def hundred_samples(data: TrialData, rng: np.random.Generator) -> TrialData:
    return dataclasses.replace(data, train=rng.permutation(data.train)[:100])


def mostly_one_class(data: TrialData, rng: np.random.Generator) -> TrialData:
    """A training part in which all but a few samples carry the label 3."""
    labels = data.labels.numpy().copy()
    labels[data.train[rng.random(len(data.train)) < 0.99]] = 3
    return dataclasses.replace(data, labels=tf.constant(labels))


def sgd(rate: float, momentum: float = 0.0) -> Optimizer:
    return lambda: keras.optimizers.SGD(rate, momentum=momentum)


def adam(rate: float) -> Optimizer:
    return lambda: keras.optimizers.Adam(rate)


FAULTS: Mapping[str, Case] = {
    "dead relu by a bias of -20": Case("DEAD_UNITS", of_digits(dense([64, 64], "relu", bias=-20.0))),
    "ten sigmoid layers": Case("VANISHING_GRADIENT", of_digits(dense([32] * 10, "sigmoid"))),
    "learning rate 10": Case("DIVERGED", of_config("digits", {"learning_rate": 10.0})),
    "saturated tanh": Case("SATURATED_UNITS", of_digits(dense([64, 64], "tanh", spread=20.0))),
    "100 samples, large network": Case(
        "OVERFITTING", of_digits(dense([512, 512], "relu"), epochs=40, change=hundred_samples)
    ),
    "learning rate 1e-9": Case("NOT_LEARNING", of_config("digits", {"learning_rate": 1e-9})),
    "random labels": Case("NOT_LEARNING", of_digits(dense([64], "relu"), epochs=8, change=random_labels)),
    "one class only": Case("CLASS_COLLAPSE", of_digits(dense([32], "relu"), change=mostly_one_class)),
    "oscillating sgd": Case("OSCILLATING", of_digits(dense([64, 64], "relu"), sgd(1.5, 0.9), epochs=8)),
    "50 million parameters": Case("BLOATED", of_digits(dense([6900, 6900], "relu"), sgd(0.01), epochs=1)),
    "exploding gradient": Case(
        "EXPLODING_GRADIENT", of_digits(dense([64] * 8, "relu", spread=1.0), sgd(1e-6), epochs=2)
    ),
    "a rate that has fallen to nothing": Case(
        "PLATEAU", of_digits(
            dense([16], "relu"),
            lambda: keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 20, 0.1)),
            epochs=12,
        )
    ),
}  # fmt: skip

HEALTHY: Mapping[str, Case] = {
    "digits": Case("", of_config("digits", {"epochs": 8})),
    "digits, elu, cosine": Case(
        "", of_config("digits", {"epochs": 8, "activation": "elu", "learning_rate_schedule": "cosine"})
    ),
    "digits, no normalisation, sgd": Case(
        "", of_config("digits", {"epochs": 8, "batch_normalization": False, "optimizer": "sgd", "learning_rate": 0.01})
    ),
    "digits, one epoch": Case("", of_config("digits", {"epochs": 1})),
    "mnist, 10 %": Case("", of_config("mnist", {"epochs": 3}, 10.0)),
    "fashion mnist, 10 %": Case("", of_config("fashion_mnist", {"epochs": 4}, 10.0)),
    "gtsrb, 30 %": Case("", of_config("gtsrb", {"epochs": 4, "filters": 12}, 30.0)),
    "generated text": Case("", of_config("generated_text", {"epochs": 5})),
    "imdb, 10 %": Case("", of_config("imdb", {"epochs": 4, "sequence_length": 100}, 10.0)),
    "reuters, 50 %": Case("", of_config("reuters", {"epochs": 4, "sequence_length": 60}, 50.0)),
}


def results(names: list[str]) -> Iterator[dict[str, object]]:
    """One mapping per training; faults with three seeds, healthy trainings with one."""
    for name, case in {**FAULTS, **HEALTHY}.items():
        if names and name not in names:
            continue
        for seed in SEEDS if case.code else SEEDS[:1]:
            history = case.run(seed)
            found = diagnose(history)
            fatal = {
                item.code: epoch.epoch
                for epoch in reversed(history.epochs)
                for item in diagnose(history_until(history, epoch))
                if item.severity == "fatal"
            }
            yield {
                "name": name,
                "seed": seed,
                "expected": case.code,
                "found": [f"{item.code} {item.severity} {item.layer or ''}".strip() for item in found],
                "codes": sorted({item.code for item in found}),
                "fatal": fatal,
                "accuracy": history.epochs[-1].validation_accuracy,
            }
            keras.backend.clear_session()


if __name__ == "__main__":
    tf.config.experimental.enable_op_determinism()
    for result in results(sys.argv[1:]):
        print(json.dumps(result), flush=True)
