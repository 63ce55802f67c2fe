"""Tests of what clients get, seen from outside, without workers."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from runpod_service.twin.launch import Twin, TwinError
from tests.runpod_service.twin.conftest import Client, until


def test_only_the_right_key_opens(front: Client) -> None:
    stranger = Client(front.twin, key="wrong")
    base = front.twin.url.removesuffix("/v2")
    for path in ("health", "status/1"):
        assert stranger.ask(f"twin/{path}").status_code == 401
    assert stranger.post("run", {"input": {}}).status_code == 401
    assert stranger.http.get(f"{base}/twin/state").status_code == 401
    assert stranger.http.post(f"{base}/twin/kill", json={}).status_code == 401
    assert front.ask("twin/health").json()["jobs"]["inQueue"] == 0


def test_unknown_endpoints_operations_jobs_and_workers(front: Client) -> None:
    for path in ("elsewhere/health", "twin/nothing", "twin/status/1", "twin/nothing/1"):
        assert front.ask(path).status_code == 404, path
    base = front.twin.url.removesuffix("/v2")
    assert front.http.get(f"{base}/worker/job-take/w?key=guessed&job_in_progress=0").status_code == 404


@pytest.mark.parametrize("body", [[], {"policy": {}}, {"input": 1, "policy": {"ttl": -1}}, {"input": 1, "policy": [1]}])
def test_requests_that_cannot_be(front: Client, body: object) -> None:
    assert front.post("run", body).status_code == 400


def test_a_job_waits_is_cancelled_and_purged(front: Client) -> None:
    first, second = front.run(steps=1), front.run(steps=1)
    assert front.status(first) == {"id": first, "status": "IN_QUEUE"}
    assert front.post(f"cancel/{first}").json() == {"id": first, "status": "CANCELLED"}
    assert front.post(f"retry/{first}").status_code == 400
    assert front.post("purge-queue").json() == {"removed": 1, "status": "completed"}
    assert front.status(second)["status"] == "CANCELLED"
    counts = {"completed": 0, "failed": 0, "retried": 0, "inProgress": 0, "inQueue": 0}
    workers = dict.fromkeys(("idle", "running", "initializing", "throttled", "unhealthy", "ready"), 0)
    assert front.ask("twin/health").json() == {"jobs": counts, "workers": workers}


def test_a_job_is_forgotten_after_its_time(front: Client) -> None:
    job = front.run(policy={"ttl": 100})
    while front.ask(f"twin/status/{job}").status_code == 200:
        time.sleep(0.02)
    assert front.ask(f"twin/status/{job}").status_code == 404


def test_refusals(front: Client) -> None:
    front.twin.faults({"429": 1})
    assert front.ask("twin/health").status_code == 429
    front.twin.faults({"500": 1.0})
    assert [front.ask("twin/health").status_code for _ in range(3)] == [500] * 3
    front.twin.faults({"500": 0, "html": 1})
    page = front.ask("twin/health")
    assert page.status_code == 200 and page.text.startswith("<!doctype html>")
    assert front.ask("twin/health").status_code == 200


def test_a_dropped_connection_did_nothing_and_a_lost_answer_did(front: Client) -> None:
    front.twin.faults({"dropped": 1})
    with pytest.raises(requests.ConnectionError):
        front.run(steps=1)
    assert front.ask("twin/health").json()["jobs"]["inQueue"] == 0
    front.twin.faults({"lost_run": 1})
    with pytest.raises(requests.ConnectionError):
        front.run(steps=1)
    known = front.run(steps=2)
    jobs = {job["id"]: job["answer_lost"] for job in front.twin.state()["jobs"] if job["state"] == "IN_QUEUE"}
    assert len(jobs) == 2 and jobs.pop(known) is False and list(jobs.values()) == [True]


def test_latency_delays_each_answer(front: Client) -> None:
    front.twin.faults({"latency": 0.4})
    assert front.ask("twin/health").elapsed.total_seconds() >= 0.4


def test_requests_are_counted(front: Client) -> None:
    before = front.twin.state()["requests"].get("health", 0)
    front.twin.faults({"500": 1})
    front.ask("twin/health")
    front.ask("twin/health")
    assert front.twin.state()["requests"]["health"] == before + 2


def test_what_the_switches_refuse(front: Client) -> None:
    with pytest.raises(TwinError, match="late_chunk is not a fault; write late_chunks"):
        front.twin.faults({"late_chunk": 1})
    with pytest.raises(TwinError, match="count must be from 0 to 256, got -1"):
        front.twin.scale(-1)
    assert front.twin.kill_worker() is None


def test_too_many_cancels_are_refused(front: Client) -> None:
    job = front.run()
    codes = [front.post(f"cancel/{job}").status_code for _ in range(101)]
    assert codes[0] == 200 and codes[-1] == 429


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--workers", "-1"], "--workers must be from 0 to 256, got -1"),
        (["--port", "99999"], "--port must be from 0 to 65535, got 99999"),
        (["--fault", "often"], "--fault must be NAME=VALUE, got 'often'"),
        (["--env", "=1"], "--env must be NAME=VALUE, got '=1'"),
    ],
)
def test_arguments_that_cannot_be(arguments: list[str], message: str) -> None:
    command = [sys.executable, "-m", "runpod_service.twin", "--port", "0", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2 and ended.stderr.startswith(message)


def test_a_port_in_use_is_said(front: Client) -> None:
    port = front.twin.url.split(":")[2].split("/")[0]
    with pytest.raises(TwinError, match="exit code 2"):
        Twin.start(0, port=int(port))


def test_the_key_of_a_real_account_is_neither_shown_nor_handed_on(tmp_path: Path) -> None:
    told, real = tmp_path / "told", "rpa_PLANTED0KEY"
    look = f"import os, time; open({str(told)!r}, 'w').write(f'{{os.environ}} all'); time.sleep(60)"
    with Twin.start(1, [sys.executable, "-c", look], environment={"RUNPOD_API_KEY": real}) as twin:
        until(lambda: told.exists() and told.read_text().endswith("all"))
        assert twin.api_key != real and real not in told.read_text() and "RUNPOD_POD_ID" in told.read_text()


def test_what_a_person_reads() -> None:
    command = [sys.executable, "-u", "-m", "runpod_service.twin", "--port", "0", "--workers", "0", "--api-key", "mine"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(9)]
        process.send_signal(signal.SIGINT)
    url = lines[0].split()[-1]
    assert lines[5:8] == [
        "export RUNPOD_API_KEY=mine",
        "export RUNPOD_ENDPOINT_ID=twin",
        f"export RUNPOD_ENDPOINT_BASE_URL={url}",
    ]
    assert process.returncode == 0
