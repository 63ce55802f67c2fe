"""The network of a trial: from the configuration it left behind, or, while it trains, from what was suggested."""

from __future__ import annotations

from collections.abc import Mapping

import datasets
from hpo_core.errors import UsageError
from hpo_core.layer_plan import LayerPlan, layer_plan
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.parameters import Architecture, Value
from hpo_core.search_space import Replay
from hpo_core.trial_config import TrialConfig
from storage.studies import TrialRow


def plan_of(trial: TrialRow, study_attributes: Mapping[str, object]) -> LayerPlan | None:
    """The layers of a trial's network; None where neither the trial nor its study says what it is made of."""
    config = recorded(trial) or _suggested(trial, study_attributes)
    return layer_plan(config) if config is not None and config.dataset in datasets.CATALOGUE else None


def why_none(trial: TrialRow, study_attributes: Mapping[str, object]) -> str:
    """Why the network of a trial is not known."""
    if "configuration" not in trial.attributes and "configuration" not in study_attributes:
        return f"Trial {trial.number} was made outside Onegin: its parameters are known, but not its network."
    if trial.state in ("running", "waiting"):
        return f"Trial {trial.number} has just begun: its network is shown as soon as its configuration is chosen."
    return f"Trial {trial.number} ended before its configuration was chosen, so it has no network to show."


def make_config(dataset: str, hyperparameters: Mapping[str, Value]) -> TrialConfig:
    """A configuration for looking at: how it would be trained is left at what trials usually have.

    Raises UsageError for a hyperparameter that is missing, unknown or not allowed.
    """
    return TrialConfig(
        dataset=dataset, architecture=Architecture(datasets.dataset_info(dataset).architecture), seed=0, split_seed=0,
        sample_percentage=100.0, validation_split=0.2, test_split=0.2, threads=1, replicas=1,
        hyperparameters=hyperparameters,
    )  # fmt: skip


def recorded(trial: TrialRow) -> TrialConfig | None:
    """What a trial was trained with; None where it did not come so far, or was made outside Onegin."""
    text = trial.attributes.get("configuration")
    try:
        return TrialConfig.from_json(text) if isinstance(text, str) else None
    except (UsageError, ValueError):  # of another version, or of another program
        return None


def _suggested(trial: TrialRow, study_attributes: Mapping[str, object]) -> TrialConfig | None:
    """A running trial has its suggested values; what its run does not search stands in the run's configuration."""
    told = study_attributes.get("configuration")
    if trial.state != "running" or not isinstance(told, Mapping):
        return None
    try:
        run = OptimizationConfig.from_mapping(told)
        return make_config(run.dataset, run.search_space().suggest(Replay(trial.params)))
    except (UsageError, KeyError):  # the suggestions are not complete yet
        return None
