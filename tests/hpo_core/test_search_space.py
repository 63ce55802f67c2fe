"""Tests of the declared hyperparameters and of the spaces made of them."""

from __future__ import annotations

import math
from typing import Any

import optuna
import pytest

from hpo_core.errors import UsageError
from hpo_core.parameters import PARAMETERS, Architecture, Choices, Range, defaults, parameters_of
from hpo_core.search_space import SearchSpace, count, round_significant
from tests.stubs import make_config

ARCHITECTURES = list(Architecture)


def build(overrides: dict[str, Any] | None = None, architecture: Architecture = Architecture.CNN) -> SearchSpace:
    return SearchSpace.build(architecture, overrides, max_epochs=5)


@pytest.mark.parametrize("parameter", PARAMETERS.values(), ids=lambda parameter: parameter.name)
def test_declaration_is_consistent(parameter: Any) -> None:
    """Default and searched values are allowed, the explanation is a sentence, a condition names an earlier entry."""
    assert parameter.check(parameter.default) == parameter.default
    searched = parameter.searched
    ends = searched.values if isinstance(searched, Choices) else (searched.low, searched.high)
    for value in ends:
        assert parameter.check(value) == value
    assert parameter.explanation.endswith(".") and parameter.title
    if parameter.needs:
        names = list(PARAMETERS)
        assert names.index(parameter.needs[0]) < names.index(parameter.name)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_suggestion_is_a_complete_configuration(architecture: Architecture) -> None:
    space = build(architecture=architecture)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
    dataset = "digits" if architecture is Architecture.CNN else "generated_text"
    for _ in range(60):
        values = space.suggest(study.ask())
        assert list(values) == [parameter.name for parameter in parameters_of(architecture)]
        make_config(dataset, **values)


def test_what_has_no_effect_is_not_suggested() -> None:
    trial = optuna.create_study().ask()
    values = build({"hidden_layers": 0}).suggest(trial)
    assert "first_hidden_nodes" not in trial.params
    assert values["first_hidden_nodes"] == PARAMETERS["first_hidden_nodes"].default


def test_fixed_values_are_not_searched() -> None:
    space = build({"filters": 8, "kernel_size": {"low": 3, "high": 3}} | {"kernel_size": [3]})
    trial = optuna.create_study().ask()
    assert space.suggest(trial)["filters"] == 8
    assert not {"filters", "kernel_size", "epochs"} & set(trial.params)
    assert not {"filters", "kernel_size", "epochs"} & set(space.searched)


def test_range_choices_and_scale_reach_the_sampler() -> None:
    space = build({"learning_rate": {"low": 0.001, "high": 0.01, "log": True}, "activation": ["relu", "gelu"]})
    trial = optuna.create_study().ask()
    space.suggest(trial)
    assert trial.distributions["learning_rate"] == optuna.distributions.FloatDistribution(0.001, 0.01, log=True)
    assert trial.distributions["activation"] == optuna.distributions.CategoricalDistribution(["relu", "gelu"])


def test_steps_that_miss_the_highest_number_end_below_it_without_a_warning() -> None:
    space = build({"filters": {"low": 3, "high": 24, "step": 4}, "dropout": {"low": 0.0, "high": 0.35, "step": 0.1}})
    trial = optuna.create_study().ask()
    space.suggest(trial)
    assert trial.distributions["filters"] == optuna.distributions.IntDistribution(3, 23, step=4)
    assert trial.distributions["dropout"] == optuna.distributions.FloatDistribution(0.0, 0.3, step=0.1)


def test_epochs_are_fixed_unless_searched() -> None:
    assert build().domains["epochs"] == Choices((5,))
    assert build({"epochs": {"low": 2, "high": 5}}).domains["epochs"] == Range(2, 5)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"fliters": 8}, ["fliters", "did you mean filters?"]),
        ({"lstm_units": 8}, ["lstm_units", "is no hyperparameter of a CNN"]),
        ({"filters": 0}, ["filters", "from 1 to 512", "got 0"]),
        ({"filters": "many"}, ["filters", "a whole number", "'many'"]),
        ({"filters": {"low": 32, "high": 8}}, ["filters", "low at most high", "32 and 8"]),
        ({"filters": {"low": 8}}, ["filters", "needs 'high'"]),
        ({"filters": {"low": 8, "hihg": 9}}, ["filters", "did you mean high?"]),
        ({"filters": {"low": 8, "high": 16, "step": 0}}, ["filters", "step above 0"]),
        ({"filters": {"low": 8, "high": 16, "step": 2, "log": True}}, ["filters", "both log and step"]),
        ({"weight_decay": {"low": 0, "high": 0.1, "log": True}}, ["weight_decay", "low above 0"]),
        ({"filters": {"low": 8, "high": 16, "step": 100}}, ["filters", "at most high - low (8)", "got 100"]),
        ({"dropout": {"low": 0.0, "high": 0.2, "step": float("nan")}}, ["dropout", "step above 0"]),
        (
            {"dropout": {"low": 0.0, "high": 0.2, "step": 1e-30}},
            ["dropout", "at most 1,000,000 steps", "leave step out"],
        ),
        ({"filters": []}, ["filters", "empty list"]),
        ({"activation": "reul"}, ["activation", "did you mean relu?"]),
        ({"activation": {"low": 1, "high": 2}}, ["activation", "has no range"]),
        ({"batch_normalization": "perhaps"}, ["batch_normalization", "false, true"]),
        ({"epochs": {"low": 2, "high": 9}}, ["epochs", "max_epochs_per_trial=9"]),
    ],
)
def test_what_cannot_be_is_refused_with_field_value_and_fix(overrides: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(UsageError) as refused:
        build(overrides)
    for word in words:
        assert word in str(refused.value)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_space_written_out_and_read_again_is_the_same(architecture: Architecture) -> None:
    space = build(architecture=architecture)
    assert build(space.as_yaml_data(), architecture) == space  # type: ignore[arg-type]


def test_combinations() -> None:
    assert math.isinf(build().combinations)
    fixed = {name: value for name, value in defaults(Architecture.CNN).items()}
    assert build(fixed).combinations == 1
    assert build(fixed | {"filters": {"low": 8, "high": 32, "step": 8}, "kernel_size": [3, 5]}).combinations == 8
    assert count(Range(0.0, 0.4, step=0.1), float) == 5


def test_what_can_have_no_effect_is_neither_searched_nor_counted() -> None:
    fixed = defaults(Architecture.CNN) | {"hidden_layers": 0, "first_hidden_nodes": [32, 64], "kernel_size": [3, 5]}
    assert build(fixed).searched == ["kernel_size"] and build(fixed).combinations == 2
    assert "first_hidden_nodes" in build(fixed | {"hidden_layers": {"low": 0, "high": 1}}).searched


def test_six_significant_digits() -> None:
    assert round_significant(0.001234567891) == 0.00123457
    assert round_significant(123456.789) == 123457.0
