"""Names of runs: the one that a run gets without one of its own, and those that are in use."""

from __future__ import annotations

import datetime
from pathlib import Path

from hpo_core.optimization_config import OptimizationConfig
from hpo_core.reruns import title_of
from storage.studies import Studies


def default_run_name(config: OptimizationConfig) -> str:
    """For example 'mnist-simple-20260131-142233': data, mode and local time; of a rerun 'NAME-seeds'."""
    if config.rerun_of is not None:
        return title_of(config.rerun_of)
    return f"{config.dataset}-{config.mode}-{datetime.datetime.now():%Y%m%d-%H%M%S}"


def is_taken(name: str, studies: Studies, results_dir: Path) -> bool:
    """Whether a study or a folder has this name. Raises StorageError."""
    return (results_dir / name).exists() or studies.exists(name)
