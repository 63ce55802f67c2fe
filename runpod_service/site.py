"""What all remote trials of a run share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hpo_core.job_book import JobBook
from hpo_core.logs import RunLog
from hpo_core.notice_kinds import Kind, notice
from hpo_core.records import Trainer
from hpo_core.settings import RunPodSettings
from runpod_service.cancelling import Canceller
from runpod_service.client import Client, EndpointHealth, Limits
from runpod_service.doctor import Code, Seen, examine, noteworthy
from runpod_service.errors import RefusedError, RunPodError
from runpod_service.limits import Capacity, Clock
from runpod_service.protocol import Policy, store_key
from runpod_service.s3 import S3Store

# After this long without any answer trials train here, where that is allowed.
SILENCE_S = 30.0
# A service that was given up is asked this often whether it is back.
PROBE_S = 15.0
# Workers in these states can take jobs, or soon will; in this one they wait for a machine, whoever asks.
ALIVE, THROTTLED = ("idle", "running", "initializing"), "throttled"
# Jobs that wait longer than this have a reason, which is looked for this often.
LONG_WAIT_S, CONSULT_S = 20.0, 60.0


@dataclass
class Site:
    """An endpoint and everything around it, for one run. May be used from any thread.

    Attributes:
        settings: of the endpoint.
        class_names: of the data.
        policy: of each job.
        book: jobs and money.
        canceller: ends jobs.
        store: of the trials' files; None where there is none.
        local: trains here when RunPod does not; None where that is not allowed.
        capacity: jobs in flight.
        log: of the run.
        poll_s: between two questions about a job.
        limits: shared by all clients.
        queue_s: how long a job may wait for a worker.
        clock: seconds that only grow.
        cancelled: set when the run shall stop.
        kept: prefixes of files in the store that are nowhere else.
    """

    settings: RunPodSettings
    class_names: list[str]
    policy: Policy
    book: JobBook
    canceller: Canceller
    store: S3Store | None
    local: Trainer | None
    capacity: Capacity
    log: RunLog
    poll_s: float
    limits: Limits = field(default_factory=Limits)
    queue_s: float = 900.0
    silence_s: float = SILENCE_S
    clock: Clock = time.monotonic
    cancelled: threading.Event = field(default_factory=threading.Event)
    kept: set[str] = field(default_factory=set)
    make_client: Callable[[RunPodSettings, Limits], Client] = Client

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._given_up: str = ""
        self._probe_at = 0.0
        self._consult_at = 0.0
        self._found = ""
        self._until_workers = self._sleeps = False
        self._wake_at = 0.0

    def client(self) -> Client:
        return self.make_client(self.settings, self.limits)

    def key(self, trial: int | None) -> str:
        """Prefix of a trial's files in the store."""
        return store_key(self.book.run_name, trial)

    @property
    def silent(self) -> bool:
        """Whether nothing has been answered for so long that it makes no sense to wait."""
        return self.limits.breaker.silent_s > self.silence_s

    def give_up(self, reason: str, *, until_workers: bool = False) -> None:
        """Trials train here from now on, until the endpoint answers again, or has workers again."""
        with self._lock:
            if until_workers:  # the next one waits in vain at once only where it could train nowhere else meanwhile
                self._until_workers, self._sleeps = True, False
                self._wake_at = self.clock() + (0.0 if self.local is None else self.queue_s)
            first, self._given_up = not self._given_up, reason
            if first:  # later ones would put the question off for ever
                self._probe_at = self.clock() + PROBE_S
        if first and self.local is not None:
            self.log.warning("trials train on this machine now: %s", reason, extra=notice(Kind.ENDPOINT))

    def given_up(self) -> str:
        """Why RunPod is not asked, or ''. Looks now and then whether it is back.

        Raises RefusedError where it refuses and nothing may train here: waiting would not help.
        """
        with self._lock:
            if not self._given_up or self.clock() < self._probe_at:
                return self._given_up
            self._probe_at = self.clock() + PROBE_S
        try:
            with self.client() as client:
                workers = client.health().workers
        except RunPodError as error:
            if isinstance(error, RefusedError) and self.local is None:
                raise
            return self._given_up
        with self._lock:
            if self._until_workers and not any(workers.get(state, 0) for state in ALIVE):
                self._sleeps = not workers.get(THROTTLED, 0)
                return self._given_up
        self.is_back()
        return ""

    def is_back(self) -> None:
        """The endpoint answers and has workers, or a worker took a job: trials go there."""
        with self._lock:
            was_away, self._given_up = bool(self._given_up), ""
            self._until_workers = self._sleeps = False
        if was_away:
            self.log.info("RunPod answers again: trials go there")

    def may_wake(self) -> bool:
        """Whether this trial may queue a job although there is no worker: an endpoint at zero starts none before.

        One at a time may: where no worker comes, it waits for all the others.
        """
        with self._lock:
            if not self._sleeps or self.clock() < self._wake_at:
                return False
            self._wake_at = self.clock() + self.queue_s + PROBE_S  # by then its job is given up
        self.log.info("RunPod has no worker: one job is queued to have it start one")
        return True

    def consult(self, client: Client) -> str:
        """While jobs wait: what keeps the endpoint from training, in a word or two; '' where nothing does.

        Asked at most once a minute, for all jobs; what is found goes into the log, with the fix.
        """
        with self._lock:
            if self.clock() < self._consult_at:
                return self._found
            self._consult_at = self.clock() + CONSULT_S
        answer: EndpointHealth | RunPodError
        try:
            answer = client.health()
        except RunPodError as error:
            answer = error
        jobs, workers = self.book.seen()
        findings = examine(Seen(self.settings, answer, jobs, workers, time.time()))
        for item in noteworthy(findings):
            self.log.warning("RunPod: %s", item, extra=notice(Kind.ENDPOINT, once=str(item.code)))
        self._found = next((str(item.code) for item in findings if item.code is not Code.WELL), "")
        return self._found

    def worked(self) -> None:
        """A job ended as it should."""
        if (limit := self.capacity.succeeded()) is not None:
            self.log.info("RunPod is well: %d jobs at a time", limit)

    def failed(self, trial: int | None, reason: str) -> None:
        """A job was lost to the service, not to its own training."""
        name = "final model" if trial is None else f"trial {trial}"
        self.log.warning("%s: %s", name, reason)
        if (limit := self.capacity.failed()) is not None:
            self.log.warning(
                "after failures in a row: %d jobs at a time", limit, extra=notice(Kind.ENDPOINT, once="fewer")
            )
