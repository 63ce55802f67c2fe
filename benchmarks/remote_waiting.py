"""Remote trials that only wait, against plain Optuna whose objective sleeps: what following jobs costs."""

from __future__ import annotations

import dataclasses
import datetime
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import mean

import optuna

from benchmarks.tables import Table
from benchmarks.work import own_settings
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.runner import Runner
from hpo_core.samplers import make_sampler
from hpo_core.settings import RunPodSettings, Settings
from runpod_service.backend import runpod_backend
from runpod_service.twin.launch import Twin
from storage.database import close_databases, open_database
from storage.jobs import Job, Jobs

START_S = 300.0


@dataclass(frozen=True)
class Load:
    """Trials of `seconds` each, so many at once; `goal` is the efficiency that is asked for.

    `processes` is the number of worker processes; each has room for its share of the jobs, and for `room` more.
    """

    workers: int
    trials: int
    seconds: float
    processes: int
    goal: float | None = None
    room: int = 1

    @property
    def ideal_s(self) -> float:
        return self.trials * self.seconds / self.workers


LOADS = (
    Load(1, 4, 20.0, 1),
    Load(2, 8, 20.0, 2),
    Load(4, 24, 20.0, 4),
    Load(6, 24, 20.0, 6, goal=0.95),
    Load(6, 24, 20.0, 6, room=0),
    Load(64, 128, 30.0, 16, goal=0.75),
)
PARTS = (
    "on the worker besides", "until its end is seen", "until the next is submitted", "in the queue", "to store it",
)  # fmt: skip


def measure() -> Table:
    rows: list[tuple[object, ...]] = []
    met = True
    for load in LOADS:
        remote_s, parts = remote(load)
        plain_s = plain(load)
        ours, theirs = load.ideal_s / remote_s, load.ideal_s / plain_s
        met = met and (load.room == 0 or (ours >= (load.goal or 0.0) and ours >= theirs))
        room = load.processes * load.room
        workers, trials = f"{load.workers} ({load.processes}, {room})", f"{load.trials} of {load.seconds:g} s"
        rows.append((workers, trials, f"{ours:.1%}", f"{theirs:.1%}", *(f"{part:.2f}" for part in parts)))
        print(f"  {rows[-1]}", file=sys.stderr, flush=True)
    return Table(
        name="remote_waiting",
        title="Remote trials that only wait",
        goal="parallel efficiency at least 95 % at 6 workers and 75 % at 64, and never below that of plain Optuna",
        met=met,
        columns=(
            "workers (processes, spare places)",
            "trials",
            "efficiency",
            "plain Optuna",
            *(f"s {part}" for part in PARTS),
        ),
        rows=rows,
        notes=[
            "Efficiency: time of the trials alone, evenly spread over the workers, by the time from the first trial's "
            "start to the last one's end. Plain Optuna: `study.optimize` with as many jobs, the same sampler, space "
            "and storage (an SQLite file), and an objective that sleeps. With 1 and 2 workers there are fewer trials "
            "than with 6, because 24 would take eight minutes and four.",
            "The other columns say where a worker's time goes beside the waiting, in seconds a trial: what the worker "
            "does besides; until the client's next question finds the job over; until a trial is ready and submitted "
            "(and the beginning and the end of the run); and the queue. Storing a trial in the database is no time of "
            "a worker: the next trial is made ready ahead.",
            "A process of the SDK that has all the jobs it may have looks only once a second whether it may take "
            "another one. With jobs of whole seconds that is nearly a second lost each time, which no client can "
            "change: the row without spare places shows it and is held against no goal. In the others each process "
            "may have one job more than it gets. With 64 workers a process has four jobs at a time.",
            "The workers are those of the genuine SDK under the local twin, all on this machine. Starting them is not "
            "counted.",
        ],
    )  # fmt: skip


def config_of(load: Load) -> OptimizationConfig:
    return OptimizationConfig(
        trials=load.trials, workers=load.workers, max_epochs_per_trial=2, backend="runpod", fallback_local=False,
        final_model=False, pruner="none", plots="none",
    )  # fmt: skip


def remote(load: Load) -> tuple[float, list[float]]:
    """Seconds of all trials, and seconds a trial by part."""
    jobs = load.workers // load.processes + load.room
    command = [sys.executable, "-m", "benchmarks.waiting_worker", "--seconds", str(load.seconds), "--jobs", str(jobs)]
    with Twin.start(load.processes, command) as twin, twin_settings(twin) as settings:
        twin.wait_until_ready(START_S)
        runner = Runner(config_of(load), settings, backends={"runpod": runpod_backend})
        runner.start()
        runner.wait()
        if runner.error is not None:
            raise runner.error
        database = open_database(settings.storage_url)
        study = optuna.load_study(study_name=runner.run_name, storage=database.optuna_storage())
        return profile(load, study.trials, Jobs(database).of_run(runner.run_name))


def profile(load: Load, trials: list[optuna.trial.FrozenTrial], jobs: list[Job]) -> tuple[float, list[float]]:
    """Seconds of all trials; and seconds a trial by part, the workers' first, then storing, which they do not wait for.

    What is known of no part is the time until the next job is submitted, its share of the start and the end included.
    """
    by_trial = {job.trial: job for job in jobs}
    assert len(by_trial) == len(jobs) == len(trials) == load.trials
    known, stored = [], []
    for trial in trials:
        job = by_trial[trial.number]
        assert job.delay_s is not None and job.execution_s is not None and job.ended_at is not None
        seen_s = job.ended_at - job.submitted_at - job.delay_s - job.execution_s
        known.append((job.execution_s - load.seconds, seen_s, job.delay_s))
        stored.append(_second(trial.datetime_complete) - job.ended_at)
    besides_s, seen_s, delay_s = (mean(column) for column in zip(*known, strict=True))
    span_s = _span_s(trials)
    rest_s = span_s * load.workers / load.trials - load.seconds - besides_s - seen_s - delay_s
    return span_s, [besides_s, seen_s, rest_s, delay_s, mean(stored)]


def plain(load: Load) -> float:
    """Seconds that Optuna alone takes."""
    config = config_of(load)
    space = config.search_space()
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial: optuna.Trial) -> float:
        space.suggest(trial)
        time.sleep(load.seconds)
        return trial.number / load.trials

    with own_settings() as settings:
        try:
            study = optuna.create_study(
                storage=open_database(settings.storage_url).optuna_storage(),
                sampler=make_sampler(config.sampler, space, config.seed),
                direction="maximize",
            )
            study.optimize(objective, n_trials=load.trials, n_jobs=load.workers)
            return _span_s(study.trials)
        finally:
            close_databases()


@contextmanager
def twin_settings(twin: Twin) -> Iterator[Settings]:
    """Settings of an installation of its own that uses the twin."""
    with own_settings() as settings:
        try:
            yield dataclasses.replace(settings, runpod=RunPodSettings(twin.api_key, twin.endpoint_id, twin.url))
        finally:
            close_databases()


def _span_s(trials: list[optuna.trial.FrozenTrial]) -> float:
    starts, ends = [_second(trial.datetime_start) for trial in trials], [_second(t.datetime_complete) for t in trials]
    return max(ends) - min(starts)


def _second(moment: datetime.datetime | None) -> float:
    """Seconds since the epoch."""
    assert moment is not None
    return moment.timestamp()
