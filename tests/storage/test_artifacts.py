"""Tests of the store that trials' files are kept in."""

from __future__ import annotations

import json
from pathlib import Path

import optuna
import pytest

from storage.artifacts import PREFIX, ArtifactError, Artifacts
from storage.database import Database


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Artifacts:
    return Artifacts(database, tmp_path / "artifacts")


def study(database: Database, name: str = "a") -> optuna.Study:
    return optuna.create_study(study_name=name, storage=database.url)


def file(folder: Path, name: str, content: bytes = b"content") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_a_file_is_found_again_by_study_trial_and_name(store: Artifacts, database: Database, tmp_path: Path) -> None:
    owner = study(database)
    trials = [owner.ask() for _ in range(2)]
    store.keep(trials[1], file(tmp_path, "plot.png", b"picture"))
    store.keep(owner, file(tmp_path, "report.html", b"page"))
    (found,) = store.of_trial("a", 1).values()
    assert (found.filename, found.mimetype, found.size) == ("plot.png", "image/png", 7)
    assert store.read(found) == b"picture"
    assert store.of_trial("a", 0) == {} and store.of_trial("b", 1) == {} and store.of_trial("a", 9) == {}
    assert list(store.of_study("a")) == ["report.html"] and store.of_study("b") == {}


def test_files_of_several_trials_at_once(store: Artifacts, database: Database, tmp_path: Path) -> None:
    owner = study(database)
    trials = [owner.ask() for _ in range(3)]
    for number in (0, 2):
        store.keep(trials[number], file(tmp_path, f"plot{number}.png"))
    found = store.of_trials("a", [2, 1])
    assert {number: list(files) for number, files in found.items()} == {2: ["plot2.png"], 1: []}
    kept = found[2]["plot2.png"]
    assert kept.made_at == (tmp_path / "artifacts" / kept.id).stat().st_mtime
    assert store.of_trials("a", []) == {}


def test_of_two_files_with_one_name_the_newer_counts(store: Artifacts, database: Database, tmp_path: Path) -> None:
    trial = study(database).ask()
    store.keep(trial, file(tmp_path, "plot.png", b"old"))
    store.keep(trial, file(tmp_path, "plot.png", b"newer"))
    assert store.read(store.of_trial("a", 0)["plot.png"]) == b"newer"


@pytest.mark.parametrize("climbs", [False, True])
def test_what_a_foreign_program_calls_a_file_is_no_path(
    store: Artifacts, database: Database, tmp_path: Path, climbs: bool
) -> None:
    owner = study(database)
    trial = owner.ask()
    store.keep(trial, file(tmp_path, "plot.png"))
    secret = file(tmp_path, "secret", b"key")
    told = {
        "artifact_id": "../secret" if climbs else str(secret), "filename": "history.json",
        "mimetype": "application/json", "encoding": None,
    }  # fmt: skip
    storage = database.optuna_storage()
    storage.set_trial_system_attr(trial._trial_id, f"{PREFIX}foreign", json.dumps(told))
    assert list(store.of_trial("a", 0)) == ["plot.png"]


def test_optuna_itself_finds_it(store: Artifacts, database: Database, tmp_path: Path) -> None:
    owner = study(database)
    store.keep(owner.ask(), file(tmp_path, "plot.png"))
    storage = database.optuna_storage()
    (meta,) = optuna.artifacts.get_all_artifact_meta(owner.trials[0], storage=storage)
    assert meta.filename == "plot.png" and (tmp_path / "artifacts" / meta.artifact_id).exists()


def test_what_has_gone_is_not_listed_and_cannot_be_read(store: Artifacts, database: Database, tmp_path: Path) -> None:
    trial = study(database).ask()
    store.keep(trial, file(tmp_path, "plot.png"))
    (found,) = store.of_trial("a", 0).values()
    (tmp_path / "artifacts" / found.id).unlink()
    assert store.of_trial("a", 0) == {}
    with pytest.raises(ArtifactError, match=r"plot\.png cannot be read"):
        store.read(found)


def test_a_file_that_does_not_fit_is_absent_and_not_cut(store: Artifacts, database: Database, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="limits of file sizes exist on Unix only")
    trial = study(database).ask()
    store.keep(trial, file(tmp_path, "small.txt"))  # the folder and the database are there
    big = file(tmp_path, "plot.png", b"x" * 50_000_000)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000_000, limits[1]))
    try:
        with pytest.raises(ArtifactError, match=r"plot\.png could not be kept"):
            store.keep(trial, big)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(store.of_trial("a", 0)) == ["small.txt"]
    assert len(list((tmp_path / "artifacts").iterdir())) == 1


def test_a_store_without_room_says_so(database: Database, tmp_path: Path) -> None:
    (tmp_path / "artifacts").write_text("a file where the folder should be")
    store = Artifacts(database, tmp_path / "artifacts")
    with pytest.raises(ArtifactError, match=r"plot\.png could not be kept"):
        store.keep(study(database).ask(), file(tmp_path, "plot.png"))
