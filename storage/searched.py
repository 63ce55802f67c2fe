"""What the trials of a study can be filtered by: the parameters that were searched, and what was diagnosed."""

from __future__ import annotations

import json
from dataclasses import dataclass

from optuna.distributions import IntDistribution, json_to_distribution
from sqlalchemy import func, select

from storage.database import Database
from storage.tables import studies, trial_attributes, trial_params, trials
from storage.trial_filters import DIAGNOSES, choice_text

_TRIALS = studies.join(trials, studies.c.study_id == trials.c.study_id)


@dataclass(frozen=True)
class SearchedParameter:
    """A parameter that at least one trial of a study has.

    Attributes:
        name: of the parameter.
        low, high: smallest and largest value that was tried; of a category positions, which mean nothing.
        whole: whether it has whole numbers only.
        choices: of a category, as text; empty for numbers.
    """

    name: str
    low: float
    high: float
    whole: bool
    choices: tuple[str, ...] = ()


def searched_parameters(database: Database, study: str) -> list[SearchedParameter]:
    """By name. Reads all parameters of a study: to be asked only when they are wanted, and kept."""
    param = trial_params.c
    low, high = func.min(param.param_value), func.max(param.param_value)
    query = (
        select(param.param_name, low, high, func.min(param.distribution_json))
        .select_from(_TRIALS.join(trial_params, trials.c.trial_id == param.trial_id))
        .where(studies.c.study_name == study)
        .group_by(param.param_name)
        .order_by(param.param_name)
    )
    with database.read() as connection:
        return [_searched(*row) for row in connection.execute(query)]


def diagnosis_codes(database: Database, study: str) -> list[str]:
    """Codes that were recorded with at least one trial, by name."""
    attribute = trial_attributes.c
    query = (
        select(attribute.value_json)
        .distinct()
        .select_from(_TRIALS.join(trial_attributes, trials.c.trial_id == attribute.trial_id))
        .where(studies.c.study_name == study, attribute.key == DIAGNOSES)
    )
    with database.read() as connection:
        texts = [json.loads(text) for text in connection.execute(query).scalars()]
    codes = {code.strip() for text in texts if isinstance(text, str) for code in text.split(",")}
    return sorted(codes - {""})


def _searched(name: str, low: float, high: float, text: str) -> SearchedParameter:
    distribution = json_to_distribution(text)
    choices = tuple(choice_text(choice) for choice in getattr(distribution, "choices", ()))
    return SearchedParameter(name, low, high, isinstance(distribution, IntDistribution), choices)
