"""Which study a page shows, from one page to the next."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import update
from streamlit.testing.v1 import AppTest

from pages.parts import study_choice
from storage.database import Database
from storage.runs import DEAD_AFTER_S, Runs, RunState
from storage.tables import runs
from tests.pages import conftest
from tests.pages.test_pages import open_page


def test_what_was_chosen_stays_chosen_on_the_other_pages(database: Database) -> None:
    conftest.make_finished(database)
    conftest.make_running(database)
    app = open_page("pages/trials.py", study="digits-done")
    for page, key in (("health", "health_study"), ("analysis", "analysis_study"), ("models", "models_study")):
        app.query_params.clear()  # as the navigation does
        app.switch_page(f"pages/{page}.py").run()
        assert not app.exception and app.selectbox(key=key).value == "digits-done"
        assert app.query_params["study"] == "digits-done"
    app.selectbox(key="models_study").set_value("digits-now").run()
    app.query_params.clear()
    app.switch_page("pages/health.py").run()
    assert app.selectbox(key="health_study").value == "digits-now"


@pytest.mark.parametrize(
    ("chosen", "name"),
    [
        ("run-2", "run-2"),
        ("run · running", "run"),  # as it stood there before the run was over
        ("run-2 · running", "run-2"),
        ("a · b · made outside Onegin", "a · b"),
        ("gone · 3 trials", None),
        ("runs", None),
    ],
)
def test_a_browser_may_know_a_run_by_an_earlier_text(chosen: str, name: str | None) -> None:
    assert study_choice.named(chosen, ["run", "run-2", "a", "a · b"]) == name


@pytest.mark.parametrize(
    ("chosen", "address"),
    [
        ("run · running", {"study": ["run"], "trial": ["7"]}),  # which is shown: nothing was chosen
        ("other · running", {"study": ["other"]}),
        ("gone · 3 trials", {"study": ["run"], "trial": ["7"]}),
    ],
)
def test_only_another_run_changes_the_address(chosen: str, address: dict[str, list[str]]) -> None:
    app = AppTest.from_string(
        "import streamlit as st\nfrom pages.parts import study_choice\n"
        f"st.session_state['key'] = {chosen!r}\nstudy_choice._write_address('key', ['run', 'other'], 'run')"
    )
    app.query_params["study"], app.query_params["trial"] = "run", "7"
    app.run()
    assert not app.exception
    found = app.query_params
    assert {key: [value] if isinstance(value, str) else value for key, value in found.items()} == address


def test_without_a_choice_the_run_that_trains_is_shown(database: Database) -> None:
    conftest.make_finished(database)
    app = open_page("pages/health.py")
    assert app.selectbox(key="health_study").value == "digits-done"
    conftest.make_running(database)
    assert app.run().selectbox(key="health_study").value == "digits-now"


def test_a_study_that_is_gone_is_not_kept(database: Database) -> None:
    conftest.make_finished(database)
    app = open_page("pages/trials.py", study="gone", trial="99", compare="7,8")
    assert len(app.warning) == 1  # and nothing of what the run that is shown instead has no part in
    app.query_params.clear()
    app.switch_page("pages/health.py").run()
    assert app.selectbox(key="health_study").value == "digits-done" and not app.warning


@pytest.mark.parametrize("page", ["trials", "health", "analysis", "architecture"])
def test_a_run_that_never_began_is_not_the_first_choice_and_is_told_as_what_it_is(
    page: str, database: Database
) -> None:
    conftest.make_finished(database)
    Runs(database).create("dead", owner="host:1", trials=3)
    ready = words_of_info(open_page(f"pages/{page}.py", study="dead"))
    assert "getting ready" in ready
    Runs(database).end("dead", RunState.FAILED, "gtsrb is *not* here")
    app = open_page(f"pages/{page}.py")
    assert app.selectbox(key=f"{page}_study").value == "digits-done"
    assert app.selectbox(key=f"{page}_study").options == [
        "digits-done · 3 trials",
        "dead · failed",
    ]
    app = open_page(f"pages/{page}.py", study="dead")
    assert "This run failed before its first trial. Gtsrb is" in app.warning[0].value
    assert "getting ready" not in words_of_info(app) and "*not*" not in app.warning[0].value.replace("\\*", "")


def test_a_run_that_was_stopped_before_its_first_trial_says_so_once(database: Database) -> None:
    Runs(database).create("dead", owner="host:1", trials=3)
    Runs(database).end("dead", RunState.CANCELLED, "stopped before its end")
    said = open_page("pages/trials.py", study="dead").warning[0].value
    assert said == "This run was stopped before its first trial."


@pytest.mark.parametrize("page", ["trials", "health", "analysis", "architecture", "models"])
def test_a_run_whose_process_has_gone_is_told_beside_trials_that_still_say_running(
    page: str, database: Database
) -> None:
    conftest.make_running(database)
    assert not open_page(f"pages/{page}.py").warning
    with database.write() as connection:
        connection.execute(update(runs).values(heartbeat_at=time.time() - 2 * DEAD_AFTER_S))
    (warning,) = open_page(f"pages/{page}.py").warning
    assert "trains no more" in warning.value


def words_of_info(app: AppTest) -> str:
    return "\n".join(item.value for item in app.info)
