"""A few samples of a dataset to show to people."""

import textwrap

import numpy as np
from numpy.typing import NDArray

from datasets.catalogue import Kind
from datasets.prepared import PreparedDataset, decode_text

_TEXT_CHARACTERS = 160


def thumbnails(prepared: PreparedDataset, count: int = 5) -> list[NDArray[np.uint8]]:
    """The first training picture of each of the first `count` classes, uint8 (height, width, channels).

    Raises:
        ValueError: the dataset holds text.
    """
    if prepared.info.kind is not Kind.PICTURES:
        raise ValueError(f"{prepared.info.title} holds text, not pictures")
    x_train = prepared.x_train
    return [np.array(x_train[index]) for _, index in _first_of_classes(prepared, count)]


def examples(prepared: PreparedDataset, count: int = 2) -> list[tuple[str, str]]:
    """Class name and text, at most 160 characters, of the first training sample of each of the first `count` classes.

    Raises:
        ValueError: the dataset holds pictures.
    """
    sequences = prepared.sequences("train") if prepared.info.kind is Kind.TEXT else None
    if sequences is None:
        raise ValueError(f"{prepared.info.title} holds pictures, not text")
    names = prepared.info.class_names
    return [
        (names[label], textwrap.shorten(decode_text(prepared, sequences[index]), _TEXT_CHARACTERS, placeholder=" …"))
        for label, index in _first_of_classes(prepared, count)
    ]


def _first_of_classes(prepared: PreparedDataset, count: int) -> list[tuple[int, int]]:
    """Label and position of the first sample of each of the first `count` classes that have one."""
    labels, positions = np.unique(prepared.y_train, return_index=True)
    return [(int(label), int(index)) for label, index in zip(labels, positions, strict=True) if label < count]
