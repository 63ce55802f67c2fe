"""The seed of each trial."""

from __future__ import annotations

import numpy as np
import optuna

SEED_INDEX = "seed index"
"""Attribute of a trial that trains a configuration once more: which of the run's seeds it has, from 0."""
FIRST_SEED = 1_000_000
"""Added to that index: no trial of the study that a configuration was chosen from had such a seed, so the luck it was
chosen for is not repeated."""


def trial_seed(seed: int, number: int) -> int:
    """Seed of trial `number` in a run with `seed`: 0 to 2**32 - 1, unrelated between neighbours."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def seed_number(trial: optuna.Trial | optuna.trial.FrozenTrial) -> int:
    """What the seed of a trial is made from: its number or, where it repeats a configuration, which seed it has."""
    index = trial.user_attrs.get(SEED_INDEX)
    return trial.number if index is None else FIRST_SEED + int(index)
