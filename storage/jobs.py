"""Jobs of remote trials: what was submitted where, what became of it, and what it cost."""

from __future__ import annotations

import builtins
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, insert, select, update

from storage.database import Database
from storage.tables import jobs

# A job whose number never reached us: its submission was answered by nothing.
LOST = "LOST"
# No state that comes after these.
FINAL_STATES = ("COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT", LOST)


@dataclass(frozen=True)
class Job:
    """One job.

    Attributes:
        job_id: as the platform calls it; made up for a lost one.
        run_name, trial: what it trains; trial None is the final model.
        endpoint: address of the service and id of the endpoint.
        state: the platform's word, or LOST.
        worker: which worker had it.
        submitted_at, ended_at: seconds since the epoch.
        delay_s, execution_s: in the queue, and on a worker; None while unknown.
        cost: dollars; for a lost job the most it can cost.
        error: why it failed, or ''.
    """

    job_id: str
    run_name: str
    trial: int | None
    endpoint: str
    state: str
    submitted_at: float
    worker: str | None = None
    ended_at: float | None = None
    delay_s: float | None = None
    execution_s: float | None = None
    cost: float | None = None
    error: str = ""

    @property
    def is_over(self) -> bool:
        return self.state in FINAL_STATES


@dataclass(frozen=True)
class WorkerRecord:
    """What became of a worker's jobs: how many, how many of them failed, and mean seconds in queue and in execution."""

    worker: str
    jobs: int
    failed: int
    mean_delay_s: float | None
    mean_execution_s: float | None


class Jobs:
    """The table of jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, job: Job) -> None:
        with self._database.write() as connection:
            connection.execute(insert(jobs).values(**job.__dict__))

    def change(self, job_id: str, **values: object) -> None:
        """Set columns of a job. A job that is over keeps its state."""
        with self._database.write() as connection:
            changed = update(jobs).where(jobs.c.job_id == job_id)
            if "state" in values:
                changed = changed.where(jobs.c.state.notin_(FINAL_STATES))
            connection.execute(changed.values(**values))

    def begin(self, job_id: str, state: str) -> None:
        """A worker has the job now."""
        self.change(job_id, state=state, delay_s=time.time() - jobs.c.submitted_at)

    def end(self, job_id: str, state: str, **values: object) -> None:
        """The job is over; the first end counts."""
        self.change(job_id, state=state, ended_at=time.time(), **values)

    def of_run(self, run_name: str) -> list[Job]:
        """In the order of their submission."""
        return self._read(select(jobs).where(jobs.c.run_name == run_name).order_by(jobs.c.submitted_at))

    def newest(self, limit: int = 50) -> list[Job]:
        """Of all runs, the newest first."""
        return self._read(select(jobs).order_by(jobs.c.submitted_at.desc()).limit(limit))

    def open(self, endpoint: str) -> list[Job]:
        """Jobs of an endpoint that may still run, whichever run they belong to."""
        return self._read(select(jobs).where(jobs.c.endpoint == endpoint, jobs.c.state.notin_(FINAL_STATES)))

    def spent(self, run_name: str) -> float:
        """Dollars of all jobs of a run that are over; lost ones with the most they can cost."""
        return sum(self.costs(run_name).values())

    def costs(self, run_name: str) -> dict[int | None, float]:
        """The same by trial; those without such a job are left out."""
        query = select(jobs.c.trial, func.sum(jobs.c.cost)).where(jobs.c.run_name == run_name).group_by(jobs.c.trial)
        with self._database.read() as connection:
            return {trial: float(dollars) for trial, dollars in connection.execute(query) if dollars is not None}

    def workers(self, endpoint: str) -> Sequence[WorkerRecord]:
        """How each worker of an endpoint did, those with the most jobs first."""
        failed = func.sum((jobs.c.state.in_(("FAILED", "TIMED_OUT"))).cast(jobs.c.trial.type))
        query = (
            select(jobs.c.worker, func.count(), failed, func.avg(jobs.c.delay_s), func.avg(jobs.c.execution_s))
            .where(jobs.c.endpoint == endpoint, jobs.c.worker.is_not(None), jobs.c.ended_at.is_not(None))
            .group_by(jobs.c.worker)
            .order_by(func.count().desc())
        )
        with self._database.read() as connection:
            return [WorkerRecord(row[0], row[1], int(row[2] or 0), row[3], row[4]) for row in connection.execute(query)]

    def _read(self, query: object) -> builtins.list[Job]:
        with self._database.read() as connection:
            return [Job(**row._mapping) for row in connection.execute(query)]  # type: ignore[call-overload]
