"""A small service on loopback that speaks RunPod's queue API; a test writes what becomes of its jobs.

Time stands still here: a job goes on by one step whenever its stream is asked for, so tests need not wait.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from hpo_core.records import Finished, Record
from hpo_core.settings import RunPodSettings
from hpo_core.trial_config import TrialConfig
from runpod_service.protocol import KEPT, JobState, Result, as_mapping
from tests.stubs import records_of

KEY, ENDPOINT = "rpa_PLANTED0KEY0OF0RUNPOD", "endpoint-1"
EXECUTION_MS, DELAY_MS = 2000, 500
FOREVER = 1_000_000


class Fault(Enum):
    """What goes wrong with one request."""

    TOO_MANY = auto()  # 429
    ERROR = auto()  # 500
    DROPPED = auto()  # the connection ends before anything is done
    LOST = auto()  # everything is done, and the connection ends before the answer
    HTML = auto()
    SLOW = auto()  # done and answered when the test opens `gate`
    REFUSED = auto()  # 401
    ABSENT = auto()  # 404
    TIMEOUT = auto()  # 408
    EARLY = auto()  # 425
    ECHO = auto()  # 400 that repeats the header with the key
    EMPTY = auto()  # JSON without anything in it


@dataclass
class Script:
    """What becomes of a job.

    Attributes:
        steps: chunks that each question for the stream brings.
        state: the last one; IN_PROGRESS for a job that never ends.
        output: of a completed job.
        error: of a failed one.
        queued: questions for the stream before a worker takes it.
    """

    steps: list[list[object]] = field(default_factory=list)
    state: JobState = JobState.COMPLETED
    output: object = None
    error: object = None
    queued: int = 1


@dataclass
class ServedJob:
    """A job as the service knows it."""

    job_id: str
    asked: dict[str, Any]
    script: Script
    state: JobState = JobState.IN_QUEUE
    known: bool = True
    looks: int = 0
    ran: bool = False

    @property
    def config(self) -> TrialConfig:
        return TrialConfig.from_json(json.dumps(self.asked["input"]["trial"]))

    def step(self) -> list[object]:
        """Go on by one; the chunks that are there now."""
        if self.state.is_final:
            return []
        self.looks += 1
        at = self.looks - self.script.queued - 1
        if at < 0:
            return []
        self.ran = True
        self.state = JobState.IN_PROGRESS if at < len(self.script.steps) else self.script.state
        return self.script.steps[at] if at < len(self.script.steps) else []

    def status(self) -> dict[str, Any]:
        answer: dict[str, Any] = {"id": self.job_id, "status": self.state.value, "delayTime": DELAY_MS}
        if self.ran:
            answer |= {"executionTime": EXECUTION_MS, "workerId": "worker-1"}
        if self.state is JobState.COMPLETED and self.script.output is not None:
            answer["output"] = self.script.output
        if self.state is JobState.FAILED:
            answer["error"] = self.script.error
        return answer


def chunk(number: int, records: Iterable[Record]) -> dict[str, Any]:
    return {"chunk": number, "records": [as_mapping(record) for record in records]}


def trained(records: Sequence[Record], **fields: Any) -> Script:
    """A job that trains: a chunk for each record, and a whole result."""
    result = Result([record for record in records if isinstance(record, KEPT)], worker={"id": "worker-1"})
    chunks: list[object] = [
        chunk(number, [record]) for number, record in enumerate(records) if not isinstance(record, Finished)
    ]
    output = [*chunks, {"chunk": len(chunks), "result": result.as_json()}]
    return Script(**({"steps": [[item] for item in chunks], "output": output} | fields))


def well(config: TrialConfig, _number: int) -> Script:
    return trained(records_of(config))


def endless(config: TrialConfig, _number: int = 0) -> Script:
    """A job that trains its first epoch for ever."""
    return Script(steps=[[chunk(0, records_of(config)[:2])]], state=JobState.IN_PROGRESS)


def stuck(_config: TrialConfig, _number: int = 0) -> Script:
    return Script(queued=FOREVER)


Writer = Callable[[TrialConfig, int], Script]


class Service:
    """The service; its attributes may be changed at any time.

    Attributes:
        write: what becomes of a new job, from its configuration and its number from 0.
        jobs: all that were taken, by id, in order.
        requests: how many of each kind were received, those with faults too.
        faults: by kind of request, what goes wrong with the next ones.
        always: by kind of request, what goes wrong with all others.
        workers: of the endpoint, by state, as its health tells them.
        cancelled: ids of jobs that were asked to be cancelled.
        keys: of clients that were let in.
        gate: slow requests wait for it.
    """

    def __init__(self) -> None:
        self.write: Writer = well
        self.jobs: dict[str, ServedJob] = {}
        self.requests: Counter[str] = Counter()
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.always: dict[str, Fault] = {}
        self.workers: dict[str, int] = {"idle": 1, "running": 0}
        self.cancelled: list[str] = []
        self.key = KEY
        self.gate = threading.Event()
        self.port = 0
        self._lock = threading.Lock()
        self._numbers = itertools.count()

    @property
    def settings(self) -> RunPodSettings:
        return RunPodSettings(api_key=KEY, endpoint_id=ENDPOINT, base_url=f"http://127.0.0.1:{self.port}/v2")

    @property
    def served(self) -> list[ServedJob]:
        return list(self.jobs.values())

    @property
    def open_jobs(self) -> list[str]:
        """Ids of jobs that would still be paid for."""
        return [job.job_id for job in self.served if not job.state.is_final]

    def out_of_order(self, fault: Fault | None) -> None:
        """From now on every request goes wrong; none does with None."""
        self.always = {} if fault is None else dict.fromkeys(("run", "stream", "status", "cancel", "health"), fault)

    def fault_of(self, kind: str) -> Fault | None:
        with self._lock:
            self.requests[kind] += 1
            return self.faults[kind].popleft() if self.faults[kind] else self.always.get(kind)

    def answer(self, kind: str, job_id: str, body: bytes) -> dict[str, Any] | None:
        """What a request that is in order is answered with; None for 404."""
        with self._lock:
            if kind == "run":
                return self._take(json.loads(body))
            if kind == "health":
                waiting = sum(job.state.is_waiting for job in self.jobs.values())
                return {"jobs": {"inQueue": waiting}, "workers": dict(self.workers)}
            job = self.jobs.get(job_id)
            if job is None or not job.known:
                return None
            if kind == "cancel":
                self.cancelled.append(job_id)
                job.state = job.state if job.state.is_final else JobState.CANCELLED
            if kind == "stream":
                chunks = job.step()
                return {"status": job.state.value, "stream": [{"output": item} for item in chunks]}
            return job.status()

    def _take(self, asked: dict[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        job = ServedJob(f"job-{number}", asked, Script())
        job.script = self.write(job.config, number)
        self.jobs[job.job_id] = job
        return {"id": job.job_id, "status": "IN_QUEUE"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: Service

    def do_GET(self) -> None:
        self._handle(b"")

    def do_POST(self) -> None:
        self._handle(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def _handle(self, body: bytes) -> None:
        _, version, endpoint, kind, *rest = f"{self.path}/".split("/")
        fault = self.service.fault_of(kind)
        if fault is Fault.SLOW:
            self.service.gate.wait(30)
        elif fault is Fault.DROPPED:
            self._hang_up()
            return
        elif fault not in (None, Fault.LOST):
            self._misbehave(fault)
            return
        if self.headers.get("Authorization") != f"Bearer {self.service.key}":
            self._say(401, {"error": "unauthorised"})
            return
        known = (version, endpoint) == ("v2", ENDPOINT)
        answer = self.service.answer(kind, rest[0], body) if known else None
        if fault is Fault.LOST:
            self._hang_up()
        elif answer is None:
            self._say(404, {"error": "not found"})
        else:
            self._say(200, answer)

    def _misbehave(self, fault: Fault | None) -> None:
        page = "<html>Bad gateway</html>"
        answers: Mapping[Fault, tuple[int, object]] = {
            Fault.TOO_MANY: (429, {}),
            Fault.ERROR: (500, page),
            Fault.HTML: (200, page),
            Fault.REFUSED: (401, {}),
            Fault.ABSENT: (404, {}),
            Fault.TIMEOUT: (408, {}),
            Fault.EARLY: (425, {}),
            Fault.ECHO: (400, {"error": f"cannot use {self.headers.get('Authorization')}"}),
            Fault.EMPTY: (200, {}),
        }
        assert fault is not None
        self._say(*answers[fault])

    def _say(self, status: int, answer: object) -> None:
        text = answer if isinstance(answer, str) else json.dumps(answer)
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8" if isinstance(answer, str) else "application/json")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(2)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that has gone away is no error here."""


@contextmanager
def served() -> Iterator[Service]:
    """A service that runs until the block ends."""
    service = Service()
    handler = type("Handler", (_Handler,), {"service": service})
    with _Server(("127.0.0.1", 0), handler) as server:
        service.port = server.server_address[1]
        thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
        thread.start()
        try:
            yield service
        finally:
            service.gate.set()
            server.shutdown()
            thread.join()
