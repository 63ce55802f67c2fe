"""Tests of the time of one training."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from hpo_core.errors import TrialTimeoutError
from hpo_core.logs import RunLog
from hpo_core.objective import RunContext, TimeLimit
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.progress import ProgressBoard
from hpo_core.records import WAITING, Phase, Tick
from hpo_core.trial_files import TrialFiles
from storage.artifacts import Artifacts
from storage.database import Database
from storage.progress import ProgressTable


@pytest.mark.parametrize("whole_run", [True, False])
def test_waiting_for_a_worker_is_not_the_trainings_time(tmp_path: Path, database: Database, whole_run: bool) -> None:
    now = [0.0]
    context = RunContext(
        config=OptimizationConfig(max_training_time_minutes=1), threads=1, folder=tmp_path,
        board=ProgressBoard(ProgressTable(database, "run")), log=RunLog("run"),
        files=TrialFiles(Artifacts(database, tmp_path / "artifacts"), tmp_path, RunLog("run")),
        cancelled=threading.Event(), clock=lambda: now[0],
    )  # fmt: skip
    limit = TimeLimit(context, whole_run=whole_run)
    limit.see(Phase(name=f"{WAITING} in a queue"))
    now[0] = 1000.0
    limit.see(Tick())
    limit.see(Phase(name="loading data"))
    now[0] += 59.0
    limit.see(Tick())
    now[0] += 2.0
    with pytest.raises(TrialTimeoutError, match="the trial's time limit of 1 min"):
        limit.see(Tick())
