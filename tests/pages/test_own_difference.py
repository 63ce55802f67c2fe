"""A network of one's own tells what it has that the trial which it came from has not."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from hpo_core.layer_plan import layer_plan
from pages.parts.own_difference import in_short
from storage.database import Database
from tests.pages import conftest
from tests.pages.test_pages import open_page, words
from tests.pages.test_trials import query
from tests.stubs import make_config

PAGE = "pages/architecture.py"


def labels(app: AppTest) -> list[str]:
    """Of what can be unfolded."""
    return [item.label for item in app.expander if item.label.startswith("Difference")]


def test_what_was_changed_in_a_trial_is_told_beside_the_fields(database: Database) -> None:
    conftest.make_finished(database)
    app = open_page(PAGE, study="digits-done")
    app.button(key="change_configuration").click().run()
    assert (query(app, "study"), query(app, "trial")) == (["digits-done"], ["1"])
    assert labels(app) == ["Difference to Trial 1: none"]
    before = app.number_input(key="own_filters").value
    app.number_input(key="own_filters").set_value(40).run()
    assert labels(app) == [f"Difference to Trial 1: Filters {before} → 40"]
    assert "Layers from Trial 1 to your network" in words(app) and "Your network has" in words(app)
    app.selectbox(key="own_dataset").select("imdb").run()
    assert not app.exception and labels(app) == []


@pytest.mark.parametrize("address", [{}, {"study": "gone", "trial": "1"}, {"study": "digits-done", "trial": "900"}, {
    "study": "digits-done", "trial": "x"}])  # fmt: skip
def test_without_a_trial_there_is_nothing_to_tell(address: dict[str, str], database: Database) -> None:
    conftest.make_finished(database)
    app = open_page(PAGE, network="{conv_layers: 2}", **address)
    assert not app.exception and not app.warning and labels(app) == []


def test_two_settings_are_named_and_the_others_counted() -> None:
    usual = layer_plan(make_config())
    assert in_short(usual, usual) == "none"
    two = make_config(conv_layers=2, filters=40)
    assert in_short(usual, layer_plan(two)) == "Convolution layers 3 → 2, Filters 16 → 40"
    three = make_config(conv_layers=2, filters=40, learning_rate=0.01)
    assert in_short(usual, layer_plan(three)).endswith("Filters 16 → 40, 1 other setting")
    assert (
        in_short(usual, layer_plan(make_config(pooling="global_average")))
        == "Pooling of maps flatten → global\\_average"
    )
