"""What the running trials do, gathered from their threads and written to the database a few times a second."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable

from hpo_core.history import TrialHistory, lean
from hpo_core.records import (
    FINAL_MODEL,
    FINAL_PHASE,
    Batch,
    Epoch,
    Phase,
    Record,
    Resources,
    Started,
    is_of_final_model,
)
from storage.progress import ProgressTable, TrialProgress

TRAINING = "training"


class ProgressBoard:
    """The newest state of each running trial. Its methods may be called from any thread.

    Args:
        table: where `flush` writes to.
        clock: seconds since the epoch.
    """

    def __init__(self, table: ProgressTable, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock
        self._lock = threading.Lock()
        self._trials: dict[int, TrialProgress] = {}
        self._changed: set[int] = set()
        self._ended: set[int] = set()
        self._histories: dict[int, str] = {}
        self.urgent = threading.Event()
        """Set when something happened that people should see without waiting for the next regular write."""

    def begin(self, trial: int, summary: str, epochs: int, phase: str = "starting") -> None:
        now = self._clock()
        with self._lock:
            self._trials[trial] = TrialProgress(
                trial=trial, phase=phase, epoch=0, epochs=epochs, share=0.0, summary=summary,
                started_at=now, updated_at=now,
            )  # fmt: skip
            self._changed.add(trial)
        self.urgent.set()

    def see(self, trial: int, record: Record) -> None:
        """Take over what `record` says about a running trial."""
        with self._lock:
            before = self._trials[trial]
            after = after_record(before, record)
            if after is before:
                return
            self._trials[trial] = dataclasses.replace(after, updated_at=self._clock())
            self._changed.add(trial)
        if isinstance(record, Started | Epoch | Phase):
            self.urgent.set()

    def tell(self, trial: int, history: TrialHistory) -> None:
        """Show what is known of a running trial so far; after each epoch."""
        text = lean(history).to_json()
        with self._lock:
            if trial in self._trials:
                self._histories[trial] = text
        self.urgent.set()

    def end(self, trial: int) -> None:
        with self._lock:
            self._histories.pop(trial, None)
            if self._trials.pop(trial, None) is not None:
                self._changed.discard(trial)
                self._ended.add(trial)
        self.urgent.set()

    def flush(self) -> None:
        """Write what changed since the last call, in one transaction; nothing where nothing did."""
        self.urgent.clear()
        with self._lock:
            changed = [self._trials[trial] for trial in sorted(self._changed)]
            ended, histories = sorted(self._ended), self._histories
            self._changed.clear()
            self._ended.clear()
            self._histories = {}
        if not (changed or ended or histories):
            return
        try:
            self._table.write(changed, ended, histories)
        except Exception:  # whatever it was: it is raised again, and only the marks are put back
            with self._lock:  # what was not written is still to be written; what happened since is newer
                self._changed |= {item.trial for item in changed} & set(self._trials)
                self._ended |= set(ended) - set(self._trials)
                self._histories = {trial: text for trial, text in histories.items() if trial in self._trials} | (
                    self._histories
                )
            raise


def after_record(before: TrialProgress, record: Record) -> TrialProgress:
    """Where a trial stands after `record`; the same object where the record says nothing about it."""
    if isinstance(record, Phase):
        name = record.name
        if is_of_final_model(before.phase) and not is_of_final_model(name):
            name = f"{FINAL_MODEL}: {name}"
        if before.phase == FINAL_PHASE and before.epoch:  # it trains all its epochs; its last batches may not be told
            before = dataclasses.replace(before, epoch=before.epochs, share=1.0, batch=before.batches)
        return dataclasses.replace(before, phase=name) if name != before.phase else before
    training = FINAL_PHASE if is_of_final_model(before.phase) else TRAINING
    if isinstance(record, Started):
        return dataclasses.replace(before, phase=training, epoch=1, share=0.0, process=record.process)
    if isinstance(record, Batch):
        return dataclasses.replace(
            before, phase=training, epoch=record.epoch, share=record.batch / record.batches, batch=record.batch,
            batches=record.batches,
            loss=record.loss, accuracy=record.accuracy,
        )  # fmt: skip
    if isinstance(record, Epoch):
        return dataclasses.replace(
            before, epoch=record.epoch, share=1.0, batch=before.batches, loss=record.loss, accuracy=record.accuracy,
            validation_accuracy=record.validation_accuracy,
        )  # fmt: skip
    if isinstance(record, Resources):
        return dataclasses.replace(before, memory_mb=record.memory_mb, processor_percent=record.processor_percent)
    return before
