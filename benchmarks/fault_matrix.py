"""A run through each fault that the local twin can show: what becomes of its trials, and what is left behind."""

from __future__ import annotations

import collections
import dataclasses
import logging
import secrets
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil

from benchmarks.remote_waiting import START_S, twin_settings
from benchmarks.tables import Table
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.runner import Runner
from hpo_core.settings import S3Settings, Settings
from runpod_service.backend import runpod_backend
from runpod_service.protocol import JobState
from runpod_service.s3 import S3Store
from runpod_service.twin.launch import Twin
from storage.database import open_database
from storage.jobs import LOST, Jobs
from storage.studies import Studies

TRIALS, WORKERS, SECONDS = 20, 4, 1.5
MARK = "ONEGIN_FAULT_MATRIX"
# Processes that end by themselves may take so long.
LEAVE_S = 5.0
THREADS = ("remote trial", "canceller")
FINAL = ("complete", "pruned", "fail")


@dataclass(frozen=True)
class Case:
    """A fault, as the twin takes it; with `lasts_s` it ends so many seconds after the run began."""

    name: str
    faults: Mapping[str, float | bool]
    lasts_s: float | None = None
    fallback_local: bool = False


CASES = (
    Case("none", {}),
    Case("answers take 0.3 s longer", {"latency": 0.3}),
    Case("429 for a tenth of the requests", {"429": 0.1}),
    Case("500 for a tenth", {"500": 0.1}),
    Case("connection dropped for a tenth", {"dropped": 0.1}),
    Case("a page instead of JSON for a tenth", {"html": 0.1}),
    Case("3 answers to /run lost", {"lost_run": 3}),
    Case("queue stuck for 8 s", {"stuck_queue": True}, lasts_s=8.0),
    Case("no machines for 8 s", {"throttled": True}, lasts_s=8.0),
    Case("no answer at all for 8 s", {"dropped": 1.0}, lasts_s=8.0),
    Case("3 workers killed", {"kill_worker": 3}),
    Case("3 jobs FAILED", {"fail": 3}),
    Case("3 jobs TIMED_OUT", {"time_out": 3}),
    Case("3 results expired", {"expire": 3}),
    Case("3 COMPLETED without output", {"no_output": 3}),
    Case("half of the chunks twice", {"repeat_chunks": 0.5}),
    Case("half of the chunks 3 s late", {"late_chunks": 0.5, "late_chunk_s": 3.0}),
    Case(
        "all of them, each now and then",
        {
            "latency": 0.05, "429": 0.03, "500": 0.03, "dropped": 0.03, "html": 0.03, "lost_run": 1, "kill_worker": 1,
            "fail": 1, "time_out": 1, "expire": 1, "no_output": 1, "repeat_chunks": 0.2, "late_chunks": 0.2,
        },
    ),
    Case("no job has an output; trials may train here", {"no_output": 1.0}, fallback_local=True),
    Case("no request is answered; trials may train here", {"dropped": 1.0}, fallback_local=True),
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What a run left.

    Attributes:
        error: why the run failed, or ''.
        wanted: trials that it was to make.
        trials: number and state of each trial in the database.
        reasons: how many trials have which reason for their failure.
        submitted: jobs that came to the queue; `unknown` are those whose number was never told.
        lost: rows of the table of jobs that stand for an answer which did not come.
        open_rows: jobs that the table of jobs takes for running.
        open_jobs: jobs that the service still has to do, those of an unknown number left out.
        processes: of workers and of trainings.
        threads: of remote trials.
        objects: in the store.
        seconds: that the run took.
    """

    error: str
    wanted: int
    trials: list[tuple[int, str]]
    reasons: Mapping[str, int]
    submitted: int
    unknown: int
    lost: int
    open_rows: int
    open_jobs: int
    processes: int
    threads: int
    objects: int
    seconds: float

    def count(self, state: str) -> int:
        return sum(state == other for _, other in self.trials)

    @property
    def faulty(self) -> list[str]:
        """What is not as it must be; empty where all is well."""
        numbers = [number for number, _ in self.trials]
        rules = {
            "the run failed": bool(self.error),
            "trials are missing, or there twice": sorted(numbers) != list(range(self.wanted)),
            "a trial has no final state": any(state not in FINAL for _, state in self.trials),
            "a failed trial has no reason": sum(self.reasons.values()) != self.count("fail") or "" in self.reasons,
            "jobs are open in the books": self.open_rows > 0,
            "jobs are open": self.open_jobs > 0,
            "processes are left": self.processes > 0,
            "threads are left": self.threads > 0,
            "objects are left": self.objects > 0,
        }
        return [rule for rule, broken in rules.items() if broken]


def measure() -> Table:
    rows: list[tuple[object, ...]] = []
    met = True
    with bucket() as store:
        for case in CASES:
            outcome = run(case, store)
            met = met and not outcome.faulty
            rows.append(row(case, outcome))
            print(f"  {rows[-1]}", file=sys.stderr, flush=True)
    return Table(
        name="fault_matrix",
        title=f"{TRIALS} trials at {WORKERS} workers through each fault",
        goal="each trial has one final state and a failed one its reason; no job, process, thread or object is left",
        met=met,
        columns=(
            "fault", "complete", "failed", "jobs", "of unknown number", "LOST rows", "open jobs", "processes left",
            "objects left", "s", "as it must be",
        ),
        rows=rows,
        notes=[
            f"Each trial is a job of {SECONDS:g} s that waits, reports two epochs and leaves one file in an S3 store "
            "(moto on loopback). The worker is the product's handler under the genuine SDK; only its training is "
            "exchanged. Client, runner and database are those of every run.",
            "A job of unknown number is one whose answer to /run was lost: nobody can cancel it, it ends by itself or "
            "by its limits. A LOST row counts what such a job, or one whose result was forgotten, may cost; after a "
            "500 or a dropped connection nobody knows whether there is such a job, so there the row stands for none.",
            "Open jobs are those in the queue and in the table of jobs when the run is over; processes and objects are "
            "counted after the twin was closed. Where trials may train here, they train digits for an epoch.",
        ],
    )  # fmt: skip


def row(case: Case, outcome: Outcome) -> tuple[object, ...]:
    reasons = "; ".join(f"{count} x {reason}" for reason, count in outcome.reasons.items())
    failed = outcome.count("fail")
    return (
        case.name, outcome.count("complete"), f"{failed} ({reasons})" if failed else 0, outcome.submitted,
        outcome.unknown, outcome.lost, outcome.open_rows + outcome.open_jobs, outcome.processes, outcome.objects,
        f"{outcome.seconds:.0f}", "; ".join(outcome.faulty) or "yes",
    )  # fmt: skip


@contextmanager
def bucket() -> Iterator[S3Settings]:
    """An S3 store on loopback."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it would print each request
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        store = S3Settings(f"http://{host}:{port}", "volume", "us-east-1", access_key="access", secret_key="secret")
        client = boto3.client(
            "s3", endpoint_url=store.endpoint_url, region_name=store.region,
            aws_access_key_id=store.access_key, aws_secret_access_key=store.secret_key,
        )  # fmt: skip
        client.create_bucket(Bucket=store.bucket)
        client.close()
        yield store
    finally:
        server.stop()


def run(case: Case, store: S3Settings, trials: int = TRIALS, workers: int = WORKERS) -> Outcome:
    """One run from its start until everything of it is closed."""
    token = secrets.token_hex(8)
    variables = {
        MARK: token,
        "ONEGIN_S3_ENDPOINT_URL": store.endpoint_url,
        "ONEGIN_S3_BUCKET": store.bucket,
        "AWS_REGION": store.region,
        "AWS_ACCESS_KEY_ID": store.access_key,
        "AWS_SECRET_ACCESS_KEY": store.secret_key,
    }
    command = [sys.executable, "-m", "benchmarks.waiting_worker", "--whole", "--seconds", str(SECONDS)]
    with Twin.start(workers, command, environment=variables) as twin, twin_settings(twin) as settings:
        twin.wait_until_ready(START_S)
        seen = _run(case, twin, dataclasses.replace(settings, s3=store), trials, workers)
    return Outcome(
        **seen,
        processes=_processes(token),
        threads=sum(thread.name in THREADS for thread in threading.enumerate()),
        objects=len(S3Store(store).list("")),
    )


def _run(case: Case, twin: Twin, settings: Settings, trials: int, workers: int) -> dict[str, Any]:
    """The part of the outcome that is known while the twin lives."""
    config = OptimizationConfig(
        trials=trials, workers=workers, max_epochs_per_trial=2, space={"epochs": 1 if case.fallback_local else 2},
        backend="runpod", fallback_local=case.fallback_local, final_model=False, pruner="none", plots="none",
    )  # fmt: skip
    before = twin.faults({})
    runner = Runner(config, settings, backends={"runpod": runpod_backend})
    twin.faults(case.faults)
    began = time.monotonic()
    runner.start()
    if case.lasts_s is not None:
        runner.wait(case.lasts_s)
        twin.faults(before)
    runner.wait()
    seconds = time.monotonic() - began
    database = open_database(settings.storage_url)
    rows = Studies(database).trials(runner.run_name)
    jobs, there = Jobs(database).of_run(runner.run_name), twin.state()["jobs"]
    unknown = sum(job["answer_lost"] for job in there)
    failed = [str(row.attributes.get("reason", "")) for row in rows if row.state == "fail"]
    return {
        "error": str(runner.error or ""),
        "wanted": trials,
        "trials": [(row.number, row.state) for row in rows],
        "reasons": dict(collections.Counter(failed)),
        # The service forgets those whose result expires, the books do not; those of no known number it alone knows.
        "submitted": sum(not job.job_id.startswith("lost-") for job in jobs) + unknown,
        "unknown": unknown,
        "lost": sum(job.state == LOST for job in jobs),
        "open_rows": sum(not job.is_over for job in jobs),
        "open_jobs": sum(not JobState(job["state"]).is_final and not job["answer_lost"] for job in there),
        "seconds": seconds,
    }


def _processes(token: str) -> int:
    """Processes that carry the mark, and children of this one, after a moment in which they may end."""
    deadline = time.monotonic() + LEAVE_S
    while (left := len([process for process in psutil.process_iter() if _is_marked(process, token)])) > 0:
        if time.monotonic() > deadline:
            break
        time.sleep(0.2)
    return left + len(psutil.Process().children(recursive=True))


def _is_marked(process: psutil.Process, token: str) -> bool:
    try:
        return process.environ().get(MARK) == token
    except psutil.Error:
        return False
