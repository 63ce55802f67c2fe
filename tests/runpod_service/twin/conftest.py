"""A twin for tests, and a client that hides nothing of its answers."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from runpod_service.twin.launch import Twin

COMMAND = [sys.executable, "-m", "tests.runpod_service.twin.worker"]


class Client:
    """Plain requests to a twin."""

    def __init__(self, twin: Twin, key: str | None = None) -> None:
        self.twin = twin
        self.http = requests.Session()
        self.http.headers["Authorization"] = f"Bearer {key or twin.api_key}"

    def ask(self, path: str, data: Any = None, method: str = "GET") -> requests.Response:
        return self.http.request(method, f"{self.twin.url}/{path}", json=data, timeout=20)

    def post(self, operation: str, data: Any = None) -> requests.Response:
        return self.ask(f"twin/{operation}", data, "POST")

    def run(self, policy: dict[str, int] | None = None, **data: Any) -> str:
        """Id of a new job."""
        answer = self.post("run", {"input": data, "policy": policy})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def status(self, job_id: str) -> dict[str, Any]:
        answer = self.ask(f"twin/status/{job_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def stream(self, job_id: str) -> list[Any]:
        return [chunk["output"] for chunk in self.ask(f"twin/stream/{job_id}").json()["stream"]]

    def ended(self, job_id: str) -> dict[str, Any]:
        """The job's last status."""
        until(lambda: self.status(job_id)["status"] not in ("IN_QUEUE", "IN_PROGRESS"))
        return self.status(job_id)

    def started(self, job_id: str) -> None:
        """Wait for the job's first chunk."""
        until(lambda: self.stream(job_id))

    def holder(self, job_id: str) -> dict[str, Any] | None:
        """The worker that has the job."""
        return next((worker for worker in self.twin.state()["workers"] if job_id in worker["jobs"]), None)


def until(condition: Callable[[], object], timeout_s: float = 30.0) -> None:
    """Wait for something that must happen."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


@pytest.fixture(scope="package")
def empty_twin() -> Iterator[Twin]:
    """A twin without workers."""
    with Twin.start(0, COMMAND) as twin:
        yield twin


@pytest.fixture(scope="package")
def working_twin() -> Iterator[Twin]:
    """A twin with two workers."""
    with Twin.start(2, COMMAND) as twin:
        twin.wait_until_ready()
        yield twin


@pytest.fixture
def front(empty_twin: Twin) -> Iterator[Client]:
    """A client of the twin without workers; what a test leaves in the queue is removed."""
    client = Client(empty_twin)
    yield client
    empty_twin.faults(dict.fromkeys(empty_twin.state()["faults"], 0))
    for job in empty_twin.state()["jobs"]:
        client.post(f"cancel/{job['id']}")
    client.http.close()


@pytest.fixture
def client(working_twin: Twin) -> Iterator[Client]:
    """A client of the twin with workers; afterwards nothing runs."""
    client = Client(working_twin)
    yield client
    working_twin.faults(dict.fromkeys(working_twin.state()["faults"], 0) | {"late_chunk_s": 1.0})
    until(lambda: not any(worker["jobs"] for worker in working_twin.state()["workers"]))
    client.http.close()
