"""Optuna's storage for a run with many workers, which ask for all trials at the same time."""

from __future__ import annotations

import threading
from collections import Counter

import optuna
from optuna.storages._cached_storage import _CachedStorage


class SharedReads(_CachedStorage):
    """Optuna's own cache over a database, in which those who wait for a read share the next one.

    Before each trial every worker reads all trials, and the running ones anew each time. With 64 workers this is most
    of what a run costs: each reads what the one before it has just read. Here a reader that had to wait is content
    with a read that began after it had asked, so it sees no older state than with a read of its own.

    Optuna has no public place for this; what is overridden is the one method that reads.

    Args:
        backend: storage that is read from and written to.
    """

    def __init__(self, backend: optuna.storages.RDBStorage) -> None:
        super().__init__(backend)
        self._reading = threading.Lock()
        self._begun: Counter[int] = Counter()  # reads that were begun, by study
        self._done: Counter[int] = Counter()  # the newest of them that succeeded

    def _read_trials_from_remote_storage(self, study_id: int) -> None:
        asked = self._begun[study_id]
        with self._reading:
            if self._done[study_id] > asked:
                return
            self._begun[study_id] += 1
            super()._read_trials_from_remote_storage(study_id)
            self._done[study_id] = self._begun[study_id]
