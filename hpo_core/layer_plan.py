"""The layers of the network that a configuration describes, by arithmetic: known before anything is built."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass

import datasets
from hpo_core.layer_texts import LayerKind, text_of
from hpo_core.model_size import SMALLEST_MAP, conv_filters, hidden_nodes, vocabulary
from hpo_core.parameters import Architecture, Value
from hpo_core.trial_config import TrialConfig

# Hyperparameters that decide how a network learns, not what it is made of.
TRAINING_ONLY = frozenset(
    {"optimizer", "learning_rate", "learning_rate_schedule", "weight_decay", "batch_size", "epochs"}
)

Shape = tuple[int, ...]


@dataclass(frozen=True)
class PlannedLayer:
    """One layer.

    Attributes:
        number: from 1, the input first.
        name, type: as Keras gives them.
        kind: what it is for.
        output_shape: without the batch.
        parameters: all numbers it holds, as Keras counts them.
        trainable: those of them that training changes.
        made_by: (name, value) of the hyperparameters it follows from.
        explanation: what it does, in one sentence.
        backward: what happens in it when the error comes back, in one sentence.
    """

    number: int
    name: str
    type: str
    kind: LayerKind
    output_shape: Shape
    parameters: int
    trainable: int
    made_by: tuple[tuple[str, Value], ...]
    explanation: str
    backward: str

    @property
    def size(self) -> int:
        """How many numbers it hands on for one sample."""
        return math.prod(self.output_shape)


@dataclass(frozen=True)
class LayerPlan:
    """All layers of one network, input first."""

    config: TrialConfig
    layers: tuple[PlannedLayer, ...]

    @property
    def parameters(self) -> int:
        """All numbers the network holds."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def trainable(self) -> int:
        """Numbers that training changes."""
        return sum(layer.trainable for layer in self.layers)

    @property
    def kinds(self) -> list[LayerKind]:
        """The kinds that are present, in the order of the layers."""
        return list(dict.fromkeys(layer.kind for layer in self.layers))

    def layer(self, name: str) -> PlannedLayer | None:
        """The layer of that name, None where there is none."""
        return next((layer for layer in self.layers if layer.name == name), None)

    def to_json(self) -> str:
        """One JSON object with configuration, counts and layers."""
        content = {
            "configuration": json.loads(self.config.to_json()),
            "parameters": self.parameters,
            "trainable_parameters": self.trainable,
            "layers": [asdict(layer) | {"made_by": dict(layer.made_by)} for layer in self.layers],
        }
        return json.dumps(content, indent=2)


def layer_plan(config: TrialConfig) -> LayerPlan:
    """The layers that `hpo_core.training.model` builds from `config` (a test compares them with Keras)."""
    info = datasets.dataset_info(config.dataset)
    stack = _Stack(config)
    if config.architecture is Architecture.CNN:
        assert info.shape is not None
        _convolutions(stack, info.shape)
    else:
        assert info.vocabulary_size is not None
        _recurrent(stack, info.vocabulary_size)
    _dense_head(stack, info.n_classes)
    return LayerPlan(config, tuple(stack.layers))


def trainable_parameters(config: TrialConfig) -> int:
    """Trainable parameters of the network that `config` describes."""
    return layer_plan(config).trainable


class _Stack:
    """Layers on top of each other."""

    def __init__(self, config: TrialConfig) -> None:
        self.config = config
        self.layers: list[PlannedLayer] = []

    @property
    def shape(self) -> Shape:
        """What the newest layer hands on."""
        return self.layers[-1].output_shape

    def add(
        self,
        layer: tuple[str, str, LayerKind],
        shape: Shape,
        made_by: tuple[str, ...] = (),
        weights: tuple[int, int] = (0, 0),
        **words: object,
    ) -> None:
        """Put a layer on top.

        Args:
            layer: its name, Keras class and kind.
            shape: that it hands on.
            made_by: names of hyperparameters.
            weights: numbers that training changes, and numbers it holds besides.
            words: for its explanation, beside the number of its units.
        """
        name, layer_type, kind = layer
        text = text_of(layer_type, kind)
        self.layers.append(
            PlannedLayer(
                len(self.layers) + 1, name, layer_type, kind, shape, sum(weights), weights[0],
                tuple((key, self.config[key]) for key in made_by),
                text.forward.format(units=shape[-1], **words), text.backward,
            )
        )  # fmt: skip


def _convolutions(stack: _Stack, shape: tuple[int, int, int]) -> None:
    config = stack.config
    height, width, channels = shape
    stack.add(("input", "InputLayer", LayerKind.INPUT), shape, what="pixels of 0 to 255")
    stack.add(("scaling", "Rescaling", LayerKind.SCALING), shape)
    kernel, normalised = config.number("kernel_size"), bool(config["batch_normalization"])
    for number, filters in enumerate(conv_filters(config), start=1):
        weights = kernel * kernel * channels * filters + (0 if normalised else filters)
        channels = filters
        stack.add(
            (f"conv_{number}", "Conv2D", LayerKind.CONVOLUTION), (height, width, channels),
            ("conv_layers", "filters", "kernel_size"), (weights, 0), kernel=kernel,
        )  # fmt: skip
        if normalised:  # scale and offset are learnt, mean and variance are only noted
            stack.add(
                (f"normalisation_{number}", "BatchNormalization", LayerKind.NORMALISATION), stack.shape,
                ("batch_normalization",), (2 * filters, 2 * filters),
            )  # fmt: skip
        stack.add(
            (f"activation_{number}", "Activation", LayerKind.ACTIVATION), stack.shape, ("activation",),
            function=config["activation"],
        )  # fmt: skip
        if min(height, width) >= SMALLEST_MAP:
            height, width = height // 2, width // 2
            stack.add((f"pooling_{number}", "MaxPooling2D", LayerKind.POOLING), (height, width, channels))
    if config["pooling"] == "flatten":
        stack.add(("flatten", "Flatten", LayerKind.FLATTEN), (height * width * channels,), ("pooling",))
    else:
        stack.add(("global_average", "GlobalAveragePooling2D", LayerKind.FLATTEN), (channels,), ("pooling",))


def _recurrent(stack: _Stack, known_words: int) -> None:
    config = stack.config
    words, width, units = (config.number(name) for name in ("sequence_length", "embedding_size", "lstm_units"))
    stack.add(
        ("input", "InputLayer", LayerKind.INPUT), (words,), ("sequence_length",),
        what=f"the last {words} words of a text as numbers",
    )  # fmt: skip
    stack.add(
        ("embedding", "Embedding", LayerKind.EMBEDDING), (words, width), ("embedding_size", "vocabulary_size"),
        (vocabulary(config, known_words) * width, 0),
    )  # fmt: skip
    depth, pooling, both = config.number("lstm_layers"), config["state_pooling"], bool(config["bidirectional"])
    named, layer_type = ("bidirectional", "Bidirectional") if both else ("lstm", "LSTM")
    directions = 2 if both else 1
    for number in range(1, depth + 1):
        weights = directions * 4 * units * (width + units + 1)
        width = directions * units
        every_word = number < depth or pooling != "last"
        stack.add(
            (f"{named}_{number}", layer_type, LayerKind.LSTM), (words, width) if every_word else (width,),
            ("lstm_layers", "lstm_units", "bidirectional", "recurrent_dropout", "state_pooling"), (weights, 0),
            half=units, returns="hands on what it knows after each word" if every_word else "hands on what it knows "
            "at the end",
        )  # fmt: skip
    if pooling == "max":
        stack.add(("max_over_words", "GlobalMaxPooling1D", LayerKind.FLATTEN), (width,), ("state_pooling",))
    elif pooling == "average":
        stack.add(("average_over_words", "GlobalAveragePooling1D", LayerKind.FLATTEN), (width,), ("state_pooling",))


def _dense_head(stack: _Stack, n_classes: int) -> None:
    config = stack.config
    for number, nodes in enumerate(hidden_nodes(config), start=1):
        _dropout(stack, f"dropout_{number}")
        shrunk = ("hidden_shrinkage",) if number > 1 else ()
        _dense(
            stack, (f"hidden_{number}", "Dense", LayerKind.DENSE), nodes,
            ("hidden_layers", "first_hidden_nodes", *shrunk, "hidden_activation"),
        )  # fmt: skip
    _dropout(stack, "dropout_output")
    _dense(stack, ("output", "Dense", LayerKind.OUTPUT), n_classes, ())


def _dense(stack: _Stack, layer: tuple[str, str, LayerKind], nodes: int, made_by: tuple[str, ...]) -> None:
    weights = (stack.shape[-1] + 1) * nodes
    stack.add(layer, (nodes,), made_by, (weights, 0), function=stack.config["hidden_activation"])


def _dropout(stack: _Stack, name: str) -> None:
    share = stack.config.share("dropout")
    if share > 0:
        stack.add((name, "Dropout", LayerKind.DROPOUT), stack.shape, ("dropout",), share=f"{share * 100:g} %")
