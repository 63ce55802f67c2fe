"""The training processes of a run, kept warm between trials: as many as it has workers, and no more than trials."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import psutil

from hpo_core.local.process import ProcessSpec, TrainingProcess
from hpo_core.notice_kinds import Kind, notice
from hpo_core.settings import Settings

# TensorFlow keeps some ten megabytes of every training, whatever is released. A process that has grown by this share
# since its first trial is replaced, and its successor is started a little earlier, so that nobody waits for it.
GROWTH_SHARE = 0.08
SUCCESSOR_SHARE = 0.05
# With less free memory than this, no further trial is started beside the running ones.
RESERVE_BYTES = 700_000_000

log = logging.getLogger("onegin.local")

Spawn = Callable[[ProcessSpec, Settings], TrainingProcess]


def free_memory() -> int:
    """Bytes of memory that new work could use."""
    return int(psutil.virtual_memory().available)


@dataclass(frozen=True)
class Gpus:
    """Graphics processors to spread processes over.

    Attributes:
        count: how many there are.
        per_worker: how many each process gets; never more than there are.
    """

    count: int
    per_worker: int = 1

    def of(self, slot: int) -> tuple[int, ...]:
        """Numbers of those that process `slot` gets: they follow one another, and begin again after the last."""
        each = min(self.count, self.per_worker)
        return tuple((slot * each + number) % self.count for number in range(each))


class WorkerPool:
    """Hands out warm training processes.

    Args:
        settings: where the data are.
        spec: what each process is started with (its GPUs are chosen here).
        workers: trials at once.
        gpus: graphics processors to spread the processes over, one for each; `Gpus` where each gets several.
        free: bytes of memory that are free, asked before a trial is started.
        spawn: starts a process.
    """

    def __init__(
        self,
        settings: Settings,
        spec: ProcessSpec,
        workers: int,
        *,
        gpus: int | Gpus = 0,
        free: Callable[[], int] = free_memory,
        spawn: Spawn = TrainingProcess,
    ) -> None:
        self._settings = settings
        spread = gpus if isinstance(gpus, Gpus) else Gpus(gpus)
        self._specs = [replace(spec, gpus=spread.of(slot)) for slot in range(workers)]
        self._free = free
        self._spawn = spawn
        self._lock = threading.Lock()
        self._idle: dict[int, TrainingProcess] = {}  # by slot
        self._busy: dict[int, TrainingProcess] = {}
        self._successors: dict[int, TrainingProcess] = {}
        self._baseline: dict[int, int] = {}  # memory after the first trial, by process id
        self.limit = workers
        self._closed = False

    def warm_up(self) -> None:
        """Start the processes now, so that importing TensorFlow is over when the first trials come."""
        with self._lock:
            for slot, spec in enumerate(self._specs):
                if slot not in self._idle and slot not in self._busy and not self._closed:
                    self._idle[slot] = self._spawn(spec, self._settings)

    def acquire(self) -> Iterator[TrainingProcess | None]:
        """Yields None while there is no room, then a process, which belongs to the caller until `release`."""
        while True:
            process = self._try_acquire()
            yield process
            if process is not None:
                return

    def release(self, process: TrainingProcess, *, reusable: bool) -> None:
        """Give a process back: kept warm where it may be used again and its memory is flat, else ended."""
        with self._lock:
            slot = next((slot for slot, busy in self._busy.items() if busy is process), None)
            if slot is not None:
                del self._busy[slot]
            usable = reusable and not self._closed and process.alive
            keep = usable and slot is not None and self._is_flat(process, slot)
            if slot is not None and keep:
                self._idle[slot] = process
            elif slot is not None and slot in self._successors:
                self._idle[slot] = self._successors.pop(slot)
        if not keep:
            process.kill()

    def close(self) -> None:
        """End all processes, also those that train; nothing can be acquired afterwards."""
        with self._lock:
            self._closed = True
            processes = [*self._idle.values(), *self._busy.values(), *self._successors.values()]
            self._idle.clear()
            self._successors.clear()
        for process in processes:
            process.kill()

    def _try_acquire(self) -> TrainingProcess | None:
        with self._lock:
            if self._closed or len(self._busy) >= self.limit:
                return None
            if self._busy and self._free() < RESERVE_BYTES:
                self.limit = len(self._busy)
                log.warning("memory is short: going on with %d at a time", self.limit, extra=notice(Kind.MEMORY))
                self._end_idle()
                return None
            slot = min(set(range(len(self._specs))) - set(self._busy))
            process = self._idle.pop(slot, None)
            if process is None or not process.alive:
                process = self._spawn(self._specs[slot], self._settings)
            self._busy[slot] = process
            return process

    def _end_idle(self) -> None:
        for waiting in (self._idle, self._successors):
            while waiting:
                waiting.popitem()[1].kill()

    def _is_flat(self, process: TrainingProcess, slot: int) -> bool:
        """Whether the process may train once more; starts its successor when that will soon not be so."""
        memory = process.memory_bytes()
        growth = memory / max(1, self._baseline.setdefault(process.pid, memory)) - 1
        if growth > GROWTH_SHARE:
            log.info("training process %d has grown to %d MB and is replaced", process.pid, memory // 1_000_000)
            return False
        if growth > SUCCESSOR_SHARE and slot not in self._successors and self._free() > 2 * RESERVE_BYTES:
            self._successors[slot] = self._spawn(self._specs[slot], self._settings)
        return True
