"""From a data set and a configuration to batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

import datasets
from hpo_core.trial_config import TrialConfig

ALIGNMENT = 64


@dataclass(frozen=True)
class TrialData:
    """What one training reads.

    Attributes:
        inputs: pictures (n, height, width, channels) uint8, or token ids (n, sequence_length) int32; for pictures all
            of the training part, mapped from disk, of which the indices below choose.
        labels: (n,) int32 class numbers.
        train, validation: indices into `inputs` and `labels`.
        info: the catalogue's entry.
    """

    inputs: tf.Tensor
    labels: tf.Tensor
    train: np.ndarray
    validation: np.ndarray
    info: datasets.DatasetInfo

    def training_batches(self, batch_size: int, seed: int) -> tf.data.Dataset:
        """All training samples in a new order each epoch, the orders decided by `seed`."""
        indices = tf.data.Dataset.from_tensor_slices(self.train.astype(np.int32))
        shuffled = indices.shuffle(len(self.train), seed=seed, reshuffle_each_iteration=True)
        return self._batches(shuffled, batch_size)

    def validation_batches(self, batch_size: int) -> tf.data.Dataset:
        """All validation samples in their order."""
        return self._batches(tf.data.Dataset.from_tensor_slices(self.validation.astype(np.int32)), batch_size)

    def validation_labels(self) -> np.ndarray:
        return np.asarray(tf.gather(self.labels, self.validation))

    def _batches(self, indices: tf.data.Dataset, batch_size: int) -> tf.data.Dataset:
        # Gathering by index leaves the samples where they are: one mapped file for all training processes.
        inputs, labels = self.inputs, self.labels
        batches = indices.batch(batch_size).map(lambda i: (tf.gather(inputs, i), tf.gather(labels, i)))
        options = tf.data.Options()
        options.deterministic = True
        options.threading.private_threadpool_size = 1  # the feed is cheap; the cores belong to the training
        options.autotune.enabled = False
        return batches.prefetch(2).with_options(options)


def trial_data(config: TrialConfig, prepared: datasets.PreparedDataset) -> TrialData:
    """The samples that `config` trains and validates on; the test part is not touched."""
    labels = np.asarray(prepared.y_train)
    split = split_of(config, prepared)
    train, validation = split.train, split.validation
    if prepared.info.kind is datasets.Kind.PICTURES:
        inputs = prepared.x_train
    else:
        inputs, labels, train, validation = _texts(config, prepared, labels, split)
    return TrialData(
        inputs=shared_tensor(inputs),
        labels=tf.convert_to_tensor(labels.astype(np.int32)),
        train=train,
        validation=validation,
        info=prepared.info,
    )


def split_of(config: TrialConfig, prepared: datasets.PreparedDataset) -> datasets.Split:
    """The parts of the training samples, as `config` says: the same for all trials of a run and its final model."""
    return datasets.stratified_split(
        np.asarray(prepared.y_train),
        sample_percentage=config.sample_percentage,
        validation_split=config.validation_split,
        test_split=config.test_split,
        has_test_part=prepared.n_test > 0,
        seed=config.split_seed,
    )


def shared_tensor(array: np.ndarray) -> tf.Tensor:
    """The array as a tensor on the same memory: `tf.convert_to_tensor` would copy it into every training process.

    TensorFlow aborts on memory that is not aligned to 64 bytes. What is mapped from an .npy file always is; other
    arrays belong to this process alone and may be copied.
    """
    if array.ctypes.data % ALIGNMENT:
        return tf.convert_to_tensor(array)
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


def _texts(
    config: TrialConfig, prepared: datasets.PreparedDataset, labels: np.ndarray, split: datasets.Split
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Only the chosen texts, cut and padded: (inputs, labels, training indices, validation indices)."""
    chosen = np.concatenate([split.train, split.validation])
    inputs = prepared.sequences("train").padded(
        chosen, length=config.number("sequence_length"), vocabulary_size=config.number("vocabulary_size")
    )
    border = len(split.train)
    return inputs, labels[chosen], np.arange(border), np.arange(border, len(chosen))
