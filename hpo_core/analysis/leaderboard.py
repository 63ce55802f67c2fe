"""Which configuration is the best one reliably: each trained several times, and what chance may explain."""

from __future__ import annotations

import json
import math
import warnings
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial

from hpo_core.analysis.targets import PARAMETERS_KEY, Target, number
from hpo_core.reruns import ORIGIN

LEVEL = 0.05
"""Probability below which a difference counts as more than chance."""
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Place:
    """A configuration that was trained several times, in the order of the leaderboard.

    Attributes:
        name: of the trial that it comes from, such as 'Trial 12 of mnist-1'.
        trials: numbers of its trainings, in the order of `results`.
        results: of the trainings, by the target that was asked for; at least two.
        params: its hyperparameters, as far as they were searched.
        parameters: trainable parameters of its network; None where they were not recorded.
        lost: trainings that ended without a result: they failed, diverged, or were ended as sick.
        p_value: how probable a difference from the first place at least this large is if both were equally good,
            corrected for the number of comparisons (0 to 1); None for the first place.
    """

    name: str
    trials: tuple[int, ...]
    results: tuple[float, ...]
    params: dict[str, Any]
    parameters: int | None = None
    lost: int = 0
    p_value: float | None = None

    @property
    def mean(self) -> float:
        return float(np.mean(self.results))

    @property
    def deviation(self) -> float:
        """Standard deviation of a single training (sample formula, n - 1)."""
        return float(np.std(self.results, ddof=1))

    @cached_property
    def half_interval(self) -> float:
        """Half the width of the 95 % confidence interval of the mean, by Student's t distribution."""
        from scipy import stats

        n = len(self.results)
        return float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * self.deviation / math.sqrt(n))

    @property
    def is_level(self) -> bool:
        """Whether chance may explain that it is not first; true of the first place itself.

        A configuration of which some trainings were lost is level with none that always works.
        """
        return self.p_value is None or (self.p_value >= LEVEL and not self.lost)


def leaderboard(
    judged: Sequence[tuple[FrozenTrial, float]], target: Target, lost: Sequence[FrozenTrial] = ()
) -> list[Place]:
    """Configurations with at least two results, the best mean first; those that lost a training come last.

    Each is compared with the first by Welch's t-test (two-sided), which asks for neither equal deviations nor equal
    numbers of trainings; the probabilities are corrected for the number of comparisons by Holm's method.

    Args:
        judged: trials with their results. Trials with the same hyperparameters are trainings of one configuration.
        target: what the results are.
        lost: trials that ended without a result.

    Sources: B. L. Welch, Biometrika 34 (1947); S. Holm, Scandinavian Journal of Statistics 6 (1979).
    """
    groups: dict[str, list[tuple[FrozenTrial, float]]] = defaultdict(list)
    for trial, value in judged:
        groups[_key(trial)].append((trial, value))
    losses = Counter(_key(trial) for trial in lost)
    places = [_place(group, losses[key]) for key, group in groups.items() if len(group) > 1]
    sign = 1 if target.minimises else -1
    places.sort(key=lambda place: (place.lost > 0, sign * place.mean))
    if len(places) < 2:
        return places
    chances = holm([_welch(places[0].results, place.results) for place in places[1:]])
    return places[:1] + [replace(place, p_value=chance) for place, chance in zip(places[1:], chances, strict=True)]


def left_out(judged: Sequence[tuple[FrozenTrial, float]], lost: Sequence[FrozenTrial]) -> list[str]:
    """Names of the configurations that were trained several times, and have fewer than two results."""
    results = Counter(_key(trial) for trial, _ in judged)
    losses = Counter(_key(trial) for trial in lost)
    names = {_key(trial): _name(trial) for trial in reversed(lost)}  # the first of each counts
    return [name for key, name in names.items() if results[key] < 2 <= results[key] + losses[key]]


def smallest_level(places: Sequence[Place]) -> Place | None:
    """Of the configurations that chance may put behind the first, the one with the fewest parameters; None if unknown.

    Where quality is the same, the smaller network is the better one.
    """
    known = [place for place in places if place.is_level and place.parameters is not None]
    return min(known, key=lambda place: place.parameters or 0) if known else None


def holm(chances: Sequence[float]) -> list[float]:
    """Probabilities of several tests, each raised so that all together err as seldom as one would."""
    raised, largest = [0.0] * len(chances), 0.0
    for rank, place in enumerate(sorted(range(len(chances)), key=lambda index: chances[index])):
        largest = max(largest, min(1.0, (len(chances) - rank) * chances[place]))
        raised[place] = largest
    return raised


def _key(trial: FrozenTrial) -> str:
    """Equal for trials with equal hyperparameters."""
    return json.dumps(trial.params, sort_keys=True, default=str)


def _name(trial: FrozenTrial) -> str:
    return str(trial.user_attrs.get(ORIGIN, f"Trial {trial.number}"))


def _place(group: Sequence[tuple[FrozenTrial, float]], lost: int) -> Place:
    first = group[0][0]
    sizes = [size for trial, _ in group if (size := number(trial.user_attrs.get(PARAMETERS_KEY))) is not None]
    return Place(
        name=_name(first),
        trials=tuple(trial.number for trial, _ in group),
        results=tuple(value for _, value in group),
        params=dict(first.params),
        parameters=round(sizes[0]) if sizes else None,
        lost=lost,
    )


def _welch(left: Sequence[float], right: Sequence[float]) -> float:
    """Probability of Welch's t-test; of results that do not vary at all: 1 if they are equal, else 0."""
    if np.ptp(left) == 0 and np.ptp(right) == 0:
        return float(left[0] == right[0])
    from scipy import stats

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of digits lost where results are nearly equal
        return float(stats.ttest_ind(left, right, equal_var=False).pvalue)
