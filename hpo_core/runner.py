"""Runs: started in a background thread, watched, cancelled, summed up."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import optuna

import datasets
from hpo_core.backends import FINAL_MODEL, LOCAL_ONLY, Backend, BackendFactory, Order
from hpo_core.errors import OneginError, RunCancelled, RunError, TrialFailedError, UsageError
from hpo_core.failures import capped, hopeless, worrying
from hpo_core.final_model import is_of_the_best, is_wanting, make_final_model
from hpo_core.formats import plural
from hpo_core.interrupted import settle_interrupted
from hpo_core.logs import RunLog, open_log
from hpo_core.machine import Machine
from hpo_core.notice_kinds import Kind, notice
from hpo_core.notices import NoticeHandler
from hpo_core.objective import MONEY_CAP, REPEATED, BestScore, Objective, RunContext
from hpo_core.optimization_config import DEFAULTS, OptimizationConfig
from hpo_core.progress import ProgressBoard
from hpo_core.reruns import enqueue_reruns, require_enough
from hpo_core.results import ResultsError, settle_costs, write_results
from hpo_core.run_folder import run_folder
from hpo_core.run_names import default_run_name, is_taken
from hpo_core.run_study import Past, open_study, past_of
from hpo_core.run_time import RunTime
from hpo_core.samplers import grid_size, is_exhausted, make_sampler
from hpo_core.settings import Settings
from hpo_core.shares import require_variables, share_of
from hpo_core.trial_files import TrialFiles
from hpo_core.warm_start import enqueue, enqueue_stopped, require_study
from storage.artifacts import Artifacts
from storage.database import Database, open_database
from storage.errors import NameTakenError, StorageError
from storage.notices import NoticeTable
from storage.progress import ProgressTable
from storage.run_storage import count_trials
from storage.runs import Run, Runs, RunState
from storage.studies import Studies

WRITE_INTERVAL_S = 0.25
SHORTEST_INTERVAL_S = 0.1
HEARTBEAT_INTERVAL_S = 2.0
LOST = "the run was resumed elsewhere while this process was asleep: it stops here"


class Runner:
    """One run, from its configuration to its final state.

    Args:
        config: what it was told.
        settings: where databases, results and data are.
        machine: what it may use.
        backends: what makes the thing that trains, by the configuration's word for it.
        resume: carry the run on that the configuration names, instead of making a new one.

    Raises (from the constructor, before anything is written):
        UsageError: the configuration cannot run on this machine.
        StorageError: the database cannot be opened, or the name is taken.
    """

    def __init__(
        self,
        config: OptimizationConfig,
        settings: Settings,
        machine: Machine | None = None,
        backends: Mapping[str, BackendFactory] = LOCAL_ONLY,
        *,
        resume: bool = False,
    ) -> None:
        self._settings = settings
        self._machine = machine or Machine.detect()
        self._backend = backends[config.backend]
        self.config = config
        self._share = share_of(config, self._machine)
        self.workers = self._share.workers
        require_variables(config, settings)
        make_sampler(config.sampler, config.search_space(), config.seed)  # refuses what it cannot search
        open_log(settings.log_file)
        optuna.logging.set_verbosity(optuna.logging.ERROR)  # what it would say is in our own log
        self._database: Database = open_database(settings.storage_url)
        self._runs = Runs(self._database)
        self._owner = f"{socket.gethostname()}:{os.getpid()}"
        self._past, self._resumes = Past(), resume
        self._before: Run | None = None  # what a resumed run was
        if not resume:
            require_study(config.warm_start, Studies(self._database))
        require_enough(Studies(self._database), config)
        self.run_name = self._take_over() if resume else self._claim_name()
        self.total = self._past.total(config.trials)
        self.folder = settings.results_dir / self.run_name
        self._log = RunLog(self.run_name)
        self._board = ProgressBoard(ProgressTable(self._database, self.run_name))
        self._cancelled = threading.Event()
        self._stopped: set[int] = set()
        self._over = threading.Event()
        self._error: Exception | None = None
        self._end_early: str = ""
        self._data_line = ""
        self._time = RunTime(config)
        self._is_lost = False  # to another process
        self.has_begun = False  # to make trials; what fails before that was never begun
        self._thread = threading.Thread(target=self._run, name=f"run {self.run_name}")

    def start(self) -> None:
        """Begin in the background; returns at once."""
        self._thread.start()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Whether the run is over, after waiting at most `timeout_s`."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def error(self) -> Exception | None:
        """What ended the run, where it failed."""
        return self._error

    @property
    def host(self) -> str:
        """The machine it runs on, as the owner of a run names it."""
        return self._owner.partition(":")[0]

    def beat(self) -> bool:
        """Say that the run is alive; for one that waits its turn. Whether it is still ours. Raises StorageError."""
        return self._runs.beat(self.run_name, self._owner)

    def is_told_to_stop(self) -> bool:
        """Whether somebody asked for its end in the database. Raises StorageError."""
        return self._runs.cancel_requested(self.run_name)

    def abandon(self, reason: str) -> None:
        """End a run that was not started; one that was to be resumed is again what it was."""
        if self._before is None:
            self._close(RunState.CANCELLED, reason)
        else:
            self._log.info("the run does not go on: %s", reason)
            self._runs.put_back(self._before, owner=self._owner)

    def cancel(self) -> None:
        """Stop the run; its trials end within two seconds. As a cancel request in the database, but at once."""
        self._cancelled.set()

    def _claim_name(self) -> str:
        """Make the run's row; a name of our own making evades those that are taken."""
        base = self.config.run_name or default_run_name(self.config, datetime.now())
        for attempt in range(1, 100):
            name = base if attempt == 1 else f"{base}-{attempt}"
            try:
                if is_taken(name, Studies(self._database), self._settings.results_dir):
                    raise NameTakenError(f"run_name is taken: {name!r} has a run, study or folder; choose another name")
                self._runs.forget_failed_start(name)
                self._runs.create(name, owner=self._owner, trials=self.config.trials)
            except NameTakenError:
                if self.config.run_name is not None:
                    raise
            else:
                return name
        raise UsageError("run_name", "must be given: a hundred runs began in this minute")

    def _take_over(self) -> str:
        """Make the run that is resumed our own."""
        name = str(self.config.run_name)
        run = self._before = self._runs.get(name)
        wants_model = self.config.final_model
        lacks_model = wants_model and is_wanting(Studies(self._database), name, self._settings.results_dir / name)
        is_done = run.state is RunState.FINISHED and not lacks_model
        self._past = past_of(self._database, self.config, run.duration_s(), is_done)
        self._runs.take_over(name, owner=self._owner, trials=self._past.total(self.config.trials))
        return name

    def _run(self) -> None:
        """The background thread: everything that happens ends in exactly one final state."""
        heart = threading.Thread(target=self._beat, name=f"heart of {self.run_name}", daemon=True)
        heart.start()
        notices = NoticeHandler(NoticeTable(self._database), self.run_name, self._settings.webhook).open()
        state, message = RunState.FAILED, ""
        try:
            verb = "goes on" if self._past.trials else "starts"
            self._log.info("run %s: %s", verb, _in_words(self.config, self.workers))
            message = self._optimise()
            state = RunState.FINISHED
        except RunCancelled as error:
            state, message = RunState.CANCELLED, str(error)
        except (OneginError, datasets.DatasetError, StorageError, OSError) as error:
            self._error, message = error, str(error)
        except Exception as error:  # noqa: BLE001 - a run that ends in any way must not stay 'running'
            first_line = str(error).splitlines()[0] if str(error) else "no message"
            self._error, message = error, f"{type(error).__name__}: {first_line}"
            self._log.exception("run fails")
        finally:
            self._over.set()
            heart.join()
            self._close(state, message)
            notices.close()

    def _close(self, state: RunState, message: str) -> None:
        """Write down how it ended; where even that fails, the heartbeat tells others that nobody runs it any more."""
        word = "stopped" if state is RunState.CANCELLED else state.value
        said = f"run {word}{f': {message}' if message else ''}"
        if self._is_lost:  # it goes on elsewhere
            self._log.info(said)
            return
        self._log.info(said, extra=notice(Kind.ENDED))
        try:
            self._board_table().clear()
            self._runs.end(self.run_name, state, message, owner=self._owner)
        except StorageError as error:
            self._error = self._error or error
            self._log.error("the end of the run could not be written: %s", error)

    def _optimise(self) -> str:
        """The whole run; returns what there is to say about its end."""
        if not self._runs.begin(self.run_name, self._past.duration_s, self._owner):
            self._is_lost = True
            raise RunError(LOST)
        self._time.begin()
        self._board_table().clear()  # of what a killed process left there
        prepared = datasets.prepare(
            self.config.dataset,
            folder=self._settings.datasets_dir,
            cache=self._settings.cache_dir,
            progress=self._report_data,
        )
        config = replace(self.config, run_name=self.run_name, workers=self.workers)
        sampler = make_sampler(config.sampler, config.search_space(), self._past.seed(config))
        with run_folder(self.folder, self.config, resumes=self._resumes):
            study = open_study(self._database, config, sampler, prepared, self._past)
        class_names = list(prepared.info.class_names)
        backend = self._backend(self._order(class_names))
        try:
            context = RunContext(
                config=self.config,
                threads=self._share.threads,
                replicas=self._share.replicas,
                folder=self.folder,
                files=TrialFiles(Artifacts(self._database, self._settings.artifacts_dir), self.folder, self._log),
                class_names=class_names,
                board=self._board,
                cancelled=self._cancelled,
                stopped=self._stopped,
                log=self._log,
                deadline=self._time.deadline,
                best=BestScore(Studies(self._database).summary(self.run_name).best_score),
            )
            settle_interrupted(study, context)
            backend.warm_up()
            if not study.get_trials(deepcopy=False):
                enqueue(study, Studies(self._database), self.config, self._log)
            enqueue_stopped(study)
            left = enqueue_reruns(study, Studies(self._database), self.config, self._log)
            self.has_begun = True
            try:
                self._study_loop(study, Objective(context, backend), self.workers + backend.ahead, left)
            finally:
                remarks = [] if self._is_lost else write_results(Studies(self._database), self.run_name, self.folder)
            message = self._verdict(study)
            remarks += self._final_model(study, context, backend)
        finally:
            backend.close()
            for problem in [] if self._is_lost else settle_costs(self._database, self.run_name, self.folder):
                self._log.warning("%s", problem)
        return "; ".join(filter(None, [message, *remarks]))

    def _final_model(self, study: optuna.Study, context: RunContext, backend: Backend) -> list[str]:
        """Make it, where it is wanted; that it could not be made is a sentence, and the trials stay."""
        if not self.config.final_model:
            return []
        if self._past.trials and is_of_the_best(study, Studies(self._database), self.folder):
            self._log.info("the final model stays: its trial is still the best")
            return []
        try:
            make_final_model(study, Studies(self._database), context, backend.trainer_for(FINAL_MODEL))
        except RunCancelled:
            raise
        except (TrialFailedError, RunError, ResultsError, OSError) as error:
            remark = f"the final model could not be made: {error}"
            remark += self._time.how_to_go_on(self.run_name, self._n_counted())
            self._log.warning("%s", remark)
            return [remark]
        return []

    def _n_counted(self) -> int:
        """Trials of the study that need not be made again."""
        return count_trials(self._database, self.run_name, without_outcomes=REPEATED)[1]

    def _order(self, class_names: list[str]) -> Order:
        return Order(
            run_name=self.run_name, config=self.config, settings=self._settings, machine=self._machine,
            workers=self.workers, threads=self._share.threads, class_names=class_names, database=self._database,
            log=self._log, cancelled=self._cancelled,
        )  # fmt: skip

    def _study_loop(self, study: optuna.Study, objective: Objective, at_once: int, left: int | None) -> None:
        """Make the trials: `left` where it is known which ones, else as many as are wanted."""
        n_trials = self.total - self._past.trials if left is None else left
        if not n_trials or self._time.is_over or is_exhausted(study):
            return
        study.optimize(
            objective,
            n_trials=n_trials,
            n_jobs=at_once,
            timeout=self._time.left_s(),
            catch=(TrialFailedError, RunCancelled),
            callbacks=[self._after_trial],
        )

    def _after_trial(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        """Stop the study where it was cancelled or leads nowhere."""
        if self._cancelled.is_set():
            study.stop()
        elif trial.user_attrs.get("outcome") == MONEY_CAP:
            self._log.warning("%s", trial.user_attrs.get("reason"), extra=notice(Kind.BUDGET, once=MONEY_CAP))
            study.stop()
        else:
            trials = study.get_trials(deepcopy=False)
            if reason := worrying(trials):
                self._log.warning(
                    "several trials in a row failed: %s", reason, extra=notice(Kind.FAILURES, once=reason)
                )
            if reason := hopeless(trials, self.config.sampler):
                self._end_early = reason
                study.stop()
            elif self._time.is_for_the_final_model(trials):
                self._log.info("no further trial: the time that is left is for the final model")
                study.stop()

    def _verdict(self, study: optuna.Study) -> str:
        if self._cancelled.is_set():
            raise RunCancelled("stopped before its end")
        trials = study.get_trials(deepcopy=False)
        too_dear = capped(trials[self._past.trials :], self.run_name, self.config)
        if not any(trial.state is optuna.trial.TrialState.COMPLETE for trial in trials):
            reasons = [str(trial.user_attrs.get("reason", "")) for trial in trials]
            last = next((reason for reason in reversed(reasons) if reason), "")
            if not last:
                self._time.require("a trial was begun")
            last = last or "no trial was started"
            raise RunError(self._end_early or too_dear or f"no trial was trained to the end; the last one: {last}")
        if self._end_early:
            raise RunError(self._end_early)
        if too_dear:
            return too_dear
        missing = self.total - sum(trial.state is not optuna.trial.TrialState.WAITING for trial in trials)
        if missing <= 0:
            return ""
        if is_exhausted(study):
            return f"the search space is exhausted: all {grid_size(self.config.search_space()):,.0f} points were tried"
        return f"{self._time.limit} came first: {missing} trials were not made"

    def _report_data(self, message: str, share: float) -> None:
        """Progress of a download: in the log, and a chance to stop."""
        if self._cancelled.is_set():
            raise RunCancelled("stopped before its end")
        self._time.require("the data were ready")
        line = f"{message} {share * 100:.0f} %"
        if line != self._data_line:
            self._log.info("%s", line)
            self._data_line = line

    def _beat(self) -> None:
        """Sign of life, live progress and the cancel flag, until the run is over."""
        last_beat = 0.0
        while not self._over.is_set():
            self._board.urgent.wait(WRITE_INTERVAL_S)
            try:
                self._board.flush()
                if time.monotonic() - last_beat >= HEARTBEAT_INTERVAL_S:
                    if not self._runs.beat(self.run_name, self._owner):
                        self._log.error(LOST)
                        self._is_lost = True
                        self._cancelled.set()
                        return
                    last_beat = time.monotonic()
                if self._runs.cancel_requested(self.run_name):
                    self._cancelled.set()
                self._stopped |= self._runs.stops(self.run_name)
            except Exception:  # noqa: BLE001 - a database that is away for a moment must not stop the heart
                self._log.exception("progress could not be written")
            self._over.wait(SHORTEST_INTERVAL_S)

    def _board_table(self) -> ProgressTable:
        return ProgressTable(self._database, self.run_name)


def _in_words(config: OptimizationConfig, workers: int) -> str:
    """For the log: the fields that differ from their defaults; config.yaml has all of them."""
    changed = {name: value for name, value in config.as_dict().items() if value != DEFAULTS.get(name) and value}
    words = " ".join(f"{name}={value}" for name, value in changed.items() if name != "space")
    trials = plural(config.trials, "trial") + (f", {workers} at a time" if config.trials > 1 else "")
    return f"{trials}; {words}" if words else trials
