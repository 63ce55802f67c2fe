"""What remote trials cost: sums while a run lasts, and sentences before it."""

from __future__ import annotations

import dataclasses

import pytest

from hpo_core.optimization_config import OptimizationConfig
from hpo_core.prices import in_dollars
from pages.parts import money
from storage.jobs import Job

NOW = 1000.0
CONFIG = {"gpu": "24gb", "max_cost": 1.5, "gpus_per_worker": None}


def job(number: int | None, state: str = "COMPLETED", **more: object) -> Job:
    made = Job(f"job-{number}-{state}", "run", number, "there", state, NOW - 100)
    return dataclasses.replace(made, **more)  # type: ignore[arg-type]


def test_money_of_a_run() -> None:
    jobs = [
        job(0, cost=0.02), job(1, cost=0.03), job(1, "FAILED", cost=0.01), job(2, "LOST", cost=0.04),
        job(3, "IN_PROGRESS", delay_s=40.0), job(4, "IN_QUEUE"),
    ]  # fmt: skip
    found = money.of_run(jobs, CONFIG, total=12, is_over=False, now=NOW)
    assert found.spent == pytest.approx(0.10) and found.running == pytest.approx(60 * 0.00019)
    assert found.trials == 3 and found.forecast == pytest.approx(0.4)
    assert found.outlook == f"about {in_dollars(0.4)} in all, by the mean of 3 trials; at most {in_dollars(1.5)}"


def test_money_of_a_run_that_is_over_or_has_just_begun() -> None:
    over = money.of_run([job(0, cost=0.02), job(1, "IN_PROGRESS")], CONFIG, total=12, is_over=True, now=NOW)
    assert (over.so_far, over.forecast) == (0.02, None)
    new = money.of_run([], CONFIG | {"max_cost": None}, total=12, is_over=False, now=NOW)
    assert (new.so_far, new.forecast, new.outlook) == (0.0, None, "")


def test_gpus_are_paid_for_one_by_one() -> None:
    jobs = [job(0, "IN_PROGRESS", delay_s=0.0)]
    two = money.of_run(jobs, CONFIG | {"gpus_per_worker": 2}, total=1, is_over=False, now=NOW)
    assert two.running == pytest.approx(2 * 100 * 0.00019)


def test_the_price_of_time() -> None:
    config = OptimizationConfig(backend="runpod", gpu="24gb", trials=12)
    assert money.rate(config, 3) == (
        f"While 3 workers train (24 GB card each): {in_dollars(0.0342)} a minute, {in_dollars(2.052)} an hour."
    )
    assert f"one worker trains (24 GB card): {in_dollars(0.0114)} a minute" in money.rate(config, 1)
    alone = dataclasses.replace(config, trials=1, gpus_per_worker=2)
    assert f"one worker trains (2 × 24 GB card): {in_dollars(0.0228)}" in money.rate(alone, 8)


def test_what_earlier_jobs_let_one_expect() -> None:
    config = OptimizationConfig(backend="runpod", gpu="24gb", trials=10)
    told = money.estimate(config, [10.0, 100.0, 40.0], "MNIST")
    assert "the 3 earlier jobs on MNIST" in told and "a trial takes 40 s" in told and "10 trials" in told
    assert in_dollars(0.076) in told
    assert "No remote trial on MNIST yet" in money.estimate(config, [], "MNIST")
    assert (
        "By the one earlier job on MNIST, in proportion to epochs and sample, a trial takes 5.0 s: 10 trials"
        in money.estimate(config, [5.0], "MNIST")
    )


def test_only_whole_trials_on_the_same_data_count() -> None:
    jobs = [
        job(0, execution_s=1.0), job(1, "FAILED", execution_s=2.0), job(None, execution_s=4.0), job(2),
        job(3, execution_s=8.0, run_name="other"),
    ]  # fmt: skip
    told = {"dataset": "mnist", "max_epochs_per_trial": 5, "sample_percentage": 50}
    runs = {"run": told, "other": told | {"dataset": "imdb"}}
    config = OptimizationConfig(dataset="mnist", max_epochs_per_trial=5, sample_percentage=50)
    assert money.execution_times(jobs, runs, config) == [1.0]
    longer = dataclasses.replace(config, max_epochs_per_trial=10, sample_percentage=100)
    assert money.execution_times(jobs, runs, longer) == [4.0]
    assert money.execution_times(jobs, {}, config) == []  # what a run was told may not be recorded
