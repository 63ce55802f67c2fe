"""The editor of the search space: shapes of what is written, and the page that writes it."""

from __future__ import annotations

import math

import pytest
from streamlit.testing.v1 import AppTest

from hpo_core.optimization_config import OptimizationConfig
from hpo_core.parameters import PARAMETERS, Architecture
from hpo_core.search_space import SearchSpace
from pages.parts import space_editor
from pages.parts import space_shapes as shapes
from pages.parts.space_shapes import Shape
from storage.database import Database
from tests.pages.test_optimize import draft_of, unfold, unfolded
from tests.pages.test_pages import words

DEFAULT = {
    name: given
    for architecture in Architecture
    for name, given in SearchSpace.build(architecture, max_epochs=5).as_yaml_data().items()
}
NUMBERS = [name for name in DEFAULT if shapes.allowed_values(PARAMETERS[name]) is None]


@pytest.mark.parametrize("shape", Shape)
@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_can_take_every_shape_and_stays_valid(name: str, shape: Shape) -> None:
    parameter = PARAMETERS[name]
    architecture = next(iter(parameter.architectures))
    given: object = DEFAULT[name]
    for next_shape in (shape, *Shape, shape):
        given = shapes.reshaped(parameter, given, next_shape, 5 if name == "epochs" else None)
        assert shapes.shape_of(given) is next_shape
        SearchSpace.build(architecture, {name: given}, max_epochs=5)


def test_what_is_typed_as_a_list() -> None:
    filters, rate = PARAMETERS["filters"], PARAMETERS["learning_rate"]
    assert shapes.list_of_words(filters, " 8, 16;24  32") == [8, 16, 24, 32]
    assert shapes.list_of_words(rate, "1e-3, x") == [0.001, "x"]
    assert shapes.list_of_words(filters, "") == []
    assert shapes.words_of_list([0.001, 0.01]) == "0.001, 0.01"


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("filters", {"low": 3, "high": 24, "step": 4}, "In steps of 4 from 3 the highest that is tried is 23."),
        (
            "dropout",
            {"low": 0.0, "high": 0.35, "step": 0.1},
            "In steps of 0.1 from 0 the highest that is tried is 0.3.",
        ),
        (
            "dropout",
            {"low": 0.1, "high": 0.8, "step": 0.25},
            "In steps of 0.25 from 0.1 the highest that is tried is 0.6.",
        ),
        ("dropout", {"low": 0.0, "high": 0.3, "step": 0.1}, ""),
        ("dropout", {"low": 0.0, "high": 0.5, "step": 1e-30}, ""),
        ("dropout", {"low": 0.0, "high": 0.5, "step": math.nan}, ""),
        ("filters", {"low": 8, "high": 24, "step": 0}, ""),
        ("filters", {"low": 8, "high": 24, "step": 100}, ""),
        ("filters", {"low": 24, "high": 8, "step": 4}, ""),
        ("filters", {"low": 8, "high": 24}, ""),
        ("filters", 16, ""),
    ],
)
def test_a_highest_number_that_no_step_reaches_is_told(name: str, given: object, said: str) -> None:
    assert shapes.unreached(PARAMETERS[name], given) == said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (16, "16, fixed"),
        (True, "yes, fixed"),
        (["relu", "leaky_relu", "elu"], "relu, leaky relu or elu"),
        ([], "nothing"),
        ({"low": 8, "high": 32, "step": 8}, "8 to 32 in steps of 8"),
        ({"low": 1e-5, "high": 0.1, "log": True}, "1e-05 to 0.1, on a logarithmic scale"),
    ],
)
def test_what_is_searched_in_words(given: object, said: str) -> None:
    assert shapes.in_words(given) == said


def test_size_in_words() -> None:
    build = SearchSpace.build
    assert "endlessly many" in space_editor.size(build(Architecture.CNN, max_epochs=3))
    finite = {"learning_rate": 0.001, "weight_decay": 0.0, "conv_layers": 3}
    assert "combinations." in space_editor.size(build(Architecture.CNN, finite, max_epochs=3))
    fixed = {parameter: PARAMETERS[parameter].default for parameter in build(Architecture.CNN, max_epochs=5).domains}
    assert "Everything is fixed" in space_editor.size(build(Architecture.CNN, fixed, max_epochs=5))
    assert "nothing is searched" in space_editor.size(build(Architecture.CNN, fixed, max_epochs=5), once=True)
    assert "when every entry of the form can be used" in space_editor.size(None)


def edit(name: str) -> AppTest:
    app = unfolded("space")
    app.session_state[space_editor.CHOSEN] = name
    return unfold(app, "space")


def space_of(app: AppTest) -> dict[str, object]:
    return dict(OptimizationConfig.from_mapping(draft_of(app).configuration()).space)


def test_a_range_is_narrowed_widened_fixed_and_reset(database: Database) -> None:
    app = edit("filters")
    assert PARAMETERS["filters"].explanation in words(app) and "12 to 24 in steps of 4" in words(app)
    assert app.button(key="space_reset_all").disabled
    app.number_input(key=space_editor.HIGH).set_value(64).run()
    assert space_of(app) == {"filters": {"low": 12, "high": 64, "step": 4}}
    app.number_input(key=space_editor.STEP).set_value(None).run()
    app.toggle(key=space_editor.LOG).set_value(True).run()
    assert space_of(app) == {"filters": {"low": 12, "high": 64, "log": True}}
    assert "12 to 64, on a logarithmic scale" in words(app)
    app.button_group(key=space_editor.SHAPE).set_value(Shape.FIXED.value).run()
    app.number_input(key=space_editor.FIXED).set_value(20).run()
    assert space_of(app) == {"filters": 20}
    app.button(key="space_reset").click().run()
    assert space_of(app) == {} and "12 to 24 in steps of 4" in words(app)


def test_an_impossible_range_is_said_in_place_and_blocks_the_start(database: Database) -> None:
    app = edit("learning_rate")
    app.number_input(key=space_editor.LOW).set_value(0.1).run()
    assert "Learning rate must have “Lowest” at most “Highest”, got 0.1 and 0.003" in app.error[0].value
    assert app.button(key="start").disabled
    shown = words(app)
    assert "field-problem" in shown and "known when every entry of the form can be used" in shown
    app.number_input(key=space_editor.HIGH).set_value(0.5).run()
    assert not app.error and not app.button(key="start").disabled


def test_a_list_is_typed_and_what_is_no_number_is_named(database: Database) -> None:
    app = edit("batch_size")
    app.text_input(key=space_editor.LIST).set_value("16, many").run()
    assert "Batch size must be a whole number from 1 to 8192, got 'many'" in app.error[0].value
    app.text_input(key=space_editor.LIST).set_value("16, 128").run()
    assert space_of(app) == {"batch_size": [16, 128]}
    app.text_input(key=space_editor.LIST).set_value("").run()
    assert "must not be an empty list" in app.error[0].value


def test_choices_are_switched_on_and_off(database: Database) -> None:
    app = edit("optimizer")
    app.button_group(key=space_editor.PICKED).set_value(["adam", "sgd"]).run()
    assert space_of(app) == {"optimizer": ["adam", "sgd"]}
    app.button_group(key=space_editor.PICKED).set_value(["sgd"]).run()
    assert space_of(app) == {"optimizer": "sgd"} and "sgd, fixed" in words(app)
    app.button(key="space_reset_all").click().run()
    assert space_of(app) == {}


def test_the_default_of_a_changed_hyperparameter_is_no_change(database: Database) -> None:
    app = edit("optimizer")
    app.button_group(key=space_editor.PICKED).set_value(["adam", "rmsprop", "sgd"]).run()
    app.button_group(key=space_editor.PICKED).set_value(["adam", "rmsprop"]).run()
    assert space_of(app) == {}


def test_each_kind_of_data_has_a_space_of_its_own(database: Database) -> None:
    app = edit("filters")
    app.number_input(key=space_editor.HIGH).set_value(64).run()
    app.button(key="choose_imdb").click().run()
    assert space_of(app) == {} and "LSTM units" in words(app)
    app.button(key="choose_mnist").click().run()
    assert "filters" in space_of(app)


def test_what_a_preset_widens_is_no_change_of_the_visitor(database: Database) -> None:
    app = edit("pooling")
    app.button_group(key="preset").set_value("thorough").run()
    assert "flatten or global average" in words(app) and app.button(key="space_reset_all").disabled
    app.button_group(key=space_editor.PICKED).set_value(["flatten"]).run()
    assert "pooling" not in space_of(app) and "Search space" in words(app)
    app.button(key="space_reset").click().run()
    assert space_of(app)["pooling"] == ["flatten", "global_average"]


def test_the_hyperparameter_in_hand_stays_when_it_is_changed(database: Database) -> None:
    app = edit("learning_rate")
    app.number_input(key=space_editor.HIGH).set_value(0.5).run()
    app.button_group(key=space_editor.SHAPE).set_value(Shape.LIST.value).run()
    assert list(space_of(app)) == ["learning_rate"] and app.selectbox(key=space_editor.CHOSEN).value == "learning_rate"
    assert app.selectbox(key=space_editor.CHOSEN).options[0] == PARAMETERS["conv_layers"].title


def test_a_list_that_begins_with_no_number_becomes_one_value(database: Database) -> None:
    app = edit("batch_size")
    app.text_input(key=space_editor.LIST).set_value("many, 16").run()
    assert "got 'many'" in app.error[0].value
    app.button_group(key=space_editor.SHAPE).set_value(Shape.FIXED.value).run()
    assert not app.exception and app.number_input(key=space_editor.FIXED).value == 16
