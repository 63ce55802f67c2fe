"""Training the best configurations of a study again, each with several seeds, to tell quality from luck."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import optuna
from optuna.trial import TrialState

from hpo_core.backends import RUNPOD
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
MOST = 1000
"""Trials that are looked at for different configurations."""


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
    workers = recorded.get("workers") if recorded.get("backend") == RUNPOD else None  # else as this machine allows
    config = OptimizationConfig.from_mapping(
        {**recorded, "sampler": "random", "pruner": "none", "warm_start": None, "final_model": False, "plots": "none",
         "health_pruning": False, "timeout_minutes": None, "run_name": None, "workers": workers, "rerun_of": study,
         "seeds": seeds, "trials": top * seeds, **(changes or {})}
    )  # fmt: skip
    require_enough(studies, config)
    return config


def require_enough(studies: Studies, config: OptimizationConfig) -> None:
    """Raises UsageError where there are fewer configurations than `config` wants to train again.

    Those that a run trains already count, also where the study that they are from has gone.
    """
    if config.rerun_of is None:
        return
    wanted, found = config.trials // config.seeds, set[str]()
    if config.run_name is not None and studies.exists(config.run_name):
        found |= {str(row.attributes[ORIGIN]) for row in studies.each(config.run_name) if ORIGIN in row.attributes}
    if len(found) < wanted and not studies.exists(config.rerun_of):
        raise UsageError("rerun_of", f"must be a study of this database, got {config.rerun_of!r}", "leave it out")
    if len(found) < wanted:
        found |= {name for name, _ in itertools.islice(_best(studies, config), wanted)}
    if len(found) < wanted:
        raise UsageError(
            "trials", f"must be at most {len(found) * config.seeds}, {config.seeds} for each of the {len(found)} "
            f"complete and different configurations of {config.rerun_of}, got {config.trials}",
            f"for example top={len(found)}" if found else "wait for its first complete trial",
        )  # fmt: skip


def enqueue_reruns(study: optuna.Study, studies: Studies, config: OptimizationConfig, log: RunLog) -> int | None:
    """Put every training that is still to be made into the queue of `study`; how many there are, None for no rerun.

    The first seed of all configurations comes before the second of any, so that a run that is stopped early compares
    what can be compared. A run that goes on makes only what is missing.
    """
    if config.rerun_of is None:
        return None
    candidates, made = _known(study)
    wanted = config.trials // config.seeds
    if len(candidates) < wanted:
        for name, values in _best(studies, config):
            if len(candidates) < wanted and name not in candidates:
                candidates[name] = values
    for index in range(config.seeds):
        for name, values in candidates.items():
            if (name, index) not in made:
                study.enqueue_trial(values, user_attrs={ORIGIN: name, SEED_INDEX: index})
    log.info("%d configurations of %s are trained with %d seeds each", len(candidates), config.rerun_of, config.seeds)
    return sum(trial.state is TrialState.WAITING for trial in study.get_trials(deepcopy=False))


def origin_name(number: int, study: str) -> str:
    """What a configuration is called by the trial that it comes from."""
    return f"Trial {number} of {study}"


def origin_of(name: str) -> tuple[int, str] | None:
    """Number and study of the trial that `origin_name` made a name of; None for another name."""
    word, _, study = name.partition(" of ")
    kind, _, number = word.partition(" ")
    return (int(number), study) if kind == "Trial" and number.isdecimal() and study else None


def title_of(study: str) -> str:
    """What a rerun of a study is called unless it is told otherwise; a number may follow."""
    return f"{study[:70]}-seeds"


def _best(studies: Studies, config: OptimizationConfig) -> Iterator[tuple[str, dict[str, Value]]]:
    assert config.rerun_of is not None
    space = config.search_space()
    for row, values, problem in best_fitting(studies, config.rerun_of, space, most=MOST):
        # Where nothing is searched there is one configuration, whose values are all fixed.
        if not problem or not space.searched:
            yield str(row.attributes.get(ORIGIN, origin_name(row.number, config.rerun_of))), values
            if not space.searched:
                return


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
