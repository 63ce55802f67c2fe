"""How two quantities go together, and what the best trials have in common."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray
from optuna.trial import FrozenTrial

from hpo_core.analysis.landscape import Axis, axis, category
from hpo_core.analysis.targets import Target

FEWEST = 10
"""Trials below which nothing is said about a relation."""
TOP = 0.1
CLEAR = 2.58
"""Standard errors beyond which a relation is called clear: chance alone gives that once in a hundred times."""


@dataclass(frozen=True)
class Level:
    """The trials of one category: how many, and the mean and standard error of their results."""

    name: str
    trials: int
    mean: float
    error: float


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Spearman's correlation, -1 to 1, ties at their mean rank; None where one side has one value only."""
    if len(x) < 2 or len(set(x)) < 2 or len(set(y)) < 2:
        return None
    return float(np.corrcoef(_ranks(x), _ranks(y))[0, 1])


def is_clear(correlation: float | None, trials: int) -> bool:
    """Whether a rank correlation of so many trials is more than chance."""
    return correlation is not None and trials >= FEWEST and abs(correlation) * math.sqrt(trials - 1) > CLEAR


def best_trials(trials: Sequence[FrozenTrial], target: Target) -> list[FrozenTrial]:
    """The best tenth of the trials that have a result, the best first; at least one where there are any."""
    having = [(value, trial) for trial in trials if (value := target.of(trial)) is not None]
    sign = 1 if target.minimises else -1
    having.sort(key=lambda pair: (sign * pair[0], pair[1].number))
    return [trial for _, trial in having[: max(1, round(len(having) * TOP))]] if having else []


def levels(trials: Sequence[FrozenTrial], name: str, target: Target) -> list[Level]:
    """Results per category of a hyperparameter, the best mean first."""
    found: dict[str, list[float]] = {}
    for trial in trials:
        value = target.of(trial)
        if value is not None and name in trial.params:
            found.setdefault(category(trial.params[name]), []).append(value)
    known = [
        Level(key, len(values), fmean(values), stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.inf)
        for key, values in found.items()
    ]
    return sorted(known, key=lambda level: level.mean if target.minimises else -level.mean)


def are_apart(left: Level, right: Level) -> bool:
    """Whether the means of two categories differ by more than chance."""
    return abs(left.mean - right.mean) > CLEAR * math.hypot(left.error, right.error)


def narrowing(trials: Sequence[FrozenTrial], best: Sequence[FrozenTrial], name: str) -> float:
    """How much narrower the best trials lie than all: 0 as wide as all, 1 all at one place.

    For numbers one minus the ratio of the ranges between the quartiles, on the axis' own scale; for categories how much
    more often the best trials have their most frequent one than all have it.
    """
    all_places, best_places = _places(trials, name), _places(best, name)
    if len(set(all_places)) < 2 or not best_places:
        return 0.0
    if axis(name, trials).categories:
        favourite = max(set(best_places), key=best_places.count)
        return max(0.0, best_places.count(favourite) / len(best_places) - all_places.count(favourite) / len(all_places))
    whole = _between_quartiles(all_places)
    return max(0.0, 1 - _between_quartiles(best_places) / whole) if whole else 0.0


def parameters_of(trials: Sequence[FrozenTrial]) -> list[str]:
    """Hyperparameters that occur, in the order of their first suggestion."""
    return list(dict.fromkeys(name for trial in trials for name in trial.params))


def varied(trials: Sequence[FrozenTrial]) -> list[str]:
    """Hyperparameters that have more than one value in these trials."""
    values: dict[str, set[str]] = {}
    for trial in trials:
        for name, value in trial.params.items():
            values.setdefault(name, set()).add(repr(value))
    return [name for name, seen in values.items() if len(seen) > 1]


def _places(trials: Sequence[FrozenTrial], name: str) -> list[float]:
    """Shares of the axis, 0 to 1, of the trials that have the hyperparameter."""
    having = [trial for trial in trials if name in trial.params]
    if not having:
        return []
    scale: Axis = axis(name, having)
    if scale.log:
        return [math.log(scale.place(trial.params[name])) for trial in having]
    return [scale.place(trial.params[name]) for trial in having]


def _between_quartiles(values: Sequence[float]) -> float:
    low, high = np.quantile(values, (0.25, 0.75))
    return float(high - low)


def _ranks(values: Sequence[float]) -> NDArray[np.float64]:
    _, places, counts = np.unique(np.asarray(values, dtype=float), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: NDArray[np.float64] = ((last - counts + 1 + last) / 2)[places]
    return ranks
