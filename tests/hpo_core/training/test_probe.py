"""Tests of the readings: layers with known faults, and second implementations with numpy."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import datasets
from hpo_core.health.readings import LayerReading
from hpo_core.model_size import vocabulary
from hpo_core.records import Epoch, Finished, Record, Snapshot, Started
from hpo_core.training.examination import probe_positions
from hpo_core.training.layers import read_layers
from hpo_core.training.loop import train
from hpo_core.training.model import build_model
from hpo_core.training.probe import Probe
from hpo_core.training.quality import confusion, fold_accuracies, stratified_folds
from hpo_core.training.reporter import LossCurve
from hpo_core.training.snapshots import Camera, different_samples, snapshot_epochs
from tests.stubs import make_config

N, WIDTH, CLASSES = 50, 6, 3


def samples(seed: int = 0) -> tuple[tf.Tensor, tf.Tensor]:
    rng = np.random.default_rng(seed)
    return tf.constant(rng.normal(size=(N, WIDTH)), tf.float32), tf.constant(rng.integers(0, CLASSES, N), tf.int32)


def network(*hidden: layers.Layer) -> keras.Model:
    keras.utils.set_random_seed(3)
    inputs = keras.Input((WIDTH,))
    x = inputs
    for layer in hidden:
        x = layer(x)
    return keras.Model(inputs, layers.Dense(CLASSES, activation="softmax", name="output")(x))


def readings(model: keras.Model, seed: int = 0) -> dict[str, LayerReading]:
    return {reading.name: reading for reading in Probe(model, *samples(seed)).read()}


def test_the_gradient_of_a_linear_classifier_is_the_textbooks() -> None:
    model = network()
    x, y = (np.asarray(value) for value in samples())
    error = np.asarray(model(x)) - np.eye(CLASSES)[y]
    kernel, bias = x.T @ error / N, error.mean(axis=0)
    read = readings(model)["output"]
    assert read.gradient_norm == pytest.approx(math.sqrt((kernel**2).sum() + (bias**2).sum()), rel=1e-4)
    assert read.weights == WIDTH * CLASSES + CLASSES and read.dead is None and read.saturated is None
    weights = np.concatenate([np.asarray(value).ravel() for value in model.get_weights()])
    assert read.weight_norm == pytest.approx(float(np.linalg.norm(weights)), rel=1e-5)


def test_dead_and_saturated_units_are_counted() -> None:
    model = network(
        layers.Dense(8, activation="relu", name="rectified"), layers.Dense(5, activation="tanh", name="bounded")
    )
    kernel, bias = model.get_layer("rectified").get_weights()
    bias[:3] = -100  # never fire
    model.get_layer("rectified").set_weights([kernel, bias])
    kernel, bias = model.get_layer("bounded").get_weights()
    bias[:2] = [50, -50]  # at either end
    kernel[:, 2], bias[2] = 0, 0.5  # the same for every sample
    model.get_layer("bounded").set_weights([kernel, bias])
    found = readings(model)
    assert (found["rectified"].dead, found["rectified"].saturated) == (3, 0)
    assert (found["bounded"].dead, found["bounded"].saturated) == (1, 2)


def test_statistics_are_those_of_numpy() -> None:
    model = network(layers.Dense(8, activation="elu", name="hidden"))
    output = np.asarray(keras.Model(model.inputs[0], model.get_layer("hidden").output)(samples()[0]))
    read = readings(model)["hidden"]
    assert read.output_mean == pytest.approx(float(output.mean()), abs=1e-6)
    assert read.output_std == pytest.approx(float(output.std()), abs=1e-5)
    assert read.activity == pytest.approx(np.abs(output).mean(axis=0).tolist(), abs=1e-5)
    values = model.get_layer("hidden").get_weights()[0].ravel()
    assert read.weight_histogram is not None and sum(read.weight_histogram.counts) == values.size
    assert (read.weight_histogram.low, read.weight_histogram.high) == pytest.approx((values.min(), values.max()))
    assert read.bias_histogram is not None and read.bias_histogram.counts == [8]  # all zero: one bin


def test_steps_and_changes_are_relative_to_the_weights_before() -> None:
    model = network(layers.Dense(4, name="hidden"))
    probe = Probe(model, *samples())
    assert probe.read()[0].update_ratio is None and probe.read()[0].weight_change is None
    layer = model.get_layer("hidden")
    before = [np.asarray(value) for value in layer.get_weights()]
    probe.epoch_begins()
    layer.set_weights([before[0] + 0.5, before[1] + 0.25])
    middle = [np.asarray(value) for value in layer.get_weights()]
    probe.last_step_begins()
    layer.set_weights([middle[0] + 0.01, middle[1] - 0.02])
    norm = math.sqrt(sum(float((value**2).sum()) for value in before))
    later = math.sqrt(sum(float((value**2).sum()) for value in middle))
    read = probe.read()[0]
    assert read.update_ratio == pytest.approx(math.sqrt(24 * 0.01**2 + 4 * 0.02**2) / later, rel=1e-3)
    assert read.weight_change == pytest.approx(math.sqrt(24 * 0.51**2 + 4 * 0.23**2) / norm, rel=1e-3)
    assert read.bias_change == pytest.approx(0.23, rel=1e-5)


def test_parts_of_the_probe_add_up_to_the_whole() -> None:
    model = network(layers.Dense(8, activation="relu", name="hidden"))
    whole, parted = Probe(model, *samples()), Probe(model, *samples())
    parted._part = 17
    for one, other in zip(whole.read(), parted.read(), strict=True):
        assert one.gradient_norm == pytest.approx(other.gradient_norm, rel=1e-4)
        assert one.activity == pytest.approx(other.activity, abs=1e-5)
        assert one.output_std == pytest.approx(other.output_std, rel=1e-4)
        assert (one.dead, one.saturated) == (other.dead, other.saturated)


def test_an_embeddings_gradient_counts_a_word_once_however_often_it_occurs() -> None:
    inputs = keras.Input((4,), dtype="int32")
    embedded = layers.Embedding(7, 3, name="embedding")(inputs)
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(layers.Flatten()(embedded)))
    x, y = tf.constant([[1, 1, 2, 3], [1, 4, 4, 4]]), tf.constant([0, 1])
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(y, model(x)))
    gradient = tf.convert_to_tensor(tape.gradient(loss, model.get_layer("embedding").embeddings.value))
    read = next(reading for reading in Probe(model, x, y).read() if reading.name == "embedding")
    assert read.gradient_norm == pytest.approx(float(tf.norm(gradient)), rel=1e-5)


def test_weights_that_are_no_numbers_give_no_numbers() -> None:
    model = network(layers.Dense(4, activation="relu", name="hidden"))
    model.get_layer("hidden").set_weights([np.full((WIDTH, 4), np.nan), np.zeros(4)])
    read = readings(model)["hidden"]
    assert read.gradient_norm is None and read.weight_norm is None and read.weight_histogram is None
    assert read.dead == 4


def test_normalisation_and_activation_layers_belong_to_the_layer_before() -> None:
    cnn = build_model(make_config(), datasets.dataset_info("digits"), steps=10)
    found = {layer.layer.name: layer for layer in read_layers(cnn)}
    assert list(found) == ["conv_1", "conv_2", "conv_3", "hidden_1", "output"]
    assert found["conv_1"].activation == "relu" and found["conv_1"].hidden and not found["output"].hidden
    assert found["conv_1"].output is cnn.get_layer("activation_1").output
    lstm = build_model(make_config("generated_text", bidirectional=True), datasets.dataset_info("generated_text"), 10)
    found = {layer.layer.name: layer for layer in read_layers(lstm)}
    assert list(found) == ["embedding", "bidirectional_1", "hidden_1", "output"]
    assert not found["embedding"].hidden and found["bidirectional_1"].recurrent
    assert found["bidirectional_1"].activation == "tanh"


def test_a_layer_whose_output_is_used_twice_is_read_as_it_is() -> None:
    inputs = keras.Input((WIDTH,))
    dense = layers.Dense(4, name="forked")(inputs)
    joined = layers.Concatenate()([layers.ReLU()(dense), layers.ELU()(dense)])
    model = keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(joined))
    assert read_layers(model)[0].activation is None
    alone = network(layers.Dense(4, name="dense"), layers.LeakyReLU())
    assert read_layers(alone)[0].activation == "leaky_relu"


def run(cache: Path, **changes: object) -> list[Record]:
    records: list[Record] = []
    config = dataclasses.replace(make_config(epochs=3), **changes)  # type: ignore[arg-type]
    train(config, datasets.prepare("digits", folder=None, cache=cache), records.append, lambda: False)
    return records


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def test_looking_does_not_change_what_is_seen(cache: Path) -> None:
    tf.config.experimental.enable_op_determinism()
    watched, unwatched = run(cache, health_interval=1), run(cache, health_interval=0)
    losses = [
        [(one.loss, one.validation_loss, one.validation_accuracy) for one in records if isinstance(one, Epoch)]
        for records in (watched, unwatched)
    ]
    assert losses[0] == losses[1]
    assert all(one.layers is None for one in unwatched if isinstance(one, Epoch))
    assert not any(isinstance(one, Snapshot) for one in unwatched)


def test_the_interval_is_kept_and_the_last_epoch_is_always_read(cache: Path) -> None:
    records = run(cache, health_interval=2)
    epochs = [one for one in records if isinstance(one, Epoch)]
    assert [one.epoch for one in epochs if one.layers] == [1, 3]
    first, last = epochs[0], epochs[-1]
    assert sum(first.predicted) == 288 and len(first.fold_accuracies) == 5
    assert len(last.loss_curve) == 21 and last.loss_curve[0] is not None
    read = last.layers or []
    assert all(layer.update_ratio and layer.weight_change and layer.gradient_norm for layer in read)
    finished = records[-1]
    assert isinstance(finished, Finished)
    counts = np.asarray(finished.confusion)
    assert counts.sum() == 288 and counts.trace() / 288 == pytest.approx(last.validation_accuracy)
    snapshots = [one for one in records if isinstance(one, Snapshot)]
    assert [one.epoch for one in snapshots] == [1, 2, 3, 3, 3, 3]
    assert len({one.label for one in snapshots[2:]}) == 4
    assert set(snapshots[0].maps) == {"conv_1", "conv_2", "conv_3"}
    maps = np.asarray(snapshots[0].maps["conv_1"])
    assert maps.shape == (8, 8, 8) and maps.min() >= 0 and maps.max() <= 255


def test_few_samples_and_one_layer_are_enough() -> None:
    model = network()
    x, y = samples()
    read = Probe(model, x[:2], y[:2]).read()
    assert len(read) == 1 and read[0].gradient_norm is not None
    hidden = network(layers.Dense(4, activation="relu", name="hidden"))
    assert Probe(hidden, x[:2], y[:2]).read()[0].dead is None  # two samples say nothing about units
    camera = Camera(model, x[:1], np.asarray(y[:1]), np.array([0]))
    (snapshot,) = camera.take(epoch=1)
    assert snapshot.maps == {} and snapshot.label == int(y[0])


@pytest.mark.parametrize(("pooling", "columns"), [("max", 3), ("last", 1)])
def test_states_are_those_of_the_texts_own_words(pooling: str, columns: int) -> None:
    config = make_config("generated_text", state_pooling=pooling, sequence_length=12)
    model = build_model(config, datasets.dataset_info("generated_text"), steps=10)
    tokens = np.array([[4, 5, 6, *[0] * 9]], dtype=np.int32)
    (snapshot,) = Camera(model, tf.constant(tokens), np.array([1]), np.array([8])).take(epoch=1)
    states = np.asarray(snapshot.maps["lstm_1"])
    output = np.asarray(keras.Model(model.inputs[0], model.get_layer("lstm_1").output)(tokens))[0]
    own = output[:3] if pooling == "max" else output[np.newaxis]
    assert states.shape == (1, 32, columns) and snapshot.image is None
    assert pytest.approx(own, abs=0.005) == states[0].T / 127.5 - 1


def test_a_linear_classifier_of_texts_takes_a_number_per_word(cache: Path) -> None:
    records: list[Record] = []
    config = make_config("generated_text", epochs=1, sequence_length=24, vocabulary_size=300)
    train(config, datasets.prepare("generated_text", folder=None, cache=cache), records.append, lambda: False)
    started = next(one for one in records if isinstance(one, Started))
    assert started.input_size == vocabulary(config, datasets.dataset_info("generated_text").vocabulary_size or 0)


def test_choices_are_seeded_and_spread() -> None:
    assert len(probe_positions(1000, 1)) == 256 and len(set(probe_positions(1000, 1))) == 256
    assert np.array_equal(probe_positions(1000, 1), probe_positions(1000, 1))
    assert not np.array_equal(probe_positions(1000, 1), probe_positions(1000, 2))
    assert list(probe_positions(3, 1)) == [0, 1, 2]
    assert snapshot_epochs(3) == {1, 2, 3} and len(snapshot_epochs(50)) == 8 and {1, 50} <= snapshot_epochs(50)
    assert list(different_samples(np.array([2, 2, 0, 1, 1]))) == [0, 2, 3]
    assert len(different_samples(np.arange(10))) == 4


def test_the_loss_curve_is_the_mean_of_each_stretch() -> None:
    losses = np.random.default_rng(0).uniform(0, 2, 47)
    curve = LossCurve(batches=47)
    for done in range(1, 48):
        if curve.due(done):
            curve.add(done, float(losses[:done].mean()))
    ends = sorted({1, *(round(47 * (point + 1) / 20) for point in range(20))})
    expected = [float(part.mean()) for part in np.split(losses, ends[:-1])]
    assert curve.values == pytest.approx(expected, abs=1e-5)
    short = LossCurve(batches=3, last=0.25)
    for done, mean in ((1, 1.0), (2, 1.5), (3, (1.0 + 2.0 + 0.25 * 4.0) / 2.25)):
        short.add(done, mean)
    assert short.values == pytest.approx([1.0, 2.0, 4.0], abs=1e-5)
    lost = LossCurve(batches=2)
    lost.add(1, 1.0)
    lost.add(2, math.nan)
    assert lost.values == [1.0, None]


def test_folds_are_stratified_and_few_samples_have_none() -> None:
    labels = np.array([0] * 50 + [1] * 10)
    folds = stratified_folds(labels)
    for fold in range(5):
        assert list(np.bincount(labels[folds == fold])) == [10, 2]
    probabilities = np.eye(2)[np.zeros(60, dtype=int)]
    assert fold_accuracies(probabilities, labels, folds) == pytest.approx([10 / 12] * 5, abs=1e-6)
    assert fold_accuracies(probabilities[:9], labels[:9], folds[:9]) == []
    assert confusion(probabilities, labels) == [[50, 0], [10, 0]]
