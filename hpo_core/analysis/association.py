"""How two quantities go together, and what the best trials have in common."""

from __future__ import annotations

import math
import random
from collections import Counter
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
NARROW = 0.4
"""How much narrower than all trials the best ones must lie at least to be called close together."""
CHOICES = 199
FEWEST_BEST = 5
"""Trials that must be among the best before anything is said of what they have in common."""
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


def best_trials(trials: Sequence[FrozenTrial], target: Target, fewest: int = 1) -> list[FrozenTrial]:
    """The best tenth of the trials that have a result, the best first; at least `fewest` where there are so many."""
    having = [(value, trial) for trial in trials if (value := target.of(trial)) is not None]
    sign = 1 if target.minimises else -1
    having.sort(key=lambda pair: (sign * pair[0], pair[1].number))
    return [trial for _, trial in having[: max(fewest, round(len(having) * TOP))]]


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

    For numbers one minus the ratio of the standard deviations, on the axis' own scale; for categories how much more
    often the best trials have their most frequent one than all have it.
    """
    scales = _scales(trials, [name])
    if name not in scales:
        return 0.0
    column = [_place(trial, name, scales[name]) for trial in trials]
    numbers = {trial.number for trial in best}
    return _narrowing(column, [row for row, trial in enumerate(trials) if trial.number in numbers])


def close_together(trials: Sequence[FrozenTrial], best: Sequence[FrozenTrial], names: Sequence[str]) -> list[str]:
    """Hyperparameters in which the best trials lie closer than any of 199 random choices of as many trials do.

    The closest one first. Of 200 hyperparameters without any influence one is named.
    """
    chance = random.Random(0)
    columns = {name: [_place(trial, name, scale) for trial in trials] for name, scale in _scales(trials, names).items()}
    index = {trial.number: row for row, trial in enumerate(trials)}
    rows = [index[trial.number] for trial in best]
    choices = [chance.sample(range(len(trials)), len(rows)) for _ in range(CHOICES)]
    found = {name: _narrowing(column, rows) for name, column in columns.items()}
    close = [
        name for name, share in found.items()
        if share >= NARROW and all(share > _narrowing(columns[name], choice) for choice in choices)
    ]  # fmt: skip
    return sorted(close, key=lambda name: -found[name])


def varied(trials: Sequence[FrozenTrial]) -> list[str]:
    """Hyperparameters that have more than one value in these trials."""
    values: dict[str, set[str]] = {}
    for trial in trials:
        for name, value in trial.params.items():
            values.setdefault(name, set()).add(repr(value))
    return [name for name, seen in values.items() if len(seen) > 1]


def _scales(trials: Sequence[FrozenTrial], names: Sequence[str]) -> dict[str, Axis]:
    return {name: axis(name, trials) for name in names if any(name in trial.params for trial in trials)}


def _place(trial: FrozenTrial, name: str, scale: Axis) -> float | str | None:
    """Where a trial lies on a linear axis; a category by its name; None where it lacks the hyperparameter."""
    if name not in trial.params:
        return None
    value = trial.params[name]
    return category(value) if scale.categories else math.log(value) if scale.log else float(value)


def _narrowing(column: Sequence[float | str | None], rows: Sequence[int]) -> float:
    everywhere = [place for place in column if place is not None]
    chosen = [place for row in rows if (place := column[row]) is not None]
    if len(set(everywhere)) < 2 or not chosen:
        return 0.0
    if isinstance(everywhere[0], str):
        favourite, times = Counter(chosen).most_common(1)[0]
        return max(0.0, times / len(chosen) - everywhere.count(favourite) / len(everywhere))
    numbers = np.array(everywhere, dtype=float)
    return max(0.0, 1 - float(np.std(np.array(chosen, dtype=float)) / np.std(numbers)))


def _ranks(values: Sequence[float]) -> NDArray[np.float64]:
    _, places, counts = np.unique(np.asarray(values, dtype=float), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: NDArray[np.float64] = ((last - counts + 1 + last) / 2)[places]
    return ranks
