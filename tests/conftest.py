"""Fixtures for all tests: a database, a results folder and a cache of their own."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from hpo_core.settings import Settings
from storage.database import Database, close_databases, open_database


def pytest_collection_finish() -> None:
    """Streamlit collects garbage after every redraw. It shall not look through TensorFlow, which other tests have
    loaded, each time: that takes longer than to draw a page."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _quiet_optuna() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Settings that touch nothing outside the test's own folder, except for the data sets that are read."""
    datasets_dir = os.environ.get("ONEGIN_DATASETS_DIR")
    yield Settings(
        storage_url=f"sqlite:///{tmp_path / 'results' / 'onegin.db'}",
        results_dir=tmp_path / "results",
        datasets_dir=Path(datasets_dir) if datasets_dir else None,
        cache_dir=tmp_path / "cache",
    )
    close_databases()


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without rows, to be copied: to make its tables takes longer than most tests that need them."""
    file = tmp_path_factory.mktemp("tables") / "onegin.db"
    Database(f"sqlite:///{file}").close()
    return file


@pytest.fixture
def database(settings: Settings, tables: Path) -> Database:
    settings.results_dir.mkdir(exist_ok=True)  # a fixture before may have put something there
    shutil.copy(tables, settings.results_dir)
    return open_database(settings.storage_url)
