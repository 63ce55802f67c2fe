"""Every page opens in every state, and says what it should."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
import streamlit as st
from optuna.trial import TrialState
from sqlalchemy import update
from streamlit.testing.v1 import AppTest

from hpo_core.final_model import FOLDER, TEST_ACCURACY
from hpo_core.logs import RunLog, open_log
from hpo_core.model_card import KERAS_FILE
from hpo_core.objective import CANCELLED
from pages.parts import shared
from storage.database import Database
from storage.jobs import Job, Jobs
from storage.progress import ProgressTable, TrialProgress
from storage.runs import Runs, RunState
from storage.tables import runs
from tests.pages import conftest

ROOT = Path(__file__).parents[2]
PAGES = sorted(f"pages/{file.name}" for file in (ROOT / "pages").glob("[!_]*.py"))
TIMEOUT_S = 30


def open_page(page: str, /, **query: str) -> AppTest:
    """The page as a visitor with this address sees it."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_S).run()
    app.switch_page(page)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception, app.exception
    return app


def words(app: AppTest) -> str:
    """Everything that is written on the page."""
    kinds = (
        app.title,
        app.header,
        app.subheader,
        app.markdown,
        app.html,
        app.caption,
        app.error,
        app.warning,
        app.info,
    )
    parts = [str(getattr(item, "value", None) or getattr(item, "body", "")) for kind in kinds for item in kind]
    return "\n".join([*parts, *(f"{tile.label}: {tile.value}" for tile in app.metric)])


def test_all_pages_are_found() -> None:
    assert {"pages/optimize.py", "pages/monitor.py", "pages/trials.py"} <= set(PAGES)


@pytest.mark.parametrize("state", conftest.STATES)
@pytest.mark.parametrize("page", PAGES)
def test_page_opens(page: str, state: str, fill: Callable[[str], None]) -> None:
    fill(state)
    app = open_page(page)
    assert app.title


def test_root_leads_to_optimize_with_its_query(database: Database) -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_S)
    app.query_params["study"] = "abc"
    app.run()
    assert not app.exception
    assert app.title[0].value == "Optimize"
    assert app.query_params["study"] in ("abc", ["abc"])


def test_monitor_shows_a_running_trial(database: Database) -> None:
    conftest.make_running(database)
    shown = words(open_page("pages/monitor.py"))
    for expected in ("running", "Trials performed: 2 of 6", "98.36 %", "Trial 2", "0.412", "87.00 %"):
        assert expected in shown


def test_monitor_shows_the_money_of_a_run_on_runpod(database: Database) -> None:
    study = conftest.make_run(database, "remote", 10, backend="runpod", gpu="24gb", max_cost=2.5)
    conftest.add_trial(study, 0.9)
    now, jobs = time.time(), Jobs(database)
    jobs.add(Job("j0", "remote", 0, "there", "COMPLETED", now - 90, cost=0.2, ended_at=now))
    jobs.add(Job("j1", "remote", 1, "there", "IN_PROGRESS", now - 100, delay_s=90.0))
    waiting = TrialProgress(
        trial=1, phase="waiting in RunPod's queue again: its worker went away", epoch=0, epochs=4, share=0.0,
        started_at=now, updated_at=now,
    )  # fmt: skip
    ProgressTable(database, "remote").write([waiting], [])
    app = open_page("pages/monitor.py", study="remote")
    shown, cost = words(app), next(tile for tile in app.metric if tile.label == "Cost so far")
    assert cost.value == "$0.20" and "over: \\$0.20," in cost.help
    assert "Cost: about $2.00 in all, by the mean of 1 trial; at most $2.50." in shown
    assert "waiting in RunPod&#x27;s queue again" in shown


def test_a_local_run_has_no_money(database: Database) -> None:
    conftest.make_running(database)
    assert "Cost" not in words(open_page("pages/monitor.py"))


def test_a_trial_says_what_it_cost(database: Database) -> None:
    study = conftest.make_run(database, "remote", 2)
    conftest.add_trial(study, 0.9, more={"cost": 0.0123})
    conftest.add_trial(study, 0.8)
    assert "Cost: $0.0123" in words(open_page("pages/trials.py", study="remote", trial="0"))
    assert "Cost" not in words(open_page("pages/trials.py", study="remote", trial="1"))


def test_monitor_asks_a_run_to_stop(database: Database) -> None:
    conftest.make_running(database)
    app = open_page("pages/monitor.py", study="digits-now")
    app.button(key="cancel").click().run()
    assert Runs(database).cancel_requested("digits-now")
    assert app.button(key="cancel").disabled
    assert "stopping" in words(app)


def test_monitor_offers_to_go_on_with_a_run_that_is_over(database: Database, tmp_path: Path) -> None:
    conftest.make_failed(database)
    conftest.make_finished(database)
    conftest.make_plain(database)
    app = open_page("pages/monitor.py", study="digits-failed")
    assert app.button(key="resume").label == "Resume run" and not app.button(key="resume").disabled
    assert app.number_input(key="trials_in_all_digits-failed").value == 3
    study = optuna.load_study(study_name="digits-done", storage=database.optuna_storage())
    study.set_user_attr(TEST_ACCURACY, 0.97)  # with its final model nothing of it is left to be made
    model = tmp_path / "results" / "digits-done" / FOLDER / KERAS_FILE
    model.parent.mkdir(parents=True)
    model.write_bytes(b"model")
    app = open_page("pages/monitor.py", study="digits-done")
    assert app.button(key="resume").label == "Extend run"
    assert "10 trials more than now." in words(app)
    app.number_input(key="trials_in_all_digits-done").set_value(3).run()
    assert "The run has 3 trials already: a larger number adds some." in words(app)
    app.button(key="resume").click().run()
    for _ in range(3):  # what is live is drawn anew every moment
        assert "more than the 3" in app.error[0].value and "Trials" in app.error[0].value
        app.run()
    assert "resume" not in {button.key for button in open_page("pages/monitor.py", study="plain").button}


def test_monitor_says_that_stopped_trials_are_made_again(database: Database) -> None:
    study = conftest.make_run(database, "stopped", 3)
    conftest.add_trial(study, 0.9)
    conftest.add_trial(study, 0.1, TrialState.FAIL, {"outcome": CANCELLED})
    Runs(database).end("stopped", RunState.CANCELLED)
    said = (
        "1 trial did not come to an end when the run was stopped. New ones take their place: 4 will be listed in the "
        "end."
    )
    assert said in words(open_page("pages/monitor.py", study="stopped"))
    conftest.make_failed(database)  # whose trials failed by themselves
    assert "did not come to an end" not in words(open_page("pages/monitor.py", study="digits-failed"))


def test_monitor_lets_a_run_with_a_money_cap_go_on_with_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNPOD_API_KEY", "rpa-planted")
    monkeypatch.setenv("RUNPOD_ENDPOINT_ID", "abc123")
    conftest.make_running(database)  # so that it has to wait
    for name, fields in (("here", {}), ("dear", {"backend": "runpod", "max_cost": 2.5})):
        conftest.add_trial(conftest.make_run(database, name, 10, **fields), 0.9)
        Runs(database).end(name, RunState.FINISHED)
    assert [item.key for item in open_page("pages/monitor.py", study="here").number_input] == ["trials_in_all_here"]
    app = open_page("pages/monitor.py", study="dear")
    assert app.number_input(key="max_cost_dear").value == 2.5
    app.number_input(key="max_cost_dear").set_value(4.0).run()
    app.button(key="resume").click().run()
    waiting = shared.manager()._waiting[0].runner
    assert (waiting.run_name, waiting.config.max_cost, waiting.config.trials) == ("dear", 4.0, 20)


def test_monitor_lets_a_run_go_on_after_the_one_that_trains(database: Database) -> None:
    """The queue: seen, changed and left from the page."""
    conftest.make_finished(database)
    conftest.make_running(database)
    assert "resume" not in {button.key for button in open_page("pages/monitor.py", study="digits-now").button}
    app = open_page("pages/monitor.py", study="digits-done")
    assert "waits its turn: digits-now is running" in words(app)
    app.button(key="resume").click().run()
    assert Runs(database).get("digits-done").state is RunState.WAITING
    assert "starts as soon as the run that trains now is over" in words(app) and not app.get("progress")
    assert app.button(key="earlier_digits-done").disabled
    app.button(key="remove_digits-done").click().run()
    assert Runs(database).get("digits-done").state is RunState.FINISHED
    assert "Waiting for their turn" not in words(app)


def test_monitor_shows_what_the_machine_does(database: Database) -> None:
    conftest.make_running(database)
    app = open_page("pages/monitor.py", study="digits-now")
    shown = words(app)
    assert re.search(r"machine, memory</small>[\d.]+ of [\d.]+ GB", shown)
    assert "training, processor</small>1.5 cores" in shown and "training, memory</small>600.0 MB" in shown
    assert "/s in" not in shown and "machine, processor" not in shown  # a mean needs two readings
    st.cache_data.clear()
    shown = words(app.run())
    assert re.search(r"machine, processor</small>[\d.]+ of \d+ cores?", shown)
    assert re.search(r"data, in and out</small>[\d.]+ \w+/s, [\d.]+ \w+/s", shown)
    assert "How to read these figures" in shown and "Near all cores" in shown
    assert ("far below 100 %" in shown) == ("GPU 0" in shown)
    conftest.make_finished(database)
    assert "machine, memory" not in words(open_page("pages/monitor.py", study="digits-done"))


def test_monitor_says_of_how_many_trainings_it_speaks(database: Database) -> None:
    conftest.make_running(database)
    table = ProgressTable(database, "digits-now")
    table.write([*table.read(), TrialProgress(3, "preparing", 0, 4, 0.0, time.time(), time.time())], [])
    shown = words(open_page("pages/monitor.py", study="digits-now"))
    assert "1 of 2 trainings, processor</small>1.5 cores" in shown


def test_monitor_after_the_last_trial(database: Database) -> None:
    conftest.make_running(database)
    ProgressTable(database, "digits-now").write([], [2])
    assert "being got ready" in words(open_page("pages/monitor.py", study="digits-now"))
    with database.write() as connection:
        connection.execute(update(runs).values(trials=2))
    assert "Every trial is over" in words(open_page("pages/monitor.py", study="digits-now"))


def test_a_trial_chosen_on_one_page_stays_chosen_on_the_next(database: Database) -> None:
    conftest.make_finished(database)
    app = open_page("pages/health.py", study="digits-done", trial="1")
    app.query_params.clear()
    app.switch_page("pages/architecture.py").run()
    assert app.number_input(key="architecture_trial").value == 1 and "trial" in app.query_params
    conftest.make_running(database)  # another study's trials are others
    app.query_params.clear()
    app.query_params["study"] = "digits-now"
    app.run()
    assert "trial" not in app.query_params


def test_monitor_searches_the_log(database: Database) -> None:
    conftest.make_finished(database)
    settings = shared.settings()
    open_log(settings.log_file)
    for line in ("Trial 7 is pruned", "Trial 8 is complete"):
        RunLog("digits-done").info(line)
    RunLog("another").info("Trial 7 of another run")
    app = open_page("pages/monitor.py", study="digits-done")
    assert "Trial 8 is complete" in app.code[0].value
    app.text_input(key="log_search").set_value("trial 7 IS").run()
    assert app.code[0].value.splitlines()[-1].endswith("Trial 7 is pruned") and "Trial 8" not in app.code[0].value
    app.text_input(key="log_search").set_value("nothing like it").run()
    assert app.code[0].value == "No line contains: nothing like it"


def test_monitor_stops_one_trial(database: Database) -> None:
    conftest.make_running(database)
    app = open_page("pages/monitor.py", study="digits-now")
    app.button(key="stop_2").click().run()
    assert Runs(database).stops("digits-now") == {2} and not Runs(database).cancel_requested("digits-now")
    assert app.button(key="stop_2").disabled and app.button(key="stop_2").label == "Stopping"


def test_monitor_groups_failures_and_says_what_to_do(database: Database) -> None:
    conftest.make_failed(database)
    app = open_page("pages/monitor.py")
    assert conftest.FAILURE in app.error[0].value
    assert "2 ×" in words(app) and "out of memory" in words(app)


@pytest.mark.parametrize("page", ["pages/monitor.py", "pages/trials.py"])
def test_unknown_study_is_said_in_place_and_the_rest_works(page: str, database: Database) -> None:
    conftest.make_finished(database)
    app = open_page(page, study="no-such-run")
    assert "no-such-run" in app.warning[0].value
    assert "98.36" in words(app)


@pytest.mark.parametrize("page", ["pages/monitor.py", "pages/trials.py"])
def test_study_of_plain_optuna_opens(page: str, database: Database) -> None:
    conftest.make_plain(database)
    app = open_page(page, study="plain", trial="1")
    assert not app.error and not app.warning
    assert "Trial 1" in words(app) or "4 of 4" in words(app)


@pytest.mark.parametrize("page", PAGES)
def test_page_survives_a_database_that_is_away(page: str, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    conftest.make_finished(database)
    app = open_page(page)
    with database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE onegin_runs RENAME TO away")
    app.run()
    assert not app.exception
    assert "database does not answer" in app.error[0].value
    with database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO onegin_runs")
    app.run()
    assert not app.error and not app.exception
