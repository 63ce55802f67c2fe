"""A configuration in a few words, as cards, logs and progress rows show it."""

from __future__ import annotations

from hpo_core.model_size import conv_filters, hidden_nodes
from hpo_core.parameters import Architecture, text
from hpo_core.trial_config import TrialConfig

# Windows of another size are named.
USUAL_KERNEL = 3


def summarise(config: TrialConfig) -> str:
    """For example 'Conv 16-32, dense 64, adam 0.001, batch 64'."""
    dense = "-".join(str(nodes) for nodes in hidden_nodes(config))
    parts = [_convolutions(config) if config.architecture is Architecture.CNN else _recurrent(config)]
    if dense:
        parts.append(f"dense {dense}")
    parts += [f"{config['optimizer']} {text(round(config.share('learning_rate'), 5))}", f"batch {config['batch_size']}"]
    return ", ".join(parts)


def _convolutions(config: TrialConfig) -> str:
    kernel = config.number("kernel_size")
    window = "" if kernel == USUAL_KERNEL else f" ({kernel}×{kernel})"
    return "Conv " + "-".join(str(filters) for filters in conv_filters(config)) + window


def _recurrent(config: TrialConfig) -> str:
    both = "bi" if config["bidirectional"] else ""
    units = "-".join(str(config["lstm_units"]) for _ in range(config.number("lstm_layers")))
    return f"{both}LSTM {units}"
