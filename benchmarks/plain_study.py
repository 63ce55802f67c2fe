"""A large study as plain Optuna makes it: 15 parameters, 15 attributes and 10 intermediate values a trial."""

from __future__ import annotations

import datetime
import json
import math
import random
from collections.abc import Iterator, Sequence
from typing import Any

import optuna
import sqlalchemy
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)
from optuna.trial import FrozenTrial, TrialState, create_trial

TRIALS = 10_000
STUDY = "big"
STEPS = 10
BY_OPTUNA, CHUNK = 10, 500
BEGAN = datetime.datetime(2026, 1, 1)
SPACE: dict[str, BaseDistribution] = {
    "conv_layers": IntDistribution(1, 4),
    "filters": IntDistribution(8, 64, step=8),
    "kernel_size": CategoricalDistribution((3, 5)),
    "activation": CategoricalDistribution(("relu", "elu", "selu", "swish")),
    "use_global_pooling": CategoricalDistribution((True, False)),
    "batch_normalization": CategoricalDistribution((True, False)),
    "hidden_layers": IntDistribution(0, 3),
    "first_hidden_nodes": IntDistribution(16, 512, log=True),
    "dropout": FloatDistribution(0.0, 0.6, step=0.1),
    "optimizer": CategoricalDistribution(("adam", "sgd", "rmsprop", "nadam")),
    "learning_rate": FloatDistribution(1e-5, 1e-1, log=True),
    "weight_decay": FloatDistribution(1e-7, 1e-2, log=True),
    "schedule": CategoricalDistribution(("constant", "cosine", None)),
    "batch_size": CategoricalDistribution((16, 32, 64, 128)),
    "epochs": IntDistribution(2, 20),
}
METRICS = (
    "neuron_utilization", "parameter_efficiency", "training_stability", "gradient_health", "convergence_quality",
    "accuracy_consistency",
)  # fmt: skip


def make_big_study(url: str, trials: int = TRIALS) -> str:
    """Make a study with 15 parameters, 15 attributes and 10 intermediate values a trial; the study's name.

    The trials end in every state, and most of their accuracy comes from the learning rate. Optuna makes the study and
    its first ten trials; the rows of the others are those that it would write, in few transactions: it takes 100 ms
    for one (a quarter of an hour for 10,000), this takes 1 ms.

    Args:
        url: of a database that is new or has no such study.
        trials: how many.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(study_name=STUDY, storage=url, direction="maximize")
    made = list(big_trials(trials))
    study.add_trials(made[:BY_OPTUNA])
    engine = sqlalchemy.create_engine(url)
    tables = sqlalchemy.MetaData()
    tables.reflect(engine)
    for first in range(BY_OPTUNA, trials, CHUNK):
        with engine.begin() as connection:
            _insert(connection, tables, made[first : first + CHUNK], first)
    engine.dispose()
    return STUDY


def big_trials(trials: int) -> Iterator[FrozenTrial]:
    """The trials of the study, the same at every call."""
    chance = random.Random(1)
    return (_trial(number, chance) for number in range(trials))


def _insert(
    connection: sqlalchemy.Connection, tables: sqlalchemy.MetaData, made: Sequence[FrozenTrial], first: int
) -> None:
    """Write the rows of trials; `first` is the number of the first one."""
    trials, studies = tables.tables["trials"], tables.tables["studies"]
    study = connection.execute(sqlalchemy.select(studies.c.study_id).where(studies.c.study_name == STUDY)).scalar_one()
    last = connection.execute(sqlalchemy.select(sqlalchemy.func.max(trials.c.trial_id))).scalar_one()
    rows: dict[str, list[dict[str, Any]]] = {}
    for place, trial in enumerate(made):
        trial_id = last + 1 + place
        rows.setdefault("trials", []).append(
            {"trial_id": trial_id, "number": first + place, "study_id": study, "state": trial.state.name,
             "datetime_start": _utc(trial.datetime_start), "datetime_complete": _utc(trial.datetime_complete)}
        )  # fmt: skip
        for table, row in _rows_of(trial):
            rows.setdefault(table, []).append({"trial_id": trial_id, **row})
    for table, content in rows.items():
        connection.execute(tables.tables[table].insert(), content)


def _rows_of(trial: FrozenTrial) -> Iterator[tuple[str, dict[str, Any]]]:
    """(table, row) of everything that hangs on a trial."""
    if trial.value is not None:
        yield "trial_values", {"objective": 0, "value": trial.value, "value_type": "FINITE"}
    for name, value in trial.params.items():
        distribution = trial.distributions[name]
        yield "trial_params", {
            "param_name": name, "param_value": distribution.to_internal_repr(value),
            "distribution_json": distribution_to_json(distribution),
        }  # fmt: skip
    for key, content in trial.user_attrs.items():
        yield "trial_user_attributes", {"key": key, "value_json": json.dumps(content)}
    for step, value in trial.intermediate_values.items():
        yield "trial_intermediate_values", {
            "step": step, "intermediate_value": value, "intermediate_value_type": "FINITE",
        }  # fmt: skip


def _utc(moment: datetime.datetime | None) -> datetime.datetime | None:
    return moment.astimezone(datetime.UTC).replace(tzinfo=None) if moment is not None else None


def _trial(number: int, chance: random.Random) -> FrozenTrial:
    params = {name: _drawn(distribution, chance) for name, distribution in SPACE.items()}
    away = abs(math.log10(params["learning_rate"]) + 3)
    accuracy = min(0.999, max(0.1, 0.93 - 0.1 * away**2 + 0.0006 * params["filters"] + chance.gauss(0, 0.01)))
    state = chance.choices((TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL), (80, 15, 5))[0]
    steps = {step: accuracy * (1 - 0.6**step) for step in range(1, STEPS + 1)}
    seconds = 5 + params["epochs"] * params["filters"] / 10
    trial = create_trial(
        state=state,
        value=accuracy if state is TrialState.COMPLETE else None,
        params=params,
        distributions=SPACE,
        user_attrs=_attributes(params, accuracy, seconds, chance),
        intermediate_values=steps,
    )
    trial.datetime_start = BEGAN + datetime.timedelta(seconds=20 * number)
    trial.datetime_complete = trial.datetime_start + datetime.timedelta(seconds=seconds)
    return trial


def _attributes(
    params: dict[str, Any], accuracy: float, seconds: float, chance: random.Random
) -> dict[str, int | float | str]:
    """Fifteen attributes as a run of ours leaves them behind."""
    metrics = {name: round(chance.uniform(0.3, 1.0), 4) for name in METRICS}
    return {
        "accuracy": accuracy, "health": round(sum(metrics.values()) / len(metrics), 4), **metrics,
        "parameters": int(1_000 * params["filters"] * params["conv_layers"]),
        "duration_s": seconds, "outcome": "complete", "reason": "", "architecture": f"Conv {params['filters']}",
        "diagnoses": chance.choice(("", "DEAD_UNITS", "PLATEAU,OVERFITTING")), "seed": chance.randrange(1_000),
    }  # fmt: skip


def _drawn(distribution: BaseDistribution, chance: random.Random) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return chance.choice(distribution.choices)
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high = distribution.low, distribution.high
    if distribution.log:
        value = math.exp(chance.uniform(math.log(low), math.log(high)))
    elif distribution.step:
        value = low + distribution.step * chance.randint(0, round((high - low) / distribution.step))
    else:
        value = chance.uniform(low, high)
    return int(value) if isinstance(distribution, IntDistribution) else round(value, 10)
