"""Databases in the four states in which every page must open."""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import optuna
import pytest
import streamlit as st
from optuna.trial import TrialState, create_trial
from sqlalchemy import update
from streamlit.components.v2 import manifest_scanner

from hpo_core.optimization_config import OptimizationConfig
from hpo_core.parameters import Architecture, defaults
from hpo_core.trial_config import TrialConfig
from pages.parts import shared
from storage.database import Database, close_databases, open_database
from storage.progress import ProgressTable, TrialProgress
from storage.runs import Runs, RunState
from storage.tables import runs

EMPTY, RUNNING, FINISHED, FAILED = "empty", "running", "finished", "failed"
SLOW_S = 600.0
STATES = (EMPTY, RUNNING, FINISHED, FAILED)
FAILURE = "10 trials in a row failed; the last one: MemoryError: out of memory"


@pytest.fixture(scope="session", autouse=True)
def _components_found_once() -> Iterator[None]:
    """For each page under test Streamlit looks for components in all installed packages, which takes longer than the
    page itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture
def database(tmp_path: Path, tables: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """An empty database that the pages read."""
    shutil.copy(tables, tmp_path)
    monkeypatch.setenv("ONEGIN_RESULTS_DIR", str(tmp_path / "results"))
    monkeypatch.setenv("ONEGIN_STORAGE_URL", f"sqlite:///{tmp_path / 'onegin.db'}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("ONEGIN_DATASETS_DIR", "RUNPOD_API_KEY", "RUNPOD_ENDPOINT_ID", "RUNPOD_ENDPOINT_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    _forget()
    yield open_database(os.environ["ONEGIN_STORAGE_URL"])
    _forget()


@pytest.fixture
def fill(database: Database) -> Callable[[str], None]:
    """Brings the database into one of the four states."""
    makers: dict[str, Callable[[Database], None]] = {
        EMPTY: lambda _: None, RUNNING: make_running, FINISHED: make_finished, FAILED: make_failed,
    }  # fmt: skip
    return lambda state: makers[state](database)


def _forget() -> None:
    close_databases()
    if shared.model_desk.cache_info().currsize:
        shared.model_desk().close()
    if shared.tensorboard.cache_info().currsize:
        shared.tensorboard().close()
    for cached in (
        shared.settings,
        shared.manager,
        shared.machine,
        shared.remote,
        shared.endpoint_watch,
        shared.model_desk,
        shared.tensorboard,
    ):
        cached.cache_clear()
    st.cache_resource.clear()
    st.cache_data.clear()


def make_run(database: Database, name: str, trials: int, **more: object) -> optuna.Study:
    """A run that has begun, with its study; `more` is what else it was told."""
    Runs(database).create(name, owner=f"{socket.gethostname()}:{os.getpid()}", trials=trials)
    Runs(database).begin(name)
    study = optuna.create_study(study_name=name, storage=database.optuna_storage(), direction="maximize")
    config = OptimizationConfig.from_mapping(
        {"trials": trials, "max_epochs_per_trial": 4, "workers": 2, "run_name": name, **more}
    )
    study.set_user_attr("configuration", config.as_dict())
    return study


def add_trial(
    study: optuna.Study,
    accuracy: float,
    state: TrialState = TrialState.COMPLETE,
    more: Mapping[str, object] | None = None,
) -> None:
    """A trial as a run leaves it behind, with `more` attributes."""
    config = TrialConfig(
        dataset="digits", architecture=Architecture.CNN, seed=1, split_seed=42, sample_percentage=100.0,
        validation_split=0.2, test_split=0.2, threads=1, replicas=1, hyperparameters=defaults(Architecture.CNN),
    )  # fmt: skip
    failed = state is TrialState.FAIL
    attributes: dict[str, object] = {
        "configuration": config.to_json(), "architecture": "Conv 16-32, dense 64, adam 0.001, batch 64",
        "parameters": 12345, "duration_s": 4.5, "outcome": "crashed" if failed else "complete",
        "reason": "MemoryError: out of memory" if failed else "",
        **(more or {}),
    }  # fmt: skip
    study.add_trial(
        create_trial(
            state=state,
            value=accuracy if state is TrialState.COMPLETE else None,
            params={"filters": 16, "learning_rate": 0.001},
            distributions={
                "filters": optuna.distributions.IntDistribution(8, 32, step=8),
                "learning_rate": optuna.distributions.FloatDistribution(5e-4, 4e-3, log=True),
            },
            user_attrs=attributes if failed else attributes | {"accuracy": accuracy},
            intermediate_values={epoch: accuracy * epoch / 4 for epoch in range(1, 5)},
        )
    )


def make_running(database: Database) -> None:
    study = make_run(database, "digits-now", 6)
    add_trial(study, 0.91)
    add_trial(study, 0.9836)
    with warnings.catch_warnings():
        # Optuna's heartbeat belongs to study.optimize; here it has nobody to watch.
        warnings.simplefilter("ignore", UserWarning)
        study.ask()
    progress = TrialProgress(
        trial=2, phase="training", epoch=3, epochs=4, share=0.5, started_at=time.time() - 5, updated_at=time.time(),
        loss=0.412, accuracy=0.87, validation_accuracy=0.9, memory_mb=600.0,
        processor_percent=150.0, process=12345, summary="Conv 8-16, adam 0.001, batch 32",
    )  # fmt: skip
    ProgressTable(database, "digits-now").write([progress], [])
    with database.write() as connection:  # nobody gives the run's signs of life: one must do for the slowest machine
        connection.execute(
            update(runs).where(runs.c.run_name == "digits-now").values(heartbeat_at=time.time() + SLOW_S)
        )


def make_finished(database: Database) -> None:
    study = make_run(database, "digits-done", 3)
    for accuracy in (0.91, 0.9836, 0.95):
        add_trial(study, accuracy)
    Runs(database).end("digits-done", RunState.FINISHED)


def make_failed(database: Database) -> None:
    study = make_run(database, "digits-failed", 3)
    for _ in range(2):
        add_trial(study, 0.1, TrialState.FAIL)
    Runs(database).end("digits-failed", RunState.FAILED, FAILURE)


def make_plain(database: Database) -> None:
    """A study of plain Optuna: none of our attributes, no run."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(study_name="plain", storage=database.optuna_storage())
    study.optimize(lambda trial: (trial.suggest_float("x", -1, 1) - 0.5) ** 2, n_trials=4)


def configuration_of(text: object) -> dict[str, object]:
    """The configuration that a trial's attribute holds."""
    fields = json.loads(str(text))
    assert isinstance(fields, dict)
    return fields
