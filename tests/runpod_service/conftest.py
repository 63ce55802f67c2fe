"""Fixtures of the tests of remote trials: a service on loopback, and a run that uses it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import delete

from storage.database import Database
from storage.tables import jobs
from tests.runpod_service.server import KEY, Service, served
from tests.runpod_service.stand import PATIENCE_S, Stand


@pytest.fixture(scope="session")
def jobs_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('jobs') / 'onegin.db'}")
    yield database
    database.close()


@pytest.fixture
def service() -> Iterator[Service]:
    with served() as service:
        yield service


@pytest.fixture
def stand(service: Service, jobs_database: Database) -> Iterator[Stand]:
    with jobs_database.write() as connection:
        connection.execute(delete(jobs))
    stand = Stand(service, jobs_database)
    yield stand
    service.gate.set()
    service.out_of_order(None)
    service.key = KEY
    for site in stand.sites:
        assert site.capacity.wait_until_free(PATIENCE_S), "a slot was not given back"
        site.canceller.close()
    names = [thread.name for thread in threading.enumerate()]
    assert "remote trial" not in names and "canceller" not in names, names
