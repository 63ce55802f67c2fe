"""Puts what arrives of a trial into the order that its reader counts on: what matters once, nothing too early."""

from __future__ import annotations

from collections.abc import Iterable

from hpo_core.records import Batch, Epoch, Failed, Finished, Record, Snapshot, Started, Tick


class Sequencer:
    """Lets records through in order, whatever is lost, repeated or late.

    An epoch passes when all before it have passed; what comes after a gap waits for the result, which has everything.
    `Finished` passes with the result only. Progress passes while it is about the newest epoch.
    A trial that is trained once more, after its worker died, goes on where it was: its epochs are the same.
    """

    def __init__(self) -> None:
        self._started = False
        self._epoch = 0
        self._batches_of = 0
        self._snapshots: set[tuple[int, int]] = set()

    def accept(self, records: Iterable[Record]) -> list[Record]:
        """What of a chunk may be shown now."""
        return [record for record in records if self._passes(record)]

    def complete(self, records: Iterable[Record]) -> list[Record]:
        """What is still missing, given the whole result."""
        return [record for record in records if isinstance(record, Finished) or self._passes(record)]

    def _passes(self, record: Record) -> bool:
        if isinstance(record, Started):
            first, self._started = not self._started, True
            return first
        if isinstance(record, Epoch):
            follows = self._started and record.epoch == self._epoch + 1
            self._epoch += follows
            return follows
        if isinstance(record, Snapshot):
            key = (record.epoch, record.sample)
            new = record.epoch <= self._epoch and key not in self._snapshots
            if new:
                self._snapshots.add(key)
            return new
        if isinstance(record, Batch):
            newest = self._started and record.epoch >= max(self._epoch + 1, self._batches_of)
            self._batches_of = record.epoch if newest else self._batches_of
            return newest
        return not isinstance(record, Finished | Failed | Tick)
