"""The queue doctor: names what keeps an endpoint from training, from what can be seen from here, with the fix.

Pure: the caller asks `/health`, reads the jobs and the clock, and hands all of it in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from hpo_core.formats import duration
from hpo_core.settings import RunPodSettings
from runpod_service.client import EndpointHealth
from runpod_service.errors import (
    NotRunPodError,
    PassingError,
    RefusedError,
    RunPodError,
    TooManyRequestsError,
    WrongEndpointError,
    WrongKeyError,
)
from runpod_service.protocol import PLATFORM_FAILURE, JobState, failure_of

# Workers that are on their way need no doctor before this.
PATIENCE_S = 180.0
# A worker that is still starting after this long has more than a large image to load.
LONG_START_S = 600.0
# A job that fails this soon did not train.
SHORT_S = 20.0
# So many of the newest ended jobs are looked at, and so many short failures among them are no accident.
LOOKED_AT, MANY = 5, 3
# What happened longer ago says nothing about now.
RECENT_S = 3600.0


class Code(StrEnum):
    """What is the matter; WELL where nothing is."""

    NOT_SET_UP = "not set up"
    WRONG_KEY = "wrong key"
    WRONG_ENDPOINT = "wrong endpoint"
    UNREACHABLE = "unreachable"
    NOT_RUNPOD = "not RunPod"
    REFUSED = "refused"
    RATE_LIMITED = "rate limited"
    COLD_START = "cold start"
    NO_CAPACITY = "no capacity"
    SCALED_TO_ZERO = "scaled to zero"
    STUCK = "stuck queue"
    CRASH_LOOP = "crash loop"
    WELL = "well"


class Severity(StrEnum):
    """How much it matters: nothing to do, worth knowing, worth a look, no trial gets through."""

    GOOD = "good"
    NOTE = "note"
    WARNING = "warning"
    TROUBLE = "trouble"


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        code: for programs and for the log.
        title: for people.
        seen: what it was concluded from, in numbers.
        fix: one or two sentences; '' where nothing is to be done.
        severity: how much it matters.
    """

    code: Code
    title: str
    seen: str
    fix: str
    severity: Severity

    def __str__(self) -> str:
        """One line for the log."""
        return ". ".join(part.removesuffix(".") for part in (f"{self.code}: {self.title}", self.seen, self.fix) if part)


class JobSeen(Protocol):
    """What is looked at of a job; `storage.jobs.Job` has it. Times in seconds since the epoch."""

    @property
    def state(self) -> str: ...
    @property
    def submitted_at(self) -> float: ...
    @property
    def ended_at(self) -> float | None: ...
    @property
    def execution_s(self) -> float | None: ...
    @property
    def worker(self) -> str | None: ...
    @property
    def error(self) -> str: ...


class WorkerSeen(Protocol):
    """What is looked at of a worker's record; `storage.jobs.WorkerRecord` has it."""

    @property
    def worker(self) -> str: ...
    @property
    def jobs(self) -> int: ...
    @property
    def failed(self) -> int: ...


@dataclass(frozen=True)
class Seen:
    """Everything the doctor knows.

    Attributes:
        settings: which endpoint was asked.
        answer: of `/health`, or why there was none; None while it was not asked.
        jobs: of this endpoint, the newest first.
        workers: their records.
        now: seconds since the epoch.
    """

    settings: RunPodSettings
    answer: EndpointHealth | RunPodError | None
    jobs: Sequence[JobSeen]
    workers: Sequence[WorkerSeen]
    now: float

    @property
    def longest_wait_s(self) -> float | None:
        """How long the oldest of our waiting jobs has waited; None where none does."""
        waiting = [self.now - job.submitted_at for job in self.jobs if job.state == JobState.IN_QUEUE]
        return max(waiting, default=None)


def examine(seen: Seen) -> list[Finding]:
    """What is the matter, the worst first; one WELL where nothing is, nothing at all while it is not known."""
    if not seen.settings.complete:
        return [_not_set_up(seen.settings)]
    if seen.answer is None:
        return []
    if isinstance(seen.answer, RunPodError):
        return [_no_answer(seen.answer, seen.settings), *_failures(seen)]
    found = [*_crashes(seen.answer), *_failures(seen), *_queue(_Counts.of(seen.answer), seen)]
    order = list(Severity)
    return sorted(found, key=lambda finding: -order.index(finding.severity)) or [_well(_Counts.of(seen.answer))]


def noteworthy(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that somebody should look at."""
    return [item for item in findings if item.severity in (Severity.WARNING, Severity.TROUBLE)]


def reason_of(error: str) -> str:
    """Why a job failed, in one line: what its training said, or the platform; '' where nothing was said."""
    if not error.strip():
        return ""
    failure = failure_of(error)
    kind = "" if failure.error_type == PLATFORM_FAILURE else f"{failure.error_type}: "
    return f"{kind}{failure.message}".splitlines()[0][:200]


def _not_set_up(settings: RunPodSettings) -> Finding:
    missing = [name for name, there in (("RUNPOD_API_KEY", settings.api_key), ("RUNPOD_ENDPOINT_ID",
               settings.endpoint_id)) if not there]  # fmt: skip
    names = " and ".join(missing)
    return Finding(
        Code.NOT_SET_UP, "RunPod is not set up", f"{names} {'is' if len(missing) == 1 else 'are'} not set",
        f"Only runs on rented GPUs need it. For them, set {names} before the dashboard starts, or type them in here; "
        "without an account, try RunPod locally.",
        Severity.NOTE,
    )  # fmt: skip


def _no_answer(error: RunPodError, settings: RunPodSettings) -> Finding:
    kinds: Mapping[type[RunPodError], tuple[Code, str, str]] = {
        WrongKeyError: (Code.WRONG_KEY, "RunPod refuses the key",
            "Make a new key in RunPod's settings and set RUNPOD_API_KEY to it."),
        WrongEndpointError: (Code.WRONG_ENDPOINT, "There is no such endpoint",
            "Copy the id from the endpoint's page of the account that the key belongs to into RUNPOD_ENDPOINT_ID."),
        RefusedError: (Code.REFUSED, "RunPod refuses the request",
            "Correct RUNPOD_ENDPOINT_BASE_URL or RUNPOD_ENDPOINT_ID as the message says."),
        TooManyRequestsError: (Code.RATE_LIMITED, "RunPod limits the requests",
            "Wait a minute; if it stays, use fewer workers, or stop other programs that ask this endpoint."),
        NotRunPodError: (Code.NOT_RUNPOD, "What answers is not RunPod",
            "Set RUNPOD_ENDPOINT_BASE_URL to the address of the service, or leave it out."),
        PassingError: (Code.UNREACHABLE, "RunPod cannot be reached",
            "Check the network and RUNPOD_ENDPOINT_BASE_URL; jobs that run are found again."),
    }  # fmt: skip
    broken = (Code.UNREACHABLE, "RunPod does not answer as it should",
              "Wait a minute and look at RunPod's status page; jobs that run are found again.")  # fmt: skip
    code, title, fix = next((told for kind, told in kinds.items() if isinstance(error, kind)), broken)
    shown = str(error).replace(settings.api_key, "…")
    severity = Severity.WARNING if code is Code.RATE_LIMITED else Severity.TROUBLE
    return Finding(code, title, shown[0].upper() + shown[1:] if shown else "", fix, severity)


@dataclass(frozen=True)
class _Counts:
    """Workers and waiting jobs of an answer."""

    idle: int
    running: int
    initializing: int
    throttled: int
    unhealthy: int
    queued: int

    @classmethod
    def of(cls, health: EndpointHealth) -> _Counts:
        workers = {name: count(health.workers, name) for name in cls.__dataclass_fields__ if name != "queued"}
        return cls(**workers, queued=count(health.jobs, "inQueue"))

    @property
    def working(self) -> int:
        return self.idle + self.running

    @property
    def coming(self) -> int:
        return self.working + self.initializing


def count(numbers: Mapping[str, object], name: str) -> int:
    """A count of `/health`; 0 where it is absent or no number."""
    value = numbers.get(name, 0)
    return int(value) if isinstance(value, int | float) else 0


def _queue(counts: _Counts, seen: Seen) -> list[Finding]:
    """Why jobs wait, or would."""
    rules: tuple[Callable[[_Counts, Seen], Finding | None], ...] = (_cold, _throttled, _empty, _stuck)
    return [finding for rule in rules if (finding := rule(counts, seen)) is not None]


def _cold(counts: _Counts, seen: Seen) -> Finding | None:
    if not counts.queued or not counts.initializing:
        return None
    late = (seen.longest_wait_s or 0) > LONG_START_S
    fix = (
        "Look at the worker's log on the endpoint's page: an image that cannot be loaded never gets ready."
        if late
        else "Wait: the first start loads the image, which takes some minutes. One active worker, set on the "
        "endpoint's page, avoids it, and is paid for all the time."
    )
    return Finding(
        Code.COLD_START, "Workers are starting",
        f"{_jobs(counts.queued)} in the queue{_waited(seen)}, {counts.initializing} of "
        f"{_workers(counts.coming)} still starting",
        fix, Severity.WARNING if late else Severity.NOTE,
    )  # fmt: skip


def _throttled(counts: _Counts, seen: Seen) -> Finding | None:
    """Workers that may not start; while others work that only makes the run slower."""
    if not counts.queued or not counts.throttled or counts.initializing:
        return None
    numbers = (
        f"{_jobs(counts.queued)} in the queue{_waited(seen)}, {_workers(counts.throttled)} throttled, "
        f"{counts.working} at work"
    )
    wait = seen.longest_wait_s
    if wait is not None and wait < PATIENCE_S:
        if counts.working:
            return None
        return Finding(
            Code.NO_CAPACITY, "RunPod looks for a free GPU", numbers,
            "Wait: this passes when somebody else is done. After some minutes, allow more kinds of GPU.",
            Severity.NOTE,
        )  # fmt: skip
    return Finding(
        Code.NO_CAPACITY, "RunPod has no GPU free", numbers,
        "Allow more kinds of GPU or more data centres on the endpoint's page, or try again later.",
        Severity.WARNING if counts.working else Severity.TROUBLE,
    )  # fmt: skip


def _empty(counts: _Counts, seen: Seen) -> Finding | None:
    """No worker of any kind: not allowed, not there yet, or not to be had."""
    if counts.coming or counts.throttled or counts.unhealthy:
        return None
    numbers = f"0 workers, {_jobs(counts.queued)} in the queue{_waited(seen)}"
    if not counts.queued:
        return Finding(
            Code.SCALED_TO_ZERO, "No worker is up", numbers,
            "This is fine between runs: the first job starts one. If jobs stay in the queue, set max workers on the "
            "endpoint's page to 1 or more.",
            Severity.NOTE,
        )  # fmt: skip
    wait = seen.longest_wait_s
    if wait is not None and wait < PATIENCE_S:
        return Finding(
            Code.COLD_START, "No worker is up yet", numbers,
            "Wait: RunPod starts a worker for the first job, which takes some minutes.", Severity.NOTE,
        )  # fmt: skip
    if any(job.worker and job.ended_at and seen.now - job.ended_at < RECENT_S for job in seen.jobs):
        return Finding(
            Code.NO_CAPACITY, "RunPod starts no worker", f"{numbers}, although there were some within the last hour",
            "Allow more kinds of GPU or more data centres on the endpoint's page, or try again later.",
            Severity.TROUBLE,
        )  # fmt: skip
    return Finding(
        Code.SCALED_TO_ZERO, "The endpoint has no workers", numbers,
        "Set max workers on the endpoint's page to 1 or more: an endpoint that was idle for a week is set to 0.",
        Severity.TROUBLE,
    )  # fmt: skip


def _stuck(counts: _Counts, seen: Seen) -> Finding | None:
    wait = seen.longest_wait_s
    if not counts.queued or not counts.idle or wait is None or wait < PATIENCE_S:
        return None
    return Finding(
        Code.STUCK, "Jobs wait although workers are free",
        f"{_jobs(counts.queued)} in the queue{_waited(seen)}, {_workers(counts.idle)} idle",
        "End the idle workers on the endpoint's page, so that new ones start; if it stays, deploy the image again.",
        Severity.TROUBLE,
    )  # fmt: skip


def _crashes(health: EndpointHealth) -> list[Finding]:
    """Workers that do not get up."""
    unhealthy, retried = count(health.workers, "unhealthy"), count(health.jobs, "retried")
    if not unhealthy:
        return []
    again = f", {_jobs(retried)} begun again" if retried else ""
    working = _Counts.of(health).working
    return [
        Finding(
            Code.CRASH_LOOP, "Workers crash", f"{_workers(unhealthy)} unhealthy, {working} at work{again}",
            "Read the worker's log on the endpoint's page, then deploy an image that starts with "
            "runpod_service/deploy.sh.",
            Severity.WARNING if working else Severity.TROUBLE,
        )
    ]  # fmt: skip


def _failures(seen: Seen) -> list[Finding]:
    """Jobs that fail as soon as a worker has them; with the worker, where it is always the same one."""
    ended = [job for job in seen.jobs if job.ended_at is not None and seen.now - job.ended_at < RECENT_S]
    newest = sorted(ended, key=lambda job: -(job.ended_at or 0))[:LOOKED_AT]
    failed = [
        job for job in newest
        if job.state == JobState.FAILED and job.execution_s is not None and job.execution_s < SHORT_S
    ]  # fmt: skip
    if len(failed) < MANY:
        return []
    names = {job.worker for job in failed}
    record = next((item for item in seen.workers if names == {item.worker}), None)
    where = f", all on worker {record.worker}, which failed {record.failed} of {record.jobs}" if record else ""
    reason = reason_of(failed[0].error)
    said = f"; the last one: {reason}" if reason else ""
    fix = (
        f"End worker {record.worker} on the endpoint's page; another one takes its place."
        if record and len(seen.workers) > 1
        else "Correct what the message names; an image of another version than this dashboard must be deployed again."
    )
    return [
        Finding(
            Code.CRASH_LOOP, "Jobs fail as soon as they start",
            f"{len(failed)} of the newest {len(newest)} jobs failed within {duration(SHORT_S)}{where}{said}",
            fix, Severity.TROUBLE,
        )
    ]  # fmt: skip


def _well(counts: _Counts) -> Finding:
    waiting = f", {_jobs(counts.queued)} in the queue" if counts.queued else ""
    return Finding(
        Code.WELL, "The endpoint is well", f"{counts.running} of {_workers(counts.coming)} at work{waiting}", "",
        Severity.GOOD,
    )  # fmt: skip


def _jobs(number: int) -> str:
    return "1 job" if number == 1 else f"{number} jobs"


def _workers(number: int) -> str:
    return "1 worker" if number == 1 else f"{number} workers"


def _waited(seen: Seen) -> str:
    wait = seen.longest_wait_s
    return "" if wait is None else f" for {duration(wait)}"
