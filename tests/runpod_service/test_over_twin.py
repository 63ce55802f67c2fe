"""Tests of remote trials with everything genuine: the SDK's worker, our handler, TensorFlow, and our client."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from hpo_core.job_book import JobBook
from hpo_core.local.pool import WorkerPool
from hpo_core.local.process import ProcessSpec
from hpo_core.local.trainer import LocalTrainer
from hpo_core.logs import RunLog
from hpo_core.prices import Ledger
from hpo_core.records import Batch, Epoch, Finished, Record, Snapshot, Started, Trainer
from hpo_core.settings import RunPodSettings, Settings
from hpo_core.trial_config import TrialConfig
from runpod_service.cancelling import Canceller
from runpod_service.client import Client, Limits
from runpod_service.limits import Capacity
from runpod_service.protocol import Policy, Request, result_of
from runpod_service.site import Site
from runpod_service.trainer import RunPodTrainer
from runpod_service.twin.launch import Twin
from storage.database import Database
from tests.contracts.trainer import TrainerContract
from tests.runpod_service.stand import wait_for
from tests.stubs import make_config

pytestmark = pytest.mark.slow

# On a busy machine; a training that goes on would take minutes.
USED_S, SLOW_S, ENDED_S = 0.2, 10.0, 30.0
READY_S = 120.0
# What differs between two trainings of the same configuration.
CLOCKS = {"number", "process", "seconds", "duration_s"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("over_twin")


@pytest.fixture(scope="module")
def twin(folder: Path) -> Iterator[Twin]:
    with Twin.start(2, environment={"XDG_CACHE_HOME": str(folder / "cache")}) as twin:
        twin.wait_until_ready(READY_S)
        yield twin


@pytest.fixture(scope="module")
def site(twin: Twin, folder: Path) -> Iterator[Site]:
    settings = RunPodSettings(twin.api_key, twin.endpoint_id, twin.url)
    database, limits, log = Database(f"sqlite:///{folder / 'onegin.db'}"), Limits(), RunLog("over-twin")
    book = JobBook(database, "over-twin", twin.url, Ledger("24gb", 1, None), price="24gb")
    canceller = Canceller(lambda: Client(settings, limits), book, None, log)
    yield Site(
        settings=settings, class_names=[], policy=Policy(600, 900), book=book, canceller=canceller, store=None,
        local=None, capacity=Capacity(2), log=log, limits=limits, poll_s=0.1,
    )  # fmt: skip
    canceller.close()
    database.close()


@pytest.fixture
def trainer(site: Site) -> Trainer:
    return RunPodTrainer(site, 0)


@pytest.fixture(scope="module")
def local(folder: Path) -> Iterator[Trainer]:
    settings = Settings("sqlite://", folder / "results", None, folder / "cache" / "onegin" / "datasets")
    pool = WorkerPool(settings, ProcessSpec(threads=1), workers=1)
    yield LocalTrainer(pool)
    pool.close()


class TestRunPodTrainer(TrainerContract):
    @pytest.fixture
    def trainer(self, site: Site) -> Trainer:
        return RunPodTrainer(site, 0)


def lasting(trainer: Trainer, config: TrialConfig) -> list[dict[str, Any]]:
    """The records that matter, without clocks."""
    with closing(cast("Generator[Record]", trainer(config))) as records:
        kept = [record for record in records if isinstance(record, Started | Epoch | Snapshot | Finished)]
    fields = [{"kind": record.kind, **dataclasses.asdict(record)} for record in kept]
    return [{name: value for name, value in field.items() if name not in CLOCKS} for field in fields]


@pytest.mark.parametrize("share", [50.0, 100.0])
@pytest.mark.parametrize("dataset", ["digits", "generated_text"])
def test_equal_to_the_last_bit(dataset: str, share: float, trainer: Trainer, local: Trainer) -> None:
    config = dataclasses.replace(make_config(dataset, epochs=1), sample_percentage=share)
    remote, here = lasting(trainer, config), lasting(local, config)
    assert remote[0]["n_train"] == here[0]["n_train"] > 0
    assert remote == here


def training_processes(twin: Twin) -> list[psutil.Process]:
    """Processes below the twin that train: each worker's own child."""
    found = []
    for process in psutil.Process(twin.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "hpo_core.training.worker" in " ".join(process.cmdline()):
                found.append(process)
    return found


def used_s(process: psutil.Process) -> float:
    """Seconds of processor time so far; nothing more of one that is over."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def busy(processes: list[psutil.Process], within_s: float = 2.0) -> list[psutil.Process]:
    """Those that use the processor, as soon as there are any; none where none does within so long."""
    deadline = time.monotonic() + within_s
    before = {process: used_s(process) for process in processes}
    while time.monotonic() < deadline:
        if those := [process for process in processes if used_s(process) - before[process] > USED_S]:
            return those
        time.sleep(0.05)
    return []


def test_closing_stops_the_training(twin: Twin, trainer: Trainer) -> None:
    with closing(cast("Generator[Record]", trainer(make_config(epochs=500)))) as records:
        next(record for record in records if isinstance(record, Batch | Epoch))
        trains = busy(training_processes(twin), SLOW_S)
        assert trains
        asked = time.monotonic()
    while busy(trains):
        assert time.monotonic() - asked < ENDED_S, "it goes on"
    wait_for(lambda: {job["state"] for job in twin.state()["jobs"]} <= {"COMPLETED", "CANCELLED"})


def test_a_worker_killed_in_the_middle_costs_no_trial(twin: Twin, trainer: Trainer) -> None:
    epochs: list[int] = []
    last: Record | None = None
    with closing(cast("Generator[Record]", trainer(make_config(epochs=40)))) as records:
        for last in records:
            if isinstance(last, Epoch):
                epochs.append(last.epoch)
                if last.epoch == 2:
                    assert twin.kill_worker() is not None
    assert isinstance(last, Finished)
    assert epochs == list(range(1, 41))


def test_the_genuine_client_of_the_sdk_drives_our_handler(twin: Twin) -> None:
    import runpod

    request = Request(make_config(epochs=1), "genuine/trial_0")
    runpod.endpoint_url_base, before = twin.url, runpod.endpoint_url_base
    try:
        job = runpod.Endpoint(twin.endpoint_id, api_key=twin.api_key).run({"input": request.as_input()})
        chunks = list(job.stream())
        result = result_of(job.output(timeout=60))
    finally:
        runpod.endpoint_url_base = before
    assert job.status() == "COMPLETED"
    assert [record["kind"] for chunk in chunks for record in chunk.get("records", []) if record["kind"] == "epoch"]
    assert isinstance(result.records[-1], Finished)


def test_no_process_is_left(twin: Twin) -> None:
    """The last test of this module: workers are idle, and nothing trains."""
    assert os.getpid() in [parent.pid for parent in psutil.Process(twin.pid).parents()]
    assert not busy(training_processes(twin))
