"""Optuna's samplers by name, and the rounding that keeps configurations short."""

from __future__ import annotations

import importlib.util
import math
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hpo_core.errors import UsageError
from hpo_core.objective import REPEATED
from hpo_core.parameters import PARAMETERS, Choices, Domain, Value
from hpo_core.search_space import SearchSpace, count, round_significant

MAX_GRID = 10_000
GRID_POINTS = 5
"""Values the grid takes from a continuous range, evenly spaced on its scale."""

LEARNS_FROM_PRUNED = frozenset({"tpe", "qmc", "random", "grid"})
"""Samplers that a refused (pruned) trial does not leave where they were."""


def make_sampler(name: str, space: SearchSpace, seed: int) -> BaseSampler:
    """The sampler called `name`. Raises UsageError where it cannot search `space` or its extra is missing."""
    makers: Mapping[str, Callable[[SearchSpace, int], BaseSampler]] = {
        "tpe": _tpe, "cmaes": _cmaes, "qmc": _qmc, "random": _random, "grid": _grid, "gp": _gp,
    }  # fmt: skip
    require_sampler(name, space)
    # Process-wide, because samplers repeat these from the threads of their trials.
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return RoundingSampler(makers[name](space, seed))


def require_sampler(name: str, space: SearchSpace) -> None:
    """Raises UsageError where the sampler called `name` cannot search `space`, or its extra is missing."""
    if name == "grid" and (size := grid_size(space)) > MAX_GRID:
        raise UsageError(
            "sampler", f"cannot be grid: the search space has {size:,.0f} combinations, more than {MAX_GRID:,}",
            "fix some hyperparameters in the search space, or write sampler=tpe",
        )  # fmt: skip
    if name == "gp" and not has_gp():
        raise UsageError(
            "sampler", "cannot be gp: its extra is not installed", "pip install torch, or write sampler=tpe"
        )


def has_gp() -> bool:
    """Whether what the Gaussian process needs is installed."""
    return importlib.util.find_spec("torch") is not None


def grid_size(space: SearchSpace) -> float:
    """How many configurations a grid over `space` holds: all values of a finite range, five of a continuous one."""
    sizes = (count(space.domains[name], PARAMETERS[name].type) for name in space.searched)
    return math.prod(GRID_POINTS if math.isinf(one) else one for one in sizes)


class RoundingSampler(BaseSampler):
    """Another sampler whose real numbers are rounded to 6 significant digits before they are recorded.

    So the value in the study, in the TrialConfig and in every export is the same one.
    """

    def __init__(self, sampler: BaseSampler) -> None:
        self.inner = sampler

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self.inner.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        values = self.inner.sample_relative(study, trial, search_space)
        return {name: _rounded(value, search_space[name]) for name, value in values.items()}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        value = self.inner.sample_independent(study, trial, param_name, param_distribution)
        return _rounded(value, param_distribution)

    def reseed_rng(self) -> None:
        self.inner.reseed_rng()

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self.inner.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Any) -> None:
        self.inner.after_trial(study, trial, state, values)


class WholeGrid(optuna.samplers.GridSampler):
    """Optuna's grid, with every point tried also by a run that was stopped and goes on.

    Optuna's own takes the points of trials that were stopped with their run for done, lets two workers take the same
    one, and expects each trial to have one: a configuration that was put into the queue has none.
    """

    def __init__(self, grid: Mapping[str, Sequence[Value]], seed: int) -> None:
        super().__init__(grid, seed=seed)
        self._taking = threading.Lock()

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        if "fixed_params" in trial.system_attrs:
            return
        with self._taking:
            point = min(self._get_unvisited_grid_ids(study), default=0)
            study._storage.set_trial_system_attr(trial._trial_id, "grid_id", point)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Any) -> None:
        point = study._storage.get_trial_system_attrs(trial._trial_id).get("grid_id")
        if set(self._get_unvisited_grid_ids(study)) <= {point}:
            study.stop()

    def _get_unvisited_grid_ids(self, study: Study) -> list[int]:
        """Points that no trial has; where each has one, those whose trials still run."""
        done, running = set[int](), set[int]()
        for trial in study._storage.get_all_trials(study._study_id, deepcopy=False):
            if trial.user_attrs.get("outcome") not in REPEATED and "grid_id" in trial.system_attrs:
                (done if trial.state.is_finished() else running).add(trial.system_attrs["grid_id"])
        left = set(range(len(self._all_grids))) - done
        return sorted(left - running or left)


def is_exhausted(study: Study) -> bool:
    """Whether every configuration that the sampler of a study can suggest was tried; only a grid has an end."""
    sampler = study.sampler.inner if isinstance(study.sampler, RoundingSampler) else study.sampler
    return isinstance(sampler, WholeGrid) and sampler.is_exhausted(study)


def _rounded(value: Any, distribution: BaseDistribution) -> Any:
    if not isinstance(distribution, FloatDistribution):
        return value
    return min(max(round_significant(float(value)), distribution.low), distribution.high)


def _tpe(_space: SearchSpace, seed: int) -> BaseSampler:
    return optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True)


def _cmaes(_space: SearchSpace, seed: int) -> BaseSampler:
    # It says so after every single trial; that a model was too large is shown by the trial itself.
    warnings.filterwarnings("ignore", message="Constraints have been set, but CmaEsSampler")
    return optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)


def _qmc(_space: SearchSpace, seed: int) -> BaseSampler:
    return optuna.samplers.QMCSampler(
        seed=seed, scramble=True, warn_asynchronous_seeding=False, warn_independent_sampling=False
    )


def _random(_space: SearchSpace, seed: int) -> BaseSampler:
    return optuna.samplers.RandomSampler(seed=seed)


def _grid(space: SearchSpace, seed: int) -> BaseSampler:
    grid = {name: grid_values(space.domains[name], PARAMETERS[name].type) for name in space.searched}
    return WholeGrid(grid, seed)


def _gp(_space: SearchSpace, seed: int) -> BaseSampler:
    return optuna.samplers.GPSampler(seed=seed, warn_independent_sampling=False)


def grid_values(domain: Domain, kind: type) -> list[Value]:
    """The values a grid takes from a domain: all of a finite one, five of a continuous one."""
    if isinstance(domain, Choices):
        return list(domain.values)
    if kind is int:
        return list(range(int(domain.low), int(domain.high) + 1, int(domain.step or 1)))
    if domain.step is not None:
        points = math.floor((domain.high - domain.low) / domain.step + 1e-9) + 1
        return [round_significant(domain.low + index * domain.step) for index in range(points)]
    space = np.geomspace if domain.log else np.linspace
    return [round_significant(float(value)) for value in space(domain.low, domain.high, GRID_POINTS)]
