"""Studies as pages read them: sets of rows, never a whole study through Optuna's loader.

Works for every study in the database, also for one made by plain Optuna.
"""

from __future__ import annotations

import datetime
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from optuna.distributions import json_to_distribution
from sqlalchemy import ColumnElement, Connection, Float, Row, Select, and_, case, cast, func, not_, or_, select

from storage.database import Database
from storage.errors import UnknownRunError
from storage.tables import (
    intermediate_values,
    studies,
    study_attributes,
    study_directions,
    trial_attributes,
    trial_params,
    trial_values,
    trials,
)

SORTS = ("score", "accuracy", "health", "number", "duration")
SECONDS_PER_DAY = 86_400
STATES = ("running", "complete", "pruned", "fail", "waiting")


@dataclass(frozen=True)
class StudySummary:
    """A study in numbers.

    Attributes:
        name: of the study.
        minimises: whether smaller scores are better.
        n_trials: trials of any state; n_by_state has one entry per state that occurs, by its lower-case name.
        best_trial: number of the best complete trial, None before there is one.
        best_score: its score; best_accuracy, best_health: its accuracy and health, None where not recorded.
        mean_duration_s: of complete and pruned trials, None before there is one.
    """

    name: str
    minimises: bool
    n_by_state: dict[str, int]
    best_trial: int | None
    best_score: float | None
    best_accuracy: float | None
    best_health: float | None
    mean_duration_s: float | None

    @property
    def n_trials(self) -> int:
        return sum(self.n_by_state.values())

    def n(self, *states: str) -> int:
        return sum(self.n_by_state.get(state, 0) for state in states)


@dataclass(frozen=True)
class TrialRow:
    """One trial with everything the database holds of it; `curve` maps epoch to the value the pruner saw."""

    number: int
    state: str
    score: float | None
    duration_s: float | None
    params: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    curve: dict[int, float] = field(default_factory=dict)

    @property
    def accuracy(self) -> float | None:
        value = self.attributes.get("accuracy")
        return float(value) if isinstance(value, int | float) else None


class Studies:
    """Reading access to all studies of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def names(self) -> list[str]:
        """All studies, the newest first."""
        with self._database.read() as connection:
            return list(connection.execute(select(studies.c.study_name).order_by(studies.c.study_id.desc())).scalars())

    def exists(self, name: str) -> bool:
        with self._database.read() as connection:
            return _study_id(connection, name) is not None

    def attributes(self, name: str) -> dict[str, Any]:
        """User attributes of a study. Raises UnknownRunError."""
        with self._database.read() as connection:
            query = select(study_attributes.c.key, study_attributes.c.value_json).where(
                study_attributes.c.study_id == _required_id(connection, name)
            )
            return {key: json.loads(value) for key, value in connection.execute(query)}

    def summary(self, name: str) -> StudySummary:
        """Raises UnknownRunError where there is no such study."""
        with self._database.read() as connection:
            study = _required_id(connection, name)
            direction = connection.execute(
                select(study_directions.c.direction).where(study_directions.c.study_id == study)
            ).scalar()
            minimises = direction != "MAXIMIZE"
            counts = connection.execute(
                select(trials.c.state, func.count()).where(trials.c.study_id == study).group_by(trials.c.state)
            )
            n_by_state = {state.lower(): number for state, number in counts}
            best = _best(connection, study, minimises)
            mean_duration_s = _mean_duration_s(connection, study)
            attributes = _attributes(connection, [best.trial_id])[best.trial_id] if best else {}
        return StudySummary(
            name=name,
            minimises=minimises,
            n_by_state=n_by_state,
            best_trial=best.number if best else None,
            best_score=best.value if best else None,
            best_accuracy=attributes.get("accuracy"),
            best_health=attributes.get("health"),
            mean_duration_s=mean_duration_s,
        )

    def trials(
        self, name: str, *, sort: str = "number", states: Sequence[str] = (), limit: int = 100, offset: int = 0
    ) -> list[TrialRow]:
        """A page of trials with parameters, attributes and curves.

        Args:
            name: of the study.
            sort: score, accuracy, health, number or duration; '-' in front for descending. Trials without the
                quantity come last either way.
            states: Optuna's states in lower case; all where empty.
            limit, offset: size and beginning of the page.
        """
        with self._database.read() as connection:
            query = _page_query(_required_id(connection, name), sort, states, connection.dialect.name)
            query = query.limit(limit).offset(offset)
            rows = connection.execute(query).all()
            ids = [row.trial_id for row in rows]
            params, attributes, curves = (
                _params(connection, ids), _attributes(connection, ids), _curves(connection, ids)
            )  # fmt: skip
        return [
            TrialRow(
                number=row.number,
                state=row.state.lower(),
                score=row.value,
                duration_s=_seconds(row.datetime_start, row.datetime_complete),
                params=params[row.trial_id],
                attributes=attributes[row.trial_id],
                curve=curves[row.trial_id],
            )
            for row in rows
        ]

    def count_trials(self, name: str, *, without_outcomes: Sequence[str]) -> tuple[int, int]:
        """All trials that were begun; and those of them that are over with an outcome that is none of these."""
        ended = trials.c.state.in_(("COMPLETE", "PRUNED", "FAIL"))
        outcome = and_(trial_attributes.c.trial_id == trials.c.trial_id, trial_attributes.c.key == "outcome")
        left_out = trial_attributes.c.value_json.in_([json.dumps(word) for word in without_outcomes])
        counted = case((and_(ended, or_(left_out.is_(None), not_(left_out))), 1), else_=0)
        with self._database.read() as connection:
            query = (
                select(func.count(), func.sum(counted))
                .select_from(trials.outerjoin(trial_attributes, outcome))
                .where(trials.c.study_id == _required_id(connection, name), trials.c.state != "WAITING")
            )
            n_trials, n_counted = connection.execute(query).one()
        return int(n_trials), int(n_counted or 0)

    def scores(self, name: str) -> list[tuple[int, float]]:
        """(number, score) of each complete trial that has a finite score, by number."""
        with self._database.read() as connection:
            query = (
                select(trials.c.number, trial_values.c.value)
                .join_from(trials, trial_values, trials.c.trial_id == trial_values.c.trial_id)
                .where(
                    trials.c.study_id == _required_id(connection, name),
                    trials.c.state == "COMPLETE",
                    trial_values.c.value_type == "FINITE",
                )
                .order_by(trials.c.number)
            )
            return [(number, value) for number, value in connection.execute(query)]


def _study_id(connection: Connection, name: str) -> int | None:
    found = connection.execute(select(studies.c.study_id).where(studies.c.study_name == name)).scalar()
    return int(found) if found is not None else None


def _required_id(connection: Connection, name: str) -> int:
    found = _study_id(connection, name)
    if found is None:
        raise UnknownRunError(f"study must be a known one, got {name!r}")
    return found


def _best(connection: Connection, study: int, minimises: bool) -> Row[Any, Any, Any] | None:
    order = trial_values.c.value if minimises else trial_values.c.value.desc()
    query = (
        select(trials.c.trial_id, trials.c.number, trial_values.c.value)
        .join_from(trials, trial_values, trials.c.trial_id == trial_values.c.trial_id)
        .where(trials.c.study_id == study, trials.c.state == "COMPLETE", trial_values.c.value_type == "FINITE")
        .order_by(order, trials.c.number)
        .limit(1)
    )
    return connection.execute(query).one_or_none()


def _page_query(study: int, sort: str, states: Sequence[str], dialect: str) -> Select[Any]:
    key = sort.removeprefix("-")
    if key not in SORTS:
        raise ValueError(f"sort must be one of {', '.join(SORTS)}, with '-' in front for descending, got {sort!r}")
    source = trials.outerjoin(trial_values, trials.c.trial_id == trial_values.c.trial_id)
    quantity: ColumnElement[Any]
    if key == "number":
        quantity = trials.c.number
    elif key == "duration":
        quantity = _duration(dialect)
    elif key == "score":
        quantity = trial_values.c.value
    else:
        wanted = trial_attributes.alias("wanted")
        source = source.outerjoin(wanted, and_(trials.c.trial_id == wanted.c.trial_id, wanted.c.key == key))
        quantity = cast(wanted.c.value_json, Float)
    query = select(
        trials.c.trial_id, trials.c.number, trials.c.state, trials.c.datetime_start, trials.c.datetime_complete,
        trial_values.c.value,
    ).select_from(source).where(trials.c.study_id == study)  # fmt: skip
    if states:
        query = query.where(trials.c.state.in_([state.upper() for state in states]))
    order = quantity.desc() if sort.startswith("-") else quantity
    return query.order_by(case((quantity.is_(None), 1), else_=0), order, trials.c.number)


def _duration(dialect: str) -> ColumnElement[Any]:
    """A quantity that grows with a trial's duration; SQLite keeps times as text and cannot subtract them."""
    if dialect == "sqlite":
        return func.julianday(trials.c.datetime_complete) - func.julianday(trials.c.datetime_start)
    return trials.c.datetime_complete - trials.c.datetime_start


def _mean_duration_s(connection: Connection, study: int) -> float | None:
    """Of complete and pruned trials; averaged by the database, because pages ask for it twice a second."""
    query = select(func.avg(_duration(connection.dialect.name))).where(
        trials.c.study_id == study, trials.c.state.in_(("COMPLETE", "PRUNED"))
    )
    mean = connection.execute(query).scalar()
    if mean is None:
        return None
    return float(mean) * SECONDS_PER_DAY if not isinstance(mean, datetime.timedelta) else mean.total_seconds()


def _params(connection: Connection, ids: Sequence[int]) -> defaultdict[int, dict[str, Any]]:
    found: defaultdict[int, dict[str, Any]] = defaultdict(dict)
    query = select(
        trial_params.c.trial_id,
        trial_params.c.param_name,
        trial_params.c.param_value,
        trial_params.c.distribution_json,
    ).where(trial_params.c.trial_id.in_(ids))
    known: dict[str, Any] = {}  # parsing a distribution costs more than the query; few distinct ones exist
    for trial, name, value, text in connection.execute(query):
        distribution = known.get(text) or known.setdefault(text, json_to_distribution(text))
        found[trial][name] = distribution.to_external_repr(value)
    return found


def _attributes(connection: Connection, ids: Sequence[int]) -> defaultdict[int, dict[str, Any]]:
    found: defaultdict[int, dict[str, Any]] = defaultdict(dict)
    query = select(trial_attributes.c.trial_id, trial_attributes.c.key, trial_attributes.c.value_json).where(
        trial_attributes.c.trial_id.in_(ids)
    )
    for trial, key, text in connection.execute(query):
        found[trial][key] = json.loads(text)
    return found


def _curves(connection: Connection, ids: Sequence[int]) -> defaultdict[int, dict[int, float]]:
    found: defaultdict[int, dict[int, float]] = defaultdict(dict)
    query = (
        select(
            intermediate_values.c.trial_id, intermediate_values.c.step, intermediate_values.c.intermediate_value
        )
        .where(intermediate_values.c.trial_id.in_(ids), intermediate_values.c.intermediate_value.is_not(None))
        .order_by(intermediate_values.c.step)
    )  # fmt: skip
    for trial, step, value in connection.execute(query):
        found[trial][step] = value
    return found


def _seconds(start: datetime.datetime | None, end: datetime.datetime | None) -> float | None:
    return (end - start).total_seconds() if start is not None and end is not None else None
