"""Tests of the faults, the places for workers and the limits, without HTTP and without processes."""

from __future__ import annotations

import pytest

from hpo_core.errors import UsageError
from runpod_service.twin.faults import Faults, parse
from runpod_service.twin.fleet import Fleet
from runpod_service.twin.limits import RateLimit
from tests.runpod_service.twin.test_jobs import Clock


def test_a_whole_number_counts_and_a_share_is_drawn() -> None:
    faults = Faults({"fail": 2, "500": 0.3}, seed=1)
    assert [faults.happens("fail") for _ in range(4)] == [True, True, False, False]
    drawn = [faults.happens("500") for _ in range(2000)]
    assert 0.25 < sum(drawn) / len(drawn) < 0.35
    again = Faults({"500": 0.3}, seed=1)
    assert [again.happens("500") for _ in range(2000)] == drawn
    again.change({"seed": 1})
    assert [again.happens("500") for _ in range(2000)] == drawn
    assert not any(faults.happens("dropped") for _ in range(10))


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("fail=3", ("fail", 3)),
        ("500=0.1", ("500", 0.1)),
        ("lost_run=1.0", ("lost_run", 1.0)),
        ("stuck_queue=True", ("stuck_queue", True)),
    ],
)
def test_faults_on_the_command_line(text: str, parsed: tuple[str, float | bool]) -> None:
    name, value = parse(text)
    assert (name, value) == parsed and type(value) is type(parsed[1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fail", "--fault must be NAME=VALUE, got 'fail'"),
        ("fail=often", "fail must be a number, got 'often'"),
        ("late_chunk=1", "late_chunk is not a fault; write late_chunks"),
        ("500=1.5", "500 must be a count, or a share from 0.0 to 1.0, got 1.5"),
        ("500=-1", "500 must be a count, or a share from 0.0 to 1.0, got -1"),
        ("latency=700", "latency must be from 0 to 600 seconds, got 700"),
        ("stuck_queue=7", "stuck_queue must be true or false, got 7"),
        ("fail=true", "fail must be a number, got True"),
    ],
)
def test_faults_that_cannot_be(text: str, message: str) -> None:
    faults = Faults()
    with pytest.raises(UsageError) as caught:
        faults.change({"expire": 1} | dict([parse(text)]))
    assert str(caught.value).startswith(message)
    assert faults.as_json() == Faults().as_json()


def fleet(count: int) -> tuple[Fleet, Clock]:
    clock = Clock()
    made = Fleet("w", clock)
    made.scale(count)
    return made, clock


def test_a_worker_from_its_start_to_its_end() -> None:
    made, clock = fleet(1)
    assert made.health(busy=()) == health(initializing=1)
    (slot,) = made.to_start(waiting_jobs=0)
    assert slot.worker == "w-1-1" and made.to_start(waiting_jobs=5) == []
    assert made.asked_for_a_job("w-1-1") and not made.asked_for_a_job("stranger")
    assert made.health(busy=()) == health(idle=1, ready=1)
    assert made.health(busy={"w-1-1"}) == health(running=1, ready=1)
    assert made.health(busy=(), throttled=True) == health(throttled=1)
    made.ended("w-1-1", killed=True)
    (slot,) = made.to_start(waiting_jobs=0)
    assert slot.worker == "w-1-2" and not slot.ready and clock.now == 100


def health(**counts: int) -> dict[str, int]:
    names = ("idle", "running", "initializing", "throttled", "unhealthy", "ready")
    return {name: counts.get(name, 0) for name in names}


def test_a_worker_that_crashes_again_and_again_is_unhealthy_until_one_lives() -> None:
    made, clock = fleet(1)
    pauses = []
    for _ in range(8):
        (slot,) = made.to_start(0)
        made.ended(str(slot.worker), killed=False)
        assert slot.start_at is not None
        pauses.append(slot.start_at - clock.now)
        assert made.health(()) == (health(unhealthy=1) if slot.crashes >= 3 else health(initializing=1))
        clock.now = slot.start_at
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30]
    (slot,) = made.to_start(0)
    made.asked_for_a_job(str(slot.worker))
    assert made.health(()) == health(unhealthy=1)
    clock.now += 5
    assert made.health(()) == health(idle=1, ready=1)
    made.ended(str(slot.worker), killed=False)
    assert slot.crashes == 0 and slot.start_at == clock.now


def test_scaling_down_waits_for_busy_workers() -> None:
    made, _ = fleet(2)
    first, second = (str(slot.worker) for slot in made.to_start(0))
    made.scale(0)
    assert not made.asked_for_a_job(first)
    assert made.to_end(busy={first}) == [second]
    made.ended(second, killed=True)
    assert len(made.slots) == 1
    made.ended(first, killed=True)
    assert made.slots == [] and made.health(()) == health()
    made.scale(1)
    assert [slot.worker for slot in made.to_start(0)] == ["w-3-3"]


def test_cold_places_wait_for_jobs() -> None:
    made, clock = fleet(0)
    made.cold_start_s = 5.0
    made.scale(3)
    assert made.to_start(waiting_jobs=0) == [] and made.health(()) == health()
    assert made.to_start(waiting_jobs=2) == [] and made.to_start(waiting_jobs=2) == []
    assert made.health(()) == health(initializing=2)
    clock.now += 5
    assert len(made.to_start(waiting_jobs=2)) == 2
    assert made.to_start(waiting_jobs=2) == [] and made.health(()) == health(initializing=2)


def test_requests_beyond_the_limits_are_refused() -> None:
    clock = Clock()
    limit = RateLimit(clock)

    def ask() -> bool:
        with limit.admit("cancel") as admitted:
            return admitted

    assert all(ask() for _ in range(100)) and not ask()
    clock.now += 10
    assert ask()
    gates = [limit.admit("cancel") for _ in range(21)]
    assert [gate.__enter__() for gate in gates] == [True] * 20 + [False]
