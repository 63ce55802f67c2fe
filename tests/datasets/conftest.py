"""Fixtures shared by the tests of the datasets."""

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Answer:
    """One scripted answer; `promised` is the Content-Length when it is to differ from the body's length."""

    status: int
    body: bytes = b""
    promised: int | None = None


@dataclass
class FileServer:
    """A web server on the loopback; the last answer of a path is repeated."""

    url: str = ""
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def next_answer(self, path: str) -> Answer:
        self.asked.append(path)
        script = self.answers.get(path, [Answer(404)])
        return script.pop(0) if len(script) > 1 else script[0]


@pytest.fixture
def file_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    state = FileServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = state.next_answer(self.path)
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.body) if answer.promised is None else answer.promised))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="session")
def real_folder() -> Path:
    """The folder with the published files."""
    folder = os.environ.get("ONEGIN_DATASETS_DIR")
    if not folder:
        pytest.skip("ONEGIN_DATASETS_DIR is not set: the published files are not at hand")
    return Path(folder)


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache for tests that only read what was prepared."""
    return tmp_path_factory.mktemp("cache")
