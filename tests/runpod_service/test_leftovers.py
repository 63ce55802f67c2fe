"""Tests of what stays in the store: nothing that is of no use any more, and all that is."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from moto.server import ThreadedMotoServer

from hpo_core.backends import Order
from hpo_core.logs import RunLog
from hpo_core.machine import Machine
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.settings import S3Settings, Settings
from hpo_core.trial_config import FINAL
from runpod_service.backend import RunPodBackend
from runpod_service.protocol import StoredFile
from runpod_service.s3 import S3Store
from runpod_service.trainer import RunPodTrainer
from storage.database import Database
from storage.runs import Runs, RunState
from tests.runpod_service.s3_relay import genuine
from tests.runpod_service.server import Service, trained
from tests.runpod_service.stand import CONFIG, RUN, Stand, read
from tests.stubs import records_of as script_of

PICTURE, KEYS = b"picture", [f"{RUN}/trial_1/abc/one.png", f"{RUN}/trial_2/def/one.png"]
MACHINE = Machine(cores=4, memory_bytes=8_000_000_000)


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Settings]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    genuine(url).create_bucket(Bucket="volume")
    yield S3Settings(url, "volume", "us-east-1", access_key="k", secret_key="s")
    server.stop()
    assert server._server is not None
    server._server.server_close()


@pytest.fixture
def backend(settings: Settings, database: Database, service: Service, s3: S3Settings) -> RunPodBackend:
    """Of a run that this process owns."""
    Runs(database).create(RUN, owner="here:1", trials=3)
    Runs(database).begin(RUN)
    config = OptimizationConfig(trials=3, run_name=RUN, backend="runpod", workers=1)
    settings = dataclasses.replace(settings, runpod=service.settings, s3=s3)
    return RunPodBackend(Order(RUN, config, settings, MACHINE, 1, 1, [], database, RunLog(RUN)))


@pytest.fixture
def store(s3: S3Settings, tmp_path: Path) -> Iterator[S3Store]:
    """Holds a file of each of two trials."""
    store = S3Store(s3)
    (tmp_path / "one.png").write_bytes(PICTURE)
    for key in KEYS:
        store.upload(tmp_path / "one.png", key)
    yield store
    store.delete_prefix(f"{RUN}/")


def left(store: S3Store) -> list[str]:
    return [key for key, _ in store.list(f"{RUN}/")]


def test_a_run_leaves_nothing(backend: RunPodBackend, store: S3Store) -> None:
    backend.close()
    assert left(store) == []


def test_a_run_that_goes_on_elsewhere_keeps_its_files(
    backend: RunPodBackend, store: S3Store, database: Database
) -> None:
    Runs(database).end(RUN, RunState.FAILED)
    Runs(database).take_over(RUN, owner="elsewhere:2", trials=3)
    backend.close()
    assert left(store) == KEYS


def test_what_is_nowhere_else_stays(backend: RunPodBackend, store: S3Store) -> None:
    backend.site.kept.add(f"{RUN}/trial_1/abc")
    backend.close()
    assert left(store) == KEYS[:1]


class Folder:
    """A store whose files can be fetched, or not; it keeps the prefixes that were deleted."""

    def __init__(self, full: bool) -> None:
        self.full, self.deleted = full, list[str]()

    def download(self, _key: str, target: Path, **_: object) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        target.write_bytes(PICTURE)

    def delete_prefix(self, prefix: str) -> None:
        self.deleted.append(prefix)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("part", ["", FINAL])
def test_what_could_not_be_fetched_stays_in_the_store(stand: Stand, service: Service, part: str, full: bool) -> None:
    config = dataclasses.replace(CONFIG, part=part or CONFIG.part, plots="none")
    script = trained(script_of(config))
    file = StoredFile("one.bin", len(PICTURE), hashlib.sha256(PICTURE).hexdigest())
    cast("Any", script.output)[-1]["result"]["files"] = [dataclasses.asdict(file)]
    service.write = lambda *_: script
    folder = Folder(full)
    site = stand.site(store=folder)
    read(RunPodTrainer(site, 0), config)
    key = service.jobs["job-0"].asked["input"]["key"]
    assert (folder.deleted, site.kept) == (([], {key}) if full else ([f"{RUN}/trial_0/"], set()))
