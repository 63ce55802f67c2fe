"""The two networks, built from a configuration."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import layers, ops

import datasets
from hpo_core.model_size import SMALLEST_MAP, conv_filters, hidden_nodes, vocabulary
from hpo_core.parameters import Architecture
from hpo_core.trial_config import TrialConfig

# A falling schedule ends at this share of the learning rate it began with.
FINAL_SHARE = 0.01
# Keras's default of 0.99 needs hundreds of batches before validation sees the statistics that training sees; small data
# and few epochs have fewer.
NORMALISATION_MOMENTUM = 0.9
# Longer gradients are cut to this norm in LSTMs, whose gradients multiply from word to word. Where devices share a
# batch, each cuts its own share of the gradient, before the shares are added.
LSTM_CLIP_NORM = 1.0


def build_model(config: TrialConfig, info: datasets.DatasetInfo, steps: int) -> keras.Model:
    """The compiled network.

    Args:
        config: which network and how it learns.
        info: shape of the input and number of classes.
        steps: batches in the whole training, for the learning rate's schedule.
    """
    build = build_cnn if config.architecture is Architecture.CNN else build_lstm
    model = build(config, info)
    model.compile(
        optimizer=build_optimizer(config, steps), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def build_cnn(config: TrialConfig, info: datasets.DatasetInfo) -> keras.Model:
    """Convolutions with pooling between them, then dense layers. Takes raw pixels 0 to 255, (batch, h, w, c)."""
    assert info.shape is not None
    inputs = keras.Input(info.shape, dtype="uint8", name="input")
    x = layers.Rescaling(1 / 255, name="scaling")(inputs)  # (batch, h, w, c) in 0..1
    for number, filters in enumerate(conv_filters(config), start=1):
        normalised = bool(config["batch_normalization"])
        x = layers.Conv2D(
            filters, config.number("kernel_size"), padding="same", use_bias=not normalised, name=f"conv_{number}"
        )(x)  # fmt: skip
        if normalised:
            x = layers.BatchNormalization(momentum=NORMALISATION_MOMENTUM, name=f"normalisation_{number}")(x)
        x = layers.Activation(config["activation"], name=f"activation_{number}")(x)
        if min(x.shape[1], x.shape[2]) >= SMALLEST_MAP:
            x = layers.MaxPooling2D(name=f"pooling_{number}")(x)  # (batch, h / 2, w / 2, filters)
    if config["pooling"] == "flatten":
        x = layers.Flatten(name="flatten")(x)  # (batch, h * w * filters)
    else:
        x = layers.GlobalAveragePooling2D(name="global_average")(x)  # (batch, filters)
    return keras.Model(inputs, _dense_head(config, info, x), name="cnn")


def build_lstm(config: TrialConfig, info: datasets.DatasetInfo) -> keras.Model:
    """An embedding, LSTMs and dense layers. Takes token ids, 0 is padding, (batch, words)."""
    assert info.vocabulary_size is not None
    inputs = keras.Input((config.number("sequence_length"),), dtype="int32", name="input")
    x = layers.Embedding(
        vocabulary(config, info.vocabulary_size), config.number("embedding_size"), mask_zero=True, name="embedding"
    )(inputs)  # (batch, words, embedding_size)
    depth, pooling = config.number("lstm_layers"), config["state_pooling"]
    for number in range(1, depth + 1):
        lstm = layers.LSTM(
            config.number("lstm_units"),
            return_sequences=number < depth or pooling != "last",
            recurrent_dropout=config.share("recurrent_dropout"),
            name=f"lstm_{number}",
        )
        x = layers.Bidirectional(lstm, name=f"bidirectional_{number}")(x) if config["bidirectional"] else lstm(x)
    if pooling == "max":
        # Padding counts as -1, below everything an LSTM puts out, and so is never the maximum.
        x = ops.where(ops.expand_dims(ops.not_equal(inputs, 0), -1), x, -1.0)
        x = layers.GlobalMaxPooling1D(name="max_over_words")(x)  # (batch, units)
    elif pooling == "average":
        x = layers.GlobalAveragePooling1D(name="average_over_words")(x)  # (batch, units); padding is left out
    return keras.Model(inputs, _dense_head(config, info, x), name="lstm")


def build_optimizer(config: TrialConfig, steps: int) -> keras.optimizers.Optimizer:
    """The optimizer with its schedule over `steps` batches and decoupled weight decay."""
    rate: float | keras.optimizers.schedules.LearningRateSchedule = config.share("learning_rate")
    if config["learning_rate_schedule"] == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, steps, alpha=FINAL_SHARE)
    elif config["learning_rate_schedule"] == "exponential":
        rate = keras.optimizers.schedules.ExponentialDecay(rate, steps, FINAL_SHARE)
    clip_norm = LSTM_CLIP_NORM / tf.distribute.get_strategy().num_replicas_in_sync
    arguments = {
        "learning_rate": rate,
        "weight_decay": config.share("weight_decay") or None,
        "clipnorm": clip_norm if config.architecture is Architecture.LSTM else None,
    }
    if config["optimizer"] == "sgd":
        return keras.optimizers.SGD(momentum=0.9, nesterov=True, **arguments)
    optimizers = {"adam": keras.optimizers.Adam, "nadam": keras.optimizers.Nadam, "rmsprop": keras.optimizers.RMSprop}
    return optimizers[str(config["optimizer"])](**arguments)


def describe_layers(model: keras.Model) -> list[dict[str, object]]:
    """Name, type, output shape (without the batch) and number of parameters of each layer, input first."""
    return [
        {
            "name": layer.name,
            "type": type(layer).__name__,
            "output_shape": [int(size) for size in layer.output.shape[1:]],
            "parameters": int(layer.count_params()),
        }
        for layer in model.layers
    ]


def _dense_head(config: TrialConfig, info: datasets.DatasetInfo, x: keras.KerasTensor) -> keras.KerasTensor:
    """Hidden layers, each after its dropout, and the class probabilities: (batch, n_classes)."""
    for number, nodes in enumerate(hidden_nodes(config), start=1):
        x = _dropout(config, x, f"dropout_{number}")
        x = layers.Dense(nodes, activation=config["hidden_activation"], name=f"hidden_{number}")(x)
    x = _dropout(config, x, "dropout_output")
    return layers.Dense(info.n_classes, activation="softmax", name="output")(x)


def _dropout(config: TrialConfig, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    share = config.share("dropout")
    return layers.Dropout(share, name=name)(x) if share > 0 else x
