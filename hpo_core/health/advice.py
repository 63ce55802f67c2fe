"""What to change, by hyperparameters that the network has and that act on what is sick."""

from __future__ import annotations

from hpo_core.health.readings import SPARSE, LayerReading
from hpo_core.history import TrialHistory

OUTPUT = "output"


def is_text(history: TrialHistory) -> bool:
    """Whether the network reads text: it has other hyperparameters than one for pictures."""
    return history.started is not None and any(layer.get("type") == SPARSE for layer in history.started.layers)


def against_idle_units(history: TrialHistory, layer: LayerReading, activation: str) -> str:
    """For a layer whose units tell nothing; `activation` is one whose range does not end there."""
    if layer.name == OUTPUT:
        return "try a smaller learning_rate"
    if layer.type == "Dense":
        return f"try a smaller learning_rate or hidden_activation={activation}"
    if is_text(history):
        return "try a smaller learning_rate or fewer lstm_units"
    return f"try a smaller learning_rate, activation={activation} or batch_normalization=true"


def against_vanishing(history: TrialHistory) -> str:
    """For gradients that fade on their way back."""
    if is_text(history):
        return "try fewer layers (lstm_layers, hidden_layers) or hidden_activation=relu"
    return "try fewer layers (conv_layers, hidden_layers), activation=relu or batch_normalization=true"


def against_exploding(history: TrialHistory) -> str:
    """For gradients that grow on their way back."""
    return "try a smaller learning_rate" + ("" if is_text(history) else " or batch_normalization=true")


def against_collapse(history: TrialHistory) -> str:
    """For a network that always gives the same answer."""
    if is_text(history):
        return "try a smaller learning_rate or a larger batch_size"
    return "try a smaller learning_rate, batch_normalization=true or a larger batch_size"


def against_plateau(history: TrialHistory) -> str:
    """For a network that gets no better."""
    larger = "lstm_units" if is_text(history) else "filters"
    return f"try learning_rate_schedule=cosine, another learning_rate or a larger network ({larger})"


def against_bloat(history: TrialHistory) -> str:
    """For a network that is larger than its data."""
    if is_text(history):
        return "try a smaller vocabulary_size, embedding_size or lstm_units"
    return "try fewer filters or first_hidden_nodes, or pooling=global_average"
