"""Pages that are open in browsers, as the server sees them: it is sent what browsers send, and nothing is drawn.

Twenty real browsers would need more processor than the server that is measured.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

LOOK_S = 0.02


class OpenPage:
    """One page that its visitor has open; its timers ask for their parts again and again, as in a browser.

    Attributes:
        drawings: how often a part was drawn anew since the page was opened.
        failures: parts of the script that ended otherwise than well.
    """

    def __init__(self, url: str, page: str, query: str) -> None:
        self.drawings = self.failures = 0
        self._page, self._query = page, query
        self._timers: dict[str, tuple[float, float]] = {}  # fragment: its interval, when it is due
        self._over = threading.Event()
        self._busy = False
        self._script = ""
        self._thread = threading.Thread(target=self._live, args=(url.replace("http", "ws", 1),), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join(10)

    def _live(self, url: str) -> None:
        with connect(f"{url}/_stcore/stream", subprotocols=["streamlit"], max_size=None) as connection:  # type: ignore[list-item]
            self._ask(connection)
            while not self._over.is_set():
                try:
                    message = connection.recv(timeout=LOOK_S)
                except TimeoutError:
                    pass
                except ConnectionClosed:
                    self.failures += 1
                    return
                else:
                    assert isinstance(message, bytes)
                    self._see(connection, message)
                self._look_at_timers(connection)

    def _see(self, connection: ClientConnection, message: bytes) -> None:
        told = ForwardMsg()
        told.ParseFromString(message)
        kind = told.WhichOneof("type")
        if kind == "new_session":
            self._script = told.new_session.page_script_hash
            if not told.metadata.run.fragment_ids:  # a whole page sets its timers anew
                self._timers.clear()
        elif kind == "auto_rerun":
            interval = told.auto_rerun.interval
            self._timers[told.auto_rerun.fragment_id] = (interval, time.monotonic() + interval)
        elif kind == "script_finished":
            self._busy = False
            status = told.script_finished
            self.drawings += status == ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY
            self.failures += status == ForwardMsg.FINISHED_WITH_COMPILE_ERROR

    def _look_at_timers(self, connection: ClientConnection) -> None:
        if self._busy:
            return
        now = time.monotonic()
        for fragment, (interval, due) in list(self._timers.items()):
            if now >= due:
                self._timers[fragment] = (interval, now + interval)
                self._ask(connection, fragment)
                return

    def _ask(self, connection: ClientConnection, fragment: str = "") -> None:
        asked = BackMsg()
        asked.rerun_script.query_string = self._query
        asked.rerun_script.page_script_hash = self._script
        asked.rerun_script.page_name = "" if self._script else self._page
        asked.rerun_script.fragment_id = fragment
        asked.rerun_script.is_auto_rerun = bool(fragment)
        connection.send(asked.SerializeToString())
        self._busy = True


@contextmanager
def open_pages(url: str, page: str, query: str, number: int) -> Iterator[list[OpenPage]]:
    """So many pages, open as long as the body runs."""
    pages = [OpenPage(url, page, query) for _ in range(number)]
    try:
        yield pages
    finally:
        for item in pages:
            item.close()
