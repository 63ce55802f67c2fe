"""A run in one record, as `optimize --json` and `status --json` print it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from hpo_core.final_model import is_wanting, tested_accuracy
from hpo_core.settings import Settings
from storage.database import open_database
from storage.runs import Run, Runs, RunState
from storage.studies import Studies, StudySummary


@dataclass(frozen=True)
class RunOutcome:
    """What scripts read of a run; what is not known (yet) is None.

    Attributes:
        run_name, study_name: the same name.
        state: waiting, running, finished, cancelled, failed or interrupted.
        n_trials: trials begun so far, whatever became of them.
        n_complete, n_pruned, n_failed: of these.
        best_trial: number of the best complete trial.
        best_accuracy, best_health, best_score: of that trial, on the validation part.
        test_accuracy: of the final model, on the test part; None also where it was made from an earlier best trial.
        duration_s: from its start to its end, or to now.
        results_dir: folder of the run.
        message: what there is to say about its end.
    """

    run_name: str
    study_name: str
    state: RunState
    n_trials: int
    n_complete: int
    n_pruned: int
    n_failed: int
    best_trial: int | None
    best_accuracy: float | None
    best_health: float | None
    best_score: float | None
    test_accuracy: float | None
    duration_s: float
    results_dir: str
    message: str

    def as_dict(self) -> dict[str, object]:
        return dataclasses.asdict(self) | {"state": self.state.value}


def run_outcome(settings: Settings, run_name: str) -> RunOutcome:
    """The run as the database has it. Raises UnknownRunError."""
    database = open_database(settings.storage_url)
    run, studies = Runs(database).get(run_name), Studies(database)
    # A run that failed early has no study.
    if not studies.exists(run_name):
        return _outcome(settings, run, None, None)
    tested = None if is_wanting(studies, run_name) else tested_accuracy(studies.attributes(run_name))
    return _outcome(settings, run, studies.summary(run_name), tested)


def _outcome(settings: Settings, run: Run, study: StudySummary | None, tested: float | None) -> RunOutcome:
    return RunOutcome(
        run_name=run.run_name,
        study_name=run.run_name,
        state=run.state,
        n_trials=study.n_trials - study.n("waiting") if study else 0,
        n_complete=study.n("complete") if study else 0,
        n_pruned=study.n("pruned") if study else 0,
        n_failed=study.n("fail") if study else 0,
        best_trial=study.best_trial if study else None,
        best_accuracy=study.best_accuracy if study else None,
        best_health=study.best_health if study else None,
        best_score=study.best_score if study else None,
        test_accuracy=tested,
        duration_s=round(run.duration_s(), 3),
        results_dir=str(settings.results_dir / run.run_name),
        message=run.message,
    )
