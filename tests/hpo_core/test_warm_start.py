"""Tests of a run that begins with the best configurations of another."""

from __future__ import annotations

import json

import optuna
import pytest

from hpo_core.backends import Backend
from hpo_core.errors import UsageError
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.parameters import PARAMETERS, Architecture, Choices, Range, Value, defaults
from hpo_core.run_study import resumed_config
from hpo_core.runner import Runner
from hpo_core.search_space import SearchSpace
from hpo_core.settings import Settings
from hpo_core.warm_start import BEST, ORIGIN, fits, fitting
from storage.database import Database
from storage.runs import Runs
from storage.studies import Studies, TrialRow
from tests.hpo_core.test_resume import cancelled_after, carried_on
from tests.hpo_core.test_runner import MACHINE, PATIENCE_S, finish, runner, wait_for
from tests.stubs import EndlessTrainer, ScriptedTrainer

CNN = defaults(Architecture.CNN)


def earlier(database: Database, name: str = "earlier", direction: str = "maximize") -> None:
    """A study with eight good configurations, one of them, and the best, outside of the default space."""
    study = optuna.create_study(study_name=name, storage=database.optuna_storage(), direction=direction)
    for number in range(8):
        filters, batch_size = 400 if number == 7 else 16, 32 + 32 * (number % 2)
        values = {**CNN, "dropout": 0.1 * (number % 3), "filters": filters, "batch_size": batch_size}
        study.add_trial(
            optuna.trial.create_trial(
                value=number / 10, params={"dropout": values["dropout"]},
                distributions={"dropout": optuna.distributions.FloatDistribution(0, 0.9)},
                user_attrs={"configuration": json.dumps(values)},
            )
        )  # fmt: skip


def test_the_best_that_fit_are_tried_first(settings: Settings, database: Database) -> None:
    earlier(database)
    finish(runner(settings, ScriptedTrainer(), trials=8, warm_start="earlier"))
    rows = Studies(database).trials("a", sort="number")
    assert [row.attributes.get(ORIGIN) for row in rows[:BEST]] == [f"Trial {n} of earlier" for n in (6, 5, 4, 3, 2)]
    assert len(rows) == 8 and not any(ORIGIN in row.attributes for row in rows[BEST:])
    assert [row.params["dropout"] for row in rows[:3]] == pytest.approx([0.0, 0.2, 0.1])
    assert all(row.state in ("complete", "pruned") for row in rows)
    log = settings.log_file.read_text()
    assert "Trial 7 of earlier is left out: filters=400 is outside of the search space" in log
    assert "5 configurations of earlier are tried first" in log


@pytest.mark.parametrize("stops", [1, 2])
def test_what_was_stopped_with_the_run_is_tried_when_it_goes_on(
    settings: Settings, database: Database, stops: int
) -> None:
    earlier(database)
    cancelled_after(settings, 1, warm_start="earlier", trials=7)
    for _ in range(stops - 1):
        endless = EndlessTrainer()
        backends = {"local": lambda _order, used=endless: Backend(lambda _trial: used)}
        run = Runner(resumed_config(database, "a", {}, 4), settings, MACHINE, backends, resume=True)
        run.start()
        wait_for(lambda used=endless: used.started)
        run.cancel()
        assert run.wait(PATIENCE_S)
    carried_on(settings, database, ScriptedTrainer())
    rows = Studies(database).trials("a", sort="number")
    tried = [row.attributes.get(ORIGIN) for row in rows if row.state == "complete"]
    assert sorted(filter(None, tried)) == [f"Trial {n} of earlier" for n in (2, 3, 4, 5, 6)] and len(tried) == 7


def test_the_best_of_a_study_that_minimises_are_the_smallest(settings: Settings, database: Database) -> None:
    earlier(database, direction="minimize")
    finish(runner(settings, ScriptedTrainer(), trials=2, warm_start="earlier"))
    rows = Studies(database).trials("a", sort="number")
    assert [row.attributes[ORIGIN] for row in rows] == ["Trial 0 of earlier", "Trial 1 of earlier"]


def test_where_nothing_fits_the_run_goes_on_without(settings: Settings, database: Database) -> None:
    study = optuna.create_study(study_name="1", storage=database.optuna_storage(), directions=["minimize", "maximize"])
    study.optimize(lambda trial: (trial.suggest_float("x", 0, 1), float("nan")), n_trials=2, catch=(ValueError,))
    optuna.create_study(study_name="empty", storage=database.optuna_storage())
    for number, name in enumerate(("1", "empty")):
        finish(runner(settings, ScriptedTrainer(), trials=2, warm_start=name, run_name=f"b{number}"))
        assert len(Studies(database).trials(f"b{number}")) == 2
    assert "0 configurations of empty" in settings.log_file.read_text()


def test_an_unknown_study_is_refused_before_anything_is_written(settings: Settings, database: Database) -> None:
    earlier(database)
    with pytest.raises(UsageError, match="warm_start must be a study of this database, got 'earliest'; did you mean"):
        runner(settings, ScriptedTrainer(), warm_start="earliest")
    assert Runs(database).list() == []


def test_a_name_that_yaml_reads_as_a_number() -> None:
    assert OptimizationConfig.from_yaml(b"warm_start: 2024").warm_start == "2024"
    assert OptimizationConfig.from_words(["warm_start=none"]).warm_start is None


@pytest.mark.parametrize(
    ("value", "domain", "answer"),
    [
        (16, Range(12, 24, step=4), True), (18, Range(12, 24, step=4), False), (28, Range(12, 24, step=4), False),
        (0.3, Range(0.0, 0.5, step=0.1), True), (0.33, Range(0.0, 0.5, step=0.1), False),
        (0.02, Range(0.001, 0.1, log=True), True), ("elu", Choices(("relu", "elu")), True), (3, Choices((5, 7)), False),
    ],
)  # fmt: skip
def test_what_a_sampler_could_have_chosen(value: Value, domain: Range | Choices, answer: bool) -> None:
    assert fits(value, domain) is answer


def test_what_is_fixed_here_and_what_has_no_effect_need_not_fit() -> None:
    space = SearchSpace.build(Architecture.CNN, {"epochs": 3, "filters": 8}, max_epochs=3)
    had = {**CNN, "epochs": 40, "filters": 16, "hidden_layers": 0}
    for name in ("first_hidden_nodes", "hidden_shrinkage", "hidden_activation"):
        del had[name]
    values, problem = fitting(TrialRow(0, "complete", 0.9, 1.0, params=had), space)
    assert not problem and not {"epochs", "filters", "first_hidden_nodes"} & set(values)
    values, problem = fitting(TrialRow(0, "complete", 0.9, 1.0, params={"x": 1.0}), space)
    assert problem.startswith("it has no ")
    damaged = TrialRow(0, "complete", 0.9, 1.0, attributes={"configuration": "[1"})
    assert fitting(damaged, space)[1].startswith("it has no ")


def test_one_trial_has_what_is_fixed_and_defaults_for_the_rest() -> None:
    config = OptimizationConfig(
        trials=50, max_epochs_per_trial=3, sampler="grid", warm_start="x",
        space={"filters": 20, "dropout": {"low": 0.3, "high": 0.3}, "epochs": {"low": 1, "high": 3}},
    )  # fmt: skip
    single = config.one_trial()
    space = single.search_space()
    assert single.trials == 1 and space.searched == [] and single.warm_start is None and single.pruner == "none"
    assert (single.space["filters"], single.space["dropout"], single.space["epochs"]) == (20, 0.3, 3)
    assert single.space["learning_rate"] == PARAMETERS["learning_rate"].default
    assert set(single.space) == set(space.domains)
