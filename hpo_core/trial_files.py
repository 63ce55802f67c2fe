"""What becomes of the files that trials make: kept in the artefact store, exported into the run's folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import optuna

from hpo_core.history import FILE_NAME, TrialHistory
from hpo_core.logs import RunLog
from hpo_core.records import Artefact
from storage.artifacts import Artifacts
from storage.errors import StorageError

PLOTS = "plots"


class TrialFiles:
    """Takes the files of a run's trials. A file that cannot be kept is a line in the log: the trial's score survives.

    Args:
        artifacts: the store of all runs.
        folder: of the run.
        log: of the run.
    """

    def __init__(self, artifacts: Artifacts, folder: Path, log: RunLog) -> None:
        self._artifacts = artifacts
        self._folder = folder
        self._log = log

    def keep(self, trial: optuna.Trial, made: Artefact) -> None:
        """A picture, or the note why there is none."""
        if made.path is None:
            self._log.warning("trial %d: %s", trial.number, made.note or f"{made.name} could not be made")
            return
        self._keep(trial, Path(made.path), self._folder / PLOTS / f"trial_{trial.number}")

    def keep_history(self, trial: optuna.Trial, history: TrialHistory) -> None:
        """The numbers behind every picture, as JSON."""
        file = self._folder / f"trial_{trial.number}" / FILE_NAME
        try:
            file.write_text(history.to_json(), encoding="utf-8")
        except OSError as error:
            self._log.warning("trial %d: %s could not be written: %s", trial.number, file.name, error.strerror)
            return
        self._keep(trial, file, file.parent)

    def _keep(self, trial: optuna.Trial, file: Path, target: Path) -> None:
        """Keep the file, and export it to the folder `target` unless it lies there already."""
        try:
            self._artifacts.keep(trial, file)
            if target != file.parent:
                target.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target / file.name)
        except (StorageError, OSError) as error:
            self._log.warning("trial %d: %s", trial.number, error)
