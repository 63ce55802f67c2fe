"""Warm start: the best configurations of an earlier study are tried first."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import optuna

from hpo_core.errors import UsageError, nearest
from hpo_core.logs import RunLog
from hpo_core.objective import REPEATED
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.parameters import PARAMETERS, Choices, Domain, Value, convert, parameters_of
from hpo_core.search_space import SearchSpace
from storage.studies import Studies, TrialRow

BEST = 5
"""Configurations that are taken over at most; further ones would only repeat what the sampler learns from these."""
LOOKED_AT = 50
ORIGIN = "warm start"
"""Attribute of a trial that was taken over: where from."""


def require_study(name: str | None, studies: Studies) -> None:
    """Raises UsageError where there is no study called `name`; StorageError where the database does not say."""
    if name is not None and not studies.exists(name):
        near = nearest(name, studies.names())
        raise UsageError(
            "warm_start", f"must be a study of this database, got {name!r}",
            f"did you mean {near}?" if near else "leave it out",
        )  # fmt: skip


def enqueue(study: optuna.Study, studies: Studies, config: OptimizationConfig, log: RunLog) -> int:
    """Put the best fitting configurations of `config.warm_start` first in the queue of `study`; how many it were.

    Those that do not fit the search space are left out, with the reason in the log.
    """
    if config.warm_start is None:
        return 0
    taken = 0
    for row, values, problem in best_fitting(studies, config.warm_start, config.search_space()):
        if taken == min(BEST, config.trials):
            break
        if problem:
            log.info("warm start: Trial %d of %s is left out: %s", row.number, config.warm_start, problem)
            continue
        study.enqueue_trial(values, user_attrs={ORIGIN: f"Trial {row.number} of {config.warm_start}"})
        taken += 1
    log.info("warm start: %d configurations of %s are tried first", taken, config.warm_start)
    return taken


def enqueue_stopped(study: optuna.Study) -> None:
    """Put the configurations that were taken over back into the queue of `study` where they were stopped with its run.

    What nobody had begun is in the queue still.
    """
    stopped, kept = dict[str, dict[str, Value]](), set[str]()
    for trial in study.get_trials(deepcopy=False):
        origin = trial.user_attrs.get(ORIGIN)
        if origin is None:
            continue
        if trial.user_attrs.get("outcome") in REPEATED:
            stopped[origin] = trial.system_attrs["fixed_params"]
        else:
            kept.add(origin)
    for origin, values in stopped.items():
        if origin not in kept:
            study.enqueue_trial(values, user_attrs={ORIGIN: origin})


def best_fitting(
    studies: Studies, study: str, space: SearchSpace, most: int = LOOKED_AT
) -> Iterator[tuple[TrialRow, dict[str, Value], str]]:
    """Complete trials of a study, the best first, each with its values for `space`; each configuration once.

    At most `most` trials are looked at. Yields the trial, what it had for each hyperparameter searched here, and why it
    cannot be used, or ''.
    """
    order = "score" if studies.summary(study).minimises else "-score"
    known: list[dict[str, Value]] = []
    for row in studies.trials(study, sort=order, states=("complete",), limit=most):
        values, problem = fitting(row, space)
        if problem:
            yield row, {}, problem
        elif values not in known:
            known.append(values)
            yield row, values, ""


def fitting(row: TrialRow, space: SearchSpace) -> tuple[dict[str, Value], str]:
    """What a trial of another study had for each hyperparameter searched here, and why it cannot be used, or ''.

    What is fixed here stays as it is fixed: such a trial had perhaps another number of epochs.
    """
    had = {**_configuration(row), **row.params}
    values: dict[str, Value] = {}
    for parameter in parameters_of(space.architecture):
        name = parameter.name
        if name not in space.searched or (
            parameter.needs and parameter.needs[0] in values and not parameter.active(values)
        ):
            continue
        value = convert(had.get(name), parameter.type)
        if value is None:
            return {}, f"it has no {name}"
        if not fits(value, space.domains[name]):
            return {}, f"{name}={value} is outside of the search space"
        values[name] = value
    return values, "" if values else "nothing is searched"


def fits(value: Value, domain: Domain) -> bool:
    """Whether a sampler could have chosen the value: one of the choices, in the range, on one of its steps."""
    if isinstance(domain, Choices) or not domain.holds(value):
        return domain.holds(value)
    assert isinstance(value, int | float)
    if domain.step is None:
        return True
    steps = (value - domain.low) / domain.step
    return math.isclose(steps, round(steps), abs_tol=1e-6)


def _configuration(row: TrialRow) -> Mapping[str, Any]:
    """Hyperparameters that were fixed in the other study, which its own parameters do not name."""
    try:
        recorded = json.loads(row.attributes.get("configuration", "{}"))
    except (TypeError, ValueError):
        return {}
    return {name: value for name, value in recorded.items() if name in PARAMETERS} if isinstance(recorded, dict) else {}
