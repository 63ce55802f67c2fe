"""The comparison: the same networks on the same samples in a plain Keras loop, in one warm process.

Prints a JSON list of seconds, one per configuration.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time

import keras
import numpy as np
import tensorflow as tf

import datasets
from benchmarks.overhead import configurations
from benchmarks.work import config
from hpo_core.settings import Settings
from hpo_core.training.model import build_model
from hpo_core.trial_config import TrialConfig


def main() -> None:
    threads = int(sys.argv[1])
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.config.experimental.enable_op_determinism()
    settings = Settings.from_environment(os.environ)
    prepared = datasets.prepare("mnist", folder=settings.datasets_dir, cache=settings.cache_dir)
    _fit(config("mnist", {"epochs": 1}, threads=threads, share=5.0), prepared)
    print(json.dumps([_fit(one, prepared) for one in configurations(threads)]))


def _fit(one: TrialConfig, prepared: datasets.PreparedDataset) -> float:
    began = time.perf_counter()
    labels = np.asarray(prepared.y_train)
    split = datasets.stratified_split(
        labels,
        sample_percentage=one.sample_percentage,
        validation_split=one.validation_split,
        test_split=one.test_split,
        has_test_part=True,
        seed=one.split_seed,
    )
    x, y = np.asarray(prepared.x_train[split.train]), labels[split.train]
    validation = np.asarray(prepared.x_train[split.validation]), labels[split.validation]
    keras.utils.set_random_seed(one.seed)
    epochs, batch_size = one.number("epochs"), one.number("batch_size")
    model = build_model(one, prepared.info, steps=epochs * math.ceil(len(x) / batch_size))
    model.fit(x, y, batch_size=batch_size, epochs=epochs, validation_data=validation, verbose=0)
    seconds = time.perf_counter() - began
    keras.backend.clear_session()
    return seconds


if __name__ == "__main__":
    main()
