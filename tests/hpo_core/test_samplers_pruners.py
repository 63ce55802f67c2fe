"""Tests of samplers and pruners by name."""

from __future__ import annotations

import importlib.util
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import optuna
import pytest

from hpo_core.analysis.importance import FEWEST
from hpo_core.errors import UsageError
from hpo_core.objective import REPEATED
from hpo_core.parameters import Architecture, Choices, Range, defaults
from hpo_core.pruners import STARTUP_TRIALS, make_pruner
from hpo_core.samplers import grid_values, is_exhausted, make_sampler
from hpo_core.search_methods import PRUNERS, SAMPLERS
from hpo_core.search_space import SearchSpace

SMALL = defaults(Architecture.CNN) | {
    "filters": {"low": 8, "high": 24, "step": 8},
    "learning_rate": {"low": 0.001, "high": 0.01, "log": True},
    "optimizer": ["adam", "rmsprop"],
}


def space(overrides: dict[str, object] | None = None) -> SearchSpace:
    return SearchSpace.build(Architecture.CNN, SMALL if overrides is None else overrides, max_epochs=5)


def values_of(name: str, seed: int, trials: int = 14) -> list[dict[str, object]]:
    """What a sampler suggests for a score that learns; some trials are pruned."""
    search = space()
    study = optuna.create_study(direction="maximize", sampler=make_sampler(name, search, seed))

    def objective(trial: optuna.Trial) -> float:
        values = search.suggest(trial)
        trial.set_constraint("parameters", -1.0)
        if trial.number % 5 == 4:
            raise optuna.TrialPruned
        return float(values["learning_rate"]) * float(values["filters"])

    study.optimize(objective, n_trials=trials)
    return [trial.params for trial in study.trials]


AVAILABLE = [name for name in SAMPLERS if name != "gp" or importlib.util.find_spec("torch")]


@pytest.mark.parametrize("name", AVAILABLE)
def test_the_seed_decides_and_numbers_are_short(name: str) -> None:
    first = values_of(str(name), seed=3)
    assert values_of(str(name), seed=3) == first
    assert values_of(str(name), seed=4) != first
    for params in first:
        rate = params["learning_rate"]
        assert isinstance(rate, float) and 0.001 <= rate <= 0.01 and rate == float(f"{rate:.6g}")


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="the extra of the sampler gp is installed")
def test_a_sampler_without_its_extra_is_refused() -> None:
    with pytest.raises(UsageError, match=r"sampler cannot be gp.*sampler=tpe"):
        make_sampler("gp", space(), 1)


def test_the_grid_covers_a_small_space_once() -> None:
    params = [tuple(sorted(values.items())) for values in values_of("grid", 1, trials=30)]
    assert len(params) == len(set(params)) == 3 * 5 * 2


@pytest.mark.parametrize("finished", range(30))
def test_points_of_the_grid_that_were_stopped_with_their_run_are_tried_again(finished: int) -> None:
    """Also those of trials that were stopped before they knew their values; what failed by itself is not."""
    search, tried = space(), list[str]()
    outcomes = ["crashed"] * finished + ["cancelled", "interrupted", "money cap"]

    def objective(trial: optuna.Trial) -> float:
        outcome = outcomes.pop(0) if outcomes else "complete"
        trial.set_user_attr("outcome", outcome)
        if outcome not in REPEATED:
            tried.append(str(search.suggest(trial)))
        if outcome != "complete":
            raise ValueError(outcome)
        return 0.5

    study = optuna.create_study(sampler=make_sampler("grid", search, 1))
    study.optimize(objective, n_trials=finished + 3, catch=ValueError)
    assert not is_exhausted(study)
    outcomes.clear()
    study.sampler = make_sampler("grid", search, 1)
    study.optimize(objective, n_trials=50)
    assert len(tried) == 3 * 5 * 2 == len(set(tried)) and is_exhausted(study)


class SlowStorage(optuna.storages.InMemoryStorage):
    def get_all_trials(self, *args: Any, **named: Any) -> list[optuna.trial.FrozenTrial]:
        found = super().get_all_trials(*args, **named)
        time.sleep(0.005)
        return found


def test_trials_that_begin_together_have_points_of_their_own() -> None:
    study = optuna.create_study(storage=SlowStorage(), sampler=make_sampler("grid", space(), 1))
    with ThreadPoolExecutor(10) as threads:
        trials = list(threads.map(lambda _: study.ask(), range(30)))
    assert len({str(space().suggest(trial)) for trial in trials}) == 30


def test_a_queued_configuration_has_no_point_of_the_grid() -> None:
    search = space()
    study = optuna.create_study(sampler=make_sampler("grid", search, 1))
    study.enqueue_trial({"filters": 16, "learning_rate": 0.002, "optimizer": "adam"})
    study.optimize(lambda trial: float(search.suggest(trial)["filters"]), n_trials=30)
    for _ in range(2):  # Optuna would ask this one for its point
        study.enqueue_trial({"filters": 16, "learning_rate": 0.003, "optimizer": "adam"})
    study.optimize(lambda trial: float(search.suggest(trial)["filters"]), n_trials=50)
    assert len(study.trials) == 1 + 2 + 30 and is_exhausted(study)


def test_the_grid_refuses_more_than_ten_thousand() -> None:
    with pytest.raises(UsageError, match=r"sampler cannot be grid: .* more than 10,000"):
        make_sampler("grid", space({}), 1)


def test_grid_values() -> None:
    assert grid_values(Range(8, 24, step=8), int) == [8, 16, 24]
    assert grid_values(Range(0.0, 0.4, step=0.1), float) == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert grid_values(Range(0.01, 1.0, log=True), float) == [0.01, 0.0316228, 0.1, 0.316228, 1.0]
    assert grid_values(Choices((3, 5)), int) == [3, 5]


def test_the_grid_is_counted_before_it_is_made() -> None:
    fixed = defaults(Architecture.CNN) | {"dropout": {"low": 0.0, "high": 0.5, "step": 1e-6}}
    with pytest.raises(UsageError, match="more than 10,000"):
        make_sampler("grid", space(fixed), 1)


@pytest.mark.parametrize("name", ["median", "patient"])
def test_the_first_epoch_is_never_judged(name: str) -> None:
    study = optuna.create_study(direction="maximize", pruner=make_pruner(name, 8))
    for _ in range(STARTUP_TRIALS):
        trial = study.ask()
        for step in (1, 2, 3):
            trial.report(0.9, step)
        study.tell(trial, 0.9)
    trial = study.ask()
    trial.report(0.1, 1)
    assert not trial.should_prune()
    if name == "median":
        trial.report(0.1, 2)
        assert trial.should_prune()


def test_importance_can_be_told_before_anything_is_pruned() -> None:
    study = optuna.create_study(direction="maximize", pruner=make_pruner("median", 8))
    for _ in range(FEWEST):
        trial = study.ask()
        for step in (1, 2, 3):
            trial.report(0.9 if trial.number < FEWEST - 1 else 0.1, step)
        assert not trial.should_prune()
        study.tell(trial, 0.9)


@pytest.mark.parametrize("name", PRUNERS)
def test_pruners_end_the_bad_and_keep_the_best(name: str) -> None:
    """Many trials that are good, then one that is the best and one that is far behind."""
    study = optuna.create_study(direction="maximize", pruner=make_pruner(str(name), 8))

    def play(level: float) -> optuna.trial.TrialState:
        def objective(trial: optuna.Trial) -> float:
            for step in range(1, 9):
                trial.report(level - (0.01 * step if level < 0.5 else -0.001 * step), step)
                if step < 8 and trial.should_prune():
                    raise optuna.TrialPruned
            return level

        study.optimize(objective, n_trials=1)
        return study.trials[-1].state

    for number in range(30):
        play(0.9 + number * 0.001)
    bad = [play(0.2) for _ in range(6)]
    assert any(state.name == "PRUNED" for state in bad) is (name != "none")
    if name in ("median", "patient", "none"):
        assert play(0.99).name == "COMPLETE"
