"""From published text files to token ids; one function per file format."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from datasets import content, generated_text
from datasets.archives import read_npz, reading
from datasets.catalogue import FIRST_WORD_ID, DatasetInfo
from datasets.content import Array, Content, Part, Report
from datasets.errors import DatasetCorruptError
from datasets.ragged import Ragged

_REUTERS_SEED = 113
_REUTERS_TEST_SHARE = 0.2


def decode_imdb(paths: Sequence[Path], info: DatasetInfo, report: Report) -> Content:
    """`imdb.npz` (lists of word ranks, positive reviews first) and its word index."""
    path, index_path = paths
    words = _read_words(index_path, info)
    arrays = read_npz(path, ("x_train", "y_train", "x_test", "y_test"))
    train, test = (_part(path, arrays, f"x_{part}", f"y_{part}") for part in ("train", "test"))
    return content.texts(path, info, train, test, words)


def decode_reuters(paths: Sequence[Path], info: DatasetInfo, report: Report) -> Content:
    """`reuters.npz` (one list of newswires) and its word index; shuffled and cut as `keras.datasets.reuters` does."""
    path, index_path = paths
    words = _read_words(index_path, info)
    whole = _part(path, read_npz(path, ("x", "y")), "x", "y")
    if len(whole.x) != len(whole.y):
        raise DatasetCorruptError(path, f"x and y must be equally many, got {len(whole.x)} and {len(whole.y)}")
    order = np.arange(len(whole.y))
    np.random.RandomState(_REUTERS_SEED).shuffle(order)
    cut = int(len(order) * (1 - _REUTERS_TEST_SHARE))
    train, test = (Part(whole.x.take(part), whole.y[part]) for part in (order[:cut], order[cut:]))
    return content.texts(path, info, train, test, words)


def decode_generated(paths: Sequence[Path], info: DatasetInfo, report: Report) -> Content:
    """The generated sentences; needs no file."""
    sentences, labels = generated_text.generate()
    words = generated_text.ranked(sentences)
    rank = {word: position for position, word in enumerate(words, start=1)}
    ranks = Ragged.of([[rank[word] for word in sentence] for sentence in sentences])
    return content.texts(Path(generated_text.__file__), info, Part(ranks, np.array(labels)), None, words)


def _part(path: Path, arrays: dict[str, Array | Ragged], x_name: str, y_name: str) -> Part:
    x, y = arrays[x_name], arrays[y_name]
    if not isinstance(x, Ragged) or isinstance(y, Ragged):
        raise DatasetCorruptError(path, f"{x_name} must hold lists and {y_name} numbers")
    return Part(x, y)


def _read_words(path: Path, info: DatasetInfo) -> list[str]:
    """The words in the order of their ranks, rank 1 first."""
    assert info.vocabulary_size is not None
    n_words = info.vocabulary_size - FIRST_WORD_ID - 1
    with reading(path), path.open(encoding="utf-8") as stream:
        ranks = json.load(stream)
        if not isinstance(ranks, dict) or sorted(ranks.values()) != list(range(1, n_words + 1)):
            raise ValueError(f"it must give {n_words:,} words the ranks 1 to {n_words:,}")
        return sorted(ranks, key=lambda word: int(ranks[word]))
