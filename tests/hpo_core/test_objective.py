"""Tests of how a training becomes a trial's score, state and attributes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import optuna
import pytest

from hpo_core.errors import RunCancelled, TrialFailedError, WorkerDiedError
from hpo_core.logs import RunLog
from hpo_core.objective import Objective, RunContext, trial_seed
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.progress import ProgressBoard
from hpo_core.records import Failed, Finished, Phase, Record, Started, Tick, Trainer
from hpo_core.trial_config import TrialConfig
from hpo_core.trial_files import TrialFiles
from storage.artifacts import Artifacts
from storage.database import Database
from storage.progress import ProgressTable
from tests.contracts.trainer import TrainerContract
from tests.stubs import ScriptedTrainer, epoch, records_of

Script = Callable[[TrialConfig], Sequence[Record | Exception]]


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class TestScriptedTrainer(TrainerContract):
    @pytest.fixture
    def trainer(self) -> Trainer:
        return ScriptedTrainer()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def context(tmp_path: Path, database: Database, clock: Clock) -> RunContext:
    return RunContext(
        config=OptimizationConfig(max_epochs_per_trial=3, max_training_time_minutes=1, pruner="none"),
        threads=2,
        folder=tmp_path / "run",
        board=ProgressBoard(ProgressTable(database, "run")),
        log=RunLog("run"),
        files=TrialFiles(Artifacts(database, tmp_path / "artifacts"), tmp_path / "run", RunLog("run")),
        cancelled=threading.Event(),
        clock=clock,
    )


def run_trial(
    context: RunContext, script: Script = records_of, pruner: optuna.pruners.BasePruner | None = None
) -> tuple[optuna.trial.FrozenTrial, ScriptedTrainer]:
    """One trial in a study of its own."""
    trainer = ScriptedTrainer(script)
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1), pruner=pruner or optuna.pruners.NopPruner()
    )
    study.optimize(Objective(context, trainer), n_trials=1, catch=(TrialFailedError, RunCancelled))
    return study.trials[0], trainer


def test_a_whole_training_is_complete_with_the_last_epochs_score(context: RunContext) -> None:
    trial, trainer = run_trial(context)
    assert trial.state.name == "COMPLETE" and trial.value == pytest.approx(0.9)
    assert list(trial.intermediate_values) == [1, 2, 3]
    attributes = trial.user_attrs
    assert attributes["outcome"] == "complete" and attributes["reason"] == ""
    assert attributes["accuracy"] == pytest.approx(0.9) and attributes["epochs_trained"] == 3
    assert TrialConfig.from_json(attributes["configuration"]) == trainer.seen[0]
    assert trainer.closed == 1


def test_parameters_of_the_study_and_of_the_configuration_are_the_same(context: RunContext) -> None:
    trial, trainer = run_trial(context)
    config = trainer.seen[0]
    assert config.number("epochs") == 3 and config.threads == 2 and config.seed == trial_seed(42, 0)
    assert config.split_seed == 42
    for name, value in trial.params.items():
        expected = float(f"{value:.6g}") if isinstance(value, float) else value
        assert config[name] == expected


@pytest.mark.parametrize(
    ("objective", "expected"),
    [("validation_accuracy", 0.9), ("macro_f1", 0.89), ("top5_accuracy", 0.95), ("validation_loss", 0.5)],
)
def test_the_score_is_the_chosen_objective(context: RunContext, objective: str, expected: float) -> None:
    context.config = OptimizationConfig(objective=objective, max_epochs_per_trial=3)
    assert run_trial(context)[0].value == pytest.approx(expected)


class PruneAt(optuna.pruners.BasePruner):
    def __init__(self, step: int) -> None:
        self.step = step

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        return trial.last_step == self.step


def test_a_pruned_trial_stops_training(context: RunContext) -> None:
    trial, trainer = run_trial(context, pruner=PruneAt(2))
    assert trial.state.name == "PRUNED" and trial.user_attrs["outcome"] == "pruned"
    assert trial.user_attrs["epochs_trained"] == 2 and trainer.closed == 1


def test_a_trial_that_is_done_is_not_pruned(context: RunContext) -> None:
    assert run_trial(context, pruner=PruneAt(3))[0].state.name == "COMPLETE"


def test_a_model_that_is_too_large_is_refused_before_training(context: RunContext) -> None:
    context.config = OptimizationConfig(max_parameters=100, max_epochs_per_trial=3)
    trial, trainer = run_trial(context)
    assert trial.state.name == "PRUNED" and trial.user_attrs["outcome"] == "too large"
    assert trainer.seen == []
    (constraint,) = [value for key, value in trial.system_attrs.items() if "parameters" in key]
    assert constraint > 0


def test_a_model_that_fits_is_told_to_the_sampler_too(context: RunContext) -> None:
    trial, _ = run_trial(context)
    (constraint,) = [value for key, value in trial.system_attrs.items() if "parameters" in key]
    assert constraint == trial.user_attrs["parameters"] - context.config.max_parameters < 0


STARTED = Started(layers=[], parameters=1, n_train=1, n_validation=1, process=1)


@pytest.mark.parametrize(
    ("script", "state", "outcome", "reason"),
    [
        ([Failed(error_type="ResourceExhaustedError", message="OOM", traceback="")], "FAIL", "crashed", "OOM"),
        ([STARTED, WorkerDiedError("ended by SIGKILL")], "FAIL", "crashed", "SIGKILL"),
        ([STARTED], "FAIL", "crashed", "without a result"),
        ([Finished(epochs=0, duration_s=0.0)], "FAIL", "crashed", "without a result"),
        ([STARTED, epoch(1, 3, loss=None)], "PRUNED", "diverged", "no number after epoch 1"),
    ],
    ids=["failed", "died", "silent", "nothing", "diverged"],
)
def test_ends_without_a_score(
    context: RunContext, script: list[Record | Exception], state: str, outcome: str, reason: str
) -> None:
    trial, trainer = run_trial(context, lambda _: script)
    assert (trial.state.name, trial.user_attrs["outcome"]) == (state, outcome)
    assert reason in trial.user_attrs["reason"] and trainer.closed == 1


def ticking(action: Callable[[], None]) -> Script:
    """Ticks, and after the first one something happens outside."""

    def script(_: TrialConfig) -> list[Record]:
        action()
        return [Tick(), Tick()]

    return script


def test_cancelling_is_seen_on_a_tick(context: RunContext) -> None:
    trial, trainer = run_trial(context, ticking(context.cancelled.set))
    assert (trial.state.name, trial.user_attrs["outcome"]) == ("FAIL", "cancelled")
    assert trainer.closed == 1


def test_a_trial_past_its_time_limit_fails(context: RunContext, clock: Clock) -> None:
    trial, _ = run_trial(context, ticking(lambda: setattr(clock, "now", 61.0)))
    assert (trial.state.name, trial.user_attrs["outcome"]) == ("FAIL", "time limit")
    assert "trial's time limit of 1 min" in trial.user_attrs["reason"]


def test_a_trial_past_the_runs_time_limit_fails(context: RunContext, clock: Clock) -> None:
    context.config = OptimizationConfig(timeout_minutes=0.5, max_epochs_per_trial=3)
    context.deadline = 30.0
    trial, _ = run_trial(context, ticking(lambda: setattr(clock, "now", 31.0)))
    assert "run's time limit of 0.5 min" in trial.user_attrs["reason"]


def test_the_records_are_kept_and_ticks_are_not(context: RunContext) -> None:
    run_trial(context, lambda config: [Tick(), Phase(name="loading data"), *records_of(config)])
    lines = (context.folder / "trial_0" / "records.jsonl").read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines] == [
        "phase", "started", "batch", "epoch", "epoch", "epoch", "finished",
    ]  # fmt: skip


def test_a_running_trial_is_on_the_board_until_it_ends(context: RunContext, database: Database) -> None:
    table, seen = ProgressTable(database, "run"), []

    def script(config: TrialConfig) -> list[Record]:
        context.board.flush()
        seen.extend(table.read())
        return records_of(config)

    run_trial(context, script)
    context.board.flush()
    assert [(item.trial, item.epochs) for item in seen] == [(0, 3)] and table.read() == []


def test_neighbouring_trials_have_unrelated_seeds() -> None:
    seeds = {trial_seed(seed, number) for seed in range(10) for number in range(100)}
    assert len(seeds) == 1000 and all(0 <= seed < 2**32 for seed in seeds)
