"""Jobs for the worker's handler, and what it puts out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from hpo_core.records import Failed, Record, Trainer
from hpo_core.trial_config import TrialConfig
from runpod_service.handler import Chunk, Worker
from runpod_service.protocol import Request, failure_of, records_of
from runpod_service.worker_files import Store
from tests.stubs import make_config

ABOUT = {"id": "worker-1", "devices": ["CPU, 2 threads"]}
CONFIG = make_config(epochs=3)


def job(config: TrialConfig = CONFIG, number: int = 0, **changes: Any) -> dict[str, Any]:
    return {"id": f"job-{number}", "input": Request(config, f"run/trial_{number}").as_input() | changes}


def worker(trainer: Trainer, store: Store | None = None) -> Worker:
    return Worker(trainer, store, ABOUT)


async def collect(handled: Worker, what: dict[str, Any]) -> list[Chunk]:
    return [chunk async for chunk in handled.handle(what)]


def output_of(trainer: Trainer, store: Store | None = None, **changes: Any) -> list[Chunk]:
    return asyncio.run(collect(worker(trainer, store), job(**changes)))


def error_of(output: list[Chunk]) -> Failed:
    return failure_of(output[-1]["error"])


def streamed(output: list[Chunk]) -> list[Record]:
    return [record for chunk in output if "records" in chunk for record in records_of(chunk["records"])]


def wait_for(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
