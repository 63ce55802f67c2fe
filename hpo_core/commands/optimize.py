"""`optimize` and `resume`: a whole run in this process, with its progress on standard error."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import TextIO

from datasets import DatasetError
from hpo_core.backends import LOCAL_ONLY, BackendFactory
from hpo_core.commands.exit_codes import CANCELLED, FAILED, FINISHED, USAGE
from hpo_core.commands.queries import run_named
from hpo_core.errors import RunError, UsageError, nearest
from hpo_core.formats import duration, percent, plural
from hpo_core.machine import Machine
from hpo_core.notice_kinds import Kind
from hpo_core.optimization_config import OptimizationConfig, split_words
from hpo_core.outcome import RunOutcome, run_outcome
from hpo_core.run_study import resumed_config
from hpo_core.runner import Runner
from hpo_core.settings import Settings
from storage.database import open_database
from storage.errors import StorageError
from storage.notices import NoticeTable
from storage.progress import ProgressTable
from storage.runs import RunState
from storage.studies import Studies
from storage.trial_filters import ENDED

REPORT_INTERVAL_S = 2.0
RESUME_KEYS = ("run_name", "trials", "workers", "max_cost")
EXIT_CODES = {RunState.FINISHED: FINISHED, RunState.CANCELLED: CANCELLED}


def optimize(
    words: Sequence[str],
    as_json: bool,
    environ: Mapping[str, str],
    backends: Mapping[str, BackendFactory] = LOCAL_ONLY,
) -> int:
    """Run what the words say. Raises UsageError, DatasetError or StorageError before anything is started."""
    settings = Settings.from_environment(environ)
    return watch(Runner(OptimizationConfig.from_words(words), settings, backends=backends), settings, as_json)


def resume(
    words: Sequence[str],
    as_json: bool,
    environ: Mapping[str, str],
    backends: Mapping[str, BackendFactory] = LOCAL_ONLY,
) -> int:
    """Carry on the run that `run_name` names; `trials` extends it, `workers` changes how many train at once, and
    `max_cost` how many dollars it may have cost in the end.

    Raises UsageError, DatasetError or StorageError before anything is started.
    """
    given = split_words(words)
    for key in given:
        if key not in RESUME_KEYS:
            near = nearest(key, RESUME_KEYS)
            raise UsageError(
                key, "cannot be changed in a run that is resumed", f"known are {', '.join(RESUME_KEYS)}"
                + (f"; did you mean {near}?" if near else ""),
            )  # fmt: skip
    name = run_named(given.pop("run_name", None), "resume")
    settings = Settings.from_environment(environ)
    config = resumed_config(open_database(settings.storage_url), name, given, Machine.detect().cores)
    return watch(Runner(config, settings, backends=backends, resume=True), settings, as_json)


def watch(runner: Runner, settings: Settings, as_json: bool) -> int:
    """Start a run, say what happens until it is over, and how it ended; the exit code.

    Raises:
        StorageError: the database went away before a trial was begun.
    """
    _cancel_on_signal(runner)
    reporter = Reporter(settings, runner.run_name, sys.stderr)
    runner.start()
    _tell(f"run {runner.run_name}: {plural(runner.total, 'trial')}, {runner.workers} at a time")
    over = False
    while not over:
        over = runner.wait(REPORT_INTERVAL_S)
        with suppress(StorageError):  # away for a moment; the run goes on, and its end is told below
            reporter.report()
    try:
        outcome = run_outcome(settings, runner.run_name)
    except StorageError as error:
        if not runner.has_begun:
            raise
        _tell(f"error: {error}")
        return FAILED
    _tell(_last_words(outcome))
    if runner.error is not None and str(runner.error) != outcome.message:
        said = str(runner.error).splitlines() or [type(runner.error).__name__]
        _tell(f"error: {said[0]}")
    if as_json:
        print(json.dumps(outcome.as_dict()))
    if not runner.has_begun and isinstance(runner.error, UsageError | DatasetError | StorageError | RunError):
        return USAGE
    return EXIT_CODES.get(outcome.state, FAILED)


class Reporter:
    """Says in single lines what the database says has happened since the last time."""

    def __init__(self, settings: Settings, run_name: str, stream: TextIO) -> None:
        database = open_database(settings.storage_url)
        self._studies = Studies(database)
        self._progress = ProgressTable(database, run_name)
        self._notices = NoticeTable(database)
        self._told = self._notices.newest_id()
        self._run_name = run_name
        self._stream = stream
        self._said: set[int] = set()
        self._line = ""

    def report(self) -> None:
        for notice in self._notices.after(self._told, run_name=self._run_name):
            self._told = notice.id
            if notice.kind != Kind.ENDED:  # told at the end, with the numbers
                self._say(notice.text)
        if not self._studies.exists(self._run_name):
            return
        for trial in self._studies.trials(self._run_name, states=ENDED, limit=100_000):
            if trial.number not in self._said:
                self._said.add(trial.number)
                self._say(
                    f"Trial {trial.number}  {trial.state}  accuracy {percent(trial.accuracy)}  "
                    f"{duration(trial.duration_s)}  {trial.attributes.get('architecture', '')}"
                    f"{_reason(trial.attributes)}"
                )
        running = [
            f"Trial {item.trial} {item.phase} epoch {item.epoch} of {item.epochs}" for item in self._progress.read()
        ]
        line = "; ".join(running)
        if line and line != self._line:
            self._line = line
            self._say(line)

    def _say(self, line: str) -> None:
        _tell(line, self._stream)


def _reason(attributes: Mapping[str, object]) -> str:
    return f"  ({attributes['reason']})" if attributes.get("reason") else ""


def _last_words(outcome: RunOutcome) -> str:
    line = (
        f"run {outcome.run_name} {outcome.state}: {outcome.n_complete} complete, {outcome.n_pruned} pruned, "
        f"{outcome.n_failed} failed in {duration(outcome.duration_s)}"
    )
    if outcome.best_trial is not None:
        line += f"; best is trial {outcome.best_trial} with accuracy {percent(outcome.best_accuracy)}"
    return f"{line}\n{outcome.message}" if outcome.message else line


def _tell(words: str, stream: TextIO | None = None) -> None:
    """Say it, on standard error by default; where the terminal has gone nobody hears it, and the run is ended still."""
    with suppress(OSError):
        print(words, file=stream or sys.stderr, flush=True)


def _cancel_on_signal(runner: Runner) -> None:
    """Ctrl-C, a request to terminate and a closed terminal cancel the run, which then ends in good order."""

    def cancel(_signal: int, _frame: FrameType | None) -> None:
        runner.cancel()
        _tell("cancelling: waiting for the trials to stop")

    signal.signal(signal.SIGINT, cancel)
    signal.signal(signal.SIGTERM, cancel)
    hang_up = getattr(signal, "SIGHUP", None)  # not on Windows
    if hang_up is not None and signal.getsignal(hang_up) is not signal.SIG_IGN:  # as nohup wants it
        signal.signal(hang_up, cancel)
