"""Tests of the complete configuration of one training."""

from __future__ import annotations

import dataclasses
import json

import pytest

from datasets import CATALOGUE
from hpo_core.errors import UsageError
from hpo_core.parameters import PARAMETERS, Architecture, Choices, Value, defaults, text
from hpo_core.trial_config import MAX_BYTES, TrialConfig
from tests.stubs import make_config

DATASETS = list(CATALOGUE)


def longest(name: str) -> Value:
    """The allowed value whose JSON is longest; a real number takes six significant digits and an exponent."""
    allowed, kind = PARAMETERS[name].allowed, PARAMETERS[name].type
    if isinstance(allowed, Choices):
        return max(allowed.values, key=lambda value: len(json.dumps(value)))
    return 1.23457e-05 if kind is float and allowed.low <= 1.23457e-05 else 0.123457 if kind is float else allowed.high


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_largest_one_is_small(dataset: str) -> None:
    config = make_config(dataset)
    largest = dataclasses.replace(
        config,
        seed=2**32 - 1,
        split_seed=2**32 - 1,
        sample_percentage=12.3457,
        validation_split=0.123457,
        test_split=0.123457,
        threads=128,
        replicas=16,
        part="trial",
        objective="validation_accuracy",
        health_weight=0.123457,
        health_interval=1000,
        plots="best",
        draw_above=0.123457,
        hyperparameters={name: longest(name) for name in config.hyperparameters},
    )
    assert len(largest.to_json().encode()) <= MAX_BYTES
    assert TrialConfig.from_json(largest.to_json()) == largest


@pytest.mark.parametrize("dataset", ["digits", "imdb"])
def test_every_field_arrives_equal(dataset: str) -> None:
    config = make_config(dataset)
    arrived = TrialConfig.from_json(config.to_json())
    assert arrived == config
    assert hash(arrived) == hash(config)
    for field in dataclasses.fields(TrialConfig):
        assert getattr(arrived, field.name) == getattr(config, field.name)
    assert {name: type(value) for name, value in arrived.hyperparameters.items()} == {
        name: type(value) for name, value in config.hyperparameters.items()
    }


@pytest.mark.parametrize("field", list(json.loads(make_config().to_json())))
def test_each_missing_field_is_refused_by_name(field: str) -> None:
    fields = json.loads(make_config().to_json())
    del fields[field]
    with pytest.raises(UsageError, match=field):
        TrialConfig.from_json(json.dumps(fields))


def test_an_unknown_field_is_refused_by_name() -> None:
    fields = json.loads(make_config().to_json()) | {"fliters": 3}
    with pytest.raises(UsageError, match="fliters; did you mean filters"):
        TrialConfig.from_json(json.dumps(fields))


@pytest.mark.parametrize(
    ("field", "value"),
    [("filters", 8.5), ("filters", "8"), ("filters", True), ("dropout", "much"), ("activation", 3),
     ("batch_normalization", 1), ("seed", "7"), ("threads", 1.5), ("architecture", "mlp"), ("dropout", 0.95)],
)  # fmt: skip
def test_a_value_of_the_wrong_kind_is_refused(field: str, value: object) -> None:
    fields = json.loads(make_config().to_json()) | {field: value}
    with pytest.raises(UsageError, match=field):
        TrialConfig.from_json(json.dumps(fields))


def test_it_is_frozen() -> None:
    config = make_config()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.seed = 8  # type: ignore[misc]
    with pytest.raises(TypeError):
        config.hyperparameters["filters"] = 8  # type: ignore[index]


def test_defaults_have_every_hyperparameter_of_their_architecture() -> None:
    assert "filters" in defaults(Architecture.CNN) and "filters" not in defaults(Architecture.LSTM)
    assert text(True) == "true" and text(0.001) == "0.001"
