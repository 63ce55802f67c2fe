"""What runs take up on the disk, and deleting one with all that belongs to it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hpo_core.optimization_config import RUN_NAME
from storage.database import Database
from storage.errors import StorageError
from storage.removal import artifact_ids, remove_study
from storage.runs import Runs

DAY_S = 86_400
MOST_RUNS = 100_000


@dataclass(frozen=True)
class RunSize:
    """What one run takes up.

    Attributes:
        name: of the run and its study.
        folder_bytes: its folder of results: models, pictures, tables.
        artifact_bytes: its files in the artefact store.
        changed_at: of the newest file in its folder, in seconds since the epoch; None without files.
    """

    name: str
    folder_bytes: int
    artifact_bytes: int
    changed_at: float | None

    @property
    def total_bytes(self) -> int:
        return self.folder_bytes + self.artifact_bytes


@dataclass(frozen=True)
class Removal:
    """A run that was deleted.

    Attributes:
        freed_bytes: of the files that are gone.
        left: files and folders that could not be removed; the database knows nothing of them any more.
    """

    freed_bytes: int
    left: tuple[str, ...]


def run_folder(results_dir: Path, name: str) -> Path | None:
    """The folder of a run; None for a study whose name is no name of a folder."""
    return results_dir / name if RUN_NAME.fullmatch(name) else None


def measure(database: Database, results_dir: Path, artifacts_dir: Path, names: Iterable[str]) -> list[RunSize]:
    """What each run takes up, the largest first. Raises StorageError where the database does not answer."""
    kept, files = artifact_ids(database), _sizes(artifacts_dir)
    found = []
    for name in names:
        folder = run_folder(results_dir, name)
        n_bytes, changed_at = _folder(folder) if folder is not None else (0, None)
        in_store = sum(files.get(identity, 0) for identity in kept.get(name, ()))
        found.append(RunSize(name, n_bytes, in_store, changed_at))
    return sorted(found, key=lambda size: -size.total_bytes)


def outdated(
    sizes: Iterable[RunSize],
    ended: Mapping[str, float],
    *,
    older_than_days: float | None = None,
    keep_bytes: int | None = None,
    now: float,
) -> list[RunSize]:
    """Runs that a clean-up would delete, the oldest first.

    Args:
        sizes: of all runs.
        ended: when each run that is over ended, in seconds since the epoch; no other one is chosen.
        older_than_days: choose runs that ended longer ago.
        keep_bytes: then choose the oldest of the others until those that stay take up no more.
        now: seconds since the epoch.
    """
    known = sorted(sizes, key=lambda size: ended.get(size.name, now))
    chosen = [
        size for size in known
        if older_than_days is not None and size.name in ended and now - ended[size.name] > older_than_days * DAY_S
    ]  # fmt: skip
    total = sum(size.total_bytes for size in known) - sum(size.total_bytes for size in chosen)
    for size in known:
        if keep_bytes is None or total <= keep_bytes:
            break
        if size.name in ended and size not in chosen and size.total_bytes:
            chosen.append(size)
            total -= size.total_bytes
    return chosen


def ended_runs(database: Database) -> dict[str, float]:
    """When each run that is over ended, or gave its last sign of life. Raises StorageError."""
    runs = Runs(database).list(limit=MOST_RUNS)
    return {run.run_name: run.ended_at or run.heartbeat_at for run in runs if run.state.is_final}


def delete_run(database: Database, results_dir: Path, artifacts_dir: Path, name: str) -> Removal:
    """Delete a run: its rows, its files in the artefact store, its folder. A file that another study has too is kept.

    Raises:
        RunBusyError: it is not over; nothing was deleted.
        UnknownRunError: there is none of this name.
    """
    kept = artifact_ids(database)
    own = kept.pop(name, set()).difference(*kept.values())
    remove_study(database, name)
    freed, left = 0, list[str]()
    for path in (artifacts_dir / identity for identity in own):
        if path.parent == artifacts_dir:  # what a foreign program wrote into the database is no path
            freed += _remove(path, left)
    folder = run_folder(results_dir, name)
    # The store and the logs lie beside the runs' folders; no run is called so, but a study might be.
    if folder is not None and folder.is_dir() and folder not in (artifacts_dir, results_dir / "logs"):
        freed += _folder(folder)[0]
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            left.append(str(folder))
    return Removal(freed, tuple(left))


@dataclass(frozen=True)
class Cleanup:
    """What came of deleting several runs.

    Attributes:
        deleted: names of the runs that are gone.
        freed_bytes: of their files.
        problems: sentences about what could not be removed.
    """

    deleted: tuple[str, ...]
    freed_bytes: int
    problems: tuple[str, ...]


def delete_runs(names: Iterable[str], delete: Callable[[str], Removal]) -> Cleanup:
    """Delete run after run; one that resists does not keep the others.

    Args:
        names: of the runs.
        delete: deletes one. Raises StorageError.
    """
    deleted, freed, problems = list[str](), 0, list[str]()
    for name in names:
        try:
            removal = delete(name)
        except StorageError as error:
            problems.append(str(error))
            continue
        deleted.append(name)
        freed += removal.freed_bytes
        if removal.left:
            problems.append(f"files of {name} could not be removed: {', '.join(removal.left[:3])}")
    return Cleanup(tuple(deleted), freed, tuple(problems))


def _remove(path: Path, left: list[str]) -> int:
    """Bytes that a file's removal frees; one that resists is noted in `left`."""
    try:
        n_bytes = path.stat().st_size
        path.unlink()
    except FileNotFoundError:
        return 0
    except OSError:
        left.append(str(path))
        return 0
    return n_bytes


def _sizes(folder: Path) -> dict[str, int]:
    """Size of each file directly in a folder; empty where there is none."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name: entry.stat(follow_symlinks=False).st_size for entry in entries if entry.is_file()}
    except OSError:
        return {}


def _folder(folder: Path) -> tuple[int, float | None]:
    """Bytes of all files below a folder, and when the newest of them changed."""
    total, newest = 0, None
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                state = os.stat(os.path.join(place, name), follow_symlinks=False)
            except OSError:
                continue  # gone meanwhile
            total += state.st_size
            newest = max(newest or 0.0, state.st_mtime)
    return total, newest
