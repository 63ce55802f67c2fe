"""The report of a study: complete, whatever the study is made of, and free of the network and of foreign markup."""

from __future__ import annotations

import dataclasses
import json
from html.parser import HTMLParser
from pathlib import Path

import optuna
import pytest

from hpo_core.__main__ import main
from pages.parts import report_download, shared
from pages.parts.report import MAX_POINTS, build_report, report_name
from pages.parts.report_data import MOST_TRIALS, ReportData, read_report
from storage.database import Database
from storage.errors import UnknownRunError
from tests.pages import conftest, examined
from tests.pages.test_pages import open_page

EVIL = '<script>alert("1")</script></title>&\'☃'
VOID = {"meta", "br", "img", "hr", "link", "input"}


class Reader(HTMLParser):
    """The elements of a page, their addresses and its visible text; refuses what is not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.addresses: list[str] = []
        self.scripts: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.addresses += [value or "" for name, value in attributes if name in ("src", "href", "action", "data")]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "script":
            self.scripts.append(data)
        elif self._open and self._open[-1] != "style":
            self.text += data


def read(database: Database, name: str) -> ReportData:
    settings = shared.settings()
    return read_report(database, settings.results_dir, settings.artifacts_dir, name)


def test_everything_of_a_run_is_in_it(database: Database) -> None:
    examined.make_examined(database)
    page = Reader(build_report(read(database, "digits-examined")))
    for expected in (
        "digits-examined", "3 complete", "Best trial: Trial 1", "98.36 %", "Conv 16-32", "Neuron utilisation",
        "Dead units", "max_epochs_per_trial: 4", "Trial 2", "There is no final model",
    ):  # fmt: skip
        assert expected in page.text, expected
    assert page.elements.count("figure") == 5  # scores, accuracy, loss, network, radar
    assert page.elements.count("rect") > 10 and "1 · input" in page.text


def test_names_and_values_are_those_of_the_pages(database: Database) -> None:
    study = conftest.make_run(database, "named", 1)
    figures = {"top5_accuracy": 1.0, "macro_f1": 0.975489, "validation_loss": 0.0974476, "health": 0.915008}
    conftest.add_trial(study, 0.9, more=figures)
    data = read(database, "named")
    best = dataclasses.replace(data.trials[0], params={"conv_layers": 3})
    page = Reader(build_report(dataclasses.replace(data, trials=[best]))).text
    for expected in ("Top-5 accuracy100.00 %", "Macro F197.55 %", "Health0.915", "Validation loss0.09745"):
        assert expected in page, expected
    assert "Convolution layers3" in page and "Conv layers" not in page and "Accuracy90.00 %" in page
    assert "Score0.900" not in page and "Best score" not in page and "trialaccuracy" in page  # not said again


def test_a_final_model_is_in_it(database: Database) -> None:
    examined.make_final_model(database)
    page = Reader(build_report(read(database, "digits-done")))
    for expected in ("95.00 %, 95 % interval", "model.keras (250 kB)", "9 taken for 4", "## How to load it"):
        assert expected in page.text, expected


def test_nothing_is_loaded_and_the_script_is_there_once(database: Database) -> None:
    examined.make_examined(database)
    page = Reader(build_report(read(database, "digits-examined")))
    assert page.addresses == [] and not {"link", "iframe", "object", "base"} & set(page.elements)
    assert sum("plotly.js v" in script for script in page.scripts) == 1
    assert sum(len(script) > 1_000_000 for script in page.scripts) == 1


def test_names_are_words_and_never_markup(database: Database) -> None:
    study = conftest.make_run(database, "plain-name", 1)
    conftest.add_trial(study, 0.5, more={"architecture": EVIL, EVIL: EVIL})
    study.set_user_attr("dataset", EVIL)
    foreign = optuna.create_study(study_name=EVIL, storage=database.optuna_storage())
    foreign.add_trial(
        optuna.trial.create_trial(
            value=1.0, params={EVIL: EVIL},
            distributions={EVIL: optuna.distributions.CategoricalDistribution((EVIL, "b"))},
        )
    )  # fmt: skip
    for name in ("plain-name", EVIL):
        text = build_report(read(database, name))
        page = Reader(text)
        assert 'alert("1")' in page.text and not any('alert("1")' in script for script in page.scripts[1:])
        assert "<script>alert" not in text
    assert report_name(EVIL) == "_script_alert__1____script___title____-report.html"
    assert report_name("../..") == "_-report.html" and report_name("") == "study-report.html"


def test_a_study_of_plain_optuna_says_what_is_not_known(database: Database) -> None:
    conftest.make_plain(database)
    page = Reader(build_report(read(database, "plain")))
    for expected in ("Made outside Onegin", "4 complete", "No health was measured", "configuration is not known", "x "):
        assert expected in page.text, expected


def test_studies_without_a_result_and_with_several_objectives(database: Database) -> None:
    optuna.create_study(study_name="empty", storage=database.optuna_storage())
    page = Reader(build_report(read(database, "empty")))
    assert "none yet" in page.text and "No trial is complete" in page.text
    several = optuna.create_study(
        study_name="several", storage=database.optuna_storage(), directions=["minimize", "maximize"]
    )
    for number in range(3):
        several.add_trial(optuna.trial.create_trial(values=[number, float("inf")]))
    page = Reader(build_report(read(database, "several")))
    assert "has 2 objectives, so no trial is the best in everything" in page.text and page.text.count("Trial 2") == 1
    assert "Best" not in page.text and "the best by it is Trial 0" in page.text
    assert "the best first by the first objective" in page.text and "2.000 · ∞" in page.text
    with pytest.raises(UnknownRunError):
        read(database, "gone")


def test_many_trials_are_bounded_and_the_best_is_kept(database: Database) -> None:
    study = conftest.make_run(database, "many", MOST_TRIALS + 3)
    for number in range(MOST_TRIALS + 3):
        conftest.add_trial(study, number / 100)
    data = read(database, "many")
    assert f"The best {MOST_TRIALS} of 53" in build_report(data)
    points = [(number, 1.0 if number == 1234 else 0.5) for number in range(MAX_POINTS * 3)]
    page = Reader(build_report(ReportData(**data.__dict__ | {"points": points})))
    assert "the best is Trial 1234 with 100.00 %" in page.text and "5\u202f001 of them are drawn" in page.text


def test_the_page_offers_it_and_makes_it_when_asked(database: Database) -> None:
    conftest.make_failed(database)
    app = open_page("pages/models.py", study="digits-failed")
    (button,) = [item for item in app.get("download_button") if item.key == "models_report"]
    assert not button.proto.disabled
    assert b"digits-failed" in report_download._content("digits-failed")
    assert b"No report: " in report_download._content("<gone>") and b"<gone>" not in report_download._content("<gone>")


def test_the_command_line_writes_it(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    conftest.make_finished(database)
    assert main(["export", "run_name=digits-done", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    file = Path(told["report"])
    assert file == shared.settings().results_dir / "digits-done" / "digits-done-report.html"
    assert Reader(file.read_text(encoding="utf-8")).text.count("Trial 1")
    for words in (["export"], ["export", "run_name=gone"], ["export", "name=x"]):
        assert main(words) == 2
    assert "run_name must be a run that has begun" in capsys.readouterr().err
