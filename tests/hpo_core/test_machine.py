"""Tests of how a machine is shared."""

from __future__ import annotations

import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hpo_core.errors import UsageError
from hpo_core.machine import WORKER_BYTES, GpuUsage, Machine, Usage, parse_gpu_usage, told_by_driver


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


def test_usage_of_this_machine_adds_up() -> None:
    usage = Usage.now()
    assert 0 < usage.busy_s < usage.counted_s and 0 < usage.memory_bytes < usage.total_bytes


def test_the_processor_is_measured_from_any_thread() -> None:
    """A page is drawn by another thread each time."""
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as another:
        before, began = one.submit(Usage.now).result(), time.process_time()
        while (worked_s := time.process_time() - began) < 0.5:
            pass
        after = another.submit(Usage.now).result()
    assert after.busy_s - before.busy_s > worked_s / 2
    share = after.processor_since(before)
    assert share is not None and 0 < share <= 1 and before.processor_since(before) is None
    assert Usage(1, 2, busy_s=5.0, counted_s=20.0).processor_since(Usage(1, 2, busy_s=2.0, counted_s=8.0)) == 0.25


def test_usage_of_gpus_as_the_driver_tells_it() -> None:
    text = "37, 1024, 81559\n[N/A], [N/A], 81559\n100, 81000, 81559\n"
    assert parse_gpu_usage(text) == (
        GpuUsage(0.37, 1024 * 2**20, 81559 * 2**20),
        GpuUsage(1.0, 81000 * 2**20, 81559 * 2**20),
    )
    assert parse_gpu_usage("") == ()


@pytest.mark.parametrize("does", ["exec sleep 60", "echo GPU 0: lost; exit 9", "exit 0"])
def test_a_driver_that_does_not_answer_has_no_gpus(does: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = tmp_path / "nvidia-smi"
    command.write_text(f"#!/bin/sh\n{does}\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert told_by_driver("-L", timeout_s=0.2) == ""


def test_gpus_are_counted_as_the_driver_lists_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = tmp_path / "nvidia-smi"
    command.write_text('#!/bin/sh\n[ "$1" = -L ] && echo GPU 0: H100 && echo GPU 1: H100\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert Machine.detect().gpus == 2


def test_traffic_is_a_rate() -> None:
    before = Usage(1, 2, received_bytes=1_000, sent_bytes=500, at=10.0)
    after = Usage(1, 2, received_bytes=5_000, sent_bytes=400, at=12.0)
    assert after.traffic_since(before) == (2_000.0, 0)
    assert before.traffic_since(before) is None


def test_what_goes_over_the_network_is_counted() -> None:
    before = Usage.now()
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with socket.create_connection(server.getsockname()) as client, server.accept()[0] as answer:
            client.sendall(bytes(500_000))
            received = 0
            while received < 500_000:
                received += len(answer.recv(100_000))
    after = Usage.now()
    assert after.received_bytes - before.received_bytes >= 500_000 <= after.sent_bytes - before.sent_bytes
