"""Tests of the pictures of trials that ended before their last epoch."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from hpo_core.errors import WorkerDiedError
from hpo_core.history import TrialHistory
from hpo_core.logs import RunLog
from hpo_core.objective import RunContext
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.progress import ProgressBoard
from hpo_core.records import Artefact, Record, Started, Tick
from hpo_core.trial_config import TrialConfig
from hpo_core.trial_files import TrialFiles
from storage.artifacts import Artifacts
from storage.database import Database
from storage.progress import ProgressTable
from tests.hpo_core.test_objective import run_trial
from tests.stubs import epoch, records_of


@pytest.fixture
def context(tmp_path: Path, database: Database) -> RunContext:
    folder, log = tmp_path / "run", RunLog("run")
    return RunContext(
        config=OptimizationConfig(max_epochs_per_trial=3, pruner="none"), threads=1, folder=folder, log=log,
        board=ProgressBoard(ProgressTable(database, "run")),
        files=TrialFiles(Artifacts(database, tmp_path / "artifacts"), folder, log),
    )  # fmt: skip


EARLY_ENDS: dict[str, list[Record | Exception]] = {
    "diverged": [epoch(1, 3), epoch(2, 3, loss=None)],
    "crashed": [epoch(1, 3), WorkerDiedError("gone")],
    "at the last": [epoch(1, 2), epoch(2, 2, loss=None)],
    "none": [WorkerDiedError("gone")],
}


@pytest.mark.parametrize(
    ("end", "plots", "drawn"),
    [
        ("diverged", "all", 2), ("crashed", "all", 1), ("at the last", "all", 2), ("none", "all", 0),
        ("diverged", "best", 0), ("diverged", "none", 0), ("complete", "all", 0),
    ],
)  # fmt: skip
def test_all_pictures_are_those_of_trials_that_ended_early_too(
    context: RunContext, end: str, plots: str, drawn: int
) -> None:
    seen: list[int] = []

    def draw(history: TrialHistory, folder: Path, config: TrialConfig) -> Generator[Record]:
        seen.append(len(history.epochs))
        yield Tick()
        (folder / "picture.png").write_bytes(b"picture")
        yield Artefact(name="picture.png", path=str(folder / "picture.png"))

    context.draw = draw
    context.config = replace(context.config, plots=plots)
    run_trial(context, lambda config: EARLY_ENDS.get(end) or records_of(config))
    kept = context.folder / "plots" / "trial_0" / "picture.png"
    assert (seen, kept.exists()) == ([drawn] if drawn else [], drawn > 0)


def test_a_run_that_is_cancelled_draws_no_further(context: RunContext) -> None:
    closed: list[bool] = []

    def draw(history: TrialHistory, folder: Path, config: TrialConfig) -> Generator[Record]:
        try:
            context.cancelled.set()
            while True:
                yield Tick()
        finally:
            closed.append(True)

    context.draw = draw
    context.config = replace(context.config, plots="all")
    trial, _ = run_trial(context, lambda _: EARLY_ENDS["crashed"])
    assert closed == [True] and trial.user_attrs["outcome"] == "crashed"


@pytest.mark.slow
def test_the_pictures_of_an_early_end_are_real_ones(context: RunContext) -> None:
    context.config = replace(context.config, plots="all")
    begun = Started(layers=[], parameters=10, n_train=100, n_validation=20, process=1)
    run_trial(context, lambda _: [begun, *EARLY_ENDS["crashed"]])
    pictures = sorted((context.folder / "plots" / "trial_0").iterdir())
    assert pictures and pictures[-1].read_bytes().startswith((b"\x89PNG", b"GIF8"))
