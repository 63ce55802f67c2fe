"""What runs take up, and that deleting one removes it whole, and nothing else."""

from __future__ import annotations

import json
import time
from pathlib import Path

import optuna
import pytest
import sqlalchemy

from hpo_core.commands.clean import clean
from hpo_core.errors import UsageError
from hpo_core.housekeeping import DAY_S, RunSize, delete_run, ended_runs, measure, outdated
from hpo_core.settings import Settings
from storage.artifacts import Artifacts
from storage.database import Database
from storage.errors import RunBusyError, UnknownRunError
from storage.jobs import Job, Jobs
from storage.notices import NoticeTable
from storage.progress import ProgressTable, TrialProgress
from storage.runs import Runs, RunState


def make(database: Database, settings: Settings, name: str, trials: int = 2) -> optuna.Study:
    """A run that is over, with rows in every table, files of each kind and a folder."""
    runs = Runs(database)
    runs.create(name, owner="here:1", trials=trials)
    runs.begin(name)
    study = optuna.create_study(study_name=name, storage=database.url)
    study.set_user_attr("configuration", {})
    file = settings.results_dir / "plot.png"
    store = Artifacts(database, settings.artifacts_dir)
    file.write_bytes(b"p" * 1000)
    for _ in range(trials):
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        trial.report(0.5, 1)
        trial.set_user_attr("accuracy", 0.5)
        store.keep(trial, file)
        study.tell(trial, 0.5)
    store.keep(study, file)
    file.unlink()
    progress = TrialProgress(trial=0, phase="x", epoch=1, epochs=1, share=0.0, started_at=0.0, updated_at=0.0)
    ProgressTable(database, name).write([progress], [], {0: "{}"})
    Jobs(database).add(Job(f"job-{name}", name, 0, "there", "COMPLETED", 1.0))
    runs.request_stop(name, 0)
    NoticeTable(database).add(name, "run ended", "run finished")
    runs.end(name, RunState.FINISHED)
    model = settings.results_dir / name / "optimized_model" / "model.keras"
    model.parent.mkdir(parents=True)
    model.write_bytes(b"k" * 5000)
    return study


def rows(database: Database) -> dict[str, int]:
    """How many rows each table has."""
    with database.read() as connection:
        names = [name for name in sqlalchemy.inspect(database.engine).get_table_names() if "version" not in name]
        return {name: connection.execute(sqlalchemy.text(f"select count(*) from {name}")).scalar() for name in names}  # type: ignore[misc]


def stored(settings: Settings) -> set[str]:
    return {path.name for path in settings.artifacts_dir.iterdir()}


def delete(database: Database, settings: Settings, name: str) -> int:
    removal = delete_run(database, settings.results_dir, settings.artifacts_dir, name)
    assert removal.left == ()
    return removal.freed_bytes


def test_sizes_of_runs_the_largest_first(database: Database, settings: Settings) -> None:
    make(database, settings, "small", trials=1)
    make(database, settings, "large", trials=3)
    optuna.create_study(study_name="a/b", storage=database.url)
    sizes = measure(database, settings.results_dir, settings.artifacts_dir, ["a/b", "small", "large"])
    assert [(size.name, size.folder_bytes, size.artifact_bytes) for size in sizes] == [
        ("large", 5000, 4000), ("small", 5000, 2000), ("a/b", 0, 0),
    ]  # fmt: skip
    assert sizes[0].total_bytes == 9000 and abs((sizes[0].changed_at or 0) - time.time()) < 60
    assert sizes[2].changed_at is None


def test_a_run_is_deleted_whole_and_the_others_stay(database: Database, settings: Settings) -> None:
    make(database, settings, "kept")
    before, files = rows(database), stored(settings)
    assert min(before[name] for name in before if name != "trial_heartbeats") > 0  # every table is concerned
    make(database, settings, "gone")
    assert delete(database, settings, "gone") == 8000
    assert rows(database) == before and stored(settings) == files
    assert not (settings.results_dir / "gone").exists()
    assert (settings.results_dir / "kept/optimized_model/model.keras").is_file()
    with pytest.raises(UnknownRunError, match="gone"):
        delete(database, settings, "gone")


def test_a_file_that_a_copy_of_the_study_has_too_is_kept(database: Database, settings: Settings) -> None:
    make(database, settings, "first")
    storage = database.url
    optuna.copy_study(from_study_name="first", from_storage=storage, to_storage=storage, to_study_name="copy")
    files = stored(settings)
    assert delete(database, settings, "first") == 5000 and stored(settings) == files
    assert delete(database, settings, "copy") == 3000 and stored(settings) == set()


def test_a_run_that_is_not_over_is_refused(database: Database, settings: Settings) -> None:
    runs = Runs(database)
    runs.create("waits", owner="here:1", trials=1)
    runs.create("runs", owner="here:1", trials=1)
    runs.begin("runs")
    for name in ("waits", "runs"):
        with pytest.raises(RunBusyError, match="stop it on Monitor"):
            delete(database, settings, name)
        assert runs.get(name).run_name == name
    runs.end("runs", RunState.FAILED)
    delete(database, settings, "runs")  # it has no study, no folder, no file


def test_a_run_whose_job_may_still_cost_money_is_refused(database: Database, settings: Settings) -> None:
    make(database, settings, "remote")
    Jobs(database).add(Job("job-open", "remote", 1, "there", "IN_QUEUE", 1.0))
    with pytest.raises(RunBusyError, match="job-open"):
        delete(database, settings, "remote")
    Jobs(database).end("job-open", "CANCELLED")
    delete(database, settings, "remote")


def test_a_study_of_plain_optuna_is_deleted_too(database: Database, settings: Settings, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    for name in ("../outside", "logs", "artifacts"):
        optuna.create_study(study_name=name, storage=database.url)
    make(database, settings, "own")
    (settings.results_dir / "logs").mkdir()
    for name in ("../outside", "logs", "artifacts"):
        assert delete(database, settings, name) == 0
    assert outside.is_dir() and (settings.results_dir / "logs").is_dir() and stored(settings)


def test_a_file_that_resists_is_told(database: Database, settings: Settings) -> None:
    make(database, settings, "stuck", trials=0)
    (identity,) = stored(settings)
    (settings.artifacts_dir / identity).unlink()
    (settings.artifacts_dir / identity).mkdir()  # a folder cannot be unlinked
    removal = delete_run(database, settings.results_dir, settings.artifacts_dir, "stuck")
    assert removal.left == (str(settings.artifacts_dir / identity),) and removal.freed_bytes == 5000


SIZES = [RunSize(name, n_bytes, 0, None) for name, n_bytes in (("big", 700), ("old", 200), ("new", 100), ("on", 50))]
ENDED = {"old": 0.0, "big": 5.0 * DAY_S, "new": 9.0 * DAY_S}


@pytest.mark.parametrize(
    ("limits", "names"),
    [
        ({}, []),
        ({"older_than_days": 10}, []),
        ({"older_than_days": 4}, ["old", "big"]),
        ({"keep_bytes": 1050}, []),
        ({"keep_bytes": 1049}, ["old"]),
        ({"keep_bytes": 800}, ["old", "big"]),
        ({"keep_bytes": 0}, ["old", "big", "new"]),
        ({"older_than_days": 9.5, "keep_bytes": 149}, ["old", "big", "new"]),
    ],
)  # fmt: skip
def test_what_a_clean_up_would_delete(limits: dict[str, int], names: list[str]) -> None:
    assert [size.name for size in outdated(SIZES, ENDED, **limits, now=10.0 * DAY_S)] == names  # type: ignore[arg-type]


def test_only_runs_that_are_over_may_be_cleaned_up(settings: Settings, database: Database) -> None:
    make(database, settings, "a")
    Runs(database).create("waits", owner="here:1", trials=1)
    optuna.create_study(study_name="plain", storage=database.url)
    assert set(ended_runs(database)) == {"a"} and ended_runs(database)["a"] == pytest.approx(time.time(), abs=60)


def test_the_command_asks_before_it_deletes(
    settings: Settings, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    make(database, settings, "a")
    make(database, settings, "b")
    environment = {"ONEGIN_RESULTS_DIR": str(settings.results_dir), "ONEGIN_STORAGE_URL": settings.storage_url}
    assert clean(["keep_mb=0.01"], False, environment) == 0
    assert capsys.readouterr().out.splitlines() == ["would delete a, 0.0 MB", "1 run; confirm=true deletes them"]
    assert set(ended_runs(database)) == {"a", "b"}
    assert clean(["keep_mb=0.01", "confirm=true"], True, environment) == 0
    assert json.loads(capsys.readouterr().out) == {
        "runs": ["a"], "deleted": ["a"], "bytes": 8000, "problems": [],
    }  # fmt: skip
    assert set(ended_runs(database)) == {"b"} and not (settings.results_dir / "a").exists()
    assert clean(["older_than_days=1"], False, environment) == 0
    assert capsys.readouterr().out == "no run is over these limits\n"


def test_a_run_that_failed_before_its_first_trial_is_cleaned_up_too(
    settings: Settings, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    Runs(database).create("early", owner="here:1", trials=1)
    Runs(database).end("early", RunState.FAILED, "the file is damaged")
    environment = {"ONEGIN_RESULTS_DIR": str(settings.results_dir), "ONEGIN_STORAGE_URL": settings.storage_url}
    assert clean(["older_than_days=0", "confirm=true"], True, environment) == 0
    assert json.loads(capsys.readouterr().out)["deleted"] == ["early"] and not ended_runs(database)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "or keep_mb must be given"),
        (["older_than=3"], "did you mean older_than_days"),
        (["keep_mb=-1"], "keep_mb must be a number of at least 0, got '-1'"),
        (["keep_mb=nan"], "got 'nan'"),
        (["keep_mb=1", "confirm=perhaps"], "confirm must be true or false"),
    ],
)
def test_words_that_cannot_be_used(settings: Settings, words: list[str], said: str) -> None:
    with pytest.raises(UsageError) as error:
        clean(words, False, {"ONEGIN_RESULTS_DIR": str(settings.results_dir)})
    assert said in str(error.value)
