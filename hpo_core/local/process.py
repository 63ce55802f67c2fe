"""One training process, seen from its parent."""

from __future__ import annotations

import collections
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from hpo_core.records import SCRATCH_PREFIX, Record, from_json
from hpo_core.settings import Settings
from hpo_core.trial_config import TrialConfig

MODULE = "hpo_core.training.worker"
ROOT = Path(__file__).resolve().parents[2]
STDERR_LINES = 40
KILL_WAIT_S = 5.0


@dataclass(frozen=True)
class ProcessSpec:
    """What a training process is started with; a process serves only trials with the same."""

    threads: int
    gpu: int | None = None


class TrainingProcess:
    """A child that trains one configuration after another.

    Its records come out of `receive`; None there means that the process has gone.
    """

    def __init__(self, spec: ProcessSpec, settings: Settings, module: str = MODULE) -> None:
        self.spec = spec
        command = [sys.executable, "-m", module, "--threads", str(spec.threads), "--cache-dir", str(settings.cache_dir)]
        if settings.datasets_dir is not None:
            command += ["--datasets-dir", str(settings.datasets_dir)]
        # TensorFlow writes a file for each function it traces, and a process that is killed leaves them behind.
        self._scratch = tempfile.TemporaryDirectory(prefix=SCRATCH_PREFIX, ignore_cleanup_errors=True)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=_environment(spec) | {"TMPDIR": self._scratch.name},
            # Ctrl-C in a terminal is for the parent, which then ends its children in good order.
            start_new_session=True,
        )
        self._records: queue.Queue[Record | None] = queue.Queue()
        self._stderr: collections.deque[str] = collections.deque(maxlen=STDERR_LINES)
        threading.Thread(target=self._read_records, args=(self._process.stdout,), daemon=True).start()
        self._stderr_reader = threading.Thread(target=self._read_stderr, args=(self._process.stderr,), daemon=True)
        self._stderr_reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def train(self, config: TrialConfig) -> None:
        self._send({"train": config.to_json()})

    def stop(self) -> None:
        """Ask the running training to end; the process says so with a record and can be used again."""
        self._send({"stop": True})

    def receive(self, timeout_s: float) -> Record | None:
        """The next record; None when the process has gone. Raises queue.Empty after `timeout_s`."""
        return self._records.get(timeout=timeout_s)

    def memory_bytes(self) -> int:
        """Resident memory; 0 when the process has gone."""
        try:
            return int(psutil.Process(self.pid).memory_info().rss)
        except psutil.Error:
            return 0

    def kill(self) -> None:
        """End the process now and wait until it is gone. May be called twice and from any thread."""
        if self.alive:
            self._process.kill()
        self._process.wait(KILL_WAIT_S)
        self._scratch.cleanup()
        if self._process.stdin is not None:
            _close_quietly(self._process.stdin)

    def obituary(self) -> str:
        """Why the process ended, for people, with the end of what it wrote to standard error."""
        code = self._process.wait(KILL_WAIT_S)
        self._stderr_reader.join(1.0)
        reason = f"the training process ended with exit code {code}"
        if code < 0:
            name = signal.Signals(-code).name
            hint = " (often: the machine ran out of memory)" if -code == signal.SIGKILL else ""
            reason = f"the training process was ended by {name}{hint}"
        lines = [line for line in self._stderr if line.strip()]
        return f"{reason}; its last words: {lines[-1][:300]}" if lines and code > 0 else reason

    def _send(self, command: dict[str, object]) -> None:
        stream = self._process.stdin
        assert stream is not None
        try:
            stream.write(json.dumps(command) + "\n")
            stream.flush()
        except (BrokenPipeError, ValueError):
            return  # the process has gone, which `receive` tells

    def _read_records(self, stream: IO[str]) -> None:
        try:
            with stream:
                for line in stream:
                    self._records.put(from_json(line))
        except ValueError as error:  # a line that was cut when the process was killed
            self._stderr.append(f"unreadable record: {error}")
            self._process.kill()
        finally:
            self._records.put(None)

    def _read_stderr(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._stderr.append(line.rstrip())


def _environment(spec: ProcessSpec) -> dict[str, str]:
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), environment.get("PYTHONPATH")]))
    environment["TF_CPP_MIN_LOG_LEVEL"] = "3"
    environment["OMP_NUM_THREADS"] = str(spec.threads)
    environment["CUDA_VISIBLE_DEVICES"] = "-1" if spec.gpu is None else str(spec.gpu)
    return environment


def _close_quietly(stream: IO[str]) -> None:
    try:
        stream.close()
    except OSError:
        return  # unsent text for a process that has gone
