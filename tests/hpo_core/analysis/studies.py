"""Trials with known answers."""

from __future__ import annotations

import datetime
import math
import random
from collections.abc import Callable, Mapping

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpo_core.analysis.targets import Target

SCORE = Target("score", "score", False, 0)
LOSS = Target("score", "loss", True, 0)
SPACE: dict[str, BaseDistribution] = {
    "learning_rate": FloatDistribution(1e-5, 1e-1, log=True),
    "activation": CategoricalDistribution(("relu", "elu", None)),
    "filters": IntDistribution(8, 64),
    "dropout": FloatDistribution(0.0, 0.5),
}


def trial(
    number: int, value: float | None = None, state: TrialState = TrialState.COMPLETE, **params: object
) -> FrozenTrial:
    """A trial with the given hyperparameters of SPACE that took a minute."""
    made = create_trial(
        state=state,
        value=value,
        params=params,
        distributions={name: SPACE[name] for name in params},
    )
    made.number = number
    made.datetime_start = datetime.datetime(2026, 1, 1) + datetime.timedelta(seconds=30 * number)
    made.datetime_complete = made.datetime_start + datetime.timedelta(seconds=60) if state.is_finished() else None
    return made


def drawn(
    result: Callable[[Mapping[str, float], random.Random], float], trials: int, seed: int = 0
) -> list[FrozenTrial]:
    """Trials drawn at random, with the result that a function gives them."""
    chance = random.Random(seed)
    found = []
    for number in range(trials):
        params = {
            "learning_rate": 10 ** chance.uniform(-5, -1),
            "activation": chance.choice(("relu", "elu", None)),
            "filters": chance.randint(8, 64),
            "dropout": chance.uniform(0, 0.5),
        }
        found.append(trial(number, result(params, chance), **params))  # type: ignore[arg-type]
    return found


def by_learning_rate(params: Mapping[str, float], chance: random.Random) -> float:
    """The best in the middle, and little else."""
    return 1 - 0.1 * (math.log10(params["learning_rate"]) + 3) ** 2 + chance.gauss(0, 0.02)


def by_chance(_params: Mapping[str, float], chance: random.Random) -> float:
    return chance.random()
