"""Tests of several devices for one trial, on two logical devices of the processor in real training processes."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import datasets
from hpo_core.errors import UsageError
from hpo_core.history import TrialHistory
from hpo_core.local.pool import WorkerPool
from hpo_core.local.process import ProcessSpec
from hpo_core.local.trainer import LocalTrainer
from hpo_core.parameters import Value
from hpo_core.records import Artefact, Failed, Finished, Record, Started
from hpo_core.settings import Settings
from hpo_core.training.data import trial_data
from hpo_core.training.replicas import shared_devices
from hpo_core.trial_config import FINAL, TrialConfig
from tests.stubs import make_config

Run = Callable[[TrialConfig], list[Record]]

# Without what differs between the devices by design: what one learns the other learns.
ALIKE: dict[str, Value] = {"batch_normalization": False, "dropout": 0.0}
TEXTS: dict[str, Value] = {"sequence_length": 24, "learning_rate": 0.005, "dropout": 0.0, "lstm_units": 16}


@pytest.fixture(scope="module")
def module_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("replicas")
    return Settings(
        storage_url="sqlite://", results_dir=folder / "results", datasets_dir=None, cache_dir=folder / "cache"
    )


def runner(settings: Settings, spec: ProcessSpec) -> Iterator[Run]:
    """Trains in one process, each configuration once."""
    pool = WorkerPool(settings, spec, workers=1)
    trainer, known = LocalTrainer(pool), dict[TrialConfig, list[Record]]()

    def run(config: TrialConfig) -> list[Record]:
        if config not in known:
            known[config] = list(trainer(config))
        return known[config]

    yield run
    pool.close()


@pytest.fixture(scope="module")
def run(module_settings: Settings) -> Iterator[Run]:
    yield from runner(module_settings, ProcessSpec(threads=1, logical_devices=2))


def config(dataset: str = "digits", replicas: int = 2, **changes: Value) -> TrialConfig:
    return dataclasses.replace(make_config(dataset, **changes), replicas=replicas)


def alone(config: TrialConfig) -> TrialConfig:
    return dataclasses.replace(config, replicas=1)


def history(records: list[Record]) -> TrialHistory:
    """The whole training; fails where it did not come to its end."""
    assert isinstance(records[-1], Finished), records[-1]
    return TrialHistory.of(records)


def started(records: list[Record]) -> Started:
    return next(record for record in records if isinstance(record, Started))


def numbers(records: list[Record]) -> list[tuple[object, ...]]:
    return [
        (e.loss, e.accuracy, e.validation_loss, e.validation_accuracy, e.loss_curve, e.predicted, e.layers)
        for e in history(records).epochs
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "both",
    [config(epochs=6), config("generated_text", epochs=7, **TEXTS)],
    ids=["cnn", "lstm"],
)
def test_two_devices_learn_what_one_learns(run: Run, both: TrialConfig) -> None:
    shared, single = history(run(both)), history(run(alone(both)))
    assert shared.started is not None and single.started is not None
    assert (shared.started.devices, single.started.devices) == (2, 1)
    assert shared.started.layers == single.started.layers and shared.started.parameters == single.started.parameters
    assert shared.started.batches == single.started.batches
    first, last = shared.epochs[0], shared.epochs[-1]
    assert first.loss is not None and last.loss is not None and last.loss < first.loss / 2
    assert last.validation_accuracy == pytest.approx(single.epochs[-1].validation_accuracy, abs=0.02)


@pytest.mark.slow
def test_the_steps_are_those_of_the_whole_batch(run: Run) -> None:
    both = config(epochs=2, optimizer="sgd", learning_rate=0.01, **ALIKE)
    for shared, single in zip(history(run(both)).epochs, history(run(alone(both))).epochs, strict=True):
        assert shared.loss == pytest.approx(single.loss, rel=0.02)
        assert shared.validation_loss == pytest.approx(single.validation_loss, rel=0.02)


@pytest.mark.slow
def test_each_device_cuts_its_share_of_the_gradient() -> None:
    code = """
import tensorflow as tf
(processor,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
from hpo_core.training.model import build_optimizer
from hpo_core.training.replicas import mirrored, shared_devices
from tests.stubs import make_config
for replicas in (1, 2):
    with mirrored(shared_devices(replicas, batch_size=32)):
        print(build_optimizer(make_config("generated_text"), steps=10).clipnorm)
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["1.0", "0.5"]


@pytest.mark.slow
@pytest.mark.parametrize("both", [config(epochs=6), config("generated_text", epochs=7, **TEXTS)], ids=["cnn", "lstm"])
def test_health_is_read_as_on_one_device(run: Run, both: TrialConfig) -> None:
    shared, single = history(run(both)), history(run(alone(both)))
    assert shared.layer_names() == single.layer_names() != []
    for epoch in shared.epochs:
        for reading in epoch.layers or []:
            assert reading.gradient_norm and reading.weight_norm and reading.update_ratio and reading.weight_change
            assert reading.weight_histogram is not None and reading.output_std
        assert shared.started is not None and sum(epoch.predicted) == shared.started.n_validation
        assert len(epoch.fold_accuracies) == 5
    assert [(s.epoch, s.sample) for s in shared.snapshots] == [(s.epoch, s.sample) for s in single.snapshots] != []
    assert shared.finished is not None and np.sum(shared.finished.confusion) == sum(epoch.predicted)


@pytest.mark.slow
def test_equal_configurations_give_equal_numbers_in_any_process(run: Run, module_settings: Settings) -> None:
    both = config(epochs=2, dropout=0.3)
    first = numbers(run(both))
    assert numbers(run(dataclasses.replace(both, plots="all"))) == first, "trained once more in the same process"
    for fresh in runner(module_settings, ProcessSpec(threads=1, logical_devices=2)):
        assert numbers(fresh(both)) == first


@pytest.mark.slow
def test_one_device_trains_as_if_there_were_no_others(run: Run, module_settings: Settings) -> None:
    both = config(epochs=2, dropout=0.3)
    run(both)
    for plain in runner(module_settings, ProcessSpec(threads=1)):
        assert numbers(plain(alone(both))) == numbers(run(alone(both))) != numbers(run(both))
        detected = plain(dataclasses.replace(both, replicas=0))
        assert started(detected).devices == 1 and numbers(detected) == numbers(plain(alone(both)))


@pytest.mark.slow
def test_all_devices_are_found(run: Run) -> None:
    both = config(epochs=2, dropout=0.3)
    detected = run(dataclasses.replace(both, replicas=0))
    assert started(detected).devices == 2 and numbers(detected) == numbers(run(both))


@pytest.mark.slow
@pytest.mark.parametrize("part", ["trial", FINAL])
def test_more_devices_than_there_are_is_one_sentence(run: Run, part: str) -> None:
    last = run(dataclasses.replace(config(replicas=3), part=part))[-1]
    assert isinstance(last, Failed) and last.traceback == "" and last.error_type == "UsageError"
    assert last.message == (
        "replicas must be at most 2, the devices of this machine, got 3; set gpus_per_worker=auto to use all there are"
    )


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [17, 24, 40, 5000])
def test_batches_of_any_size_keep_the_numbers_finite(run: Run, batch_size: int) -> None:
    both = dataclasses.replace(config(epochs=2, batch_size=batch_size), sample_percentage=10.5)
    shared = history(run(both))
    assert shared.started is not None and shared.started.devices == 2
    assert shared.started.n_train == 121, "with one sample in the last batch of 24 and 40"
    for epoch in shared.epochs:
        assert epoch.loss is not None and epoch.validation_loss is not None and epoch.validation_loss < 10
        assert all(value is not None and 0 <= value < 10 for value in epoch.loss_curve)


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 15])
def test_a_batch_too_small_to_share_needs_one_device(run: Run, batch_size: int) -> None:
    both = dataclasses.replace(config(epochs=1, batch_size=batch_size), sample_percentage=5.0)
    assert started(run(both)).devices == 1 and numbers(run(both)) == numbers(run(alone(both)))


@pytest.mark.slow
def test_the_final_model_is_trained_on_both_and_offered_as_from_one(run: Run) -> None:
    both = dataclasses.replace(config(epochs=6), part=FINAL, health_interval=0)
    shared, single = run(both), run(alone(both))
    assert (started(shared).devices, started(single).devices) == (2, 1)
    ends = [records[-1] for records in (shared, single)]
    accuracies = [end.test_accuracy for end in ends if isinstance(end, Finished)]
    assert accuracies[0] == pytest.approx(accuracies[1], abs=0.02) and accuracies[0] > 0.9
    offered = [[(r.name, r.path is None) for r in records if isinstance(r, Artefact)] for records in (shared, single)]
    assert offered[0] == offered[1] != [] and not any(missing for _, missing in offered[0])


# --- what needs no process


def test_a_negative_number_of_devices_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^replicas must be at least 0, got -1"):
        shared_devices(-1, 32)


@pytest.mark.parametrize(("batch_size", "parts"), [(32, 2), (32, 3), (287, 3), (5000, 4), (3, 3)])
def test_every_sample_is_in_one_part_of_one_batch_of_each_epoch(tmp_path: Path, batch_size: int, parts: int) -> None:
    prepared = datasets.prepare("digits", folder=None, cache=tmp_path)
    data = dataclasses.replace(trial_data(make_config(), prepared), train=np.arange(575))
    numbered = dataclasses.replace(data, inputs=tf.range(len(data.labels)), labels=tf.range(len(data.labels)))
    dataset = numbered.training_parts(batch_size, seed=2**32 - 1, parts=parts)
    parted, other = iter(dataset), iter(dataset)
    epochs = []
    for _ in range(2):
        seen: list[int] = []
        for begin in range(0, 575, batch_size):
            size = min(batch_size, 575 - begin)
            pieces = [next(parted)[1].numpy() for _ in range(parts)]
            assert all(np.array_equal(next(other)[0], piece) for piece in pieces)
            assert {len(piece) for piece in pieces} == {-(-size // parts)}
            given = np.concatenate(pieces).tolist()
            assert given[size:] == [given[at % size] for at in range(size, len(given))]
            seen += given[:size]
        assert sorted(seen) == list(range(575))
        epochs.append(seen)
    assert epochs[0] != epochs[1]
