"""Tests of a child process that the system does not let go; what it runs is real, and so is its end."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Iterator

import pytest

from hpo_core.local.child import ChildProcess
from hpo_core.local.pool import WorkerPool
from hpo_core.local.process import ProcessSpec
from hpo_core.settings import Settings

SILENT = "tests.hpo_core.local.silent_program"
PATIENCE_S = 30.0


class Stuck(subprocess.Popen[str]):
    """A process whose end nobody lives to see."""

    def wait(self, timeout: float | None = None) -> int:
        raise subprocess.TimeoutExpired(self.args, timeout or 0.0)


def stuck() -> ChildProcess:
    return ChildProcess(SILENT, [], {}, "training process", spawn=Stuck)


def end(process: ChildProcess) -> int:
    """What it ended with, once it is over."""
    return subprocess.Popen.wait(process._process, PATIENCE_S)


@pytest.fixture
def child() -> Iterator[ChildProcess]:
    process = stuck()
    yield process
    process.kill()
    end(process)


def test_one_that_does_not_end_is_killed_and_told(child: ChildProcess, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        child.kill()
        child.kill()
    assert f"the training process {child.pid} was killed and is still there" in caplog.text
    assert end(child) == -9


def test_the_reason_of_one_that_does_not_end(child: ChildProcess) -> None:
    assert child.exit_code() is None
    assert child.obituary() == "the training process says nothing more and does not end"


def test_a_pool_ends_the_others_too(settings: Settings) -> None:
    processes: list[ChildProcess] = []

    def spawn(_spec: ProcessSpec, _settings: Settings) -> ChildProcess:
        processes.append(stuck())
        return processes[-1]

    pool = WorkerPool(settings, ProcessSpec(threads=1), workers=2, spawn=spawn)  # type: ignore[arg-type]
    pool.warm_up()
    pool.close()
    assert [end(process) for process in processes] == [-9, -9]
