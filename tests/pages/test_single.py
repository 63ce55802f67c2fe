"""Any trial leads to a model of its own: its configuration, trained alone."""

from __future__ import annotations

from hpo_core.optimization_config import OptimizationConfig
from pages.parts import draft_address
from pages.parts.draft import Draft
from storage.database import Database
from storage.studies import Studies
from tests.pages import conftest, examined
from tests.pages.test_draft_address import first_visit
from tests.pages.test_pages import open_page, words
from tests.stubs import make_config


def test_a_trial_is_handed_to_optimize_as_it_was_trained(database: Database) -> None:
    examined.make_examined(database)
    app = open_page("pages/trials.py", study="digits-examined", trial="1")
    app.button(key="train_alone").click().run()
    assert not app.exception and app.title[0].value == "Optimize"
    assert app.button(key="start").label == "Train this network"
    form = app.session_state["draft"]
    assert isinstance(form, Draft)
    config = OptimizationConfig.from_mapping(form.configuration())
    assert config.trials == 1 and config.final_model and not config.search_space().searched
    assert "One network is set:</b> Conv 16-32-64, dense 64, adam 0.001, batch 32. The run trains it once" in words(app)
    assert "nothing is searched" in words(app) and "1 trial of a CNN on Digits 8x8 on this machine" in words(app)


def test_a_form_that_searches_nothing_says_so_and_leads_back_to_a_search(database: Database) -> None:
    form = Draft.first()
    form.fix("digits", make_config().hyperparameters)
    form.fields["trials"] = 3
    app = first_visit(**draft_address.told(form, OptimizationConfig.from_mapping(form.configuration())))
    assert "The 3 trials train it from different beginnings." in words(app)
    assert app.button(key="start").label == "Start optimisation"
    app.number_input(key="trials").set_value(1).run()
    assert (
        "trains it once, without a search, and makes a model of it." in words(app)
        and app.button(key="start").label == "Train this network"
    )
    form.fields |= {"trials": 1, "final_model": False}
    without = first_visit(**draft_address.told(form, OptimizationConfig.from_mapping(form.configuration())))
    assert "trains it once, without a search.</div>" in words(without)
    app.button(key="search_instead").click().run()
    assert "One network is set" not in words(app) and "12 trials of CNNs" in words(app)


def test_the_trial_that_a_final_model_was_made_of_leads_to_it(database: Database) -> None:
    examined.make_final_model(database)
    best = Studies(database).summary("digits-done").best_trial
    for number in range(3):
        keys = {button.key for button in open_page("pages/trials.py", study="digits-done", trial=str(number)).button}
        assert ("train_alone" in keys) == (number != best)


def test_what_was_made_elsewhere_is_not_offered(database: Database) -> None:
    conftest.make_plain(database)
    app = open_page("pages/trials.py", study="plain", trial="1")
    assert "train_alone" not in {button.key for button in app.button}
