"""Tests of the command line, whose words, exit codes and JSON scripts depend on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from hpo_core.__main__ import main
from hpo_core.backends import Backend
from hpo_core.commands.train import trial_config
from hpo_core.machine import Machine
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.runner import Runner
from hpo_core.settings import Settings
from storage.database import open_database
from storage.progress import ProgressTable
from storage.runs import Runs, RunState
from storage.studies import Studies
from tests.processes import is_gone
from tests.stubs import ScriptedTrainer

ROOT = Path(__file__).resolve().parents[2]
# Ends a test that fails; one that works does not wait.
PATIENCE_S, START_S = 60.0, 300.0
SUMMARY = {
    "run_name", "study_name", "state", "n_trials", "n_complete", "n_pruned", "n_failed", "best_trial", "best_accuracy",
    "best_health", "best_score", "test_accuracy", "duration_s", "results_dir",
}  # fmt: skip


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """Variables of a process that shares the test's folders, also set in this one."""
    monkeypatch.setenv("ONEGIN_RESULTS_DIR", str(settings.results_dir))
    monkeypatch.delenv("ONEGIN_STORAGE_URL", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return dict(os.environ)


def json_of(text: str) -> dict[str, Any]:
    answer = json.loads(text.splitlines()[-1])
    assert isinstance(answer, dict)
    return answer


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["optimize", "dataset=mnits"], "did you mean 'mnist'"),
        (["optimize", "trials=0"], "trials must be a whole number from 1"),
        (["optimize", "workers=64"], "workers must be at most"),
        (["optimize", "sampler=grid"], "more than 10,000"),
        (["optimize", "space=/nowhere.yaml"], "/nowhere.yaml"),
        (["optimize", "run_name=a b"], "run_name=a-b"),
        (["train", "filters=0"], "filters must be a whole number from 1"),
        (["train", "threads=0"], "threads must be a whole number from 1"),
        (["train", "thread=1"], "did you mean threads?"),
        (["train", "trials=3"], "trials=3 has a key that training a CNN does not know"),
        (["train", "dataset=imdb", "filters=8"], "training a LSTM does not know"),
        (["cancel"], "run_name must be given"),
        (["cancel", "run_name=nobody"], "'nobody'"),
        (["status", "run_nam=x"], "did you mean run_name?"),
        (["status", "run_name=nobody"], "'nobody'"),
        (["datasets", "x=1"], "leave it out"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    environment: dict[str, str], capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and said in error and error.count("\n") == 1


def test_bad_input_leaves_nothing_behind(environment: dict[str, str], settings: Settings) -> None:
    main(["optimize", "trials=0"])
    main(["optimize", "workers=64"])
    assert not settings.results_dir.exists()


def test_a_database_that_cannot_be_opened(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ONEGIN_STORAGE_URL", "sqlite:////proc/none/onegin.db")
    assert main(["optimize", "trials=1"]) == 2
    assert "ONEGIN_STORAGE_URL cannot be opened" in capsys.readouterr().err


def test_status_of_nothing_and_the_list_of_datasets(
    environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--json"]) == 0
    assert json_of(capsys.readouterr().out) == {"runs": []}
    assert main(["datasets", "--json"]) == 0
    rows = json_of(capsys.readouterr().out)["datasets"]
    assert [row["name"] for row in rows][:2] == ["digits", "mnist"] and rows[0]["source"] == "built in"


def test_help_is_quick() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "hpo_core", "--help"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "optimize" in answer.stdout
    assert not any(module in answer.stderr for module in ("optuna", "numpy", "sqlalchemy"))


def words_of(config: Mapping[str, Any]) -> dict[str, str]:
    """What `train` is told to repeat the trial that has this configuration: all that decides what it does."""
    not_told = {"architecture", "replicas", "part", "objective", "health_weight", "health_interval", "plots"}
    return {name: str(value) for name, value in config.items() if name not in {*not_told, "draw_above"}}


def test_a_trial_of_a_study_can_be_trained_again(environment: dict[str, str], settings: Settings) -> None:
    trainer = ScriptedTrainer()
    config = OptimizationConfig(trials=2, workers=2, threads=3, validation_split=0.25, seed=5, final_model=False)
    run = Runner(config, settings, Machine(8, 8_000_000_000), {"local": lambda _order: Backend(lambda _trial: trainer)})
    run.start()
    assert run.wait(20) and len(trainer.seen) == 2
    for trained in trainer.seen:
        again = trial_config(words_of(json.loads(trained.to_json())), threads=8)
        assert again == replace(trained, plots="none", draw_above=None) and again.threads == 3


@pytest.mark.parametrize(("given", "threads"), [({}, 2), ({"threads": "auto"}, 2), ({"threads": "1"}, 1)])
def test_train_takes_the_threads_it_is_told(given: dict[str, str], threads: int) -> None:
    assert trial_config(given, threads=2).threads == threads


def test_train_fills_in_declared_defaults_and_nothing_else() -> None:
    config = trial_config({"dataset": "digits", "filters": "8", "seed": "3"}, threads=2)
    assert config["filters"] == 8 and config["kernel_size"] == 3 and config.seed == config.split_seed == 3
    assert config.sample_percentage == 100.0 and config.threads == 2


@pytest.mark.slow
class TestRealRuns:
    """Whole processes, as a script would start them."""

    @pytest.fixture
    def start(self, environment: dict[str, str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
        processes: list[subprocess.Popen[str]] = []

        def begin(*words: str) -> subprocess.Popen[str]:
            command = [sys.executable, "-m", "hpo_core", *words]
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            processes.append(process)
            return process

        yield begin
        for process in processes:
            process.kill()
            process.communicate()

    def test_two_runs_with_one_seed_and_one_worker_are_identical(
        self, start: Callable[..., subprocess.Popen[str]], environment: dict[str, str], settings: Settings
    ) -> None:
        words = ("optimize", "dataset=digits", "trials=3", "max_epochs_per_trial=2", "workers=1", "seed=5", "--json")
        outcomes, rows = [], []
        for name in ("one", "two"):
            process = start(*words, f"run_name={name}")
            out, _ = process.communicate(timeout=300)
            assert process.returncode == 0
            outcomes.append(json_of(out))
            study = Studies(open_database(settings.storage_url)).trials(name)
            rows.append([(row.params, row.score, row.curve) for row in study])
        assert rows[0] == rows[1]
        for outcome in outcomes:
            assert set(outcome) >= SUMMARY
            assert (outcome["state"], outcome["n_complete"] + outcome["n_pruned"]) == ("finished", 3)
            assert 0 < outcome["best_health"] < 1 and outcome["test_accuracy"] > 0.5
            assert Path(outcome["results_dir"]).is_dir()

    def test_cancel_from_another_process(self, start: Callable[..., subprocess.Popen[str]], settings: Settings) -> None:
        run = start("optimize", "dataset=digits", "max_epochs_per_trial=1000", "workers=1", "run_name=long", "--json")
        pid = self.training_process(settings, "long")
        assert start("cancel", "run_name=long").wait(PATIENCE_S) == 0
        out, _ = run.communicate(timeout=PATIENCE_S)
        assert run.returncode == 3 and json_of(out)["state"] == "cancelled"
        assert is_gone(pid)

    def test_ctrl_c_ends_the_run_in_good_order(
        self, start: Callable[..., subprocess.Popen[str]], settings: Settings
    ) -> None:
        run = start("optimize", "dataset=digits", "max_epochs_per_trial=1000", "workers=1", "run_name=long")
        pid = self.training_process(settings, "long")
        run.send_signal(signal.SIGINT)
        assert run.wait(PATIENCE_S) == 3 and is_gone(pid)

    def test_a_killed_run_leaves_no_process(
        self, start: Callable[..., subprocess.Popen[str]], settings: Settings
    ) -> None:
        run = start("optimize", "dataset=digits", "max_epochs_per_trial=1000", "workers=1", "run_name=long")
        pid = self.training_process(settings, "long")
        run.kill()
        deadline = time.monotonic() + PATIENCE_S
        while not is_gone(pid):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def test_a_killed_trial_fails_alone(self, start: Callable[..., subprocess.Popen[str]], settings: Settings) -> None:
        run = start("optimize", "dataset=digits", "trials=2", "max_epochs_per_trial=40", "workers=1", "pruner=none",
                    "run_name=hurt", "--json")  # fmt: skip
        os.kill(self.training_process(settings, "hurt"), signal.SIGKILL)
        out, _ = run.communicate(timeout=300)
        outcome = json_of(out)
        assert (outcome["state"], outcome["n_failed"], outcome["n_complete"]) == ("finished", 1, 1)

    def test_a_trial_that_hangs_ends_at_its_time_limit(self, start: Callable[..., subprocess.Popen[str]]) -> None:
        run = start("optimize", "dataset=digits", "trials=1", "max_epochs_per_trial=1000", "workers=1",
                    "max_training_time_minutes=0.4", "run_name=hang", "--json")  # fmt: skip
        pid = self.worker(run)  # it hangs from the beginning: when it would train depends on the machine
        os.kill(pid, signal.SIGSTOP)
        out, error = run.communicate(timeout=300)
        assert json_of(out)["n_failed"] == 1 and "time limit of 0.4 min" in error
        assert run.returncode == 1 and is_gone(pid)

    def test_a_trial_of_two_at_once_trained_again_gives_the_same_numbers(
        self, start: Callable[..., subprocess.Popen[str]], settings: Settings
    ) -> None:
        """In a run of two workers each training has its share of the cores, `train` alone would take all of them."""
        process = start("optimize", "dataset=digits", "trials=2", "max_epochs_per_trial=2", "workers=2", "threads=1",
                        "pruner=none", "final_model=false", "run_name=pair")  # fmt: skip
        process.communicate(timeout=300)
        trial = Studies(open_database(settings.storage_url)).trials("pair")[1]
        assert trial.state == "complete"
        recorded = json.loads(str(trial.attributes["configuration"]))
        words = [f"{name}={value}" for name, value in words_of(recorded).items()]
        assert "threads=1" in words and recorded["seed"] != recorded["split_seed"]
        out, error = start("train", *words, "--json").communicate(timeout=300)
        result = json_of(out)
        same = ("accuracy", "validation_loss", "macro_f1", "top5_accuracy")
        assert [result[name] for name in same] == [trial.attributes[name] for name in same], error

    def test_train(self, start: Callable[..., subprocess.Popen[str]]) -> None:
        process = start("train", "dataset=digits", "epochs=2", "filters=8", "--json")
        out, error = process.communicate(timeout=300)
        assert process.returncode == 0
        result = json_of(out)
        assert result["epochs"] == 2 and result["configuration"]["filters"] == 8
        assert "kernel_size = 3  (default)" in error and "filters = 8\n" in error
        assert error.index("kernel_size = 3") < error.index("epoch 1 of 2")

    @staticmethod
    def worker(run: subprocess.Popen[str]) -> int:
        """Id of the process that will train, once there is one."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            for child in psutil.Process(run.pid).children():
                with suppress(psutil.NoSuchProcess):
                    if "hpo_core.training.worker" in child.cmdline():
                        return child.pid
            time.sleep(0.1)
        raise AssertionError("no training process was started")

    @staticmethod
    def training_process(settings: Settings, run_name: str) -> int:
        """Id of the process that trains, once it has begun."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if (settings.results_dir / "onegin.db").exists():
                database = open_database(settings.storage_url)
                rows = ProgressTable(database, run_name).read()
                if rows and rows[0].process is not None and rows[0].accuracy is not None:
                    assert Runs(database).get(run_name).state is RunState.RUNNING
                    return rows[0].process
            time.sleep(0.1)
        raise AssertionError("no trial has begun")
