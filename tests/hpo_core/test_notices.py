"""Notices of runs: which lines become one, where they go, and that no receiver holds up a run."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from hpo_core.logs import RunLog
from hpo_core.notice_kinds import Kind, notice
from hpo_core.notices import CLOSE_WAIT_S, NoticeHandler
from hpo_core.records import Record
from hpo_core.settings import Settings
from hpo_core.trial_config import TrialConfig
from storage.database import Database
from storage.notices import Notice, NoticeTable
from tests.hpo_core.test_runner import finish, runner
from tests.stubs import ScriptedTrainer, records_of

# What takes this long has waited for the receiver, which takes a minute.
SOON_S = 10.0


def told(database: Database) -> list[tuple[str, str]]:
    return [(item.kind, item.text) for item in NoticeTable(database).after(0, most=100)]


def test_only_notices_of_the_run_are_taken(database: Database) -> None:
    handler = NoticeHandler(NoticeTable(database), "a").open()
    log = RunLog("a")
    log.warning("a line as any other")
    log.warning("memory: %d", 7, extra=notice(Kind.MEMORY))
    RunLog("b").warning("of another run", extra=notice(Kind.MEMORY))
    for trial in range(3):
        log.warning("trial %d is sick", trial, extra=notice(Kind.DIAGNOSIS, once="DEAD_UNITS"))
    handler.close()
    log.warning("too late", extra=notice(Kind.MEMORY))
    assert told(database) == [("memory short", "memory: 7"), ("fatal diagnosis", "trial 0 is sick")]


def test_a_webhook_is_told_and_may_fail(database: Database) -> None:
    sent: list[tuple[str, Mapping[str, str]]] = []

    def post(address: str, body: Mapping[str, str]) -> None:
        sent.append((address, body))
        if len(sent) == 1:
            raise ConnectionError("nobody is there")

    handler = NoticeHandler(NoticeTable(database), "a", "https://example.org/hook", post).open()
    for text in ("one", "two"):
        RunLog("a").warning(text, extra=notice(Kind.ENDED))
    handler.close()
    assert [body["text"] for _, body in sent] == ["one", "two"] and sent[0][0] == "https://example.org/hook"
    assert sent[1][1] == {"event": "run ended", "run_name": "a", "text": "two"}
    assert len(told(database)) == 2


def test_a_receiver_that_hangs_holds_nobody_up(database: Database) -> None:
    stop = threading.Event()
    handler = NoticeHandler(NoticeTable(database), "a", "https://x", lambda _address, _body: stop.wait(60) and None)
    handler.open()
    began = time.monotonic()
    RunLog("a").warning("ended", extra=notice(Kind.ENDED))
    assert time.monotonic() - began < SOON_S
    handler.close()
    assert time.monotonic() - began < CLOSE_WAIT_S + SOON_S
    stop.set()


def test_a_run_tells_its_end_to_a_real_receiver(settings: Settings, database: Database) -> None:
    bodies: list[object] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        object.__setattr__(settings, "webhook", f"http://127.0.0.1:{server.server_port}/secret")
        finish(runner(settings, ScriptedTrainer(), trials=2))
        server.shutdown()
    assert bodies == [{"event": "run ended", "run_name": "a", "text": "run finished"}]
    assert "secret" not in settings.log_file.read_text() and "secret" not in repr(settings)


def crashing(config: TrialConfig) -> list[Record | Exception]:
    from hpo_core.errors import WorkerDiedError

    return [*records_of(config)[:1], WorkerDiedError("out of memory")]


def test_failures_in_a_row_are_told_once(settings: Settings, database: Database) -> None:
    finish(runner(settings, ScriptedTrainer(crashing), trials=6))
    kinds = [kind for kind, _ in told(database)]
    assert kinds == ["repeated failures", "run ended"]
    assert "out of memory" in told(database)[0][1]


@pytest.mark.parametrize(("after", "most", "texts"), [(0, 5, "abc"), (0, 2, "bc"), (2, 5, "c"), (3, 5, "")])
def test_the_newest_after_one(database: Database, after: int, most: int, texts: str) -> None:
    table = NoticeTable(database)
    assert table.newest_id() == 0
    for text in "abc":
        table.add("run", "kind", text)
    found = table.after(after, most)
    assert "".join(item.text for item in found) == texts and all(isinstance(item, Notice) for item in found)
    assert table.newest_id() == 3
