"""Tests of YAML that may come from anybody."""

from __future__ import annotations

import pytest

from datasets import UnknownDatasetError
from hpo_core.errors import UsageError
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.yaml_text import MAX_BYTES, MAX_ENTRIES, parse_yaml

LAUGHS = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LAUGHS, "aliases"),
        ("x: " + "[" * 1_000, "nested without end"),
        ("trials: " + "9" * 4_000, "a number of 4,000 characters"),
        ("trials: 0x" + "F" * 5_000, "a number of 5,002 characters"),
        ("trials: 1" + ":1" * 200 + ".5", "a number of"),
        ("trials: !!bool maybe", "must be YAML"),
        ("trials: !!int ''", "must be YAML"),
        ("trials: !!float ''", "must be YAML"),
        ("space: [" + "1, " * MAX_ENTRIES + "1]", "more than 10,000 values"),
        ("trials: !!python/object/apply:os.system ['true']", "must be YAML"),
        ("trials: 3\ntrials: 4", "line 2, column 1: 'trials' is given twice"),
        ("workers: [1\ntrials: 4", "is not: line 2, column 7: expected ',' or ']', but got ':'"),
        ("? [a, b]\n: 3", "must be YAML"),
        ("just words", "must hold 'name: value' lines"),
        ("", "must hold 'name: value' lines"),
        ("trails: 3", "did you mean trials?"),
        ("trials: .nan", "trials must be"),
        ("trials: {a: 1}", "trials must be"),
        ("space: {filters: {low: 30, high: 3}}", "filters must have low at most high, got 30 and 3; exchange the two"),
        ("space: {'<b>“filters”</b> 🎻': 3}", "is no hyperparameter"),
        ("run_name: 'a \"b\" 🎻'", "run_name must be letters"),
    ],
)
def test_what_cannot_be_used_is_one_clear_sentence(text: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        OptimizationConfig.from_yaml(text.encode())
    assert said in str(refused.value)
    assert len(str(refused.value)) < 3_000


def test_a_large_text_is_refused_unread() -> None:
    with pytest.raises(UsageError, match="must be at most 1 MB, big"):
        parse_yaml("config", b"[" * (MAX_BYTES + 1), "big.yaml")


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(UsageError, match="must be a text in UTF-8, x"):
        parse_yaml("config", b"trials: \xff\xfe", "x.yaml")
    with pytest.raises(UsageError, match="must be YAML"):
        parse_yaml("config", b"trials: \x00", "x.yaml")


def test_a_configuration_comes_back_as_it_was() -> None:
    config = OptimizationConfig(
        dataset="reuters", mode="health", trials=3, timeout_minutes=2.5, run_name="2024", workers=1,
        space={"lstm_units": [8, 16], "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}, "bidirectional": True},
    )  # fmt: skip
    assert OptimizationConfig.from_yaml(config.to_yaml().encode()) == config
    assert OptimizationConfig.from_yaml(b"trials: 3").trials == 3
    with pytest.raises(UnknownDatasetError, match="did you mean 'mnist'"):
        OptimizationConfig.from_yaml(b"dataset: mnits")
