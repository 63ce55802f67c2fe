"""The worker: `python -m runpod_service.handler` takes jobs from RunPod and trains them as a local run would.

`handler` is an asynchronous generator, because the platform's stop signal cancels the task that reads it; a synchronous
one would see that signal only after its end. It is a plain function as well: `async for chunk in handler(job)`.
`--check` trains a small trial that way and says how it went.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import functools
import importlib.util
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, closing, suppress
from typing import Any, cast

from hpo_core import VERSION
from hpo_core.errors import OneginError, TrialFailedError, UsageError, WorkerDiedError
from hpo_core.local.pool import Gpus, WorkerPool
from hpo_core.local.process import ProcessSpec
from hpo_core.local.trainer import LocalTrainer
from hpo_core.machine import Machine, told_by_driver
from hpo_core.parameters import Architecture, defaults
from hpo_core.records import Artefact, Epoch, Failed, Finished, LogLine, Phase, Record, Trainer
from hpo_core.settings import Settings
from hpo_core.trial_config import TrialConfig
from runpod_service.chunks import PAUSE_S, Chunks, fitting_result
from runpod_service.protocol import KEPT, ProtocolError, Request, Result, failure_of, failure_text, result_of
from runpod_service.worker_files import Store, WorkerFiles

CONCURRENCY = "ONEGIN_WORKER_CONCURRENCY"

Chunk = dict[str, Any]
# What a training says: its records, and at last how it ended.
Ending = Result | Failed | Exception
Say = Callable[[Record | Ending], object]


class Pools:
    """A `Trainer` on this machine: a pool of warm training processes for each number of threads and of GPUs.

    Args:
        settings: where the data are.
        workers: trainings at once.
        gpus: graphics processors to spread them over; each training gets as many as it has replicas.
        pool: makes a pool.
    """

    def __init__(
        self, settings: Settings, workers: int, gpus: int = 0, pool: Callable[..., WorkerPool] = WorkerPool
    ) -> None:
        self._settings = settings
        self._workers = workers
        self._gpus = gpus
        self._make = pool
        self._lock = threading.Lock()
        self._pools: dict[tuple[int, int], WorkerPool] = {}  # by threads and GPUs of each process
        self._users: dict[tuple[int, int], int] = {}

    def __call__(self, config: TrialConfig) -> Iterator[Record]:
        """Raises WorkerDiedError where the process goes away."""
        kind = config.threads, config.replicas or self._gpus  # 0 replicas: all there are
        pool = self._enter(kind)
        try:
            yield from LocalTrainer(pool)(config)
        finally:
            with self._lock:
                self._users[kind] -= 1

    def close(self) -> None:
        """End all training processes, also those that train."""
        with self._lock:
            pools = list(self._pools.values())
        for pool in pools:
            pool.close()

    def _enter(self, kind: tuple[int, int]) -> WorkerPool:
        with self._lock:
            if kind not in self._pools:
                # A warm process holds half a gigabyte, which the new one may need.
                for other in [one for one, users in self._users.items() if users == 0]:
                    del self._users[other]
                    self._pools.pop(other).close()
                threads, each = kind
                gpus = Gpus(self._gpus, each)
                self._pools[kind] = self._make(self._settings, ProcessSpec(threads), self._workers, gpus=gpus)
                self._users[kind] = 0
            self._users[kind] += 1
            return self._pools[kind]


class Training:
    """One training in a thread of its own, which alone reads and closes the trainer's iterator.

    Args:
        trainer: trains.
        request: what was asked for.
        files: of the trial.
        about: what the worker is, for the result.
        say: takes the records and the ending, in that thread; raises RuntimeError when nobody listens any more.
    """

    def __init__(
        self, trainer: Trainer, request: Request, files: WorkerFiles, about: Mapping[str, Any], say: Say
    ) -> None:
        self._trainer = trainer
        self._config = request.trial
        self._files = files
        self._about = dict(about)
        self._say = say
        self._stopped = threading.Event()
        self._over = threading.Event()

    def start(self) -> None:
        # A daemon: the interpreter does not wait for it before it closes the pools.
        threading.Thread(target=self._run, name="training", daemon=True).start()

    def stop(self) -> None:
        """End the training within seconds and remove its files from the store; returns at once, from any thread."""
        self._stopped.set()
        if self._over.is_set():
            threading.Thread(target=self._files.discard, daemon=True).start()

    def _run(self) -> None:
        try:
            with closing(self._files):
                ending: Ending = self._train()
        except TrialFailedError as error:
            ending = Failed(error_type=WorkerDiedError.__name__, message=str(error), traceback="")
        except Exception as error:  # noqa: BLE001 - raised again where the job is handled
            ending = error
        try:
            self._say(ending)
        except RuntimeError:
            self._stopped.set()
        self._over.set()
        if self._stopped.is_set():
            self._files.discard()

    def _train(self) -> Ending:
        kept: list[Record] = []
        with closing(cast("Any", self._trainer(self._config))) as records:
            for record in records:
                if self._stopped.is_set():
                    return Failed(error_type="Stopped", message="the job was stopped", traceback="")
                if isinstance(record, Failed):
                    return record
                if isinstance(record, Artefact):
                    self._files.take(record)
                if isinstance(record, KEPT):
                    kept.append(record)
                self._say(record)
        if not kept or not isinstance(kept[-1], Finished):
            raise WorkerDiedError("the training ended without a result")
        return self._result(kept)

    def _result(self, kept: list[Record]) -> Result:
        self._say(Phase(name="storing files"))
        files = self._files.upload(self._stopped.is_set)
        for file in files:
            if file.made and file.size is None:
                self._say(LogLine(level="WARNING", text=f"{file.name} is not in the store: {file.note}"))
        records, interval = fitting_result(kept)
        if interval != 1:
            text = f"the result would be too large for the platform: readings of every {interval}th epoch only"
            self._say(LogLine(level="WARNING", text=text))
        return Result(records=records, files=files, worker=self._about)


class Worker:
    """Handles jobs, several at once in one event loop.

    Args:
        trainer: trains.
        store: where files go, or None.
        about: what the worker is: its id, its devices.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        trainer: Trainer,
        store: Store | None,
        about: Mapping[str, Any],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._trainer = trainer
        self._store = store
        self._about = about
        self._clock = clock

    async def handle(self, job: Mapping[str, Any]) -> AsyncIterator[Chunk]:
        """Yields chunks, the last one with the result; or, as the last one, what failed."""
        try:
            request = Request.from_input(job.get("input"))
        except (ProtocolError, UsageError) as error:
            yield _error(Failed(error_type=type(error).__name__, message=str(error), traceback=""))
            return
        inbox: asyncio.Queue[Record | Ending] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def say(item: Record | Ending) -> None:
            loop.call_soon_threadsafe(inbox.put_nowait, item)

        training = Training(self._trainer, request, WorkerFiles(self._store, request.key), self._about, say)
        chunks = Chunks(self._clock)
        chunks.add(LogLine(level="INFO", text=_introduction(self._about)))
        complete = False

        def leave(task: asyncio.Task[Any]) -> None:
            # The task may end while this generator waits at a yield, where it hears of it only when it is collected.
            if task.cancelled() or not complete:
                training.stop()

        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(leave)
        training.start()
        try:
            ending = None
            while ending is None:
                ending = await _receive(inbox, chunks)
                for chunk in chunks.take() if ending is None else chunks.rest():
                    yield chunk
            if isinstance(ending, Exception):
                raise ending
            yield _error(ending) if isinstance(ending, Failed) else chunks.last(ending)
            complete = True
        finally:
            if not complete:
                training.stop()


async def _receive(inbox: asyncio.Queue[Record | Ending], chunks: Chunks) -> Ending | None:
    """Move into `chunks` what has come, waiting a moment where nothing has; the ending, once it is there."""
    with suppress(TimeoutError):
        async with asyncio.timeout(PAUSE_S):
            item = await inbox.get()
        while not isinstance(item, Result | Failed | Exception):
            chunks.add(item)
            if inbox.empty():
                return None
            item = inbox.get_nowait()
        return item
    return None


def _error(failed: Failed) -> Chunk:
    """The platform makes a failed job of a mapping with this key."""
    return {"error": failure_text(failed)}


def about(environ: Mapping[str, str], machine: Machine) -> dict[str, Any]:
    """What this worker is: its id and its devices by name."""
    devices = [f"CPU, {machine.cores} threads"]
    if machine.gpus:
        names = told_by_driver("--query-gpu=name", "--format=csv,noheader").strip().splitlines()
        devices = names or ["GPU"] * machine.gpus
    return {"id": environ.get("RUNPOD_POD_ID") or socket.gethostname(), "devices": devices}


def _introduction(worker: Mapping[str, Any]) -> str:
    return f"worker {worker.get('id', '')}, version {VERSION}: {', '.join(worker.get('devices', []))}"


def concurrency(environ: Mapping[str, str]) -> int:
    """Jobs at once. Raises UsageError."""
    text = environ.get(CONCURRENCY) or "1"
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(CONCURRENCY, f"must be a whole number of at least 1, got {text!r}", "leave it out for 1")
    return int(text)


def make_worker(environ: Mapping[str, str]) -> Worker:
    """The worker that the environment describes; its processes end with this one. Raises UsageError."""
    settings = Settings.from_environment(environ)
    machine = Machine.detect()
    pools = Pools(settings, concurrency(environ), machine.gpus)
    atexit.register(pools.close)
    store: Store | None = None
    if settings.s3.complete:
        from runpod_service.s3 import S3Store

        store = S3Store(settings.s3)
    return Worker(pools, store, about(environ, machine))


@functools.cache
def _worker() -> Worker:
    return make_worker(os.environ)


async def handler(job: dict[str, Any]) -> AsyncIterator[Chunk]:
    """One job, `{"id": ..., "input": {...}}`, as `runpod_service.protocol` describes it."""
    async with aclosing(cast("Any", _worker().handle(job))) as chunks:
        async for chunk in chunks:
            yield chunk


def check_config() -> TrialConfig:
    """A training of seconds on a data set that every image has."""
    return TrialConfig(
        dataset="digits",
        architecture=Architecture.CNN,
        seed=1,
        split_seed=1,
        sample_percentage=100.0,
        validation_split=0.2,
        test_split=0.2,
        threads=1,
        replicas=1,
        hyperparameters=defaults(Architecture.CNN) | {"epochs": 4},
    )


async def check(handle: Callable[[dict[str, Any]], AsyncIterator[Chunk]]) -> str:
    """Train the small trial; one line on how it went. Raises OneginError where it did not go well."""
    if importlib.util.find_spec("runpod") is None:
        raise OneginError("the package runpod is not installed")
    request = Request(trial=check_config(), key="check/trial_0")
    output = [chunk async for chunk in handle({"id": "check", "input": request.as_input()})]
    if "error" in output[-1]:
        failed = failure_of(output[-1]["error"])
        raise OneginError(f"{failed.error_type}: {failed.message}")
    result = result_of(output)
    accuracy = max(record.validation_accuracy for record in result.records if isinstance(record, Epoch))
    return f"{_introduction(result.worker)}; digits trained to {accuracy:.1%}"


def main(arguments: Sequence[str]) -> int:
    """Start the worker, or check it; 0 when that went well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="train a small trial without the platform")
    # The platform's package has arguments of its own, such as --rp_log_level.
    options, _ = parser.parse_known_args(arguments)
    logging.basicConfig(level=logging.WARNING)
    try:
        if options.check:
            print(f"ok: {asyncio.run(check(handler))}")
            return 0
        jobs = concurrency(os.environ)
    except OneginError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    import runpod

    runpod.serverless.start(
        {"handler": handler, "return_aggregate_stream": True, "concurrency_modifier": lambda _current: jobs}
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
