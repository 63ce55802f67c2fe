"""Optuna's columns as they are read here, on databases that no test opens."""

from __future__ import annotations

import pytest
from optuna.storages._rdb.models import StudyDirectionModel, TrialIntermediateValueModel, TrialModel, TrialValueModel
from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects.postgresql import psycopg

from storage.tables import intermediate_values, study_directions, trial_values, trials
from storage.trial_filters import TrialFilter, conditions


@pytest.mark.parametrize(
    ("column", "theirs"),
    [
        (trials.c.state, TrialModel.state),
        (study_directions.c.direction, StudyDirectionModel.direction),
        (trial_values.c.value_type, TrialValueModel.value_type),
        (
            intermediate_values.c.intermediate_value_type,
            TrialIntermediateValueModel.intermediate_value_type,
        ),
    ],
)
def test_postgresql_is_asked_with_the_types_that_optuna_made(column: ColumnElement[str], theirs: object) -> None:
    made, ours = theirs.type, column.type  # type: ignore[attr-defined]
    assert (ours.name, ours.enums) == (made.name, made.enums)  # type: ignore[attr-defined]
    assert "VARCHAR" not in str((column == made.enums[0]).compile(dialect=psycopg.dialect()))


def test_a_filter_by_state_as_postgresql_gets_it() -> None:
    query = select(trials.c.number).where(*conditions(TrialFilter(states=("complete", "fail")), 1, {}))
    asked = str(query.compile(dialect=psycopg.dialect(), compile_kwargs={"render_postcompile": True}))
    assert "state IN" in asked and "VARCHAR" not in asked
