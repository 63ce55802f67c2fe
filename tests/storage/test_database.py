"""Tests of opening the database."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ArgumentError

from storage.database import Database, open_database, place_of
from storage.errors import StorageUnavailableError
from storage.progress import ProgressTable, TrialProgress
from storage.runs import Runs


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "write an SQLAlchemy address"),
        ("oracel://x/y", "write an SQLAlchemy address"),
        ("sqlite:////proc/nowhere/onegin.db", "/proc/nowhere"),
        ("postgresql+psycopg2://user:geheim@127.0.0.1:1/none", "ONEGIN_STORAGE_URL"),
        ("postgresql+psycopg2://user@127.0.0.1:1/none?password=geheim", "postgresql: 127.0.0.1:1/none"),
        ("postgresql://user@geheim:port/none", "write an SQLAlchemy address"),
        ("postgresql://user:geheim/x:geheim@host/none", "ONEGIN_STORAGE_URL"),
        ("postgresql://user:geheim/x:geheim", "write an SQLAlchemy address"),
        ("postgresql://user:ge@geheim@host/none", "an @ in a password must be written as %40"),
        ("postgresql://user:ge@geheim/x@host/none", "an @ in a password must be written as %40"),
        ("postgresql://user:ge@he:geheim@host/none", "write an SQLAlchemy address"),
        ("sqlite:///:memory:?timeout=geheim", "one of its options cannot be used"),
    ],
)
def test_what_cannot_be_opened_is_one_sentence_without_the_password(url: str, said: str) -> None:
    with pytest.raises(StorageUnavailableError) as refused:
        Database(url)
    assert said in str(refused.value) and "geheim" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "onegin.db"
    file.write_text("this is no database, but long enough to be taken for one" * 100)
    with pytest.raises(StorageUnavailableError, match="not a database"):
        Database(f"sqlite:///{file}")


def test_one_per_process_and_in_wal_mode(database: Database) -> None:
    assert open_database(database.url) is database
    with database.read() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"


def test_many_threads_write(database: Database) -> None:
    runs = Runs(database)
    threads = [
        threading.Thread(target=runs.create, args=(f"run-{number}",), kwargs={"owner": "x:1", "trials": 1})
        for number in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runs.list()) == 20


def test_processes_that_meet_at_an_empty_database(tmp_path: Path) -> None:
    code = f"from storage.database import Database; Database('sqlite:///{tmp_path / 'onegin.db'}')"
    processes = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) for _ in range(4)]
    errors = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, errors


def test_a_database_of_an_earlier_version_gets_what_came_later(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'onegin.db'}"
    earlier = Database(url)
    row = TrialProgress(3, "training", 1, 2, 0.5, 1.0, 2.0, processor_percent=150.0)
    ProgressTable(earlier, "a").write([row], [])
    with earlier.write() as connection:
        connection.execute(text("ALTER TABLE onegin_progress DROP COLUMN processor_percent"))
    earlier.engine.dispose()
    table = ProgressTable(Database(url), "a")
    assert table.read() == [dataclasses.replace(row, processor_percent=None)]
    table.write([row], [])
    assert table.read() == [row]


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("sqlite:////data/onegin.db", "sqlite: /data/onegin.db"),
        ("postgresql+psycopg2://eve:geheim@db.example:5433/hpo?password=geheim", "postgresql: db.example:5433/hpo"),
        ("mysql+pymysql://db.example", "mysql: db.example/"),
    ],
)
def test_the_place_of_a_database_is_told_without_its_secrets(url: str, place: str) -> None:
    assert place_of(url) == place


@pytest.mark.parametrize("url", ["postgresql://user@host:geheim/none", "postgresql://user:ge@geheim@host/none"])
def test_what_is_no_address_is_told_without_a_piece_of_it(url: str) -> None:
    with pytest.raises(ArgumentError) as refused:
        place_of(url)
    assert "geheim" not in str(refused.value)
