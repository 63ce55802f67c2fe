"""What becomes of the files that trials make: kept in the artefact store, exported into the run's folder."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import IO

import optuna
from optuna.trial import FrozenTrial

from hpo_core.files import copy_whole, write_whole
from hpo_core.history import FILE_NAME, TrialHistory
from hpo_core.logs import RunLog
from hpo_core.records import Artefact, Record, to_json
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

    def journal(self, trial: optuna.Trial) -> Journal:
        """The file that keeps the trial's records, one per line."""
        return Journal(self.journal_file(trial.number), self._log)

    def journal_file(self, number: int) -> Path:
        """Where the records of trial `number` are, one per line."""
        return self._folder / f"trial_{number}" / "records.jsonl"

    def keep(self, trial: optuna.Trial, made: Artefact) -> None:
        """A picture, or the note why there is none."""
        if made.path is None:
            self._log.warning("trial %d: %s", trial.number, made.note or f"{made.name} could not be made")
            return
        self._keep(trial, Path(made.path), self._folder / PLOTS / f"trial_{trial.number}")

    def keep_history(self, trial: optuna.Trial | FrozenTrial, history: TrialHistory) -> None:
        """The numbers behind every picture, as JSON."""
        file = self._folder / f"trial_{trial.number}" / FILE_NAME
        try:
            write_whole(history.to_json(), file)
        except OSError as error:
            self._log.warning("trial %d: %s could not be written: %s", trial.number, file.name, error.strerror)
            return
        self._keep(trial, file, file.parent)

    def _keep(self, trial: optuna.Trial | FrozenTrial, file: Path, target: Path) -> None:
        """Keep the file, and export it to the folder `target` unless it lies there already."""
        try:
            self._artifacts.keep(trial, file)
            if target != file.parent:
                copy_whole(file, target / file.name)
        except (StorageError, OSError) as error:
            self._log.warning("trial %d: %s", trial.number, error)


class Journal:
    """Writes records to a file until that fails; then it says so once, and the trial goes on without."""

    def __init__(self, path: Path, log: RunLog) -> None:
        self._path = path
        self._log = log
        self._file: IO[str] | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w", encoding="utf-8", buffering=1)
        except OSError as error:
            self._give_up(error)

    def write(self, record: Record) -> None:
        if self._file is None:
            return
        try:
            self._file.write(to_json(record) + "\n")
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # the last line may not fit either
                self._file.close()

    def _give_up(self, error: OSError) -> None:
        self._log.warning("%s cannot be written: %s", self._path, error.strerror or error)
        self.close()
        self._file = None
