"""Tests of a run's files; the second implementation of the table is Optuna's own loader."""

from __future__ import annotations

import csv
import json
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml

from hpo_core import trials_table
from hpo_core.parameters import Value
from hpo_core.results import (
    ASIDE,
    ResultsError,
    write_best_hyperparameters,
    write_model_card,
    write_results,
    write_trials,
)
from storage.database import Database
from storage.errors import UnknownRunError
from storage.studies import Studies
from tests.hpo_core.test_model_card import make_card
from tests.stubs import make_config

COMPLETE, PRUNED, FAIL = optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED, optuna.trial.TrialState.FAIL


def make_study(database: Database, dataset: str = "digits", direction: str = "maximize", **changes: Value) -> str:
    """A study as our objective leaves it: complete trials of score 0.1, 0.9 and 0.5, then a pruned and a failed one."""
    study = optuna.create_study(study_name="run", storage=database.optuna_storage(), direction=direction)
    for number, score in enumerate((0.1, 0.9, 0.5, None, None)):
        config = make_config(dataset, learning_rate=0.001 * (number + 1), **changes)
        attributes: dict[str, Any] = {
            "configuration": config.to_json(),
            "architecture": "Conv 16, dense 64",
            "parameters": 1000 + number,
            "outcome": "complete" if score else "pruned",
            "reason": "" if score else 'fell "behind", as they say\nat epoch 2',
            "duration_s": 1.5,
        }
        if score:
            attributes |= {"accuracy": score, "macro_f1": score - 0.05, "health": 0.8}
        study.add_trial(
            optuna.trial.create_trial(
                state=COMPLETE if score else PRUNED if number == 3 else FAIL,
                value=score,
                params={"learning_rate": 0.001 * (number + 1)},
                distributions={"learning_rate": optuna.distributions.FloatDistribution(1e-4, 1.0)},
                user_attrs=attributes,
            )
        )
    return study.study_name


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@contextmanager
def full_disk() -> Iterator[None]:
    """No file can grow beyond 64 bytes, which is what a disk that fills up looks like to a program."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    heard = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, heard)


@pytest.mark.parametrize(("direction", "best"), [("maximize", 1), ("minimize", 0)])
def test_the_best_configuration_is_complete_and_can_be_read(
    database: Database, tmp_path: Path, direction: str, best: int
) -> None:
    name = make_study(database, direction=direction)
    write_best_hyperparameters(Studies(database), name, tmp_path / "new")
    path = tmp_path / "new" / "best_hyperparameters.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    config = make_config(learning_rate=0.001 * (best + 1))
    assert {key: values[key] for key in config.hyperparameters} == dict(config.hyperparameters)
    score = (0.1, 0.9)[best]
    expected = {"run_name": "run", "trial": best, "dataset": "digits", "seed": 7, "split_seed": 7, "score": score,
                "accuracy": score, "health": 0.8, "parameters": 1000 + best}  # fmt: skip
    assert {key: values[key] for key in expected} == expected
    told = json.loads(config.to_json())
    whole = {key: value for key, value in told.items() if key not in ASIDE and value is not None}
    assert {key: values[key] for key in whole} == whole
    assert not {"part", "plots", "draw_above"} & set(values) and None not in values.values()


@pytest.mark.parametrize(
    ("dataset", "changes", "global_pooling", "flattening"),
    [
        ("digits", {"pooling": "global_average"}, True, False),
        ("digits", {"pooling": "flatten"}, False, True),
        ("generated_text", {"state_pooling": "max"}, False, False),
    ],
)
def test_how_the_last_map_becomes_a_vector(
    database: Database, tmp_path: Path, dataset: str, changes: dict[str, Value], global_pooling: bool, flattening: bool
) -> None:
    write_best_hyperparameters(Studies(database), make_study(database, dataset, **changes), tmp_path)
    values = yaml.safe_load((tmp_path / "best_hyperparameters.yaml").read_text(encoding="utf-8"))
    assert (values["use_global_pooling"], values["use_flattening"]) == (global_pooling, flattening)
    assert values["epochs"] == 5


def test_every_trial_has_a_row_with_every_value(database: Database, tmp_path: Path) -> None:
    name = make_study(database, batch_normalization=False)
    write_trials(Studies(database), name, tmp_path)
    rows = rows_of(tmp_path)
    study = optuna.load_study(study_name=name, storage=database.optuna_storage())
    assert list(rows[0])[:10] == [*trials_table.FIRST_COLUMNS, "architecture"]
    assert list(rows[0])[10:] == ["macro_f1", *make_config().hyperparameters]
    for row, trial in zip(rows, study.get_trials(), strict=True):
        assert row["number"] == str(trial.number) and row["state"] == trial.state.name.lower()
        assert row["score"] == ("" if trial.value is None else repr(trial.value))
        for attribute in ("accuracy", "health", "macro_f1"):
            assert row[attribute] == str(trial.user_attrs.get(attribute, ""))
        assert float(row["learning_rate"]) == trial.params["learning_rate"]
        assert row["reason"] == trial.user_attrs["reason"] and row["outcome"] == trial.user_attrs["outcome"]
        assert (row["batch_normalization"], row["duration_s"]) == ("false", "1.5")
    assert "configuration" not in rows[0]


def test_pages_are_put_together(database: Database, tmp_path: Path) -> None:
    write_trials(Studies(database), make_study(database), tmp_path, page=2)
    assert [row["number"] for row in rows_of(tmp_path)] == ["0", "1", "2", "3", "4"]


def test_a_study_of_plain_optuna(database: Database, tmp_path: Path) -> None:
    study = optuna.create_study(study_name="plain", storage=database.optuna_storage())
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1) + trial.suggest_int("number", 5, 9), n_trials=3)
    assert write_results(Studies(database), "plain", tmp_path) == []
    rows = rows_of(tmp_path)
    assert [row["number"] for row in rows] == ["0", "1", "2"]
    assert [int(row["params_number"]) for row in rows] == [trial.params["number"] for trial in study.get_trials()]
    values = yaml.safe_load((tmp_path / "best_hyperparameters.yaml").read_text(encoding="utf-8"))
    assert values["x"] == study.best_params["x"] and values["trial"] == study.best_trial.number


def test_without_a_complete_trial_there_is_no_best(database: Database, tmp_path: Path) -> None:
    optuna.create_study(study_name="empty", storage=database.optuna_storage())
    assert write_results(Studies(database), "empty", tmp_path) == []
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".yaml"] == []
    assert (tmp_path / "trials.csv").read_text(encoding="utf-8") == ",".join(trials_table.FIRST_COLUMNS) + "\n"
    with pytest.raises(UnknownRunError):
        write_results(Studies(database), "absent", tmp_path)


def test_a_full_disk_costs_the_files_and_nothing_else(database: Database, tmp_path: Path) -> None:
    name, folder = make_study(database), tmp_path / "run"
    studies = Studies(database)
    assert write_results(studies, name, folder) == []
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with full_disk():
        problems = write_results(studies, name, folder)
        with pytest.raises(ResultsError):
            write_trials(studies, name, folder)
    assert len(problems) == 2 and all("could not be written: File too large" in problem for problem in problems)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_folder_that_cannot_be_made(database: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    problems = write_results(Studies(database), make_study(database), tmp_path / "file")
    assert len(problems) == 2 and str(tmp_path / "file") in problems[0]


def test_the_card_is_written_as_page_and_as_data(tmp_path: Path) -> None:
    card = make_card(tmp_path)
    write_model_card(card, tmp_path / "optimized_model")
    assert (tmp_path / "optimized_model" / "model_card.md").read_text(encoding="utf-8") == card.as_markdown()
    data = yaml.safe_load((tmp_path / "optimized_model" / "card.json").read_text(encoding="utf-8"))
    assert data["test_accuracy"] == card.test_accuracy
