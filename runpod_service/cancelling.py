"""Ends jobs that nobody follows any more, and goes on trying until the platform has confirmed it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from hpo_core.errors import OneginError
from hpo_core.job_book import CANCELLED, JobBook, JobEnd
from hpo_core.logs import RunLog
from runpod_service.client import Client
from runpod_service.errors import JobGoneError, RefusedError, RunPodError
from runpod_service.limits import Backoff
from runpod_service.s3 import S3Store

# A job that cannot be cancelled for this long is left to its own time limit; the next start tries once more.
PATIENCE_S = 60.0


@dataclass(frozen=True)
class _Order:
    job_id: str
    trial: int | None
    key: str


class Canceller:
    """Cancels jobs in a thread of its own, one after the other.

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
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="canceller", daemon=True)
        self._thread.start()

    def cancel(self, job_id: str, trial: int | None, key: str) -> None:
        """Returns at once."""
        self._orders.put(_Order(job_id, trial, key))

    def close(self, wait_s: float = 15.0) -> None:
        """Wait until all are cancelled, at most `wait_s`."""
        self._orders.put(None)
        self._thread.join(wait_s)
        self._closing.set()

    def _run(self) -> None:
        with self._connect() as client:
            while (order := self._orders.get()) is not None:
                try:
                    self._end(client, order)
                except OneginError as error:
                    self._log.warning("job %s: %s", order.job_id, error)
                except Exception:  # noqa: BLE001 - the others shall be cancelled all the same
                    self._log.exception("job %s could not be cancelled", order.job_id)

    def _end(self, client: Client, order: _Order) -> None:
        backoff, deadline = Backoff(first_s=0.2, longest_s=5.0), time.monotonic() + PATIENCE_S
        while True:
            try:
                client.cancel(order.job_id)
                status = client.status(order.job_id)
            except JobGoneError:
                self._book.ended(order.job_id, order.trial, JobEnd(CANCELLED))
                return
            except RefusedError:
                raise
            except RunPodError as error:
                if self._closing.is_set() or time.monotonic() > deadline:
                    raise RunPodError(f"could not be cancelled: {error}; its time limit ends it") from error
                self._closing.wait(backoff.next_s())
                continue
            if status.state.is_final:
                end = JobEnd(status.state.value, status.execution_s, status.delay_s, status.worker)
                self._book.ended(order.job_id, order.trial, end)
                break
            self._closing.wait(backoff.next_s())
        self._log.info("job %s is cancelled", order.job_id)
        if self.store is not None:
            self.store.delete_prefix(f"{order.key}/")
