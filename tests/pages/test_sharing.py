"""The configuration as a file: out, and in again, from whoever it comes."""

from __future__ import annotations

import pytest
import yaml
from streamlit.testing.v1 import AppTest

from hpo_core.optimization_config import DEFAULTS, FIELDS, OptimizationConfig
from hpo_core.yaml_text import MAX_BYTES
from pages.parts import draft, trial_details
from storage.database import Database
from storage.runs import Runs, RunState
from storage.studies import Studies
from tests.pages import examined
from tests.pages.test_optimize import draft_of, unfold, unfolded
from tests.pages.test_pages import words
from tests.pages.test_space_editor import edit

FILE = "import_file"


def upload(app: AppTest, content: bytes, name: str = "mine.yaml") -> AppTest:
    unfold(app, "sharing").file_uploader(key=FILE).set_value((name, content, "application/yaml")).run()
    return unfold(app, "sharing")


def shared_text(app: AppTest) -> str:
    return str(unfold(app, "sharing").code[0].value)


def test_form_to_yaml_to_form(database: Database) -> None:
    app = edit("filters")
    app.button(key="choose_mnist").click().run()
    app.button_group(key="mode").set_value("health").run()
    app.number_input(key="trials").set_value(77).run()
    app.number_input(key="workers").set_value(1).run()
    unfold(app, "space").number_input(key="space_high").set_value(48).run()
    unfold(app, "limits").number_input(key="timeout_minutes").set_value(12.5).run()
    unfold(app, "sharing").text_input(key="run_name").set_value("mine").run()
    before = OptimizationConfig.from_mapping(draft_of(app).configuration())
    text = shared_text(app)
    other = upload(unfolded("sharing"), text.encode())
    assert "The form now holds what mine.yaml says" in other.success[0].value
    after = OptimizationConfig.from_mapping(draft_of(other).configuration())
    assert after == before and after.trials == 77 and after.space["filters"] == {"low": 12, "high": 48, "step": 4}
    assert other.number_input(key="trials").value == 77 and shared_text(other) == text


def test_the_file_of_one_trial_makes_the_form_train_it_alone(database: Database) -> None:
    examined.make_examined(database)
    trial = Studies(database).trials("digits-examined", limit=1)[0]
    file = yaml.safe_dump(trial_details.configuration("digits-examined", trial))
    app = upload(unfolded("sharing"), file.encode())
    assert "trains the network of mine.yaml alone" in app.success[0].value
    config = OptimizationConfig.from_mapping(draft_of(app).configuration())
    assert config.trials == 1 and not config.search_space().searched and config.dataset == "digits"
    by_hand = file.replace("learning_rate: 0.001", "learning_rate: 1e-4")  # a word for YAML
    app = upload(unfolded("sharing"), by_hand.encode())
    assert draft_of(app).space["learning_rate"] == 0.0001
    app = upload(unfolded("sharing"), file.replace("optimizer: adam", "optimizer: eve").encode())
    assert "Optimizer must be one of" in app.error[0].value and "Nothing was changed" in app.error[0].value


def test_every_field_goes_into_the_form(database: Database) -> None:
    told: dict[str, object] = {
        "dataset": "imdb", "mode": "health", "health_weight": 0.5, "health_interval": 3, "bias_change_limit": 2.0,
        "health_pruning": True, "objective": "macro_f1", "trials": 7, "max_epochs_per_trial": 9, "gpu": "h100",
        "sample_percentage": 50.0, "validation_split": 0.3, "test_split": 0.1, "sampler": "random", "pruner": "none",
        "seed": 7, "workers": 9, "backend": "runpod", "fallback_local": False, "max_cost": 3.0, "threads": 1,
        "gpus_per_worker": 2, "scale_batch": True, "max_parameters": 5000, "timeout_minutes": 5.0,
        "max_training_time_minutes": 6.0, "plots": "none", "final_model": False, "run_name": "told",
        "warm_start": "other", "rerun_of": "third", "seeds": 7, "space": {"lstm_units": 8},
    }  # fmt: skip
    assert {name for name in FIELDS if name not in told or told[name] == DEFAULTS.get(name, object())} == set()
    config = OptimizationConfig.from_mapping(told)
    values = draft.Draft.first()
    values.load(config)
    assert OptimizationConfig.from_mapping(values.configuration()) == config


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"trails: 3", "Did you mean trials"),
        (
            b"trials: 3\nspace: {filters: {low: 30, high: 3}}",
            "Filters must have low at most high, got 30 and 3",
        ),
        (b"trials: 3\ndataset: mnits", "did you mean 'mnist'"),
        (b"a: &a [1]\nb: *a", "aliases"),
        (b"trials: [1", "must be YAML"),
        (b"\xff\xfe\x00", "UTF-8"),
        ("run_name: '<b>\"x\"</b> 🎻'".encode(), "Run name must be letters"),
        (b"trials: " + b"#" * (MAX_BYTES + 1), "has at most 1 MB"),
    ],
)
def test_a_file_that_cannot_be_used_changes_nothing(content: bytes, said: str, database: Database) -> None:
    app = unfolded("sharing")
    before = draft_of(app).configuration()
    upload(app, content, 'a "b" <i>🎻.yaml')
    assert said in app.error[0].value.replace("\\", "")
    assert draft_of(app).configuration() == before and not app.button(key="start").disabled


def test_the_name_of_a_run_that_waits_is_taken(database: Database) -> None:
    Runs(database).create("waits", owner="elsewhere:1", trials=3)
    app = unfolded("sharing")
    app.text_input(key="run_name").set_value("waits").run()
    assert "The name waits is taken" in app.warning[0].value
    Runs(database).end("waits", RunState.CANCELLED)
    assert not app.run().warning


def test_a_text_is_taken_over_too(database: Database) -> None:
    app = unfolded("sharing")
    app.text_area(key="import_text").set_value("dataset: imdb\ntrials: 3")
    app.button(key="import_use").click().run()
    assert "3 trials of LSTMs on IMDB" in words(app)
    assert "Values of your own" in words(app)
    app.button_group(key="preset").set_value("quick").run()
    assert "12 trials of LSTMs" in words(app)
