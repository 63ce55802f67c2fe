"""What the filters of the gallery offer, and what they say about the rest."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from hpo_core.parameters import PARAMETERS
from storage.database import Database
from tests.pages import conftest
from tests.pages.test_pages import open_page


def test_filters_offer_what_was_searched_and_say_why_nothing_else(database: Database) -> None:
    conftest.make_finished(database)
    parameter = opened_filters("digits-done").selectbox(key="filter_parameter")
    assert parameter.options == [PARAMETERS[name].title for name in ("filters", "learning_rate")]
    assert "were searched" in parameter.help and "the same in all trials" in parameter.help


def opened_filters(study: str) -> AppTest:
    """The gallery of a study with all its filters in sight."""
    app = open_page("pages/trials.py", study=study)
    app.session_state["more_filters"] = True
    return app.run()
