"""Tests of the set-based reading of studies; the second implementation is Optuna's own loader."""

from __future__ import annotations

import math

import optuna
import pytest

from storage.database import Database
from storage.errors import UnknownRunError
from storage.studies import Studies, TrialRow

COMPLETE, PRUNED, FAIL = optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED, optuna.trial.TrialState.FAIL


@pytest.fixture(params=["maximize", "minimize"])
def study(request: pytest.FixtureRequest, database: Database) -> optuna.Study:
    """A study as plain Optuna makes it, with trials in every state."""
    study = optuna.create_study(
        study_name="plain 'quoted' / name",
        storage=database.url,
        direction=request.param,
        sampler=optuna.samplers.RandomSampler(seed=1),
    )

    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        trial.suggest_categorical("kind", ["a", "b", None])
        trial.suggest_int("n", 1, 8, step=1)
        for step in range(3):
            trial.report(x * step, step)
        if trial.number % 2:
            trial.set_user_attr("accuracy", x)
        if trial.number == 3:
            raise optuna.TrialPruned
        if trial.number == 4:
            raise ValueError("planned")
        return x

    study.optimize(objective, n_trials=8, catch=(ValueError,))
    study.ask()
    return study


def rows(database: Database, study: optuna.Study, **arguments: object) -> list[TrialRow]:
    return Studies(database).trials(study.study_name, **arguments)  # type: ignore[arg-type]


def test_summary_equals_what_optuna_says(database: Database, study: optuna.Study) -> None:
    summary = Studies(database).summary(study.study_name)
    trials = study.get_trials()
    assert summary.n_by_state == {"complete": 6, "pruned": 1, "fail": 1, "running": 1}
    assert summary.n_trials == len(trials) and summary.n("complete", "pruned") == 7
    assert (summary.best_trial, summary.best_score) == (study.best_trial.number, study.best_value)
    assert summary.best_accuracy == study.best_trial.user_attrs.get("accuracy")
    assert summary.minimises is (study.direction == optuna.study.StudyDirection.MINIMIZE)
    durations = [trial.duration.total_seconds() for trial in trials if trial.state in (COMPLETE, PRUNED)]
    assert summary.mean_duration_s == pytest.approx(math.fsum(durations) / len(durations), abs=1e-3)


def test_rows_equal_what_optuna_loads(database: Database, study: optuna.Study) -> None:
    for row, trial in zip(rows(database, study), study.get_trials(), strict=True):
        assert (row.number, row.state) == (trial.number, trial.state.name.lower())
        assert row.score == (trial.value if trial.state is COMPLETE else row.score)
        assert row.params == trial.params and row.attributes == trial.user_attrs
        assert row.curve == trial.intermediate_values
        assert row.accuracy == trial.user_attrs.get("accuracy")


@pytest.mark.parametrize("sort", ["number", "-number", "score", "-score", "accuracy", "-accuracy", "duration"])
def test_sorting_puts_missing_values_last(database: Database, study: optuna.Study, sort: str) -> None:
    key = sort.removeprefix("-")
    values = [
        {"number": row.number, "score": row.score, "accuracy": row.accuracy, "duration": row.duration_s}[key]
        for row in rows(database, study, sort=sort)
    ]
    present = [value for value in values if value is not None]
    assert values[len(present) :] == [None] * (len(values) - len(present))
    ordered = sorted(present, reverse=sort.startswith("-"))
    assert present == pytest.approx(ordered, abs=0.002)  # SQLite counts time in milliseconds


def test_pages_and_states(database: Database, study: optuna.Study) -> None:
    assert [row.number for row in rows(database, study, limit=3, offset=3)] == [3, 4, 5]
    assert [row.number for row in rows(database, study, states=("fail", "pruned"))] == [3, 4]
    with pytest.raises(ValueError, match="sort must be one of"):
        rows(database, study, sort="colour")


def test_scores(database: Database, study: optuna.Study) -> None:
    expected = [(trial.number, trial.value) for trial in study.get_trials(states=(COMPLETE,))]
    assert Studies(database).scores(study.study_name) == expected


def test_a_study_that_is_not_there(database: Database) -> None:
    studies = Studies(database)
    assert studies.names() == [] and not studies.exists("x")
    for read in (studies.summary, studies.trials, studies.scores, studies.attributes):
        with pytest.raises(UnknownRunError, match="'x'"):
            read("x")


def test_an_empty_study_and_its_attributes(database: Database) -> None:
    study = optuna.create_study(study_name="empty", storage=database.optuna_storage())
    study.set_user_attr("dataset", "MNIST")
    summary = Studies(database).summary("empty")
    assert (summary.n_trials, summary.best_trial, summary.mean_duration_s) == (0, None, None)
    assert Studies(database).attributes("empty") == {"dataset": "MNIST"}
