"""Reading pickled arrays without trusting them.

A pickle is a program: it may call whatever its reader lets it name. The published IMDB, Reuters and CIFAR files need
three names, those of NumPy's array parts. Even these are not handed out: stand-ins take their place, note what the
pickle says about shape, type and values, and check it. No code outside this file can be reached from a pickle.
"""

import io
import math
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np

from datasets.errors import DatasetCorruptError, UnsafePickleError

Array = np.ndarray[Any, np.dtype[Any]]
T = TypeVar("T")

_OBJECT_TYPES = ("O", "O4", "O8")
_NUMBER_TYPES = ("b1", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8")


class _ArrayType:
    """Stands for `numpy.ndarray`, which a pickle only passes on."""

    __slots__ = ()


class _Dtype:
    """What a pickle says about an array's type."""

    __slots__ = ("byteorder", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.byteorder = "|"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.byteorder = _text(state[1])  # the rest describes records, whose type names are refused


class _MakeDtype:
    """Stands for `numpy.dtype`."""

    __slots__ = ()

    def __call__(self, name: str | bytes, align: object = False, copy: object = True) -> _Dtype:
        text = _text(name)
        if text not in _OBJECT_TYPES + _NUMBER_TYPES:
            raise pickle.UnpicklingError(f"arrays of type {text!r} are not read")
        return _Dtype(text)


class _PickledArray:
    """What a pickle says about one array."""

    __slots__ = ("data", "dtype", "is_fortran", "shape")

    def __init__(self) -> None:
        self.shape: tuple[int, ...] = ()
        self.dtype = _Dtype("O")
        self.is_fortran = False
        self.data: object = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _version, shape, dtype, is_fortran, data = state
        if type(dtype) is not _Dtype or type(shape) is not tuple or any(type(size) is not int for size in shape):
            raise pickle.UnpicklingError("an array without type or shape")
        self.shape, self.dtype, self.is_fortran, self.data = shape, dtype, bool(is_fortran), data

    def objects(self) -> list[Any]:
        """The values of a one-dimensional array of objects."""
        if self.dtype.name not in _OBJECT_TYPES or type(self.data) is not list or self.shape != (len(self.data),):
            raise pickle.UnpicklingError(f"expected one row of objects, got shape {self.shape}")
        return self.data

    def numbers(self) -> Array:
        """An array of numbers."""
        data = self.data.encode("latin-1") if isinstance(self.data, str) else self.data
        if self.dtype.name not in _NUMBER_TYPES or not isinstance(data, bytes):
            raise pickle.UnpicklingError("expected an array of numbers")
        dtype = np.dtype(self.dtype.name).newbyteorder(">" if self.dtype.byteorder == ">" else "<")
        if min(self.shape, default=0) < 0 or math.prod(self.shape) * dtype.itemsize != len(data):
            raise pickle.UnpicklingError(f"{len(data)} bytes do not fill an array of shape {self.shape}")
        return np.frombuffer(data, dtype).reshape(self.shape, order="F" if self.is_fortran else "C")


class _MakeArray:
    """Stands for `numpy.core.multiarray._reconstruct`."""

    __slots__ = ()

    def __call__(self, subtype: object, shape: object, typecode: object) -> _PickledArray:
        if type(subtype) is not _ArrayType:
            raise pickle.UnpicklingError("arrays of other classes are not read")
        return _PickledArray()


class _Encode:
    """Stands for `_codecs.encode`, with which Python 2 stored bytes."""

    __slots__ = ()

    def __call__(self, text: str, encoding: str) -> bytes:
        if encoding not in ("latin1", "latin-1"):
            raise pickle.UnpicklingError(f"encoding {encoding!r} is not read")
        return text.encode("latin-1")


# Objects without attributes instead of classes and functions, so that a pickle cannot change them either.
_STAND_INS: Mapping[tuple[str, str], object] = MappingProxyType(
    {
        ("numpy", "ndarray"): _ArrayType(),
        ("numpy", "dtype"): _MakeDtype(),
        ("numpy.core.multiarray", "_reconstruct"): _MakeArray(),
        ("numpy._core.multiarray", "_reconstruct"): _MakeArray(),
        ("_codecs", "encode"): _Encode(),
    }
)


class _RestrictedUnpickler(pickle.Unpickler):
    def __init__(self, data: bytes, path: Path) -> None:
        super().__init__(io.BytesIO(data), encoding="bytes")
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _STAND_INS:
            raise UnsafePickleError(self._path, f"its pickle asks for {module}.{name}, which no dataset needs")
        return _STAND_INS[module, name]


def load_pickle(data: bytes, path: Path, extract: Callable[[Any], T]) -> T:
    """Read one pickle made of numbers, strings, lists, dicts and arrays, and give it to `extract`.

    Args:
        data: the pickle.
        path: the file it came from, for messages.
        extract: takes what it needs from the payload; `numbers` and `objects` read its arrays.

    Raises:
        UnsafePickleError: the pickle names anything else; nothing was executed.
        DatasetCorruptError: the pickle is damaged, or `extract` did not find what it needs.
    """
    try:
        return extract(_RestrictedUnpickler(data, path).load())
    except DatasetCorruptError:
        raise
    except Exception as error:  # a damaged pickle fails in as many ways as there are opcodes
        raise DatasetCorruptError(path, f"its pickle cannot be read ({error})") from error


def objects(payload: Any) -> list[Any]:
    """The values of a pickled one-dimensional array of objects."""
    return _payload_array(payload).objects()


def numbers(payload: Any) -> Array:
    """A pickled array of numbers."""
    return _payload_array(payload).numbers()


def _payload_array(payload: object) -> _PickledArray:
    if type(payload) is not _PickledArray:
        raise pickle.UnpicklingError(f"expected an array, got {type(payload).__name__}")
    return payload


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("ascii")
    if isinstance(value, str):
        return value
    raise pickle.UnpicklingError(f"expected a string, got {type(value).__name__}")
