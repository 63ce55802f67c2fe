"""How long a run will take, by earlier runs on the same data on this machine."""

from __future__ import annotations

import math
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import streamlit as st

from hpo_core.backends import LOCAL
from hpo_core.optimization_config import OptimizationConfig
from pages.parts import shared

LOOKED_AT, USED = 40, 5
KEEP_S = 20.0


@dataclass(frozen=True)
class Earlier:
    """What an earlier run tells: trials at once, epochs and share of the data of each, and how long one took."""

    workers: int
    epochs: int
    sample_percentage: float
    trial_s: float


def seconds(config: OptimizationConfig, workers: int) -> float | None:
    """Seconds from start to end; None without a run to judge by, or where trials train elsewhere.

    Raises StorageError.
    """
    return estimate(config, workers, _earlier(config.dataset)) if config.backend == LOCAL else None


def estimate(config: OptimizationConfig, workers: int, earlier: Sequence[Earlier]) -> float | None:
    """In proportion to epochs and data; only runs with as many trials at once count, because they share the cores."""
    trials_s = [
        run.trial_s * config.max_epochs_per_trial / run.epochs * config.sample_percentage / run.sample_percentage
        for run in earlier
        if run.workers == workers
    ]
    if not trials_s:
        return None
    rounds = math.ceil(config.trials / workers) + config.final_model
    expected = rounds * median(trials_s)
    return min(expected, config.timeout_minutes * 60) if config.timeout_minutes else expected


@st.cache_data(show_spinner=False, ttl=KEEP_S)
def _earlier(dataset: str) -> list[Earlier]:
    """The newest runs of this machine on a data set that have trained a trial."""
    studies = shared.studies()
    found: list[Earlier] = []
    here = f"{socket.gethostname()}:"
    for run in shared.runs().list(limit=LOOKED_AT):
        if len(found) == USED:
            break
        if not run.owner.startswith(here) or not studies.exists(run.run_name):
            continue
        config = studies.attributes(run.run_name).get("configuration")
        if not isinstance(config, dict) or (config.get("dataset"), config.get("backend")) != (dataset, LOCAL):
            continue
        try:
            numbers = (int(config["workers"]), int(config["max_epochs_per_trial"]), float(config["sample_percentage"]))
        except (KeyError, TypeError, ValueError):
            continue  # of another version
        trial_s = studies.summary(run.run_name).mean_duration_s
        if trial_s and min(numbers) > 0:
            found.append(Earlier(*numbers, trial_s))
    return found
