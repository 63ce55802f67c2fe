"""Which trials of a study are wanted, and in which order, as SQL: the count and each page have the same conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    FromClause,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    null,
    select,
    true,
)

from storage.tables import trial_attributes, trial_params, trial_values, trials

SORTS = ("score", "accuracy", "health", "number", "duration")
STATES = ("running", "complete", "pruned", "fail", "waiting")
ENDED = ("complete", "pruned", "fail")
DIAGNOSES = "diagnoses"


@dataclass(frozen=True)
class Span:
    """Numbers from `low` to `high`, both included; None where that side is open."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class TrialFilter:
    """Conditions that a trial has to meet, all of them.

    Attributes:
        states: Optuna's states in lower case; any where empty.
        score: finite scores in this span; None for any trial, also one without a score.
        ranges: parameters that are numbers, each with its span.
        choices: parameters that are categories, each with its wanted choices as text (`choice_text`).
        diagnosis: a code that was recorded with the trial; '' for any trial.
        numbers: of the wanted trials; any where None.
    """

    states: tuple[str, ...] = ()
    score: Span | None = None
    ranges: Mapping[str, Span] = field(default_factory=dict)
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    diagnosis: str = ""
    numbers: tuple[int, ...] | None = None


def choice_text(value: object) -> str:
    """A choice of a category as it stands in a filter: 'adam', 'True', 'None'."""
    return str(value)


def conditions(wanted: TrialFilter, study: int, positions: Mapping[str, Sequence[int]]) -> list[ColumnElement[bool]]:
    """What the rows of `trials` have to meet.

    Args:
        wanted: the filter.
        study: id of the study.
        positions: of each category in `wanted.choices`, where its wanted choices stand among all.
    """
    found: list[ColumnElement[bool]] = [trials.c.study_id == study]
    if wanted.states:
        found.append(trials.c.state.in_([state.upper() for state in wanted.states]))
    if wanted.numbers is not None:
        found.append(trials.c.number.in_(wanted.numbers))
    if wanted.score is not None:
        found.append(_exists(trial_values, trial_values.c.objective == 0, _within(trial_values.c.value, wanted.score)))
    for name, span in wanted.ranges.items():
        found.append(_has_param(name, _within(trial_params.c.param_value, span)))
    for name in wanted.choices:
        places = positions.get(name, ())
        found.append(_has_param(name, trial_params.c.param_value.in_(places)) if places else false())
    if wanted.diagnosis:
        found.append(_has_diagnosis(wanted.diagnosis))
    return found


def ordered(sort: str, dialect: str) -> tuple[FromClause, list[ColumnElement[Any]]]:
    """Where an order comes from, and what to order by; trials without the quantity come last either way.

    Raises ValueError for an unknown `sort`.
    """
    key = sort.removeprefix("-")
    if key not in SORTS:
        raise ValueError(f"sort must be one of {', '.join(SORTS)}, with '-' in front for descending, got {sort!r}")
    first_value = and_(trials.c.trial_id == trial_values.c.trial_id, trial_values.c.objective == 0)
    source: FromClause = trials.outerjoin(trial_values, first_value)
    quantity: ColumnElement[Any]
    if key == "number":
        quantity = trials.c.number
    elif key == "duration":
        quantity = duration(dialect)
    elif key == "score":
        quantity = trial_values.c.value
    else:
        wanted = trial_attributes.alias("wanted")
        source = source.outerjoin(wanted, and_(trials.c.trial_id == wanted.c.trial_id, wanted.c.key == key))
        quantity = _number(wanted.c.value_json)
    direction = quantity.desc() if sort.startswith("-") else quantity.asc()
    return source, [case((quantity.is_(None), 1), else_=0), direction, trials.c.number.asc()]


def duration(dialect: str) -> ColumnElement[Any]:
    """A quantity that grows with a trial's duration; SQLite keeps times as text and cannot subtract them."""
    if dialect == "sqlite":
        return func.julianday(trials.c.datetime_complete) - func.julianday(trials.c.datetime_start)
    return trials.c.datetime_complete - trials.c.datetime_start


def _number(text: ColumnElement[str]) -> ColumnElement[Any]:
    """The number that JSON holds; NULL for text, NaN and infinity, which plain Optuna keeps just as well."""
    digit = func.substr(func.ltrim(text, "-"), 1, 1)
    return case((and_(digit >= "0", digit <= "9"), cast(text, Float)), else_=null())


def _within(quantity: ColumnElement[Any], span: Span) -> ColumnElement[bool]:
    """NULL, the value of an infinite score, is in no span."""
    sides: list[ColumnElement[bool]] = [quantity.is_not(None)]
    if span.low is not None:
        sides.append(quantity >= span.low)
    if span.high is not None:
        sides.append(quantity <= span.high)
    return and_(true(), *sides)


def _exists(table: Any, *such_that: ColumnElement[bool]) -> ColumnElement[bool]:
    """By the unique index that each of Optuna's tables has on its trial: the cost grows with the study alone."""
    found = select(literal(1)).select_from(table).where(table.c.trial_id == trials.c.trial_id, *such_that)
    return exists(found.correlate(trials))


def _has_param(name: str, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return _exists(trial_params, trial_params.c.param_name == name, condition)


def _has_diagnosis(code: str) -> ColumnElement[bool]:
    """Codes are kept as one JSON text with commas: '"DEAD_UNITS,PLATEAU"'."""
    bare = func.replace(func.replace(trial_attributes.c.value_json, '"', ""), " ", "")
    listed = literal(",").concat(bare).concat(",")
    return _exists(trial_attributes, trial_attributes.c.key == DIAGNOSES, listed.contains(f",{code},", autoescape=True))
