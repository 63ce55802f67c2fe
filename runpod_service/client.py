"""RunPod's queue API for one endpoint, over requests: submit, stream, status, cancel, health.

One `Client` per trial has its own connections; all clients of an endpoint share its `Limits`.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from hpo_core.settings import RunPodSettings
from runpod_service.errors import (
    CircuitOpenError,
    JobGoneError,
    NotNowError,
    NotRunPodError,
    RefusedError,
    RunPodError,
    TooManyRequestsError,
    UnknownAnswerError,
    UnreachableError,
    WrongEndpointError,
    WrongKeyError,
)
from runpod_service.limits import PLATFORM_LIMITS, Breaker, TokenBucket, bucket
from runpod_service.protocol import JobState

CONNECT_S, ANSWER_S = 5.0, 20.0
SHOWN = 200
SHORTEST_KEY = 16
LOOPBACK = re.compile(r"https?://(127\.0\.0\.1|localhost|\[::1\])[:/]")
_NO_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
)


# What the error of a connection says that carried nothing away. Other faults of TLS may come after the request.
_NEVER_MADE = (
    "newconnectionerror", "nameresolutionerror", "failed to establish",
    "certificate_verify_failed", "certificate verify failed", "handshake", "wrong_version_number",
)  # fmt: skip


@dataclass(frozen=True)
class JobStatus:
    """What `/status` says of a job.

    Attributes:
        state: where it stands.
        output: of a completed job, the list of all its chunks.
        error: of a failed one.
        delay_s, execution_s: in the queue, and on a worker, which is what is paid; None while unknown.
        worker: that has or had it.
    """

    state: JobState
    output: object = None
    error: object = None
    delay_s: float | None = None
    execution_s: float | None = None
    worker: str | None = None


@dataclass(frozen=True)
class EndpointHealth:
    """Jobs and workers of an endpoint by what they do, as `/health` counts them."""

    jobs: Mapping[str, int]
    workers: Mapping[str, int]


@dataclass
class Limits:
    """What all clients of an endpoint share."""

    buckets: Mapping[str, TokenBucket] = field(default_factory=lambda: {kind: bucket(kind) for kind in PLATFORM_LIMITS})
    breaker: Breaker = field(default_factory=Breaker)


class Client:
    """One connection to an endpoint. Its methods are called from one thread.

    Args:
        settings: where the endpoint is, and the key.
        limits: shared by all clients of the endpoint.
        sleep: waits where the rate limit says so.
        answer_s: how long an answer may take.

    Each method raises a RunPodError that says what may be done about it.
    """

    def __init__(
        self,
        settings: RunPodSettings,
        limits: Limits | None = None,
        sleep: Callable[[float], object] = time.sleep,
        answer_s: float = ANSWER_S,
    ) -> None:
        self._settings = settings
        self._limits = limits or Limits()
        self._sleep = sleep
        self._answer_s = answer_s
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {settings.api_key}"
        self._session.auth = as_it_is
        # A proxy that the environment names is not for loopback.
        self._session.trust_env = LOOPBACK.match(settings.base_url) is None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._session.close()

    def submit(self, body: bytes) -> str:
        """Put a job into the queue; its id. UnknownAnswerError means that it may be there all the same."""
        answer = self._ask("run", "POST", "run", body)
        job_id = answer.get("id")
        if not isinstance(job_id, str) or not job_id:
            raise UnknownAnswerError(f"RunPod's answer to a new job has no id: {str(answer)[:SHOWN]}")
        return job_id

    def stream(self, job_id: str) -> tuple[JobState, list[object]]:
        """The job's state and the chunks since the last call; chunks of an answer that is lost are lost."""
        answer = self._ask("stream", "GET", f"stream/{job_id}")
        chunks = answer.get("stream") or []
        if not isinstance(chunks, list):
            raise UnknownAnswerError("RunPod's stream is no list")
        return _state(answer), [chunk.get("output") for chunk in chunks if isinstance(chunk, Mapping)]

    def status(self, job_id: str) -> JobStatus:
        """Raises JobGoneError when the platform has forgotten it."""
        answer = self._ask("status", "GET", f"status/{job_id}")
        return JobStatus(
            state=_state(answer),
            output=answer.get("output"),
            error=answer.get("error"),
            delay_s=_seconds(answer.get("delayTime")),
            execution_s=_seconds(answer.get("executionTime")),
            worker=answer.get("workerId"),
        )

    def cancel(self, job_id: str) -> JobState:
        """The job's state afterwards: one that was over stays so."""
        return _state(self._ask("cancel", "POST", f"cancel/{job_id}"))

    def health(self) -> EndpointHealth:
        answer = self._ask("health", "GET", "health")
        jobs, workers = answer.get("jobs"), answer.get("workers")
        if not isinstance(jobs, Mapping) or not isinstance(workers, Mapping):
            raise UnknownAnswerError(f"RunPod's health has no jobs and workers: {str(answer)[:SHOWN]}")
        return EndpointHealth(jobs=dict(jobs), workers=dict(workers))

    def _ask(self, kind: str, method: str, path: str, body: bytes | None = None) -> Mapping[str, Any]:
        """One request, counted by the breaker: what the service answers is a success, also a refusal."""
        breaker = self._limits.breaker
        if (wait := breaker.wait_s()) > 0:
            raise CircuitOpenError(wait)
        if (wait := self._limits.buckets[kind].wait_s()) > 0:
            self._sleep(wait)
        try:
            answer = self._send(method, path, body)
        except (UnreachableError, UnknownAnswerError):
            breaker.failed()
            raise
        except RunPodError:
            breaker.succeeded()
            raise
        breaker.succeeded()
        return answer

    def _send(self, method: str, path: str, body: bytes | None) -> Mapping[str, Any]:
        url = f"{self._settings.base_url}/{self._settings.endpoint_id}/{path}"
        try:
            response = self._session.request(
                method, url, data=body, headers={"Content-Type": "application/json"},
                timeout=(CONNECT_S, self._answer_s), allow_redirects=False,
            )  # fmt: skip
        except _NO_ADDRESS as error:
            raise RefusedError(
                f"RUNPOD_ENDPOINT_BASE_URL must be an address such as https://..., got {self._settings.base_url!r}"
            ) from error
        except (requests.exceptions.InvalidHeader, UnicodeError):
            raise WrongKeyError from None  # the key holds what no header can; the cause would tell it
        except (requests.exceptions.ConnectTimeout, requests.exceptions.ConnectionError) as error:
            raise unanswered(error, self._settings.base_url) from None
        except requests.exceptions.RequestException as error:
            raise UnknownAnswerError(f"RunPod's answer did not arrive ({type(error).__name__})") from None
        return self._understood(response, is_job="/" in path)

    def _understood(self, response: requests.Response, *, is_job: bool) -> Mapping[str, Any]:
        status = response.status_code
        if status in (401, 403):
            raise WrongKeyError
        if status == 404:
            raise (
                JobGoneError("RunPod does not know the job any more")
                if is_job
                else WrongEndpointError(self._settings.endpoint_id)
            )
        if status == 429:
            raise TooManyRequestsError("RunPod says that there were too many requests")
        if status in (408, 425):
            raise NotNowError(f"RunPod does not take the request now (error {status})")
        if status >= 500:
            raise UnknownAnswerError(f"RunPod answers with error {status}")
        content = masked(response.content, self._settings.api_key)
        if status >= 400:
            text = content.decode(errors="replace")[:SHOWN]
            raise RefusedError(f"RunPod refuses the request with error {status}: {text}")
        try:
            answer = json.loads(content)
        except ValueError:
            answer = None
        if not isinstance(answer, Mapping):
            kind = response.headers.get("Content-Type", "something")
            raise NotRunPodError(
                f"RunPod answers with {kind.split(';')[0]} instead of JSON; check RUNPOD_ENDPOINT_BASE_URL"
            )
        return answer


def masked(content: bytes, key: str) -> bytes:
    """An answer without the key, should the service repeat it.

    A real key is long. A short one, such as a twin may have, would be found in words that have nothing to do with it.
    """
    return content.replace(key.encode(), b"***") if len(key) >= SHORTEST_KEY else content


def as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Signed by its header. Without a signer of its own a session would take what a .netrc file says about the host."""
    return request


def unanswered(error: requests.exceptions.RequestException, base_url: str) -> RunPodError:
    """Whether a connection that failed had carried the request away already."""
    text = str(error).lower()
    never_made = isinstance(error, requests.exceptions.ConnectTimeout) or any(sign in text for sign in _NEVER_MADE)
    if never_made:
        return UnreachableError(f"{base_url} cannot be reached; check the network and RUNPOD_ENDPOINT_BASE_URL")
    return UnknownAnswerError("the connection to RunPod was closed before it answered")


def _state(answer: Mapping[str, Any]) -> JobState:
    try:
        return JobState(str(answer.get("status")))
    except ValueError:
        raise UnknownAnswerError(f"RunPod tells an unknown state: {str(answer.get('status'))[:SHOWN]}") from None


def _seconds(milliseconds: object) -> float | None:
    return max(0.0, milliseconds / 1000) if isinstance(milliseconds, int | float) else None
