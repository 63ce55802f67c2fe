"""Tests of what trials cost when the last of their jobs is over."""

from __future__ import annotations

import optuna
import pytest

from storage.costs import COST, complete_costs
from storage.database import Database
from storage.jobs import Job, Jobs
from storage.studies import Studies

# What the trials say themselves, and what their jobs cost; the second one has two jobs.
TOLD = (None, 0.1, 0.25, None)
JOBS = ((0, 0.5), (1, 0.1), (1, 0.2), (2, 0.25), (3, None), (None, 7.0))


@pytest.fixture
def studies(database: Database) -> Studies:
    for name in ("a", "b"):
        study = optuna.create_study(study_name=name, storage=database.optuna_storage())
        for cost in TOLD:
            attributes = {} if cost is None else {COST: cost}
            study.add_trial(optuna.trial.create_trial(state=optuna.trial.TrialState.PRUNED, user_attrs=attributes))
    for number, (trial_number, cost) in enumerate(JOBS):
        Jobs(database).add(Job(f"j{number}", "a", trial_number, "here", "CANCELLED", 1.0, cost=cost))
    return Studies(database)


def costs(studies: Studies, name: str) -> list[object]:
    return [row.attributes.get(COST) for row in studies.trials(name)]


def test_each_trial_costs_what_its_jobs_do(database: Database, studies: Studies) -> None:
    assert complete_costs(database, "a")
    assert costs(studies, "a") == [0.5, 0.3, 0.25, None] and costs(studies, "b") == list(TOLD)
    assert not complete_costs(database, "a"), "nothing is left to do"


def test_a_run_without_jobs_stays_as_it_is(database: Database, studies: Studies) -> None:
    assert not complete_costs(database, "b") and costs(studies, "b") == list(TOLD)
