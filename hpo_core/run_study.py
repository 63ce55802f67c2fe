"""The study of a run: made new, or found again to carry the run on."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna

from datasets import PreparedDataset
from hpo_core.backends import LOCAL
from hpo_core.errors import RunError, UsageError
from hpo_core.health.score import score_formula
from hpo_core.objective import REPEATED
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.pruners import make_pruner
from storage.database import Database
from storage.run_storage import RunStorage, count_trials
from storage.studies import Studies

GRID = "grid"
CONFIGURATION, FINGERPRINT = "configuration", "dataset fingerprint"


@dataclass(frozen=True)
class Past:
    """What a run has behind it when it starts: nothing, unless it is resumed.

    Attributes:
        trials: in its study, whatever became of them.
        counted: those of them that count for `trials` of its configuration; the others are made again.
        duration_s: how long it lasted.
    """

    trials: int = 0
    counted: int = 0
    duration_s: float = 0.0

    def total(self, wanted: int) -> int:
        """Trials that its study will have in the end where `wanted` ones count."""
        return self.trials + max(0, wanted - self.counted)

    def seed(self, config: OptimizationConfig) -> int:
        """Of the sampler: the same one again would suggest the same configurations again.

        A grid's seed decides the order of its points, which must stay so that each is tried once.
        """
        if not self.trials or config.sampler == GRID:
            return config.seed
        return int(np.random.SeedSequence([config.seed, self.trials]).generate_state(1)[0])


def resumed_config(database: Database, run_name: str, changes: Mapping[str, object], cores: int) -> OptimizationConfig:
    """What a run was told, with `changes` such as more `trials` in all, to carry it on.

    Its number of workers was found out on the machine it began on: here it is at most the number of `cores`.

    Raises:
        UsageError: it cannot be resumed, or a change cannot be used.
    """
    studies = Studies(database)
    recorded = studies.attributes(run_name).get(CONFIGURATION) if studies.exists(run_name) else None
    if not isinstance(recorded, Mapping):
        raise UsageError(
            "run_name", f"cannot be resumed: {run_name!r} is no run with a configuration and a trial",
            "'status' lists the runs",
        )  # fmt: skip
    told = {**recorded, **changes, "run_name": run_name}
    if told.get("backend") == LOCAL and "workers" not in changes and isinstance(told.get("workers"), int):
        told["workers"] = min(told["workers"], cores)
    return OptimizationConfig.from_mapping(told)


def past_of(database: Database, config: OptimizationConfig, duration_s: float, is_finished: bool) -> Past:
    """What the run behind `config` has done so far.

    Raises:
        UsageError: it has nothing left to do.
    """
    assert config.run_name is not None
    n_trials, counted = count_trials(database, config.run_name, without_outcomes=REPEATED)
    if is_finished and counted >= config.trials:
        raise UsageError(
            "trials", f"must be more than the {counted} that {config.run_name} has, got {config.trials}",
            f"for example trials={counted + (config.seeds if config.rerun_of else 10)}",
        )  # fmt: skip
    return Past(n_trials, counted, duration_s)


def open_study(
    database: Database,
    config: OptimizationConfig,
    sampler: optuna.samplers.BaseSampler,
    prepared: PreparedDataset,
    past: Past,
) -> optuna.Study:
    """The study of the run that `config` names, with what is known of the run in its attributes.

    Raises:
        RunError: the data are no longer those that the earlier trials were trained on.
    """
    storage = RunStorage(database.optuna_storage())
    pruner = make_pruner(config.pruner, config.max_epochs_per_trial)
    if not past.trials and not Studies(database).exists(str(config.run_name)):
        study = optuna.create_study(
            study_name=config.run_name, storage=storage, sampler=sampler, pruner=pruner,
            direction="minimize" if config.minimises else "maximize",
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names([config.score_name])
    else:
        study = optuna.load_study(study_name=config.run_name, storage=storage, sampler=sampler, pruner=pruner)
        known = study.user_attrs.get(FINGERPRINT)
        if known != prepared.fingerprint:
            raise RunError(
                "the data have changed since the earlier trials, so new ones could not be compared with them"
            )
    for key, value in _attributes(config, prepared).items():
        study.set_user_attr(key, value)
    return study


def _attributes(config: OptimizationConfig, prepared: PreparedDataset) -> dict[str, Any]:
    return {
        CONFIGURATION: config.as_dict(),
        "dataset": prepared.info.title,
        FINGERPRINT: prepared.fingerprint,
        "dataset note": prepared.note,
        "sampler": config.sampler,
        "pruner": config.pruner,
        "score": score_formula(config.objective, config.score_weight),
        "search space": config.search_space().as_yaml_data(),
    }
