"""Decoded folders in the cache: written once, found again without reading the source."""

import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from datasets.catalogue import DatasetInfo
from datasets.content import Content
from datasets.errors import DatasetCacheError, DatasetCorruptError
from datasets.prepared import FORMAT, METADATA_FILE, WORDS_FILE, PreparedDataset, open_prepared

_INDEX_FILE = "index.json"
_UNFINISHED = ".unfinished-"
_ABANDONED_AFTER_S = 24 * 3600
_BLOCK_BYTES = 1 << 24


@dataclass(frozen=True)
class SourceStamp:
    """Which files a dataset was decoded from, and their size and time of change, without reading them.

    Attributes:
        key: dataset, version and paths.
        state: size in bytes and time of change in ns per file; None while a file is missing.
    """

    key: str
    state: tuple[tuple[int, int], ...] | None

    @classmethod
    def of(cls, name: str, paths: Sequence[Path], version: int = 0) -> "SourceStamp":
        """The stamp of files as they are now."""
        key = "|".join([f"{name}:{FORMAT}.{version}", *(str(path.absolute()) for path in paths)])
        try:
            stats = [path.stat() for path in paths]
        except OSError:
            return cls(key, None)
        return cls(key, tuple((stat.st_size, stat.st_mtime_ns) for stat in stats))


class DecodedStore:
    """The folder of decoded datasets; several processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, stamp: SourceStamp) -> PreparedDataset | None:
        """What was decoded from files with this stamp; a stamp without state finds what its missing files gave.

        None when there is nothing or when what is there is damaged.
        """
        entry = self._read_index().get(stamp.key)
        if not isinstance(entry, dict) or not isinstance(entry.get("folder"), str):
            return None
        if stamp.state is not None and entry.get("state") != [list(state) for state in stamp.state]:
            return None
        try:
            return open_prepared(self._folder / entry["folder"])
        except DatasetCorruptError:
            return None

    def add(self, info: DatasetInfo, content: Content, note: str, stamp: SourceStamp) -> PreparedDataset:
        """Write decoded content and remember its stamp.

        Raises:
            DatasetCacheError: the folder could not be written; nothing half-made stays behind.
        """
        unfinished = self._folder / f"{_UNFINISHED}{info.name}-{uuid.uuid4().hex[:12]}"
        try:
            unfinished.mkdir(parents=True)
            self._remove_abandoned()
            fingerprint = _write(unfinished, info, content, note)
            prepared = self._move_into_place(unfinished, f"{info.name}-{fingerprint[:12]}")
            self._remember(stamp, prepared.path.name)
        except OSError as error:
            raise DatasetCacheError(f"the decoded {info.title}", self._folder, error) from error
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        return prepared

    def _move_into_place(self, unfinished: Path, name: str) -> PreparedDataset:
        """One rename; whoever comes second takes the folder of the first, unless that is damaged."""
        target = self._folder / name
        for _ in range(3):
            try:
                unfinished.rename(target)
                return open_prepared(target)
            except OSError:
                if not target.exists():
                    raise
            try:
                return open_prepared(target)
            except DatasetCorruptError:
                self._discard(target)
        raise OSError(f"{target} is being written by others")

    def _discard(self, damaged: Path) -> None:
        aside = self._folder / f"{_UNFINISHED}damaged-{uuid.uuid4().hex[:12]}"
        try:
            damaged.rename(aside)
        except FileNotFoundError:
            return  # another process was quicker
        if aside.is_dir():
            shutil.rmtree(aside, ignore_errors=True)
        else:
            aside.unlink()

    def _remove_abandoned(self) -> None:
        """Remove what processes that were killed left behind."""
        for path in self._folder.glob(f"{_UNFINISHED}*"):
            try:
                if time.time() - path.stat().st_mtime > _ABANDONED_AFTER_S:
                    shutil.rmtree(path, ignore_errors=True)
            except FileNotFoundError:
                continue  # finished meanwhile

    def _read_index(self) -> dict[str, Any]:
        """The index; empty when it is missing or unreadable, which only costs decoding once more."""
        try:
            index = json.loads((self._folder / _INDEX_FILE).read_bytes())
        except (OSError, ValueError):
            return {}
        return index if isinstance(index, dict) else {}

    def _remember(self, stamp: SourceStamp, folder: str) -> None:
        index = self._read_index() | {stamp.key: {"state": stamp.state, "folder": folder}}
        temporary = self._folder / f"{_UNFINISHED}{uuid.uuid4().hex[:12]}.json"
        try:
            temporary.write_text(json.dumps(index, indent=1), encoding="utf-8")
            os.replace(temporary, self._folder / _INDEX_FILE)
        finally:
            temporary.unlink(missing_ok=True)


class _HashingFile:
    """Writes bytes to a file and into a digest."""

    def __init__(self, stream: BinaryIO, digest: "hashlib._Hash") -> None:
        self._stream = stream
        self._digest = digest

    def write(self, data: bytes | memoryview) -> int:
        self._digest.update(data)
        return self._stream.write(data)


def _write(folder: Path, info: DatasetInfo, content: Content, note: str) -> str:
    """Write arrays, words and metadata; the fingerprint of the content."""
    digest = hashlib.sha256()
    for name in sorted(content.arrays):
        array = np.ascontiguousarray(content.arrays[name])
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        with _hashing(folder / f"{name}.npy", digest) as stream:
            header = np.lib.format.header_data_from_array_1_0(array)
            np.lib.format.write_array_header_1_0(stream, header)
            # Not ndarray.tofile: its error on a full disk does not say so.
            data = array.reshape(-1).view(np.uint8)
            for start in range(0, len(data), _BLOCK_BYTES):
                stream.write(data[start : start + _BLOCK_BYTES].data)
    if content.words:
        with _hashing(folder / WORDS_FILE, digest) as stream:
            stream.write("\n".join(content.words).encode("utf-8"))
    fingerprint = digest.hexdigest()
    n_train, n_test = len(content.arrays["y_train"]), len(content.arrays["y_test"])
    is_subset = n_train < info.n_train or n_test < info.n_test
    count = f"A subset: {n_train:,} of {info.n_train:,} training {info.kind}." if is_subset else ""
    metadata = {
        "format": FORMAT,
        "name": info.name,
        "fingerprint": fingerprint,
        "is_subset": is_subset,
        "note": " ".join(text for text in (count, note) if text),
        "n_train": n_train,
        "n_test": n_test,
        "files": {path.name: path.stat().st_size for path in sorted(folder.iterdir())},
    }
    (folder / METADATA_FILE).write_text(json.dumps(metadata, indent=1), encoding="utf-8")
    return fingerprint


@contextmanager
def _hashing(path: Path, digest: "hashlib._Hash") -> Iterator[_HashingFile]:
    digest.update(f"{path.name}\n".encode())
    with path.open("wb") as stream:
        yield _HashingFile(stream, digest)
