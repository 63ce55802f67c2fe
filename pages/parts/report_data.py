"""What a report of a study is made from, read at one moment. Knows nothing of Streamlit: the command line needs it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo_core.history import FILE_NAME, TrialHistory
from pages.parts import final_models
from pages.parts.final_models import FinalModel
from storage.artifacts import Artifacts
from storage.database import Database
from storage.errors import StorageError, UnknownRunError
from storage.runs import Run, Runs
from storage.studies import Studies, StudySummary, TrialRow

MOST_TRIALS = 50


@dataclass(frozen=True)
class ReportData:
    """A study with everything that its report shows.

    Attributes:
        name: of the study.
        made_at: when this was read, in seconds since the epoch.
        summary: counts and the best trial.
        attributes: of the study; empty for one made outside Onegin.
        run: None for a study made outside Onegin.
        points: (number, score) of the complete trials, by number.
        trials: the best complete ones, the best first, at most `MOST_TRIALS`.
        best: the first of them; None before there is one, and of several objectives, where none is the best in
            everything.
        history: of the best trial; None where it is not kept here.
        model: the final model; None where there is none here.
    """

    name: str
    made_at: float
    summary: StudySummary
    attributes: Mapping[str, Any]
    run: Run | None
    points: list[tuple[int, float]]
    trials: list[TrialRow]
    history: TrialHistory | None
    model: FinalModel | None

    @property
    def best(self) -> TrialRow | None:
        return _best(self.trials, self.summary)

    @property
    def configuration(self) -> dict[str, Any]:
        """What the run was told; empty where that is not known."""
        told = self.attributes.get("configuration")
        return told if isinstance(told, dict) else {}


def read_report(database: Database, results_dir: Path, artifacts_dir: Path, name: str) -> ReportData:
    """Read a study. Raises UnknownRunError where there is none of this name, StorageError where nothing answers."""
    studies = Studies(database)
    summary = studies.summary(name)
    sort = "score" if summary.minimises else "-score"
    trials = studies.trials(name, sort=sort, states=("complete",), limit=MOST_TRIALS)
    best = _best(trials, summary)
    try:
        run: Run | None = Runs(database).get(name)
    except UnknownRunError:
        run = None
    try:
        model = final_models.read(results_dir, name)
    except ValueError:  # a card that cannot be read is none; the page of the model says what is wrong with it
        model = None
    return ReportData(
        name=name, made_at=time.time(), summary=summary, attributes=studies.attributes(name), run=run,
        points=studies.scores(name), trials=trials, model=model,
        history=_history(Artifacts(database, artifacts_dir), name, best.number) if best is not None else None,
    )  # fmt: skip


def _best(trials: Sequence[TrialRow], summary: StudySummary) -> TrialRow | None:
    return trials[0] if trials and summary.best_trial is not None and summary.n_objectives == 1 else None


def _history(artifacts: Artifacts, name: str, trial: int) -> TrialHistory | None:
    file = artifacts.of_trial(name, trial).get(FILE_NAME)
    if file is None:
        return None
    try:
        return TrialHistory.from_json(artifacts.read(file).decode("utf-8"))
    except (StorageError, ValueError):
        return None
