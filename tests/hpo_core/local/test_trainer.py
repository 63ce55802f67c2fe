"""Tests of training in real child processes."""

from __future__ import annotations

import dataclasses
import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from hpo_core.backends import Order, local_backend
from hpo_core.errors import WorkerDiedError
from hpo_core.local.pool import WorkerPool
from hpo_core.local.process import ProcessSpec, TrainingProcess
from hpo_core.local.trainer import LocalTrainer
from hpo_core.logs import RunLog
from hpo_core.machine import Machine
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.records import Batch, Epoch, Failed, Phase, Record, Started, Tick, Trainer
from hpo_core.settings import Settings
from storage.database import Database
from tests.contracts.trainer import TrainerContract, open_records
from tests.processes import is_gone
from tests.stubs import make_config

pytestmark = pytest.mark.slow

LONG = make_config(epochs=500)
# Ends a test that fails; one that works does not wait.
PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def module_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("local")
    return Settings(
        storage_url="sqlite://", results_dir=folder / "results", datasets_dir=None, cache_dir=folder / "cache"
    )


@pytest.fixture(scope="module")
def pool(module_settings: Settings) -> Iterator[WorkerPool]:
    pool = WorkerPool(module_settings, ProcessSpec(threads=1), workers=1)
    yield pool
    pool.close()


@pytest.fixture
def trainer(pool: WorkerPool) -> Trainer:
    return LocalTrainer(pool)


class TestLocalTrainer(TrainerContract):
    @pytest.fixture
    def trainer(self, pool: WorkerPool) -> Trainer:
        return LocalTrainer(pool)


def started(records: Iterator[Record]) -> Started:
    return next(record for record in records if isinstance(record, Started))


def wait_until_gone(pid: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_gone(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.02)


def test_records_are_numbered_from_zero_and_ticks_fill_the_silence(trainer: Trainer) -> None:
    records = list(trainer(make_config(epochs=1)))
    assert [record.number for record in records if record.number >= 0] == list(
        range(sum(record.number >= 0 for record in records))
    )


def test_a_stopped_training_leaves_its_process_warm(pool: WorkerPool) -> None:
    trainer = LocalTrainer(pool, stop_wait_s=PATIENCE_S)  # on a busy machine a batch may take long
    with closing(open_records(trainer, LONG)) as records:
        first = started(records).process
        # TensorFlow traces the model at the first batch, and for validation at the end of the first epoch: that takes
        # long, and no stop is heard meanwhile.
        while not (isinstance(record := next(records), Batch) and record.epoch >= 2):
            pass
    with closing(open_records(trainer, LONG)) as records:
        assert started(records).process == first


def test_a_killed_process_is_a_failure_of_this_trial_alone(trainer: Trainer) -> None:
    records = open_records(trainer, LONG)
    pid = started(records).process
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(WorkerDiedError, match=r"SIGKILL.*out of memory"):
        list(records)
    assert [record.epoch for record in trainer(make_config(epochs=1)) if isinstance(record, Epoch)] == [1]


def test_a_killed_process_leaves_no_files(module_settings: Settings) -> None:
    process = TrainingProcess(ProcessSpec(threads=1), module_settings)
    scratch = Path(psutil.Process(process.pid).environ()["TMPDIR"])
    assert scratch.is_dir()
    process.kill()
    assert not scratch.exists()


def test_a_hanging_process_yields_ticks_and_is_gone_after_closing(trainer: Trainer) -> None:
    with closing(open_records(trainer, LONG)) as records:
        pid = started(records).process
        os.kill(pid, signal.SIGSTOP)
        # An iterator that waits for the process, and not for a tick, gets its end instead.
        impatience = threading.Timer(PATIENCE_S, os.kill, (pid, signal.SIGKILL))
        impatience.start()
        try:
            while not isinstance(next(records), Tick):
                pass
            assert isinstance(next(records), Tick)
        finally:
            impatience.cancel()
    wait_until_gone(pid, PATIENCE_S)


def test_an_exception_inside_is_a_record_with_its_reason(module_settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "mnist.npz").write_bytes(b"other bytes")
    settings = dataclasses.replace(module_settings, datasets_dir=tmp_path)
    with closing(WorkerPool(settings, ProcessSpec(threads=1), workers=1)) as pool:
        last = list(LocalTrainer(pool)(make_config("mnist")))[-1]
    assert isinstance(last, Failed) and last.error_type == "DatasetCorruptError"
    assert str(tmp_path / "mnist.npz") in last.message and "checksum" in last.message


def test_a_garbled_record_is_the_end_of_the_process_and_not_of_the_parent(module_settings: Settings) -> None:
    def spawn(spec: ProcessSpec, settings: Settings) -> TrainingProcess:
        return TrainingProcess(spec, settings, module="tests.hpo_core.local.garbled_worker")

    pool = WorkerPool(module_settings, ProcessSpec(threads=1), workers=1, spawn=spawn)
    with pytest.raises(WorkerDiedError):
        list(LocalTrainer(pool)(LONG))
    pool.close()


@pytest.mark.parametrize(("trials", "processes"), [(1, 1), (5, 2)])
def test_a_run_starts_no_more_processes_than_it_has_trials(
    trials: int, processes: int, settings: Settings, database: Database
) -> None:
    config, machine = OptimizationConfig(trials=trials), Machine(cores=2, memory_bytes=8_000_000_000)
    before = set(psutil.Process().children())
    backend = local_backend(Order("a", config, settings, machine, 2, 1, [], database, RunLog("a")))
    backend.warm_up()
    started = set(psutil.Process().children()) - before
    backend.close()
    assert len(started) == processes


def test_the_process_ends_with_its_parent(module_settings: Settings) -> None:
    process = TrainingProcess(ProcessSpec(threads=1), module_settings)
    while not isinstance(process.receive(60), Phase):
        pass
    assert process._process.stdin is not None
    scratch = Path(psutil.Process(process.pid).environ()["TMPDIR"])
    process._process.stdin.close()  # what happens when the parent dies
    wait_until_gone_as_child(process)
    assert not scratch.exists()
    process.kill()


def wait_until_gone_as_child(process: TrainingProcess) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while process.alive:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def numbers(trainer: Trainer, **changes: object) -> list[tuple[float | None, ...]]:
    dataset = str(changes.pop("dataset", "digits"))
    config = make_config(dataset, **changes)  # type: ignore[arg-type]
    return [
        (record.loss, record.accuracy, record.validation_loss, record.validation_accuracy)
        for record in trainer(config)
        if isinstance(record, Epoch)
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"epochs": 2, "learning_rate_schedule": "cosine"},
        {"dataset": "generated_text", "epochs": 1, "sequence_length": 24, "recurrent_dropout": 0.1},
    ],
    ids=["cnn", "lstm"],
)
def test_equal_configurations_give_equal_numbers_in_any_process(
    pool: WorkerPool, module_settings: Settings, changes: dict[str, object]
) -> None:
    warm = LocalTrainer(pool)
    first = numbers(warm, **dict(changes))
    assert numbers(warm, **dict(changes)) == first
    fresh = WorkerPool(module_settings, ProcessSpec(threads=1), workers=1)
    try:
        assert numbers(LocalTrainer(fresh), **dict(changes)) == first
    finally:
        fresh.close()


def test_batch_records_are_rare(trainer: Trainer) -> None:
    began = time.monotonic()
    records = list(trainer(make_config(epochs=3, batch_size=4)))
    seconds = time.monotonic() - began
    batches = [record for record in records if isinstance(record, Batch)]
    assert 1 <= len(batches) <= seconds * 4 + 1
    done = [(record.epoch - 1) * record.batches + record.batch for record in batches]
    assert all(later - earlier >= 10 for earlier, later in itertools.pairwise(done))


def test_epochs_of_few_batches_move_on(trainer: Trainer) -> None:
    records = list(trainer(make_config(epochs=12, batch_size=256)))
    told = [record for record in records if isinstance(record, Batch)]
    assert told[0].batches < 10 and len({record.epoch for record in told}) > 1


def test_decoded_data_are_mapped_by_the_children(trainer: Trainer, module_settings: Settings) -> None:
    with closing(open_records(trainer, LONG)) as records:
        maps = psutil.Process(started(records).process).memory_maps()
    mapped = {Path(item.path) for item in maps}
    assert any(path.is_relative_to(module_settings.cache_dir) for path in mapped)
