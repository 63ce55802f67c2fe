"""Tests of the health score and of a trial's score."""

from __future__ import annotations

import pytest

from hpo_core.health.learning import learns
from hpo_core.health.metrics import METRICS, WORRYING
from hpo_core.health.score import explain, health_score, score_formula, trial_score, weights_in_words, worrying_in_words
from tests.hpo_core.health.trainings import epochs_of, training
from tests.stubs import epoch


def test_the_health_score_is_the_weighted_mean() -> None:
    values = {name: number / 10 for number, name in enumerate(METRICS)}
    expected = sum(metric.weight * values[name] for name, metric in METRICS.items())
    assert health_score(values) == pytest.approx(expected)


def test_what_is_absent_does_not_count_either_way() -> None:
    two = {"neuron_utilisation": 0.4, "training_stability": 0.8, "gradient_health": None}
    weights = METRICS["neuron_utilisation"].weight, METRICS["training_stability"].weight
    assert health_score(two) == pytest.approx((0.4 * weights[0] + 0.8 * weights[1]) / sum(weights))
    assert health_score(dict.fromkeys(METRICS)) is None and health_score({}) is None


def test_the_text_names_the_strongest_the_weakest_and_the_absent() -> None:
    text = explain({"neuron_utilisation": 0.9, "training_stability": 0.3})
    assert "Strongest is neuron utilisation (0.900), weakest is training stability (0.300)." in text
    assert "gradient health" in text.split("Not measured")[1]
    assert "look closer" not in text
    fine = explain({"neuron_utilisation": 0.9, "parameter_efficiency": 0.3})
    assert fine.split("weakest")[1].startswith(
        " is parameter efficiency (0.300). By itself that is no warning: how high this metric can get depends on the "
        "data."
    )
    near = explain({"neuron_utilisation": 0.8, "parameter_efficiency": 0.9})
    assert "weakest is neuron utilisation (0.800). None of them is a reason to look closer." in near
    level = explain({"neuron_utilisation": 0.9999, "training_stability": 0.3, "gradient_health": 1.0})
    assert "Strongest are neuron utilisation and gradient health (1.000), weakest is training stability" in level
    same = explain(dict.fromkeys(METRICS, 0.8))
    assert same.endswith("convergence quality and accuracy consistency (0.800).") and "weakest" not in same
    assert explain({}) == "No health was measured."
    assert "gradient health 20 %" in weights_in_words()


def test_worrying_values_are_named_as_the_metrics_declare_them() -> None:
    assert worrying_in_words() == (
        "below 0.5 in training stability and gradient health, or below 0.7 in neuron utilisation and accuracy "
        "consistency. There is no such value for parameter efficiency and convergence quality, which depend on the data"
    )
    for name, value in WORRYING.items():
        assert f"Below {value}" in METRICS[name].reading


@pytest.mark.parametrize(("weight", "health", "expected"), [(None, 0.1, 0.8), (0.25, 0.4, 0.7), (0.25, None, 0.6)])
def test_a_trials_score_weighs_accuracy_and_health(weight: float | None, health: float | None, expected: float) -> None:
    assert trial_score("validation_accuracy", weight, epoch(1, 1, 0.8), health) == pytest.approx(expected)


def test_the_formula_has_the_configurations_numbers() -> None:
    assert score_formula("macro_f1", None) == "score = macro f1"
    assert score_formula("validation_accuracy", 0.3) == "score = 0.7 × validation accuracy + 0.3 × health"


def test_coming_down_to_guessing_is_not_learning() -> None:
    assert not learns(training(epochs_of([6.0, 3.0])))
    assert learns(training(epochs_of([6.0, 2.0]))) and not learns(training(epochs_of([2.25, 2.25])))
