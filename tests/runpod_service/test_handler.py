"""Tests of the worker: its handler as a plain function, with scripted and with real trainings."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from hpo_core import VERSION
from hpo_core.errors import OneginError, UsageError, WorkerDiedError
from hpo_core.local.pool import Gpus, WorkerPool
from hpo_core.local.process import ProcessSpec
from hpo_core.local.trainer import LocalTrainer
from hpo_core.machine import Machine
from hpo_core.records import Epoch, Failed, Finished, LogLine, Record, Snapshot, Started
from hpo_core.settings import Settings
from hpo_core.trial_config import TrialConfig
from runpod_service.handler import Chunk, Pools, about, check, check_config, concurrency
from runpod_service.protocol import KEPT, Request, Result, result_of
from tests.runpod_service.jobs import ABOUT, CONFIG, collect, error_of, job, output_of, streamed, wait_for, worker
from tests.runpod_service.test_chunks import pictured
from tests.stubs import EndlessTrainer, ScriptedTrainer, make_config
from tests.stubs import records_of as script_of
from tests.test_architecture import ROOT, modules_after


@pytest.mark.parametrize(
    "config",
    [
        make_config(epochs=2, learning_rate=0.0123),
        dataclasses.replace(
            make_config("generated_text"), seed=2**32 - 1, split_seed=3, sample_percentage=12.5, validation_split=0.15,
            test_split=0.3, threads=2, replicas=2, part="final", objective="validation_loss", health_weight=0.25,
            health_interval=3, plots="best", draw_above=0.875,
        ),
    ],
    ids=["cnn", "lstm"],
)  # fmt: skip
def test_every_field_arrives_equal(config: TrialConfig) -> None:
    trainer = ScriptedTrainer()
    asyncio.run(collect(worker(trainer), json.loads(json.dumps(job(config)))))
    (seen,) = trainer.seen
    for field in dataclasses.fields(TrialConfig):
        assert getattr(seen, field.name) == getattr(config, field.name), field.name


def without(mapping: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key != name}


TRIAL = Request(CONFIG, "run/trial_0").as_input()["trial"]


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (without(job()["input"], "key"), "key"),
        (job()["input"] | {"colour": 1}, "colour"),
        (job(trial=without(TRIAL, "learning_rate"))["input"], "learning_rate"),
        (job(trial=TRIAL | {"learning_rat": 0.1})["input"], "learning_rat"),
        (job(version="0.0.1")["input"], "0.0.1"),
        ("text", "JSON object"),
        (None, "JSON object"),
    ],
)
def test_another_request_is_refused_by_name(given: Any, word: str) -> None:
    trainer = ScriptedTrainer()
    output = asyncio.run(collect(worker(trainer), {"id": "1", "input": given}))
    assert word in error_of(output).message
    assert len(output) == 1 and not trainer.seen


def test_chunks_are_numbered_and_the_last_one_is_the_result() -> None:
    output = output_of(ScriptedTrainer())
    assert [chunk["chunk"] for chunk in output] == list(range(len(output)))
    assert ["result" in chunk for chunk in output] == [False] * (len(output) - 1) + [True]


def test_the_result_is_complete_and_the_stream_shows_the_same() -> None:
    output = json.loads(json.dumps(output_of(ScriptedTrainer())))
    result, wanted = result_of(output), [record for record in script_of(CONFIG) if isinstance(record, KEPT)]
    assert result.records == wanted
    assert result.worker == ABOUT and result.version == VERSION and result.files == []
    live = [record for record in streamed(output) if isinstance(record, Started | Epoch)]
    assert live == [record for record in wanted if not isinstance(record, Finished)]


def test_the_stream_begins_with_what_the_worker_is() -> None:
    first = streamed(output_of(ScriptedTrainer()))[0]
    assert isinstance(first, LogLine)
    assert all(word in first.text for word in ("worker-1", VERSION, "CPU, 2 threads"))


def test_a_failed_training_is_a_failed_job_with_its_reason() -> None:
    failed = Failed(error_type="ValueError", message="too deep", traceback="line 1\nline 2")
    output = output_of(ScriptedTrainer(lambda config: [*script_of(config)[:2], failed]))
    assert error_of(output) == failed
    assert not any("result" in chunk for chunk in output)
    assert any(isinstance(record, Started) for record in streamed(output))


def test_a_dead_training_process_is_a_failed_job() -> None:
    output = output_of(ScriptedTrainer(lambda _: [WorkerDiedError("ended by SIGKILL")]))
    assert error_of(output) == Failed(error_type="WorkerDiedError", message="ended by SIGKILL", traceback="")


def test_a_training_that_just_ends_is_a_failed_job() -> None:
    output = output_of(ScriptedTrainer(lambda config: script_of(config)[:-1]))
    assert error_of(output).error_type == "WorkerDiedError"


def test_an_unexpected_error_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        output_of(ScriptedTrainer(lambda _: [ZeroDivisionError("no")]))


def test_large_records_are_spread_over_chunks() -> None:
    pictures: list[Record] = [pictured(sample, 300_000) for sample in range(4)]
    output = output_of(ScriptedTrainer(lambda config: [*script_of(config)[:3], *pictures, *script_of(config)[3:]]))
    sizes = [len(json.dumps(chunk)) for chunk in output if "records" in chunk]
    assert max(sizes) <= 1_000_000 and sum(sizes) > 1_000_000
    assert [record for record in result_of(output).records if isinstance(record, Snapshot)] == pictures


async def read_until_started(chunks: AsyncGenerator[Chunk]) -> None:
    async for chunk in chunks:
        if any(record["kind"] == "started" for record in chunk["records"]):
            return


async def cancelled_in_our_await(trainer: EndlessTrainer) -> None:
    task = asyncio.create_task(collect(worker(trainer), job()))
    while not trainer.started:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)  # it waits for records now
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(wait_for, lambda: trainer.closed == 1)


async def cancelled_at_a_yield(trainer: EndlessTrainer) -> None:
    chunks = cast("AsyncGenerator[Chunk]", worker(trainer).handle(job()))

    async def read_and_send() -> None:
        await read_until_started(chunks)
        await asyncio.sleep(60)  # sends the chunk

    task = asyncio.create_task(read_and_send())
    while not trainer.started:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # `chunks` is still referred to: only the end of the task tells.
    await asyncio.to_thread(wait_for, lambda: trainer.closed == 1)
    await chunks.aclose()


async def closed_at_a_yield(trainer: EndlessTrainer) -> None:
    chunks = cast("AsyncGenerator[Chunk]", worker(trainer).handle(job()))
    await read_until_started(chunks)
    await chunks.aclose()
    await asyncio.to_thread(wait_for, lambda: trainer.closed == 1)


@pytest.mark.parametrize("way", [cancelled_in_our_await, cancelled_at_a_yield, closed_at_a_yield])
def test_a_job_that_is_given_up_closes_its_training(way: Callable[[EndlessTrainer], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(way(EndlessTrainer()))


def test_the_iterator_is_read_and_closed_in_one_thread() -> None:
    threads = []

    def trainer(config: TrialConfig) -> Iterator[Record]:
        try:
            for record in EndlessTrainer()(config):
                threads.append(threading.get_ident())
                yield record
        finally:
            threads.append(threading.get_ident())

    async def use() -> None:
        chunks = cast("AsyncGenerator[Chunk]", worker(trainer).handle(job()))
        await read_until_started(chunks)
        await chunks.aclose()
        count = len(threads)
        await asyncio.to_thread(wait_for, lambda: len(threads) > count)

    asyncio.run(use())
    assert len(set(threads)) == 1 and threads[0] != threading.get_ident()


def test_two_jobs_at_once_in_one_event_loop() -> None:
    both = threading.Barrier(2)

    def script(config: TrialConfig) -> Sequence[Record]:
        both.wait(5)
        return script_of(config)

    trainer = ScriptedTrainer(script)

    async def use() -> list[list[Chunk]]:
        handled = worker(trainer)
        jobs = [job(make_config(epochs=number), number) for number in (2, 4)]
        return await asyncio.gather(*(collect(handled, one) for one in jobs))

    epochs = [len([r for r in result_of(output).records if isinstance(r, Epoch)]) for output in asyncio.run(use())]
    assert epochs == [2, 4] and trainer.closed == 2


class FakePool:
    def __init__(self, _settings: Settings, spec: ProcessSpec, workers: int, *, gpus: Gpus) -> None:
        self.threads, self.workers, self.gpus, self.closed = spec.threads, workers, gpus, False

    def acquire(self) -> Iterator[None]:
        while True:
            yield None

    def close(self) -> None:
        self.closed = True


def test_pools_serve_one_number_of_threads_each_and_give_memory_back(settings: Settings) -> None:
    made: list[FakePool] = []

    def make(*args: Any, **options: Any) -> WorkerPool:
        made.append(FakePool(*args, **options))
        return cast("WorkerPool", made[-1])

    def opened(threads: int, replicas: int = 1) -> Any:
        records = cast("Any", pools(dataclasses.replace(CONFIG, threads=threads, replicas=replicas)))
        next(records)
        return records

    pools = Pools(settings, workers=2, gpus=4, pool=make)
    one, two = opened(1), opened(1)
    assert [(pool.threads, pool.workers, pool.gpus) for pool in made] == [(1, 2, Gpus(4, 1))]
    other = opened(2)
    assert not made[0].closed, "it is still used"
    one.close()
    two.close()
    several = [opened(2, replicas=2), opened(2, replicas=0)]
    assert [pool.gpus.per_worker for pool in made] == [1, 1, 2, 4]
    assert [pool.closed for pool in made] == [True, False, False, False]
    for records in (other, *several):
        records.close()
    pools.close()
    assert all(pool.closed for pool in made)


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
def test_a_concurrency_that_is_none_is_refused_by_name(text: str) -> None:
    with pytest.raises(UsageError, match="ONEGIN_WORKER_CONCURRENCY"):
        concurrency({"ONEGIN_WORKER_CONCURRENCY": text})


def test_the_concurrency_is_one_unless_told() -> None:
    assert concurrency({}) == 1 and concurrency({"ONEGIN_WORKER_CONCURRENCY": "3"}) == 3


def test_the_check_says_how_it_went() -> None:
    trainer = ScriptedTrainer(lambda config: script_of(config, 0.625))
    line = asyncio.run(check(worker(trainer).handle))
    assert "worker-1" in line and "62.5%" in line and trainer.seen == [check_config()]


def test_the_check_fails_with_the_reason() -> None:
    trainer = ScriptedTrainer(lambda _: [WorkerDiedError("ended by SIGKILL")])
    with pytest.raises(OneginError, match="WorkerDiedError: ended by SIGKILL"):
        asyncio.run(check(worker(trainer).handle))


def checked(**environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "runpod_service.handler", "--check"]
    environ = {**os.environ, **environment}
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


def test_a_worker_that_is_set_up_wrongly_says_so_in_one_line() -> None:
    answer = checked(ONEGIN_WORKER_CONCURRENCY="two")
    assert answer.returncode == 1 and answer.stdout == ""
    assert answer.stderr.startswith("error: ONEGIN_WORKER_CONCURRENCY must be") and answer.stderr.count("\n") == 1


@pytest.mark.slow
def test_the_check_trains_for_real(tmp_path: Path) -> None:
    answer = checked(XDG_CACHE_HOME=str(tmp_path))
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("ok: ") and answer.stdout.count("\n") == 1
    assert float(answer.stdout.split()[-1].rstrip("%")) > 80


def test_the_worker_loads_little() -> None:
    never = {"storage", "optuna", "tensorflow", "keras", "sqlalchemy", "streamlit", "runpod"}
    assert not modules_after("import runpod_service.handler") & never


def comparable(record: Record) -> Record:
    """The record without what differs from one run to the next."""
    changes = {name: 0 for name in ("seconds", "process", "duration_s", "number") if hasattr(record, name)}
    return dataclasses.replace(record, **changes)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_job_gives_the_very_records_of_a_local_training(settings: Settings) -> None:
    config = make_config(epochs=2)
    pools = Pools(settings, workers=1)
    try:
        output = json.loads(json.dumps(asyncio.run(collect(worker(pools), job(config)))))
        local = list(LocalTrainer(pools._enter((config.threads, 1)))(config))
    finally:
        pools.close()
    result: Result = result_of(output)
    kept = [record for record in local if isinstance(record, KEPT)]
    assert {type(record) for record in kept} == set(KEPT)
    assert [comparable(record) for record in result.records] == [comparable(record) for record in kept]


def test_a_worker_whose_driver_hangs_introduces_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = tmp_path / "nvidia-smi"
    command.write_text("#!/bin/sh\nexit 9\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    told = about({"RUNPOD_POD_ID": "pod"}, Machine(cores=8, memory_bytes=1, gpus=2))
    assert told == {"id": "pod", "devices": ["GPU", "GPU"]}
    assert about({}, Machine(cores=8, memory_bytes=1))["devices"] == ["CPU, 8 threads"]
