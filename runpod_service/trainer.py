"""Trains on RunPod: the trainer of the backend 'runpod'."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import cast

from hpo_core.errors import RunCancelled, RunError, WorkerDiedError
from hpo_core.history import TrialHistory
from hpo_core.local.drawing import draw
from hpo_core.model_card import KERAS_FILE
from hpo_core.records import WAITING, Artefact, Failed, Finished, Phase, Record
from hpo_core.trial_config import FINAL, TrialConfig
from runpod_service.attempt import Attempt, JobFailedError, NoWorkerError
from runpod_service.background import in_background
from runpod_service.errors import RefusedError
from runpod_service.protocol import Result, StoredFile
from runpod_service.s3 import S3Error
from runpod_service.sequencer import Sequencer
from runpod_service.site import Site

# Jobs of one trial, where the service loses them.
ATTEMPTS = 3
SLOT_S = 0.2


class RunPodTrainer:
    """A `Trainer`: one trial is one job on RunPod, or a training here where RunPod does not answer and that is allowed.

    Closing the iterator cancels the job.

    Args:
        site: what the run's trials share.
        trial: its number; None for the final model.
    """

    def __init__(self, site: Site, trial: int | None) -> None:
        self._site, self._trial = site, trial

    def __call__(self, config: TrialConfig) -> Generator[Record]:
        """Raises RunError where RunPod refuses all jobs, TrialFailedError where this one has no result."""
        return in_background(lambda stop: self._train(config, stop))

    def _train(self, config: TrialConfig, stop: threading.Event) -> Generator[Record]:
        sequencer = Sequencer()
        while not stop.is_set():
            reason = yield from self._train_there(config, sequencer, stop)
            if not reason or stop.is_set() or (yield from self._train_here(config, sequencer, reason, stop)):
                return

    def _train_there(
        self, config: TrialConfig, sequencer: Sequencer, stop: threading.Event
    ) -> Generator[Record, None, str]:
        """As a job on RunPod; why that cannot be, or ''."""
        reason = yield from self._wait_until_back(stop)
        for number in range(1, ATTEMPTS + 1):
            if stop.is_set() or reason:
                break
            if not (yield from self._take_slot(stop)):
                return ""
            try:
                attempt = yield from self._attempt(config, sequencer, stop)
            except JobFailedError as error:
                self._job_failed(error, number)
                last = number == ATTEMPTS or isinstance(error, NoWorkerError)
                reason = str(error) if last else (yield from self._wait_until_back(stop))
            except RefusedError as error:
                reason = str(error)
                if self._site.local is None:
                    raise RunError(reason) from error
            else:
                if attempt.result is None:
                    return ""
                self._site.worked()
                return (yield from self._deliver(config, attempt, sequencer))
        return reason

    def _job_failed(self, error: JobFailedError, number: int) -> None:
        """Another one may do better, but not where there is nobody to take it."""
        self._site.failed(self._trial, f"{error} (job {number} of at most {ATTEMPTS})")
        no_worker = isinstance(error, NoWorkerError)
        if no_worker or self._site.silent:
            self._site.give_up(str(error), until_workers=no_worker)

    def _wait_until_back(self, stop: threading.Event) -> Generator[Record, None, str]:
        """Why RunPod is not asked, or ''. Without a machine to train on instead, an outage is waited out.

        As long as a job may wait for a worker: by then somebody should hear of it.

        Raises RunError where RunPod refuses, and nothing may train here.
        """
        began = self._site.clock()
        waits = False
        while not stop.is_set():
            try:
                reason = self._site.given_up()
            except RefusedError as error:
                raise RunError(str(error)) from error
            if not reason or self._site.may_wake():
                return ""
            if self._site.local is not None or self._site.clock() - began > self._site.queue_s:
                return reason
            if not waits:
                waits = True
                yield Phase(name=f"{WAITING} for RunPod")
            stop.wait(SLOT_S)
        return ""

    def _attempt(
        self, config: TrialConfig, sequencer: Sequencer, stop: threading.Event
    ) -> Generator[Record, None, Attempt]:
        """One job, to its end. Its place is free as soon as it is over: the next one need not wait for files."""
        try:
            attempt = Attempt(self._site, self._trial, self._for_the_worker(config), sequencer, stop)
            yield from attempt.records()
        finally:
            self._site.capacity.give_back()
        return attempt

    def _for_the_worker(self, config: TrialConfig) -> TrialConfig:
        """Without a store pictures could not come back: they are drawn here, and no worker is paid for them."""
        return replace(config, plots="none") if self._site.store is None and config.part != FINAL else config

    def _take_slot(self, stop: threading.Event) -> Generator[Record, None, bool]:
        """Wait until one more job may be in flight; False where nobody wants it any more.

        Raises:
            RunCancelled: the run shall stop. Its trials are told one after another, and the place that the first one
                gives back would otherwise be taken, and paid, by one that is not told yet.
        """
        if not self._site.capacity.try_take():
            yield Phase(name=f"{WAITING} for a free place on RunPod")
            while not self._site.capacity.try_take(SLOT_S):
                if stop.is_set():
                    return False
        if self._site.cancelled.is_set():
            self._site.capacity.give_back()
            raise RunCancelled("the run was cancelled")
        return True

    def _train_here(
        self, config: TrialConfig, sequencer: Sequencer, reason: str, stop: threading.Event
    ) -> Generator[Record, None, bool]:
        """The way back: this machine. False where RunPod was well again before there was a place here.

        On as many devices as there are: those of the endpoint are not here, and the batch is the same.
        """
        if self._site.local is None:
            raise WorkerDiedError(f"RunPod: {reason}")
        self._site.give_up(reason)
        phase = ""
        with closing(cast("Generator[Record]", self._site.local(replace(config, replicas=0)))) as records:
            for record in records:
                if stop.is_set():
                    return True
                if isinstance(record, Finished | Failed | Artefact):
                    yield record
                elif isinstance(record, Phase) and record.name == phase:
                    if phase.startswith(WAITING) and not self._site.given_up():
                        return False
                else:
                    phase = record.name if isinstance(record, Phase) else phase
                    yield from sequencer.accept([record])
        return True

    def _deliver(self, config: TrialConfig, attempt: Attempt, sequencer: Sequencer) -> Generator[Record, None, str]:
        """What the stream did not bring, then the files, then that it is finished; why it is of no use, or ''."""
        result = attempt.result
        assert result is not None
        finished = result.records[-1]
        yield from sequencer.complete(result.records[:-1])
        with tempfile.TemporaryDirectory(prefix="onegin-remote-") as folder:
            missing = yield from self._files(config, result, attempt.key, Path(folder))
            if any(file.name == KERAS_FILE for file in missing):
                return f"the final model could not be fetched from the store: {missing[0].note or 'see the log'}"
            yield finished
        return ""

    def _files(
        self, config: TrialConfig, result: Result, key: str, folder: Path
    ) -> Generator[Record, None, list[StoredFile]]:
        """Fetch what the worker put into the store; draw what it could not put there. What is missing in the end."""
        missing = []
        for file in result.files:
            if not file.made:
                yield Artefact(name=file.name, path=None, note=file.note)
            elif (path := self._fetched(file, key, folder)) is not None:
                yield Artefact(name=file.name, path=str(path), note=file.note)
            else:
                missing.append(file)
        if config.part == FINAL:
            self._clean(key, missing)
            for file in missing:
                yield Artefact(name=file.name, path=None, note=file.note or "it could not be fetched from the store")
            return missing
        if self._site.store is None or missing:
            drawn = yield from self._drawn(config, result, folder)
            missing = [file for file in missing if file.name not in drawn]
        self._clean(key, missing)
        return []

    def _drawn(self, config: TrialConfig, result: Result, folder: Path) -> Generator[Record, None, set[str]]:
        """Draw the trial's pictures here; the names of those that could be."""
        history, names = TrialHistory(class_names=self._site.class_names), set[str]()
        for record in result.records:
            history.add(record)
        with closing(draw(history, folder, config)) as records:
            for record in records:
                if isinstance(record, Artefact) and record.path is not None:
                    names.add(record.name)
                yield record
        return names

    def _fetched(self, file: StoredFile, key: str, folder: Path) -> Path | None:
        """The file here, verified; None where it cannot be had."""
        store = self._site.store
        if store is None or file.size is None or file.sha256 is None:
            return None
        try:
            store.download(f"{key}/{file.name}", folder / file.name,
                           size=file.size, sha256=file.sha256)  # fmt: skip
        except (S3Error, OSError) as error:
            self._site.log.warning("%s of trial %s cannot be fetched: %s", file.name, self._trial, error)
            return None
        return folder / file.name

    def _clean(self, key: str, missing: list[StoredFile]) -> None:
        """Remove what lies in the store for this trial, that of lost attempts too; not what is nowhere else."""
        store = self._site.store
        if store is None:
            return
        if any(file.size is not None for file in missing):
            self._site.kept.add(key)
            self._site.log.warning("files that could not be fetched stay in the store, below %s/", key)
            return
        try:
            store.delete_prefix(f"{self._site.key(self._trial)}/")
        except S3Error as error:
            self._site.log.warning("files of trial %s stay in the store: %s", self._trial, error)
