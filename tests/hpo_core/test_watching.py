"""Tests of a run that the command line watches: what is said meanwhile, and the exit code."""

from __future__ import annotations

import io
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hpo_core.backends import Backend
from hpo_core.commands.optimize import watch
from hpo_core.commands.tensorboard import tensorboard
from hpo_core.errors import RunError, UsageError
from hpo_core.logs import RunLog
from hpo_core.machine import Machine
from hpo_core.notice_kinds import Kind, notice
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.records import Record, Tick, Trainer
from hpo_core.runner import Runner
from hpo_core.settings import Settings
from hpo_core.trial_config import TrialConfig
from storage.database import Database, close_databases
from storage.errors import StorageUnavailableError
from storage.notices import NoticeTable
from tests.hpo_core.test_commands import json_of
from tests.stubs import ScriptedTrainer, records_of


@pytest.fixture
def watched(settings: Settings) -> Iterator[Callable[..., tuple[int, Runner]]]:
    """Exit code and runner of a run whose training is scripted."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def watch_run(trainer: Trainer, warm_up: Callable[[], None] = lambda: None, **fields: Any) -> tuple[int, Runner]:
        config = OptimizationConfig(run_name="a", trials=3, workers=1, final_model=False, **fields)
        backend = Backend(lambda _trial: trainer, warm_up=warm_up)
        run = Runner(config, settings, Machine(4, 8_000_000_000), {"local": lambda _order: backend})
        return watch(run, settings, as_json=True), run

    yield watch_run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("error", [StorageUnavailableError("the disk is full"), UsageError("replicas", "must be 1")])
def test_a_run_that_fails_under_way_ends_with_1_and_one_that_never_began_with_2(
    watched: Callable[..., tuple[int, Runner]], settings: Settings, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    code, run = watched(ScriptedTrainer(lambda _config: [error]))
    assert (code, json_of(capsys.readouterr().out)["state"], run.error) == (1, "failed", error)


def test_a_backend_that_refuses_ends_the_run_with_2(
    watched: Callable[..., tuple[int, Runner]], capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise RunError("RUNPOD_API_KEY is refused")

    code, _ = watched(ScriptedTrainer(), refuse)
    said = capsys.readouterr()
    assert code == 2 and json_of(said.out)["state"] == "failed" and "RUNPOD_API_KEY is refused\n" in said.err


def test_notices_of_the_run_are_said_once_and_those_of_others_are_not(
    watched: Callable[..., tuple[int, Runner]], database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    def trouble() -> None:
        RunLog("a").warning("trials train on this machine now", extra=notice(Kind.ENDPOINT))
        NoticeTable(database).add("b", Kind.ENDPOINT, "of another run")

    NoticeTable(database).add("a", Kind.ENDPOINT, "of an earlier time")
    code, _ = watched(ScriptedTrainer(), trouble)
    said = capsys.readouterr().err
    assert code == 0 and said.count("trials train on this machine now") == 1
    assert "of another run" not in said and "of an earlier time" not in said and said.count("run finished") == 0


def test_an_error_without_words_is_told_by_its_type(
    watched: Callable[..., tuple[int, Runner]], capsys: pytest.CaptureFixture[str]
) -> None:
    code, _ = watched(ScriptedTrainer(lambda _config: [ValueError()]))
    said = capsys.readouterr()
    assert code == 1 and json_of(said.out)["state"] == "failed" and said.err.endswith("error: ValueError\n")


class ClosedTerminal(io.StringIO):
    def write(self, _text: str) -> int:
        raise OSError("the terminal has gone")


def test_a_closed_terminal_cancels_the_run(
    watched: Callable[..., tuple[int, Runner]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that no job goes on to cost money that nobody watches."""
    monkeypatch.setattr(sys, "stderr", ClosedTerminal())
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

    def hang_up(config: TrialConfig) -> Iterator[Record]:
        os.kill(os.getpid(), signal.SIGHUP)
        while True:
            time.sleep(0.02)
            yield Tick()

    code, _ = watched(hang_up)
    assert code == 3 and json_of(capsys.readouterr().out)["state"] == "cancelled"


def test_what_nohup_ignores_stays_ignored(watched: Callable[..., tuple[int, Runner]]) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    assert watched(ScriptedTrainer())[0] == 0 and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_logs_that_a_killed_process_did_not_write(
    watched: Callable[..., tuple[int, Runner]], settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    watched(ScriptedTrainer())
    environment = {"ONEGIN_RESULTS_DIR": str(settings.results_dir)}
    assert tensorboard(["run_name=a"], False, environment, interpreter="false") == 1
    assert capsys.readouterr().err.endswith("error: no logs could be written: exit code 1\n")


def test_a_run_whose_data_cannot_be_read_ends_with_2(
    watched: Callable[..., tuple[int, Runner]], tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    config = OptimizationConfig(run_name="b", dataset="mnist", trials=1, workers=1)
    (tmp_path / "mnist.npz").write_bytes(b"no archive")
    run = Runner(config, replace(settings, datasets_dir=tmp_path), Machine(4, 8_000_000_000))
    assert watch(run, settings, as_json=True) == 2
    assert json_of(capsys.readouterr().out)["state"] == "failed"


def test_a_database_that_is_gone_at_the_end_of_a_run_ends_with_1(
    watched: Callable[..., tuple[int, Runner]], settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    def lose_the_database(config: TrialConfig) -> list[Record | Exception]:
        close_databases()
        (settings.results_dir / "onegin.db").write_bytes(b"no database any more" * 1000)
        for part in settings.results_dir.glob("onegin.db-*"):
            part.unlink()
        return list(records_of(config))

    code, _ = watched(ScriptedTrainer(lose_the_database))
    assert code == 1 and "error: " in capsys.readouterr().err
