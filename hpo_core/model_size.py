"""How wide the layers of a configuration's network are, by arithmetic: known before anything is built."""

from __future__ import annotations

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


def vocabulary(config: TrialConfig, known_words: int) -> int:
    """Words the embedding tells apart: never more than the data have."""
    return min(config.number("vocabulary_size"), known_words)
