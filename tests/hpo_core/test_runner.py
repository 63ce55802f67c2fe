"""Tests of whole runs; what trains is scripted, everything else is real."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from datasets import DatasetError
from hpo_core.backends import Backend
from hpo_core.errors import UsageError, WorkerDiedError
from hpo_core.failures import hopeless
from hpo_core.local.trainer import STOP_WAIT_S, TICK_S
from hpo_core.logs import tail
from hpo_core.machine import Machine
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.outcome import run_outcome
from hpo_core.parameters import Architecture, defaults
from hpo_core.records import Record, Trainer
from hpo_core.runner import SHORTEST_INTERVAL_S, WRITE_INTERVAL_S, Runner
from hpo_core.settings import Settings
from hpo_core.trial_config import TrialConfig
from storage.database import Database
from storage.errors import NameTakenError
from storage.progress import ProgressTable
from storage.runs import Runs, RunState
from storage.studies import Studies
from tests.stubs import EndlessTrainer, ScriptedTrainer, records_of

MACHINE = Machine(cores=4, memory_bytes=8_000_000_000)
PATIENCE_S = 20.0
# What takes this long has waited for something else than a busy machine.
SOON_S = 10.0


def runner(settings: Settings, trainer: Trainer, closed: list[bool] | None = None, **fields: object) -> Runner:
    values: dict[str, object] = {"trials": 4, "max_epochs_per_trial": 2, "workers": 1, "run_name": "a"}
    values["final_model"] = False
    config = OptimizationConfig(**(values | fields))  # type: ignore[arg-type]
    over = closed if closed is not None else []
    backend = Backend(lambda _trial: trainer, close=lambda: over.append(True))
    return Runner(config, settings, MACHINE, {"local": lambda _order: backend})


def finish(run: Runner) -> Runner:
    run.start()
    assert run.wait(PATIENCE_S)
    return run


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_a_run_is_finished_and_everything_about_it_is_in_the_database(settings: Settings, database: Database) -> None:
    closed: list[bool] = []
    finish(runner(settings, ScriptedTrainer(), closed))
    outcome = run_outcome(settings, "a")
    assert (outcome.state, outcome.n_complete, outcome.n_trials) == (RunState.FINISHED, 4, 4)
    assert outcome.best_accuracy == pytest.approx(0.9) and 0 < (outcome.best_health or 0) < 1
    assert outcome.test_accuracy is None and outcome.duration_s > 0
    attributes = Studies(database).attributes("a")
    assert OptimizationConfig.from_mapping(attributes["configuration"]).trials == 4
    assert attributes["dataset"] and len(attributes["dataset fingerprint"]) == 64
    assert set(attributes["search space"]) >= {"filters", "epochs"}
    saved = OptimizationConfig.from_words([f"config={settings.results_dir / 'a' / 'config.yaml'}"])
    assert saved.trials == 4 and (settings.results_dir / "a" / "trial_3" / "records.jsonl").exists()
    assert closed == [True] and ProgressTable(database, "a").read() == []


def test_optuna_opens_the_study_by_its_name(settings: Settings) -> None:
    finish(runner(settings, ScriptedTrainer()))
    study = optuna.load_study(study_name="a", storage=settings.storage_url)
    assert study.metric_names == ["validation accuracy"] and study.best_value == pytest.approx(0.9)


def test_the_same_seed_and_one_worker_give_the_same_trials(settings: Settings, database: Database) -> None:
    def parameters(name: str, seed: int) -> list[object]:
        finish(runner(settings, ScriptedTrainer(), run_name=name, seed=seed, trials=15))
        return [(row.params, row.attributes["configuration"]) for row in Studies(database).trials(name)]

    first = parameters("a", 7)
    assert parameters("b", 7) == first
    assert parameters("c", 8) != first


def test_a_cancelled_training_waits_two_seconds_at_most() -> None:
    """Until the training is looked at, and until it is killed; with `Runner.cancel` there is nothing else to wait."""
    assert TICK_S + STOP_WAIT_S <= 2


def test_cancelling_ends_it_soon(settings: Settings, database: Database) -> None:
    trainer = EndlessTrainer()
    run = runner(settings, trainer, workers=2)
    run.start()
    wait_for(lambda: trainer.started == 2)
    began = time.monotonic()
    Runs(database).request_cancel("a")  # as another process would
    assert run.wait(PATIENCE_S) and time.monotonic() - began < SOON_S
    assert Runs(database).get("a").state is RunState.CANCELLED and trainer.closed == 2
    assert {row.attributes["outcome"] for row in Studies(database).trials("a")} == {"cancelled"}


def test_a_cancel_from_another_process_has_time_to_be_obeyed_within_two_seconds() -> None:
    """The flag is read after both waits of the heart, heard at the next tick, and obeyed or enforced."""
    waits_s = WRITE_INTERVAL_S + SHORTEST_INTERVAL_S + TICK_S + STOP_WAIT_S
    assert waits_s <= 1.75  # the rest is for the work itself


def test_one_trial_is_stopped_and_the_others_go_on(settings: Settings, database: Database) -> None:
    trainer = EndlessTrainer()
    run = runner(settings, trainer, workers=2, trials=3)
    run.start()
    wait_for(lambda: trainer.started == 2)
    began = time.monotonic()
    for _ in range(2):  # also a double press
        Runs(database).request_stop("a", 1)
    wait_for(lambda: trainer.started == 3)  # the next one begins in its place
    assert time.monotonic() - began < SOON_S
    rows = Studies(database).trials("a")
    assert [row.state for row in rows] == ["running", "fail", "running"]
    assert (rows[1].attributes["outcome"], rows[1].attributes["reason"]) == ("stopped", "stopped by its user")
    run.cancel()
    assert run.wait(PATIENCE_S)
    Runs(database).request_stop("a", 2)
    assert Runs(database).stops("a") == {1}, "nobody is there to stop it"
    assert "trial 1 stopped by its user, " in settings.log_file.read_text(encoding="utf-8")


def test_a_cancelled_run_leaves_the_files_of_its_trials(settings: Settings) -> None:
    run: list[Runner] = []

    def script(config: TrialConfig) -> list[Record]:
        if len(trainer.seen) == 3:
            run[0].cancel()
        return records_of(config)

    trainer = ScriptedTrainer(script)
    run.append(runner(settings, trainer, trials=9))
    finish(run[0])
    folder = settings.results_dir / "a"
    assert run_outcome(settings, "a").state is RunState.CANCELLED
    assert (folder / "best_hyperparameters.yaml").exists() and len((folder / "trials.csv").read_text().split("\n")) > 3


def test_the_configuration_of_a_run_repeats_it(settings: Settings) -> None:
    finish(runner(settings, ScriptedTrainer()))
    again = OptimizationConfig.from_words([f"config={settings.results_dir / 'a' / 'config.yaml'}"])
    assert again.run_name is None and again.trials == 4


def test_a_start_and_a_cancel_in_one_breath(settings: Settings, database: Database) -> None:
    run = runner(settings, EndlessTrainer())
    run.start()
    run.cancel()
    assert run.wait(PATIENCE_S)
    assert Runs(database).get("a").state is RunState.CANCELLED


def test_a_crashed_trial_fails_alone(settings: Settings) -> None:
    crashed = iter([True, False, False, True])
    script = lambda config: [WorkerDiedError("gone")] if next(crashed) else records_of(config)  # noqa: E731
    finish(runner(settings, ScriptedTrainer(script)))
    outcome = run_outcome(settings, "a")
    assert (outcome.state, outcome.n_complete, outcome.n_failed) == (RunState.FINISHED, 2, 2)


def test_nothing_but_crashes_fails_the_run_with_the_reason(settings: Settings) -> None:
    finish(runner(settings, ScriptedTrainer(lambda _: [WorkerDiedError("gone for good")]), trials=30))
    outcome = run_outcome(settings, "a")
    assert (outcome.state, outcome.n_failed) == (RunState.FAILED, 10) and "gone for good" in outcome.message


def test_a_time_limit_ends_the_run_in_good_order(settings: Settings) -> None:
    finish(runner(settings, EndlessTrainer(), timeout_minutes=0.01))
    outcome = run_outcome(settings, "a")
    assert outcome.state is RunState.FAILED and "time limit of 0.01 min" in outcome.message


def test_data_that_cannot_be_read_fail_the_run(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "mnist.npz").write_bytes(b"no archive")
    run = finish(runner(replace(settings, datasets_dir=tmp_path), ScriptedTrainer(), dataset="mnist"))
    assert isinstance(run.error, DatasetError)
    outcome = run_outcome(settings, "a")
    assert outcome.state is RunState.FAILED and "mnist.npz" in outcome.message and outcome.n_trials == 0
    assert not (settings.results_dir / "a").exists()


def test_a_run_is_cancelled_while_its_download_waits_for_an_answer(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # where nobody answers
    run = runner(replace(settings, datasets_dir=None), ScriptedTrainer(), dataset="mnist")
    run.start()
    wait_for(lambda: tail(settings.log_file, 10, containing="Downloading"))
    time.sleep(1.5)  # so that it has been told more than once
    run.cancel()
    assert run.wait(PATIENCE_S) and run_outcome(settings, "a").state is RunState.CANCELLED
    assert len(tail(settings.log_file, 10, containing="Downloading")) == 1


def test_a_name_is_used_once(settings: Settings) -> None:
    finish(runner(settings, ScriptedTrainer()))
    with pytest.raises(NameTakenError, match="run_name is taken"):
        runner(settings, ScriptedTrainer())


def test_a_name_whose_start_failed_may_be_used_again(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "mnist.npz").write_bytes(b"no archive")
    finish(runner(replace(settings, datasets_dir=tmp_path), ScriptedTrainer(), dataset="mnist"))
    finish(runner(settings, ScriptedTrainer()))
    assert run_outcome(settings, "a").state is RunState.FINISHED


def test_a_start_that_fails_before_its_study_leaves_no_folder(settings: Settings, database: Database) -> None:
    """The name of the run is given away between its claim and its start."""
    run = runner(settings, ScriptedTrainer())
    optuna.create_study(study_name="a", storage=database.url)
    finish(run)
    assert run_outcome(settings, "a").state is RunState.FAILED and not run.folder.exists()
    optuna.delete_study(study_name="a", storage=database.url)
    finish(runner(settings, ScriptedTrainer()))
    assert run_outcome(settings, "a").state is RunState.FINISHED and (run.folder / "config.yaml").is_file()


def test_the_name_of_a_study_of_plain_optuna_is_taken(settings: Settings, database: Database) -> None:
    optuna.create_study(study_name="a", storage=database.url)
    with pytest.raises(NameTakenError, match="'a' has a run, study or folder"):
        runner(settings, ScriptedTrainer())
    assert Runs(database).list() == []


@pytest.mark.parametrize("timeout_minutes", [None, 60])
def test_a_grid_that_is_exhausted_finishes_the_run(settings: Settings, timeout_minutes: float | None) -> None:
    space = defaults(Architecture.CNN) | {"activation": ["relu", "elu"], "epochs": 2}
    finish(runner(settings, ScriptedTrainer(), sampler="grid", space=space, trials=5, timeout_minutes=timeout_minutes))
    outcome = run_outcome(settings, "a")
    assert (outcome.state, outcome.n_complete) == (RunState.FINISHED, 2)
    assert outcome.message == "the search space is exhausted: all 2 points were tried"


def test_results_that_were_deleted_are_begun_anew(settings: Settings) -> None:
    finish(runner(settings, ScriptedTrainer()))
    shutil.rmtree(settings.results_dir)
    finish(runner(settings, ScriptedTrainer()))
    assert run_outcome(settings, "a").n_complete == 4 and (settings.results_dir / "onegin.db").exists()
    assert any("run finished" in line for line in tail(settings.log_file, 50))


def test_a_name_of_our_own_making_evades(settings: Settings) -> None:
    first, second = (runner(settings, ScriptedTrainer(), run_name=None) for _ in range(2))
    assert first.run_name != second.run_name


def test_more_workers_than_cores(settings: Settings) -> None:
    with pytest.raises(UsageError, match="workers must be at most 4"):
        runner(settings, ScriptedTrainer(), workers=5)


def test_a_results_folder_that_cannot_be_written_to(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match="ONEGIN_RESULTS_DIR must be a folder that can be written to"):
        runner(replace(settings, results_dir=tmp_path / "file" / "x"), ScriptedTrainer())


def test_two_workers_train_at_once(settings: Settings) -> None:
    trainer = EndlessTrainer()
    run = runner(settings, trainer, workers=2)
    run.start()
    wait_for(lambda: trainer.started == 2)
    run.cancel()
    assert run.wait(PATIENCE_S)


def test_the_log_names_the_run(settings: Settings) -> None:
    finish(runner(settings, ScriptedTrainer()))
    lines = tail(settings.log_file, 100, containing="[a]")
    assert any("trial 3 complete" in line for line in lines) and lines[-1].endswith("run finished")
    assert tail(settings.log_file, 2) == lines[-2:]
    assert tail(settings.log_file.with_name("none.log"), 5) == []


def test_live_progress_is_readable_while_it_runs(settings: Settings, database: Database) -> None:
    run = runner(settings, EndlessTrainer())
    run.start()
    wait_for(lambda: [item.phase for item in ProgressTable(database, "a").read()] == ["training"])
    run.cancel()
    assert run.wait(PATIENCE_S)


def frozen(outcome: str, number: int) -> optuna.trial.FrozenTrial:
    attributes = {"outcome": outcome, "reason": f"reason {number}"}
    return optuna.trial.create_trial(state=optuna.trial.TrialState.PRUNED, user_attrs=attributes)


@pytest.mark.parametrize(
    ("outcomes", "sampler", "said"),
    [
        (["crashed"] * 10, "tpe", "10 trials in a row failed; the last one: reason 9"),
        (["crashed"] * 9, "tpe", ""),
        (["crashed"] * 5 + ["complete"] + ["crashed"] * 9, "tpe", ""),
        (["too large"] * 10, "cmaes", "10 models in a row were too large"),
        (["too large"] * 10, "gp", "10 models in a row were too large"),
        (["too large"] * 10, "tpe", ""),
    ],
)
def test_when_it_is_hopeless(outcomes: list[str], sampler: str, said: str) -> None:
    trials = [frozen(outcome, number) for number, outcome in enumerate(outcomes)]
    reason = hopeless(trials, sampler)
    assert said in reason and bool(said) == bool(reason)


def test_the_owner_is_this_process(settings: Settings, database: Database) -> None:
    runner(settings, ScriptedTrainer())
    assert Runs(database).get("a").owner.endswith(f":{os.getpid()}")
