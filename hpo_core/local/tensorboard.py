"""TensorBoard as a child process: one at a time, of one run, for whoever looks from this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from hpo_core.errors import OneginError

MODULE = "hpo_core.training.tensorboard_view"
ROOT = Path(__file__).resolve().parents[2]
# TensorFlow takes 4 to 12 s to load, and a run may have many thousand curves to write.
WRITE_S, START_S = 600.0, 60.0
ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}


class TensorBoardError(OneginError):
    """TensorBoard could not be started."""


@dataclass(frozen=True)
class Shown:
    """What TensorBoard shows: the run, how many of its trials, and the address where it answers."""

    run: str
    trials: int
    address: str


class TensorBoard:
    """Starts and ends TensorBoard, for all threads of this process. It ends with `close`, and with this process.

    Args:
        module: the program that writes the curves and shows them.
        write_s, start_s: seconds in which the curves must be written, and then in which it must answer.
    """

    def __init__(self, *, module: str = MODULE, write_s: float = WRITE_S, start_s: float = START_S) -> None:
        self._module, self._limits = module, (write_s, start_s)
        self._starting = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._shown: Shown | None = None
        self._closed = False

    @property
    def shown(self) -> Shown | None:
        """None while it does not answer."""
        process, shown = self._process, self._shown
        return shown if process is not None and process.poll() is None else None

    @property
    def is_starting(self) -> bool:
        return self._starting.locked()

    def show(self, run: str, folder: Path) -> Shown:
        """Write the curves of a run as they are now, and show them in the place of what was shown before.

        Raises:
            TensorBoardError: there is nothing to show, it did not start, or somebody is starting it just now.
        """
        if not self._starting.acquire(blocking=False):
            raise TensorBoardError("TensorBoard is being started for somebody already; try again in a moment")
        try:
            self._end()
            with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as messages:
                self._shown = Shown(run, *self._start(run, folder, messages))
            return self._shown
        except (OSError, ValueError, KeyError) as error:  # a line that is not what the program was to say
            self._end()
            raise TensorBoardError(f"TensorBoard could not be started: {error}") from error
        except TensorBoardError:
            self._end()
            raise
        finally:
            self._starting.release()

    def end(self, shown: Shown) -> None:
        """End what is shown, unless it is something else by now."""
        if self._shown == shown:
            self._end()

    def close(self) -> None:
        """End it for good, also while it starts. May be called twice."""
        self._closed = True
        self._end()

    def _start(self, run: str, folder: Path, messages: IO[str]) -> tuple[int, str]:
        """How many trials there are, and where they are shown."""
        process = self._process = subprocess.Popen(
            [sys.executable, "-m", self._module, str(folder.resolve())], cwd=ROOT, text=True, encoding="utf-8",
            errors="replace", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=messages,
            env=os.environ | ENVIRONMENT,
            start_new_session=True,  # Ctrl-C in a terminal is for the dashboard, which ends it
        )  # fmt: skip
        if self._closed:  # between the press and now
            raise TensorBoardError("the dashboard is ending")
        write_s, start_s = self._limits
        trials = int(_told(process, write_s, messages)["trials"])
        if not trials:
            raise TensorBoardError(f"no trial of {run} has left its curves on this machine yet")
        return trials, str(_told(process, start_s, messages)["address"])

    def _end(self) -> None:
        process, self._process, self._shown = self._process, None, None
        if process is None:
            return
        assert process.stdin is not None and process.stdout is not None
        process.kill()  # it only shows: there is nothing to lose
        process.wait()
        process.stdin.close()
        process.stdout.close()


def _told(process: subprocess.Popen[str], limit_s: float, messages: IO[str]) -> dict[str, Any]:
    """The next line of the program. Raises TensorBoardError where it ends or keeps silent instead, or ValueError."""
    assert process.stdout is not None
    silent = threading.Event()

    def give_up() -> None:
        silent.set()
        process.kill()

    deadline = threading.Timer(limit_s, give_up)
    deadline.daemon = True
    deadline.start()
    try:
        line = process.stdout.readline()
    finally:
        deadline.cancel()
    if line:
        return dict(json.loads(line))
    if silent.is_set():
        raise TensorBoardError(f"TensorBoard did not answer within {limit_s:g} s")
    raise TensorBoardError(f"TensorBoard did not start: {_last_line(messages)}")


def _last_line(messages: IO[str]) -> str:
    messages.seek(0)
    lines = [line for line in messages.read().splitlines() if line.strip()]
    return lines[-1] if lines else "it ended without a word"
