"""How many trainable parameters a configuration has, by arithmetic: known before anything is built."""

from __future__ import annotations

import datasets
from hpo_core.parameters import Architecture
from hpo_core.trial_config import TrialConfig

MAX_FILTERS = 512
SMALLEST_MAP = 4
"""A map smaller than this in either direction is not pooled any further."""


def conv_filters(config: TrialConfig) -> list[int]:
    """Filters of each convolution: doubled from layer to layer, up to 512."""
    first = config.number("filters")
    return [min(first * 2**layer, MAX_FILTERS) for layer in range(config.number("conv_layers"))]


def hidden_nodes(config: TrialConfig) -> list[int]:
    """Nodes of each hidden dense layer; none of them falls below one."""
    first, shrinkage = config.number("first_hidden_nodes"), config.share("hidden_shrinkage")
    return [max(1, round(first * shrinkage**layer)) for layer in range(config.number("hidden_layers"))]


def trainable_parameters(config: TrialConfig) -> int:
    """Trainable parameters of the network that `config` describes (Keras counts the same; see the tests)."""
    info = datasets.dataset_info(config.dataset)
    if config.architecture is Architecture.CNN:
        assert info.shape is not None
        total, width = _convolutions(config, info.shape)
    else:
        assert info.vocabulary_size is not None
        total, width = _recurrent(config, info.vocabulary_size)
    for nodes in [*hidden_nodes(config), info.n_classes]:
        total += (width + 1) * nodes
        width = nodes
    return total


def _convolutions(config: TrialConfig, shape: tuple[int, int, int]) -> tuple[int, int]:
    """Parameters of the convolutions, and how many numbers they hand on."""
    height, width, channels = shape
    kernel, total = config.number("kernel_size"), 0
    for filters in conv_filters(config):
        total += (kernel * kernel * channels + 1) * filters
        if config["batch_normalization"]:
            total += filters  # scale and offset, less the convolution's bias, which the offset replaces
        channels = filters
        if min(height, width) >= SMALLEST_MAP:
            height, width = height // 2, width // 2
    return total, channels * (height * width if config["pooling"] == "flatten" else 1)


def _recurrent(config: TrialConfig, known_words: int) -> tuple[int, int]:
    """Parameters of embedding and LSTMs, and how many numbers they hand on."""
    width, units = config.number("embedding_size"), config.number("lstm_units")
    directions = 2 if config["bidirectional"] else 1
    total = vocabulary(config, known_words) * width
    for _ in range(config.number("lstm_layers")):
        total += directions * 4 * units * (width + units + 1)
        width = directions * units
    return total, width


def vocabulary(config: TrialConfig, known_words: int) -> int:
    """Words the embedding tells apart: never more than the data have."""
    return min(config.number("vocabulary_size"), known_words)
