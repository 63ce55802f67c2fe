"""Tests of the table of jobs."""

from __future__ import annotations

import dataclasses

import pytest

from storage.database import Database
from storage.jobs import FINAL_STATES, LOST, Job, Jobs

JOB = Job(job_id="j1", run_name="a", trial=3, endpoint="here", state="IN_QUEUE", submitted_at=100.0)


@pytest.fixture
def jobs(database: Database) -> Jobs:
    return Jobs(database)


def job(job_id: str, **fields: object) -> Job:
    return dataclasses.replace(JOB, job_id=job_id, **fields)  # type: ignore[arg-type]


def test_what_is_written_is_read(jobs: Jobs) -> None:
    whole = job(
        "j2",
        trial=None,
        state="FAILED",
        worker="w",
        ended_at=200.0,
        delay_s=1.5,
        execution_s=2.5,
        cost=0.5,
        error="why",
    )
    for item in (JOB, whole):
        jobs.add(item)
    assert jobs.of_run("a") == [JOB, whole] and jobs.of_run("b") == []


def test_the_life_of_a_job(jobs: Jobs) -> None:
    jobs.add(JOB)
    jobs.change("j1", state="IN_PROGRESS")
    (running,) = jobs.of_run("a")
    assert running.state == "IN_PROGRESS" and not running.is_over
    jobs.end("j1", "COMPLETED", cost=0.25, execution_s=10.0, delay_s=2.0, worker="w", error="")
    (over,) = jobs.of_run("a")
    assert over.is_over and (over.cost, over.execution_s, over.worker) == (0.25, 10.0, "w")
    assert over.ended_at is not None and over.ended_at > 1e9


@pytest.mark.parametrize("state", FINAL_STATES)
def test_the_first_end_counts(jobs: Jobs, state: str) -> None:
    jobs.add(JOB)
    jobs.end("j1", state, cost=0.25)
    first = jobs.of_run("a")
    jobs.end("j1", "CANCELLED", cost=0.5, error="late")
    jobs.change("j1", state="IN_PROGRESS")
    assert jobs.of_run("a") == first and first[0].is_over


def test_order(jobs: Jobs) -> None:
    for number in (2, 1, 3):
        jobs.add(job(f"j{number}", run_name="a" if number < 3 else "b", submitted_at=100.0 + number))
    assert [item.job_id for item in jobs.of_run("a")] == ["j1", "j2"]
    assert [item.job_id for item in jobs.newest()] == ["j3", "j2", "j1"]
    assert [item.job_id for item in jobs.newest(limit=1)] == ["j3"]


def test_open_jobs_of_an_endpoint_whatever_their_run(jobs: Jobs) -> None:
    for number, state in enumerate(("IN_QUEUE", "IN_PROGRESS", "RUNNING", *FINAL_STATES)):
        jobs.add(job(f"j{number}", run_name=f"run {number}", state=state))
    jobs.add(job("elsewhere", endpoint="there"))
    assert {item.job_id for item in jobs.open("here")} == {"j0", "j1", "j2"}


def test_money_of_a_run(jobs: Jobs) -> None:
    assert jobs.spent("a") == 0.0
    for number, cost in enumerate((0.25, 0.5, None)):
        jobs.add(job(f"j{number}", cost=cost))
    jobs.add(job("lost", state=LOST, cost=1.0))
    jobs.add(job("other", run_name="b", cost=8.0))
    assert jobs.spent("a") == pytest.approx(1.75)


def test_how_each_worker_did(jobs: Jobs) -> None:
    over = {"ended_at": 200.0, "delay_s": 1.0}
    jobs.add(job("j1", worker="w1", state="COMPLETED", execution_s=10.0, **over))
    jobs.add(job("j2", worker="w1", state="FAILED", execution_s=20.0, **over))
    jobs.add(job("j3", worker="w1", state="TIMED_OUT", **over))
    jobs.add(job("j4", worker="w2", state="COMPLETED", execution_s=5.0, **over))
    jobs.add(job("j5", worker="w2", state="IN_PROGRESS"))
    jobs.add(job("j6", worker="w3", state="COMPLETED", endpoint="there", **over))
    jobs.add(job("j7", state="FAILED", **over))
    first, second = jobs.workers("here")
    assert (first.worker, first.jobs, first.failed, first.mean_execution_s) == ("w1", 3, 2, 15.0)
    assert (second.worker, second.jobs, second.failed, second.mean_delay_s) == ("w2", 1, 0, 1.0)


def test_costs_by_trial(jobs: Jobs) -> None:
    for number, (trial, cost) in enumerate([(0, 0.25), (0, 0.5), (None, 1.0), (2, None)]):
        jobs.add(job(f"j{number}", trial=trial, cost=cost))
    jobs.add(job("other", run_name="b", trial=0, cost=9.0))
    assert jobs.costs("a") == {0: 0.75, None: 1.0} and jobs.spent("a") == pytest.approx(1.75)
