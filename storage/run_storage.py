"""Optuna's storage for a run with many workers: fewer ways to the database than Optuna alone would take."""

from __future__ import annotations

import datetime
import json
import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.storages._cached_storage import _CachedStorage
from optuna.storages._rdb.models import TrialUserAttributeModel
from optuna.storages._rdb.storage import _create_scoped_session
from sqlalchemy import and_, case, func, not_, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from storage.database import Database
from storage.tables import studies, trial_attributes, trials

_log = logging.getLogger("onegin.storage")


class RunStorage(_CachedStorage):
    """Optuna's own cache over a database, with shared reads, one transaction for a trial's user attributes, and one
    worker for each trial.

    Reads: before each trial every worker reads all trials, and the running ones anew each time. With 64 workers this
    is most of what a run costs: each reads what the one before it has just read. Here a reader that had to wait is
    content with a read that began after it had asked, so it sees no older state than with a read of its own.

    User attributes: a trial has some twenty, and Optuna writes each in a transaction of its own. Here they are kept
    until the trial's state is told, which happens at its end, and are written in one. Until then no other process
    sees them; those of a trial that is killed before its end are lost with it.

    Enqueued trials: each is taken by one worker. SQLite has no lock for a row, so of two workers that look at the same
    time Optuna alone gives both the same trial.

    Optuna has no public place for these; what is overridden are the methods that read and that write those.

    Args:
        backend: storage that is read from and written to.
    """

    def __init__(self, backend: optuna.storages.RDBStorage) -> None:
        super().__init__(backend)
        self._reading = threading.Lock()
        self._begun: Counter[int] = Counter()  # reads that were begun, by study
        self._done: Counter[int] = Counter()  # the newest of them that succeeded
        self._taking = threading.Lock()
        self._unwritten: defaultdict[int, dict[str, Any]] = defaultdict(dict)  # user attributes, by trial

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._unwritten[trial_id][key] = value

    def set_trial_state_values(
        self, trial_id: int, state: optuna.trial.TrialState, values: Sequence[float] | None = None
    ) -> bool:
        if trial_id in self._unwritten:
            self._write_user_attributes(trial_id)
        if state is not optuna.trial.TrialState.RUNNING:
            return super().set_trial_state_values(trial_id, state, values)
        with self._taking:
            return super().set_trial_state_values(trial_id, state, values)

    def record_heartbeat(self, trial_id: int) -> None:
        """One that fails is logged and the next is tried: raised, it would end the beats of a trial that still runs."""
        try:
            super().record_heartbeat(trial_id)
        except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
            _log.warning("the heartbeat of a trial could not be written: %s", error.__cause__ or error)

    def fail_past(self, trial_id: int, attributes: Mapping[str, Any], ended_at: datetime.datetime) -> None:
        """End a trial that nobody trains any more as failed, with `attributes`, at the time of its last sign of life.

        Optuna would take the time of this call, perhaps days later, for its end.
        """
        for key, value in attributes.items():
            self.set_trial_user_attr(trial_id, key, value)
        self.set_trial_state_values(trial_id, optuna.trial.TrialState.FAIL)
        with _create_scoped_session(self._backend.scoped_session) as session:
            session.execute(update(trials).where(trials.c.trial_id == trial_id).values(datetime_complete=ended_at))

    def _get_stale_trial_ids(self, study_id: int) -> list[int]:
        """None: a study has one runner, which knows its own trials, and ends those of a dead one when it begins.

        Optuna would take the trials of a machine that slept for dead, and end them under their workers' hands.
        """
        return []

    def _write_user_attributes(self, trial_id: int) -> None:
        with _create_scoped_session(self._backend.scoped_session, True) as session:
            for key, value in self._unwritten[trial_id].items():
                self._backend._set_trial_attr_without_commit(session, TrialUserAttributeModel, trial_id, key, value)
        del self._unwritten[trial_id]

    def _read_trials_from_remote_storage(self, study_id: int) -> None:
        asked = self._begun[study_id]
        with self._reading:
            if self._done[study_id] > asked:
                return
            self._begun[study_id] += 1
            super()._read_trials_from_remote_storage(study_id)
            self._done[study_id] = self._begun[study_id]


def count_trials(database: Database, study_name: str, *, without_outcomes: Sequence[str]) -> tuple[int, int]:
    """All trials of a study that were begun; and those of them that are over with an outcome that is none of these."""
    ended = trials.c.state.in_(("COMPLETE", "PRUNED", "FAIL"))
    outcome = and_(trial_attributes.c.trial_id == trials.c.trial_id, trial_attributes.c.key == "outcome")
    left_out = trial_attributes.c.value_json.in_([json.dumps(word) for word in without_outcomes])
    counted = case((and_(ended, or_(left_out.is_(None), not_(left_out))), 1), else_=0)
    query = (
        select(func.count(), func.sum(counted))
        .select_from(trials.join(studies, trials.c.study_id == studies.c.study_id).outerjoin(trial_attributes, outcome))
        .where(studies.c.study_name == study_name, trials.c.state != "WAITING")
    )
    with database.read() as connection:
        n_trials, n_counted = connection.execute(query).one()
    return int(n_trials), int(n_counted or 0)
