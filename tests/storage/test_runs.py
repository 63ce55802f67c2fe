"""Tests of runs and live progress."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import update

from storage.database import Database
from storage.errors import NameTakenError, UnknownRunError
from storage.progress import ProgressTable, TrialProgress
from storage.runs import DEAD_AFTER_S, Runs, RunState
from storage.tables import runs as runs_table


@pytest.fixture
def runs(database: Database) -> Runs:
    return Runs(database)


def age(database: Database, run_name: str, seconds: float) -> None:
    with database.write() as connection:
        heartbeat = time.time() - seconds
        connection.execute(update(runs_table).where(runs_table.c.run_name == run_name).values(heartbeat_at=heartbeat))


def test_life_of_a_run(runs: Runs) -> None:
    assert runs.create("a", owner="me:1", trials=3).state is RunState.WAITING
    runs.begin("a")
    running = runs.get("a")
    assert running.state is RunState.RUNNING and not running.state.is_final
    runs.end("a", RunState.FINISHED, "well")
    finished = runs.get("a")
    assert finished.state.is_final and finished.message == "well"
    assert 0 <= finished.duration_s() == finished.duration_s(now=time.time() + 100) < 60


def test_a_name_is_used_once(runs: Runs) -> None:
    runs.create("a", owner="me:1", trials=3)
    with pytest.raises(NameTakenError, match="'a'"):
        runs.create("a", owner="me:2", trials=3)
    assert [run.owner for run in runs.list()] == ["me:1"]


def test_who_may_not_take_over_a_run_is_told_when_a_killed_one_is_free(runs: Runs) -> None:
    runs.create("a", owner="me:1", trials=3)
    with pytest.raises(NameTakenError, match=r"run_name is busy: 'a' is waiting.*killed, try again in 20 s"):
        runs.take_over("a", owner="me:2", trials=4)


def test_cancel_is_a_flag_that_only_living_runs_get(runs: Runs) -> None:
    runs.create("a", owner="me:1", trials=3)
    runs.begin("a")
    assert not runs.cancel_requested("a")
    assert runs.request_cancel("a").cancel_requested and runs.cancel_requested("a")
    runs.create("b", owner="me:1", trials=3)
    runs.end("b", RunState.FINISHED)
    assert not runs.request_cancel("b").cancel_requested
    with pytest.raises(UnknownRunError, match="'c'"):
        runs.request_cancel("c")


def test_a_run_without_a_heart_is_interrupted(runs: Runs, database: Database) -> None:
    runs.create("a", owner="me:1", trials=3)
    runs.begin("a")
    age(database, "a", DEAD_AFTER_S + 1)
    assert runs.get("a").state is RunState.INTERRUPTED
    assert runs.beat("a", "me:1") and not runs.beat("a", "me:2")
    assert runs.get("a").state is RunState.RUNNING
    age(database, "a", DEAD_AFTER_S + 1)
    cancelled = runs.request_cancel("a")
    assert cancelled.state is RunState.CANCELLED and cancelled.duration_s() < DEAD_AFTER_S
    assert runs.cancel_requested("a"), "a process that was only asleep must stop when it wakes"
    runs.end("a", RunState.FINISHED)
    assert runs.get("a").state is RunState.CANCELLED


def test_open_runs_are_found_however_old(runs: Runs, database: Database) -> None:
    runs.create("old", owner="me:1", trials=1)
    runs.begin("old")
    runs.create("dead", owner="me:1", trials=1)
    for number in range(5):
        runs.create(f"later-{number}", owner="me:1", trials=1)
        runs.end(f"later-{number}", RunState.FINISHED)
    age(database, "dead", DEAD_AFTER_S + 1)
    assert [run.run_name for run in runs.open()] == ["old"]
    assert (runs.running_on("me") or runs.get("dead")).run_name == "old" and runs.running_on("m") is None


def test_a_name_whose_run_never_began_is_free_again(runs: Runs, database: Database) -> None:
    for name in ("removed", "dead", "alive"):
        runs.create(name, owner="me:1", trials=1)
    runs.end("removed", RunState.CANCELLED)
    age(database, "dead", DEAD_AFTER_S + 1)
    for name in ("removed", "dead", "alive"):
        runs.forget_failed_start(name)
    assert [run.run_name for run in runs.list()] == ["alive"]


def test_newest_first(runs: Runs) -> None:
    for name in "abc":
        runs.create(name, owner="me:1", trials=1)
    assert [run.run_name for run in runs.list(limit=2)] == ["c", "b"]


def progress(trial: int, **changes: object) -> TrialProgress:
    values: dict[str, object] = {
        "trial": trial, "phase": "training", "epoch": 2, "epochs": 4, "share": 0.5, "started_at": 1.0,
        "updated_at": 2.0,
    }  # fmt: skip
    return TrialProgress(**(values | changes))  # type: ignore[arg-type]


def test_progress_is_replaced_and_removed(database: Database) -> None:
    table, other = ProgressTable(database, "a"), ProgressTable(database, "b")
    table.write([progress(1), progress(0, loss=0.25, process=77)], [])
    other.write([progress(0)], [])
    assert table.read() == [progress(0, loss=0.25, process=77), progress(1)]
    table.write([progress(0, epoch=3)], [1])
    assert table.read() == [progress(0, epoch=3)]
    table.clear()
    assert table.read() == [] and len(other.read()) == 1


def test_overall_share() -> None:
    assert progress(0).overall == pytest.approx(0.375)
    assert progress(0, epoch=0, share=0.0).overall == 0.0
    assert progress(0, epoch=4, share=1.0).overall == 1.0
    assert progress(0, epochs=0).overall == 0.0
