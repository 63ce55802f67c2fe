"""The places for workers: which is to start, which to end, and how each one is doing. No processes here."""

from __future__ import annotations

import collections
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

# A worker that ends by itself this soon after its start, or before it asked for a job, has crashed.
SOON_S = 5.0
CRASH_LOOP = 3
MAX_PAUSE_S = 30.0


class WorkerState(StrEnum):
    """State of a worker, as `/health` names them."""

    IDLE = "idle"
    RUNNING = "running"
    INITIALIZING = "initializing"
    THROTTLED = "throttled"
    UNHEALTHY = "unhealthy"


@dataclass
class Slot:
    """A place for one worker at a time; times in seconds of the fleet's clock.

    Attributes:
        start_at: when its next process is to start; None while it runs or waits for work.
        worker: id of the worker whose process runs, or None.
        ready: whether that one has asked for a job.
        crashes: in a row.
        leaving: whether the place is given up as soon as its worker is idle.
    """

    number: int
    start_at: float | None = None
    worker: str | None = None
    started: float = 0.0
    ready: bool = False
    crashes: int = 0
    leaving: bool = False


class Fleet:
    """As many places as the endpoint has workers at most.

    Args:
        name: begins the id of each worker.
        clock: seconds, growing.
    """

    def __init__(self, name: str, clock: Callable[[], float]) -> None:
        self._name = name
        self._clock = clock
        self._slots: list[Slot] = []
        self._numbers = self._starts = 0
        self.cold_start_s: float | None = None

    def scale(self, count: int) -> None:
        """Have `count` places. Those that are too many end as soon as they are idle."""
        staying = [slot for slot in self._slots if not slot.leaving]
        for slot in staying[count:]:
            slot.leaving = True
        for _ in range(count - len(staying)):
            self._numbers += 1
            start_at = self._clock() if self.cold_start_s is None else None
            self._slots.append(Slot(self._numbers, start_at))
        self._slots = [slot for slot in self._slots if slot.worker or not slot.leaving]

    def to_start(self, waiting_jobs: int) -> list[Slot]:
        """The places whose process must be started now, with the new worker's id.

        With cold starts, a place waits for a job that no other place is free for.
        """
        now = self._clock()
        if self.cold_start_s is not None:
            asleep = [slot for slot in self._slots if slot.worker is None and slot.start_at is None]
            coming = sum(
                slot.start_at is not None or (slot.worker is not None and not slot.ready) for slot in self._slots
            )
            for slot in asleep[: max(waiting_jobs - coming, 0)]:
                slot.start_at = now + self.cold_start_s
        due = [slot for slot in self._slots if slot.start_at is not None and slot.start_at <= now]
        for slot in due:
            self._starts += 1
            slot.worker, slot.start_at = f"{self._name}-{slot.number}-{self._starts}", None
            slot.started, slot.ready = now, False
        return due

    def to_end(self, busy: Collection[str]) -> list[str]:
        """The workers that have nothing to do and whose place is given up."""
        return [slot.worker for slot in self._slots if slot.leaving and slot.worker and slot.worker not in busy]

    def asked_for_a_job(self, worker: str) -> bool:
        """Note that a worker is ready. Whether it may have jobs: it is known and its place stays."""
        slot = self.find(worker)
        if slot is None:
            return False
        slot.ready = True
        return not slot.leaving

    def ended(self, worker: str, killed: bool) -> None:
        """A worker's process has ended; its place gets the next one, later and later where they crash."""
        slot = self.find(worker)
        if slot is None:
            return
        now = self._clock()
        crashed = not killed and not self._steady(slot)
        slot.crashes = slot.crashes + 1 if crashed else 0
        slot.worker, slot.ready = None, False
        slot.start_at = now + (min(0.25 * 2**slot.crashes, MAX_PAUSE_S) if crashed else 0.0)
        if slot.leaving:
            self._slots.remove(slot)

    def find(self, worker: str) -> Slot | None:
        return next((slot for slot in self._slots if slot.worker == worker), None)

    def state(self, slot: Slot, busy: Collection[str], throttled: bool = False) -> WorkerState:
        """How a place is doing; `busy` are the workers that have a job."""
        if slot.crashes >= CRASH_LOOP and not self._steady(slot):
            return WorkerState.UNHEALTHY
        if slot.worker in busy:
            return WorkerState.RUNNING
        if throttled:
            return WorkerState.THROTTLED
        return WorkerState.IDLE if slot.ready else WorkerState.INITIALIZING

    def health(self, busy: Collection[str], throttled: bool = False) -> dict[str, int]:
        """The counts that `/health` answers. A place that waits for work, like a cold one, is no worker."""
        awake = [slot for slot in self._slots if slot.worker is not None or slot.start_at is not None]
        counts = collections.Counter(self.state(slot, busy, throttled) for slot in awake)
        health = {str(state): counts[state] for state in WorkerState}
        return health | {"ready": counts[WorkerState.IDLE] + counts[WorkerState.RUNNING]}

    @property
    def slots(self) -> list[Slot]:
        return list(self._slots)

    def _steady(self, slot: Slot) -> bool:
        return slot.ready and self._clock() >= slot.started + SOON_S
