"""What the filters of the gallery offer, and what they say about the rest."""

from __future__ import annotations

import optuna
from optuna.trial import create_trial
from streamlit.testing.v1 import AppTest

from hpo_core.parameters import PARAMETERS
from storage.database import Database
from tests.pages import conftest
from tests.pages.test_pages import open_page, words


def test_filters_offer_what_was_searched_and_say_why_nothing_else(database: Database) -> None:
    conftest.make_finished(database)
    parameter = opened_filters("digits-done").selectbox(key="filter_parameter")
    assert parameter.options == [PARAMETERS[name].title for name in ("filters", "learning_rate")]
    assert "were searched" in parameter.help and "the same in all trials" in parameter.help


def test_the_best_trial_is_one_press_away_wherever_it_stands(database: Database) -> None:
    conftest.make_finished(database)
    app = open_page("pages/trials.py", study="digits-done", state="fail")
    assert app.button(key="to_best").label == "Best: Trial 1"
    app.button(key="to_best").click().run()
    assert app.query_params["trial"] in ("1", ["1"]) and "The best trial of this run" in words(app)
    conftest.make_run(database, "untried", 2)
    several = optuna.create_study(
        study_name="several", storage=database.optuna_storage(), directions=["maximize", "minimize"]
    )
    several.add_trial(create_trial(values=[0.5, 0.1]))
    for name in ("untried", "several"):
        assert not [item for item in open_page("pages/trials.py", study=name).button if item.key == "to_best"]


def opened_filters(study: str) -> AppTest:
    """The gallery of a study with all its filters in sight."""
    app = open_page("pages/trials.py", study=study)
    app.session_state["more_filters"] = True
    return app.run()


def test_a_browser_may_know_a_state_by_an_earlier_count(database: Database) -> None:
    for chosen, wanted in (("Failed or stopped · 7", ["fail"]), ("complete", ["complete"]), ("All · 3", [])):
        app = AppTest.from_string(
            "import streamlit as st\nfrom pages.parts import trial_filter_bar\n"
            f"st.session_state['filter_state'] = {chosen!r}\ntrial_filter_bar._write_state()"
        )
        app.query_params["state"] = "pruned"
        app.run()
        assert not app.exception
        found = app.query_params.get("state", [])
        assert ([found] if isinstance(found, str) else list(found)) == wanted
