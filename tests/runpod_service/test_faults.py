"""Runs through faults of the twin: as the benchmark's matrix, with fewer trials."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks import fault_matrix
from benchmarks.fault_matrix import CASES, Case, Outcome
from hpo_core.settings import S3Settings

pytestmark = pytest.mark.slow

TRIALS, WORKERS = 6, 3


@pytest.fixture(scope="module")
def store() -> Iterator[S3Settings]:
    with fault_matrix.bucket() as store:
        yield store


def run(case: Case, store: S3Settings) -> Outcome:
    outcome = fault_matrix.run(case, store, TRIALS, WORKERS)
    assert outcome.faulty == []
    return outcome


def test_requests_that_go_wrong(store: S3Settings) -> None:
    faults = {"429": 0.05, "500": 0.05, "dropped": 0.05, "html": 0.05, "repeat_chunks": 0.5, "late_chunks": 0.5}
    outcome = run(Case("requests and chunks", faults | {"lost_run": 1}), store)
    assert outcome.count("complete") == TRIALS and outcome.unknown == 1 <= outcome.lost


def test_jobs_that_go_wrong(store: S3Settings) -> None:
    outcome = run(Case("jobs", {"kill_worker": 1, "fail": 1, "expire": 1, "no_output": 1}), store)
    assert outcome.count("complete") == TRIALS and outcome.submitted == TRIALS + 3  # a killed worker's job is the same


def test_a_job_that_takes_too_long_fails_its_trial(store: S3Settings) -> None:
    outcome = run(Case("time", {"time_out": 1}), store)
    assert (outcome.count("complete"), outcome.count("fail")) == (TRIALS - 1, 1)
    assert next(iter(outcome.reasons)).startswith("RunPod ended the job at its time limit")


@pytest.mark.parametrize("case", [case for case in CASES if "queue stuck" in case.name], ids=lambda case: case.name)
def test_a_fault_that_passes(case: Case, store: S3Settings) -> None:
    assert run(case, store).count("complete") == TRIALS
