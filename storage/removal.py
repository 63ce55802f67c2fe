"""Removing a study with everything that the database holds of it, set by set: Optuna's own way loads every trial."""

from __future__ import annotations

import json
from collections import defaultdict

from sqlalchemy import Connection, Select, delete, select

from storage.artifacts import PREFIX
from storage.database import Database
from storage.errors import RunBusyError, UnknownRunError
from storage.jobs import FINAL_STATES
from storage.runs import Runs
from storage.tables import (
    intermediate_values,
    jobs,
    live,
    notices,
    progress,
    runs,
    stops,
    studies,
    study_attributes,
    study_directions,
    study_system_attributes,
    trial_attributes,
    trial_heartbeats,
    trial_params,
    trial_system_attributes,
    trial_values,
    trials,
)

OF_TRIALS = (
    trial_values, trial_params, trial_attributes, trial_system_attributes, intermediate_values, trial_heartbeats,
)  # fmt: skip
OF_STUDIES = (study_directions, study_attributes, study_system_attributes)


def artifact_ids(database: Database) -> dict[str, set[str]]:
    """The names in the artefact store of the files of every study that has some."""
    of_trials = (
        select(studies.c.study_name, trial_system_attributes.c.value_json)
        .join_from(trial_system_attributes, trials, trial_system_attributes.c.trial_id == trials.c.trial_id)
        .join(studies, trials.c.study_id == studies.c.study_id)
        .where(trial_system_attributes.c.key.startswith(PREFIX))
    )
    of_studies = (
        select(studies.c.study_name, study_system_attributes.c.value_json)
        .join_from(study_system_attributes, studies, study_system_attributes.c.study_id == studies.c.study_id)
        .where(study_system_attributes.c.key.startswith(PREFIX))
    )
    found: defaultdict[str, set[str]] = defaultdict(set)
    with database.read() as connection:
        for query in (of_trials, of_studies):
            for name, text in connection.execute(query):
                # Optuna keeps the JSON of a text that is JSON.
                found[name].add(str(json.loads(json.loads(text))["artifact_id"]))
    return dict(found)


def remove_study(database: Database, name: str) -> None:
    """Remove a run and its study: trials, progress, jobs. Files are left to the caller.

    Raises:
        RunBusyError: it waits, runs, or has jobs on an endpoint that may still cost money.
        UnknownRunError: there is neither a run nor a study of this name.
    """
    _refuse_busy(database, name)
    with database.write() as connection:
        study = connection.execute(select(studies.c.study_id).where(studies.c.study_name == name)).scalar()
        known = connection.execute(select(runs.c.run_name).where(runs.c.run_name == name)).scalar()
        if study is None and known is None:
            raise UnknownRunError(f"run_name must be a known run or study, got {name!r}")
        if study is not None:
            _remove_rows(connection, int(study))
        for table in (progress, live, stops, notices, jobs, runs):
            connection.execute(delete(table).where(table.c.run_name == name))


def _refuse_busy(database: Database, name: str) -> None:
    try:
        run = Runs(database).get(name)
    except UnknownRunError:
        return
    if not run.state.is_final:
        raise RunBusyError(f"{name} is {run.state.value}: stop it on Monitor before it is deleted")
    query: Select[tuple[str]] = (
        select(jobs.c.job_id).where(jobs.c.run_name == name, jobs.c.state.notin_(FINAL_STATES)).limit(1)
    )
    with database.read() as connection:
        job = connection.execute(query).scalar()
    if job is not None:
        raise RunBusyError(
            f"{name} has a job on RunPod that is not over ({job}): it is cancelled when the next run on that endpoint "
            "starts; delete it after that"
        )


def _remove_rows(connection: Connection, study: int) -> None:
    """A study's rows in Optuna's tables; what refers to others goes first."""
    own = select(trials.c.trial_id).where(trials.c.study_id == study)
    for table in OF_TRIALS:
        connection.execute(delete(table).where(table.c.trial_id.in_(own)))
    connection.execute(delete(trials).where(trials.c.study_id == study))
    for table in OF_STUDIES:
        connection.execute(delete(table).where(table.c.study_id == study))
    connection.execute(delete(studies).where(studies.c.study_id == study))
