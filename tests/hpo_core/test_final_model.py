"""Tests of what follows the last trial: the final model and the files of the run; the training is scripted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from hpo_core.errors import RunError, WorkerDiedError
from hpo_core.logs import tail
from hpo_core.outcome import run_outcome
from hpo_core.progress import after_record
from hpo_core.records import (
    FINAL_PHASE,
    Artefact,
    Batch,
    Failed,
    Finished,
    LogLine,
    Phase,
    Record,
    Started,
    is_of_final_model,
)
from hpo_core.runner import Runner
from hpo_core.settings import Settings
from hpo_core.trial_config import FINAL, TrialConfig
from storage.database import Database
from storage.progress import TrialProgress
from storage.studies import Studies
from tests.hpo_core.test_runner import finish, runner
from tests.stubs import ScriptedTrainer, records_of

STARTED = Started(layers=[], parameters=10, n_train=120, n_validation=0, process=1)
TESTED = Finished(epochs=2, duration_s=0.1, confusion=[[9, 1], [0, 10]], test_accuracy=0.95, test_loss=0.2, n_test=20)


def final_run(settings: Settings, end: Sequence[Record | Exception]) -> tuple[Runner, ScriptedTrainer]:
    """A run of four trials whose final training goes as `end` says."""

    def script(config: TrialConfig) -> Sequence[Record | Exception]:
        return end if config.part == FINAL else records_of(config)

    trainer = ScriptedTrainer(script)
    return finish(runner(settings, trainer, final_model=True)), trainer


def exported(folder: Path) -> Artefact:
    path = folder / "model.keras"
    path.write_bytes(b"model")
    return Artefact(name=path.name, path=str(path), note="its probabilities are those of the trained model")


def test_the_best_configuration_is_trained_tested_and_kept(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    missing = Artefact(name="model.onnx", path=None, note="a package is missing (tf2onnx)")
    _, trainer = final_run(settings, [STARTED, exported(tmp_path), missing, TESTED])
    outcome = run_outcome(settings, "a")
    assert outcome.test_accuracy == pytest.approx(0.95) and outcome.message == ""
    assert Studies(database).attributes("a")["test accuracy"] == pytest.approx(0.95)
    best = Studies(database).trials("a")[outcome.best_trial or 0]
    trained = trainer.seen[-1]
    assert trained.part == FINAL and trained.health_interval == 0 and trained.plots == "none"
    same = TrialConfig.from_json(best.attributes["configuration"])
    assert trained.hyperparameters == same.hyperparameters and trained.seed == same.seed
    folder = settings.results_dir / "a"
    assert (folder / "optimized_model" / "model.keras").read_bytes() == b"model"
    card = json.loads((folder / "optimized_model" / "card.json").read_text())
    assert card["test_accuracy"] == pytest.approx(0.95) and card["n_test"] == 20
    assert "tf2onnx" in (folder / "optimized_model" / "model_card.md").read_text()
    assert len((folder / "trials.csv").read_text().splitlines()) == 5
    assert (folder / "best_hyperparameters.yaml").exists()


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ([STARTED, WorkerDiedError("ended by SIGKILL")], "ended by SIGKILL"),
        ([Failed(error_type="ValueError", message="no room", traceback="")], "ValueError: no room"),
        ([STARTED], "without a test"),
        ([STARTED, Finished(epochs=2, duration_s=0.1)], "without a test"),
        ([RunError("the key is refused")], "the key is refused"),
    ],
    ids=["died", "failed", "silent", "untested", "refused"],
)
def test_a_final_model_that_cannot_be_made_leaves_the_run_finished(
    settings: Settings, end: list[Record | Exception], reason: str
) -> None:
    final_run(settings, end)
    outcome = run_outcome(settings, "a")
    assert (outcome.state.value, outcome.n_complete, outcome.test_accuracy) == ("finished", 4, None)
    assert "final model could not be made" in outcome.message and reason in outcome.message


def test_what_its_training_says_stands_in_the_log(settings: Settings, tmp_path: Path) -> None:
    said = LogLine(level="WARNING", text="plots.png is not in the store")
    final_run(settings, [STARTED, exported(tmp_path), said, TESTED])
    (line,) = tail(settings.log_file, 100, "final model: ")
    assert line.endswith("WARNING [a] final model: plots.png is not in the store")


def test_a_file_of_a_second_training_takes_the_place_of_the_missing_one(settings: Settings, tmp_path: Path) -> None:
    lost = Artefact(name="model.keras", path=None, note="it could not be fetched")
    final_run(settings, [STARTED, lost, exported(tmp_path), TESTED])
    folder = settings.results_dir / "a" / "optimized_model"
    assert (folder / "model.keras").exists() and "could not be fetched" not in (folder / "card.json").read_text()


def test_a_final_model_that_fails_half_way_leaves_no_file(settings: Settings, tmp_path: Path) -> None:
    final_run(settings, [STARTED, exported(tmp_path), WorkerDiedError("gone")])
    assert list((settings.results_dir / "a" / "optimized_model").iterdir()) == []


def test_a_file_that_cannot_be_kept_is_named_on_the_card(settings: Settings) -> None:
    final_run(settings, [STARTED, Artefact(name="model.keras", path="/no/such/file"), TESTED])
    folder = settings.results_dir / "a" / "optimized_model"
    card = json.loads((folder / "card.json").read_text())
    outcome = run_outcome(settings, "a")
    assert outcome.test_accuracy == pytest.approx(0.95)
    assert "model.keras could not be kept: No such file" in outcome.message
    assert "No such file" in json.dumps(card) and sorted(path.name for path in folder.iterdir()) == [
        "card.json", "model_card.md",
    ]  # fmt: skip


def test_waiting_elsewhere_belongs_to_the_final_model() -> None:
    """What RunPod says of its job is no phase of a trial."""
    now = TrialProgress(3, FINAL_PHASE, 0, 4, 0.0, 0.0, 0.0)
    now = after_record(now, Phase(name="waiting in RunPod's queue"))
    assert now.phase == "final model: waiting in RunPod's queue" and is_of_final_model(now.phase)
    now = after_record(now, STARTED)
    assert now.phase == FINAL_PHASE
    assert after_record(now, Phase(name="testing the final model")).phase == "testing the final model"


def test_a_final_model_that_is_tested_has_trained_all_its_epochs() -> None:
    """Its last batches are told only now and then."""
    now = TrialProgress(3, FINAL_PHASE, 0, 4, 0.0, 0.0, 0.0)
    assert after_record(now, Phase(name="loading data")).overall == 0
    now = after_record(now, Batch(epoch=3, batch=7, batches=23, loss=0.1, accuracy=0.9))
    tested = after_record(now, Phase(name="testing the final model"))
    assert (tested.epoch, tested.batch, tested.overall) == (4, 23, 1.0)
    assert after_record(tested, Phase(name="exporting the final model")).overall == 1.0


def test_its_phases_are_on_the_board(settings: Settings, database: Database) -> None:
    from storage.progress import ProgressTable

    run: list[Runner] = []
    seen: list[str] = []

    def script(config: TrialConfig) -> Sequence[Record]:
        if config.part != FINAL:
            return records_of(config)

        def told() -> Sequence[Record]:
            for record in (STARTED, Phase(name="testing the final model"), TESTED):
                yield record  # type: ignore[misc]
                run[0]._board.flush()
                seen.extend(item.phase for item in ProgressTable(database, "a").read())

        return told()

    run.append(runner(settings, ScriptedTrainer(script), final_model=True))
    finish(run[0])
    assert seen[:2] == ["building the final model", "testing the final model"]
    assert ProgressTable(database, "a").read() == []


def test_without_a_complete_trial_there_is_none(settings: Settings) -> None:
    trainer = ScriptedTrainer(lambda _: [WorkerDiedError("gone")])
    finish(runner(settings, trainer, final_model=True, trials=2))
    assert all(config.part != FINAL for config in trainer.seen)


def test_cancelling_while_it_is_built_cancels_the_run(settings: Settings) -> None:
    run: list[Runner] = []

    def script(config: TrialConfig) -> Sequence[Record]:
        if config.part == FINAL:
            run[0].cancel()
        return records_of(config)

    run.append(runner(settings, ScriptedTrainer(script), final_model=True))
    finish(run[0])
    outcome = run_outcome(settings, "a")
    assert (outcome.state.value, outcome.n_complete) == ("cancelled", 4)
