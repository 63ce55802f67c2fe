"""Tests of the storage that a run uses: reads that waiting workers share, attributes in one transaction."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
import sqlalchemy
import sqlalchemy.exc
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState

from storage.database import Database
from storage.run_storage import RunStorage

WAIT_S = 20.0


class SlowStorage(RDBStorage):
    """Counts its reads; each waits until it may go on."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.reads = 0
        self.begun, self.go_on = threading.Semaphore(0), threading.Semaphore(0)
        self.slow = False

    def _get_trials(self, *arguments: object, **named: object) -> list[optuna.trial.FrozenTrial]:
        self.reads += 1
        found = super()._get_trials(*arguments, **named)  # type: ignore[arg-type]
        if self.slow:
            self.begun.release()
            assert self.go_on.acquire(timeout=WAIT_S)
        return found


class AskedLock:
    """A lock that tells of each who asks for it, before he has it."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self.asked.release()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[SlowStorage]:
    storage = SlowStorage(f"sqlite:///{tmp_path}/onegin.db")
    yield storage
    storage.remove_session()
    storage.engine.dispose()


def in_threads(storage: RunStorage, study_id: int, count: int) -> tuple[list[threading.Thread], list[int]]:
    """Readers, started; the numbers of trials that each has seen."""
    seen: list[int] = []
    threads = [
        threading.Thread(target=lambda: seen.append(len(storage.get_all_trials(study_id, deepcopy=False))))
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    return threads, seen


def test_those_who_wait_for_a_read_share_the_next_one(backend: SlowStorage) -> None:
    storage = RunStorage(backend)
    study_id = storage.create_new_study([StudyDirection.MAXIMIZE], "run")
    storage.create_new_trial(study_id)
    backend.slow = True
    lock = AskedLock()
    storage._reading = lock  # type: ignore[assignment]
    first, seen_first = in_threads(storage, study_id, 1)
    assert backend.begun.acquire(timeout=WAIT_S)  # it has read one trial, and is still busy
    backend._create_new_trial(study_id)
    waiting, seen = in_threads(storage, study_id, 20)
    for _ in first + waiting:
        assert lock.asked.acquire(timeout=WAIT_S)
    backend.go_on.release(len(first + waiting))
    for thread in first + waiting:
        thread.join(WAIT_S)
    assert seen_first == [1]
    assert seen == [2] * 20, "a reader must see what was there when it asked"
    assert backend.reads == 2, "one more is enough for all who waited"


def test_one_after_the_other_each_reads(backend: SlowStorage) -> None:
    storage = RunStorage(backend)
    study_id = storage.create_new_study([StudyDirection.MAXIMIZE], "run")
    for count in range(1, 4):
        backend._create_new_trial(study_id)
        assert len(storage.get_all_trials(study_id)) == count
    assert backend.reads == 3


def test_studies_do_not_share(backend: SlowStorage) -> None:
    storage = RunStorage(backend)
    one = storage.create_new_study([StudyDirection.MAXIMIZE], "one")
    two = storage.create_new_study([StudyDirection.MAXIMIZE], "two")
    storage.get_all_trials(one)
    backend._create_new_trial(two)
    assert len(storage.get_all_trials(two)) == 1
    assert storage.get_all_trials(one) == []


def test_nobody_is_content_with_a_read_that_failed(tmp_path: Path) -> None:
    class Failing(SlowStorage):
        fails = 1

        def _get_trials(self, *arguments: object, **named: object) -> list[optuna.trial.FrozenTrial]:
            if self.fails:
                self.fails -= 1
                self.begun.release()
                assert self.go_on.acquire(timeout=WAIT_S)
                raise OSError("the disk is away")
            return super()._get_trials(*arguments, **named)

    backend = Failing(f"sqlite:///{tmp_path}/onegin.db")
    storage = RunStorage(backend)
    study_id = storage.create_new_study([StudyDirection.MAXIMIZE], "run")
    backend._create_new_trial(study_id)
    lock = AskedLock()
    storage._reading = lock  # type: ignore[assignment]
    errors: list[BaseException] = []

    def fail() -> None:
        try:
            storage.get_all_trials(study_id)
        except OSError as error:
            errors.append(error)

    # Both ask before any read is done: the second one waits behind the one that fails.
    first = threading.Thread(target=fail)
    first.start()
    assert backend.begun.acquire(timeout=WAIT_S)
    second, seen = in_threads(storage, study_id, 1)
    for _ in [first, *second]:
        assert lock.asked.acquire(timeout=WAIT_S)
    backend.go_on.release()
    for thread in [first, *second]:
        thread.join(WAIT_S)
    assert len(errors) == 1 and seen == [1]
    backend.remove_session()
    backend.engine.dispose()


def test_a_study_with_many_workers_is_as_with_optunas_own_storage(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/onegin.db")
    study = optuna.create_study(study_name="run", storage=RunStorage(database.optuna_storage()))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1) + trial.suggest_int("n", 1, 3), n_trials=30, n_jobs=8)
    found = optuna.load_study(study_name="run", storage=database.optuna_storage()).trials
    assert [trial.number for trial in found] == list(range(30))
    assert all(trial.state is TrialState.COMPLETE and set(trial.params) == {"x", "n"} for trial in found)
    assert study.best_value == min(trial.value for trial in found if trial.value is not None)
    database.close()


@pytest.mark.parametrize("state", [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL])
def test_a_trials_attributes_come_with_its_end_in_one_transaction(backend: SlowStorage, state: TrialState) -> None:
    storage = RunStorage(backend)
    study_id = storage.create_new_study([StudyDirection.MAXIMIZE], "run")
    one, other = storage.create_new_trial(study_id), storage.create_new_trial(study_id)
    commits: list[object] = []
    sqlalchemy.event.listen(backend.engine, "commit", commits.append)
    told = {f"attribute {number}": [number, "ü"] for number in range(20)}
    for key, value in {"attribute 3": "first", **told}.items():
        storage.set_trial_user_attr(one, key, value)
    storage.set_trial_user_attr(other, "mine", 1)
    assert commits == []
    storage.set_trial_state_values(one, state, [0.5] if state is TrialState.COMPLETE else None)
    assert len(commits) == 2, "the attributes, and the state"
    assert backend.get_trial(one).user_attrs == told and backend.get_trial(one).state is state
    assert backend.get_trial(other).user_attrs == {}, "that trial has not ended"
    storage.set_trial_state_values(other, state, [0.5] if state is TrialState.COMPLETE else None)
    assert backend.get_trial(other).user_attrs == {"mine": 1}


def test_attributes_that_could_not_be_written_are_kept(backend: SlowStorage) -> None:
    storage = RunStorage(backend)
    trial = storage.create_new_trial(storage.create_new_study([StudyDirection.MAXIMIZE], "run"))
    storage.set_trial_user_attr(trial, "outcome", "complete")

    def away(*_: object) -> None:
        raise sqlalchemy.exc.OperationalError("INSERT", {}, OSError("the disk is away"))

    sqlalchemy.event.listen(backend.engine, "before_cursor_execute", away)
    with pytest.raises(optuna.exceptions.StorageInternalError):
        storage.set_trial_state_values(trial, TrialState.COMPLETE, [1.0])
    sqlalchemy.event.remove(backend.engine, "before_cursor_execute", away)
    assert backend.get_trial(trial).state is TrialState.RUNNING
    storage.set_trial_state_values(trial, TrialState.COMPLETE, [1.0])
    assert backend.get_trial(trial).user_attrs == {"outcome": "complete"}


def test_a_heartbeat_that_cannot_be_written_is_logged_and_the_next_one_counts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(f"sqlite:///{tmp_path}/onegin.db")
    storage = RunStorage(database.optuna_storage())
    trial = storage.create_new_trial(storage.create_new_study((StudyDirection.MAXIMIZE,), "beating"))
    with database.engine.begin() as connection:
        connection.execute(sqlalchemy.text("ALTER TABLE trial_heartbeats RENAME TO elsewhere"))
    storage.record_heartbeat(trial)
    assert "heartbeat of a trial could not be written: " in caplog.text and "no such table" in caplog.text
    with database.engine.begin() as connection:
        connection.execute(sqlalchemy.text("ALTER TABLE elsewhere RENAME TO trial_heartbeats"))
    storage.record_heartbeat(trial)
    with database.read() as connection:
        beats = connection.execute(sqlalchemy.text("SELECT count(*) FROM trial_heartbeats")).scalar_one()
    database.close()
    assert beats == 1
