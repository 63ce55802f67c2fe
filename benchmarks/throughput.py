"""Two workers against one: trials an hour on the same machine, by model size."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from statistics import median

from benchmarks.tables import Table, spread
from benchmarks.work import SIZES, own_settings
from hpo_core.backends import Backend, Order, local_pool
from hpo_core.local.trainer import LocalTrainer
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.outcome import run_outcome
from hpo_core.parameters import Value
from hpo_core.records import Record, Started
from hpo_core.runner import Runner
from hpo_core.settings import Settings
from hpo_core.trial_config import TrialConfig

LIMIT = 1.4
ROUNDS = 3
WORK = (("digits", 100.0, 4), ("mnist", 20.0, 1))
# Space and number of trials; one model needs no more than one trial for each of two workers.
SPACES: dict[str, tuple[dict[str, Value], int]] = {
    "default space": ({}, 4),
    **{f"{size} model": (SIZES[size], 2) for size in ("small", "large")},
}


def measure() -> Table:
    rows: list[tuple[object, ...]] = []
    all_ratios = []
    with own_settings() as settings:
        for dataset, share, epochs in WORK:
            for name, (space, trials) in SPACES.items():
                if dataset == "digits" and space:
                    continue  # these pictures are so small that the sizes hardly differ
                ratios = []
                for _ in range(ROUNDS if not space else ROUNDS - 1):
                    config = OptimizationConfig(
                        dataset=dataset,
                        sample_percentage=share,
                        max_epochs_per_trial=epochs,
                        trials=trials,
                        sampler="qmc",
                        pruner="none",
                        seed=3,
                        space=dict(space),
                        plots="none",
                        final_model=False,
                    )
                    one, two = (_seconds(settings, replace(config, workers=workers)) for workers in (1, 2))
                    ratios.append(one / two)
                if name == "default space":
                    all_ratios.append(median(ratios))
                rows.append((dataset, name, spread(ratios)))
                print(f"  {rows[-1]}", file=sys.stderr, flush=True)
    return Table(
        name="throughput",
        title="Trials per hour with two workers against one",
        goal=f"at least {LIMIT} times on the default space, on two cores",
        met=min(all_ratios) >= LIMIT,
        columns=("data", "model", "two workers against one"),
        rows=rows,
        notes=[
            f"4 trials of the default space or 2 of one model, without pruning; {ROUNDS} rounds in turn, "
            "one less for the sizes. Digits with 4 "
            "epochs, 20 % of MNIST with 1. "
            "One quasi-random sequence for both; time from the first trial's start to the last one's end.",
        ],
    )


class Span:
    """A trainer that notes when the first training began and the last one ended."""

    def __init__(self, inner: LocalTrainer) -> None:
        self._inner = inner
        self.began = math.inf
        self.ended = 0.0

    def __call__(self, config: TrialConfig) -> Iterator[Record]:
        for record in self._inner(config):
            if isinstance(record, Started):
                self.began = min(self.began, time.perf_counter())
            yield record
            self.ended = time.perf_counter()


def _seconds(settings: Settings, config: OptimizationConfig) -> float:
    """From the first training's start to the last one's end: starting processes is not throughput."""
    spans: list[Span] = []

    def backend(order: Order) -> Backend:
        pool = local_pool(order, order.workers)
        spans.append(Span(LocalTrainer(pool)))
        trainer = spans[-1]
        return Backend(lambda _trial: trainer, pool.warm_up, pool.close)

    runner = Runner(config, settings, backends={"local": backend})
    runner.start()
    runner.wait()
    outcome = run_outcome(settings, runner.run_name)
    assert outcome.n_complete == config.trials, outcome
    return spans[0].ended - spans[0].began
