"""Tests of the backend 'runpod': whole runs with a real runner against a service of our own."""

from __future__ import annotations

import csv
import dataclasses
import functools
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hpo_core.backends import FINAL_MODEL, Backend, Order
from hpo_core.errors import RunError
from hpo_core.logs import RunLog, open_log, tail
from hpo_core.machine import Machine
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.outcome import run_outcome
from hpo_core.prices import cost
from hpo_core.records import Failed
from hpo_core.run_study import resumed_config
from hpo_core.runner import Runner
from hpo_core.settings import S3Settings, Settings
from hpo_core.trial_config import TrialConfig
from runpod_service.backend import (
    CLOSING_S,
    QUEUE_S,
    STARTUP_S,
    endpoint_name,
    policy_of,
    poll_interval_s,
    runpod_backend,
    trials_ahead,
)
from runpod_service.client import ANSWER_S, CONNECT_S, Client
from runpod_service.limits import PLATFORM_LIMITS, USED_SHARE, WINDOW_S
from runpod_service.protocol import JobState, Request, body, failure_text
from runpod_service.trainer import RunPodTrainer
from storage.database import Database
from storage.jobs import Job, Jobs
from storage.progress import ProgressTable
from storage.runs import Runs, RunState
from storage.studies import Studies
from tests.runpod_service.jobs import output_of
from tests.runpod_service.server import ENDPOINT, EXECUTION_MS, KEY, Fault, Script, Service, endless, well
from tests.runpod_service.stand import CONFIG, PATIENCE_S, wait_for
from tests.runpod_service.test_worker_files import FileMaker, MemoryStore

MACHINE = Machine(cores=4, memory_bytes=8_000_000_000)
BACKENDS = {"runpod": functools.partial(runpod_backend, poll_s=0.01)}
ACCESS_KEY, SECRET_KEY = "PLANTEDACCESSKEY", "planted+secret/key"
JOB_COST = cost("24gb", EXECUTION_MS / 1000)


@pytest.fixture
def settings(settings: Settings, service: Service) -> Settings:
    return dataclasses.replace(settings, runpod=service.settings)


@pytest.fixture
def database(settings: Settings, database: Database) -> Database:
    return database


def make_config(**fields: Any) -> OptimizationConfig:
    values: dict[str, Any] = {"trials": 3, "max_epochs_per_trial": 2, "workers": 1, "run_name": "a"}
    values |= {"backend": "runpod", "fallback_local": False, "final_model": False, "plots": "none"}
    return OptimizationConfig(**(values | fields))


def finish(settings: Settings, **fields: Any) -> Runner:
    run = Runner(make_config(**fields), settings, MACHINE, BACKENDS)
    run.start()
    assert run.wait(3 * PATIENCE_S)
    names = [thread.name for thread in threading.enumerate()]
    assert "remote trial" not in names and "canceller" not in names, names
    return run


def failing(config: TrialConfig, number: int) -> Script:
    """The second trial fails."""
    failed = Failed(error_type="ValueError", message="no such layer", traceback="line")
    return Script(state=JobState.FAILED, error=failure_text(failed)) if number == 1 else well(config, number)


def test_a_run_of_three_trials(settings: Settings, service: Service, database: Database) -> None:
    service.write = failing
    finish(settings)
    outcome = run_outcome(settings, "a")
    assert (outcome.state, outcome.n_complete, outcome.n_failed) == (RunState.FINISHED, 2, 1)
    assert outcome.best_accuracy == pytest.approx(0.9)
    rows = Studies(database).trials("a")
    assert [row.attributes["outcome"] for row in rows] == ["complete", "crashed", "complete"]
    assert rows[1].attributes["reason"] == "ValueError: no such layer"
    assert [row.attributes["cost"] for row in rows] == [pytest.approx(JOB_COST, abs=1e-6)] * 3
    jobs = Jobs(database).of_run("a")
    assert [(job.trial, job.state) for job in jobs] == [(0, "COMPLETED"), (1, "FAILED"), (2, "COMPLETED")]
    assert {job.endpoint for job in jobs} == {endpoint_name(service.settings.base_url, ENDPOINT)}
    asked = [job.asked for job in service.served]
    keys = [item["input"]["key"] for item in asked]
    assert [key.rpartition("/")[0] for key in keys] == [f"a/trial_{number}" for number in range(3)]
    assert all(item["policy"] == policy_of(60.0).as_json() for item in asked) and service.open_jobs == []
    for row, job in zip(rows, service.served, strict=True):
        assert TrialConfig.from_json(row.attributes["configuration"]) == job.config


def test_what_a_worker_says_stands_in_the_log(settings: Settings, service: Service, tmp_path: Path) -> None:
    output = output_of(FileMaker(tmp_path / "files", ["a.png"]), MemoryStore(broken="a.png"))
    service.write = lambda *_: Script(steps=[[chunk] for chunk in output[:-1]], output=output)
    finish(settings, trials=1)
    assert tail(settings.log_file, 100, "INFO [a] trial 0: worker worker-1")
    assert tail(settings.log_file, 100, "WARNING [a] trial 0: a.png is not in the store: the bucket is gone")


def test_several_at_once_with_faults(settings: Settings, service: Service, database: Database) -> None:
    service.faults["run"] += [Fault.LOST, Fault.TOO_MANY]
    service.faults["stream"] += [Fault.ERROR, Fault.LOST, Fault.HTML]
    service.faults["status"] += [Fault.DROPPED]
    finish(settings, workers=3, trials=6)
    outcome = run_outcome(settings, "a")
    assert (outcome.n_complete, outcome.n_trials) == (6, 6)
    ends = sorted((job.state, job.trial) for job in Jobs(database).of_run("a"))
    assert [trial for state, trial in ends if state == "COMPLETED"] == list(range(6))
    assert [state for state, _ in ends if state != "COMPLETED"] == ["LOST"]


def everything_written(settings: Settings) -> Iterator[tuple[str, bytes]]:
    files = [file for file in settings.results_dir.rglob("*") if file.is_file()]
    assert {"onegin.db", "onegin.log"} <= {file.name for file in files}
    for file in files:
        yield file.name, file.read_bytes()


@pytest.mark.parametrize("fault", [None, Fault.REFUSED, Fault.ECHO, Fault.ERROR])
def test_no_secret_is_written_down(settings: Settings, service: Service, fault: Fault | None) -> None:
    """Not in the database, nor the log, nor the results, whatever goes wrong; an unreachable store included."""
    if fault is None:
        store = S3Settings("http://127.0.0.1:9", "volume", "eu", access_key=ACCESS_KEY, secret_key=SECRET_KEY)
        settings = dataclasses.replace(settings, s3=store)
    else:
        service.faults["run"].append(fault)
    run = finish(settings, trials=1)
    for name, content in everything_written(settings):
        for secret in (KEY, ACCESS_KEY, SECRET_KEY):
            assert secret.encode() not in content, name
    assert (run.error is None) == (fault in (None, Fault.ERROR)) and KEY not in f"{run.error!r}"
    lines = tail(settings.log_file, 100)
    assert any("the S3 store is not used" in line for line in lines) == (fault is None)


def test_a_wrong_key_ends_the_run_before_its_first_trial(settings: Settings, service: Service) -> None:
    service.key = "another"
    finish(settings)
    outcome = run_outcome(settings, "a")
    assert outcome.state is RunState.FAILED and outcome.n_trials == 0
    assert outcome.message.startswith("RUNPOD_API_KEY is refused by RunPod; make a new key")


def test_an_address_of_something_else_ends_the_run_before_its_first_trial(settings: Settings, service: Service) -> None:
    service.always["health"] = Fault.HTML
    finish(settings)
    outcome = run_outcome(settings, "a")
    assert outcome.state is RunState.FAILED and outcome.n_trials == 0 and service.jobs == {}
    assert outcome.message == "RunPod answers with text/html instead of JSON; check RUNPOD_ENDPOINT_BASE_URL"


def test_cancelling_ends_the_jobs(settings: Settings, service: Service, database: Database) -> None:
    service.write = endless
    run = Runner(make_config(workers=2), settings, MACHINE, BACKENDS)
    run.start()
    wait_for(lambda: [job.state for job in service.served] == ["IN_PROGRESS"] * 2)
    began = time.monotonic()
    Runs(database).request_cancel("a")
    assert run.wait(PATIENCE_S) and time.monotonic() - began < 10
    assert run_outcome(settings, "a").state is RunState.CANCELLED
    assert len(service.cancelled) == 2 and service.open_jobs == []
    assert [job.state for job in Jobs(database).of_run("a")] == ["CANCELLED"] * 2


@pytest.mark.slow
def test_the_next_trial_is_ready_while_all_workers_are_busy(
    settings: Settings, service: Service, database: Database
) -> None:
    service.write = endless
    run = Runner(make_config(workers=2, trials=4), settings, MACHINE, BACKENDS)
    run.start()
    phases = ProgressTable(database, "a").read
    wait_for(lambda: len(service.jobs) == 2 and any("free place" in trial.phase for trial in phases()))
    assert len(service.jobs) == 2 and len(Studies(database).trials("a")) == 3
    run.cancel()
    assert run.wait(PATIENCE_S) and len(service.jobs) == 2 and service.open_jobs == []


def test_a_job_that_was_just_being_submitted_is_cancelled_too(settings: Settings, service: Service) -> None:
    """Even where the answer comes after everybody has stopped waiting for the trial."""
    service.faults["run"].append(Fault.SLOW)
    service.write = endless
    run = Runner(make_config(), settings, MACHINE, BACKENDS)
    run.start()
    wait_for(lambda: service.requests["run"])
    run.cancel()
    threading.Timer(5.0, service.gate.set).start()  # longer than closing waits for the trial's thread
    assert run.wait(2 * PATIENCE_S)
    assert len(service.jobs) == 1 and service.open_jobs == []


def test_the_time_limit_of_a_trial_ends_its_job(settings: Settings, service: Service, database: Database) -> None:
    service.write = endless
    finish(settings, trials=1, max_training_time_minutes=0.01)
    (row,) = Studies(database).trials("a")
    assert row.attributes["outcome"] == "time limit" and service.open_jobs == []
    (job,) = Jobs(database).of_run("a")
    assert job.cost == pytest.approx(JOB_COST) and row.attributes["cost"] == pytest.approx(JOB_COST, abs=1e-6)
    (told,) = csv.DictReader((settings.results_dir / "a" / "trials.csv").read_text().splitlines())
    assert float(told["cost"]) == row.attributes["cost"], "its job ended after it"


def test_the_money_cap_ends_the_run(settings: Settings, service: Service, database: Database) -> None:
    finish(settings, trials=9, max_cost=0.0012)
    outcome = run_outcome(settings, "a")
    assert outcome.state is RunState.FINISHED and "money cap of $0.0012" in outcome.message
    rows = Studies(database).trials("a")
    assert rows[-1].attributes["outcome"] == "money cap" and 0 < outcome.n_complete < 9
    assert len(service.jobs) == outcome.n_complete and Jobs(database).spent("a") < 0.0012
    assert outcome.message.endswith("resume run_name=a max_cost=DOLLARS carries it on")


def test_a_run_that_was_capped_goes_on_with_more_money(
    settings: Settings, service: Service, database: Database
) -> None:
    finish(settings, trials=9, max_cost=0.0012)
    config = resumed_config(database, "a", {"max_cost": "1"}, MACHINE.cores)
    run = Runner(config, settings, MACHINE, BACKENDS, resume=True)
    run.start()
    assert run.wait(3 * PATIENCE_S)
    outcome = run_outcome(settings, "a")
    assert (outcome.state, outcome.n_complete, outcome.message) == (RunState.FINISHED, 9, "")


class TestBackend:
    """The parts of a run's backend."""

    @pytest.fixture(autouse=True)
    def _log(self, settings: Settings) -> None:
        open_log(settings.log_file)

    def order(self, settings: Settings, database: Database, **fields: Any) -> Order:
        config = make_config(**fields)
        return Order("a", config, settings, MACHINE, 2, 1, [], database, RunLog("a"))

    @pytest.fixture
    def backend(self, settings: Settings, database: Database) -> Iterator[Backend]:
        backend = runpod_backend(self.order(settings, database))
        yield backend
        backend.close()

    def test_the_final_model_is_made_here_without_a_store(
        self, backend: Backend, settings: Settings, database: Database
    ) -> None:
        assert not isinstance(backend.trainer_for(FINAL_MODEL), RunPodTrainer)
        assert isinstance(backend.trainer_for(0), RunPodTrainer)
        store = S3Settings("http://127.0.0.1:9", "volume", "eu", access_key="k", secret_key="s")
        other = runpod_backend(self.order(dataclasses.replace(settings, s3=store), database))
        assert isinstance(other.trainer_for(FINAL_MODEL), RunPodTrainer)
        other.warm_up()  # the store cannot be reached
        assert not isinstance(other.trainer_for(FINAL_MODEL), RunPodTrainer)
        other.close()

    def test_jobs_of_a_dead_runner_are_cancelled_and_others_are_not(
        self, backend: Backend, service: Service, database: Database
    ) -> None:
        endpoint = endpoint_name(service.settings.base_url, ENDPOINT)
        service.write = endless
        runs, jobs = Runs(database), Jobs(database)
        with Client(service.settings) as client:
            ids = [client.submit(body(Request(CONFIG, "x/trial_0"), policy_of(1.0))) for _ in range(3)]
        for number, name in enumerate(("living", "over", "deleted")):
            jobs.add(Job(ids[number], name, number, endpoint, "IN_PROGRESS", time.time()))
            if name != "deleted":
                runs.create(name, owner="me:1", trials=3)
                runs.begin(name)
        runs.end("over", RunState.FAILED)
        backend.warm_up()
        backend.close()
        assert sorted(service.cancelled) == ["job-1", "job-2"] and service.open_jobs == ["job-0"]
        states = {job.job_id: job.state for job in jobs.newest()}
        assert states == {"job-0": "IN_PROGRESS", "job-1": "CANCELLED", "job-2": "CANCELLED"}

    def test_a_refusal_ends_the_run_unless_trials_may_train_here(
        self, settings: Settings, service: Service, database: Database
    ) -> None:
        service.always["health"] = Fault.ABSENT
        strict = runpod_backend(self.order(settings, database))
        with pytest.raises(RunError, match="RUNPOD_ENDPOINT_ID must be an endpoint of this account"):
            strict.warm_up()
        strict.close()
        lenient = runpod_backend(self.order(settings, database, fallback_local=True))
        lenient.warm_up()
        lenient.close()
        assert any("trials train on this machine now" in line for line in tail(settings.log_file, 20))

    def test_what_a_store_still_lacks_is_named(self, settings: Settings, database: Database) -> None:
        half = dataclasses.replace(settings, s3=S3Settings(bucket="volume", access_key="k"))
        backend = runpod_backend(self.order(half, database))
        backend.warm_up()
        backend.close()
        assert any(line.endswith("missing: AWS_SECRET_ACCESS_KEY") for line in tail(settings.log_file, 20))

    def test_a_service_that_does_not_answer_may_come_back(self, backend: Backend, service: Service) -> None:
        service.always["health"] = Fault.ERROR
        backend.warm_up()

    def test_nothing_is_paid_for_a_trial_that_never_was(self, backend: Backend) -> None:
        assert backend.cost_of(7) is None


def test_what_a_job_may_take() -> None:
    policy = policy_of(10.0)
    assert policy.execution_s == 600 + STARTUP_S and policy.ttl_s == policy.execution_s + QUEUE_S


def test_closing_outlasts_a_request_that_was_just_made() -> None:
    assert CLOSING_S > CONNECT_S + ANSWER_S


def test_one_worker_suggests_each_trial_after_the_one_before() -> None:
    assert [trials_ahead(workers) for workers in (1, 2, 3, 6, 64)] == [0, 1, 2, 3, 8]


@pytest.mark.parametrize("workers", [1, 20, 64])
def test_jobs_are_asked_about_as_often_as_the_platform_allows(workers: int) -> None:
    assert workers / poll_interval_s(workers) <= PLATFORM_LIMITS["stream"] * USED_SHARE / WINDOW_S
