"""A network of one's own survives a reload, because the address of Architecture says it."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from hpo_core.layer_plan import layer_plan
from hpo_core.trial_config import TrialConfig
from pages.parts import formats, own_address
from pages.parts.architecture_trial import OWN, SOURCE, TRIAL
from storage.database import Database
from tests.pages import conftest
from tests.pages.test_pages import open_page, words
from tests.pages.test_trials import query
from tests.stubs import make_config

PAGE = "pages/architecture.py"
NETWORKS = [
    make_config("digits"),
    make_config("mnist", conv_layers=2, dropout=0.0, learning_rate=1e-05, batch_normalization=False),
    make_config("imdb", lstm_layers=2, bidirectional=True, state_pooling="last"),
]


@pytest.mark.parametrize("config", NETWORKS)
def test_a_network_comes_back_from_what_the_address_says_of_it(config: TrialConfig) -> None:
    again = own_address.read(own_address.told(config))
    assert (again.dataset, dict(again.hyperparameters)) == (config.dataset, dict(config.hyperparameters))


def test_the_address_says_what_differs_from_the_defaults() -> None:
    assert own_address.told(make_config("digits")) == "{dataset: digits}"
    assert own_address.told(make_config("mnist", conv_layers=2)) == "{dataset: mnist, conv_layers: 2}"
    by_hand = own_address.read("{filters: 8, learning_rate: 1e-4}")
    assert (by_hand.dataset, by_hand["filters"], by_hand["learning_rate"]) == ("digits", 8, 0.0001)


def test_a_network_is_written_found_again_and_forgotten(database: Database) -> None:
    conftest.make_finished(database)
    app = open_page(PAGE)
    assert query(app, own_address.NETWORK) == []
    app.button(key="change_configuration").click().run()
    app.selectbox(key="own_dataset").select("mnist").run()
    app.number_input(key="own_conv_layers").set_value(2).run()
    (said,) = query(app, own_address.NETWORK)
    assert own_address.read(said)["conv_layers"] == 2
    again = open_page(PAGE, network=said)
    assert again.session_state[SOURCE] == OWN and again.selectbox(key="own_dataset").value == "mnist"
    assert f"{formats.count(layer_plan(own_address.read(said)).trainable)} weights" in words(again)
    switch(again, TRIAL)
    assert query(again, own_address.NETWORK) == [] and "Trial 1" in words(again)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{conv_layers: 900}", "Convolution layers must be a whole number"),
        ("{dataset: mnits}", "did you mean 'mnist'"),
        ("{lstm_units: 32}", "LSTM units is no hyperparameter of CNNs, which learn Digits"),
        ("{sorcery: 3}", "must not have sorcery"),
        ("{filter: 3}", "Did you mean filters?"),
        ("[]", "Network must hold"),
        ("<b>x</b>: [", "Network must be YAML"),
        ("", "Network must hold"),
    ],
)
def test_an_address_that_cannot_be_used_is_told(given: str, said: str, database: Database) -> None:
    app = open_page(PAGE, network=given)
    assert not app.exception and said in app.warning[0].value and "begin with the defaults" in app.warning[0].value
    assert f"{formats.count(layer_plan(make_config()).trainable)} weights" in words(app)
    assert query(app, own_address.NETWORK) == ["{dataset: digits}"]


def switch(app: AppTest, source: str) -> None:
    """Show a trial, or one's own network."""
    app.segmented_control(key=SOURCE).set_value(source).run()
