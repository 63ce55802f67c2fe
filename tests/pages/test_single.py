"""Any trial leads to a model of its own: its configuration, trained alone."""

from __future__ import annotations

from hpo_core.optimization_config import OptimizationConfig
from pages.parts.draft import Draft
from storage.database import Database
from tests.pages import conftest, examined
from tests.pages.test_pages import open_page, words


def test_a_trial_is_handed_to_optimize_as_it_was_trained(database: Database) -> None:
    examined.make_examined(database)
    app = open_page("pages/trials.py", study="digits-examined", trial="1")
    app.button(key="train_alone").click().run()
    assert not app.exception and app.title[0].value == "Optimize"
    assert app.button(key="start_single").label == "Train this one"
    form = app.session_state["draft"]
    assert isinstance(form, Draft)
    config = OptimizationConfig.from_mapping(form.configuration())
    assert config.trials == 1 and config.final_model and not config.search_space().searched
    assert "Everything is fixed" in words(app) and "1 trial of a CNN on Digits 8x8 on this machine" in words(app)


def test_what_was_made_elsewhere_is_not_offered(database: Database) -> None:
    conftest.make_plain(database)
    app = open_page("pages/trials.py", study="plain", trial="1")
    assert "train_alone" not in {button.key for button in app.button}
