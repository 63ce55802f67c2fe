"""The queue: what becomes of a job, without HTTP and without processes.

::

    IN_QUEUE -> IN_PROGRESS -> COMPLETED | FAILED | TIMED_OUT | CANCELLED
       ^             |
       +-------------+   its worker went away: once, then FAILED

A job that ends while a worker still runs it is stopped: the worker is told, and killed where it goes on.
"""

from __future__ import annotations

import collections
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from runpod_service.protocol import JobState
from runpod_service.twin.faults import Faults

EXECUTION_S = 600.0
TTL_S = 24 * 3600.0
KEPT_S = 1800.0
MAX_RETRIES = 1
# A worker of the SDK begins a job up to 0.1 s after it took it, and does not know it before: a stop would be lost.
STOP_AFTER_S = 0.5
STOP_WAIT_S = 3.5
# A worker's word that it does not have a job counts once it must have begun with it.
GRACE_S = 3.0
FATES = ("kill_worker", "fail", "time_out", "expire", "no_output")


@dataclass
class Job:
    """One job; times in seconds of the queue's clock.

    Attributes:
        fate: the fault that this job meets, if any.
        chunks: progress that no client has fetched: when it is due, and what it says.
        answer_lost: whether the client never got the job's id.
    """

    id: str
    input: object
    submitted: float
    execution_s: float = EXECUTION_S
    ttl_s: float = TTL_S
    state: JobState = JobState.IN_QUEUE
    started: float | None = None
    ended: float | None = None
    worker: str | None = None
    output: object = None
    error: str | None = None
    retries: int = 0
    fate: str | None = None
    answer_lost: bool = False
    chunks: list[tuple[float, object]] = field(default_factory=list)

    def expires(self) -> float:
        """When the job is forgotten."""
        at = self.submitted + self.ttl_s
        return at if self.ended is None else min(at, self.ended + KEPT_S)

    def as_status(self) -> dict[str, Any]:
        """What `/status` answers."""
        status: dict[str, Any] = {"id": self.id, "status": str(self.state)}
        if self.started is not None:
            status["delayTime"] = round((self.started - self.submitted) * 1000)
            status["workerId"] = self.worker
            if self.ended is not None:
                status["executionTime"] = round((self.ended - self.started) * 1000)
        if self.output is not None:
            status["output"] = self.output
        if self.error is not None:
            status["error"] = self.error
        return status


@dataclass
class Stop:
    """A job that a worker is to give up: told from `due` on, killed after `deadline`."""

    worker: str
    due: float
    deadline: float
    told: bool = False


class Jobs:
    """All jobs of an endpoint.

    Args:
        faults: what goes wrong on purpose.
        clock: seconds, growing.
    """

    def __init__(self, faults: Faults, clock: Callable[[], float]) -> None:
        self._faults = faults
        self._clock = clock
        self._jobs: dict[str, Job] = {}
        self._waiting: collections.deque[str] = collections.deque()
        self._held: dict[str, dict[str, float]] = {}
        self._stops: dict[str, Stop] = {}
        self._doomed: set[str] = set()
        self._counts: collections.Counter[str] = collections.Counter()

    # --- what clients ask -------------------------------------------------------------------------------------------

    def submit(self, data: object, execution_s: float = EXECUTION_S, ttl_s: float = TTL_S) -> Job:
        job = Job(f"{uuid.uuid4()}-u1", data, self._clock(), execution_s, ttl_s)
        self._jobs[job.id] = job
        self._waiting.append(job.id)
        return job

    def find(self, job_id: str) -> Job | None:
        """The job, or None where there is none or it is forgotten."""
        if job_id in self._jobs:
            self._age(self._jobs[job_id])
        return self._jobs.get(job_id)

    def stream(self, job: Job) -> list[object]:
        """The chunks that no client has fetched yet, in the order in which they became due."""
        now = self._clock()
        due = [item for item in job.chunks if item[0] <= now]
        job.chunks = [item for item in job.chunks if item[0] > now]
        return [chunk for _, chunk in sorted(due, key=lambda item: item[0])]

    def cancel(self, job: Job) -> None:
        """End a job that is not over yet; its worker is told to stop."""
        if not job.state.is_final:
            self._end(job, JobState.CANCELLED)

    def retry(self, job: Job) -> bool:
        """Put a failed job into the queue again; False where it has not failed."""
        if job.state not in (JobState.FAILED, JobState.TIMED_OUT):
            return False
        job.output = job.error = None
        job.retries, job.ended, job.chunks = 0, None, []
        self._requeue(job)
        return True

    def cancel_all(self) -> None:
        """End all jobs that are not over yet."""
        for job in self._jobs.values():
            self.cancel(job)

    def purge(self) -> int:
        """Cancel all jobs that wait; how many these were."""
        waiting = [job for job_id in self._waiting if (job := self._jobs.get(job_id)) is not None]
        for job in waiting:
            self._end(job, JobState.CANCELLED)
        return len(waiting)

    # --- what workers say -------------------------------------------------------------------------------------------

    def take(self, worker: str, count: int = 1) -> list[Job]:
        """Give up to `count` waiting jobs to a worker, the oldest first."""
        if self._faults.on("stuck_queue") or self._faults.on("throttled"):
            return []
        taken = [self._jobs[self._waiting.popleft()] for _ in range(min(count, len(self._waiting)))]
        for job in taken:
            job.state, job.worker, job.started = JobState.IN_PROGRESS, worker, self._clock()
            job.fate = self._faults.first(FATES)
            self._held.setdefault(worker, {})[job.id] = job.started
        return taken

    def chunk(self, worker: str, job_id: str, chunk: object) -> None:
        """Keep progress for the client; that of a job which this worker does not run is dropped."""
        job = self._run_by(worker, job_id)
        if job is None or self._meets_its_fate(job):
            return
        due = self._clock()
        if self._faults.happens("late_chunks"):
            due += self._faults.seconds("late_chunk_s")
        job.chunks += [(due, chunk)] * (2 if self._faults.happens("repeat_chunks") else 1)

    def finish(self, worker: str, job_id: str, result: Mapping[str, Any]) -> None:
        """Take the worker's result; that of a job which this worker does not run is dropped."""
        job = self._run_by(worker, job_id)
        if job is not None and self._meets_its_fate(job):
            return
        self._release(worker, job_id)
        if job is None:
            return
        if result.get("error"):
            job.error = str(result["error"])
            self._end(job, JobState.FAILED)
            return
        job.output = None if job.fate == "no_output" else result.get("output")
        self._end(job, JobState.COMPLETED)
        if job.fate == "expire":
            del self._jobs[job.id]

    def progress(self, worker: str, job_id: str, output: object) -> None:
        """Take an update of `runpod.serverless.progress_update`: the client sees it as output until the job ends."""
        job = self._run_by(worker, job_id)
        if job is not None:
            job.output = output

    def worker_has(self, worker: str, job_ids: Collection[str], grace_s: float = GRACE_S) -> None:
        """Take the worker's word for which jobs it has: one that it no longer has was stopped, or is lost."""
        now = self._clock()
        for job_id, since in list(self._held.get(worker, {}).items()):
            if job_id not in job_ids and since + grace_s <= now:
                self._drop(worker, job_id)

    def worker_gone(self, worker: str) -> None:
        """The worker's process has ended: its jobs go to another one, or fail."""
        for job_id in list(self._held.get(worker, {})):
            self._drop(worker, job_id)
        self._doomed.discard(worker)

    # --- what time does, and what is to be done ---------------------------------------------------------------------

    def advance(self) -> None:
        """Apply all limits of time; to be called often."""
        for job in list(self._jobs.values()):
            self._age(job)

    def stops(self, worker: str) -> list[str]:
        """The jobs that this worker must stop now; each is told once."""
        now = self._clock()
        told = [job_id for job_id, stop in self._stops.items() if stop.worker == worker and self._tells(stop, now)]
        for job_id in told:
            self._stops[job_id].told = True
        return told

    def stops_due(self) -> bool:
        """Whether some worker is to be told to stop a job now."""
        now = self._clock()
        return any(self._tells(stop, now) for stop in self._stops.values())

    def to_kill(self) -> set[str]:
        """The workers that did not stop a job in time, or that a fault strikes."""
        now = self._clock()
        return self._doomed | {stop.worker for stop in self._stops.values() if now >= stop.deadline}

    def held(self, worker: str) -> list[str]:
        """The jobs that a worker has, those that it is to stop included."""
        return list(self._held.get(worker, {}))

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def health(self) -> dict[str, int]:
        """The counts that `/health` answers."""
        running = sum(job.state is JobState.IN_PROGRESS for job in self._jobs.values())
        ended = {name: self._counts[name] for name in ("completed", "failed", "retried")}
        return ended | {"inProgress": running, "inQueue": self.waiting}

    def as_json(self) -> list[dict[str, Any]]:
        """All jobs for tests and pages, without their inputs and outputs."""
        shown = ("id", "worker", "retries", "fate", "answer_lost", "error")
        return [
            {"state": str(job.state), **{name: getattr(job, name) for name in shown}} for job in self._jobs.values()
        ]

    # ----------------------------------------------------------------------------------------------------------------

    @staticmethod
    def _tells(stop: Stop, now: float) -> bool:
        return not stop.told and now >= stop.due

    def _age(self, job: Job) -> None:
        now = self._clock()
        if job.started is not None and not job.state.is_final and now >= job.started + job.execution_s:
            job.error = "executionTimeout exceeded"
            self._end(job, JobState.TIMED_OUT)
        if now >= job.expires():
            if not job.state.is_final:
                self._end(job, JobState.TIMED_OUT)
            del self._jobs[job.id]

    def _run_by(self, worker: str, job_id: str) -> Job | None:
        job = self.find(job_id)
        runs = job is not None and job.worker == worker and job.state is JobState.IN_PROGRESS
        return job if runs else None

    def _meets_its_fate(self, job: Job) -> bool:
        """Let the job's fault strike where it is one that strikes in the middle; whether it did."""
        if job.fate == "kill_worker":
            self._doomed.add(str(job.worker))
        elif job.fate == "fail":
            job.error = "handler: a failure was asked for by the switch 'fail'"
            self._end(job, JobState.FAILED)
        elif job.fate == "time_out":
            job.error = "executionTimeout exceeded"
            self._end(job, JobState.TIMED_OUT)
        else:
            return False
        return True

    def _end(self, job: Job, state: JobState) -> None:
        """Make the job final, take it out of the queue, and have a worker that still has it stop."""
        now = self._clock()
        if job.state.is_waiting:
            self._waiting.remove(job.id)
        job.state, job.ended = state, now
        self._counts["completed"] += state is JobState.COMPLETED
        self._counts["failed"] += state in (JobState.FAILED, JobState.TIMED_OUT)
        since = self._held.get(str(job.worker), {}).get(job.id)
        if since is not None:
            self._stops[job.id] = Stop(str(job.worker), max(now, since + STOP_AFTER_S), now + STOP_WAIT_S)

    def _release(self, worker: str, job_id: str) -> None:
        self._held.get(worker, {}).pop(job_id, None)
        self._stops.pop(job_id, None)

    def _drop(self, worker: str, job_id: str) -> None:
        """The worker no longer has the job."""
        job = self._run_by(worker, job_id)
        self._release(worker, job_id)
        if job is None:
            return
        if job.retries < MAX_RETRIES:
            job.retries += 1
            self._counts["retried"] += 1
            self._requeue(job)
        else:
            job.error = f"job timed out after {job.retries} retries"
            self._end(job, JobState.FAILED)

    def _requeue(self, job: Job) -> None:
        job.state, job.worker, job.started, job.fate = JobState.IN_QUEUE, None, None, None
        self._waiting.append(job.id)


def policy_of(policy: Mapping[str, Any]) -> dict[str, float]:
    """The times of a request's policy, in seconds, by the names that `submit` has. Raises ValueError."""
    times = {"execution_s": policy.get("executionTimeout"), "ttl_s": policy.get("ttl")}
    for name, value in times.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value <= 0):
            raise ValueError(f"policy {name[:-2]} must be a positive number of milliseconds, got {value!r}")
    return {name: value / 1000 for name, value in times.items() if value is not None}
