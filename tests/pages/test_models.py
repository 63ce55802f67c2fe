"""Models: which runs have one, what is said where there is none, and what can be downloaded."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import update

from hpo_core import housekeeping
from hpo_core.model_card import ModelFile
from pages.parts import confusion, final_models, model_view, shared
from storage.database import Database
from storage.progress import ProgressTable, TrialProgress
from storage.runs import Runs, RunState
from storage.tables import runs
from tests.pages import conftest, examined
from tests.pages.test_pages import open_page, words

PAGE = "pages/models.py"


def test_folder_of_a_run_lies_in_the_results(tmp_path: Path) -> None:
    assert housekeeping.run_folder(tmp_path, "run-1") == tmp_path / "run-1"
    for name in ("../etc", "a/b", "", "..", "~"):
        assert housekeeping.run_folder(tmp_path, name) is None


def test_only_files_of_the_model_are_handed_out(database: Database) -> None:
    folder = examined.make_final_model(database)
    model = final_models.read(shared.settings().results_dir, "digits-done")
    assert model is not None and model.folder == folder / "optimized_model"
    keras, _, onnx = model.card.files
    assert final_models.is_available(model, keras) and not final_models.is_available(model, onnx)
    assert (folder / "trials.csv").is_file()
    assert not final_models.is_available(model, ModelFile("../trials.csv", 100, ""))
    assert model.mistakes == ["9 taken for 4: 3 of 36 (8.33 %)"]


def test_damaged_card_is_an_error_with_the_run_in_it(database: Database) -> None:
    folder = examined.make_final_model(database)
    for text in ("no json", "{}", json.dumps({"config": "{}"})):
        (folder / "optimized_model" / "card.json").write_text(text)
        with pytest.raises(ValueError, match="digits-done"):
            final_models.read(shared.settings().results_dir, "digits-done")
    assert "digits-done" in open_page(PAGE).error[0].value


def test_why_there_is_no_model(database: Database) -> None:
    conftest.make_run(database, "run", 3)
    runs = Runs(database)
    assert "outside Onegin" in final_models.why_none(None, {}, 1)
    assert "still searching" in final_models.why_none(runs.get("run"), {}, 1)
    assert "without a final model" in final_models.why_none(
        runs.get("run"), {"configuration": {"final_model": False}}, 1
    )
    assert "95.00 %" in final_models.why_none(runs.get("run"), {"test accuracy": 0.95}, 1)
    runs.end("run", RunState.CANCELLED)
    assert "was stopped before" in final_models.why_none(runs.get("run"), {}, 1)
    assert "No trial of this run" in final_models.why_none(runs.get("run"), {}, 0)


def test_mistakes_that_were_made_once_are_not_called_frequent() -> None:
    assert model_view.title_of_mistakes([[30, 1], [1, 60]]) == "Mistakes, none of them twice"
    assert model_view.title_of_mistakes([[30, 2], [1, 60]]) == "Most frequent mistakes"


def test_confusion_is_coloured_by_row_and_numbered_where_it_fits() -> None:
    figure = confusion.draw_confusion([[3, 1], [0, 0]], ["no", "yes"])
    assert [list(row) for row in figure.data[0].z] == [[0.75, 0.25], [None, None]]
    assert list(figure.data[0].text[0]) == ["3", "1"] and list(figure.data[0].text[1]) == ["", ""]
    assert figure.data[0].hovertext[0][1] == "no taken for yes: 1 of 4"
    large = confusion.draw_confusion([[1] * 43 for _ in range(43)], [])
    assert large.data[0].text is None and len(set(large.data[0].x)) == 43
    assert len(set(confusion.labelled(["a long name of a class"] * 3, 3))) == 3


def test_few_classes_are_a_table_of_numbers() -> None:
    drawn = confusion.as_table([[30, 10], [0, 60]], ["cat", "<dog>"])
    assert '<th scope="row">&lt;dog&gt;</th><td></td><td class="hit much" style="--share:1.000"' in drawn
    assert 'class="miss much" style="--share:1.000" title="cat taken for &lt;dog&gt;: 10 of 40">10</td>' in drawn
    assert 'class="hit much" style="--share:0.750" title="cat recognised: 30 of 40">30</td>' in drawn
    assert 'class="confusion long"' in drawn and "long" not in confusion.as_table([[1]], ["1"])
    assert "recognised" not in confusion.as_table([[0]], ["1"])


def test_page_shows_the_test_and_offers_the_files(database: Database) -> None:
    examined.make_final_model(database)
    app = open_page(PAGE)
    shown = words(app)
    assert "trained again on all samples its trials used" in shown and "all its data" not in shown
    for expected in ("Test accuracy: 95.00 %", "Test samples: 360", "250 kB", "9 taken for 4", "tf2onnx", "## Limits"):
        assert expected in shown
    assert "Confusion matrix: what it takes for what" in shown and ">Largest difference" not in shown
    buttons = {button.key: button for button in app.get("download_button")}
    assert not buttons["download_digits_done_model_keras"].proto.disabled
    assert buttons["download_digits_done_model_keras"].proto.label == "Download .keras"
    assert "Arrives as digits-done-model.keras" in shown.replace("<wbr>", "")
    assert 'load_model("digits-done-model.keras")' in shown and "| `digits-done-model.keras` |" in shown
    assert buttons["download_digits_done_model_onnx"].proto.disabled
    assert {"download_digits_done_best_hyperparameters_yaml", "download_digits_done_trials_csv"} <= set(buttons)
    assert "download_digits_done_config_yaml" not in buttons  # this run has no such file


def test_a_model_of_a_run_that_is_extended_says_that_it_may_change(database: Database) -> None:
    examined.make_final_model(database)

    def label() -> str:
        return str(open_page(PAGE, study="digits-done").get("page_link")[0].proto.label)

    before = label()
    assert before.endswith("the best of this run")
    Runs(database).take_over("digits-done", owner="host:1", trials=9)
    assert label() == f"{before} so far: it goes on"


def test_a_file_that_was_deleted_is_no_longer_offered(database: Database) -> None:
    folder = examined.make_final_model(database)
    (folder / "optimized_model" / "model.keras").unlink()
    app = open_page(PAGE)
    buttons = {button.key: button for button in app.get("download_button")}
    assert buttons["download_digits_done_model_keras"].proto.disabled and "moved or deleted" in words(app)


def test_runs_without_a_model_are_explained_when_asked_for(database: Database) -> None:
    conftest.make_failed(database)
    app = open_page(PAGE)
    assert "No final model yet" in words(app) and "No trial of this run" in app.info[0].value
    assert any(button.key == "models_report" for button in app.get("download_button"))  # of any study
    examined.make_final_model(database)
    app = open_page(PAGE, study="digits-failed")
    assert app.selectbox(key="models_study").value == "digits-failed"
    app.selectbox(key="models_study").select("digits-done").run()
    assert "Test accuracy: 95.00 %" in words(app)


def test_a_model_that_is_being_built_is_announced(database: Database) -> None:
    conftest.make_running(database)
    step = TrialProgress(
        trial=1, phase="building the final model", epoch=2, epochs=4, share=0.5, started_at=0.0, updated_at=0.0
    )
    ProgressTable(database, "digits-now").write([step], [2])
    app = open_page(PAGE)
    assert "Building the final model: epoch 2 of 4." in app.info[0].value
    with database.write() as connection:  # its process died long ago
        connection.execute(update(runs).where(runs.c.run_name == "digits-now").values(heartbeat_at=1.0))
    assert "Building" not in open_page(PAGE, study="digits-now").info[0].value


def test_folder_that_lies_elsewhere_is_explained(database: Database) -> None:
    folder = examined.make_final_model(database)
    shutil.rmtree(folder)
    app = open_page(PAGE, study="digits-done")
    assert not app.exception and "before a final model was made" in app.info[0].value


def test_everything_is_packed_on_request_and_then_offered(database: Database) -> None:
    folder = examined.make_final_model(database)
    (folder / "plots/trial_1").mkdir(parents=True)
    (folder / "plots/trial_1/training_history.png").write_bytes(examined.PIXEL)
    app = open_page(PAGE, study="digits-done")
    assert not [item for item in app.get("download_button") if item.key == "package_download"]
    app.button(key="package_prepare").click().run()
    assert not app.exception and not app.error
    (button,) = [item for item in app.get("download_button") if item.key == "package_download"]
    assert "Download everything (" in button.proto.label
    with zipfile.ZipFile(folder / "package.zip") as package:
        assert set(package.namelist()) == {
            "digits-done-report.html", "model/model_card.md", "model/model.keras", "best_hyperparameters.yaml",
            "trials.csv", "plots/training_history.png", "SHA256SUMS",
            *(f"model/diagram.{kind}" for kind in ("svg", "png", "pdf")), "model/card.json", "model/layers.json",
            "model/architecture.json",  # of the exported model: its own, whatever else describes the network,
        }  # fmt: skip
        assert package.read("model/architecture.json") == b"{}"
        assert b'load_model("model.keras")' in package.read("model/model_card.md")
        plan = json.loads(package.read("model/layers.json"))
        assert plan["layers"][0]["name"] in package.read("model/diagram.svg").decode()


def test_a_package_that_cannot_be_written_is_told_in_place(database: Database) -> None:
    folder = examined.make_final_model(database)
    (folder / ".package.zip.part").mkdir()
    app = open_page(PAGE, study="digits-done")
    app.button(key="package_prepare").click().run()
    assert "The package could not be made" in app.error[0].value and not app.exception


def test_a_run_that_searches_is_watched_not_started_again(database: Database) -> None:
    conftest.make_running(database)
    app = open_page(PAGE, study="digits-now")
    assert (
        "still searching" in words(app)
        and "Get a model" not in words(app)
        and "to_optimize" not in {button.key for button in app.button}
    )
    app.button(key="to_monitor").click().run()
    assert app.title[0].value == "Monitor" and app.query_params["study"] in ("digits-now", ["digits-now"])
    Runs(database).end("digits-now", RunState.CANCELLED)
    app = open_page(PAGE, study="digits-now")
    keys = {button.key for button in app.button}
    assert {"to_optimize", "to_resume"} <= keys and "to_monitor" not in keys
    assert "Get a model of it" in words(app)  # of its best trial, without the rest of the search
    app.button(key="to_resume").click().run()
    assert app.title[0].value == "Monitor" and app.button(key="resume").label == "Resume run"


def test_only_a_run_that_could_go_on_to_its_model_can_be_resumed(database: Database) -> None:
    conftest.make_run(database, "run", 3)
    runs = Runs(database)
    told: dict[str, object] = {"configuration": {"trials": 3}}
    assert not final_models.can_be_resumed(runs.get("run"), told)  # it goes on by itself
    runs.end("run", RunState.CANCELLED)
    assert final_models.can_be_resumed(runs.get("run"), told)
    without = {"configuration": {"final_model": False}}
    assert not final_models.can_be_resumed(runs.get("run"), without)
    assert not final_models.can_be_resumed(runs.get("run"), {}) and not final_models.can_be_resumed(None, told)
