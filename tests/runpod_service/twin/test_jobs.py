"""Tests of the queue without HTTP and without processes."""

from __future__ import annotations

from typing import Any

import pytest

from runpod_service.protocol import JobState
from runpod_service.twin.faults import Faults
from runpod_service.twin.jobs import Job, Jobs, policy_of


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Queue(Jobs):
    """Jobs with a clock that stands still until it is moved."""

    def __init__(self, **faults: Any) -> None:
        self.faults, self.clock = Faults(faults), Clock()
        super().__init__(self.faults, self.clock)

    def after(self, seconds: float) -> None:
        self.clock.now += seconds
        self.advance()

    def running(self, worker: str = "w", **policy: float) -> Job:
        self.submit({}, **policy)
        (job,) = self.take(worker)
        return job


def test_a_job_from_submission_to_result() -> None:
    queue = Queue()
    job = queue.submit({"steps": 1})
    assert job.as_status() == {"id": job.id, "status": "IN_QUEUE"}
    assert queue.health() == {"completed": 0, "failed": 0, "retried": 0, "inProgress": 0, "inQueue": 1}
    queue.after(2)
    assert queue.take("w") == [job] and queue.health()["inProgress"] == 1
    assert job.as_status() == {"id": job.id, "status": "IN_PROGRESS", "delayTime": 2000, "workerId": "w"}
    queue.chunk("w", job.id, 1)
    queue.chunk("w", job.id, 2)
    assert queue.stream(job) == [1, 2] and queue.stream(job) == []
    queue.after(3)
    queue.finish("w", job.id, {"output": [1, 2]})
    times = {"delayTime": 2000, "executionTime": 3000}
    assert job.as_status() == {"id": job.id, "status": "COMPLETED", "workerId": "w", "output": [1, 2], **times}
    assert queue.health()["completed"] == 1 and queue.held("w") == []


def test_jobs_are_taken_in_their_order_and_once() -> None:
    queue = Queue()
    jobs = [queue.submit(number) for number in range(3)]
    assert queue.take("a", 2) == jobs[:2] and queue.take("b", 2) == jobs[2:] and queue.take("c") == []


def test_an_error_of_the_handler_fails_the_job_without_another_try() -> None:
    queue = Queue()
    job = queue.running()
    queue.finish("w", job.id, {"error": "handler: no such data set"})
    assert (job.state, job.error) == (JobState.FAILED, "handler: no such data set")
    assert queue.health()["failed"] == 1 and queue.waiting == 0


def test_a_job_whose_worker_goes_is_run_once_more_and_then_fails() -> None:
    queue = Queue()
    job = queue.running("first")
    queue.worker_gone("first")
    assert job.state is JobState.IN_QUEUE and queue.health()["retried"] == 1
    assert queue.take("second") == [job]
    queue.finish("first", job.id, {"output": "of a worker that was thought to be dead"})
    assert job.state is JobState.IN_PROGRESS
    queue.worker_gone("second")
    assert (job.state, job.error) == (JobState.FAILED, "job timed out after 1 retries")
    assert queue.health()["retried"] == 1


@pytest.mark.parametrize("grace_s", [0.0, 3.0])
def test_a_worker_that_does_not_know_its_job_has_lost_it(grace_s: float) -> None:
    queue = Queue()
    job = queue.running()
    if grace_s:
        queue.worker_has("w", [], grace_s)
        assert job.state is JobState.IN_PROGRESS
        queue.after(grace_s)
    queue.worker_has("w", [job.id], grace_s)
    assert job.state is JobState.IN_PROGRESS
    queue.worker_has("w", [], grace_s)
    assert job.state is JobState.IN_QUEUE and queue.health()["retried"] == 1


def test_a_cancelled_job_is_over_at_once_and_its_worker_is_told_once() -> None:
    queue = Queue()
    job = queue.running()
    queue.cancel(job)
    assert job.state is JobState.CANCELLED
    assert queue.stops("w") == []  # the worker may not have begun, and would not know the job
    queue.after(0.5)
    assert queue.stops("other") == [] and queue.stops("w") == [job.id] and queue.stops("w") == []
    queue.worker_has("w", [], grace_s=0.0)
    queue.after(10)
    assert queue.to_kill() == set() and queue.held("w") == []
    queue.finish("w", job.id, {"output": "too late"})
    assert job.state is JobState.CANCELLED and job.output is None


def test_a_worker_that_does_not_stop_is_to_be_killed() -> None:
    queue = Queue()
    job = queue.running()
    queue.cancel(job)
    queue.after(3.4)
    queue.worker_has("w", [job.id])
    assert queue.to_kill() == set()
    queue.after(0.1)
    assert queue.to_kill() == {"w"} and queue.held("w") == [job.id]
    queue.worker_gone("w")
    assert queue.to_kill() == set() and job.state is JobState.CANCELLED and queue.health()["retried"] == 0


def test_cancelling_a_waiting_job_takes_it_out_of_the_queue() -> None:
    queue = Queue()
    queue.cancel(queue.submit({}))
    assert queue.waiting == 0 and queue.take("w") == []


def test_execution_timeout_counts_from_the_start() -> None:
    queue = Queue()
    job = queue.submit({}, execution_s=10)
    queue.after(20)
    assert job.state is JobState.IN_QUEUE
    queue.take("w")
    queue.after(9)
    assert job.state is JobState.IN_PROGRESS
    queue.after(1)
    assert (job.state, job.as_status()["executionTime"]) == (JobState.TIMED_OUT, 10_000)
    assert queue.stops("w") == [job.id] and queue.health()["failed"] == 1


@pytest.mark.parametrize("running", [False, True])
def test_ttl_counts_from_the_submission_and_forgets_the_job(running: bool) -> None:
    queue = Queue()
    job = queue.submit({}, ttl_s=10)
    queue.after(5)
    if running:
        queue.take("w")
    queue.after(4)
    assert queue.find(job.id) is job
    queue.after(1)
    assert queue.find(job.id) is None and queue.waiting == 0 and queue.take("x") == []
    assert queue.stops("w") == ([job.id] if running else [])


def test_results_are_kept_for_half_an_hour() -> None:
    queue = Queue()
    job = queue.running()
    queue.finish("w", job.id, {"output": []})
    queue.after(1799)
    assert queue.find(job.id) is job
    queue.clock.now += 1
    assert queue.find(job.id) is None


def test_purge_cancels_only_what_waits() -> None:
    queue = Queue()
    running = queue.running()
    waiting = [queue.submit({}) for _ in range(2)]
    assert queue.purge() == 2 and queue.waiting == 0
    assert running.state is JobState.IN_PROGRESS
    assert {job.state for job in waiting} == {JobState.CANCELLED}


def test_retry_runs_a_failed_job_again_without_its_output() -> None:
    queue = Queue()
    job = queue.running()
    assert not queue.retry(job)
    queue.chunk("w", job.id, 1)
    queue.progress("w", job.id, "half")
    queue.finish("w", job.id, {"error": "no"})
    assert queue.retry(job)
    assert job.as_status() == {"id": job.id, "status": "IN_QUEUE"} and queue.stream(job) == []
    assert queue.take("w") == [job]


def test_an_update_of_progress_is_output_until_the_result_comes() -> None:
    queue = Queue()
    job = queue.running()
    queue.progress("w", job.id, "half")
    assert (job.state, job.as_status()["output"]) == (JobState.IN_PROGRESS, "half")
    queue.finish("w", job.id, {"output": "all"})
    assert job.output == "all"


@pytest.mark.parametrize(("fault", "state"), [("fail", "FAILED"), ("time_out", "TIMED_OUT")])
@pytest.mark.parametrize("first_word", ["chunk", "result"])
def test_a_job_can_be_made_to_end_badly(fault: str, state: str, first_word: str) -> None:
    queue = Queue(**{fault: 1})
    job = queue.running()
    if first_word == "chunk":
        queue.chunk("w", job.id, 1)
    else:
        queue.finish("w", job.id, {"output": 1})
    assert job.state == state and job.error and job.output is None
    queue.after(0.5)
    assert queue.stops("w") == [job.id]
    other = queue.running("x")
    queue.finish("x", other.id, {"output": 1})
    assert other.state is JobState.COMPLETED


def test_faults_of_results_and_workers() -> None:
    queue = Queue(no_output=1)
    job = queue.running()
    queue.finish("w", job.id, {"output": [1]})
    assert job.as_status()["status"] == "COMPLETED" and "output" not in job.as_status()
    queue.faults.change({"expire": 1})
    job = queue.running()
    queue.finish("w", job.id, {"output": [1]})
    assert queue.find(job.id) is None and queue.health()["completed"] == 2
    queue.faults.change({"kill_worker": 1})
    job = queue.running()
    queue.chunk("w", job.id, 1)
    assert queue.to_kill() == {"w"} and job.state is JobState.IN_PROGRESS


def test_chunks_can_be_repeated_and_late() -> None:
    queue = Queue(repeat_chunks=1, late_chunk_s=5)
    job = queue.running()
    queue.chunk("w", job.id, 1)
    queue.faults.change({"late_chunks": 1})
    queue.chunk("w", job.id, 2)
    queue.chunk("w", job.id, 3)
    queue.finish("w", job.id, {"output": [1, 2, 3]})
    assert queue.stream(job) == [1, 1, 3]
    queue.after(5)
    assert job.state is JobState.COMPLETED and queue.stream(job) == [2]


@pytest.mark.parametrize("switch", ["stuck_queue", "throttled"])
def test_a_stuck_queue_gives_nothing(switch: str) -> None:
    queue = Queue(**{switch: True})
    queue.submit({})
    assert queue.take("w") == [] and queue.waiting == 1
    queue.faults.change({switch: False})
    assert len(queue.take("w")) == 1


def test_policies() -> None:
    assert policy_of({"executionTimeout": 1500, "ttl": 60_000, "lowPriority": True}) == {
        "execution_s": 1.5,
        "ttl_s": 60.0,
    }
    assert policy_of({}) == {}
    with pytest.raises(ValueError, match="ttl must be a positive number of milliseconds, got '1h'"):
        policy_of({"ttl": "1h"})
