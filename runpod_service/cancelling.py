"""Ends jobs that nobody follows any more, and goes on trying until the platform has confirmed it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from hpo_core.errors import OneginError
from hpo_core.job_book import JobBook, JobEnd
from hpo_core.logs import RunLog
from runpod_service.client import Client
from runpod_service.errors import JobGoneError, RunPodError
from runpod_service.limits import BELIEVED_AFTER, Backoff
from runpod_service.s3 import S3Store

# A job that cannot be cancelled for this long is left to its own time limit.
PATIENCE_S = 7200.0
LOOK_S = 0.1
# Requests at the same time: the platform allows 20 that cancel.
AT_ONCE = 8
# Closing waits as long as something is achieved within the first, and never longer than the second.
QUIET_S, LONGEST_S = 15.0, 60.0


@dataclass
class _Order:
    """A job to be cancelled.

    Attributes:
        deadline, next_at: when it is given up, and when it is tried next.
        told: whether the platform has heard of it.
        gone: answers in a row that there is no such job.
        busy, over: whether a thread has it now, and whether nothing is left to do.
    """

    job_id: str
    trial: int | None
    key: str
    deadline: float
    next_at: float = 0.0
    told: bool = False
    gone: int = 0
    busy: bool = False
    over: bool = False
    backoff: Backoff = field(default_factory=lambda: Backoff(first_s=0.2, longest_s=5.0))


class Canceller:
    """Cancels jobs in threads of its own: all are told first, then each is looked after until it has ended.

    Args:
        connect: makes a client.
        book: is told how each ended.
        store: from which a cancelled job's files are removed; None where there is none.
        log: of the run.
        patience_s: before a job is given up.
    """

    def __init__(
        self,
        connect: Callable[[], Client],
        book: JobBook,
        store: S3Store | None,
        log: RunLog,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._connect, self._book, self._log, self._patience_s = connect, book, log, patience_s
        self.store = store
        self._orders: queue.Queue[_Order | None] = queue.Queue()
        self._pending: list[_Order] = []
        self._lock = threading.Lock()
        self._closed = self._over = False
        self._idle: list[Client] = []
        self._quiet_s, self._ends_at, self._achieved_at = QUIET_S, 0.0, 0.0
        self._thread = threading.Thread(target=self._run, name="canceller", daemon=True)
        self._thread.start()

    def cancel(self, job_id: str, trial: int | None, key: str) -> None:
        """Returns at once; after `close` when the platform has been asked once."""
        order = _Order(job_id, trial, key, deadline=time.monotonic() + self._patience_s)
        with self._lock:
            if not self._closed:
                self._orders.put(order)
                return
        self._cancel_late(order)

    def close(self, quiet_s: float = QUIET_S, longest_s: float = LONGEST_S) -> None:
        """Wait until all are cancelled, while something is achieved every `quiet_s`, and at most `longest_s`.

        What is left is said, and tried at the next start.
        """
        with self._lock:
            if not self._closed:
                self._closed = True
                self._quiet_s, self._achieved_at = quiet_s, time.monotonic()
                self._ends_at = self._achieved_at + longest_s
                self._orders.put(None)
        self._thread.join(longest_s + 1)

    def _run(self) -> None:
        closing = False
        pool = ThreadPoolExecutor(AT_ONCE, "cancelling")
        try:
            while not closing or self._pending:
                closing = self._take_orders(closing) or closing
                self._pending = [order for order in self._pending if not order.over]
                now = time.monotonic()
                # Those that were not told yet come first: each second of theirs is paid.
                due = [order for order in self._pending if not order.busy and order.next_at <= now]
                for order in sorted(due, key=lambda order: order.told):
                    order.busy = True
                    pool.submit(self._look_after, order)
                if closing and now > min(self._ends_at, self._achieved_at + self._quiet_s):
                    for order in (order for order in self._pending if not order.over):
                        self._log.warning("job %s could not be cancelled: its time limit ends it", order.job_id)
                    return
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            with self._lock:
                self._over, idle = True, self._idle
            for client in idle:
                client.close()

    def _take_orders(self, closing: bool) -> bool:
        """Take what has come; waits a little where there is nothing to do. True when nothing more will come."""
        wait: float | None = LOOK_S if self._pending or closing else None
        ends = False
        try:
            while True:
                order = self._orders.get(timeout=wait)
                wait = 0.0
                if order is None:
                    ends = True
                else:
                    self._pending.append(order)
        except queue.Empty:
            return ends

    def _look_after(self, order: _Order) -> None:
        """One step of an order, in a thread of the pool."""
        before = order.told
        try:
            order.over = self._is_done(order)
        except Exception:  # noqa: BLE001 - the others shall be cancelled all the same
            self._log.exception("job %s could not be cancelled", order.job_id)
            order.over = True
        if order.over or order.told is not before:
            self._achieved_at = time.monotonic()
        order.busy = False

    def _is_done(self, order: _Order) -> bool:
        """Whether nothing is left to do for it after one more step."""
        try:
            with self._client() as client:
                ended = self._step(client, order)
            problem = "it goes on"
        except RunPodError as error:
            ended, problem = False, str(error)
            order.next_at = time.monotonic() + order.backoff.next_s()
        if ended:
            self._log.info("job %s is cancelled", order.job_id)
            self._clean(order)
        elif time.monotonic() > order.deadline:
            self._log.warning("job %s could not be cancelled: %s; its time limit ends it", order.job_id, problem)
            self._book.given_up(order.job_id, order.trial, problem)
            return True
        return ended

    def _step(self, client: Client, order: _Order) -> bool:
        """Tell the platform, or look how the job is; whether it has ended. Raises RunPodError."""
        try:
            if not order.told:
                client.cancel(order.job_id)
                order.told, order.gone = True, 0
                return False
            status = client.status(order.job_id)
        except JobGoneError as error:
            order.gone += 1
            if order.gone < BELIEVED_AFTER:
                raise
            self._book.forgotten(order.job_id, order.trial, str(error))
            return True
        order.gone = 0
        if not status.state.is_final:
            order.next_at = time.monotonic() + order.backoff.next_s()
            return False
        end = JobEnd(status.state.value, status.execution_s, status.delay_s, status.worker)
        self._book.ended(order.job_id, order.trial, end)
        return True

    def _cancel_late(self, order: _Order) -> None:
        """For a trial whose request came back after closing; a job whose end is not seen is one of the next start's."""
        try:
            with self._connect() as client:
                self._step(client, order)
                if self._step(client, order):
                    self._clean(order)
        except Exception as error:  # noqa: BLE001 - the trial's thread has nobody to tell
            self._log.warning("job %s could not be cancelled: %s; the next start tries again", order.job_id, error)

    @contextmanager
    def _client(self) -> Iterator[Client]:
        """A client that no other thread has."""
        with self._lock:
            client = self._idle.pop() if self._idle else None
        client = client or self._connect()
        try:
            yield client
        finally:
            with self._lock:
                kept = not self._over
                if kept:
                    self._idle.append(client)
            if not kept:
                client.close()

    def _clean(self, order: _Order) -> None:
        """Remove what the job put into the store."""
        if self.store is None:
            return
        try:
            self.store.delete_prefix(f"{order.key}/")
        except OneginError as error:
            self._log.warning("files of job %s stay in the store: %s", order.job_id, error)
