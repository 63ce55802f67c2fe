"""Tests of what a run is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from datasets import UnknownDatasetError
from hpo_core.errors import UsageError
from hpo_core.optimization_config import FIELDS, OPTIONS, OptimizationConfig
from hpo_core.parameters import Architecture


def test_words_become_fields_of_their_types() -> None:
    config = OptimizationConfig.from_words(
        ["dataset=mnist", "trials=6", "sample_percentage=20", "workers=2", "timeout_minutes=1.5", "run_name=a-1"]
    )
    assert (config.dataset, config.trials, config.sample_percentage) == ("mnist", 6, 20.0)
    assert (config.workers, config.timeout_minutes, config.run_name) == (2, 1.5, "a-1")
    assert config.architecture is Architecture.CNN
    assert OptimizationConfig.from_words(["dataset=imdb"]).architecture is Architecture.LSTM


@pytest.mark.parametrize("option", OPTIONS.items(), ids=lambda option: option[0])
def test_every_option_explains_itself(option: Any) -> None:
    _, declared = option
    assert declared.explanation.endswith(".")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("trails=3", "did you mean trials?"),
        ("trials=0", "from 1 to 100000, got '0'; for example trials=1"),
        ("trials=many", "a whole number"),
        ("trials=2.5", "a whole number from 1 to 100000, got '2.5'; for example trials=2"),
        ("trials", "must be key=value"),
        ("sample_percentage=0.5", "from 5 to 100"),
        ("sampler=tbe", "did you mean tpe?"),
        ("mode=healthy", "one of simple"),
        ("seed=-1", "seed must be"),
        ("run_name=a/b", "run_name=a-b"),
        ("run_name=../x", "run_name"),
        ("run_name=Mon réseau", "for example run_name=Mon-reseau"),
        (f"run_name={'x' * 300}", f"at most 80, got 300 of them; for example run_name={'x' * 40}"),
        ("use_runpod_service=true", "write backend=runpod"),
        ("concurrent_workers=3", "write workers=3"),
        ("gpu_proxy_sample_percentage=0.5", "write sample_percentage=50"),
        ("plot_generation=all", "write plots=all"),
        ("timeout_hours=2", "write timeout_minutes=120"),
        ("use_multi_gpu=true", "write gpus_per_worker=auto"),
        ("target_gpus_per_worker=2", "write gpus_per_worker=2"),
        ("workers=99", "leave workers out for its default"),
        ("filters=16", "is a hyperparameter, no field of a run; put it into a file: space=FILE"),
        ("gpus_per_worker=0", "gpus_per_worker must be a whole number from 1 to 16"),
        ("health_weight=1.5", "health_weight must be a number from 0 to 1, got '1.5'; for example health_weight=1"),
        ("health_interval=-1", "health_interval must be a whole number from 0 to 1000"),
        ("plots=some", "plots must be one of best, all, none, got 'some'"),
        ("space=/no/such.yaml", "space must be a readable file"),
    ],
)
def test_what_cannot_be_used_is_answered_with_field_value_and_fix(word: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        OptimizationConfig.from_words([word])
    assert said in str(refused.value)


def test_an_unknown_dataset_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownDatasetError, match="did you mean 'mnist'"):
        OptimizationConfig.from_words(["dataset=mnits"])


def test_a_key_given_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="given once"):
        OptimizationConfig.from_words(["trials=3", "trials=4"])


def test_yaml_both_ways(tmp_path: Path) -> None:
    config = OptimizationConfig(dataset="mnist", trials=3, space={"filters": {"low": 8, "high": 16}}, workers=1)
    file = tmp_path / "config.yaml"
    file.write_text(config.to_yaml())
    assert set(yaml.safe_load(config.to_yaml())) == set(FIELDS)
    assert OptimizationConfig.from_words([f"config={file}"]) == config
    assert OptimizationConfig.from_words(["trials=9", f"config={file}"]).trials == 9


def test_a_run_name_that_yaml_reads_as_a_number(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("run_name: 2024\n")
    assert OptimizationConfig.from_words([f"config={tmp_path / 'config.yaml'}"]).run_name == "2024"
    with pytest.raises(UnknownDatasetError):
        OptimizationConfig.from_mapping({"dataset": ["mnist"]})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("filters: [1", "must be YAML"),
        ("filters: 8\nfilters: 16", "'filters' is given twice"),
        ("[" * 1000, "must be YAML of a few levels"),
        ("- 1", "must hold 'name: value' lines"),
        ("filters: {low: 9, high: 3}", "low"),
    ],
)
def test_a_space_file_with_a_mistake_is_refused(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "space.yaml"
    file.write_text(content)
    with pytest.raises(UsageError, match=said):
        OptimizationConfig.from_words([f"space={file}"])
