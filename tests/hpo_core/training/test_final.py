"""Tests of the final model: what it is trained on, that it is tested once, and what it leaves."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss

import datasets
from hpo_core.history import TrialHistory
from hpo_core.model_card import ModelCard, model_card
from hpo_core.records import Artefact, Batch, Epoch, Finished, Phase, Record, Started
from hpo_core.training.data import trial_data
from hpo_core.training.final import BUILDING, EXPORTING, TESTING, evaluate, final_data, train_final
from hpo_core.training.model import build_model
from hpo_core.training.reporter import TrainingStopped
from hpo_core.trial_config import TrialConfig
from storage.studies import TrialRow
from tests.datasets import samples
from tests.stubs import make_config


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def never() -> bool:
    return False


def prepare(name: str, cache: Path) -> datasets.PreparedDataset:
    return datasets.prepare(name, folder=None, cache=cache)


def sampled(config: TrialConfig, percentage: float) -> TrialConfig:
    return dataclasses.replace(config, sample_percentage=percentage)


def contents(inputs: np.ndarray) -> set[bytes]:
    return {sample.tobytes() for sample in inputs}


@pytest.mark.parametrize("name", ["digits", "generated_text"])
def test_the_test_part_is_what_no_trial_saw(cache: Path, name: str) -> None:
    config, prepared = make_config(name), prepare(name, cache)
    trial, final = trial_data(config, prepared), final_data(config, prepared)
    labels = np.asarray(prepared.y_train)
    split = datasets.stratified_split(
        labels, sample_percentage=100, validation_split=0.2, test_split=0.2, has_test_part=False, seed=7
    )
    assert split.test is not None
    assert len(final.training.train) == len(trial.train) + len(trial.validation) == len(labels) - len(split.test)
    assert len(final.training.validation) == 0 and len(set(final.training.train)) == len(final.training.train)
    assert np.array_equal(final.test_labels, labels[split.test]) and final.test_inputs.shape[0] == len(split.test)
    if name == "digits":
        assert np.array_equal(final.test_inputs.numpy(), prepared.x_train[split.test])
        assert set(final.training.train) == set(range(len(labels))) - set(split.test)
    else:
        expected = prepared.sequences("train").padded(
            split.test, length=config.number("sequence_length"), vocabulary_size=config.number("vocabulary_size")
        )
        assert np.array_equal(final.test_inputs.numpy(), expected)


@pytest.mark.parametrize("name", ["digits", "generated_text"])
def test_the_sample_makes_the_training_smaller_and_not_the_test(cache: Path, name: str) -> None:
    config, prepared = make_config(name), prepare(name, cache)
    whole, half = final_data(config, prepared), final_data(sampled(config, 50), prepared)
    assert len(half.training.train) == pytest.approx(len(whole.training.train) / 2, abs=10)
    assert np.array_equal(half.test_inputs.numpy(), whole.test_inputs.numpy())
    seen = [labels.numpy() for _, labels in half.training.training_batches(64, seed=1)]
    assert len(np.concatenate(seen)) == len(half.training.train)


def test_a_set_with_a_test_part_is_tested_on_all_of_it(tmp_path: Path) -> None:
    sources = samples.mnist_source(samples.write_mnist(tmp_path))
    prepared = datasets.prepare("mnist", folder=tmp_path, cache=tmp_path / "cache", sources=sources)
    final = final_data(sampled(make_config("mnist"), 50), prepared)
    assert (len(final.training.train), prepared.n_train) == (15, 30)
    assert np.array_equal(final.test_inputs.numpy(), prepared.x_test)
    assert np.array_equal(final.test_labels, prepared.y_test) and final.test_labels.dtype == np.int32


def test_texts_with_a_test_part(tmp_path: Path) -> None:
    sources = samples.write_imdb(tmp_path)
    prepared = datasets.prepare("imdb", folder=tmp_path, cache=tmp_path / "cache", sources=sources)
    final = final_data(make_config("imdb", sequence_length=20, vocabulary_size=100), prepared)
    texts = prepared.sequences("test").padded(np.arange(prepared.n_test), length=20, vocabulary_size=100)
    assert np.array_equal(final.test_inputs.numpy(), texts) and prepared.n_test > 0
    assert np.array_equal(final.test_labels, prepared.y_test)


def test_the_figures_equal_scikit_learn() -> None:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4, activation="softmax")])
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(103, 5)).astype(np.float32)
    labels = rng.integers(0, 4, 103).astype(np.int32)
    result = evaluate(model, keras.ops.convert_to_tensor(inputs), labels, 10, never)
    probabilities = np.asarray(model(inputs), dtype=np.float64)
    predicted = probabilities.argmax(axis=1)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    assert result.accuracy == pytest.approx(accuracy_score(labels, predicted))
    assert result.loss == pytest.approx(log_loss(labels, probabilities, labels=range(4)), rel=1e-5)
    assert result.confusion == confusion_matrix(labels, predicted, labels=range(4)).tolist()
    with pytest.raises(TrainingStopped):
        evaluate(model, keras.ops.convert_to_tensor(inputs), labels, 10, lambda: True)


@dataclasses.dataclass(frozen=True)
class Made:
    """A final model of the digits, with all that was said of it and the data it was tested on."""

    config: TrialConfig
    folder: Path
    records: list[Record]

    def card(self) -> ModelCard:
        attributes: dict[str, object] = {"configuration": self.config.to_json()}
        best = TrialRow(number=0, state="complete", score=0.9, duration_s=1.0, attributes=attributes)
        return model_card("run", {}, best, self.records, "")


@pytest.fixture(scope="module")
def made(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    made = Made(make_config(epochs=6), tmp_path_factory.mktemp("made"), [])
    train_final(made.config, prepare("digits", cache), made.records.append, never, made.folder)
    return made


def away_from_here(code: str, folder: Path) -> str:
    """What a fresh process prints that has the installed packages and nothing of this project."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return answer.stdout


@pytest.mark.slow
def test_a_final_model_from_its_data_to_its_card(cache: Path, made: Made) -> None:
    config, prepared, records, tmp_path = made.config, prepare("digits", cache), made.records, made.folder
    data = final_data(config, prepared)
    finished = records[-1]
    assert isinstance(finished, Finished) and finished.epochs == 6 and finished.n_test == len(data.test_labels)
    assert finished.test_accuracy is not None and finished.test_accuracy > 0.93 and finished.duration_s > 0
    assert [record.name for record in records if isinstance(record, Phase)] == [BUILDING, TESTING, EXPORTING]
    assert not [record for record in records if isinstance(record, Epoch)]
    assert {record.epoch for record in records if isinstance(record, Batch)} <= set(range(1, 7))
    started = TrialHistory.of(records).started
    assert isinstance(started, Started) and started.n_train == len(data.training.train)

    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    again = evaluate(loaded, data.test_inputs, data.test_labels, 256, never)
    assert (again.accuracy, again.confusion) == (finished.test_accuracy, finished.confusion)
    assert again.loss == pytest.approx(finished.test_loss, rel=1e-5)
    for artefact in (record for record in records if isinstance(record, Artefact)):
        assert artefact.path is not None and Path(artefact.path).is_file(), artefact.note

    # What the card tells its reader to run is run, away from this project.
    snippet = re.search(r"```python\n(.*?)```", made.card().as_markdown(), re.DOTALL)
    assert snippet is not None
    assert re.search(r"^\[\d\]$", away_from_here(snippet.group(1), tmp_path), re.MULTILINE)


@pytest.mark.slow
def test_the_model_reaches_the_cards_accuracy_away_from_this_project(cache: Path, made: Made) -> None:
    """With Keras and NumPy alone, on the raw pixels of the test part."""
    data = final_data(made.config, prepare("digits", cache))
    np.savez(made.folder / "test.npz", inputs=data.test_inputs.numpy(), labels=data.test_labels)
    code = """
import importlib.util, keras, numpy
assert importlib.util.find_spec("hpo_core") is None
model, test = keras.models.load_model("model.keras"), numpy.load("test.npz")
answers = model.predict(test["inputs"], verbose=0).argmax(axis=1)
print("accuracy", float((answers == test["labels"]).mean()))
"""
    accuracy = float(away_from_here(code, made.folder).split()[-1])
    expected = made.card().test_accuracy
    assert expected is not None and expected > 0.93
    assert accuracy == pytest.approx(expected, abs=1e-9)


@pytest.mark.slow
def test_it_is_seeded_built_and_fed_like_a_trial(cache: Path, tmp_path: Path) -> None:
    config, prepared = make_config(epochs=2, learning_rate_schedule="cosine"), prepare("digits", cache)
    records: list[Record] = []
    train_final(config, prepared, records.append, never, tmp_path)
    finished = records[-1]
    assert isinstance(finished, Finished)

    data, batch_size = final_data(config, prepared), config.number("batch_size")
    keras.utils.set_random_seed(config.seed)
    model = build_model(config, prepared.info, steps=2 * -(-len(data.training.train) // batch_size))
    model.fit(data.training.training_batches(batch_size, config.seed), epochs=2, shuffle=False, verbose=0)
    expected = evaluate(model, data.test_inputs, data.test_labels, 256, never)
    assert finished.test_loss == pytest.approx(expected.loss, rel=1e-4)
    assert finished.confusion == expected.confusion


def test_a_stop_ends_the_final_training(cache: Path, tmp_path: Path) -> None:
    calls = iter(range(10**9))
    records: list[Record] = []
    with pytest.raises(TrainingStopped):
        train_final(
            make_config(epochs=50), prepare("digits", cache), records.append, lambda: next(calls) >= 3, tmp_path
        )
    assert not [record for record in records if isinstance(record, Finished)] and list(tmp_path.iterdir()) == []
