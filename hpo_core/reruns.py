"""Training the best configurations of a study again, each with several seeds, to tell quality from luck."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import optuna

from hpo_core.errors import UsageError
from hpo_core.logs import RunLog
from hpo_core.objective import REPEATED
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.parameters import Value
from hpo_core.seeds import SEED_INDEX
from hpo_core.warm_start import best_fitting
from storage.studies import Studies

ORIGIN = "rerun"
"""Attribute of a trial that repeats another: where its configuration is from."""
TOP, SEEDS = 3, 5


def rerun_config(
    studies: Studies, study: str, top: int = TOP, seeds: int = SEEDS, changes: Mapping[str, object] | None = None
) -> OptimizationConfig:
    """What to tell a run that trains the `top` best configurations of `study` with `seeds` seeds each.

    Everything else is as it was in the study, apart from `changes`: data, epochs, score, and where trials train.

    Raises:
        UsageError: the study has no configuration, or has not that many.
        UnknownRunError: no such study.
    """
    recorded = studies.attributes(study).get("configuration")
    if not isinstance(recorded, Mapping):
        raise UsageError(
            "run_name", f"has no configuration to train again: {study!r} was not made here", "choose another study"
        )
    config = OptimizationConfig.from_mapping(
        {**recorded, "sampler": "random", "pruner": "none", "warm_start": None, "final_model": False, "plots": "none",
         "timeout_minutes": None, "run_name": None, "rerun_of": study, "seeds": seeds, "trials": top * seeds,
         **(changes or {})}
    )  # fmt: skip
    require_enough(studies, config)
    return config


def require_enough(studies: Studies, config: OptimizationConfig) -> None:
    """Raises UsageError where the study has fewer configurations than `config` wants to train again."""
    if config.rerun_of is None:
        return
    wanted = config.trials // config.seeds
    if not studies.exists(config.rerun_of):
        raise UsageError("rerun_of", f"must be a study of this database, got {config.rerun_of!r}", "leave it out")
    found = sum(1 for _ in _best(studies, config))
    if found < wanted:
        raise UsageError(
            "top", f"must be at most {found}, the complete and different configurations of {config.rerun_of}, "
            f"got {wanted}", f"for example top={found}" if found else "wait for its first trial",
        )  # fmt: skip


def enqueue_reruns(study: optuna.Study, studies: Studies, config: OptimizationConfig, log: RunLog) -> int:
    """Put every training that is still to be made into the queue of `study`; how many it were.

    The first seed of all configurations comes before the second of any, so that a run that is stopped early compares
    what can be compared. A run that goes on makes only what is missing.
    """
    if config.rerun_of is None:
        return 0
    candidates, made = _known(study)
    wanted = config.trials // config.seeds
    if len(candidates) < wanted:
        for name, values in _best(studies, config):
            if len(candidates) < wanted and name not in candidates:
                candidates[name] = values
    added = 0
    for index in range(config.seeds):
        for name, values in candidates.items():
            if (name, index) not in made:
                study.enqueue_trial(values, user_attrs={ORIGIN: name, SEED_INDEX: index})
                added += 1
    log.info("%d configurations of %s are trained with %d seeds each", len(candidates), config.rerun_of, config.seeds)
    return added


def title_of(study: str) -> str:
    """What a rerun of a study is called unless it is told otherwise; a number may follow."""
    return f"{study[:70]}-seeds"


def _best(studies: Studies, config: OptimizationConfig) -> Iterator[tuple[str, dict[str, Value]]]:
    assert config.rerun_of is not None
    for row, values, problem in best_fitting(studies, config.rerun_of, config.search_space()):
        if not problem:
            yield str(row.attributes.get(ORIGIN, f"Trial {row.number} of {config.rerun_of}")), values


def _known(study: optuna.Study) -> tuple[dict[str, dict[str, Value]], set[tuple[str, int]]]:
    """The configurations that a study trains already, and the (configuration, seed) that need not be made again."""
    candidates: dict[str, dict[str, Value]] = {}
    made: set[tuple[str, int]] = set()
    for trial in study.get_trials(deepcopy=False):
        name, index = trial.user_attrs.get(ORIGIN), trial.user_attrs.get(SEED_INDEX)
        if name is None or index is None:
            continue
        candidates.setdefault(str(name), trial.system_attrs.get("fixed_params", trial.params))
        if trial.user_attrs.get("outcome") not in REPEATED:
            made.add((str(name), int(index)))
    return candidates, made
