"""Tests with the genuine SDK on both sides: its worker loop under the twin, its client before it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from runpod_service.twin.launch import Twin
from tests.runpod_service.twin.conftest import COMMAND, Client, until

pytestmark = pytest.mark.slow

GENUINE_CLIENT = """
import json, os, runpod
runpod.api_key = os.environ["RUNPOD_API_KEY"]
endpoint = runpod.Endpoint(os.environ["RUNPOD_ENDPOINT_ID"])
job = endpoint.run({"input": {"steps": 3}})
chunks = list(job.stream())
print(json.dumps({
    "chunks": chunks, "status": job.status(), "output": job.output(),
    "sync": endpoint.run_sync({"input": {"steps": 1}}), "health": endpoint.health(), "purged": endpoint.purge_queue(),
}))
"""


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_the_genuine_client_drives_a_job_to_its_end(client: Client) -> None:
    environment = {**os.environ, **client.twin.variables()}
    answer = subprocess.run(
        [sys.executable, "-c", GENUINE_CLIENT], env=environment, capture_output=True, text=True, check=True
    )
    said = json.loads(answer.stdout.splitlines()[-1])
    assert [chunk["chunk"] for chunk in said["chunks"]] == [0, 1, 2]
    assert said["status"] == "COMPLETED" and said["output"] == said["chunks"]
    assert [chunk["chunk"] for chunk in said["sync"]] == [0]
    assert said["health"]["workers"]["ready"] == 2 and said["health"]["jobs"]["completed"] >= 2
    assert said["purged"] == {"removed": 0, "status": "completed"}


def test_a_handler_that_raises_fails_its_job(client: Client) -> None:
    status = client.ended(client.run(steps=1, fails="no such data set"))
    assert status["status"] == "FAILED" and "no such data set" in status["error"]


def test_cancel_reaches_the_handler(client: Client, tmp_path: Path) -> None:
    left = tmp_path / "left"
    job = client.run(steps=100, pause_s=1, left=str(left))
    client.started(job)
    worker = client.holder(job)
    assert client.post(f"cancel/{job}").json()["status"] == "CANCELLED"
    until(left.exists)
    until(lambda: client.holder(job) is None)
    pids = {item["id"]: item["pid"] for item in client.twin.state()["workers"]}
    assert worker is not None and pids[worker["id"]] == worker["pid"]


def test_a_worker_that_does_not_listen_is_killed_with_its_children(client: Client, tmp_path: Path) -> None:
    job = client.run(deaf=True, child=str(tmp_path / "pid"))
    client.started(job)
    child = int((tmp_path / "pid").read_text())
    assert alive(child)
    client.post(f"cancel/{job}")
    until(lambda: client.holder(job) is None)
    assert not alive(child)
    assert client.status(job)["status"] == "CANCELLED"
    client.twin.wait_until_ready()


def test_execution_timeout_stops_the_job(client: Client, tmp_path: Path) -> None:
    left = tmp_path / "left"
    # Longer than a worker of a busy machine takes from getting the job to its handler's first line.
    job = client.run(policy={"executionTimeout": 5000}, steps=100, pause_s=1, left=str(left))
    status = client.ended(job)
    assert status["status"] == "TIMED_OUT" and status["executionTime"] >= 5000
    until(left.exists)


def test_a_killed_worker_has_its_job_run_again(client: Client, tmp_path: Path) -> None:
    retried = client.ask("twin/health").json()["jobs"]["retried"]
    job = client.run(steps=2, pause_s=2, child=str(tmp_path / "pid"))
    client.started(job)
    child = int((tmp_path / "pid").read_text())
    holder = client.holder(job)
    assert holder is not None and client.twin.kill_worker() == holder["id"]
    status = client.ended(job)
    assert status["status"] == "COMPLETED" and status["workerId"] != holder["id"] and len(status["output"]) == 2
    assert client.ask("twin/health").json()["jobs"]["retried"] == retried + 1
    assert not alive(holder["pid"]) and not alive(child)


def test_a_job_that_kills_each_worker_fails(client: Client) -> None:
    before = {worker["pid"] for worker in client.twin.state()["workers"]}
    client.twin.faults({"kill_worker": 2})
    status = client.ended(client.run(steps=2, pause_s=5))
    assert (status["status"], status["error"]) == ("FAILED", "job timed out after 1 retries")
    client.twin.wait_until_ready()
    assert not before & {worker["pid"] for worker in client.twin.state()["workers"]}


def test_faults_of_jobs(client: Client) -> None:
    client.twin.faults({"fail": 1})
    assert client.ended(client.run(steps=2, pause_s=5))["status"] == "FAILED"
    client.twin.faults({"time_out": 1})
    assert client.ended(client.run(steps=2, pause_s=5))["status"] == "TIMED_OUT"
    client.twin.faults({"no_output": 1})
    status = client.ended(client.run(steps=1))
    assert status["status"] == "COMPLETED" and "output" not in status
    client.twin.faults({"expire": 1})
    job = client.run(steps=1)
    until(lambda: client.ask(f"twin/status/{job}").status_code == 404)


def test_repeated_and_late_chunks(client: Client) -> None:
    client.twin.faults({"repeat_chunks": 1.0, "late_chunks": 1, "late_chunk_s": 10})
    job = client.run(steps=3)
    client.ended(job)
    assert [chunk["chunk"] for chunk in client.stream(job)] == [1, 1, 2, 2]
    late: list[int] = []
    until(lambda: late.extend(chunk["chunk"] for chunk in client.stream(job)) or late)
    assert late == [0, 0]


def test_a_stuck_queue(client: Client) -> None:
    client.twin.wait_until_ready()  # a test before this one may have killed a worker
    client.twin.faults({"stuck_queue": True})
    job = client.run(steps=1)
    health = client.ask("twin/health").json()
    assert health["jobs"]["inQueue"] == 1 and health["workers"]["ready"] == 2
    client.twin.faults({"stuck_queue": False})
    assert client.ended(job)["status"] == "COMPLETED"


def test_a_chunk_that_is_too_large_is_refused(client: Client) -> None:
    job = client.run(steps=1, bytes=1_000_001)
    status = client.ended(job)
    assert client.stream(job) == [] and len(status["output"][0]["text"]) == 1_000_001


def test_workers_that_crash_are_unhealthy() -> None:
    with Twin.start(1, [sys.executable, "-c", "raise SystemExit('no CUDA here')"]) as twin:
        until(lambda: Client(twin).ask("twin/health").json()["workers"]["unhealthy"] == 1)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_the_twin(end: signal.Signals, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Twin.start(0, COMMAND) as twin:
        client = Client(twin)
        twin.scale(1, cold_start_s=0.5)
        assert client.ask("twin/health").json()["workers"]["initializing"] == 0
        job = client.run(steps=100, pause_s=1, left=str(tmp_path / "left"), child=str(tmp_path / "pid"))
        until(lambda: client.ask("twin/health").json()["workers"]["initializing"] == 1)
        client.started(job)
        pids = [item.pid for item in psutil.Process(twin.pid).children(recursive=True)]
        pids.append(int((tmp_path / "pid").read_text()))
        assert len(set(pids)) >= 4 and all(map(alive, pids))  # guard, worker, its heartbeat, its child
        os.kill(twin.pid, end)
        until(lambda: not any(map(alive, [*pids, twin.pid])))
        assert end is signal.SIGKILL or (tmp_path / "left").exists()
    assert capfd.readouterr().err == ""


def test_the_twin_ends_with_the_process_that_started_it() -> None:
    start = "from runpod_service.twin.launch import Twin; print(Twin.start(0, ['true']).pid, flush=True)"
    code = f"import os; {start}; os._exit(0)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    until(lambda: not alive(int(answer.stdout)))
