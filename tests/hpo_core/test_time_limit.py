"""Tests of the time of one training, and of that of a whole run."""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from hpo_core.backends import Backend
from hpo_core.errors import RunError, TrialTimeoutError, UsageError
from hpo_core.logs import RunLog
from hpo_core.objective import RunContext, TimeLimit
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.outcome import run_outcome
from hpo_core.progress import ProgressBoard
from hpo_core.records import WAITING, Finished, Phase, Record, Started, Tick
from hpo_core.run_study import resumed_config
from hpo_core.run_time import FILES_S, RunTime
from hpo_core.runner import Runner
from hpo_core.settings import Settings
from hpo_core.trial_config import FINAL, TrialConfig
from hpo_core.trial_files import TrialFiles
from storage.artifacts import Artifacts
from storage.database import Database
from storage.progress import ProgressTable
from storage.runs import RunState
from tests.hpo_core.test_final_model import exported
from tests.hpo_core.test_runner import MACHINE, finish, runner
from tests.hpo_core.test_warm_start import earlier
from tests.stubs import EndlessTrainer, ScriptedTrainer, records_of


def test_waiting_for_a_worker_is_not_the_trainings_time(tmp_path: Path, database: Database) -> None:
    now = [0.0]
    context = RunContext(
        config=OptimizationConfig(max_training_time_minutes=1), threads=1, folder=tmp_path,
        board=ProgressBoard(ProgressTable(database, "run")), log=RunLog("run"),
        files=TrialFiles(Artifacts(database, tmp_path / "artifacts"), tmp_path, RunLog("run")),
        cancelled=threading.Event(), clock=lambda: now[0],
    )  # fmt: skip
    limit = TimeLimit(context)
    limit.see(Phase(name=f"{WAITING} in a queue"))
    now[0] = 1000.0
    limit.see(Tick())
    limit.see(Phase(name="loading data"))
    now[0] += 59.0
    limit.see(Tick())
    now[0] += 2.0
    with pytest.raises(TrialTimeoutError, match="the trial's time limit of 1 min"):
        limit.see(Tick())


TESTED = Finished(epochs=2, duration_s=0.1, confusion=[[9, 1], [0, 10]], test_accuracy=0.95, test_loss=0.2, n_test=20)
LIMIT_MINUTES = 0.1


class SlowEnd:
    """Trains trials at once; the final model takes for ever until it is told otherwise; its file lies in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.is_slow, self.final_models = True, 0

    def __call__(self, config: TrialConfig) -> Iterator[Record]:
        if config.part != FINAL:
            yield from records_of(config)
            return
        self.final_models += 1
        yield Started(layers=[], parameters=10, n_train=120, n_validation=0, process=1)
        while self.is_slow:
            time.sleep(0.02)
            yield Tick()
        yield exported(self.folder)
        yield TESTED


def limited(
    settings: Settings, backend: Backend, trials: int = 1, *, resume: OptimizationConfig | None = None
) -> Runner:
    config = resume or OptimizationConfig(
        run_name="a", trials=trials, max_epochs_per_trial=2, workers=1, timeout_minutes=LIMIT_MINUTES
    )
    return Runner(config, settings, MACHINE, {"local": lambda _order: backend}, resume=resume is not None)


def test_the_final_model_ends_with_the_time_of_the_run_and_can_be_made_later(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    trainer = SlowEnd(tmp_path)
    backend = Backend(lambda _trial: trainer)
    finish(limited(settings, backend))
    outcome = run_outcome(settings, "a")
    assert (outcome.state, outcome.n_complete, outcome.test_accuracy) == (RunState.FINISHED, 1, None)
    assert LIMIT_MINUTES * 60 <= outcome.duration_s < LIMIT_MINUTES * 60 + 5
    assert outcome.message == (
        "the final model could not be made: the run's time limit of 0.1 min was reached; "
        "resume run_name=a makes it, with as much time again"
    )
    trainer.is_slow = False
    config = resumed_config(database, "a", {}, MACHINE.cores)
    finish(limited(settings, backend, resume=config))
    outcome = run_outcome(settings, "a")
    assert (outcome.state, outcome.n_trials, outcome.test_accuracy) == (RunState.FINISHED, 1, 0.95)
    with pytest.raises(UsageError, match="trials must be more than the 1"):
        limited(settings, backend, resume=config)


def test_preparation_is_time_of_the_run(settings: Settings) -> None:
    trainer = EndlessTrainer()
    backend = Backend(lambda _trial: trainer, warm_up=lambda: time.sleep(LIMIT_MINUTES * 60))
    finish(limited(settings, backend))
    outcome = run_outcome(settings, "a")
    assert (outcome.state, outcome.n_trials, trainer.started) == (RunState.FAILED, 0, 0)
    assert outcome.message == (
        "the time limit of 0.1 min came before a trial was begun: start the run again with more timeout_minutes"
    )


def test_trials_that_take_all_the_time_leave_a_remark_how_to_get_the_model(settings: Settings) -> None:
    def script(config: TrialConfig) -> Iterator[Record]:
        *trained, finished = records_of(config)
        yield from trained
        time.sleep(LIMIT_MINUTES * 60)
        yield finished

    trainer = ScriptedTrainer(script)  # type: ignore[arg-type]
    finish(limited(settings, Backend(lambda _trial: trainer), trials=2))
    outcome = run_outcome(settings, "a")
    assert (outcome.state, outcome.n_complete, outcome.n_trials) == (RunState.FINISHED, 1, 1)
    assert outcome.message.startswith("the time limit of 0.1 min came first: 1 trials were not made; ")
    assert outcome.message.endswith("resume run_name=a trials=1 makes it, with as much time again")
    assert all(config.part != FINAL for config in trainer.seen)


def complete(seconds: float) -> optuna.trial.FrozenTrial:
    trial = optuna.trial.create_trial(value=0.9)
    trial.datetime_start = datetime.datetime(2026, 1, 1)
    trial.datetime_complete = trial.datetime_start + datetime.timedelta(seconds=seconds)
    return trial


@pytest.mark.parametrize(
    ("passed_s", "is_time"),
    [(0, False), (600 - 180 - FILES_S - 1, False), (600 - 180 - FILES_S + 1, True), (600 - 100 - FILES_S + 1, False)],
    ids=["begun", "time for one more", "time for the model alone", "time for neither"],
)
def test_the_search_ends_in_time_for_the_final_model(passed_s: float, is_time: bool) -> None:
    """Trials of 80 s; the final model trains on a quarter more samples."""
    now = [5.0]
    config = OptimizationConfig(timeout_minutes=10, validation_split=0.2)
    limit = RunTime(config, clock=lambda: now[0])
    limit.begin()
    now[0] += passed_s
    trials = [complete(80), complete(20)]
    assert limit.is_for_the_final_model(trials) is is_time
    assert not limit.is_for_the_final_model([])
    for other in (replace(config, final_model=False), replace(config, timeout_minutes=None)):
        unlimited = RunTime(other, clock=lambda: now[0])
        unlimited.begin()
        assert not unlimited.is_for_the_final_model(trials)


def test_a_download_that_takes_all_the_time_ends_the_run() -> None:
    now = [0.0]
    limit = RunTime(OptimizationConfig(timeout_minutes=1), clock=lambda: now[0])
    limit.begin()
    now[0] = 59.0
    limit.require("the data were ready")
    now[0] = 61.0
    with pytest.raises(RunError, match="limit of 1 min came before the data were ready: start the run again"):
        limit.require("the data were ready")


def test_no_trial_takes_the_time_of_the_final_model(settings: Settings, tmp_path: Path) -> None:
    class ForTheModel(RunTime):
        def is_for_the_final_model(self, trials: Sequence[optuna.trial.FrozenTrial]) -> bool:
            return len(trials) == 2

    trainer = SlowEnd(tmp_path)
    trainer.is_slow = False
    run = limited(settings, Backend(lambda _trial: trainer), trials=4)
    run._time = ForTheModel(OptimizationConfig(timeout_minutes=5))
    finish(run)
    outcome = run_outcome(settings, "a")
    assert (outcome.n_trials, outcome.test_accuracy, trainer.final_models) == (2, 0.95, 1)


def test_queued_configurations_that_there_was_no_time_for_are_missing(settings: Settings, database: Database) -> None:
    class AfterTheFirst(RunTime):
        def is_for_the_final_model(self, trials: Sequence[optuna.trial.FrozenTrial]) -> bool:
            return True

    earlier(database)
    run = runner(settings, ScriptedTrainer(), warm_start="earlier")
    run._time = AfterTheFirst(OptimizationConfig(timeout_minutes=5))
    finish(run)
    assert run_outcome(settings, "a").message == "the time limit of 5 min came first: 3 trials were not made"
