"""Tests of the six metrics: cases made by hand, and a second implementation of each formula with numpy."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from hpo_core.health.layer_health import layer_health
from hpo_core.health.metrics import (
    METRICS,
    accuracy_consistency,
    convergence_quality,
    gradient_health,
    measure,
    measure_each,
    neuron_utilisation,
    parameter_efficiency,
    scatter,
    training_stability,
)
from hpo_core.health.readings import SPARSE
from hpo_core.history import TrialHistory
from tests.histories import cnn_history, lstm_history, with_epochs, without_readings
from tests.hpo_core.health.trainings import GUESS, epochs_of, layer, training


def test_the_weights_are_one_together_and_everything_is_explained() -> None:
    assert sum(metric.weight for metric in METRICS.values()) == pytest.approx(1)
    for metric in METRICS.values():
        assert metric.explanation.endswith(".") and metric.formula and metric.reading and metric.sources


@pytest.mark.parametrize("history", [cnn_history(), lstm_history(), cnn_history(epochs=1)])
def test_all_are_measured_from_the_first_epoch_on_and_lie_between_0_and_1(history: TrialHistory) -> None:
    whole = with_epochs(history, lambda epoch: replace(epoch, fold_accuracies=[0.8, 0.9, 0.85, 0.9, 0.8]))
    for _, metrics in measure_each(whole):
        assert set(metrics) == set(METRICS)
        assert all(value is not None and 0 <= value <= 1 for value in metrics.values())


def test_what_cannot_be_measured_is_absent() -> None:
    assert measure(TrialHistory()) == dict.fromkeys(METRICS)
    unread = measure(without_readings(cnn_history()))
    assert unread["neuron_utilisation"] is None and unread["gradient_health"] is None
    assert unread["training_stability"] is not None
    only_output = epochs_of([0.5], layers=[layer("output", dead=None, saturated=None)])
    assert neuron_utilisation(training(only_output)) is None
    assert accuracy_consistency(training([replace(epochs_of([0.5])[0], fold_accuracies=[])])) is None


def test_a_large_layer_does_not_hide_a_dead_small_one() -> None:
    layers = [layer("big", units=1000), layer("small", units=4, dead=4)]
    assert neuron_utilisation(training(epochs_of([0.5], layers=layers))) == pytest.approx((0.5 + 0) / 2)
    both = [layer("a", units=10, dead=2, saturated=3), layer("b")]
    assert neuron_utilisation(training(epochs_of([0.5], layers=both))) == pytest.approx((0.75 + 0.5) / 2)


@pytest.mark.parametrize(
    ("accuracy", "parameters", "expected"),
    [
        (1.0, 650, 1.0),  # (64 + 1) x 10 parameters: the linear classifier
        (1.0, 6500, 5 / 6),
        (1.0, 50, 1.0),
        (1.0, 650_000_000, 0.0),
        (0.1, 650, 0.0),
        (0.02, 650, 0.0),  # worse than guessing is not negative
        (0.55, 65_000, 0.5 * 4 / 6),
    ],
)
def test_efficiency_is_accuracy_above_guessing_for_the_size(accuracy: float, parameters: int, expected: float) -> None:
    history = training(epochs_of([0.5], [accuracy]), parameters=parameters)
    assert parameter_efficiency(history) == pytest.approx(expected)


def test_guessing_is_the_most_frequent_class() -> None:
    history = training(epochs_of([0.5], [0.9]), label_counts=[180, 20], input_size=64, parameters=130)
    assert parameter_efficiency(history) == pytest.approx(0.0)


def test_stability_falls_with_scatter_and_with_rises() -> None:
    calm = training(epochs_of([2.0, 1.0, 0.5]))
    assert training_stability(calm) == pytest.approx(1.0)
    risen = training(epochs_of([1.0, 2.0]))
    assert training_stability(risen) == pytest.approx(math.exp(-2 * 1.0 / GUESS))
    jumpy = training([replace(one, loss_curve=[1.0, 2.0, 1.0, 2.0, 1.0]) for one in epochs_of([1.5])])
    assert training_stability(jumpy) == pytest.approx(math.exp(-2 * slow_scatter([1, 2, 1, 2, 1]) / GUESS))
    assert training_stability(training(epochs_of([1.0, None]))) == 0.0


def slow_scatter(curve: list[float]) -> float:
    x = np.arange(len(curve))
    return float(np.std(np.asarray(curve) - np.polyval(np.polyfit(x, curve, 1), x)))


def test_scatter_is_that_of_numpys_fit() -> None:
    curve = list(np.random.default_rng(3).normal(1, 0.3, 20) + np.linspace(2, 0, 20))
    assert scatter(curve) == pytest.approx(slow_scatter(curve))
    assert scatter([3.0, 2.0, 1.0]) == pytest.approx(0) and scatter([1.0, 2.0]) is None


def test_gradients_within_two_powers_of_ten_are_healthy() -> None:
    def health(*norms: float | None) -> float | None:
        layers = [layer(str(number), gradient_norm=norm) for number, norm in enumerate(norms)]
        return gradient_health(training(epochs_of([0.5], layers=layers)))

    assert health(1.0, 0.02) == pytest.approx(1.0)
    assert health(1.0, 1e-4) == pytest.approx((1 + 0.5) / 2)
    assert health(1.0, 0.0) == pytest.approx(0.5)
    assert health(0.0, 0.0) == 0.0
    assert health(1.0, None) == 0.0
    assert health(math.sqrt(1000.0 * 1000.0 * 0.1)) == pytest.approx((4 - math.log10(316.22776)) / 3, abs=1e-6)


def test_the_small_gradient_of_an_embedding_is_no_ailment() -> None:
    """As in the diagnosis of vanishing gradients and in the health of each layer; of the norm it is a part."""
    lstm, words = layer("lstm"), layer("embedding", type=SPARSE, gradient_norm=1e-7)
    assert gradient_health(training(epochs_of([0.5], layers=[words, lstm]))) == pytest.approx(1.0)
    assert layer_health([words, lstm])["embedding"].gradient is None
    wide = replace(words, gradient_norm=1000.0)
    assert gradient_health(training(epochs_of([0.5], layers=[wide, lstm]))) == pytest.approx(1 / 3, abs=1e-6)
    for broken in (None, 0.0):
        hurt = [replace(words, gradient_norm=broken), replace(lstm, gradient_norm=broken)]
        assert gradient_health(training(epochs_of([0.5], layers=hurt))) == 0.0
    assert gradient_health(training(epochs_of([0.5], layers=[replace(words, gradient_norm=None), lstm]))) == 0.0


def test_a_model_below_the_linear_classifiers_size_has_its_accuracy_and_no_more() -> None:
    small = training(epochs_of([0.5]), parameters=10)
    assert parameter_efficiency(small) == pytest.approx((0.9 - 0.1) / 0.9)
    assert "max(0, log10(parameters / linear classifier))" in METRICS["parameter_efficiency"].formula


def test_convergence_is_what_was_learnt_and_kept() -> None:
    assert convergence_quality(training(epochs_of([GUESS]))) == pytest.approx(0.0)
    assert convergence_quality(training(epochs_of([5.0]))) == 0.0
    assert convergence_quality(training(epochs_of([GUESS / 2]))) == pytest.approx(0.5)
    floor = 0.02 * GUESS
    overfitted = training(epochs_of([0.5, 1.0]))
    assert convergence_quality(overfitted) == pytest.approx((1 - 1 / GUESS) * (0.5 + floor) / (1 + floor))
    assert convergence_quality(training(epochs_of([None]))) == 0.0


def test_consistency_is_a_small_gap_and_even_folds() -> None:
    even = epochs_of([0.5], [0.9])[0]
    assert accuracy_consistency(training([even])) == pytest.approx(1.0)
    gap = replace(even, accuracy=1.0, validation_accuracy=0.8)
    assert accuracy_consistency(training([gap])) == pytest.approx(0.6)
    folds = [0.7, 0.8, 0.9, 1.0, 0.6]
    uneven = replace(even, fold_accuracies=folds)
    assert accuracy_consistency(training([uneven])) == pytest.approx(1 - float(np.std(folds)) / 0.25)
    better_on_validation = replace(even, accuracy=0.5)
    assert accuracy_consistency(training([better_on_validation])) == pytest.approx(1.0)
