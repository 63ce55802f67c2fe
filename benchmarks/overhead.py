"""What our runner costs: the same configurations in a bare Keras loop and through a run with one worker."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks.tables import Table, spread
from benchmarks.work import SIZES, config, own_settings
from hpo_core.backends import Backend
from hpo_core.local.pool import WorkerPool
from hpo_core.local.process import ProcessSpec
from hpo_core.local.trainer import LocalTrainer
from hpo_core.logs import RunLog
from hpo_core.machine import Machine
from hpo_core.objective import Objective, RunContext
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.parameters import Value
from hpo_core.progress import ProgressBoard
from hpo_core.settings import Settings
from hpo_core.trial_config import TrialConfig
from hpo_core.trial_files import TrialFiles
from storage.artifacts import Artifacts
from storage.database import open_database
from storage.progress import ProgressTable

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 1.05
ROUNDS = 3
EPOCHS = 1
SHARE = 20.0


def configurations(threads: int) -> list[TrialConfig]:
    return [config("mnist", changes | {"epochs": EPOCHS}, threads=threads, share=SHARE) for changes in SIZES.values()]


def measure() -> Table:
    threads = Machine.detect().threads(1)
    bare, ours = [], []
    with own_settings() as settings:
        for _ in range(ROUNDS):
            bare.append(_bare(threads))
            ours.append(_through_the_runner(settings, threads))
    sums = [sum(mine) / sum(theirs) for mine, theirs in zip(ours, bare, strict=True)]
    rows: list[tuple[object, ...]] = []
    for index, name in enumerate(SIZES):
        mine, theirs = [row[index] for row in ours], [row[index] for row in bare]
        ratios = [one / other for one, other in zip(mine, theirs, strict=True)]
        rows.append((name, spread(theirs, " s"), spread(mine, " s"), spread(ratios)))
    rows.append(
        ("all", spread([sum(row) for row in bare], " s"), spread([sum(row) for row in ours], " s"), spread(sums))
    )
    return Table(
        name="overhead",
        title="Time of a trial through our runner against a bare Keras loop",
        goal=f"at most {LIMIT} times the time, over all sizes",
        met=median(sums) <= LIMIT,
        columns=("model", "bare Keras loop", "our runner", "ratio"),
        rows=rows,
        notes=[
            f"20 % of MNIST, {EPOCHS} epoch with tracing and validation, "
            f"one warm process with {threads} threads each; {ROUNDS} rounds in turn. "
            "The bare loop is `model.fit(x, y, validation_data=...)` on arrays in memory: benchmarks/bare_keras.py.",
        ],
    )


def _bare(threads: int) -> list[float]:
    command = [sys.executable, "-m", "benchmarks.bare_keras", str(threads)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    seconds: list[float] = json.loads(answer.stdout.splitlines()[-1])
    return seconds


def _through_the_runner(settings: Settings, threads: int) -> list[float]:
    """Seconds of each configuration as a trial of a study in a database, in one warm worker."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    name = f"overhead-{time.monotonic_ns()}"
    database = open_database(settings.storage_url)
    pool = WorkerPool(settings, ProcessSpec(threads), workers=1)
    trainer = LocalTrainer(pool)
    seconds = list[float]()
    try:
        list(trainer(config("mnist", {"epochs": 1}, threads=threads, share=5.0)))  # warm, as the other is
        for changes in SIZES.values():
            hyperparameters: dict[str, Value] = dict(config("mnist", changes, threads=threads).hyperparameters)
            space = {key: value for key, value in hyperparameters.items() if key != "epochs"}
            run = OptimizationConfig(
                dataset="mnist",
                sample_percentage=SHARE,
                max_epochs_per_trial=EPOCHS,
                seed=1,
                space=space,
                pruner="none",
                health_interval=0,  # what looking and drawing cost is measured by itself
                plots="none",
            )
            context = RunContext(
                config=run,
                threads=threads,
                folder=settings.results_dir / name,
                board=ProgressBoard(ProgressTable(database, name)),
                log=RunLog(name),
                files=TrialFiles(
                    Artifacts(database, settings.artifacts_dir), settings.results_dir / name, RunLog(name)
                ),
            )
            study = optuna.create_study(
                study_name=f"{name}-{len(seconds)}", storage=database.optuna_storage(), direction="maximize"
            )
            began = time.perf_counter()
            study.optimize(Objective(context, Backend(lambda _trial: trainer)), n_trials=1)
            seconds.append(time.perf_counter() - began)
    finally:
        pool.close()
    return seconds
