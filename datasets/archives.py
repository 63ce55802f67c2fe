"""Reading files that may be damaged: `.npz` archives, and one place where every reading error gets its name."""

import io
import math
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from datasets import pickles
from datasets.errors import DatasetCorruptError
from datasets.ragged import Ragged

Array = np.ndarray[Any, np.dtype[Any]]

# The largest published member (Fashion-MNIST and CIFAR-10, decoded) has 154 MB; a bomb has more.
MAX_MEMBER_BYTES = 512 * 1024 * 1024

_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    RuntimeError,  # an encrypted zip
    MemoryError,
    zlib.error,
    zipfile.BadZipFile,
    tarfile.TarError,
)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn every error that a damaged or unreadable file can cause into a `DatasetCorruptError` naming `path`."""
    try:
        yield
    except _DAMAGE as error:
        raise DatasetCorruptError(path, str(error) or type(error).__name__) from error


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """The content of one zip member; its CRC is checked.

    Raises:
        ValueError: it claims more than `MAX_MEMBER_BYTES`.
    """
    size = archive.getinfo(name).file_size
    if size > MAX_MEMBER_BYTES:
        raise ValueError(f"{name} claims {size:,} bytes, more than any dataset has")
    return archive.read(name)


def read_npz(path: Path, names: Collection[str]) -> dict[str, Array | Ragged]:
    """Read an `.npz` that holds exactly the arrays `names`; an array of objects must consist of lists of numbers.

    Raises:
        DatasetCorruptError: other arrays, a wrong CRC, a damaged header or a wrong number of bytes.
        UnsafePickleError: an array of objects asks for more than lists of numbers.
    """
    with reading(path), zipfile.ZipFile(path) as archive:
        members = archive.namelist()
        if sorted(members) != sorted(f"{name}.npy" for name in names):
            raise ValueError(f"the archive must hold {', '.join(names)}, got {', '.join(members) or 'nothing'}")
        return {name: _parse_npy(read_member(archive, f"{name}.npy"), path) for name in names}


def _parse_npy(data: bytes, path: Path) -> Array | Ragged:
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    elif version == (2, 0):
        shape, is_fortran, dtype = np.lib.format.read_array_header_2_0(stream)
    else:
        raise ValueError(f"npy version {version} is not read")
    body = data[stream.tell() :]
    if dtype.hasobject:
        values = pickles.load_pickle(body, path, lambda payload: Ragged.of(pickles.objects(payload)))
        if shape != (len(values),):
            raise ValueError(f"the header promises shape {shape}, the array has ({len(values)},)")
        return values
    if math.prod(shape) * dtype.itemsize != len(body):
        raise ValueError(f"{len(body):,} bytes do not fill {dtype} {shape}")
    return np.frombuffer(body, dtype).reshape(shape, order="F" if is_fortran else "C")
