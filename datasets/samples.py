"""A few samples of a dataset to show to people."""

import textwrap
from typing import Literal

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
        (names[label], _shortened(prepared, sequences[index])) for label, index in _first_of_classes(prepared, count)
    ]


def class_counts(prepared: PreparedDataset) -> NDArray[np.int64]:
    """Training samples of each label, int64 (n_classes,)."""
    return np.bincount(prepared.y_train, minlength=prepared.info.n_classes)


def pictures_of_class(prepared: PreparedDataset, label: int, count: int) -> list[NDArray[np.uint8]]:
    """The first training pictures of a class, at most `count`, uint8 (height, width, channels)."""
    x_train = prepared.x_train
    return [np.array(x_train[index]) for index in _of_class(prepared, label, count)]


def texts_of_class(prepared: PreparedDataset, label: int, count: int) -> list[str]:
    """The beginnings, at most 160 characters, of the first training texts of a class, at most `count`."""
    sequences = prepared.sequences("train")
    return [_shortened(prepared, sequences[index]) for index in _of_class(prepared, label, count)]


def picture_at(prepared: PreparedDataset, part: Literal["train", "test"], place: int) -> NDArray[np.uint8]:
    """One picture, uint8 (height, width, channels). Raises IndexError where the part has no such place."""
    return np.array((prepared.x_test if part == "test" else prepared.x_train)[place])


def text_at(prepared: PreparedDataset, part: Literal["train", "test"], place: int, characters: int) -> str:
    """The beginning of one text, at most `characters`. Raises IndexError where the part has no such place."""
    return _shortened(prepared, prepared.sequences(part)[place], characters)


def _of_class(prepared: PreparedDataset, label: int, count: int) -> list[int]:
    return [int(index) for index in np.flatnonzero(prepared.y_train == label)[:count]]


def _shortened(prepared: PreparedDataset, tokens: NDArray[np.int32], characters: int = _TEXT_CHARACTERS) -> str:
    # A review may have a thousand words; as many of them as there are characters are more than is shown.
    return textwrap.shorten(decode_text(prepared, tokens[:characters]), characters, placeholder=" …")


def _first_of_classes(prepared: PreparedDataset, count: int) -> list[tuple[int, int]]:
    """Label and position of the first sample of each of the first `count` classes that have one."""
    labels, positions = np.unique(prepared.y_train, return_index=True)
    return [(int(label), int(index)) for label, index in zip(labels, positions, strict=True) if label < count]
