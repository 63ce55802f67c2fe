"""Tests of what happens inside a training process."""

from __future__ import annotations

import os
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, log_loss, top_k_accuracy_score

import datasets
from hpo_core.layer_plan import trainable_parameters
from hpo_core.parameters import Value
from hpo_core.records import Epoch, Finished, Record, Resources, Started
from hpo_core.training.data import trial_data
from hpo_core.training.loop import train
from hpo_core.training.model import build_model, build_optimizer
from hpo_core.training.quality import quality
from hpo_core.training.reporter import TrainingStopped
from hpo_core.trial_config import TrialConfig
from tests.stubs import make_config

SHAPES: list[tuple[str, dict[str, Value]]] = [
    ("digits", {}),
    ("digits", {"conv_layers": 5, "filters": 3, "kernel_size": 5, "batch_normalization": False, "hidden_layers": 0}),
    ("digits", {"pooling": "global_average", "hidden_layers": 3, "first_hidden_nodes": 50, "hidden_shrinkage": 0.3}),
    ("digits", {"conv_layers": 9, "filters": 8}),
    ("mnist", {"conv_layers": 4, "filters": 2}),
    ("cifar10", {"conv_layers": 3, "filters": 300, "kernel_size": 1, "pooling": "global_average"}),
    ("generated_text", {}),
    ("generated_text", {"bidirectional": True, "lstm_layers": 2, "state_pooling": "last", "hidden_layers": 0}),
    ("imdb", {"state_pooling": "average", "vocabulary_size": 300, "hidden_layers": 2}),
]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def prepare(name: str, cache: Path) -> datasets.PreparedDataset:
    folder = os.environ.get("ONEGIN_DATASETS_DIR")
    return datasets.prepare(name, folder=Path(folder) if folder else None, cache=cache)


@pytest.mark.parametrize(("dataset", "changes"), SHAPES)
def test_keras_counts_the_same_parameters_as_arithmetic(dataset: str, changes: dict[str, Value]) -> None:
    config = make_config(dataset, **changes)
    model = build_model(config, datasets.dataset_info(dataset), steps=10)
    built = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert trainable_parameters(config) == built


def test_a_cnn_takes_raw_pixels_and_answers_with_probabilities() -> None:
    info = datasets.dataset_info("digits")
    model = build_model(make_config(), info, steps=10)
    assert model.input_shape == (None, 8, 8, 1) and model.inputs[0].dtype == "uint8"
    answer = np.asarray(model(np.full((2, 8, 8, 1), 255, dtype=np.uint8)))
    assert answer.shape == (2, 10) and answer.sum(axis=1) == pytest.approx(1.0)


@pytest.mark.parametrize("pooling", ["last", "max", "average"])
def test_an_lstm_does_not_read_the_padding(pooling: str) -> None:
    config = make_config("generated_text", state_pooling=pooling, sequence_length=12)
    model = build_model(config, datasets.dataset_info("generated_text"), steps=10)
    tokens = np.array([[1, 5, 9, 4] + [0] * 8], dtype=np.int32)
    longer = build_model(make_config("generated_text", state_pooling=pooling, sequence_length=30),
                         datasets.dataset_info("generated_text"), steps=10)  # fmt: skip
    longer.set_weights(model.get_weights())
    padded = np.pad(tokens, ((0, 0), (0, 18)))
    assert np.asarray(longer(padded)) == pytest.approx(np.asarray(model(tokens)), abs=1e-6)


@pytest.mark.parametrize("name", ["adam", "nadam", "rmsprop", "sgd"])
@pytest.mark.parametrize(("schedule", "last"), [("constant", 1.0), ("cosine", 0.01), ("exponential", 0.01)])
def test_the_learning_rate_ends_where_its_schedule_says(name: str, schedule: str, last: float) -> None:
    config = make_config(optimizer=name, learning_rate=0.01, learning_rate_schedule=schedule)
    optimizer = build_optimizer(config, steps=50)
    assert float(np.asarray(optimizer.learning_rate)) == pytest.approx(0.01)
    optimizer.iterations.assign(50)
    assert float(np.asarray(optimizer.learning_rate)) == pytest.approx(0.01 * last, rel=1e-4)
    assert optimizer.weight_decay == pytest.approx(1e-5)


def test_quality_equals_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(12), size=400).astype(np.float32)
    labels = rng.integers(0, 11, size=400)  # class 11 is absent
    labels[:150] = probabilities[:150].argmax(axis=1)
    result, predicted = quality(probabilities, labels), probabilities.argmax(axis=1)
    assert result.accuracy == pytest.approx(accuracy_score(labels, predicted))
    assert result.f1 == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert result.top5 == pytest.approx(top_k_accuracy_score(labels, probabilities, k=5, labels=range(12)))
    exact = probabilities.astype(np.float64)
    expected = log_loss(labels, exact / exact.sum(axis=1, keepdims=True), labels=range(12))
    assert result.loss == pytest.approx(expected, rel=1e-4)


def test_quality_of_few_classes_and_of_no_numbers() -> None:
    sure = np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    assert quality(sure, np.array([0, 1])).top5 == 1.0
    assert quality(sure, np.array([1, 0])).loss == pytest.approx(-np.log(1e-7))
    assert np.isnan(quality(sure * np.nan, np.array([0, 1])).loss)


def run(config: TrialConfig, cache: Path, stop_after: int | None = None) -> list[Record]:
    records: list[Record] = []
    calls = iter(range(10**9))
    train(
        config,
        prepare(config.dataset, cache),
        records.append,
        lambda: stop_after is not None and next(calls) >= stop_after,
    )
    return records


def test_a_cnn_learns_the_digits(cache: Path) -> None:
    records = run(make_config(epochs=12), cache)
    epochs = [record for record in records if isinstance(record, Epoch)]
    assert epochs[-1].validation_accuracy > 0.95
    assert epochs[-1].loss is not None and epochs[0].loss is not None and epochs[-1].loss < epochs[0].loss / 3
    assert [record.epoch for record in epochs] == list(range(1, 13)) and isinstance(records[-1], Finished)
    assert all(record.seconds > 0 for record in epochs)
    used = [record for record in records if isinstance(record, Resources)]
    assert len(used) == 13 and records.index(used[0]) < records.index(epochs[0])  # one at once
    assert all(record.processor_percent > 0 and record.memory_mb > 0 for record in used)


def test_an_lstm_learns_the_generated_text(cache: Path) -> None:
    config = make_config("generated_text", epochs=5, sequence_length=24, learning_rate=0.005)
    epochs = [record for record in run(config, cache) if isinstance(record, Epoch)]
    assert epochs[-1].validation_accuracy > 0.7


def test_the_samples_seen_are_those_of_the_split(cache: Path) -> None:
    config = make_config(epochs=1)
    halved = TrialConfig.from_json(config.to_json().replace('"sample_percentage":100.0', '"sample_percentage":50.0'))
    for asked in (config, halved):
        prepared = prepare("digits", cache)
        split = datasets.stratified_split(
            np.asarray(prepared.y_train), sample_percentage=asked.sample_percentage, validation_split=0.2,
            test_split=0.2, has_test_part=False, seed=7,
        )  # fmt: skip
        started = next(record for record in run(asked, cache) if isinstance(record, Started))
        assert (started.n_train, started.n_validation) == (len(split.train), len(split.validation))
        data = trial_data(asked, prepared)
        seen = sum(len(labels) for _, labels in data.training_batches(64, seed=1))
        assert seen == len(split.train)
        assert not set(data.train) & set(data.validation)


def test_each_epoch_sees_every_sample_once_in_another_order(cache: Path) -> None:
    data = trial_data(make_config(), prepare("digits", cache))
    batches = data.training_batches(50, seed=1)
    orders = [np.concatenate([inputs.numpy().sum(axis=(1, 2, 3)) for inputs, _ in batches]) for _ in range(2)]
    assert not np.array_equal(orders[0], orders[1]) and np.array_equal(np.sort(orders[0]), np.sort(orders[1]))
    again = np.concatenate([x.numpy().sum(axis=(1, 2, 3)) for x, _ in data.training_batches(50, seed=1)])
    assert np.array_equal(again, orders[0])


def test_the_layers_are_described(cache: Path) -> None:
    started = next(record for record in run(make_config(epochs=1), cache) if isinstance(record, Started))
    assert started.layers[0]["type"] == "InputLayer" and started.layers[0]["output_shape"] == [8, 8, 1]
    assert started.layers[-1]["output_shape"] == [10]
    assert started.parameters == trainable_parameters(make_config(epochs=1))


def test_stopping_ends_it_at_the_next_batch(cache: Path) -> None:
    with pytest.raises(TrainingStopped):
        run(make_config(epochs=50), cache, stop_after=3)


def test_divergence_is_recorded_as_no_number(cache: Path) -> None:
    config = make_config(
        epochs=2, optimizer="sgd", learning_rate=1000.0, batch_normalization=False, weight_decay=0.0, hidden_layers=2
    )
    epochs = [record for record in run(config, cache) if isinstance(record, Epoch)]
    assert epochs[-1].loss is None or epochs[-1].loss > 2.0


def test_a_model_saved_and_loaded_answers_the_same(cache: Path, tmp_path: Path) -> None:
    config = make_config(epochs=1)
    model = train(config, prepare("digits", cache), lambda _: None, lambda: False)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    pixels = prepare("digits", cache).x_train[:8]
    assert np.asarray(loaded(pixels)) == pytest.approx(np.asarray(model(pixels)), abs=1e-7)
