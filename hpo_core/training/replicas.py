"""Several devices for one training: each takes its part of every batch, and all keep the same weights.

The batch of the configuration is the global one, which the devices share; the gradients of its parts are averaged
before each step. What is not the same as on one device: the order of the samples, batch normalisation (it looks at the
samples of its own device), dropout (the devices drop the same units), and the few samples that count twice where a
batch cannot be divided.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import tensorflow as tf

from hpo_core.errors import UsageError
from hpo_core.training.data import TrialData

# Of a batch, that each device has at least: with fewer it would wait more than it computes.
LEAST_SAMPLES = 8


def shared_devices(replicas: int, batch_size: int) -> list[str]:
    """Names of the devices that share each batch: GPUs where this process sees any, else what the processor shows.

    Args:
        replicas: how many are asked for; 0 for all there are.
        batch_size: of the global batch. Fewer devices are used where each would have less than `LEAST_SAMPLES` of it.

    Raises:
        UsageError: there are fewer devices than asked for.
    """
    found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if not 0 <= replicas <= len(found):
        bound = "at least 0" if replicas < 0 else f"at most {len(found)}, the devices of this machine"
        raise UsageError(
            "replicas", f"must be {bound}, got {replicas}", "set gpus_per_worker=auto to use all there are"
        )
    most = max(1, batch_size // LEAST_SAMPLES)
    return [device.name for device in found[: min(replicas or len(found), most)]]


def mirrored(devices: list[str]) -> AbstractContextManager[Any]:
    """Where a model is built and compiled that trains on `devices`; a single one needs no strategy and gets none."""
    if len(devices) == 1:
        return nullcontext()
    # By default gradients are added by collective operations, which are numbered anew in each strategy: the second
    # training of a process would meet those of the first, and fail.
    return tf.distribute.MirroredStrategy(devices, tf.distribute.ReductionToOneDevice()).scope()


def replicas_of(model: keras.Model) -> int:
    """On how many devices the model trains."""
    return int(model.distribute_strategy.num_replicas_in_sync)


def batches_for(model: keras.Model, data: TrialData, batch_size: int, seed: int) -> Any:
    """What `model.fit` reads: the batches of an epoch, or without end the parts of them that each device takes.

    Keras would leave it to TensorFlow to cut the batches, which leaves devices without a sample of a short last one.
    """
    replicas = replicas_of(model)
    if replicas == 1:
        return data.training_batches(batch_size, seed)
    parts = data.training_parts(batch_size, seed, replicas)
    return model.distribute_strategy.distribute_datasets_from_function(lambda _context: parts)
