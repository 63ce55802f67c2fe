"""What each kind of layer is called, and what it does, in one sentence for learners on the way there and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class LayerKind(StrEnum):
    """What a layer is for; several Keras classes can be of one kind."""

    INPUT = "input"
    SCALING = "scaling"
    CONVOLUTION = "convolution"
    NORMALISATION = "normalisation"
    ACTIVATION = "activation"
    POOLING = "pooling"
    FLATTEN = "flatten or global pooling"
    EMBEDDING = "embedding"
    LSTM = "LSTM"
    DROPOUT = "dropout"
    DENSE = "dense"
    OUTPUT = "output"


@dataclass(frozen=True)
class LayerText:
    """What is said about layers of one class.

    Attributes:
        forward: what the layer does with what it gets; may hold the fields that the plan fills in.
        backward: what happens in it when the error comes back.
    """

    forward: str
    backward: str


_PASSES = "The error passes on its way back; there is nothing to learn here."
_WEIGHTS = (
    "Each weight learns how much it added to the error, and the error goes on to the layer before, shared out by the "
    "weights."
)
_BY_CLASS: Mapping[str, LayerText] = {
    "InputLayer": LayerText("Takes {what}.", "The error has arrived at the data, which stay as they are."),
    "Rescaling": LayerText("Divides each pixel by 255, so that all numbers lie between 0 and 1.", _PASSES),
    "Conv2D": LayerText(
        "Slides {units} small windows of {kernel} × {kernel} over its input, which has zeros around it; each answers "
        "where it finds its pattern.",
        "Each filter learns from all places at once how to change its pattern, and hands the error on to its input.",
    ),
    "BatchNormalization": LayerText(
        "Brings each of the {units} maps to mean 0 and spread 1 over the batch, then stretches and shifts it by two "
        "numbers it learns.",
        "The error is re-scaled as the maps were; stretch and shift learn from it.",
    ),
    "Activation": LayerText(
        "Bends every number with {function}: without a bend, many layers could do no more than one.",
        "The error passes where the bend is steep, and is held back where it is flat.",
    ),
    "MaxPooling2D": LayerText(
        "Keeps the largest of each 2 × 2 numbers: half the width, half the height, a quarter of the work.",
        "The error goes back only to the number that was the largest; the other three get none.",
    ),
    "Flatten": LayerText(
        "Writes all maps in one row of {units} numbers; what was where stays known by its place in the row.",
        "The row of errors is folded into maps again.",
    ),
    "GlobalAveragePooling2D": LayerText(
        "Keeps of each map only its average: how much of a pattern there is, not where.",
        "Every place of a map gets the same small share of the error.",
    ),
    "Embedding": LayerText(
        "Looks up {units} numbers for each word; words used alike get similar numbers.",
        "Only the words that were read learn; the rows of all others stay as they are.",
    ),
    "LSTM": LayerText(
        "Reads word after word with a memory of {units} numbers, and {returns}.",
        "The error runs back through the text, from the last word to the first, and can fade on the way.",
    ),
    "Bidirectional": LayerText(
        "Reads the text forwards and backwards, each with a memory of {half} numbers, and {returns}.",
        "The error runs back through the text in both directions, and can fade on the way.",
    ),
    "GlobalMaxPooling1D": LayerText(
        "Keeps the largest value of each number over all words: the strongest hint counts, wherever it stood.",
        "The error goes back only to the word that had the largest value.",
    ),
    "GlobalAveragePooling1D": LayerText(
        "Keeps the average of each number over all words.", "Every word gets the same share of the error."
    ),
    "Dropout": LayerText(
        "Hides {share} of the numbers at random while training, so that none is relied upon; in use it does nothing.",
        "Numbers that were hidden get no error.",
    ),
    "Dense": LayerText(
        "Each of its {units} units weighs all numbers before it, adds them up and bends the sum with {function}.",
        _WEIGHTS,
    ),
}
_OUTPUT = LayerText(
    "One unit for each of the {units} classes; softmax turns the sums into probabilities that add up to 1.",
    "Here the error begins: probability minus truth, for each class.",
)


def text_of(layer_type: str, kind: LayerKind) -> LayerText:
    """What is said about a layer. Raises KeyError for a class that no network of ours has."""
    return _OUTPUT if kind is LayerKind.OUTPUT else _BY_CLASS[layer_type]
