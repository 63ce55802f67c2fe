"""The Analysis page: what its score is called, and where to go where a chart has too few trials."""

from __future__ import annotations

import warnings

from pages.parts.analysis import view
from pages.parts.analysis.catalogue import CHARTS
from storage.database import Database
from storage.runs import Runs, RunState
from tests.pages import conftest
from tests.pages.test_pages import open_page, words

PAGE = "pages/analysis.py"


def test_a_score_of_two_is_called_one_number(database: Database) -> None:
    study = conftest.make_run(database, "healthy", 2, mode="health")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study.set_metric_names(["validation accuracy and health"])
    for accuracy in (0.8, 0.9):
        conftest.add_trial(study, accuracy)
    app = open_page(PAGE, study="healthy", chart="history")
    assert app.selectbox(key="analysis_target").options[0] == "Score with health"
    assert "highest score with health of 2 trials" in words(app) and "accuracy and health" not in words(app)


def test_a_chart_that_takes_more_trials_leads_to_them(database: Database) -> None:
    conftest.make_finished(database)
    conftest.make_running(database)
    conftest.make_plain(database)
    for study, shown in (("digits-done", True), ("digits-now", False), ("plain", False)):
        app = open_page(PAGE, study=study, chart="importance")
        links = [link.proto.label for link in app.get("page_link")]
        assert ("Add trials to this run in Monitor" in links) == shown, study
        assert "What the chart shows once it is there: A hyperparameter matters" in words(app)
        assert "dealt out anew" not in words(app)  # how it is computed comes with the chart
    durations = open_page(PAGE, study="digits-done", chart="duration").get("page_link")  # a figure, of too few trials
    assert [link.proto.label for link in durations] == ["Add trials to this run in Monitor"]
    assert "What the chart shows once" not in words(open_page(PAGE, study="digits-done", chart="history"))


def test_the_leaderboard_leads_to_seeds_and_not_to_more_trials(database: Database) -> None:
    conftest.add_trial(conftest.make_run(database, "single", 1), 0.9)
    Runs(database).end("single", RunState.FINISHED)
    app = open_page(PAGE, study="single", chart="leaderboard")
    assert "What the chart shows once" in words(app) and "Train the best again" in words(app)
    assert not app.get("page_link")


def test_every_chart_is_built_and_explained() -> None:
    assert set(view._BUILDERS) == set(CHARTS)
    for chart in CHARTS.values():
        assert chart.source[1].startswith("https://") and (chart.states or chart.why_no_states)
