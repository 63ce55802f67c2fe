"""Notices: the few things about a run that people want to be told of although they do not look.

Whoever logs a line says with `notice_kinds.notice` that it is one. While a run lasts its handler writes such lines
into the database, where every open page finds them, and sends them to a webhook where one is set up.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping

import requests

from hpo_core.logs import LOGGER
from hpo_core.notice_kinds import KIND, ONCE
from storage.errors import StorageError
from storage.notices import NoticeTable

TIMEOUT_S = 5.0
CLOSE_WAIT_S = 8.0
_log = logging.getLogger(f"{LOGGER}.notices")

Post = Callable[[str, Mapping[str, str]], None]
"""Sends a JSON object to an address. Raises OSError."""


class NoticeHandler(logging.Handler):
    """Takes the notices of one run while it lasts.

    Args:
        table: where pages find them.
        run_name: of the run; lines of another one are left alone, those of no run are taken.
        webhook: address that they are sent to as JSON (event, run_name, text); '' for none.
        post: sends one.
    """

    def __init__(self, table: NoticeTable, run_name: str, webhook: str = "", post: Post | None = None) -> None:
        super().__init__()
        self._table, self._run_name, self._webhook = table, run_name, webhook
        self._post = post or _post
        self._queue: queue.SimpleQueue[tuple[str, str] | None] = queue.SimpleQueue()
        self._told: set[tuple[str, str]] = set()
        self._thread = threading.Thread(target=self._work, name=f"notices of {run_name}", daemon=True)

    def open(self) -> NoticeHandler:
        """Begin to listen to what is logged."""
        logging.getLogger(LOGGER).addHandler(self)
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop listening; what was taken is delivered first, as far as that is quick."""
        logging.getLogger(LOGGER).removeHandler(self)
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join(CLOSE_WAIT_S)
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        kind, once = getattr(record, KIND, ""), getattr(record, ONCE, "")
        if not kind or getattr(record, "run", self._run_name) != self._run_name or (kind, once) in self._told:
            return
        if once:
            self._told.add((kind, once))
        self._queue.put((kind, record.getMessage()))

    def _work(self) -> None:
        """In a thread of its own: neither a slow database nor a slow receiver may hold up who logs."""
        while (item := self._queue.get()) is not None:
            kind, text = item
            try:
                self._table.add(self._run_name, kind, text)
            except StorageError as error:
                _log.warning("a notice could not be written: %s", error)
            if self._webhook:
                try:
                    self._post(self._webhook, {"event": kind, "run_name": self._run_name, "text": text})
                except OSError as error:
                    # Without the address, which may hold a secret.
                    said = str(error) if isinstance(error, requests.HTTPError) else type(error).__name__
                    _log.warning("the webhook was not reached: %s", said)


def _post(address: str, body: Mapping[str, str]) -> None:
    """requests' errors are OSErrors; an answer that is no success, or leads elsewhere, is one of them."""
    answer = requests.post(address, json=dict(body), timeout=TIMEOUT_S, allow_redirects=False)
    if not 200 <= answer.status_code < 300:
        raise requests.HTTPError(f"answered {answer.status_code}")
