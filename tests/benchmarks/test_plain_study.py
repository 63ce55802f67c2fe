"""The big study is what plain Optuna would have made."""

from __future__ import annotations

import optuna

from benchmarks.plain_study import BY_OPTUNA, big_trials, make_big_study
from storage.database import Database


def test_rows_written_in_bulk_are_those_that_optuna_writes(database: Database) -> None:
    trials = BY_OPTUNA + 15
    name = make_big_study(database.url, trials)
    study = optuna.load_study(study_name=name, storage=database.url)
    expected = optuna.create_study(direction="maximize")
    expected.add_trials(big_trials(trials))
    for found, wanted in zip(study.get_trials(), expected.get_trials(), strict=True):
        for field in ("number", "state", "values", "params", "distributions", "user_attrs", "intermediate_values"):
            assert getattr(found, field) == getattr(wanted, field), field
        assert (found.datetime_start, found.datetime_complete) == (wanted.datetime_start, wanted.datetime_complete)
        assert (len(found.params), len(found.user_attrs), len(found.intermediate_values)) == (15, 15, 10)
    assert study.best_trial.number == expected.best_trial.number
