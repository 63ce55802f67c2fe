"""Tests of the client against a server of our own: what each answer is told as, and that no key is ever told."""

from __future__ import annotations

import dataclasses
import json
import re
import socket
import threading
import traceback
from collections.abc import Callable, Iterator

import pytest
import requests

from runpod_service import errors
from runpod_service.client import Client, EndpointHealth, Limits, unanswered
from runpod_service.limits import Breaker, TokenBucket, bucket
from runpod_service.protocol import JobState, Policy, Request, body
from tests.runpod_service.server import KEY, Fault, Script, Service, stuck
from tests.stubs import make_config

BODY = body(Request(make_config(epochs=2), "run/trial_0"), Policy(600, 1500))
KINDS = ("run", "stream", "status", "cancel", "health")


@pytest.fixture
def limits() -> Limits:
    return Limits()


@pytest.fixture
def client(service: Service, limits: Limits) -> Iterator[Client]:
    with Client(service.settings, limits, answer_s=5.0) as client:
        yield client


def ask(client: Client, kind: str, job_id: str = "job-0") -> object:
    calls: dict[str, Callable[[], object]] = {
        "run": lambda: client.submit(BODY),
        "stream": lambda: client.stream(job_id),
        "status": lambda: client.status(job_id),
        "cancel": lambda: client.cancel(job_id),
        "health": client.health,
    }
    return calls[kind]()


def told(call: Callable[[], object]) -> errors.RunPodError:
    """The error of a call, whose text, representation and traceback hold no key."""
    try:
        call()
    except errors.RunPodError as error:
        whole = f"{error} {error!r} {traceback.format_exc()} {error.__cause__!r}"
        assert KEY not in whole, whole
        return error
    raise AssertionError("it did not fail")


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_from_the_queue_to_the_end(client: Client, service: Service) -> None:
    job_id = client.submit(BODY)
    assert json.loads(BODY) == service.jobs[job_id].asked
    before = client.status(job_id)
    assert (before.state, before.delay_s, before.execution_s, before.worker) == (JobState.IN_QUEUE, 0.5, None, None)
    assert client.stream(job_id) == (JobState.IN_QUEUE, [])
    chunks: list[object] = []
    state = JobState.IN_QUEUE
    while not state.is_final:
        state, new = client.stream(job_id)
        chunks += new
    status = client.status(job_id)
    assert (status.state, status.execution_s, status.worker) == (JobState.COMPLETED, 2.0, "worker-1")
    assert isinstance(status.output, list) and status.output[:-1] == chunks
    assert client.cancel(job_id) is JobState.COMPLETED  # what is over stays so


def test_cancel_and_health(client: Client, service: Service) -> None:
    service.write = stuck
    job_id = client.submit(BODY)
    assert client.health() == EndpointHealth(jobs={"inQueue": 1}, workers={"idle": 1, "running": 0})
    assert client.cancel(job_id) is JobState.CANCELLED
    assert service.cancelled == [job_id] and service.open_jobs == []


def test_a_failed_job_tells_its_error(client: Client, service: Service) -> None:
    service.write = lambda *_: Script(state=JobState.FAILED, error="out of memory")
    job_id = client.submit(BODY)
    while not client.stream(job_id)[0].is_final:
        pass
    assert client.status(job_id).error == "out of memory"


ANSWERS = [
    (Fault.TOO_MANY, errors.TooManyRequestsError, "too many requests"),
    (Fault.TIMEOUT, errors.NotNowError, "error 408"),
    (Fault.EARLY, errors.NotNowError, "error 425"),
    (Fault.ERROR, errors.UnknownAnswerError, "error 500"),
    (Fault.DROPPED, errors.UnknownAnswerError, "closed before it answered"),
    (Fault.LOST, errors.UnknownAnswerError, "closed before it answered"),
    (Fault.HTML, errors.NotRunPodError, "text/html instead of JSON; check RUNPOD_ENDPOINT_BASE_URL"),
    (Fault.REFUSED, errors.WrongKeyError, "RUNPOD_API_KEY is refused"),
    (Fault.ECHO, errors.RefusedError, "error 400.*cannot use Bearer"),
    (Fault.EMPTY, errors.UnknownAnswerError, "no id|unknown state|no jobs and workers"),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("fault", "error", "text"), ANSWERS)
def test_each_fault_is_told_as_what_it_is(
    client: Client, service: Service, kind: str, fault: Fault, error: type[errors.RunPodError], text: str
) -> None:
    client.submit(BODY)
    service.faults[kind].append(fault)
    problem = told(lambda: ask(client, kind))
    assert type(problem) is error and re.search(text, str(problem))
    ask(client, kind)  # and nothing of it stays


def test_a_lost_answer_leaves_a_job_behind(client: Client, service: Service) -> None:
    service.faults["run"] += [Fault.LOST, Fault.DROPPED]
    for _ in range(2):
        told(lambda: client.submit(BODY))
    assert len(service.jobs) == 1


@pytest.mark.parametrize("kind", ["run", "health"])
def test_404_of_the_endpoint(client: Client, service: Service, kind: str) -> None:
    service.always[kind] = Fault.ABSENT
    problem = told(lambda: ask(client, kind))
    assert type(problem) is errors.WrongEndpointError and "RUNPOD_ENDPOINT_ID" in str(problem)


@pytest.mark.parametrize("kind", ["stream", "status", "cancel"])
def test_404_of_a_job(client: Client, service: Service, kind: str) -> None:
    job_id = client.submit(BODY)
    service.jobs[job_id].known = False
    assert type(told(lambda: ask(client, kind, job_id))) is errors.JobGoneError


def test_a_wrong_key_and_a_wrong_endpoint(service: Service) -> None:
    for change, error in (
        ({"api_key": "rpa_other"}, errors.WrongKeyError),
        ({"endpoint_id": "x"}, errors.WrongEndpointError),
    ):
        with Client(dataclasses.replace(service.settings, **change)) as client:
            assert type(told(client.health)) is error


@pytest.mark.parametrize("key", [f"{KEY}\n", f" {KEY}", f"{KEY}…", f"{KEY}\r\nX: y", ""])
def test_a_key_that_cannot_be_sent(service: Service, limits: Limits, key: str) -> None:
    with Client(dataclasses.replace(service.settings, api_key=key), limits) as client:
        problem = told(lambda: client.submit(BODY))
    assert isinstance(problem, errors.WrongKeyError) and service.jobs == {}


@pytest.mark.parametrize("url", ["api.runpod.ai/v2", "ftp://127.0.0.1/v2", "http://", "http://[::1/v2", "://x"])
def test_an_address_that_is_none(service: Service, limits: Limits, url: str) -> None:
    with Client(dataclasses.replace(service.settings, base_url=url), limits) as client:
        problem = told(client.health)
    assert type(problem) is errors.RefusedError and "RUNPOD_ENDPOINT_BASE_URL must be" in str(problem)


def test_nobody_there(service: Service) -> None:
    url = f"http://127.0.0.1:{closed_port()}"
    with Client(dataclasses.replace(service.settings, base_url=url)) as client:
        problem = told(lambda: client.submit(BODY))
    assert type(problem) is errors.UnreachableError and url in str(problem)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
         errors.UnreachableError),
        ("SSLError(1, '[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] handshake failure')", errors.UnreachableError),
        ("SSLError(8, '[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol')",
         errors.UnknownAnswerError),
        ("SSLError(1, '[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC] decryption failed')", errors.UnknownAnswerError),
    ],
)  # fmt: skip
def test_faults_of_tls_may_come_after_the_request(text: str, error: type[errors.RunPodError]) -> None:
    assert type(unanswered(requests.exceptions.SSLError(text), "https://x")) is error


def test_a_service_that_speaks_no_tls(service: Service) -> None:
    url = service.settings.base_url.replace("http:", "https:")
    with Client(dataclasses.replace(service.settings, base_url=url)) as client:
        assert type(told(lambda: client.submit(BODY))) is errors.UnreachableError


def test_an_answer_that_takes_too_long(service: Service) -> None:
    service.faults["run"].append(Fault.SLOW)
    with Client(service.settings, answer_s=0.05) as client:
        assert type(told(lambda: client.submit(BODY))) is errors.UnknownAnswerError


class TestBreaker:
    """What counts as a service that does not answer."""

    @pytest.fixture
    def limits(self) -> Limits:
        self.now = 100.0
        return Limits(breaker=Breaker(failures=3, open_s=2.0, clock=lambda: self.now))

    @pytest.mark.parametrize("fault", [Fault.ERROR, Fault.DROPPED, Fault.LOST, Fault.HTML])
    def test_it_opens_and_nothing_is_asked(
        self, client: Client, service: Service, limits: Limits, fault: Fault
    ) -> None:
        service.out_of_order(fault)
        for _ in range(3):
            told(client.health)
        problem = told(client.health)
        assert isinstance(problem, errors.CircuitOpenError) and problem.wait_s == 2.0
        assert service.requests["health"] == 3
        service.out_of_order(None)
        self.now += 2.0
        client.health()
        assert limits.breaker.wait_s() == 0.0 and service.requests["health"] == 4

    @pytest.mark.parametrize("fault", [Fault.TOO_MANY, Fault.REFUSED, Fault.ECHO, Fault.ABSENT])
    def test_a_refusal_is_an_answer(self, client: Client, service: Service, limits: Limits, fault: Fault) -> None:
        service.out_of_order(fault)
        for _ in range(5):
            told(client.health)
        assert limits.breaker.wait_s() == limits.breaker.silent_s == 0.0


def test_the_rate_limit_is_kept_by_all_clients_together(service: Service) -> None:
    slept: list[float] = []
    clock = lambda: 50.0  # noqa: E731 - it does not go on
    limits = Limits(buckets={kind: bucket(kind, clock) for kind in KINDS} | {"cancel": TokenBucket(2.0, 3, clock)})
    with Client(service.settings, limits, slept.append) as one, Client(service.settings, limits, slept.append) as two:
        job_id = one.submit(BODY)
        for client in (one, two, one, two, one):
            client.cancel(job_id)
    assert slept == [0.5, 1.0]


def test_threads_with_clients_of_their_own(service: Service, limits: Limits) -> None:
    ids: list[str] = []

    def work() -> None:
        with Client(service.settings, limits) as client:
            ids.extend(client.submit(BODY) for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 20 == len(service.jobs)
