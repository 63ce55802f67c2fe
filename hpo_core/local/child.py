"""A child process that writes records, seen from its parent."""

from __future__ import annotations

import collections
import logging
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from hpo_core.records import SCRATCH_PREFIX, Record, from_json

ROOT = Path(__file__).resolve().parents[2]
STDERR_LINES = 40
KILL_WAIT_S = 5.0

log = logging.getLogger("onegin.local")


class ChildProcess:
    """`python -m MODULE ARGUMENTS`, with one record per line of its standard output.

    The records come out of `receive`; None there means that the process has gone.

    Args:
        module: what is run.
        arguments: of its command line.
        environment: variables beside those of this process.
        title: what the process is called in sentences.
        spawn: starts it.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        title: str = "process",
        *,
        spawn: type[subprocess.Popen[str]] = subprocess.Popen,
    ) -> None:
        self._title = title
        # What the child leaves behind when it is killed goes with this folder, TensorFlow's traced functions above all.
        self._scratch = tempfile.TemporaryDirectory(prefix=SCRATCH_PREFIX, ignore_cleanup_errors=True)
        self._process = spawn(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "PYTHONPATH": _python_path(), **environment, "TMPDIR": self._scratch.name},
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

    def send(self, line: str) -> None:
        """One line for its standard input. Raises OSError or ValueError where the process has gone."""
        stream = self._process.stdin
        assert stream is not None
        stream.write(line + "\n")
        stream.flush()

    def receive(self, timeout_s: float) -> Record | None:
        """The next record; None when the process has gone. Raises queue.Empty after `timeout_s`."""
        return self._records.get(timeout=timeout_s)

    def kill(self) -> None:
        """End the process now and wait until it is gone. May be called twice and from any thread.

        One that the system does not let go (it waits for a disk or a driver) is left behind with a line in the log:
        whoever ends several processes must come to the next one.
        """
        if self.alive:
            self._process.kill()
        if self.exit_code() is None:
            log.warning("the %s %d was killed and is still there", self._title, self.pid)
        self._scratch.cleanup()
        if self._process.stdin is not None:
            _close_quietly(self._process.stdin)

    def exit_code(self) -> int | None:
        """How the process ended; waits for it. Negative: the signal that ended it; None: it is still there."""
        try:
            return self._process.wait(KILL_WAIT_S)
        except subprocess.TimeoutExpired:
            return None

    def obituary(self) -> str:
        """Why the process ended, for people, with the end of what it wrote to standard error."""
        code = self.exit_code()
        if code is None:
            return f"the {self._title} says nothing more and does not end"
        self._stderr_reader.join(1.0)
        reason = f"the {self._title} ended with exit code {code}"
        if code < 0:
            name = signal.Signals(-code).name
            hint = " (often: the machine ran out of memory)" if -code == signal.SIGKILL else ""
            reason = f"the {self._title} was ended by {name}{hint}"
        lines = [line for line in self._stderr if line.strip()]
        return f"{reason}; its last words: {lines[-1][:300]}" if lines and code > 0 else reason

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


def _python_path() -> str:
    return os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))


def _close_quietly(stream: IO[str]) -> None:
    try:
        stream.close()
    except OSError:
        return  # unsent text for a process that has gone
