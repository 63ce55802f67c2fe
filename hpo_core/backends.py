"""Where trials train: what a run tells a backend, and what it gets from it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hpo_core.local.pool import Gpus, WorkerPool
from hpo_core.local.process import ProcessSpec
from hpo_core.local.trainer import LocalTrainer
from hpo_core.logs import RunLog
from hpo_core.machine import Machine
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.records import Trainer
from hpo_core.settings import Settings
from storage.database import Database

LOCAL, RUNPOD = "local", "runpod"
# What `trainer_for` is asked with for the final model.
FINAL_MODEL = None


@dataclass(frozen=True)
class Order:
    """A run, as its backend sees it.

    Attributes:
        run_name, config: of the run.
        settings: where everything is.
        machine: this one.
        workers: trials at once.
        threads: processor threads of each training.
        class_names: of the data.
        database: of the run; open while it lasts.
        log: of the run.
        cancelled: set when the run shall stop: nothing new is begun for it then.
    """

    run_name: str
    config: OptimizationConfig
    settings: Settings
    machine: Machine
    workers: int
    threads: int
    class_names: list[str]
    database: Database
    log: RunLog
    cancelled: threading.Event = field(default_factory=threading.Event)


def _nothing() -> None:
    return None


def _free(_trial: int) -> float | None:
    return None


@dataclass(frozen=True)
class Backend:
    """What trains the trials of a run, and how it is got ready and given back.

    Attributes:
        trainer_for: the trainer of a trial by its number, or of the final model (None).
        warm_up: begins what takes long; raises OneginError where no trial could be trained.
        close: ends everything that still runs.
        cost_of: dollars that a trial has cost; None where nothing is paid.
        ahead: trials that are made ready while as many as there are workers train, so that none of them waits for the
            database.
    """

    trainer_for: Callable[[int | None], Trainer]
    warm_up: Callable[[], None] = _nothing
    close: Callable[[], None] = _nothing
    cost_of: Callable[[int], float | None] = field(default=_free)
    ahead: int = 0


BackendFactory = Callable[[Order], Backend]


def local_backend(order: Order) -> Backend:
    """Child processes on this machine; no more than trials, for to start one takes seconds of processor time."""
    pool = local_pool(order, min(order.workers, order.config.trials))
    trainer = LocalTrainer(pool)
    return Backend(lambda _trial: trainer, pool.warm_up, pool.close)


def local_pool(order: Order, workers: int) -> WorkerPool:
    """Processes on this machine for trials of the run; they start when they are needed."""
    gpus = Gpus(order.machine.gpus, order.config.gpus_per_worker or max(1, order.machine.gpus // order.workers))
    return WorkerPool(order.settings, ProcessSpec(order.threads), workers, gpus=gpus)


LOCAL_ONLY: Mapping[str, BackendFactory] = {LOCAL: local_backend}
