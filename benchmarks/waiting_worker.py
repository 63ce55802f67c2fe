"""A worker whose trainings only wait: under the genuine SDK, with the genuine protocol, without TensorFlow.

By default a handler of its own that costs next to nothing. `--whole` puts the product's handler around the waiting
training, with its thread, its chunks, and its files where the environment names a store.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import runpod

from hpo_core.records import Artefact, Epoch, Finished, Record, Started, Tick
from hpo_core.settings import Settings
from hpo_core.trial_config import TrialConfig
from runpod_service.handler import Worker
from runpod_service.protocol import Request, Result, as_mapping

STEP_S = 0.1


def records(config: TrialConfig, duration_s: float) -> list[Record]:
    """What a training of `duration_s` says; its accuracy follows from its seed."""
    epochs = config.number("epochs")
    accuracy = 0.5 + config.seed / 2**33
    started = Started(layers=[], parameters=10, n_train=80, n_validation=20, process=os.getpid(), label_counts=[2] * 10)
    middle = [
        Epoch(
            epoch=number, epochs=epochs, loss=0.5, accuracy=accuracy, validation_loss=0.5,
            validation_accuracy=accuracy * number / epochs, validation_f1=accuracy, validation_top5=1.0,
            learning_rate=0.001, seconds=duration_s / epochs,
        )
        for number in range(1, epochs + 1)
    ]  # fmt: skip
    return [started, *middle, Finished(epochs=epochs, duration_s=duration_s)]


async def light(job: dict[str, Any], duration_s: float) -> AsyncIterator[dict[str, Any]]:
    """A job that is asleep all the time."""
    request = Request.from_input(job["input"])
    said = records(request.trial, duration_s)
    yield {"chunk": 0, "records": [as_mapping(said[0])]}
    for number, record in enumerate(said[1:-1], start=1):
        await asyncio.sleep(duration_s / (len(said) - 2))
        yield {"chunk": number, "records": [as_mapping(record)]}
    yield {"chunk": len(said) - 1, "result": Result(said).as_json()}


class WaitingTrainer:
    """A `Trainer` that waits for `duration_s` and makes one file."""

    def __init__(self, duration_s: float) -> None:
        self._duration_s = duration_s

    def __call__(self, config: TrialConfig) -> Iterator[Record]:
        said = records(config, self._duration_s)
        yield said[0]
        for record in said[1:-1]:
            end = time.monotonic() + self._duration_s / (len(said) - 2)
            while time.monotonic() < end:
                time.sleep(STEP_S)
                yield Tick()
            yield record
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "waited.txt"
            file.write_text(f"{self._duration_s} s\n", encoding="utf-8")
            yield Artefact(name=file.name, path=str(file))
        yield said[-1]


def whole(duration_s: float) -> Worker:
    """The product's worker around a training that waits."""
    settings, store = Settings.from_environment(os.environ), None
    if settings.s3.complete:
        from runpod_service.s3 import S3Store

        store = S3Store(settings.s3)
    return Worker(WaitingTrainer(duration_s), store, {"id": os.environ["RUNPOD_POD_ID"], "devices": []})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, required=True, help="that each job takes")
    parser.add_argument("--jobs", type=int, default=1, help="at once in this process")
    parser.add_argument("--whole", action="store_true", help="the product's handler instead of a light one")
    options, _ = parser.parse_known_args()
    worker = whole(options.seconds) if options.whole else None

    async def handler(job: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        async for chunk in worker.handle(job) if worker else light(job, options.seconds):
            yield chunk

    runpod.serverless.start(
        {"handler": handler, "return_aggregate_stream": True, "concurrency_modifier": lambda _current: options.jobs}
    )


if __name__ == "__main__":
    main()
