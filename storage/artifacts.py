"""Files of trials and studies, kept in Optuna's artefact store so that optuna-dashboard shows them too.

All runs share one folder: `optuna-dashboard URL --artifact-dir FOLDER`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import optuna
from optuna.artifacts import FileSystemArtifactStore, upload_artifact
from optuna.trial import FrozenTrial
from sqlalchemy import select

from storage.database import Database
from storage.errors import StorageError
from storage.tables import studies, study_system_attributes, trial_system_attributes, trials

PREFIX = "artifacts:"


class ArtifactError(StorageError):
    """A file could not be kept or read."""


@dataclass(frozen=True)
class ArtifactFile:
    """A file in the store.

    Attributes:
        id: its name in the store.
        filename: what its maker called it.
        mimetype: such as image/png.
        size: in bytes.
        made_at: when it was kept, in seconds since the epoch.
    """

    id: str
    filename: str
    mimetype: str
    size: int
    made_at: float


class _WholeFiles(FileSystemArtifactStore):
    """Optuna's store, in which a file is whole or absent; its own keeps what a full disk cut off."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._folder = folder

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        part = self._folder / f".{artifact_id}.part"
        try:
            with part.open("wb") as file:
                shutil.copyfileobj(content_body, file)
            os.replace(part, self._folder / artifact_id)
        except OSError:
            part.unlink(missing_ok=True)
            raise


class Artifacts:
    """The files of all studies of a database.

    Args:
        database: where the files are registered.
        folder: where they lie.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder

    def keep(self, owner: optuna.Trial | FrozenTrial | optuna.Study, file: Path) -> None:
        """Copy `file` into the store and register it. Raises ArtifactError where there is no room, for example."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            upload_artifact(
                artifact_store=_WholeFiles(self._folder),
                file_path=str(file),
                study_or_trial=owner,
                storage=self._database.optuna_storage() if isinstance(owner, FrozenTrial) else None,
            )
        except OSError as error:
            raise ArtifactError(f"{file.name} could not be kept: {error.strerror or error}") from error

    def of_trial(self, study: str, number: int) -> dict[str, ArtifactFile]:
        """By file name; of several with one name the newest. Empty where there is no such trial."""
        return self.of_trials(study, [number])[number]

    def of_trials(self, study: str, numbers: Sequence[int]) -> dict[int, dict[str, ArtifactFile]]:
        """The same of several trials, by their numbers, asked for at once."""
        rows = self._rows(study, numbers)
        return {number: self._files([text for of, text in rows if of == number]) for number in numbers}

    def missing_of_trial(self, study: str, number: int) -> list[str]:
        """Names of the files that were kept for a trial and are not in the store any more."""
        rows = [text for _, text in self._rows(study, [number])]
        return [name for name, file in self._known(rows).items() if file is None]

    def of_study(self, study: str) -> dict[str, ArtifactFile]:
        """Files of the study itself, by file name."""
        query = (
            select(study_system_attributes.c.value_json)
            .join_from(study_system_attributes, studies, study_system_attributes.c.study_id == studies.c.study_id)
            .where(studies.c.study_name == study, study_system_attributes.c.key.startswith(PREFIX))
        )
        with self._database.read() as connection:
            return self._files(connection.execute(query).scalars().all())

    def read(self, file: ArtifactFile) -> bytes:
        """What the file holds. Raises ArtifactError where it has gone."""
        try:
            return (self._folder / file.id).read_bytes()
        except OSError as error:
            raise ArtifactError(f"{file.filename} cannot be read: {error.strerror or error}") from error

    def _rows(self, study: str, numbers: Sequence[int]) -> list[tuple[int, str]]:
        """Trial and what is registered of a file of it, the oldest first."""
        query = (
            select(trials.c.number, trial_system_attributes.c.value_json)
            .join_from(trial_system_attributes, trials, trial_system_attributes.c.trial_id == trials.c.trial_id)
            .join(studies, trials.c.study_id == studies.c.study_id)
            .where(
                studies.c.study_name == study,
                trials.c.number.in_(numbers),
                trial_system_attributes.c.key.startswith(PREFIX),
            )
            .order_by(trial_system_attributes.c.trial_system_attribute_id)
        )
        with self._database.read() as connection:
            return [(int(number), str(text)) for number, text in connection.execute(query).all()]

    def _files(self, rows: Sequence[str]) -> dict[str, ArtifactFile]:
        """What the rows describe, without files that are not there (a disk was full, a folder was cleared)."""
        return {name: file for name, file in self._known(rows).items() if file is not None}

    def _known(self, rows: Sequence[str]) -> dict[str, ArtifactFile | None]:
        """What the rows describe; None for a file that is not there and has no older one of its name."""
        found: dict[str, ArtifactFile | None] = {}
        for text in rows:
            meta = json.loads(json.loads(text))  # Optuna keeps the JSON of a text that is JSON
            identity, name = str(meta["artifact_id"]), str(meta["filename"])
            path = self._folder / identity
            found.setdefault(name, None)
            # What a foreign program wrote into the database is no path.
            if Path(identity).name == identity and path.is_file():
                state = path.stat()
                found[name] = ArtifactFile(identity, name, str(meta["mimetype"]), state.st_size, state.st_mtime)
        return found
