"""The plan of a network is the network that Keras builds, layer by layer."""

from __future__ import annotations

import json
import random
from typing import Any

import keras
import pytest

import datasets
from hpo_core.layer_plan import TRAINING_ONLY, layer_plan
from hpo_core.layer_texts import LayerKind
from hpo_core.parameters import Architecture, Choices, Range, Value, parameters_of
from hpo_core.training.model import build_cnn, build_lstm, describe_layers
from hpo_core.trial_config import TrialConfig
from tests.stubs import make_config

SAMPLES = 12
# What Keras would take long to allocate is sampled from here instead.
NARROW: dict[str, Range] = {
    "filters": Range(1, 20),
    "embedding_size": Range(2, 40),
    "vocabulary_size": Range(10, 300),
    "sequence_length": Range(4, 60),
    "lstm_units": Range(1, 24),
    "lstm_layers": Range(1, 4),
    "first_hidden_nodes": Range(1, 200),
}
KINDS: dict[LayerKind, tuple[type[keras.Layer], ...]] = {
    LayerKind.INPUT: (keras.layers.InputLayer,),
    LayerKind.SCALING: (keras.layers.Rescaling,),
    LayerKind.CONVOLUTION: (keras.layers.Conv2D,),
    LayerKind.NORMALISATION: (keras.layers.BatchNormalization,),
    LayerKind.ACTIVATION: (keras.layers.Activation,),
    LayerKind.POOLING: (keras.layers.MaxPooling2D,),
    LayerKind.FLATTEN: (
        keras.layers.Flatten, keras.layers.GlobalAveragePooling2D, keras.layers.GlobalMaxPooling1D,
        keras.layers.GlobalAveragePooling1D,
    ),
    LayerKind.EMBEDDING: (keras.layers.Embedding,),
    LayerKind.LSTM: (keras.layers.LSTM, keras.layers.Bidirectional),
    LayerKind.DROPOUT: (keras.layers.Dropout,),
    LayerKind.DENSE: (keras.layers.Dense,),
    LayerKind.OUTPUT: (keras.layers.Dense,),
}  # fmt: skip


def sampled(architecture: Architecture, seed: int) -> dict[str, Value]:
    """Any value that is allowed, for each hyperparameter that shapes the network."""
    chance = random.Random(seed)
    values: dict[str, Value] = {}
    for parameter in parameters_of(architecture):
        domain = NARROW.get(parameter.name, parameter.allowed)
        if parameter.name in TRAINING_ONLY:
            continue
        if isinstance(domain, Choices):
            values[parameter.name] = chance.choice(domain.values)
        elif parameter.type is int:
            values[parameter.name] = chance.randint(int(domain.low), int(domain.high))
        else:
            values[parameter.name] = round(chance.uniform(domain.low, domain.high), 2)
    if chance.random() < 0.3:
        values["dropout"] = 0.0
    return values


def build(config: TrialConfig) -> keras.Model:
    maker = build_cnn if config.architecture is Architecture.CNN else build_lstm
    return maker(config, datasets.dataset_info(config.dataset))


@pytest.mark.parametrize("seed", range(SAMPLES))
@pytest.mark.parametrize("architecture", list(Architecture))
def test_keras_builds_what_was_planned(architecture: Architecture, seed: int) -> None:
    names = (
        ("digits", "cifar10", "gtsrb") if architecture is Architecture.CNN else ("generated_text", "imdb", "reuters")
    )
    config = make_config(names[seed % 3], **sampled(architecture, seed))
    model, plan = build(config), layer_plan(config)
    told = [
        {
            "name": layer.name, "type": layer.type, "output_shape": list(layer.output_shape),
            "parameters": layer.parameters,
        }
        for layer in plan.layers
    ]  # fmt: skip
    assert told == describe_layers(model)
    for planned, built in zip(plan.layers, model.layers, strict=True):
        assert isinstance(built, KINDS[planned.kind])
        assert planned.trainable == sum(weight.shape.num_elements() for weight in _values(built))
    assert [layer.number for layer in plan.layers] == list(range(1, len(model.layers) + 1))
    assert [layer.name for layer in plan.layers if layer.kind is LayerKind.OUTPUT] == [model.layers[-1].name]


def _values(layer: keras.Layer) -> list[Any]:
    return [variable.value for variable in layer.trainable_weights]


def test_every_hyperparameter_is_named_where_it_acts_or_only_trains() -> None:
    for architecture in Architecture:
        named = {
            name
            for seed in range(60)
            for layer in layer_plan(make_config(_any(architecture), **sampled(architecture, seed))).layers
            for name, _ in layer.made_by
        }
        assert named | TRAINING_ONLY == {parameter.name for parameter in parameters_of(architecture)}


def test_a_layer_is_made_by_the_values_of_its_configuration() -> None:
    values: dict[str, Value] = {"conv_layers": 1, "filters": 7, "kernel_size": 5, "pooling": "flatten", "dropout": 0.25}
    values |= {"hidden_layers": 2, "first_hidden_nodes": 30, "hidden_shrinkage": 0.5, "hidden_activation": "elu"}
    values |= {"batch_normalization": True, "activation": "tanh"}
    hidden = {"hidden_layers": 2, "first_hidden_nodes": 30, "hidden_activation": "elu"}
    assert {layer.name: dict(layer.made_by) for layer in layer_plan(make_config(**values)).layers} == {
        "input": {}, "scaling": {}, "conv_1": {"conv_layers": 1, "filters": 7, "kernel_size": 5},
        "normalisation_1": {"batch_normalization": True}, "activation_1": {"activation": "tanh"}, "pooling_1": {},
        "flatten": {"pooling": "flatten"}, "dropout_1": {"dropout": 0.25}, "hidden_1": hidden,
        "dropout_2": {"dropout": 0.25}, "hidden_2": hidden | {"hidden_shrinkage": 0.5},
        "dropout_output": {"dropout": 0.25}, "output": {},
    }  # fmt: skip


@pytest.mark.parametrize("architecture", list(Architecture))
def test_every_layer_is_explained_without_gaps(architecture: Architecture) -> None:
    for seed in range(30):
        for layer in layer_plan(make_config(_any(architecture), **sampled(architecture, seed))).layers:
            for text in (layer.explanation, layer.backward):
                assert text.endswith(".") and not set(text) & {"{", "}"}


def test_a_plan_as_json_has_all_of_its_layers() -> None:
    plan = layer_plan(make_config(hidden_layers=2))
    read = json.loads(plan.to_json())
    assert read["trainable_parameters"] == plan.trainable and read["configuration"]["hidden_layers"] == 2
    assert [layer["name"] for layer in read["layers"]] == [layer.name for layer in plan.layers]
    assert read["layers"][2]["made_by"] == {"conv_layers": 3, "filters": 16, "kernel_size": 3}
    assert read["layers"][2]["kind"] == "convolution" and read["layers"][2]["output_shape"] == [8, 8, 16]


def _any(architecture: Architecture) -> str:
    return "digits" if architecture is Architecture.CNN else "generated_text"
