"""A run's side of remote trials for tests: real books, clients and trainers, with times that are small."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any, cast

from hpo_core.job_book import JobBook
from hpo_core.logs import RunLog
from hpo_core.prices import Ledger
from hpo_core.records import Epoch, Failed, Finished, Phase, Record, Started, Tick, Trainer
from hpo_core.trial_config import TrialConfig
from runpod_service.cancelling import Canceller
from runpod_service.client import Client, Limits
from runpod_service.limits import Breaker, Capacity
from runpod_service.protocol import Policy
from runpod_service.site import Site
from runpod_service.trainer import RunPodTrainer
from storage.database import Database
from storage.jobs import Job, Jobs
from tests.runpod_service.server import Service
from tests.stubs import ScriptedTrainer, make_config
from tests.stubs import records_of as script_of

CONFIG = make_config(epochs=2)
PATIENCE_S = 10.0
WHOLE = ["started", "epoch", "epoch", "finished"]
RUN, ENDPOINT = "a", "here"
EXECUTION_S, GPU = 600.0, "24gb"


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


class Stand:
    """A service, and a run that uses it.

    Attributes:
        now: added to the clock of the site.
    """

    def __init__(self, service: Service, database: Database) -> None:
        self.service, self.database, self.now = service, database, 0.0
        self.limits = Limits(breaker=Breaker(failures=3, open_s=0.05, longest_s=0.1))
        self.log = RunLog(RUN)
        self.sites: list[Site] = []

    def site(self, local: Trainer | None = None, cap: float | None = None, **fields: Any) -> Site:
        book = JobBook(self.database, RUN, ENDPOINT, Ledger(GPU, 1, cap), price=GPU)
        connect = lambda: Client(self.service.settings, self.limits)  # noqa: E731
        values: dict[str, Any] = {
            "settings": self.service.settings, "class_names": [], "policy": Policy(EXECUTION_S, 1500), "book": book,
            "canceller": Canceller(connect, book, None, self.log), "store": None, "local": local,
            "capacity": Capacity(4), "log": self.log, "limits": self.limits, "poll_s": 0.005, "silence_s": 0.2,
            "clock": lambda: time.monotonic() + self.now,
        }  # fmt: skip
        self.sites.append(Site(**(values | fields)))
        return self.sites[-1]

    def trainer(self, local: Trainer | None = None, **fields: Any) -> RunPodTrainer:
        return RunPodTrainer(self.site(local, **fields), 0)

    @property
    def jobs(self) -> list[Job]:
        return Jobs(self.database).of_run(RUN)

    def states(self) -> list[str]:
        return [job.state for job in self.jobs]


def read(trainer: Trainer, config: TrialConfig = CONFIG) -> list[Record]:
    with closing(cast("Generator[Record]", trainer(config))) as records:
        return [record for record in records if not isinstance(record, Tick | Phase)]


def kinds(records: list[Record]) -> list[str]:
    return [record.kind for record in records if isinstance(record, Started | Epoch | Finished | Failed)]


def local_twice() -> ScriptedTrainer:
    """A trainer here whose accuracy tells it from the remote one."""
    return ScriptedTrainer(lambda config: script_of(config, accuracy=0.4))


def accuracy(records: list[Record]) -> float:
    return [record.validation_accuracy for record in records if isinstance(record, Epoch)][-1]
