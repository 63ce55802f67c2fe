"""Databases with what a trial leaves behind: readings of its layers, pictures, a final model."""

from __future__ import annotations

import base64
import dataclasses
import tempfile
from collections.abc import Mapping
from pathlib import Path

import optuna
from optuna.artifacts import FileSystemArtifactStore, upload_artifact
from optuna.trial import TrialState

from hpo_core import results
from hpo_core.health.diagnoses import diagnose
from hpo_core.health.metrics import measure
from hpo_core.health.score import health_score
from hpo_core.history import TrialHistory, lean
from hpo_core.model_card import model_card
from hpo_core.records import Artefact, Finished, Started
from pages.parts import shared
from storage.database import Database
from storage.progress import ProgressTable
from storage.runs import Runs, RunState
from storage.studies import Studies
from tests import histories
from tests.pages import conftest

PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGPQ9pkNAAG4AROEvglyAAAAAElFTkSuQmCC")
MOVING_PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
# Of the final model: 36 samples of each digit, three nines taken for fours.
CONFUSION = [[36 * (row == column) for column in range(10)] for row in range(10)]
CONFUSION[9][9], CONFUSION[9][4] = 33, 3


def sick_history() -> TrialHistory:
    """Most units of each layer are dead."""
    return histories.with_readings(histories.cnn_history(), lambda layer: dataclasses.replace(layer, dead=24))


def make_examined(database: Database) -> optuna.Study:
    """A finished run of three trials with histories: Trial 1 is the most accurate, Trial 2 the healthiest."""
    study = conftest.make_run(database, "digits-examined", 3)
    pictures = {"training_history.png": PIXEL, "training_animation.gif": MOVING_PIXEL}
    told = (sick_history(), sick_history(), histories.cnn_history())
    for accuracy, history in zip((0.91, 0.9836, 0.95), told, strict=True):
        files = {"history.json": history.to_json().encode()} | pictures
        add_examined(database, study, accuracy, files, _health(history))
    Runs(database).end("digits-examined", RunState.FINISHED)
    return study


def add_examined(
    database: Database,
    study: optuna.Study,
    accuracy: float,
    files: Mapping[str, bytes],
    more: Mapping[str, object] | None = None,
) -> None:
    """A complete trial with files; as in a run they are kept before it is over."""
    conftest.add_trial(study, accuracy, TrialState.RUNNING, more)
    trial = study.get_trials(deepcopy=False)[-1]
    store, storage = shared.settings().artifacts_dir, database.optuna_storage()
    store.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
            upload_artifact(
                artifact_store=FileSystemArtifactStore(store), file_path=str(Path(folder) / name),
                study_or_trial=trial, storage=storage,
            )  # fmt: skip
    study.tell(trial.number, accuracy)


def make_watched(database: Database) -> None:
    """A run whose running trial, Trial 2, has ended two epochs."""
    conftest.make_running(database)
    table = ProgressTable(database, "digits-now")
    table.write([], [], {2: lean(histories.cnn_history(epochs=2)).to_json()})


def make_final_model(database: Database) -> Path:
    """A finished run with a final model that could not be made into ONNX; its folder."""
    conftest.make_finished(database)
    folder = shared.settings().results_dir / "digits-done"
    model = folder / "optimized_model"
    model.mkdir(parents=True)
    (model / "model.keras").write_bytes(b"k" * 250_000)
    (model / "architecture.json").write_bytes(b"{}")
    records = [
        Started(layers=[], parameters=12345, n_train=1437, n_validation=0, process=1),
        Artefact(
            name="model.keras", path=str(model / "model.keras"), note="its probabilities are those of the trained model"
        ),
        Artefact(name="architecture.json", path=str(model / "architecture.json"), note="without weights"),
        Artefact(name="model.onnx", path=None, note="could not be made: a package is missing (tf2onnx)"),
        Finished(epochs=4, duration_s=9.0, confusion=CONFUSION, test_accuracy=0.95, test_loss=0.2, n_test=360),
    ]
    best = Studies(database).trials("digits-done", sort="-score", limit=1)[0]
    card = model_card("digits-done", {}, best, records, "validation accuracy")
    results.write_results(Studies(database), "digits-done", folder)
    results.write_model_card(card, model)
    return folder


def _health(history: TrialHistory) -> dict[str, object]:
    """Attributes of a trial whose health was measured."""
    metrics = {name: value for name, value in measure(history).items() if value is not None}
    codes = dict.fromkeys(diagnosis.code for diagnosis in diagnose(history))
    return {"health": health_score(metrics), "diagnoses": ",".join(codes), **metrics}
