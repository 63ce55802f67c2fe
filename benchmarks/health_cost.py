"""What measuring health costs: the same trial with and without it, in one warm process."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from statistics import median

import psutil

from benchmarks.tables import Table, spread
from benchmarks.work import config, own_settings
from hpo_core.local.pool import WorkerPool
from hpo_core.local.process import ProcessSpec
from hpo_core.local.trainer import LocalTrainer
from hpo_core.objective import health_interval
from hpo_core.records import Failed, Finished, Started
from hpo_core.trial_config import TrialConfig

# Of the processor's time of a trial that lasts LONG_S or more; seconds by the clock of a shorter one.
SHARE_LIMIT, SECONDS_LIMIT, LONG_S = 0.05, 2.0, 60.0
SHORT_ROUNDS, LONG_ROUNDS = 3, 2
THREADS = 2
LONG = "MNIST CNN, 50 %, 4 epochs"


def trials() -> dict[str, TrialConfig]:
    """Two short ones, and one that takes a minute or more on two cores."""
    return {
        "digits CNN, 12 epochs": config("digits", {"epochs": 12}, threads=THREADS),
        "IMDB LSTM, 15 %, 3 epochs": config("imdb", {"epochs": 3}, threads=THREADS, share=15.0),
        LONG: config("mnist", {"epochs": 4, "filters": 24}, threads=THREADS, share=50.0),
    }


@dataclass(frozen=True)
class Cost:
    """Of one training: seconds by the clock, and seconds of the processor that its process worked."""

    wall_s: float
    processor_s: float

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.wall_s - other.wall_s, self.processor_s - other.processor_s)


def measure() -> Table:
    rows: list[tuple[object, ...]] = []
    met = True
    with own_settings() as settings:
        pool = WorkerPool(settings, ProcessSpec(THREADS), workers=1)
        trainer = LocalTrainer(pool)
        try:
            for name, one in trials().items():
                row, kept = _row(trainer, name, one)
                met = met and kept
                rows.append(row)
                print(f"  {row}", file=sys.stderr, flush=True)
        finally:
            pool.close()
    return Table(
        name="health_cost",
        title="What measuring health costs",
        goal="at most 5 % of a trial of 60 s or more, at most 2 s in all of a shorter one",
        met=met,
        columns=("trial", "without", "health adds", "processor without", "health adds of it", "share of it", "limit"),
        rows=rows,
        notes=[
            f"Median (smallest to largest) of {SHORT_ROUNDS} pairs in turn, of {LONG_ROUNDS} for the long trial; "
            f"default intervals, {THREADS} threads. The clock is judged for short trials, the processor's seconds for "
            "the long one: on a shared machine the clock differs more between two equal trainings than the limit."
        ],
    )


def _row(trainer: LocalTrainer, name: str, one: TrialConfig) -> tuple[tuple[object, ...], bool]:
    """What is said of one kind of trial, and whether it keeps its limit."""
    is_long = name == LONG
    if not is_long:
        _cost(trainer, replace(one, health_interval=0))  # traces and caches are warm for both
    interval = health_interval(None, one.number("epochs"))
    without, added = [], []
    for _ in range(LONG_ROUNDS if is_long else SHORT_ROUNDS):
        bare = _cost(trainer, replace(one, health_interval=0))
        without.append(bare)
        added.append(_cost(trainer, replace(one, health_interval=interval)) - bare)
    share = median(cost.processor_s for cost in added) / median(cost.processor_s for cost in without)
    in_share = median(cost.wall_s for cost in without) >= LONG_S
    kept = share <= SHARE_LIMIT if in_share else median(cost.wall_s for cost in added) <= SECONDS_LIMIT
    row = (
        name, spread([cost.wall_s for cost in without], " s"), spread([cost.wall_s for cost in added], " s"),
        spread([cost.processor_s for cost in without], " s"), spread([cost.processor_s for cost in added], " s"),
        f"{share * 100:.1f} %", "5 %" if in_share else "2 s",
    )  # fmt: skip
    return row, kept


def _cost(trainer: LocalTrainer, one: TrialConfig) -> Cost:
    began, process, worked = time.perf_counter(), None, 0.0
    for record in trainer(one):
        assert not isinstance(record, Failed), record
        if isinstance(record, Started):
            process = psutil.Process(record.process)
            worked = _processor_s(process)
        elif isinstance(record, Finished):
            assert process is not None
            worked = _processor_s(process) - worked
    return Cost(time.perf_counter() - began, worked)


def _processor_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
