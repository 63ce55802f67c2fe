"""Studies as pages read them: sets of rows, never a whole study through Optuna's loader.

Works for every study in the database, also for one made by plain Optuna.
"""

from __future__ import annotations

import datetime
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from optuna.distributions import json_to_distribution
from sqlalchemy import ColumnElement, Connection, Row, func, select

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
from storage.trial_filters import SORTS, STATES, TrialFilter, choice_text, conditions, duration, ordered

__all__ = ("SORTS", "STATES", "Studies", "StudySummary", "TrialPage", "TrialRow")

SECONDS_PER_DAY = 86_400
INFINITE = {"INF_POS": math.inf, "INF_NEG": -math.inf}


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
        n_objectives: values that a trial has; with several of them score and best trial go by the first one.
    """

    name: str
    minimises: bool
    n_by_state: dict[str, int]
    best_trial: int | None
    best_score: float | None
    best_accuracy: float | None
    best_health: float | None
    mean_duration_s: float | None
    n_objectives: int = 1

    @property
    def n_trials(self) -> int:
        return sum(self.n_by_state.values())

    def n(self, *states: str) -> int:
        return sum(self.n_by_state.get(state, 0) for state in states)


@dataclass(frozen=True)
class TrialRow:
    """One trial with everything the database holds of it.

    Attributes:
        score: the first value, None where there is none or it is infinite.
        curve: from epoch to the value the pruner saw.
        values: of all objectives, infinite ones included; empty where the trial has none.
    """

    number: int
    state: str
    score: float | None
    duration_s: float | None
    params: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    curve: dict[int, float] = field(default_factory=dict)
    values: tuple[float, ...] = ()

    @property
    def accuracy(self) -> float | None:
        """A share of 0 to 1; None too where another program recorded something else under that name."""
        accuracy = number_of(self.attributes.get("accuracy"))
        return accuracy if accuracy is not None and 0 <= accuracy <= 1 else None


def number_of(attribute: object) -> float | None:
    """An attribute that should be a number, None where it is none: plain Optuna takes anything."""
    return float(attribute) if isinstance(attribute, int | float) else None


@dataclass(frozen=True)
class TrialPage:
    """Some of the trials that meet a filter.

    Attributes:
        rows: the trials of the page.
        total: how many meet the filter.
        page, pages: which one this is, from 1, and how many there are.
    """

    rows: tuple[TrialRow, ...]
    total: int
    page: int
    pages: int


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
            directions = connection.execute(
                select(study_directions.c.direction)
                .where(study_directions.c.study_id == study)
                .order_by(study_directions.c.objective)
            ).scalars().all()  # fmt: skip
            minimises = directions[:1] != ["MAXIMIZE"]
            counted = (
                select(trials.c.state, func.count(), func.max(trials.c.datetime_complete))
                .where(trials.c.study_id == study)
                .group_by(trials.c.state)
            )
            counts = connection.execute(counted).all()
        ended = tuple((state, number, str(last)) for state, number, last in counts if state in ("COMPLETE", "PRUNED"))
        best, attributes, mean_duration_s = _of_ended_trials(self._database, study, minimises, ended)
        return StudySummary(
            name=name,
            minimises=minimises,
            n_by_state={state.lower(): number for state, number, _ in counts},
            best_trial=best.number if best else None,
            best_score=best.value if best else None,
            best_accuracy=number_of(attributes.get("accuracy")),
            best_health=number_of(attributes.get("health")),
            mean_duration_s=mean_duration_s,
            n_objectives=len(directions),
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
            study = _required_id(connection, name)
            met = conditions(TrialFilter(states=tuple(states)), study, {})
            return _rows(connection, met, sort, limit, offset)

    def page(self, name: str, wanted: TrialFilter, *, sort: str = "number", page: int = 1, size: int = 12) -> TrialPage:
        """The trials that meet a filter, `size` at a time; beyond the last page the last one.

        Raises:
            UnknownRunError: there is no such study.
            ValueError: `sort` is no order.
        """
        with self._database.read() as connection:
            study = _required_id(connection, name)
            met = conditions(wanted, study, _positions(connection, study, wanted))
            total = connection.execute(select(func.count()).select_from(trials).where(*met)).scalar() or 0
            pages = max(1, -(-total // size))
            at = min(max(1, page), pages)
            rows = _rows(connection, met, sort, size, (at - 1) * size) if total else []
        return TrialPage(tuple(rows), total, at, pages)

    def each(
        self, name: str, wanted: TrialFilter | None = None, *, sort: str = "number", size: int = 1000
    ) -> Iterator[TrialRow]:
        """All trials that meet a filter, without their curves; `size` of them are in memory at a time.

        Which ones they are is decided once: trials that begin meanwhile neither come twice nor push others out.

        Raises:
            UnknownRunError: there is no such study.
            ValueError: `sort` is no order.
        """
        with self._database.read() as connection:
            study, wanted = _required_id(connection, name), wanted or TrialFilter()
            heads = _heads(connection, conditions(wanted, study, _positions(connection, study, wanted)), sort)
        for start in range(0, len(heads), size):
            with self._database.read() as connection:
                rows = _loaded(connection, heads[start : start + size], with_curves=False)
            yield from rows

    def scores(self, name: str) -> list[tuple[int, float]]:
        """(number, score) of each complete trial that has a finite score, by number."""
        with self._database.read() as connection:
            query = (
                select(trials.c.number, trial_values.c.value)
                .join_from(trials, trial_values, trials.c.trial_id == trial_values.c.trial_id)
                .where(
                    trials.c.study_id == _required_id(connection, name),
                    trials.c.state == "COMPLETE",
                    trial_values.c.objective == 0,
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
        raise UnknownRunError(f"run_name must be a run that has begun, got {name!r}; 'status' lists them")
    return found


@lru_cache(maxsize=64)
def _of_ended_trials(
    database: Database, study: int, minimises: bool, _ended: tuple[tuple[str, int, str], ...]
) -> tuple[Row[Any, Any, Any] | None, Mapping[str, Any], float | None]:
    """The best trial, its attributes, and the mean duration: read again only when one more trial has ended.

    Pages ask twice a second. Trials that have ended never change; `_ended` says how many there are, and since when.
    """
    with database.read() as connection:
        best = _best(connection, study, minimises)
        attributes = _attributes(connection, [best.trial_id])[best.trial_id] if best else {}
        return best, attributes, _mean_duration_s(connection, study)


def _best(connection: Connection, study: int, minimises: bool) -> Row[Any, Any, Any] | None:
    order = trial_values.c.value if minimises else trial_values.c.value.desc()
    query = (
        select(trials.c.trial_id, trials.c.number, trial_values.c.value)
        .join_from(trials, trial_values, trials.c.trial_id == trial_values.c.trial_id)
        .where(
            trials.c.study_id == study,
            trials.c.state == "COMPLETE",
            trial_values.c.objective == 0,
            trial_values.c.value_type == "FINITE",
        )
        .order_by(order, trials.c.number)
        .limit(1)
    )
    return connection.execute(query).one_or_none()


def _rows(connection: Connection, met: list[ColumnElement[bool]], sort: str, limit: int, offset: int) -> list[TrialRow]:
    return _loaded(connection, _heads(connection, met, sort, limit, offset))


def _heads(
    connection: Connection, met: list[ColumnElement[bool]], sort: str, limit: int | None = None, offset: int = 0
) -> Sequence[Row[*tuple[Any, ...]]]:
    """The wanted trials in their order, each as its own row of Optuna's table."""
    source, order = ordered(sort, connection.dialect.name)
    query = select(
        trials.c.trial_id, trials.c.number, trials.c.state, trials.c.datetime_start, trials.c.datetime_complete,
    ).select_from(source).where(*met).order_by(*order).limit(limit).offset(offset)  # fmt: skip
    return connection.execute(query).all()


def _loaded(
    connection: Connection, heads: Sequence[Row[*tuple[Any, ...]]], *, with_curves: bool = True
) -> list[TrialRow]:
    ids = [row.trial_id for row in heads]
    params, attributes, values = _params(connection, ids), _attributes(connection, ids), _values(connection, ids)
    curves = _curves(connection, ids if with_curves else [])
    return [
        TrialRow(
            number=row.number,
            state=row.state.lower(),
            score=next((value for value in values[row.trial_id][:1] if math.isfinite(value)), None),
            duration_s=seconds_between(row.datetime_start, row.datetime_complete),
            params=params[row.trial_id],
            attributes=attributes[row.trial_id],
            curve=curves[row.trial_id],
            values=tuple(values[row.trial_id]),
        )
        for row in heads
    ]


def _positions(connection: Connection, study: int, wanted: TrialFilter) -> dict[str, list[int]]:
    """Where the wanted choices of each category stand among all; Optuna keeps a category as its position."""
    found = {}
    for name, texts in wanted.choices.items():
        query = (
            select(trial_params.c.distribution_json)
            .join_from(trials, trial_params, trials.c.trial_id == trial_params.c.trial_id)
            .where(trials.c.study_id == study, trial_params.c.param_name == name)
            .limit(1)
        )
        text = connection.execute(query).scalar()
        choices = getattr(json_to_distribution(text), "choices", ()) if text else ()
        found[name] = [place for place, choice in enumerate(choices) if choice_text(choice) in texts]
    return found


def _mean_duration_s(connection: Connection, study: int) -> float | None:
    """Of complete and pruned trials; averaged by the database, because pages ask for it twice a second."""
    query = select(func.avg(duration(connection.dialect.name))).where(
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


def _values(connection: Connection, ids: Sequence[int]) -> defaultdict[int, list[float]]:
    found: defaultdict[int, list[float]] = defaultdict(list)
    query = (
        select(trial_values.c.trial_id, trial_values.c.value, trial_values.c.value_type)
        .where(trial_values.c.trial_id.in_(ids))
        .order_by(trial_values.c.objective)
    )
    for trial, value, kind in connection.execute(query):
        found[trial].append(INFINITE.get(kind, value))
    return found


def seconds_between(start: datetime.datetime | None, end: datetime.datetime | None) -> float | None:
    """From the one to the other; None where one of them is not known."""
    return (end - start).total_seconds() if start is not None and end is not None else None
