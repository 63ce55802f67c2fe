"""Tests of how a machine is shared."""

from __future__ import annotations

import pytest

from hpo_core.errors import UsageError
from hpo_core.machine import WORKER_BYTES, Machine


def machine(cores: int = 8, workers_of_memory: int = 100, gpus: int = 0) -> Machine:
    return Machine(cores=cores, memory_bytes=WORKER_BYTES * workers_of_memory, gpus=gpus)


def test_workers_by_cores_memory_and_gpus() -> None:
    assert machine().default_workers == 8
    assert machine(workers_of_memory=3).default_workers == 3
    assert machine(workers_of_memory=0).default_workers == 1
    assert machine(gpus=2).default_workers == 2


def test_more_workers_than_cores_are_refused_with_the_fix() -> None:
    assert machine().workers(8) == 8
    with pytest.raises(UsageError, match=r"workers must be at most 8.*got 9; write workers=8"):
        machine().workers(9)


def test_threads_share_the_cores() -> None:
    assert [machine().threads(workers) for workers in (1, 3, 8, 16)] == [8, 2, 1, 1]


def test_this_machine() -> None:
    found = Machine.detect()
    assert found.cores >= 1 and found.memory_bytes > 0 and found.gpus >= 0
