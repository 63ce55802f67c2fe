"""What measuring health costs: the same trial with and without it, in one warm process."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from statistics import median

from benchmarks.tables import Table, spread
from benchmarks.work import config, own_settings
from hpo_core.local.pool import WorkerPool
from hpo_core.local.process import ProcessSpec
from hpo_core.local.trainer import LocalTrainer
from hpo_core.objective import health_interval
from hpo_core.records import Failed
from hpo_core.trial_config import TrialConfig

SHARE_LIMIT, SECONDS_LIMIT, LONG_S = 0.05, 2.0, 60.0
SHORT_ROUNDS, LONG_ROUNDS = 3, 2
THREADS = 2
LONG = "MNIST CNN, 50 %, 3 epochs"


def trials() -> dict[str, TrialConfig]:
    """Two short ones, and one that takes a minute or more on two cores."""
    return {
        "digits CNN, 12 epochs": config("digits", {"epochs": 12}, threads=THREADS),
        "IMDB LSTM, 15 %, 3 epochs": config("imdb", {"epochs": 3}, threads=THREADS, share=15.0),
        LONG: config("mnist", {"epochs": 3, "filters": 24}, threads=THREADS, share=50.0),
    }


def measure() -> Table:
    rows: list[tuple[object, ...]] = []
    met = True
    with own_settings() as settings:
        pool = WorkerPool(settings, ProcessSpec(THREADS), workers=1)
        trainer = LocalTrainer(pool)
        try:
            for name, one in trials().items():
                if name != LONG:
                    _seconds(trainer, replace(one, health_interval=0))  # traces and caches are warm for both
                without, costs = [], []
                for _ in range(LONG_ROUNDS if name == LONG else SHORT_ROUNDS):
                    bare = _seconds(trainer, replace(one, health_interval=0))
                    interval = health_interval(None, one.number("epochs"))
                    without.append(bare)
                    costs.append(_seconds(trainer, replace(one, health_interval=interval)) - bare)
                share = median(costs) / median(without)
                long = median(without) >= LONG_S
                kept = share <= SHARE_LIMIT if long else median(costs) <= SECONDS_LIMIT
                met = met and kept
                limit = "5 %" if long else "2 s"
                rows.append((name, spread(without, " s"), spread(costs, " s"), f"{share * 100:.1f} %", limit))
                print(f"  {rows[-1]}", file=sys.stderr, flush=True)
        finally:
            pool.close()
    return Table(
        name="health_cost",
        title="What measuring health costs",
        goal="at most 5 % of a trial of 60 s or more, at most 2 s in all of a shorter one",
        met=met,
        columns=("trial", "without", "health adds", "share", "limit"),
        rows=rows,
        notes=[
            f"Median (smallest to largest) of {SHORT_ROUNDS} pairs in turn, of {LONG_ROUNDS} for the long trial; "
            f"default intervals, {THREADS} threads."
        ],
    )


def _seconds(trainer: LocalTrainer, one: TrialConfig) -> float:
    began = time.perf_counter()
    for record in trainer(one):
        assert not isinstance(record, Failed), record
    return time.perf_counter() - began
