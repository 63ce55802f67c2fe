"""Tests of the pool's arithmetic; its processes are stand-ins."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from hpo_core.local.pool import GROWTH_SHARE, RESERVE_BYTES, Gpus, WorkerPool
from hpo_core.local.process import ProcessSpec
from hpo_core.settings import Settings


@dataclass
class FakeProcess:
    """What the pool asks of a training process."""

    spec: ProcessSpec
    pid: int
    alive: bool = True
    memory: int = 500_000_000

    def memory_bytes(self) -> int:
        return self.memory

    def kill(self) -> None:
        self.alive = False


@dataclass
class Fakes:
    """Spawns stand-ins and says how much memory is free."""

    spawned: list[FakeProcess] = field(default_factory=list)
    free: int = RESERVE_BYTES * 10

    def spawn(self, spec: ProcessSpec, _settings: Settings) -> FakeProcess:
        self.spawned.append(FakeProcess(spec, len(self.spawned)))
        return self.spawned[-1]


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


def make_pool(settings: Settings, fakes: Fakes, workers: int = 2, gpus: int | Gpus = 0) -> WorkerPool:
    return WorkerPool(
        settings, ProcessSpec(threads=1), workers, gpus=gpus, free=lambda: fakes.free, spawn=fakes.spawn,  # type: ignore[arg-type]
    )  # fmt: skip


def take(pool: WorkerPool) -> FakeProcess | None:
    return next(pool.acquire())  # type: ignore[return-value]


def test_a_process_is_used_again(settings: Settings, fakes: Fakes) -> None:
    pool = make_pool(settings, fakes)
    first = take(pool)
    assert first is not None
    pool.release(first, reusable=True)  # type: ignore[arg-type]
    assert take(pool) is first and len(fakes.spawned) == 1


def test_there_are_never_more_than_workers(settings: Settings, fakes: Fakes) -> None:
    pool = make_pool(settings, fakes)
    assert take(pool) and take(pool) and take(pool) is None


def test_what_cannot_be_used_again_is_killed(settings: Settings, fakes: Fakes) -> None:
    pool = make_pool(settings, fakes)
    first = take(pool)
    assert first is not None
    pool.release(first, reusable=False)  # type: ignore[arg-type]
    assert not first.alive and take(pool) is not first


def test_a_process_that_has_grown_is_replaced(settings: Settings, fakes: Fakes) -> None:
    pool = make_pool(settings, fakes)
    first = take(pool)
    assert first is not None
    pool.release(first, reusable=True)  # type: ignore[arg-type]
    assert take(pool) is first
    first.memory = int(first.memory * (1 + GROWTH_SHARE)) - 1000
    pool.release(first, reusable=True)  # type: ignore[arg-type]
    assert first.alive and take(pool) is first
    first.memory += 2000
    pool.release(first, reusable=True)  # type: ignore[arg-type]
    assert not first.alive


def test_the_successor_is_started_before_it_is_needed(settings: Settings, fakes: Fakes) -> None:
    pool = make_pool(settings, fakes)
    first = take(pool)
    assert first is not None
    for memory in (100, 106, 109):
        first.memory = memory * 1_000_000
        pool.release(first, reusable=True)  # type: ignore[arg-type]
        assert len(fakes.spawned) == (1 if memory == 100 else 2)
        second = take(pool)
    assert second is fakes.spawned[1] and second.alive and not first.alive
    pool.close()
    assert not any(process.alive for process in fakes.spawned)


def test_fewer_workers_where_memory_is_short_but_never_none(
    settings: Settings, fakes: Fakes, caplog: pytest.LogCaptureFixture
) -> None:
    pool = make_pool(settings, fakes, workers=3)
    pool.warm_up()
    fakes.free = RESERVE_BYTES - 1
    first = take(pool)
    assert first is not None, "one trial always runs"
    with caplog.at_level("WARNING"):
        assert take(pool) is None
    assert pool.limit == 1 and "going on with 1 at a time" in caplog.text
    assert [process.alive for process in fakes.spawned] == [True, False, False]


def test_closing_ends_all(settings: Settings, fakes: Fakes) -> None:
    pool = make_pool(settings, fakes)
    pool.warm_up()
    take(pool)
    pool.close()
    assert not any(process.alive for process in fakes.spawned) and take(pool) is None


def test_gpus_are_shared_out(settings: Settings, fakes: Fakes) -> None:
    make_pool(settings, fakes, workers=4, gpus=2).warm_up()
    assert [process.spec.gpus for process in fakes.spawned] == [(0,), (1,), (0,), (1,)]


@pytest.mark.parametrize(
    ("gpus", "expected"),
    [
        (Gpus(4, 2), [(0, 1), (2, 3), (0, 1)]),
        (Gpus(3, 2), [(0, 1), (2, 0), (1, 2)]),
        (Gpus(2, 4), [(0, 1), (0, 1), (0, 1)]),
        (Gpus(0, 2), [(), (), ()]),
        (3, [(0,), (1,), (2,)]),
    ],
    ids=str,
)
def test_each_process_gets_several_gpus_that_follow_one_another(
    settings: Settings, fakes: Fakes, gpus: int | Gpus, expected: list[tuple[int, ...]]
) -> None:
    make_pool(settings, fakes, workers=3, gpus=gpus).warm_up()
    assert [process.spec.gpus for process in fakes.spawned] == expected


def test_the_rest_of_the_specification_is_handed_on(settings: Settings, fakes: Fakes) -> None:
    spec = ProcessSpec(threads=3, logical_devices=2)
    WorkerPool(settings, spec, 1, gpus=1, free=lambda: fakes.free, spawn=fakes.spawn).warm_up()  # type: ignore[arg-type]
    assert fakes.spawned[0].spec == ProcessSpec(threads=3, gpus=(0,), logical_devices=2)
