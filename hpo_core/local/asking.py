"""Final models answer in a child process that is kept warm for a while: one per server, whoever asks."""

from __future__ import annotations

import queue
import threading
import time
from contextlib import suppress

from hpo_core.local.child import ChildProcess
from hpo_core.questions import AnswerError, Question
from hpo_core.records import Answer, Failed
from hpo_core.settings import Settings

MODULE = "hpo_core.training.ask"
# TensorFlow takes 4 to 12 s to load, several times that on a busy machine.
ANSWER_S = 120.0
IDLE_S = 300.0
ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "-1"}


class ModelDesk:
    """Puts questions to final models, one after another.

    Args:
        settings: where the datasets are.
        idle_s: seconds after the last answer at which the process is ended.
        answer_s: seconds in which an answer must come.
        module: the program that answers.
    """

    def __init__(
        self, settings: Settings, *, idle_s: float = IDLE_S, answer_s: float = ANSWER_S, module: str = MODULE
    ) -> None:
        self._idle_s, self._answer_s = idle_s, answer_s
        self._module = module
        self._arguments = ["--cache-dir", str(settings.cache_dir)]
        if settings.datasets_dir is not None:
            self._arguments += ["--datasets-dir", str(settings.datasets_dir)]
        self._lock = threading.Lock()
        self._process: ChildProcess | None = None
        self._timer: threading.Timer | None = None
        self._closed = False

    @property
    def is_warm(self) -> bool:
        """Whether an answer will come soon, because the process is there."""
        process = self._process
        return process is not None and process.alive

    def ask(self, question: Question) -> Answer:
        """The answer; waits for its turn, and for the process to start where it is not there.

        Raises:
            AnswerError: with a sentence that says why there is none.
        """
        with self._lock:
            if self._closed:
                raise AnswerError("the dashboard is being closed")
            self._stop_timer()
            try:
                return self._ask(self._started(), question)
            finally:
                if self._process is not None:
                    self._timer = threading.Timer(self._idle_s, self._end_idle, args=(self._process,))
                    self._timer.daemon = True
                    self._timer.start()

    def close(self) -> None:
        """End the process, also while it answers; nothing can be asked afterwards."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()  # whoever waits for its answer is told
        with self._lock:
            self._stop_timer()
            self._end()

    def _ask(self, process: ChildProcess, question: Question) -> Answer:
        with suppress(OSError, ValueError):  # a process that has gone is told by what it says, which is nothing
            process.send(question.to_json())
        deadline = time.monotonic() + self._answer_s
        while True:
            try:
                record = process.receive(max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                self._end()
                raise AnswerError(f"the model gave no answer within {self._answer_s:.0f} s; try again") from None
            if record is None:
                reason = process.obituary()
                self._end()
                raise AnswerError(f"the model gave no answer: {reason}")
            if isinstance(record, Failed):
                raise AnswerError(record.message)
            if isinstance(record, Answer):
                return record

    def _started(self) -> ChildProcess:
        if self._process is None or not self._process.alive:
            self._end()
            self._process = ChildProcess(self._module, self._arguments, ENVIRONMENT, "process that asks the model")
        return self._process

    def _end_idle(self, process: ChildProcess) -> None:
        # Whoever asks now holds the lock, and stops or renews the timer himself.
        if self._lock.acquire(blocking=False):
            try:
                if process is self._process:
                    self._end()
            finally:
                self._lock.release()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
