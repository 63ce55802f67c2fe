"""Ends jobs that nobody follows any more, and goes on trying until the platform has confirmed it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hpo_core.errors import OneginError
from hpo_core.job_book import CANCELLED, JobBook, JobEnd
from hpo_core.logs import RunLog
from runpod_service.client import Client
from runpod_service.errors import JobGoneError, RefusedError, RunPodError
from runpod_service.limits import Backoff
from runpod_service.s3 import S3Store

# A job that cannot be cancelled for this long has ended by its own time limit; the next start tries once more.
PATIENCE_S = 7200.0
LOOK_S = 0.1


@dataclass
class _Order:
    """A job to be cancelled: when it is tried next, when it is given up, and whether the platform has heard of it."""

    job_id: str
    trial: int | None
    key: str
    deadline: float
    next_at: float = 0.0
    told: bool = False
    backoff: Backoff = field(default_factory=lambda: Backoff(first_s=0.2, longest_s=5.0))


class Canceller:
    """Cancels jobs in a thread of its own: all are told first, then each is looked after until it has ended.

    Args:
        connect: makes a client.
        book: is told how each ended.
        store: from which a cancelled job's files are removed; None where there is none.
        log: of the run.
    """

    def __init__(self, connect: Callable[[], Client], book: JobBook, store: S3Store | None, log: RunLog) -> None:
        self._connect, self._book, self._log = connect, book, log
        self.store = store
        self._orders: queue.Queue[_Order | None] = queue.Queue()
        self._pending: list[_Order] = []
        self._given_up_at: float | None = None
        self._thread = threading.Thread(target=self._run, name="canceller", daemon=True)
        self._thread.start()

    def cancel(self, job_id: str, trial: int | None, key: str) -> None:
        """Returns at once."""
        self._orders.put(_Order(job_id, trial, key, deadline=time.monotonic() + PATIENCE_S))

    def close(self, wait_s: float = 15.0) -> None:
        """Wait until all are cancelled, at most `wait_s`; what is left is said, and tried at the next start."""
        self._given_up_at = time.monotonic() + wait_s
        self._orders.put(None)
        self._thread.join(wait_s + LOOK_S)

    def _run(self) -> None:
        closing = False
        with self._connect() as client:
            while not closing or self._pending:
                closing = self._take_orders(closing) or closing
                now = time.monotonic()
                # Those that were not told yet come first: each second of theirs is paid.
                due = [order for order in self._pending if order.next_at <= now]
                for order in sorted(due, key=lambda order: order.told):
                    if self._is_done(client, order):
                        self._pending.remove(order)
                if closing and self._given_up_at is not None and time.monotonic() > self._given_up_at:
                    for order in self._pending:
                        self._log.warning("job %s could not be cancelled: its time limit ends it", order.job_id)
                    return

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

    def _is_done(self, client: Client, order: _Order) -> bool:
        """One step of an order; whether nothing is left to do for it."""
        try:
            ended = self._step(client, order)
        except RefusedError as error:
            self._log.warning("job %s: %s", order.job_id, error)
            return True
        except RunPodError as error:
            order.next_at = time.monotonic() + order.backoff.next_s()
            if time.monotonic() < order.deadline:
                return False
            self._log.warning("job %s could not be cancelled: %s; its time limit ends it", order.job_id, error)
            return True
        except Exception:  # noqa: BLE001 - the others shall be cancelled all the same
            self._log.exception("job %s could not be cancelled", order.job_id)
            return True
        if ended:
            self._log.info("job %s is cancelled", order.job_id)
            self._clean(order)
        return ended or time.monotonic() > order.deadline

    def _step(self, client: Client, order: _Order) -> bool:
        """Tell the platform, or look how the job is; whether it has ended. Raises RunPodError."""
        try:
            if not order.told:
                client.cancel(order.job_id)
                order.told = True
                return False
            status = client.status(order.job_id)
        except JobGoneError:
            self._book.ended(order.job_id, order.trial, JobEnd(CANCELLED))
            return True
        if not status.state.is_final:
            order.next_at = time.monotonic() + order.backoff.next_s()
            return False
        end = JobEnd(status.state.value, status.execution_s, status.delay_s, status.worker)
        self._book.ended(order.job_id, order.trial, end)
        return True

    def _clean(self, order: _Order) -> None:
        """Remove what the job put into the store."""
        if self.store is None:
            return
        try:
            self.store.delete_prefix(f"{order.key}/")
        except OneginError as error:
            self._log.warning("files of job %s stay in the store: %s", order.job_id, error)
