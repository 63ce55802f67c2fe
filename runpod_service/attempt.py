"""One job, from its submission to its result."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Generator
from dataclasses import replace

from hpo_core.errors import BudgetError, TrialFailedError, TrialTimeoutError
from hpo_core.formats import duration
from hpo_core.job_book import LOST, JobEnd
from hpo_core.records import WAITING, Phase, Record, Started
from hpo_core.trial_config import TrialConfig
from runpod_service.client import Client, JobStatus
from runpod_service.errors import (
    CircuitOpenError,
    JobGoneError,
    PassingError,
    RefusedError,
    RunPodError,
    UnknownAnswerError,
)
from runpod_service.limits import BELIEVED_AFTER, Backoff
from runpod_service.protocol import (
    PLATFORM_FAILURE,
    JobState,
    ProtocolError,
    Request,
    Result,
    body,
    failure_of,
    kept_failure,
    records_of,
    result_of,
)
from runpod_service.sequencer import Sequencer
from runpod_service.site import LONG_WAIT_S, Site

# Submissions of one attempt that may be answered by nothing before it is given up.
MOST_LOST = 2


class JobFailedError(RunPodError):
    """The service lost the job, not the training: another job may do better."""


class NoWorkerError(JobFailedError):
    """Nobody took the job for so long that another one would only wait behind it."""


class Attempt:
    """Submits a job and follows it.

    Args:
        site: of the run.
        trial: its number; None for the final model.
        config: what to train.
        sequencer: of the trial; attempts after a failure go on where it is.
        stop: set when nobody wants the result any more.

    Attributes:
        key: prefix of the job's files in the store.
        result: when `records` has ended: what came out, or None where it was stopped.
    """

    def __init__(
        self, site: Site, trial: int | None, config: TrialConfig, sequencer: Sequencer, stop: threading.Event
    ) -> None:
        self._site, self._trial, self._sequencer, self._stop = site, trial, sequencer, stop
        # Of its own: a job that runs on unseen must not write over the files of the one that took its place.
        self.key = f"{site.key(trial)}/{uuid.uuid4().hex[:6]}"
        self._body = body(Request(config, self.key), site.policy)
        self._job_id = ""
        self._over = False
        self._state = JobState.IN_QUEUE
        self._queued_at = 0.0
        self._why = ""
        self.result: Result | None = None

    def records(self) -> Generator[Record]:
        """What the job says while it runs.

        Raises:
            JobFailedError: another attempt may help.
            RefusedError: no attempt will.
            BudgetError: the money is spent.
            TrialFailedError: the training itself failed, or took too long.
        """
        with self._site.client() as client:
            try:
                yield from self._submit(client)
                if self._job_id and not self._stop.is_set():
                    yield from self._follow(client)
            finally:
                if self._job_id and not self._over:
                    self._site.canceller.cancel(self._job_id, self._trial, self.key)

    def _submit(self, client: Client) -> Generator[Record]:
        """Put the job into the queue. One whose answer was lost may be there too: it is paid for, and ignored."""
        backoff, lost = Backoff(), 0
        self._queued_at = self._site.clock()
        while not self._stop.is_set():
            self._check_money()
            yield from self._check_wait(client)
            try:
                self._job_id = client.submit(self._body)
            except PassingError as error:
                yield self._waiting(str(error))
                self._give_up_when_silent(error)
                self._stop.wait(error.wait_s if isinstance(error, CircuitOpenError) else backoff.next_s())
                continue
            except UnknownAnswerError as error:
                lost += 1
                self._site.book.lost(self._trial, self._site.policy.execution_s, str(error))
                self._site.log.warning("a job's submission was not answered (%s): submitting another one", error)
                if lost >= MOST_LOST:
                    raise JobFailedError(f"RunPod took no job: {error}") from error
                self._stop.wait(backoff.next_s())
                continue
            self._site.book.submitted(self._job_id, self._trial)
            yield self._waiting("in RunPod's queue")
            return

    def _follow(self, client: Client) -> Generator[Record]:
        """Look at the job until it is over. The stream is only to be looked at; the status decides."""
        backoff, answers, self._queued_at = Backoff(), list[type[RunPodError]](), self._site.clock()
        while not self._stop.is_set():
            self._check_money()
            if self._state.is_waiting:
                yield from self._check_wait(client)
            try:
                state = yield from self._look(client)
                status = client.status(self._job_id) if state.is_final else None
            except (JobGoneError, RefusedError) as error:
                answers.append(type(error))
                if answers[-BELIEVED_AFTER:] != [type(error)] * BELIEVED_AFTER:
                    self._stop.wait(backoff.next_s())
                    continue
                if isinstance(error, RefusedError):
                    raise
                self._close(LOST, None, str(error))
                raise JobFailedError(f"{error}, and its result is lost") from error
            except RunPodError as error:
                self._give_up_when_silent(error)
                yield self._note(error)
                self._stop.wait(error.wait_s if isinstance(error, CircuitOpenError) else backoff.next_s())
                continue
            if status is not None and status.state.is_final:
                yield from self._end(status)
                return
            backoff.reset()
            answers.clear()
            self._stop.wait(self._site.poll_s)

    def _look(self, client: Client) -> Generator[Record, None, JobState]:
        """Show what is new; the job's state."""
        try:
            state, chunks = client.stream(self._job_id)
        except (UnknownAnswerError, JobGoneError, RefusedError):
            if self._stop.is_set():  # closing waits for this thread: not for a second answer
                raise
            state, chunks = client.status(self._job_id).state, []
        if not state.is_waiting and self._state.is_waiting:
            self._site.book.running(self._job_id)
            self._site.is_back()
            yield Phase(name="on a worker of RunPod")
        if state.is_waiting and not self._state.is_waiting:
            self._queued_at = self._site.clock()
            said = "in RunPod's queue again: its worker went away"
            self._site.log.warning("job %s is %s", self._job_id, said)
            yield self._waiting(said)
        self._state = state
        for chunk in chunks:
            for record in self._sequencer.accept(_records(chunk)):
                if isinstance(record, Started):
                    self._site.book.ledger.pays_for(record.devices)
                yield record
        return state

    def _end(self, status: JobStatus) -> Generator[Record]:
        """The job is over: keep its result, or raise what became of it."""
        error = "" if status.error is None else kept_failure(status.error)
        self._close(status.state.value, status, error)
        if status.state is JobState.COMPLETED:
            try:
                self.result = result_of(status.output)
            except ProtocolError as problem:
                raise JobFailedError(str(problem)) from problem
        elif status.state is JobState.FAILED:
            failed = failure_of(status.error)
            if failed.error_type == PLATFORM_FAILURE:
                raise JobFailedError(f"the job failed on RunPod: {failed.message}")
            yield failed
        elif status.state is JobState.TIMED_OUT:
            limit = duration(self._site.policy.execution_s)
            raise TrialTimeoutError(f"RunPod ended the job at its time limit of {limit}")
        else:
            raise TrialFailedError("the job was cancelled on RunPod, not from here")

    def _close(self, state: str, status: JobStatus | None, error: str) -> None:
        self._over = True
        end = JobEnd(state, error=error)
        if status is not None:
            end = replace(end, execution_s=status.execution_s, delay_s=status.delay_s, worker=status.worker)
        self._site.book.ended(self._job_id, self._trial, end)

    def _check_money(self) -> None:
        ledger = self._site.book.ledger
        enough = not ledger.must_stop() if self._job_id else ledger.may_submit()
        if not enough:
            raise BudgetError("the money cap of the run is reached")

    def _check_wait(self, client: Client) -> Generator[Record]:
        """Say why a job waits for long, and give it up when it has waited for too long."""
        waited = self._site.clock() - self._queued_at
        if waited > self._site.queue_s:
            raise NoWorkerError(f"no worker took the job within {duration(self._site.queue_s)}")
        if waited > LONG_WAIT_S and (why := self._site.consult(client)) != self._why:
            self._why = why
            yield self._waiting(f"in RunPod's queue: {why}" if why else "in RunPod's queue")

    def _give_up_when_silent(self, error: RunPodError) -> None:
        """Where nothing may train here, an outage is waited out: as long as a job may wait, or run."""
        if self._site.silent and self._site.local is not None:
            raise JobFailedError(str(error)) from error

    def _waiting(self, why: str) -> Phase:
        return Phase(name=f"{WAITING} {why}"[:60])

    def _note(self, error: RunPodError) -> Phase:
        """Shown while the job goes on unseen. One that a worker has does not wait: its time limit goes on as well."""
        if self._state.is_waiting:
            return self._waiting(f"in RunPod's queue, not seen: {error}")
        return Phase(name=f"not seen: {error}"[:60])


def _records(chunk: object) -> list[Record]:
    """The records of a chunk of progress; none of one that cannot be read."""
    if not isinstance(chunk, dict):
        return []
    try:
        return records_of(chunk.get("records", []))
    except ProtocolError:
        return []
