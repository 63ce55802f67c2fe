"""Decoded samples in memory, and the checks that every source has to pass."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasets.catalogue import FIRST_WORD_ID, DatasetInfo
from datasets.errors import DatasetCorruptError
from datasets.ragged import Ragged

START_ID = 1
UNKNOWN_ID = 2

Array = np.ndarray[Any, np.dtype[Any]]
Report = Callable[[float], None]  # told the share done, 0 to 1


@dataclass(frozen=True)
class Content:
    """The arrays of a dataset by the name of their file, and for text the words.

    Pictures: `x_train`, `x_test` uint8 (n, height, width, channels). Text: `tokens_train`, `tokens_test` int32 (all
    texts behind one another) and `offsets_train`, `offsets_test` int64 (n + 1). Both: `y_train`, `y_test` int64 (n,).
    `words[id]` is the word of a token id, '' where the id stands for none.
    """

    arrays: Mapping[str, Array]
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """Samples and labels of one part as read from a file: pictures as one array, texts as rows of word ranks."""

    x: Any
    y: Array


def pictures(path: Path, info: DatasetInfo, train: Part, test: Part | None) -> Content:
    """Check two parts of pictures and give them the shape (n, height, width, channels).

    Raises:
        DatasetCorruptError: type, shape, number or labels do not fit `info`; names `path`.
    """
    arrays: dict[str, Array] = {}
    assert info.shape is not None
    nothing = Part(np.empty((0, *info.shape), np.uint8), np.empty(0, np.int64))
    for name, part in (("train", train), ("test", test or nothing)):
        _check_pictures(path, info, name, part.x)
        if part is not nothing:
            _check_labels(path, info, name, part)
        arrays[f"x_{name}"] = np.ascontiguousarray(part.x).reshape(-1, *info.shape)
        arrays[f"y_{name}"] = part.y.astype(np.int64)
    return Content(arrays)


def texts(path: Path, info: DatasetInfo, train: Part, test: Part | None, words: Sequence[str]) -> Content:
    """Check two parts of texts, turn word ranks into token ids and put the start mark before each text.

    Raises:
        DatasetCorruptError: a rank has no word, or number or labels do not fit `info`; names `path`.
    """
    arrays: dict[str, Array] = {}
    nothing = Part(Ragged.of([]), np.empty(0, np.int64))
    for name, part in (("train", train), ("test", test or nothing)):
        if part is not nothing:
            _check_labels(path, info, name, part)
        arrays[f"tokens_{name}"], arrays[f"offsets_{name}"] = _flatten(path, name, part.x, len(words))
        arrays[f"y_{name}"] = part.y.astype(np.int64)
    return Content(arrays, ("",) * (FIRST_WORD_ID + 1) + tuple(words))


def _check_pictures(path: Path, info: DatasetInfo, name: str, x: Array) -> None:
    assert info.shape is not None
    shapes = [info.shape] if info.shape[2] > 1 else [info.shape, info.shape[:2]]
    if x.dtype != np.uint8 or x.shape[1:] not in shapes:
        wanted = ", ".join(str(size) for size in info.shape)
        raise DatasetCorruptError(path, f"x_{name} must be uint8 (n, {wanted}), got {x.dtype} {x.shape}")


def _check_labels(path: Path, info: DatasetInfo, name: str, part: Part) -> None:
    y = part.y
    if y.dtype.kind not in "iu" or y.ndim != 1:
        raise DatasetCorruptError(path, f"y_{name} must be whole numbers (n,), got {y.dtype} {y.shape}")
    if len(y) == 0 or len(y) != len(part.x):
        raise DatasetCorruptError(path, f"x_{name} and y_{name} must be equally many, got {len(part.x)} and {len(y)}")
    if int(y.min()) < 0 or int(y.max()) >= info.n_classes:
        found = f"{int(y.min())} to {int(y.max())}"
        raise DatasetCorruptError(path, f"y_{name} must be 0 to {info.n_classes - 1}, got {found}")


def _flatten(path: Path, name: str, ranks: Ragged, n_words: int) -> tuple[Array, Array]:
    """Token ids of all texts behind one another, and where each text begins."""
    values = ranks.values
    if len(values) and (int(values.min()) < 1 or int(values.max()) > n_words):
        found = f"{int(values.min())} to {int(values.max())}"
        raise DatasetCorruptError(path, f"x_{name} must hold word ranks of 1 to {n_words}, got {found}")
    offsets = np.zeros(len(ranks) + 1, np.int64)
    np.cumsum(ranks.lengths + 1, out=offsets[1:])
    is_word = np.ones(int(offsets[-1]), np.bool_)
    is_word[offsets[:-1]] = False
    tokens = np.full(len(is_word), START_ID, np.int32)
    tokens[is_word] = values + FIRST_WORD_ID
    return tokens, offsets
