"""What two networks have in common."""

from __future__ import annotations

from hpo_core.layer_difference import Change, LayerDifference, layer_differences, setting_differences
from hpo_core.layer_plan import layer_plan
from tests.stubs import make_config


def by_name(found: list[LayerDifference]) -> dict[str, LayerDifference]:
    return {layer.name: item for item in found if (layer := item.right or item.left) is not None}


def test_equal_networks_have_no_difference() -> None:
    plan = layer_plan(make_config())
    found = layer_differences(plan, plan)
    assert {item.change for item in found} == {Change.SAME} and len(found) == len(plan.layers)
    assert setting_differences(plan, plan) == []


def test_layers_are_added_removed_and_changed() -> None:
    left = layer_plan(make_config(conv_layers=3, hidden_layers=1, dropout=0.1, batch_normalization=True))
    right = layer_plan(make_config(conv_layers=4, hidden_layers=0, dropout=0.2, batch_normalization=True))
    found = by_name(layer_differences(left, right))
    assert {name for name, item in found.items() if item.change is Change.ADDED} == {
        "conv_4", "normalisation_4", "activation_4",
    }  # fmt: skip
    assert {name for name, item in found.items() if item.change is Change.REMOVED} == {"dropout_1", "hidden_1"}
    assert found["conv_3"].change is Change.SAME
    assert found["dropout_output"].facts == (("hands on", (64,), (512,)), ("dropout", 0.1, 0.2))
    assert found["output"].facts == (("weights", 650, 5130),)
    assert found["flatten"].only_shape and not found["output"].only_shape and not found["conv_3"].only_shape
    assert setting_differences(left, right) == [("conv_layers", 3, 4), ("hidden_layers", 1, 0), ("dropout", 0.1, 0.2)]


def test_every_layer_of_both_networks_is_told_once() -> None:
    left, right = layer_plan(make_config(pooling="flatten")), layer_plan(make_config(pooling="global_average"))
    found = layer_differences(left, right)
    assert [item.left for item in found if item.left] == list(left.layers)
    assert [item.right for item in found if item.right] == list(right.layers)
    assert by_name(found)["global_average"].change is Change.ADDED


def test_a_cnn_and_an_lstm_have_only_their_ends_in_common() -> None:
    left, right = layer_plan(make_config()), layer_plan(make_config("generated_text"))
    found = by_name(layer_differences(left, right))
    assert found["lstm_1"].change is Change.ADDED and found["conv_1"].change is Change.REMOVED
    assert found["input"].facts == (("hands on", (8, 8, 1), (100,)),)
    assert ("filters", 16, None) in setting_differences(left, right)
