"""The books of a run's remote jobs: where each stands, in the database, and what all of them cost."""

from __future__ import annotations

import dataclasses
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from hpo_core.prices import Ledger, cost
from storage.database import Database
from storage.errors import StorageError
from storage.jobs import LOST, Job, Jobs, WorkerRecord
from storage.runs import Runs

__all__ = ("LOST", "JobBook", "JobEnd")

CANCELLED = "CANCELLED"
# The platform's own limit where no other is known.
DAY_S = 86_400.0


@dataclass(frozen=True)
class JobEnd:
    """How a job ended, as far as the platform tells.

    Attributes:
        state: the platform's word.
        execution_s, delay_s: on a worker, and in the queue before.
        worker: that had it.
        error: why it failed, or ''.
    """

    state: str
    execution_s: float | None = None
    delay_s: float | None = None
    worker: str | None = None
    error: str = ""


class JobBook:
    """Writes down what becomes of jobs. Its methods may be called from any thread.

    Args:
        database: of the run.
        run_name: of the run.
        endpoint: address of the service and id of the endpoint.
        ledger: of the run's money.
        price: key of the price table.
        longest_s: that a job may run.
    """

    def __init__(
        self, database: Database, run_name: str, endpoint: str, ledger: Ledger, price: str, longest_s: float = DAY_S
    ) -> None:
        self._jobs, self._runs = Jobs(database), Runs(database)
        self.run_name, self._endpoint = run_name, endpoint
        self.ledger = ledger
        self._price, self._longest_s = price, longest_s
        self._lock = threading.Lock()
        self._costs = self._jobs.costs(run_name)  # dollars by trial; a run that is resumed has some
        ledger.carry_over(sum(self._costs.values()))
        self._strays: dict[str, float] = {}  # when jobs were submitted that this process has not followed
        self._foreign: set[str] = set()  # those of them that belong to other runs, which this one only ends

    def submitted(self, job_id: str, trial: int | None) -> None:
        self.ledger.submitted(job_id)
        self._jobs.add(self._job(job_id, trial, "IN_QUEUE"))

    def running(self, job_id: str) -> None:
        """A worker has it: from now on it costs."""
        self.ledger.started(job_id)
        self._jobs.begin(job_id, "IN_PROGRESS")

    def lost(self, trial: int | None, most_s: float, reason: str) -> None:
        """A submission that was not answered: the job may run, and costs at most `most_s` seconds."""
        job_id = f"lost-{uuid.uuid4().hex[:12]}"
        with self._lock:
            self.ledger.lost(job_id, most_s)
        job = self._job(job_id, trial, LOST)
        self._jobs.add(dataclasses.replace(job, cost=self._dollars(most_s), ended_at=job.submitted_at, error=reason))
        self._charge(trial, self._dollars(most_s))

    def ended(self, job_id: str, trial: int | None, end: JobEnd) -> None:
        """The job is over. Where the platform does not say how long it ran, what was counted here stands."""
        if job_id in self._foreign:
            paid = self._dollars(end.execution_s or 0.0)
        else:
            paid = self._paid(job_id, end.execution_s)
            self._charge(trial, paid)
        self._jobs.end(job_id, cost=paid, **dataclasses.asdict(end))

    def forgotten(self, job_id: str, trial: int | None, reason: str) -> None:
        """The platform does not know the job any more. A stray, whose time nobody counted, may have run all along."""
        if job_id in self._strays:
            most_s = min(max(0.0, time.time() - self._strays[job_id]), self._longest_s)
            self._write_off(job_id, trial, most_s, reason)
        else:
            self.ended(job_id, trial, JobEnd(CANCELLED))

    def given_up(self, job_id: str, trial: int | None, reason: str) -> None:
        """Nobody could end the job: it may run on until its time limit."""
        self._write_off(job_id, trial, self._longest_s, reason)

    def cost_of(self, trial: int | None) -> float | None:
        """Dollars of all jobs of a trial that are over."""
        with self._lock:
            return self._costs.get(trial)

    def owner(self) -> str | None:
        """Whose the run is: another process may have taken it over. None where the database does not say."""
        try:
            return self._runs.get(self.run_name).owner
        except StorageError:
            return None

    def seen(self) -> tuple[list[Job], Sequence[WorkerRecord]]:
        """The newest jobs of this endpoint, and how each of its workers did."""
        jobs = [job for job in self._jobs.newest() if job.endpoint == self._endpoint]
        return jobs, self._jobs.workers(self._endpoint)

    def strays(self) -> list[Job]:
        """Jobs of this endpoint that no living run follows any more."""
        found = []
        for job in self._jobs.open(self._endpoint):
            try:
                alive = job.run_name != self.run_name and not self._runs.get(job.run_name).state.is_final
            except StorageError:
                alive = False  # its run was deleted
            if not alive:
                found.append(job)
        self._strays |= {job.job_id: job.submitted_at for job in found}
        self._foreign |= {job.job_id for job in found if job.run_name != self.run_name}
        return found

    def _write_off(self, job_id: str, trial: int | None, most_s: float, reason: str) -> None:
        """It is over for us, and costs the most it can."""
        paid = self._dollars(most_s)
        if job_id not in self._foreign:
            with self._lock:
                self.ledger.lost(job_id, most_s)
                self.ledger.dropped(job_id)  # it waits for no worker any more
            self._charge(trial, paid)
        self._jobs.end(job_id, cost=paid, **dataclasses.asdict(JobEnd(LOST, error=reason)))

    def _paid(self, job_id: str, execution_s: float | None) -> float:
        """Dollars that a job of this run adds to what is spent."""
        if execution_s is not None:
            with self._lock:
                self.ledger.finished(job_id, execution_s)
            return self._dollars(execution_s)
        with self._lock:
            before = self.ledger.spent()
            self.ledger.dropped(job_id)
            return max(0.0, self.ledger.spent() - before)

    def _job(self, job_id: str, trial: int | None, state: str) -> Job:
        return Job(
            job_id=job_id, run_name=self.run_name, trial=trial, endpoint=self._endpoint, state=state,
            submitted_at=time.time(),
        )  # fmt: skip

    def _dollars(self, execution_s: float) -> float:
        return cost(self._price, execution_s, self.ledger.gpus)

    def _charge(self, trial: int | None, dollars: float) -> None:
        with self._lock:
            self._costs[trial] = self._costs.get(trial, 0.0) + dollars
