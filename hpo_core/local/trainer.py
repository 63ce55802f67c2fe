"""Trains on this machine: the trainer of the backend 'local'."""

from __future__ import annotations

import queue
import time
from collections.abc import Generator

from hpo_core.errors import WorkerDiedError
from hpo_core.local.pool import WorkerPool
from hpo_core.local.process import TrainingProcess
from hpo_core.records import READY, STOPPED, WAITING, Failed, Finished, Phase, Record, Tick
from hpo_core.trial_config import TrialConfig

TICK_S = 0.25
# A training that is asked to stop ends at its next batch; one that takes longer, such as while its model is traced, is
# killed with its process. With what passes before it is asked (a flag in the database that is read every
# runner.SHORTEST_INTERVAL_S + WRITE_INTERVAL_S, a tick) it has to be gone within 2 s.
STOP_WAIT_S = 1.0


class LocalTrainer:
    """A `Trainer`: yields the records of a training in a child process, and a tick while none comes.

    Closing the iterator stops the training: politely, so that the process stays warm, or by killing it where that takes
    too long.

    Args:
        pool: where its processes come from.
        stop_wait_s: how long the polite way may take.
    """

    def __init__(self, pool: WorkerPool, stop_wait_s: float = STOP_WAIT_S) -> None:
        self._pool = pool
        self._stop_wait_s = stop_wait_s

    def __call__(self, config: TrialConfig) -> Generator[Record, None, None]:
        """Raises WorkerDiedError where the process goes away; a failure inside it is its last record."""
        process: TrainingProcess | None = None
        over = False
        try:
            for process in self._pool.acquire():
                if process is None:
                    yield Phase(name=f"{WAITING} for a free worker")
                    time.sleep(TICK_S)
            assert process is not None
            process.train(config)
            while not over:
                record = self._next(process)
                if isinstance(record, Phase) and record.name == READY:
                    continue
                over = isinstance(record, Finished | Failed)
                yield record
        finally:
            if process is not None:
                self._pool.release(process, reusable=over or _stopped(process, self._stop_wait_s))

    @staticmethod
    def _next(process: TrainingProcess) -> Record:
        try:
            record = process.receive(TICK_S)
        except queue.Empty:
            return Tick()
        if record is None:
            raise WorkerDiedError(process.obituary())
        return record


def _stopped(process: TrainingProcess, wait_s: float) -> bool:
    """Ask the training to stop; whether it did so in time."""
    process.stop()
    deadline = time.monotonic() + wait_s
    while (left := deadline - time.monotonic()) > 0:
        try:
            record = process.receive(left)
        except queue.Empty:
            return False
        if record is None:
            return False
        if isinstance(record, Finished | Failed) or (isinstance(record, Phase) and record.name == STOPPED):
            return True
    return False
