"""The queue doctor: each ailment by its numbers, told from its neighbours."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from hpo_core.settings import RunPodSettings
from runpod_service.client import Client, EndpointHealth
from runpod_service.doctor import Code, Finding, Seen, Severity, examine, noteworthy
from runpod_service.errors import (
    CircuitOpenError,
    RefusedError,
    RunPodError,
    TooManyRequestsError,
    UnknownAnswerError,
    UnreachableError,
    WrongEndpointError,
    WrongKeyError,
)
from storage.jobs import Job, WorkerRecord

NOW = 1_800_000_000.0
KEY = "rpa-planted-0123456789"
SETTINGS = RunPodSettings(KEY, "abc123")


def health(queued: int = 0, retried: int = 0, **workers: int) -> EndpointHealth:
    return EndpointHealth({"inQueue": queued, "retried": retried}, workers)


def job(number: int, state: str = "IN_QUEUE", ago_s: float = 5.0, **more: object) -> Job:
    fields: Mapping[str, object] = {"submitted_at": NOW - ago_s, "endpoint": "there", **more}
    return dataclasses.replace(Job(f"job-{number}", "run", number, "there", state, NOW), **fields)  # type: ignore[arg-type]


def failed(number: int, worker: str, execution_s: float = 2.0, ended_ago_s: float = 30.0) -> Job:
    return job(
        number, "FAILED", ago_s=ended_ago_s + execution_s, worker=worker, ended_at=NOW - ended_ago_s,
        execution_s=execution_s, error="no module named onegin\ntraceback",
    )  # fmt: skip


def findings(
    answer: EndpointHealth | RunPodError | None,
    *jobs: Job,
    settings: RunPodSettings = SETTINGS,
    workers: tuple[WorkerRecord, ...] = (),
) -> list[Finding]:
    return examine(Seen(settings, answer, jobs, workers, NOW))


def only(answer: EndpointHealth | RunPodError | None, *jobs: Job) -> Finding:
    found = findings(answer, *jobs)
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("settings", "named", "not_named"),
    [
        (RunPodSettings("", "abc"), "RUNPOD_API_KEY", "RUNPOD_ENDPOINT_ID"),
        (RunPodSettings(KEY, ""), "RUNPOD_ENDPOINT_ID", "RUNPOD_API_KEY"),
    ],
)
def test_not_set_up_names_what_is_missing(settings: RunPodSettings, named: str, not_named: str) -> None:
    (finding,) = findings(None, settings=settings)
    assert finding.code is Code.NOT_SET_UP
    assert named in finding.seen and not_named not in finding.seen and named in finding.fix


def test_nothing_is_said_before_the_endpoint_was_asked() -> None:
    assert findings(None) == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (WrongKeyError(), Code.WRONG_KEY),
        (WrongEndpointError("abc123"), Code.WRONG_ENDPOINT),
        (RefusedError("RUNPOD_ENDPOINT_BASE_URL must be an address"), Code.REFUSED),
        (UnreachableError("it cannot be reached"), Code.UNREACHABLE),
        (CircuitOpenError(3), Code.UNREACHABLE),
        (UnknownAnswerError("RunPod answers with error 502"), Code.UNREACHABLE),
        (TooManyRequestsError("429"), Code.RATE_LIMITED),
    ],
)
def test_errors_have_names_and_fixes(error: RunPodError, code: Code) -> None:
    finding = only(error)
    assert finding.code is code and finding.title and finding.seen and finding.fix


def test_a_key_in_an_error_is_never_repeated() -> None:
    assert KEY not in str(only(UnknownAnswerError(f"bad header Bearer {KEY}")))


class _Scripted(BaseHTTPRequestHandler):
    status, kind, content = 200, "text/html", b"<html>Hello</html>"

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Type", self.kind)
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web_page() -> Iterator[str]:
    """The address of a server that answers everything with a web page."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Scripted) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v2"
        server.shutdown()
        thread.join()


def test_a_web_page_is_told_from_a_service_in_trouble(web_page: str) -> None:
    with Client(RunPodSettings(KEY, "abc123", web_page)) as client, pytest.raises(RunPodError) as caught:
        client.health()
    assert only(caught.value).code is Code.NOT_RUNPOD


def test_well() -> None:
    finding = only(health(idle=2, running=1))
    assert finding.code is Code.WELL and finding.severity is Severity.GOOD
    assert "1 of 3 workers at work" in finding.seen


def test_a_queue_behind_busy_workers_is_well() -> None:
    finding = only(health(queued=4, running=3), job(1, ago_s=400))
    assert finding.code is Code.WELL and "4 jobs in the queue" in finding.seen


def test_cold_start() -> None:
    finding = only(health(queued=2, initializing=1), job(1, ago_s=40), job(2, ago_s=12))
    assert finding.code is Code.COLD_START and finding.severity is Severity.NOTE
    assert "2 jobs in the queue for 40 s" in finding.seen and "Wait" in finding.fix


def test_a_start_that_takes_too_long_deserves_a_look() -> None:
    finding = only(health(queued=2, initializing=1), job(1, ago_s=700))
    assert finding.code is Code.COLD_START and finding.severity is Severity.WARNING and "log" in finding.fix


def test_no_capacity_after_some_minutes() -> None:
    early = only(health(queued=1, throttled=2), job(1, ago_s=60))
    assert early.code is Code.NO_CAPACITY and early.severity is Severity.NOTE
    assert only(health(queued=1, throttled=2, running=1), job(1, ago_s=60)).code is Code.WELL
    finding = only(health(queued=1, throttled=2), job(1, ago_s=240))
    assert finding.code is Code.NO_CAPACITY and finding.severity is Severity.TROUBLE
    assert "4 min" in finding.seen and "2 workers throttled" in finding.seen
    beside = only(health(queued=1, throttled=2, running=1), job(1, ago_s=240))
    assert beside.severity is Severity.WARNING


def test_scaled_to_zero_with_and_without_jobs() -> None:
    idle = only(health())
    assert idle.code is Code.SCALED_TO_ZERO and idle.severity is Severity.NOTE
    waiting = only(health(queued=1), job(1, ago_s=240))
    assert waiting.code is Code.SCALED_TO_ZERO and waiting.severity is Severity.TROUBLE
    assert "max workers" in waiting.fix


def test_the_first_job_of_an_endpoint_at_rest_is_a_cold_start() -> None:
    assert only(health(queued=1), job(1, ago_s=10)).code is Code.COLD_START


def test_workers_that_do_not_come_back_are_a_matter_of_capacity() -> None:
    done = job(0, "COMPLETED", ago_s=900, worker="w1", ended_at=NOW - 800, execution_s=90.0)
    assert only(health(queued=1), job(1, ago_s=240), done).code is Code.NO_CAPACITY
    before = dataclasses.replace(done, ended_at=NOW - 7200)
    assert only(health(queued=1), job(1, ago_s=240), before).code is Code.SCALED_TO_ZERO


def test_stuck() -> None:
    finding = only(health(queued=3, idle=2), job(1, ago_s=300))
    assert finding.code is Code.STUCK and "2 workers idle" in finding.seen
    assert only(health(queued=3, idle=2), job(1, ago_s=3)).code is Code.WELL


def test_crash_loop_by_unhealthy_workers() -> None:
    finding = only(health(queued=1, unhealthy=2, retried=3), job(1, ago_s=400))
    assert finding.code is Code.CRASH_LOOP and finding.severity is Severity.TROUBLE
    assert "2 workers unhealthy" in finding.seen and "3 jobs begun again" in finding.seen
    assert only(health(unhealthy=1, running=1)).severity is Severity.WARNING


def test_crash_loop_by_short_failures() -> None:
    jobs = [failed(1, "w1"), failed(2, "w2"), failed(3, "w1")]
    finding = only(health(idle=1), *jobs)
    assert finding.code is Code.CRASH_LOOP
    assert "3 of the newest 3 jobs" in finding.seen and "no module named onegin" in finding.seen
    assert "traceback" not in finding.seen


@pytest.mark.parametrize(
    "jobs",
    [
        [failed(1, "w1"), failed(2, "w1")],
        [failed(number, "w1", execution_s=300) for number in range(4)],
        [failed(number, "w1", ended_ago_s=4000) for number in range(4)],
    ],
    ids=["too few", "they trained", "long ago"],
)
def test_failures_that_are_no_crash_loop(jobs: list[Job]) -> None:
    assert only(health(idle=1), *jobs).code is Code.WELL


def test_one_bad_worker_is_named() -> None:
    records = (WorkerRecord("bad", 4, 3, 1.0, 2.0), WorkerRecord("good", 9, 0, 1.0, 40.0))
    jobs = [failed(1, "bad"), failed(2, "bad"), failed(3, "bad")]
    (finding,) = findings(health(idle=2), *jobs, workers=records)
    assert "worker bad" in finding.fix and "3 of 4" in finding.seen


def test_failures_are_still_named_when_the_endpoint_is_away() -> None:
    found = findings(UnreachableError("gone"), *(failed(number, "w1") for number in range(3)))
    assert [finding.code for finding in found] == [Code.UNREACHABLE, Code.CRASH_LOOP]


def test_the_worst_comes_first() -> None:
    jobs = [failed(1, "w1"), failed(2, "w2"), failed(3, "w1"), job(4, ago_s=30)]
    found = findings(health(queued=1, initializing=1), *jobs)
    assert [finding.code for finding in found] == [Code.CRASH_LOOP, Code.COLD_START]


def test_the_log_gets_one_line_for_what_needs_a_look() -> None:
    assert noteworthy(findings(health(idle=1))) == []
    (line,) = map(str, noteworthy(findings(WrongKeyError())))
    assert line.startswith("wrong key: ") and "\n" not in line and "RUNPOD_API_KEY" in line


def test_counts_that_are_no_numbers_are_ignored() -> None:
    odd = EndpointHealth({"inQueue": None}, {"idle": "two", "running": 1})  # type: ignore[dict-item]
    assert only(odd).code is Code.WELL
