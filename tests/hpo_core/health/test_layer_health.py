"""Health of single layers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpo_core.health.layer_health import layer_health
from hpo_core.health.readings import LayerReading
from tests import histories


def readings() -> list[LayerReading]:
    return histories.cnn_history().epochs[-1].layers or []


def test_a_layer_is_as_healthy_as_what_ails_it_most() -> None:
    first, *others = readings()
    found = layer_health([replace(first, dead=12, saturated=0, units=24), *others])
    assert found[first.name].living == 0.5 and found[first.name].value == 0.5
    tiny = replace(first, gradient_norm=(first.gradient_norm or 0.0) * 1e-9)
    assert layer_health([tiny, *others])[first.name].gradient == 0.0
    assert layer_health([tiny, *others])[first.name].value == 0.0


def test_a_gradient_four_powers_of_ten_below_the_largest_is_half_as_good() -> None:
    first, second, *_ = (replace(item, weights=100) for item in readings())
    found = layer_health([replace(first, gradient_norm=1e-4), replace(second, gradient_norm=1.0)])
    assert found[first.name].gradient == pytest.approx(0.5) and found[second.name].gradient == 1.0


def test_what_means_nothing_is_left_out() -> None:
    embedding, lstm, *_ = histories.lstm_history().epochs[-1].layers or []
    found = layer_health([replace(embedding, dead=None, saturated=None), replace(lstm, dead=None, saturated=None)])
    assert found["embedding"].value is None
    assert found["lstm_1"].living is None and found["lstm_1"].value == 1.0
    assert layer_health([]) == {}


def test_gradients_that_are_no_numbers_are_sick() -> None:
    found = layer_health([replace(item, gradient_norm=None) for item in readings()])
    assert {health.value for health in found.values()} == {0.0}
