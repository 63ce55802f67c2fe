"""A small endpoint that answers `/health` as a test wants it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def endpoint(content: Mapping[str, object] | str, status: int = 200) -> Iterator[tuple[str, list[str]]]:
    """The address of a service that answers everything with `content`, and the keys it was sent so far."""
    text = content if isinstance(content, str) else json.dumps(content)
    keys: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            keys.append(str(self.headers["Authorization"]))
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if isinstance(content, str) else "application/json")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v2", keys
        finally:
            server.shutdown()
            thread.join()
