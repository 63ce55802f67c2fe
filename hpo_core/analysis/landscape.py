"""A surface over two hyperparameters: the mean of the trials nearby.

A kernel regression (Nadaraya-Watson) with a Gaussian of a tenth of each axis. Where no trial is near there is no
surface: nothing is made up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.trial import FrozenTrial

from hpo_core.analysis.targets import Target

CELLS = 41
WIDTH = 0.1
# The weight of one trial two and a half widths away: beyond it a place counts as empty.
NEAR = math.exp(-(2.5**2) / 2)


@dataclass(frozen=True)
class Axis:
    """How a hyperparameter lies along an axis.

    Attributes:
        name: of the hyperparameter.
        categories: its values in words, in order; empty for numbers.
        log: whether the axis is logarithmic.
        low, high: ends of the axis; places of the first and last category.
        whole: whether only whole numbers occur.
    """

    name: str
    categories: tuple[str, ...]
    log: bool
    low: float
    high: float
    whole: bool = False

    def place(self, value: object) -> float:
        """Where a value lies: a number as it is, a category at its index."""
        return float(self.categories.index(category(value))) if self.categories else float(str(value))

    def share(self, place: float) -> float:
        """Where a place lies between the ends, 0 to 1."""
        if self.high == self.low:
            return 0.5
        if self.log:
            return math.log(place / self.low) / math.log(self.high / self.low)
        return (place - self.low) / (self.high - self.low)

    def grid(self) -> list[float]:
        """Places at which a surface is drawn."""
        if self.categories:
            return [float(index) for index in range(len(self.categories))]
        if self.high == self.low:
            return [self.low]
        if self.log:
            return [float(value) for value in np.geomspace(self.low, self.high, CELLS)]
        return [float(value) for value in np.linspace(self.low, self.high, CELLS)]


@dataclass(frozen=True)
class Surface:
    """Values over a grid: `values[row][column]` belongs to `y.grid()[row]` and `x.grid()[column]`; None where empty.

    `support` holds, in the same order, how many trials stand behind each value: their weights added up.
    """

    x: Axis
    y: Axis
    values: list[list[float | None]]
    support: list[list[float]]

    def n_behind(self, trials: float) -> int:
        """How many places have a value with at least so many trials behind it."""
        return sum(
            value is not None and behind >= trials
            for values, support in zip(self.values, self.support, strict=True)
            for value, behind in zip(values, support, strict=True)
        )

    def triangles(self) -> NDArray[np.int64]:
        """What lies between places with a value: (triangles, 3), each corner counted along the rows of `values`."""
        known = np.array([[value is not None for value in row] for row in self.values])
        places = np.arange(known.size).reshape(known.shape)
        here, right = places[:-1, :-1].ravel(), places[:-1, 1:].ravel()
        above, across = places[1:, :-1].ravel(), places[1:, 1:].ravel()
        every = np.concatenate([np.stack([here, right, above], axis=1), np.stack([right, across, above], axis=1)])
        found: NDArray[np.int64] = every[known.ravel()[every].all(axis=1)]
        return found


def axis(name: str, trials: Sequence[FrozenTrial]) -> Axis:
    """The axis of a hyperparameter that at least one of the trials has, as wide as their values."""
    having = [trial for trial in trials if name in trial.params]
    values = [trial.params[name] for trial in having]
    distributions = [trial.distributions[name] for trial in having]
    if any(isinstance(distribution, CategoricalDistribution) for distribution in distributions):
        words = _categories(distributions, values)
        return Axis(name, words, False, 0.0, float(len(words) - 1))
    numbers = [float(value) for value in values]
    log = all(getattr(distribution, "log", False) for distribution in distributions) and min(numbers) > 0
    whole = all(isinstance(distribution, IntDistribution) for distribution in distributions)
    return Axis(name, (), log, min(numbers), max(numbers), whole)


def surface(trials: Sequence[FrozenTrial], x: Axis, y: Axis, target: Target) -> Surface:
    """The mean of `target` near each place of the grid."""
    known = [(trial, value) for trial in trials if (value := target.of(trial)) is not None]
    known = [(trial, value) for trial, value in known if x.name in trial.params and y.name in trial.params]
    values = np.array([value for _, value in known])
    across = _weights(x, [x.place(trial.params[x.name]) for trial, _ in known])  # (columns, trials)
    up = _weights(y, [y.place(trial.params[y.name]) for trial, _ in known])  # (rows, trials)
    weights = up @ across.T  # (rows, columns)
    nearest = np.array([[float((row * column).max(initial=0.0)) for column in across] for row in up])
    sums = (up * values) @ across.T
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums / weights
    return Surface(
        x, y,
        [
            [float(mean) if near >= NEAR else None for mean, near in zip(mean_row, near_row, strict=True)]
            for mean_row, near_row in zip(means, nearest, strict=True)
        ],
        [[float(weight) for weight in row] for row in weights],
    )  # fmt: skip


def category(value: object) -> str:
    """A category in words."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _categories(distributions: Sequence[BaseDistribution], values: Sequence[object]) -> tuple[str, ...]:
    """All choices in the order of their declaration, also those that no trial had."""
    declared = [
        choice for item in dict.fromkeys(distributions) if isinstance(item, CategoricalDistribution)
        for choice in item.choices
    ]  # fmt: skip
    return tuple(dict.fromkeys(category(choice) for choice in [*declared, *values]))


def _weights(axis: Axis, places: Sequence[float]) -> NDArray[np.float64]:
    """Closeness of each trial to each place of the grid, 0 to 1; categories are near to themselves alone."""
    shares = np.array([axis.share(place) for place in places])
    grid = np.array([axis.share(place) for place in axis.grid()])
    apart = grid[:, None] - shares[None, :]
    if axis.categories:
        return np.array(np.abs(apart) < 1e-9, dtype=np.float64)
    return np.array(np.exp(-((apart / WIDTH) ** 2) / 2), dtype=np.float64)
