"""Tests of the runs of one process: one trains, the others wait their turn."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

from hpo_core.backends import Backend
from hpo_core.errors import UsageError
from hpo_core.manager import RunManager, Waiting, in_turn
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.settings import Settings
from storage.database import Database
from storage.errors import NameTakenError, UnknownRunError
from storage.runs import Runs, RunState
from storage.tables import runs as runs_table
from tests.hpo_core.test_runner import MACHINE, finish, runner, wait_for
from tests.stubs import EndlessTrainer, ScriptedTrainer


@pytest.fixture
def trainer() -> EndlessTrainer:
    return EndlessTrainer()


@pytest.fixture
def manager(settings: Settings, trainer: EndlessTrainer) -> Iterator[RunManager]:
    made = RunManager(settings, MACHINE, {"local": lambda _order: Backend(lambda _trial: trainer)})
    yield made
    made.close()


def told(name: str) -> OptimizationConfig:
    return OptimizationConfig(run_name=name, workers=1, final_model=False)


def states(database: Database) -> dict[str, str]:
    return {run.run_name: run.state.value for run in Runs(database).list()}


def test_a_second_start_waits_its_turn(manager: RunManager, database: Database, trainer: EndlessTrainer) -> None:
    assert manager.start(told("a")) == "a" and manager.active == "a"
    wait_for(lambda: trainer.started == 1)
    assert manager.start(told("b")) == "b"
    assert manager.active == "a" and manager.waiting == ["b"] and states(database) == {"a": "running", "b": "waiting"}
    manager.cancel("a")
    wait_for(lambda: trainer.started == 2)
    assert manager.active == "b" and manager.waiting == [] and states(database) == {"a": "cancelled", "b": "running"}


def test_a_waiting_run_is_removed(manager: RunManager, database: Database, trainer: EndlessTrainer) -> None:
    for name in "abc":
        manager.start(told(name))
    wait_for(lambda: trainer.started == 1)
    manager.cancel("b")
    assert manager.waiting == ["c"]
    run = Runs(database).get("b")
    assert (run.state, run.message, run.started_at) == (RunState.CANCELLED, "removed from the queue", None)
    Runs(database).request_cancel("c")  # as another process would
    wait_for(lambda: states(database)["c"] == "cancelled")
    assert states(database)["a"] == "running" and manager.waiting == []


def test_a_waiting_run_is_alive(manager: RunManager, database: Database) -> None:
    manager.start(told("a"))
    manager.start(told("b"))
    with database.write() as connection:
        connection.execute(update(runs_table).where(runs_table.c.run_name == "b").values(heartbeat_at=0.0))

    def beat() -> float:
        with database.read() as connection:
            return float(connection.execute(select(runs_table.c.heartbeat_at).filter_by(run_name="b")).scalar_one())

    wait_for(lambda: beat() > time.time() - 5)


def test_a_run_of_another_process_on_this_machine_comes_first(
    manager: RunManager, settings: Settings, database: Database, trainer: EndlessTrainer
) -> None:
    other = runner(settings, EndlessTrainer(), run_name="command-line")
    other.start()
    wait_for(lambda: states(database)["command-line"] == "running")
    manager.start(told("a"))
    assert manager.waiting == ["a"] and manager.active is None
    other.cancel()
    wait_for(lambda: manager.active == "a")


def test_the_end_of_the_process_ends_those_that_wait(
    manager: RunManager, database: Database, trainer: EndlessTrainer
) -> None:
    manager.start(told("a"))
    manager.start(told("b"))
    manager.close()
    assert states(database) == {"a": "cancelled", "b": "cancelled"} and manager.waiting == []
    assert "closed" in Runs(database).get("b").message


def test_moving_up_stays_among_ones_own(manager: RunManager) -> None:
    manager.start(told("now"), visitor="me")
    for name, visitor in (("a", "me"), ("b", "you"), ("c", "me")):
        manager.start(told(name), visitor=visitor)
    assert manager.waiting == ["b", "a", "c"]
    manager.move_up("c")
    assert manager.waiting == ["b", "c", "a"]
    for name in ("c", "b", "nobody"):
        manager.move_up(name)
    assert manager.waiting == ["b", "c", "a"]


def test_a_run_that_is_over_waits_its_turn_to_go_on(
    manager: RunManager, settings: Settings, database: Database
) -> None:
    finish(runner(settings, ScriptedTrainer(), run_name="old"))
    manager.start(told("a"))
    manager.resume("old", {"trials": 9})
    assert manager.waiting == ["old"] and Runs(database).get("old").trials == 9
    with pytest.raises(NameTakenError, match="busy"):
        manager.resume("old", {"trials": 10})
    manager.cancel("a")
    wait_for(lambda: manager.active == "old")


def test_a_run_that_does_not_go_on_after_all_is_what_it_was(
    manager: RunManager, settings: Settings, database: Database
) -> None:
    finish(runner(settings, ScriptedTrainer(), run_name="old"))
    before = Runs(database).get("old")
    manager.start(told("a"))
    manager.resume("old", {"trials": 9})
    assert Runs(database).get("old").duration_s() == 0
    manager.cancel("old")
    assert manager.waiting == [] and Runs(database).get("old") == before


def test_what_cannot_run_is_said_at_once(manager: RunManager) -> None:
    manager.start(told("a"))
    with pytest.raises(UsageError, match="workers"):
        manager.start(OptimizationConfig(workers=64))
    with pytest.raises(NameTakenError):
        manager.start(told("a"))
    with pytest.raises(UnknownRunError):
        manager.cancel("nobody")
    assert manager.waiting == []


@pytest.mark.parametrize(
    ("visitors", "served", "order"),
    [
        ("", "", []),
        ("aaa", "", [0, 1, 2]),
        ("aab", "", [0, 2, 1]),
        ("aab", "a", [2, 0, 1]),
        ("aabbc", "b", [0, 4, 1, 2, 3]),
    ],
)
def test_no_visitor_starves_another(settings: Settings, visitors: str, served: str, order: list[int]) -> None:
    waiting = [Waiting(runner(settings, EndlessTrainer(), run_name=f"r{at}"), who) for at, who in enumerate(visitors)]
    assert [waiting.index(item) for item in in_turn(waiting, served)] == order
