"""What becomes of the files that a training on a worker makes: they go into the store, if the worker has one."""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from hpo_core.errors import OneginError
from hpo_core.files import copy_whole
from hpo_core.records import Artefact
from runpod_service.protocol import StoredFile

NO_STORE = "the worker has no store; set ONEGIN_S3_BUCKET and its keys in the endpoint's environment"

log = logging.getLogger("onegin.runpod")


class Store(Protocol):
    """Where files outlive the worker."""

    def upload(self, path: Path, key: str) -> tuple[int, str]:
        """Put the file there; its size in bytes and its sha256 in hex. Raises OneginError, OSError."""

    def delete(self, key: str) -> None:
        """Remove it, whether or not it is there. Raises OneginError."""


class WorkerFiles:
    """The files of one trial. One that cannot be kept is a note: the trial's result survives.

    Args:
        store: None where the worker has none.
        key: what the names in the store begin with, the key of the job's `Request`.
    """

    def __init__(self, store: Store | None, key: str) -> None:
        self._store = store
        self._key = key
        self._lock = threading.Lock()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._made: list[StoredFile] = []
        self._uploaded: list[str] = []

    def take(self, made: Artefact) -> None:
        """Set a copy aside: the training process empties its own folder when its next trial begins."""
        if made.path is None:
            self._made.append(StoredFile(made.name, note=made.note, made=False))
            return
        note = made.note
        if self._store is None:
            note = NO_STORE
        else:
            try:
                copy_whole(Path(made.path), self._aside(made.name))
            except OSError as error:
                note = f"the worker could not keep it: {error.strerror or error}"
        self._made.append(StoredFile(made.name, note=note))

    def upload(self, is_stopped: Callable[[], bool]) -> list[StoredFile]:
        """Put into the store what was set aside, until `is_stopped`; every file of the trial, stored or not."""
        return [file if is_stopped() else self._stored(file) for file in self._made]

    def discard(self) -> None:
        """Remove from the store what was put there. May be called twice and from any thread."""
        with self._lock:
            keys, self._uploaded = self._uploaded, []
        for key in keys:
            try:
                assert self._store is not None
                self._store.delete(key)
            except OneginError as error:
                log.warning("%s stays in the store: %s", key, error)

    def close(self) -> None:
        """Remove the copies."""
        if self._folder is not None:
            self._folder.cleanup()

    def _aside(self, name: str) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="onegin-files-", ignore_cleanup_errors=True)
        return Path(self._folder.name) / Path(name).name

    def _stored(self, file: StoredFile) -> StoredFile:
        if self._store is None or self._folder is None or not (path := self._aside(file.name)).is_file():
            return file
        key = f"{self._key}/{file.name}"
        # Noted first: of an upload whose answer was lost, the object may be there.
        with self._lock:
            self._uploaded.append(key)
        try:
            size, digest = self._store.upload(path, key)
        except (OneginError, OSError) as error:
            log.warning("%s is not in the store: %s", key, error)
            return StoredFile(file.name, note=str(error))
        return StoredFile(file.name, size, digest, note=file.note)
