"""What to change: hyperparameters that the network has, that act on what is sick, and that are not in force already."""

from __future__ import annotations

from hpo_core.health.readings import SPARSE, LayerReading
from hpo_core.history import TrialHistory, last_reading

OUTPUT = "output"
SLOWER = "a smaller learning_rate"


def is_text(history: TrialHistory) -> bool:
    """Whether the network reads text: it has other hyperparameters than one for pictures."""
    return _has(history, SPARSE)


def against_idle_units(history: TrialHistory, layer: LayerReading, activation: str) -> str:
    """For a layer whose units tell nothing; `activation` is one whose range does not end there."""
    if layer.name == OUTPUT:
        return _try(SLOWER)
    other = activation if layer.activation != activation else ""
    if layer.type == "Dense":
        return _try(SLOWER, other and f"hidden_activation={other}")
    if is_text(history):
        return _try(SLOWER, "fewer lstm_units")
    return _try(SLOWER, other and f"activation={other}", _normalisation(history))


def against_vanishing(history: TrialHistory) -> str:
    """For gradients that fade on their way back."""
    if is_text(history):
        return _try("fewer layers (lstm_layers, hidden_layers)", _relu(history, "hidden_activation", "Dense"))
    return _try(
        "fewer layers (conv_layers, hidden_layers)", _relu(history, "activation", "Conv"), _normalisation(history)
    )


def against_exploding(history: TrialHistory) -> str:
    """For gradients that grow on their way back."""
    return _try(SLOWER, _normalisation(history))


def against_collapse(history: TrialHistory) -> str:
    """For a network that always gives the same answer."""
    return _try(SLOWER, _normalisation(history), "a larger batch_size")


def against_plateau(history: TrialHistory) -> str:
    """For a network that gets no better."""
    larger = "lstm_units" if is_text(history) else "filters"
    return _try("learning_rate_schedule=cosine", "another learning_rate", f"a larger network ({larger})")


def against_bloat(history: TrialHistory) -> str:
    """For a network that is larger than its data."""
    if is_text(history):
        return _try("a smaller vocabulary_size, embedding_size or lstm_units")
    pooled = _has(history, "GlobalAveragePooling2D")
    hidden = "fewer first_hidden_nodes" if _has_hidden_dense(history) else ""
    return _try("fewer filters", hidden, "" if pooled else "pooling=global_average")


def _try(*ideas: str) -> str:
    """Those that are not empty, in one sentence."""
    *first, last = [idea for idea in ideas if idea]
    return f"try {', '.join(first)} or {last}" if first else f"try {last}"


def _has(history: TrialHistory, layer_type: str) -> bool:
    return history.started is not None and any(layer.get("type") == layer_type for layer in history.started.layers)


def _has_hidden_dense(history: TrialHistory) -> bool:
    """Whether there is a dense layer besides the last one, which gives the answer."""
    layers = history.started.layers if history.started is not None else []
    return [layer.get("type") for layer in layers].count("Dense") > 1


def _normalisation(history: TrialHistory) -> str:
    """Only networks for pictures may have it."""
    return "" if is_text(history) or _has(history, "BatchNormalization") else "batch_normalization=true"


def _relu(history: TrialHistory, hyperparameter: str, layer_type: str) -> str:
    """Empty where all layers of that type have it, or where there are none."""
    layers = last_reading(history.epochs)
    bent = {layer.activation for layer in layers if layer_type in layer.type and layer.name != OUTPUT}
    return f"{hyperparameter}=relu" if bent - {"relu"} else ""
