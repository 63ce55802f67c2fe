"""Which layers of a network are read, and what bends the output of each."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers

# Layers whose kernels learn features; what else carries weights (normalisation) belongs to the layer before it.
READ_TYPES = (
    layers.Dense,
    layers.Conv1D,
    layers.Conv2D,
    layers.DepthwiseConv2D,
    layers.SeparableConv2D,
    layers.LSTM,
    layers.GRU,
    layers.SimpleRNN,
    layers.Bidirectional,
    layers.Embedding,
)
RECURRENT = (layers.LSTM, layers.GRU, layers.SimpleRNN, layers.Bidirectional)
# Activations that are layers of their own, by what they do.
BENDING = {
    layers.ReLU: "relu",
    layers.LeakyReLU: "leaky_relu",
    layers.ELU: "elu",
    layers.PReLU: "leaky_relu",
}


@dataclass(frozen=True)
class ReadLayer:
    """A layer to read.

    Attributes:
        layer: the one with the weights.
        output: what it hands on, after normalisation and activation: (batch, ..., units).
        activation: name of what bends that output, None where nothing does.
        hidden: whether its units are features; those of embeddings and of the output layer are not.
    """

    layer: keras.Layer
    output: keras.KerasTensor
    activation: str | None
    hidden: bool

    @property
    def recurrent(self) -> bool:
        return isinstance(self.layer, RECURRENT)


def read_layers(model: keras.Model) -> list[ReadLayer]:
    """The layers of a functional or sequential model that are read, input first."""
    found = []
    for layer in model.layers:
        if not isinstance(layer, READ_TYPES) or not layer.trainable_weights:
            continue
        end, activation = _activated(layer)
        last = any(end.output is output for output in model.outputs) or layer is model.layers[-1]
        hidden = not last and not isinstance(layer, layers.Embedding)
        found.append(ReadLayer(layer, end.output, activation, hidden))
    return found


def _activated(layer: keras.Layer) -> tuple[keras.Layer, str | None]:
    """The layer after which the output of `layer` is bent, and by what; `layer` itself where nothing bends it."""
    if isinstance(layer, RECURRENT):
        return layer, "tanh"
    if (own := _bend(layer)) is not None:
        return layer, own
    follower: keras.Layer | None = layer
    while follower is not None:
        follower = _only_follower(follower)
        if follower is None or not isinstance(follower, layers.BatchNormalization | layers.LayerNormalization):
            break
    bend = _bend(follower) if follower is not None and not isinstance(follower, READ_TYPES) else None
    return (follower, bend) if follower is not None and bend is not None else (layer, None)


def _bend(layer: keras.Layer) -> str | None:
    for kind, known in BENDING.items():
        if isinstance(layer, kind):
            return known
    function = getattr(layer, "activation", None)
    name: str | None = getattr(function, "__name__", None) or (
        type(function).__name__ if function is not None else None
    )
    return None if name in (None, "linear") else str(name)


def _only_follower(layer: keras.Layer) -> keras.Layer | None:
    """The layer that alone takes this one's output; None where there are several or none."""
    nodes = layer._outbound_nodes
    return nodes[0].operation if len(nodes) == 1 else None
