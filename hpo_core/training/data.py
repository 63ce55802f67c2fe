"""From a data set and a configuration to batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

import datasets
from hpo_core.splits import split_of
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
        return self._gathered(shuffled.batch(batch_size))

    def training_parts(self, batch_size: int, seed: int, parts: int) -> tf.data.Dataset:
        """Batches without end, epoch after epoch, in orders decided by `seed`; each as `parts` one after another."""
        train = tf.constant(self.train.astype(np.int32))

        def epoch(number: tf.Tensor) -> tf.data.Dataset:
            # No state that two iterators could share: Keras opens one to look at a batch, and leaves it open.
            order = tf.random.experimental.stateless_shuffle(train, seed=tf.stack([seed, number]))
            return tf.data.Dataset.from_tensor_slices(order).batch(batch_size).flat_map(lambda i: _parts(i, parts))

        indices = tf.data.Dataset.counter().flat_map(epoch)
        endless = indices.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
        return self._gathered(endless, ahead=2 * parts)

    def validation_batches(self, batch_size: int) -> tf.data.Dataset:
        """All validation samples in their order."""
        return self._gathered(tf.data.Dataset.from_tensor_slices(self.validation.astype(np.int32)).batch(batch_size))

    def validation_labels(self) -> np.ndarray:
        return np.asarray(tf.gather(self.labels, self.validation))

    def _gathered(self, indices: tf.data.Dataset, ahead: int = 2) -> tf.data.Dataset:
        # Gathering by index leaves the samples where they are: one mapped file for all training processes.
        inputs, labels = self.inputs, self.labels
        batches = indices.map(lambda i: (tf.gather(inputs, i), tf.gather(labels, i)))
        options = tf.data.Options()
        options.deterministic = True
        options.threading.private_threadpool_size = 1  # the feed is cheap; the cores belong to the training
        options.autotune.enabled = False
        return batches.prefetch(ahead).with_options(options)


def _parts(batch: tf.Tensor, parts: int) -> tf.data.Dataset:
    """The samples of `batch` (n,) in `parts` of equal size.

    A batch that cannot be divided is filled up with its own samples: Keras fails on parts that differ, and a
    normalisation layer has no mean of an empty one.
    """
    size = -(-tf.size(batch) // parts)
    filled = tf.gather(batch, tf.range(size * parts) % tf.size(batch))
    return tf.data.Dataset.from_tensor_slices(tf.reshape(filled, (parts, size)))


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
