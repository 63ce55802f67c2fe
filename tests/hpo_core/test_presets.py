"""Tests of the ready-made answers to 'how much'."""

from __future__ import annotations

from pathlib import Path

import pytest

import datasets
from hpo_core.errors import UsageError
from hpo_core.layer_plan import trainable_parameters
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.parameters import Range, defaults
from hpo_core.presets import PRESETS
from hpo_core.trial_config import TrialConfig


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("dataset", datasets.CATALOGUE)
def test_every_preset_is_a_configuration_of_every_data_set(name: str, dataset: str) -> None:
    config = OptimizationConfig.from_words([f"dataset={dataset}", f"preset={name}"])
    assert config.trials > 1 and 5 <= config.sample_percentage <= 100
    assert PRESETS[name].explanation.endswith(".")


def test_more_thorough_is_more() -> None:
    for dataset in datasets.CATALOGUE:
        quick, balanced, thorough = (
            OptimizationConfig.from_words([f"dataset={dataset}", f"preset={name}"]) for name in PRESETS
        )
        for name in ("trials", "max_epochs_per_trial", "sample_percentage"):
            assert getattr(quick, name) <= getattr(balanced, name) <= getattr(thorough, name)
        assert quick.search_space().combinations <= thorough.search_space().combinations


def test_a_small_set_is_used_whole_and_a_large_one_in_part() -> None:
    assert PRESETS["quick"].values("digits")["sample_percentage"] == 100
    assert PRESETS["quick"].values("mnist")["sample_percentage"] == 5
    assert PRESETS["quick"].values("reuters")["sample_percentage"] == 60  # 5,389 of 8,982
    assert PRESETS["thorough"].values("mnist")["sample_percentage"] == 100


@pytest.mark.parametrize("dataset", datasets.CATALOGUE)
def test_the_largest_model_of_the_widest_preset_can_be_built(dataset: str) -> None:
    """Also on the smallest pictures; it may be refused for its size, which the sampler learns."""
    config = OptimizationConfig.from_words([f"dataset={dataset}", "preset=thorough"])
    values = defaults(config.architecture)
    for name, domain in config.search_space().domains.items():
        values[name] = domain.high if isinstance(domain, Range) else domain.values[-1]
    trial = TrialConfig(
        dataset=dataset, architecture=config.architecture, seed=1, split_seed=1, sample_percentage=100.0,
        validation_split=0.2, test_split=0.2, threads=1, replicas=1, hyperparameters=values,
    )  # fmt: skip
    assert trainable_parameters(trial) > 0


def test_words_and_files_beside_a_preset(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("dataset: imdb\ntrials: 3\nseed: 9\nspace: {lstm_units: 8}\n")
    words = [f"config={tmp_path / 'config.yaml'}", "preset=quick", "max_epochs_per_trial=2"]
    config = OptimizationConfig.from_words(words)
    assert (config.dataset, config.trials, config.seed, config.max_epochs_per_trial) == ("imdb", 12, 9, 2)
    assert config.sample_percentage == 20 and config.space == {"lstm_units": 8}


def test_an_unknown_preset_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"preset must be one of quick, .*; did you mean thorough"):
        OptimizationConfig.from_words(["preset=thorogh"])
