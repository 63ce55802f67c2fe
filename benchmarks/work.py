"""What several measurements share: configurations, settings, and a pool to train in."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import datasets
from hpo_core.parameters import Architecture, Value, defaults
from hpo_core.settings import Settings
from hpo_core.trial_config import TrialConfig

SMALL: dict[str, Value] = {"filters": 8, "conv_layers": 2, "hidden_layers": 0}
MEDIUM: dict[str, Value] = {"filters": 16, "conv_layers": 2}
LARGE: dict[str, Value] = {"filters": 24, "conv_layers": 3}
SIZES = {"small": SMALL, "medium": MEDIUM, "large": LARGE}


@contextmanager
def own_settings() -> Iterator[Settings]:
    """Results in a folder that is removed afterwards; data sets from where this machine has them."""
    real = Settings.from_environment(os.environ)
    with tempfile.TemporaryDirectory(prefix="onegin-bench-") as folder:
        yield replace(real, results_dir=Path(folder), storage_url=f"sqlite:///{folder}/onegin.db")


def config(
    dataset: str, changes: dict[str, Value], *, threads: int, share: float = 100.0, seed: int = 1
) -> TrialConfig:
    architecture = Architecture(datasets.dataset_info(dataset).architecture)
    return TrialConfig(
        dataset=dataset,
        architecture=architecture,
        seed=seed,
        split_seed=1,
        sample_percentage=share,
        validation_split=0.2,
        test_split=0.2,
        threads=threads,
        replicas=1,
        hyperparameters=defaults(architecture) | changes,
        health_interval=0,  # what looking costs is measured by itself: health_cost
    )
