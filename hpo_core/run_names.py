"""Names of runs: the one that a run gets without one of its own, and those that are in use."""

from __future__ import annotations

import datetime
from pathlib import Path

from hpo_core.optimization_config import OptimizationConfig
from hpo_core.reruns import title_of
from storage.studies import Studies

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
"""Not those of `strftime`, which follow the machine's language."""


def default_run_name(config: OptimizationConfig, now: datetime.datetime) -> str:
    """For example 'mnist-simple-31jan-1422': data, mode, and the local day and time `now`; of a rerun 'NAME-seeds'.

    Short, and read without deciphering: a telephone shows it with the number of trials on one line. Whoever takes it
    looks whether it is taken, because two runs may begin in one minute.
    """
    if config.rerun_of is not None:
        return title_of(config.rerun_of)
    return f"{config.dataset}-{config.mode}-{now.day}{MONTHS[now.month - 1]}-{now:%H%M}"


def is_taken(name: str, studies: Studies, results_dir: Path) -> bool:
    """Whether a study or a folder has this name. Raises StorageError."""
    return (results_dir / name).exists() or studies.exists(name)
