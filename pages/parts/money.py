"""What remote trials cost, before a run and while it lasts. Pure: jobs and clocks in, sums and sentences out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from hpo_core.optimization_config import OptimizationConfig
from hpo_core.prices import PRICES, cost, forecast, in_dollars
from pages.parts import formats
from runpod_service.protocol import JobState
from storage.jobs import Job


@dataclass(frozen=True)
class Money:
    """The money of one run at one moment, in dollars.

    Attributes:
        spent: of the jobs that are over; lost ones with the most they can cost.
        running: of those that run, by the clock.
        trials: trials that the spent money was for.
        forecast: of the whole run; None before its first trial has ended.
        cap: the run may not cost more; None for no limit.
    """

    spent: float
    running: float
    trials: int
    forecast: float | None
    cap: float | None

    @property
    def so_far(self) -> float:
        return self.spent + self.running

    @property
    def outlook(self) -> str:
        """What the run will cost, for the end of a sentence; '' where nothing is known."""
        parts = []
        if self.forecast is not None:
            trials = formats.plural(self.trials, "trial")
            parts.append(f"about {in_dollars(max(self.forecast, self.so_far))} in all, by the mean of {trials}")
        if self.cap is not None:
            parts.append(f"at most {in_dollars(self.cap)}")
        return "; ".join(parts)


def of_run(jobs: Sequence[Job], config: Mapping[str, object], *, total: int, is_over: bool, now: float) -> Money:
    """The money of a run.

    Args:
        jobs: of the run.
        config: what the run was told.
        total: trials it shall make.
        is_over: whether it makes no more.
        now: seconds since the epoch.
    """
    gpu, gpus, cap = str(config.get("gpu")), config.get("gpus_per_worker"), config.get("max_cost")
    per_second = cost(gpu, 1.0, gpus if isinstance(gpus, int) else 1) if gpu in PRICES else 0.0
    over = [job for job in jobs if job.is_over]
    spent = sum(job.cost or 0.0 for job in over)
    trials = {job.trial for job in over if job.trial is not None}
    running = sum(
        max(0.0, now - job.submitted_at - (job.delay_s or 0.0)) * per_second
        for job in jobs
        if job.state in (JobState.IN_PROGRESS, JobState.RUNNING)
    )
    return Money(
        spent=spent,
        running=0.0 if is_over else running,
        trials=len(trials),
        forecast=None if is_over else forecast(spent, len(trials), total),
        cap=float(cap) if isinstance(cap, int | float) else None,
    )


def rate(config: OptimizationConfig, workers: int) -> str:
    """What it costs while trials train, as a sentence."""
    at_once, gpus = min(workers, config.trials), config.gpus_per_worker or 1
    price = PRICES[config.gpu]
    each = f"{gpus} × {price.title}" if gpus > 1 else price.title
    minute, hour = (cost(config.gpu, seconds * at_once, gpus) for seconds in (60, 3600))
    who = f"one worker trains ({each})" if at_once == 1 else f"{at_once} workers train ({each} each)"
    return f"While {who}: {in_dollars(minute)} a minute, {in_dollars(hour)} an hour."


def estimate(config: OptimizationConfig, earlier_s: Sequence[float], title: str) -> str:
    """What the run will cost if its trials take as long as earlier ones would, as a sentence.

    Args:
        config: of the run.
        earlier_s: seconds of execution of earlier jobs on the same data, in proportion to epochs and sample.
        title: of the data.
    """
    if not earlier_s:
        return f"No remote trial on {title} yet: what one costs is known after the first."
    typical = median(earlier_s)
    dollars = cost(config.gpu, typical * config.trials, config.gpus_per_worker or 1)
    jobs = "the one earlier job" if len(earlier_s) == 1 else f"the {formats.count(len(earlier_s))} earlier jobs"
    trials = "one like it costs" if config.trials == 1 else f"{formats.count(config.trials)} trials like that cost"
    return (
        f"By {jobs} on {title}, in proportion to epochs and sample, a trial takes {formats.duration(typical)}: "
        f"{trials} about {in_dollars(dollars)}."
    )


def execution_times(
    jobs: Sequence[Job], configurations: Mapping[str, Mapping[str, Any]], config: OptimizationConfig
) -> list[float]:
    """Seconds that earlier trials on the same data would have taken in this run, in proportion to epochs and sample.

    Args:
        jobs: of any run; those that trained a trial to its end count.
        configurations: what each run was told, by name.
        config: of the run that is to come.
    """
    found = []
    for job in jobs:
        told = configurations.get(job.run_name, {})
        if job.state != "COMPLETED" or job.trial is None or job.execution_s is None:
            continue
        epochs, sample = told.get("max_epochs_per_trial"), told.get("sample_percentage")
        if told.get("dataset") == config.dataset and epochs and sample:
            found.append(job.execution_s * config.max_epochs_per_trial / epochs * config.sample_percentage / sample)
    return found
