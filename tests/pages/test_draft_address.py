"""What is set on Optimize survives a reload, because its address says it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from hpo_core.errors import UsageError
from hpo_core.optimization_config import OptimizationConfig
from pages.parts import draft_address
from pages.parts.draft import Draft
from storage.database import Database
from tests.pages.test_pages import ROOT, TIMEOUT_S, words


def _set(**fields: object) -> Callable[[Draft], None]:
    return lambda values: values.fields.update(fields)


def _of_a_file(values: Draft) -> None:
    values.load(OptimizationConfig(dataset="imdb", trials=7, space={"lstm_units": 32}))


def _thorough(values: Draft) -> None:
    values.choose_dataset("mnist")
    values.apply_preset("thorough")
    values.space["dropout"] = {"low": 0.1, "high": 0.3}


CHANGES = [
    _set(), _set(trials=6), _set(run_name="007", final_model=False, sample_percentage=12.5), _of_a_file, _thorough,
    _set(mode="health", health_weight=0.2, sampler="random", timeout_minutes=3, workers=1),
]  # fmt: skip


def first_visit(**query: str) -> AppTest:
    """Optimize as somebody sees it who comes with this address; / leads to it."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_S)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


@pytest.mark.parametrize("change", CHANGES)
def test_a_draft_comes_back_from_what_the_address_says_of_it(change: Callable[[Draft], None]) -> None:
    values = Draft.first()
    change(values)
    config = OptimizationConfig.from_mapping(values.configuration())
    said = draft_address.told(values, config)
    again = draft_address.read(said)
    assert OptimizationConfig.from_mapping(again.configuration()) == config
    assert again.preset == values.preset and again.changed() == values.changed()
    assert draft_address.told(again, config) == said


def test_the_address_says_only_what_a_first_visitor_would_not_find() -> None:
    values = Draft.first()
    assert draft_address.told(values, OptimizationConfig.from_mapping(values.configuration())) == {}
    _thorough(values)
    said = draft_address.told(values, OptimizationConfig.from_mapping(values.configuration()))
    assert said["dataset"] == "mnist" and said["preset"] == "thorough" and "trials" not in said
    assert "dropout: {low: 0.1, high: 0.3}" in said["space"]
    values.fields["sample_percentage"] = 15.0
    said = draft_address.told(values, OptimizationConfig.from_mapping(values.configuration()))
    assert said["sample_percentage"] == "15"


def test_the_form_follows_the_address_and_the_address_the_form(database: Database) -> None:
    app = first_visit(dataset="mnist", trials="6", tour="on")
    assert app.number_input(key="trials").value == 6 and "6 trials of CNNs on MNIST" in words(app)
    app.number_input(key="max_epochs_per_trial").set_value(3).run()
    said = {"dataset": "mnist", "trials": "6", "max_epochs_per_trial": "3", "tour": "on"}
    assert {name: str(value) for name, value in app.query_params.items()} == said
    app.button(key="undo_changes").click().run()
    assert sorted(app.query_params) == ["dataset", "tour"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"trials": "many"}, "Trials must be a whole number"),
        ({"dataset": "mnits"}, "mnits"),
        ({"preset": "huge"}, "Preset"),
        ({"space": "{dropout: 7}"}, "Dropout"),
        ({"space": "[]"}, "hold"),
        ({"mode": "<b>x</b>"}, "Mode"),
    ],
)
def test_an_address_that_cannot_be_used_is_told(given: dict[str, str], said: str, database: Database) -> None:
    app = first_visit(**given)
    assert not app.exception and said in app.warning[0].value and "begins afresh" in app.warning[0].value
    assert "12 trials" in words(app) and app.query_params == {}


@pytest.mark.parametrize(
    ("name", "said"),
    [("trails", "“trails”, which this form does not have, so nothing was set by it. Did you mean “trials”?"),
     ("<b>", "“\\<b\\>”, which this form does not have"), ("embed", ""), ("study", ""), ("trial", "")],
)  # fmt: skip
def test_a_name_in_the_address_that_is_no_field_is_told(name: str, said: str, database: Database) -> None:
    app = first_visit(trials="6", **{name: "7"})
    assert not app.exception and app.number_input(key="trials").value == 6
    assert [said in warning.value for warning in app.warning] == ([True] if said else [])


def test_what_cannot_be_used_is_not_written() -> None:
    with pytest.raises(UsageError):
        draft_address.read({"trials": "0"})
