"""The worker processes: started, watched, killed, and never left behind."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runpod_service.twin import orphans
from runpod_service.twin.faults import Faults
from runpod_service.twin.fleet import Fleet
from runpod_service.twin.jobs import Jobs

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "runpod_service.handler")
MARK = "ONEGIN_TWIN"
TICK_S = 0.05
# How long workers may take at the end to give up their jobs, so that their own cleaning up runs.
FAREWELL_S = 5.0
LAST_LINES = 40


@dataclass(frozen=True)
class WorkerSettings:
    """What worker processes are started with.

    Attributes:
        command: program and arguments.
        environment: variables in addition to the twin's own, of which the key of a real account is kept back.
        verbose: whether their output goes on to the twin's standard error.
    """

    command: Sequence[str] = COMMAND
    environment: Mapping[str, str] = field(default_factory=dict)
    verbose: bool = False


@dataclass
class WorkerProcess:
    """One running process."""

    worker: str
    process: asyncio.subprocess.Process
    lines: collections.deque[str]
    reader: asyncio.Task[None]
    killed: bool = False


class Workers:
    """Keeps the fleet's places filled.

    Args:
        settings: of the processes.
        jobs: the queue, told when a worker goes.
        changed: called when a worker or the time may have changed what workers wait for.
    """

    def __init__(self, settings: WorkerSettings, jobs: Jobs, faults: Faults, changed: Callable[[], None]) -> None:
        self.token = secrets.token_hex(8)
        self.fleet = Fleet(f"twin-{self.token[:6]}", time.monotonic)
        self._settings = settings
        self._jobs = jobs
        self._faults = faults
        self._changed = changed
        self._processes: dict[str, WorkerProcess] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._guard: subprocess.Popen[bytes] | None = None
        self._addresses: Callable[[str], Mapping[str, str]] = lambda worker: {}
        self.closing = False

    async def run(self, addresses: Callable[[str], Mapping[str, str]]) -> None:
        """Watch over workers and the time until cancelled.

        Args:
            addresses: the variables that tell a worker, by its id, where to ask for jobs.
        """
        self._addresses = addresses
        while True:
            self._jobs.advance()
            self._changed()
            if self._guard is None or self._guard.poll() is not None:
                self._guard = self._new_guard()
            for worker in {*self._jobs.to_kill(), *self.fleet.to_end(self.busy())}:
                self.kill(worker)
            for slot in self.fleet.to_start(self._jobs.waiting):
                self._spawn(self._attend(str(slot.worker)))
            await asyncio.sleep(TICK_S)

    def busy(self) -> set[str]:
        """The workers that have a job."""
        return {worker for worker in self._processes if self._jobs.held(worker)}

    def kill(self, worker: str | None = None) -> str | None:
        """Kill a worker's process group with SIGKILL; by default one that runs a job. Its id, or None for none."""
        worker = worker or next(iter(sorted(self.busy())), None)
        running = self._processes.get(worker or "")
        if running is None or running.process.returncode is not None:
            return None
        running.killed = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.process.pid, signal.SIGKILL)
        return running.worker

    def health(self) -> dict[str, int]:
        return self.fleet.health(self.busy(), self._faults.on("throttled"))

    def as_json(self) -> list[dict[str, Any]]:
        """All places for tests and pages."""
        busy, throttled = self.busy(), self._faults.on("throttled")
        return [
            {
                "id": slot.worker,
                "slot": slot.number,
                "state": str(self.fleet.state(slot, busy, throttled)),
                "pid": process.process.pid if (process := self._processes.get(str(slot.worker))) else None,
                "jobs": self._jobs.held(str(slot.worker)),
                "crashes": slot.crashes,
            }
            for slot in self.fleet.slots
        ]

    async def close(self) -> None:
        """End all workers: their jobs are stopped, they have a moment to clean up, then nothing of them is left."""
        self.closing = True
        self._jobs.cancel_all()
        deadline = time.monotonic() + FAREWELL_S
        while self.busy() and time.monotonic() < deadline:
            self._changed()
            await asyncio.sleep(TICK_S)
        for worker in list(self._processes):
            self.kill(worker)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(orphans.end_marked, MARK, self.token)
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()
            await asyncio.to_thread(self._guard.wait)

    async def _attend(self, worker: str) -> None:
        """The life of one worker process."""
        killed = False
        try:
            running = await self._start(worker)
        except OSError as error:
            self._say(f"worker {worker} cannot be started: {error}")
        else:
            self._processes[worker] = running
            if self.closing:
                self.kill(worker)
            code = await running.process.wait()
            killed = running.killed or self.closing
            # Its processes in other sessions, such as trainings, would go on.
            await asyncio.to_thread(orphans.end_marked, "RUNPOD_POD_ID", worker)
            await asyncio.wait([running.reader], timeout=1.0)
            running.reader.cancel()
            del self._processes[worker]
            if not killed:
                self._say(f"worker {worker} ended with exit code {code}; its last words:\n" + "\n".join(running.lines))
        self._jobs.worker_gone(worker)
        if not self.closing:
            self.fleet.ended(worker, killed)
        self._changed()

    async def _start(self, worker: str) -> WorkerProcess:
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        own = {name: value for name, value in os.environ.items() if name != "RUNPOD_API_KEY"}
        environment = {**own, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **self._settings.environment}
        # asyncio's own pipe would have `wait` last until all descendants of the worker have closed it.
        source, sink = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *self._settings.command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                env={**environment, **self._addresses(worker), "RUNPOD_POD_ID": worker, MARK: self.token},
                start_new_session=True,
            )
        except OSError:
            os.close(source)
            raise
        finally:
            os.close(sink)
        lines: collections.deque[str] = collections.deque(maxlen=LAST_LINES)
        return WorkerProcess(worker, process, lines, self._spawn(self._read(worker, source, lines)))

    async def _read(self, worker: str, source: int, lines: collections.deque[str]) -> None:
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        pipe = os.fdopen(source, "rb")
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        with contextlib.closing(transport):
            while data := await reader.read(2**16):
                new = data.decode(errors="replace").splitlines()
                lines.extend(new)
                if self._settings.verbose:
                    self._say("\n".join(f"{worker}: {line}" for line in new))

    def _new_guard(self) -> subprocess.Popen[bytes]:
        """A process that ends all workers when this one is gone, however that came about."""
        command = [sys.executable, "-m", orphans.__name__, MARK, self.token]
        return subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT, start_new_session=True)

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @staticmethod
    def _say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)
