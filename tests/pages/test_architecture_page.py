"""The Architecture page in every state of a trial, and a configuration of one's own."""

from __future__ import annotations

import warnings

import optuna
import pytest

from hpo_core.layer_plan import layer_plan
from hpo_core.optimization_config import OptimizationConfig
from pages.parts import draft, formats
from storage.database import Database
from tests.pages import conftest, examined
from tests.pages.test_pages import open_page, words
from tests.stubs import make_config

PAGE = "pages/architecture.py"


def test_a_finished_trial_shows_its_layers_and_the_largest_one(database: Database) -> None:
    conftest.make_finished(database)
    app = open_page(PAGE, study="digits-done", trial="1")
    plan = layer_plan(make_config())
    shown = words(app)
    assert f"18 layers, {formats.count(plan.trainable)} weights" in shown
    assert "3 · hidden" not in shown and "11 · conv_3" in shown  # it has the most weights
    assert app.selectbox(key="network_layer").options[:2] == ["1 · input", "2 · scaling"]


def test_a_layer_is_explained_when_it_is_chosen(database: Database) -> None:
    conftest.make_finished(database)
    app = open_page(PAGE)
    app.selectbox(key="network_layer").select("conv_1").run()
    shown = words(app)
    assert "Slides 16 small windows of 3 × 3" in shown and "Kernel size" in shown and "8 × 8 × 16" in shown


def test_colours_are_offered_where_there_are_readings(database: Database) -> None:
    examined.make_examined(database)
    app = open_page(PAGE, study="digits-examined", trial="1")
    assert app.button_group(key="network_colour").options == ["Layer type", "Health", "Accuracy"]
    app.selectbox(key="network_layer").select("conv_1").run()
    assert "24 of 24" in words(app) and "0.000" in words(app)
    app.button_group(key="network_colour").set_value("Health").run()
    assert "not read" in words(app) and not app.exception
    app.button_group(key="network_colour").set_value("Accuracy").run()
    assert "whole network" in words(app)


@pytest.mark.parametrize("view", ["3D", "Animation"])
def test_the_other_views_open(view: str, database: Database) -> None:
    conftest.make_finished(database)
    app = open_page(PAGE)
    app.button_group(key="network_view").set_value(view).run()
    assert not app.exception


def test_a_running_trial_is_shown_from_its_suggestions(database: Database) -> None:
    study = conftest.make_run(database, "now", 3, space={"conv_layers": 5})
    told = study.user_attrs["configuration"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Optuna's heartbeat belongs to study.optimize
        trial = study.ask()
    assert "just begun" in open_page(PAGE, study="now").info[0].value
    OptimizationConfig.from_mapping(told).search_space().suggest(trial)
    shown = words(open_page(PAGE, study="now"))
    assert "running" in shown and "conv_5" in shown


def test_a_failed_trial_has_a_network(database: Database) -> None:
    conftest.make_failed(database)
    app = open_page(PAGE)
    assert "failed" in words(app) and "18 layers" in words(app)


def test_a_trial_of_plain_optuna_says_so_and_offers_an_own_configuration(database: Database) -> None:
    conftest.make_plain(database)
    app = open_page(PAGE, study="plain", trial="1")
    assert "outside Onegin" in app.info[0].value and not app.error
    app.button(key="to_own").click().run()
    assert not app.exception and "18 layers" in words(app)


def test_without_a_run_there_is_an_own_configuration(database: Database) -> None:
    app = open_page(PAGE)
    assert "No network of a trial yet" in words(app)
    app.button(key="to_own").click().run()
    assert "18 layers" in words(app)


def test_a_trial_that_is_gone_is_said_and_the_page_works(database: Database) -> None:
    conftest.make_finished(database)
    app = open_page(PAGE, study="digits-done", trial="99")
    assert "99" in app.warning[0].value and "18 layers" in words(app)


def test_a_number_beyond_the_last_trial_is_answered_in_words(database: Database) -> None:
    """The browser would keep it to itself, and its mark beside whatever is chosen next."""
    conftest.make_finished(database)
    app = open_page(PAGE, study="digits-done")
    app.number_input(key="architecture_trial").set_value(99).run()
    assert "There is no trial “99”" in app.warning[0].value and app.number_input(key="architecture_trial").value == 1
    app.number_input(key="architecture_trial").set_value(3).run()  # as the button + does at the last one
    assert app.number_input(key="architecture_trial").value == 2 and not app.warning


def test_a_change_is_counted_at_once(database: Database) -> None:
    conftest.make_finished(database)
    app = open_page(PAGE)
    app.button(key="change_configuration").click().run()
    app.number_input(key="own_conv_layers").set_value(2).run()
    app.number_input(key="own_filters").set_value(5).run()
    plan = layer_plan(make_config(conv_layers=2, filters=5))
    assert f"{len(plan.layers)} layers, {formats.count(plan.trainable)} weights" in words(app)
    assert app.number_input(key="own_hidden_shrinkage").disabled
    app.button(key="own_defaults").click().run()
    assert "18 layers" in words(app)


def test_a_number_that_is_taken_away_stays_as_it_was(database: Database) -> None:
    app = open_page(PAGE, network="{filters: 24}")
    app.number_input(key="own_filters").set_value(None).run()
    assert not app.exception and app.number_input(key="own_filters").value == 24
    assert '.st-key-own_filters { --allowed: "a whole number from 1 to 512"; }' in words(app)


def test_an_own_network_is_taken_to_the_form_and_can_be_trained(database: Database) -> None:
    app = open_page(PAGE)
    app.button(key="to_own").click().run()
    app.selectbox(key="own_dataset").select("generated_text").run()
    app.number_input(key="own_lstm_units").set_value(48).run()
    app.button(key="own_train").click().run()
    assert not app.exception and app.title[0].value == "Optimize"
    assert "One network is set:" in words(app) and "48, dense" in words(app)
    assert "nothing is searched" in words(app) and app.button(key="start").label == "Train this network"
    config = OptimizationConfig.from_mapping(app.session_state[draft.KEY].configuration())
    assert (config.dataset, config.trials, config.max_epochs_per_trial) == ("generated_text", 1, 5)
    assert config.one_trial().space["lstm_units"] == 48


def test_another_data_set_has_the_other_kind_of_network(database: Database) -> None:
    app = open_page(PAGE)
    app.button(key="to_own").click().run()
    app.selectbox(key="own_dataset").select("imdb").run()
    plan = layer_plan(make_config("imdb"))
    assert f"{formats.count(plan.trainable)} weights" in words(app)
    app.selectbox(key="own_state_pooling").select("last").run()
    assert not app.exception and "max_over_words" not in str(app.selectbox(key="own_layer").options)


def test_an_own_configuration_begins_with_that_of_the_trial(database: Database) -> None:
    study = conftest.make_run(database, "text", 1)
    config = make_config("generated_text", lstm_layers=3, bidirectional=True)
    conftest.add_trial(study, 0.9, more={"configuration": config.to_json()})
    app = open_page(PAGE, study="text")
    app.button(key="change_configuration").click().run()
    assert app.selectbox(key="own_dataset").value == "generated_text"
    assert app.number_input(key="own_lstm_layers").value == 3 and app.toggle(key="own_bidirectional").value
    assert f"{formats.count(layer_plan(config).trainable)} weights" in words(app)


def test_a_network_that_no_run_would_take_says_so(database: Database) -> None:
    app = open_page(PAGE)
    app.button(key="to_own").click().run()
    app.number_input(key="own_first_hidden_nodes").set_value(16384).run()
    app.number_input(key="own_filters").set_value(512).run()
    app.number_input(key="own_hidden_layers").set_value(12).run()
    app.number_input(key="own_hidden_shrinkage").set_value(1.0).run()
    assert "A run refuses more than" in app.warning[0].value


def test_two_trials_are_compared(database: Database) -> None:
    study = conftest.make_run(database, "two", 3)
    for changes in ({}, {"hidden_layers": 2}):
        conftest.add_trial(study, 0.9, more={"configuration": make_config(**changes).to_json()})
    conftest.add_trial(study, 0.9, more={"configuration": "broken"})
    app = open_page(PAGE, study="two", trial="0")
    app.number_input(key="architecture_other").set_value(1).run()
    shown = words(app)
    assert "Layers from Trial 0 to Trial 1: 2 added" in shown and "hidden_2" in shown and "Hidden layers" in shown
    app.number_input(key="architecture_other").set_value(0).run()
    assert "the trial shown above" in words(app)
    app.number_input(key="architecture_other").set_value(2).run()
    assert "no network to show" in app.info[0].value


def test_names_with_markup_are_shown_as_they_are(database: Database) -> None:
    name = "a/b '<b>' 🎲"
    study = optuna.create_study(study_name=name, storage=database.optuna_storage(), direction="maximize")
    conftest.add_trial(study, 0.9, more={"architecture": "<script>alert(1)</script>"})
    app = open_page(PAGE, study=name)
    assert "18 layers" in words(app) and "<script>" not in words(app) and "&lt;script&gt;" in words(app)
