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
# Those decide whose trials were most like the ones that are asked about, and others that were nearly as like them.
NEARLY = math.log(1.5)
# Seconds of a trial that do not grow with its epochs and data, and the largest share of it that they may be.
BESIDE_S, MOST_BESIDE = 3.0, 0.8


@dataclass(frozen=True)
class Earlier:
    """What an earlier run tells: trials at once, epochs and share of the data of each, and how long one took."""

    workers: int
    epochs: int
    sample_percentage: float
    trial_s: float

    @property
    def work(self) -> float:
        return _work(self.epochs, self.sample_percentage)

    @property
    def beside_s(self) -> float:
        """What a trial takes however short it is: its network is built and its first batches are prepared."""
        return min(BESIDE_S, self.trial_s * MOST_BESIDE)


def seconds(config: OptimizationConfig, workers: int) -> float | None:
    """Seconds from start to end; None without a run to judge by, or where trials train elsewhere.

    Raises StorageError.
    """
    return estimate(config, workers, _earlier(config.dataset)) if config.backend == LOCAL else None


def estimate(config: OptimizationConfig, workers: int, earlier: Sequence[Earlier]) -> float | None:
    """By the runs that were most like this one; only those with as many trials at once, because they share the cores.

    What a trial takes beside its epochs is not multiplied: of a very short one that is most of its time.
    """
    ratios = [(_work(config.max_epochs_per_trial, config.sample_percentage) / run.work, run) for run in earlier]
    apart = [(abs(math.log(ratio)), ratio, run) for ratio, run in ratios if run.workers == workers]
    nearest = min((distance for distance, _, _ in apart), default=0.0)
    like = [(ratio, run) for distance, ratio, run in apart if distance <= nearest + NEARLY]
    trials_s = [run.beside_s + (run.trial_s - run.beside_s) * ratio for ratio, run in like]
    if not trials_s:
        return None
    rounds = math.ceil(config.trials / workers) + config.final_model
    expected = rounds * median(trials_s)
    return min(expected, config.timeout_minutes * 60) if config.timeout_minutes else expected


def _work(epochs: int, sample_percentage: float) -> float:
    """What the epochs of a trial cost, in epochs over all data."""
    return epochs * sample_percentage / 100


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
