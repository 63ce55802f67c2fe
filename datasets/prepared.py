"""A decoded dataset on disk, opened as memory maps: cheap to open, and shared by every process that reads it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from datasets.catalogue import CATALOGUE, FIRST_WORD_ID, DatasetInfo, Kind
from datasets.content import UNKNOWN_ID
from datasets.errors import DatasetCorruptError

# Raise it when the layout of a decoded folder changes: folders of another format are made anew.
FORMAT = 1
METADATA_FILE = "dataset.json"
WORDS_FILE = "words.txt"

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class Sequences:
    """Texts of different lengths behind one another.

    Attributes:
        tokens: int32 (number of tokens in all,), ids as in Keras: 0 padding, 1 start, 2 unknown, word rank + 3.
        offsets: int64 (number of texts + 1,); text i is `tokens[offsets[i]:offsets[i + 1]]` and begins with 1.
    """

    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, i: int) -> NDArray[np.int32]:
        position = i + len(self) if i < 0 else i
        if not 0 <= position < len(self):
            raise IndexError(f"text must be 0 to {len(self) - 1}, got {i}")
        return self.tokens[self.offsets[position] : self.offsets[position + 1]]

    def __iter__(self) -> Iterator[NDArray[np.int32]]:
        return (self[i] for i in range(len(self)))

    def padded(self, indices: NDArray[Any], *, length: int, vocabulary_size: int) -> NDArray[np.int32]:
        """Texts cut or filled to one length.

        Args:
            indices: which texts, whole numbers (n,).
            length: tokens per text, at least 1; a longer text keeps its last ones, a shorter one ends in zeros.
            vocabulary_size: ids from here on become 2 (unknown); at least 3.

        Returns:
            int32 (n, length).

        Raises:
            ValueError: length or vocabulary_size is too small.
            IndexError: an index is outside.
        """
        if length < 1 or vocabulary_size <= UNKNOWN_ID:
            raise ValueError(
                f"length must be at least 1 and vocabulary_size at least {UNKNOWN_ID + 1}, "
                f"got {length} and {vocabulary_size}"
            )
        rows = np.asarray(indices, np.int64)
        if len(rows) and not (rows.min() >= 0 and rows.max() < len(self)):
            raise IndexError(f"texts must be 0 to {len(self) - 1}, got {rows.min()} to {rows.max()}")
        result = np.zeros((len(rows), length), np.int32)
        columns = np.arange(length)
        # In blocks, because the table of positions takes twice the memory of the result.
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            block = rows[start : start + _ROWS_AT_ONCE]
            ends = np.asarray(self.offsets[block + 1])
            begins = np.maximum(self.offsets[block], ends - length)
            filled = columns < (ends - begins)[:, None]  # (block, length)
            tokens = self.tokens[(begins[:, None] + columns)[filled]]
            result[start : start + len(block)][filled] = np.where(tokens < vocabulary_size, tokens, UNKNOWN_ID)
        return result


@dataclass(frozen=True)
class PreparedDataset:
    """A dataset ready for use.

    Each array property maps its file anew (well below a millisecond): keep the result, do not ask for it per sample.

    Attributes:
        path: the decoded folder.
        fingerprint: sha256 over the decoded content, 64 hex digits; equal content has equal fingerprints everywhere.
        is_subset: fewer samples than the published set.
        note: empty, or a sentence or two to be shown to people.
        n_train: samples in the training part, as present.
        n_test: samples in the test part; 0 where the set has no test part of its own.
    """

    info: DatasetInfo
    path: Path
    fingerprint: str
    is_subset: bool
    note: str
    n_train: int
    n_test: int

    @property
    def x_train(self) -> NDArray[np.uint8]:
        """Training pictures, uint8 (n_train, height, width, channels), 0 to 255."""
        return self._map("x_train")

    @property
    def x_test(self) -> NDArray[np.uint8]:
        """Test pictures, uint8 (n_test, height, width, channels), 0 to 255."""
        return self._map("x_test")

    @property
    def y_train(self) -> NDArray[np.int64]:
        """Training labels, int64 (n_train,), 0 to n_classes - 1."""
        return self._map("y_train")

    @property
    def y_test(self) -> NDArray[np.int64]:
        """Test labels, int64 (n_test,), 0 to n_classes - 1."""
        return self._map("y_test")

    def sequences(self, part: Literal["train", "test"]) -> Sequences:
        """The texts of one part."""
        return Sequences(self._map(f"tokens_{part}"), self._map(f"offsets_{part}"))

    def _map(self, name: str) -> NDArray[Any]:
        path = self.path / f"{name}.npy"
        try:
            # Copy-on-write: nobody can change the file, and a library that insists on a writable buffer
            # (DLPack does) can use the mapped pages without a copy of its own.
            array: NDArray[Any] = np.load(path, mmap_mode="c", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise DatasetCorruptError(path, str(error)) from error
        return array


def open_prepared(path: Path) -> PreparedDataset:
    """Open a decoded folder again; checks that every file is there in its full size.

    Raises:
        DatasetCorruptError: it is not a decoded folder of this format, or a file is missing, cut or too long.
    """
    try:
        metadata = json.loads((path / METADATA_FILE).read_bytes())
        if metadata["format"] != FORMAT:
            raise ValueError(f"format must be {FORMAT}, got {metadata['format']}")
        for name, size in metadata["files"].items():
            if (path / name).stat().st_size != size:
                raise ValueError(f"{name} must have {size} bytes, got {(path / name).stat().st_size}")
        return PreparedDataset(
            info=CATALOGUE[metadata["name"]],
            path=path,
            fingerprint=metadata["fingerprint"],
            is_subset=metadata["is_subset"],
            note=metadata["note"],
            n_train=metadata["n_train"],
            n_test=metadata["n_test"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetCorruptError(path, f"not a complete decoded dataset ({error!r})") from error


def decode_text(prepared: PreparedDataset, tokens: Iterable[int]) -> str:
    """Token ids as words with blanks between; nothing for padding and start, '?' for an unknown word.

    Raises:
        ValueError: the dataset holds pictures.
    """
    return " ".join(word or "?" for word in decode_words(prepared, tokens))


def decode_words(prepared: PreparedDataset, tokens: Iterable[int]) -> list[str]:
    """The word of each token id; nothing for padding and start, '' for an unknown word.

    Raises:
        ValueError: the dataset holds pictures.
    """
    if prepared.info.kind is not Kind.TEXT:
        raise ValueError(f"{prepared.info.title} holds pictures, not text")
    words = words_of(prepared.path)
    return [words[token] if FIRST_WORD_ID < token < len(words) else "" for token in tokens if token >= UNKNOWN_ID]


@lru_cache(maxsize=4)
def words_of(path: Path) -> tuple[str, ...]:
    """The word of every id; a decoded folder never changes, so the file is read once."""
    try:
        # Split at line feeds only: some words hold other characters that str.splitlines takes for line ends.
        return tuple((path / WORDS_FILE).read_bytes().decode("utf-8").split("\n"))
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetCorruptError(path / WORDS_FILE, str(error)) from error
