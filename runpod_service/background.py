"""Runs an iterator of records in a thread of its own, so that its reader hears a tick while it waits for an answer."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator
from contextlib import closing

from hpo_core.records import Record, Tick

TICK_S = 0.25
JOIN_S = 4.0


def in_background(
    work: Callable[[threading.Event], Generator[Record]], tick_s: float = TICK_S, join_s: float = JOIN_S
) -> Generator[Record]:
    """The records of `work`, and a tick while none comes; an exception in it is raised here.

    Args:
        work: makes the iterator. It is given an event that says: end now. It goes on after a record only when the
            reader has come back for the next one, so what a record points to may be removed then.
        tick_s: seconds between ticks.
        join_s: how long closing waits for the thread; a request under way may take longer, and ends by itself.
    """
    stop, taken = threading.Event(), threading.Semaphore(0)
    items: queue.Queue[Record | BaseException | None] = queue.Queue()

    def run() -> None:
        try:
            with closing(work(stop)) as records:
                for record in records:
                    items.put(record)
                    while not taken.acquire(timeout=tick_s):
                        if stop.is_set():
                            return
        except BaseException as error:  # noqa: BLE001 - raised again in the reader's thread
            items.put(error)
        finally:
            items.put(None)

    thread = threading.Thread(target=run, name="remote trial", daemon=True)
    thread.start()
    try:
        while True:
            try:
                item = items.get(timeout=tick_s)
            except queue.Empty:
                yield Tick()
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
            taken.release()
    finally:
        stop.set()
        thread.join(join_s)
