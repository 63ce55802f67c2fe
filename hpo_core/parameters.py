"""The hyperparameters: each is declared here once, and read everywhere.

Suggestion, validation, the YAML file, the dashboard's form and the documentation all go through `PARAMETERS`; a new
hyperparameter is one entry here, the line of the model builder that obeys it, and `layer_plan.py` where it changes the
network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from hpo_core.errors import UsageError, nearest
from hpo_core.references import LEARNING, Reference, keras

Value = int | float | str | bool
"""A value of a hyperparameter: what JSON and YAML can hold without loss."""


class Architecture(StrEnum):
    """Chosen from the kind of data, never asked: convolutions for pictures, LSTMs for text."""

    CNN = "cnn"
    LSTM = "lstm"


BOTH = frozenset(Architecture)
CNN = frozenset({Architecture.CNN})
LSTM = frozenset({Architecture.LSTM})


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; on a logarithmic scale, or in steps, or neither."""

    low: int | float
    high: int | float
    step: int | float | None = None
    log: bool = False

    def holds(self, value: Value) -> bool:
        return not isinstance(value, str | bool) and self.low <= value <= self.high

    @property
    def highest(self) -> int | float:
        """The largest number that can be drawn: in steps it may lie below `high`."""
        if self.step is None or self.low >= self.high:
            return self.high
        low, high, step = (Decimal(str(number)) for number in (self.low, self.high, self.step))
        return type(self.high)(low + (high - low) // step * step)


@dataclass(frozen=True)
class Choices:
    """One of a few values."""

    values: tuple[Value, ...]

    def holds(self, value: Value) -> bool:
        return any(type(value) is type(known) and value == known for known in self.values)


Domain = Range | Choices


@dataclass(frozen=True)
class Parameter:
    """One hyperparameter.

    Attributes:
        name: key in configurations, YAML files and the study.
        title: as people say it.
        explanation: one sentence for learners: what it does and what to expect of it.
        reference: where its makers document what it sets.
        default: value where nothing is searched.
        searched: what a run searches unless told otherwise; narrow enough that most trials are good.
        allowed: what a user may widen the search to.
        architectures: the networks that have it.
        needs: (name, minimum) of the parameter without which this one has no effect and is not searched.
    """

    name: str
    title: str
    explanation: str
    reference: Reference
    default: Value
    searched: Domain
    allowed: Domain
    architectures: frozenset[Architecture] = BOTH
    needs: tuple[str, int] | None = None

    @property
    def type(self) -> type[Value]:
        return type(self.default)

    def check(self, value: object) -> Value:
        """`value` as this parameter's type. Raises UsageError where it is none of the allowed values."""
        typed = convert(value, self.type)
        if typed is None or not self.allowed.holds(typed):
            raise UsageError(self.name, f"must be {describe(self.allowed, self.type)}, got {value!r}", self._fix(value))
        return typed

    def active(self, values: Mapping[str, Value]) -> bool:
        """Whether the parameter has an effect beside the `values` chosen before it."""
        return self.needs is None or int(values[self.needs[0]]) >= self.needs[1]

    def _fix(self, value: object) -> str:
        if isinstance(self.allowed, Choices):
            near = nearest(str(value), [str(known) for known in self.allowed.values])
            return f"did you mean {near}?" if near else f"for example {self.name}={text(self.default)}"
        return f"for example {self.name}={text(self.default)}"


def convert(value: object, kind: type) -> Value | None:
    """`value`, perhaps a word of a command line, as `kind` (bool, int, float or str); None where it cannot be one."""
    if kind is bool:
        words = {"true": True, "false": False}
        return value if isinstance(value, bool) else words.get(str(value).lower())
    if isinstance(value, bool) or value is None:
        return None
    if kind is str:
        return value if isinstance(value, str) else None
    try:
        number = float(str(value))
    except ValueError:
        return None
    if kind is float:
        return number
    return int(number) if number.is_integer() else None


def text(value: Value) -> str:
    """A value as it is written on a command line and in YAML."""
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def describe(domain: Domain, kind: type) -> str:
    """What the domain holds, for a message: 'a whole number from 1 to 512', 'one of relu, elu'."""
    if isinstance(domain, Choices):
        return "one of " + ", ".join(text(value) for value in domain.values)
    noun = "a whole number" if kind is int else "a number"
    return f"{noun} from {text(domain.low)} to {text(domain.high)}"


ACTIVATIONS = Choices(("relu", "elu", "selu", "gelu", "silu", "leaky_relu", "tanh", "sigmoid"))
FLAG = Choices((False, True))
FIT = Reference("Keras: fit", f"{keras('Model').address}#fit")
DECAY = Reference("Loshchilov and Hutter (2019)", "https://arxiv.org/abs/1711.05101")

_DECLARED = (
    Parameter("conv_layers", "Convolution layers",
              "How many convolutions follow one another: more of them see larger patterns, and cost more time.",
              keras("layers.Conv2D"), 3, Range(3, 4), Range(1, 12), CNN),
    Parameter("filters", "Filters",
              "Patterns the first convolution looks for; each later convolution has twice as many, up to 512.",
              keras("layers.Conv2D"), 16, Range(12, 24, step=4), Range(1, 512), CNN),
    Parameter("kernel_size", "Kernel size",
              "Width and height of a filter's window in pixels: 3 is fine detail, 5 sees more at once.",
              keras("layers.Conv2D"), 3, Choices((3, 5)), Choices((1, 3, 5, 7)), CNN),
    Parameter("activation", "Activation",
              "The bend after each convolution that lets the network learn more than straight lines; "
              "relu is fast but its units can die, elu and gelu keep a slope below zero.",
              keras("activations"), "relu", Choices(("relu", "elu")), ACTIVATIONS, CNN),
    Parameter("pooling", "Pooling of maps",
              "How pictures of features become a row of numbers: flatten keeps where something was (many weights), "
              "global_average keeps only how much of it there was (few weights).",
              keras("layers.GlobalAveragePooling2D"),
              "flatten", Choices(("flatten",)), Choices(("flatten", "global_average")), CNN),
    Parameter("batch_normalization", "Batch normalisation",
              "Re-scales each convolution's output per batch: training gets faster and forgives a bad learning rate.",
              keras("layers.BatchNormalization"), True, FLAG, FLAG, CNN),
    Parameter("embedding_size", "Embedding size",
              "How many numbers describe a word; words used alike get similar numbers.",
              keras("layers.Embedding"), 32, Range(16, 64, step=16), Range(2, 1024), LSTM),
    Parameter("vocabulary_size", "Vocabulary",
              "How many of the most frequent words are told apart; all others count as one unknown word.",
              keras("datasets.imdb.load_data"), 5000, Choices((2000, 5000, 10000)), Range(10, 100000), LSTM),
    Parameter("sequence_length", "Sequence length",
              "How many words of a text are read, counted from its end; time grows in proportion.",
              keras("utils.pad_sequences"), 100, Choices((60, 100, 160)), Range(4, 2000), LSTM),
    Parameter("lstm_units", "LSTM units",
              "How many numbers the network can remember while it reads.",
              keras("layers.LSTM"), 32, Range(16, 64, step=16), Range(1, 1024), LSTM),
    Parameter("lstm_layers", "LSTM layers",
              "LSTMs on top of each other: the second reads what the first understood.",
              keras("layers.LSTM"), 1, Range(1, 2), Range(1, 6), LSTM),
    Parameter("bidirectional", "Read both ways",
              "Reads each text forwards and backwards: twice the time, and the end explains the beginning.",
              keras("layers.Bidirectional"), False, FLAG, FLAG, LSTM),
    Parameter("recurrent_dropout", "Recurrent dropout",
              "Share of the memory that is hidden at random while reading, so that no single unit is relied upon.",
              keras("layers.LSTM"), 0.0, Range(0.0, 0.2, step=0.1), Range(0.0, 0.9), LSTM),
    Parameter("state_pooling", "Pooling of states",
              "Which states of the LSTM describe the text: the last one, or the maximum or average over all words.",
              keras("layers.GlobalMaxPooling1D"),
              "max", Choices(("last", "max", "average")), Choices(("last", "max", "average")), LSTM),
    Parameter("hidden_layers", "Hidden layers",
              "Dense layers between what was seen and the answer; often one is enough.",
              keras("layers.Dense"), 1, Range(0, 2), Range(0, 12)),
    Parameter("first_hidden_nodes", "First hidden layer nodes",
              "Width of the first dense layer: room to combine features, and most of the weights after a flatten.",
              keras("layers.Dense"), 64, Range(64, 160, step=32), Range(1, 16384), needs=("hidden_layers", 1)),
    Parameter("hidden_shrinkage", "Shrinkage",
              "How much narrower each further hidden layer is: 0.5 halves the nodes from layer to layer.",
              keras("layers.Dense"), 0.5, Range(0.25, 1.0, step=0.25), Range(0.05, 1.0), needs=("hidden_layers", 2)),
    Parameter("hidden_activation", "Hidden activation",
              "The bend after each hidden dense layer.",
              keras("activations"), "relu", Choices(("relu", "elu")), ACTIVATIONS, needs=("hidden_layers", 1)),
    Parameter("dropout", "Dropout",
              "Share of the numbers hidden at random before each dense layer in training: against learning by heart.",
              keras("layers.Dropout"), 0.1, Range(0.0, 0.2, step=0.1), Range(0.0, 0.9)),
    Parameter("optimizer", "Optimizer",
              "The rule that turns gradients into steps; adam adapts the step to each weight and rarely disappoints.",
              keras("optimizers"), "adam", Choices(("adam", "rmsprop")), Choices(("adam", "nadam", "rmsprop", "sgd"))),
    Parameter("learning_rate", "Learning rate",
              "Length of each step: too long and the loss jumps or explodes, too short and nothing is learnt in time.",
              LEARNING, 0.001, Range(1e-3, 3e-3, log=True), Range(1e-9, 1000.0, log=True)),
    Parameter("learning_rate_schedule", "Learning rate schedule",
              "How the learning rate changes: constant, or falling to a hundredth along a cosine or exponentially.",
              keras("optimizers.schedules"),
              "constant", Choices(("constant", "cosine")), Choices(("constant", "cosine", "exponential"))),
    Parameter("weight_decay", "Weight decay",
              "Pulls each weight a little towards zero at every step, which keeps the model plain.",
              DECAY, 1e-5, Range(1e-6, 1e-4, log=True), Range(0.0, 0.5)),
    Parameter("batch_size", "Batch size",
              "Samples per step: small batches make more and noisier steps, large ones are faster per epoch.",
              FIT, 32, Choices((32, 64)), Range(1, 8192)),
    Parameter("epochs", "Epochs",
              "How often the network sees the whole training part.",
              FIT, 5, Range(1, 50), Range(1, 1000)),
)  # fmt: skip

PARAMETERS: Mapping[str, Parameter] = {parameter.name: parameter for parameter in _DECLARED}


def parameters_of(architecture: Architecture) -> list[Parameter]:
    """The hyperparameters that networks of `architecture` have, in the order in which they are suggested."""
    return [parameter for parameter in _DECLARED if architecture in parameter.architectures]


def defaults(architecture: Architecture) -> dict[str, Value]:
    """The declared default of each hyperparameter of `architecture`."""
    return {parameter.name: parameter.default for parameter in parameters_of(architecture)}
