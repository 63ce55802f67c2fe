"""A worker over many small trials: the silence between two of them, and its memory."""

from __future__ import annotations

import time
from statistics import median

from benchmarks.tables import Table, spread
from benchmarks.work import SMALL, own_settings
from hpo_core.backends import Backend, Order, local_pool
from hpo_core.local.trainer import LocalTrainer
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.records import Finished, Record, Resources, Started
from hpo_core.runner import Runner
from hpo_core.trial_config import TrialConfig

TRIALS = 30
GAP_LIMIT_S = 0.5
GROWTH_LIMIT = 1.10
# TensorFlow's allocator settles over the first trials; flat means flat from here on.
SETTLED = 3


class Watch:
    """A trainer that notes when trials begin and end and what their process holds."""

    def __init__(self, inner: LocalTrainer) -> None:
        self._inner = inner
        self.gaps: list[float] = []
        self.memory_mb: list[float] = []
        self.processes: set[int] = set()
        self._ended: float | None = None

    def __call__(self, config: TrialConfig):  # type: ignore[no-untyped-def]
        for record in self._inner(config):
            self._note(record)
            yield record

    def _note(self, record: Record) -> None:
        if isinstance(record, Started):
            self.processes.add(record.process)
        if record.number == 0 and self._ended is not None:
            self.gaps.append(time.perf_counter() - self._ended)
        if isinstance(record, Resources):
            self._last = record.memory_mb
        if isinstance(record, Finished):
            self._ended = time.perf_counter()
            self.memory_mb.append(self._last)


def measure() -> Table:
    watches: list[Watch] = []

    def backend(order: Order) -> Backend:
        pool = local_pool(order, order.workers)
        watches.append(Watch(LocalTrainer(pool)))
        trainer = watches[-1]
        return Backend(lambda _trial: trainer, pool.warm_up, pool.close)

    with own_settings() as settings:
        config = OptimizationConfig(
            trials=TRIALS, max_epochs_per_trial=2, workers=1, pruner="none", space=dict(SMALL), final_model=False
        )
        runner = Runner(config, settings, backends={"local": backend})
        runner.start()
        runner.wait()
    watch = watches[0]
    growth = max(watch.memory_mb[SETTLED:]) / watch.memory_mb[SETTLED]
    return Table(
        name="warm_worker",
        title=f"A warm worker over {TRIALS} small trials",
        goal="at most 0.5 s of nothing between two trials, memory flat within 10 %",
        met=median(watch.gaps) <= GAP_LIMIT_S and growth <= GROWTH_LIMIT,
        columns=("figure", "value"),
        rows=[
            ("from a trial's last record to the next one's first", spread(watch.gaps, " s")),
            ("memory after the trials 1, 4, 10, 20, 30",
             ", ".join(f"{watch.memory_mb[index]:.0f}" for index in (0, 3, 9, 19, 29)) + " MB"),
            (f"largest memory against that after trial {SETTLED + 1}", f"{growth:.3f}"),
            ("processes used", len(watch.processes)),
        ],
        notes=["Digits, 2 epochs, small networks, whole runs with database and sampler."],
    )  # fmt: skip
