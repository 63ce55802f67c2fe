"""Trials for analysis: whole, as Optuna's own records, but never more than a chart can show.

A study of up to 1,000 trials is read as it is. Of a larger one the best and a random sample of the others are read, the
same at every call as long as no trial is added; and, where a chart must know of every trial, a few columns of all.
"""

from __future__ import annotations

import datetime
import json
import math
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Connection, Row, func, select

from storage.database import Database
from storage.errors import UnknownRunError
from storage.studies import seconds_between
from storage.tables import (
    intermediate_values,
    studies,
    study_directions,
    study_system_attributes,
    trial_attributes,
    trial_params,
    trial_values,
    trials,
)

MOST = 1_000
BEST = 200
SEED = 0
METRIC_NAMES = "study:metric_names"
MAXIMIZE = "MAXIMIZE"

_INFINITE = {"INF_POS": math.inf, "INF_NEG": -math.inf, "NAN": math.nan}


@dataclass(frozen=True)
class StudyShape:
    """What a study aims at and how far it is.

    Attributes:
        minimises: per objective, whether smaller values are better; one entry unless the study has several objectives.
        objectives: names of the objectives, empty where they have none.
        n_by_state: trials of each state that occurs, by its lower-case name.
    """

    minimises: tuple[bool, ...]
    objectives: tuple[str, ...]
    n_by_state: dict[str, int]

    @property
    def n_trials(self) -> int:
        return sum(self.n_by_state.values())


@dataclass(frozen=True)
class TrialSample:
    """Trials by number, and what they were taken from.

    Attributes:
        trials: at most as many as asked for.
        total: trials of the wanted states.
        best: how many of the sample are there for being the best; 0 where all are here or none was chosen for it.
        surplus: numbers of those best that a random sample of the same density would not hold.
    """

    trials: tuple[FrozenTrial, ...]
    total: int
    best: int
    surplus: frozenset[int] = frozenset()

    @property
    def fair(self) -> list[FrozenTrial]:
        """The trials without the surplus: a random sample, from which means and relations may be computed."""
        return [trial for trial in self.trials if trial.number not in self.surplus]


@dataclass(frozen=True)
class TrialColumns:
    """A few facts of one trial: its objectives' values (None before there are any), and some attributes."""

    number: int
    state: str
    values: tuple[float, ...] | None
    duration_s: float | None
    attributes: dict[str, Any]


class TrialSamples:
    """Reading access to the trials of studies, for analysis."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def shape(self, name: str) -> StudyShape:
        """Raises UnknownRunError where there is no such study."""
        with self._database.read() as connection:
            study = _study_id(connection, name)
            directions = connection.execute(
                select(study_directions.c.direction)
                .where(study_directions.c.study_id == study)
                .order_by(study_directions.c.objective)
            ).scalars()
            minimises = tuple(direction != MAXIMIZE for direction in directions)
            names = connection.execute(
                select(study_system_attributes.c.value_json).where(
                    study_system_attributes.c.study_id == study, study_system_attributes.c.key == METRIC_NAMES
                )
            ).scalar()
            counts = connection.execute(
                select(trials.c.state, func.count()).where(trials.c.study_id == study).group_by(trials.c.state)
            )
            return StudyShape(
                minimises, tuple(json.loads(names)) if names else (), {state.lower(): n for state, n in counts}
            )

    def sample(
        self, name: str, *, states: Sequence[str] = (), objective: int = 0, best: int = BEST, most: int = MOST
    ) -> TrialSample:
        """At most `most` trials with all that the database holds of them, without system attributes.

        Args:
            name: of the study.
            states: Optuna's states in lower case; all where empty.
            objective: whose best complete trials are kept in a sample.
            best: how many of those are kept; with 0 the sample is random alone.
            most: up to this number of trials all are read.
        """
        with self._database.read() as connection:
            study = _study_id(connection, name)
            query = select(trials.c.trial_id, trials.c.number).where(trials.c.study_id == study)
            if states:
                query = query.where(trials.c.state.in_([state.upper() for state in states]))
            numbers = {trial: number for trial, number in connection.execute(query.order_by(trials.c.trial_id))}
            ids = list(numbers)
            kept: list[int] = []
            surplus: list[int] = []
            if len(ids) > most:
                minimises = self.shape(name).minimises
                kept = _best(connection, ids, study, objective, minimises[objective])[:best]
                rest = sorted(set(ids) - set(kept))
                chance = random.Random(SEED)
                chosen = kept + chance.sample(rest, most - len(kept))
                density = (most - len(kept)) / len(rest)
                surplus = chance.sample(kept, len(kept) - round(len(kept) * density))
            else:
                chosen = ids
            found = tuple(_read(connection, chosen))
            return TrialSample(found, len(ids), len(kept), frozenset(numbers[trial] for trial in surplus))

    def columns(self, name: str, attributes: Sequence[str] = ()) -> list[TrialColumns]:
        """Every trial of a study by number, with its values, its duration and the named attributes."""
        with self._database.read() as connection:
            study = _study_id(connection, name)
            of_study = trials.c.study_id == study
            rows = connection.execute(
                select(
                    trials.c.trial_id, trials.c.number, trials.c.state, trials.c.datetime_start,
                    trials.c.datetime_complete,
                ).where(of_study).order_by(trials.c.trial_id)
            ).all()  # fmt: skip
            all_values = select(trial_values).join_from(
                trials, trial_values, trials.c.trial_id == trial_values.c.trial_id
            )
            values = _values_by_trial(connection.execute(all_values.where(of_study)).all())
            found: defaultdict[int, dict[str, Any]] = defaultdict(dict)
            if attributes:
                joined = select(
                    trial_attributes.c.trial_id, trial_attributes.c.key, trial_attributes.c.value_json
                ).join_from(trials, trial_attributes, trials.c.trial_id == trial_attributes.c.trial_id)
                wanted = joined.where(of_study, trial_attributes.c.key.in_(attributes))
                for trial, key, text in connection.execute(wanted).all():
                    found[trial][key] = json.loads(text)
        return [
            TrialColumns(number, state.lower(), values.get(trial), seconds_between(start, end), found[trial])
            for trial, number, state, start, end in rows
        ]


def _study_id(connection: Connection, name: str) -> int:
    found = connection.execute(select(studies.c.study_id).where(studies.c.study_name == name)).scalar()
    if found is None:
        raise UnknownRunError(f"run_name must be a run that has begun, got {name!r}; 'status' lists them")
    return int(found)


def _best(connection: Connection, ids: Sequence[int], study: int, objective: int, minimises: bool) -> list[int]:
    """Complete trials with a finite value, the best first."""
    order = trial_values.c.value if minimises else trial_values.c.value.desc()
    query = (
        select(trials.c.trial_id)
        .join_from(trials, trial_values, trials.c.trial_id == trial_values.c.trial_id)
        .where(trials.c.study_id == study, trials.c.state == "COMPLETE", trial_values.c.objective == objective)
        .where(trial_values.c.value_type == "FINITE")
        .order_by(order, trials.c.trial_id)
    )
    allowed = set(ids)
    return [trial for trial in connection.execute(query).scalars() if trial in allowed]


def _read(connection: Connection, ids: Sequence[int]) -> list[FrozenTrial]:
    """Trials as Optuna's own loader makes them, by number."""
    rows = connection.execute(
        select(
            trials.c.trial_id, trials.c.number, trials.c.state, trials.c.datetime_start, trials.c.datetime_complete
        ).where(trials.c.trial_id.in_(ids)).order_by(trials.c.number)
    ).all()  # fmt: skip
    values = _values_by_trial(connection.execute(select(trial_values).where(trial_values.c.trial_id.in_(ids))).all())
    params, distributions = _parameters(connection, ids)
    attributes: defaultdict[int, dict[str, Any]] = defaultdict(dict)
    query = select(trial_attributes.c.trial_id, trial_attributes.c.key, trial_attributes.c.value_json)
    for trial, key, text in connection.execute(query.where(trial_attributes.c.trial_id.in_(ids))).all():
        attributes[trial][key] = json.loads(text)
    steps: defaultdict[int, dict[int, float]] = defaultdict(dict)
    for row in connection.execute(
        select(intermediate_values).where(intermediate_values.c.trial_id.in_(ids)).order_by(intermediate_values.c.step)
    ):
        steps[row.trial_id][row.step] = _INFINITE.get(row.intermediate_value_type, row.intermediate_value)
    return [
        FrozenTrial(
            number=number, trial_id=trial, state=TrialState[state], value=None,
            values=list(values[trial]) if trial in values else None,
            datetime_start=_local(start), datetime_complete=_local(end), params=params[trial],
            distributions=distributions[trial], user_attrs=attributes[trial], system_attrs={},
            intermediate_values=steps[trial],
        )
        for trial, number, state, start, end in rows
    ]  # fmt: skip


def _parameters(
    connection: Connection, ids: Sequence[int]
) -> tuple[defaultdict[int, dict[str, Any]], defaultdict[int, dict[str, BaseDistribution]]]:
    params: defaultdict[int, dict[str, Any]] = defaultdict(dict)
    distributions: defaultdict[int, dict[str, BaseDistribution]] = defaultdict(dict)
    query = (
        select(
            trial_params.c.trial_id, trial_params.c.param_name, trial_params.c.param_value,
            trial_params.c.distribution_json,
        )
        .where(trial_params.c.trial_id.in_(ids))
        .order_by(trial_params.c.param_id)
    )  # fmt: skip
    known: dict[str, BaseDistribution] = {}  # parsing one costs more than the query; few distinct ones exist
    for trial, name, value, text in connection.execute(query).all():
        distribution = known.get(text) or known.setdefault(text, json_to_distribution(text))
        params[trial][name] = distribution.to_external_repr(value)
        distributions[trial][name] = distribution
    return params, distributions


def _values_by_trial(rows: Iterable[Row[Any, Any, Any, Any]]) -> dict[int, tuple[float, ...]]:
    found: defaultdict[int, dict[int, float]] = defaultdict(dict)
    for row in rows:
        found[row.trial_id][row.objective] = _INFINITE.get(row.value_type, row.value)
    return {trial: tuple(values[place] for place in sorted(values)) for trial, values in found.items()}


def _local(moment: datetime.datetime | None) -> datetime.datetime | None:
    """Optuna stores UTC and speaks of local time."""
    return moment.replace(tzinfo=datetime.UTC).astimezone().replace(tzinfo=None) if moment is not None else None
