"""Optuna's pruners by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import optuna
from optuna.pruners import BasePruner

# Complete trials before the first is pruned: as many as importance needs to say anything, also of a short run.
STARTUP_TRIALS = 10
# The first epoch says little about where a training ends.
WARMUP_EPOCHS = 1
PATIENCE_EPOCHS = 2


def make_pruner(name: str, max_epochs: int) -> BasePruner:
    """The pruner called `name` for trainings of at most `max_epochs` epochs."""
    makers: Mapping[str, Callable[[], BasePruner]] = {
        "none": optuna.pruners.NopPruner,
        "median": _median,
        "halving": lambda: optuna.pruners.SuccessiveHalvingPruner(min_resource=1),
        "hyperband": lambda: optuna.pruners.HyperbandPruner(min_resource=1, max_resource=max(2, max_epochs)),
        "patient": lambda: optuna.pruners.PatientPruner(_median(), patience=PATIENCE_EPOCHS),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return makers[name]()


def _median() -> BasePruner:
    return optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS, n_warmup_steps=WARMUP_EPOCHS + 1)
