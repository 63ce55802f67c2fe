"""Tests of the rules: for each a training that it names and a near one that it does not."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from hpo_core.health.advice import against_idle_units, against_vanishing
from hpo_core.health.diagnoses import CODES, Diagnosis, Severity, diagnose
from hpo_core.health.metrics import convergence_quality
from hpo_core.history import TrialHistory
from hpo_core.parameters import PARAMETERS, Architecture
from hpo_core.records import Epoch
from tests.hpo_core.health.trainings import CLASSES, GUESS, epochs_of, layer, training

OTHER_NAMES = ("activation", "pooling", "sample_percentage", "labels")


def named(history: TrialHistory) -> dict[str, Diagnosis]:
    return {item.code: item for item in diagnose(history)}


def curved(epochs: Sequence[Epoch], curve: list[float]) -> list[Epoch]:
    return [*epochs[:-1], replace(epochs[-1], loss_curve=curve)]


def at_guess(epochs: int, loss: float = GUESS) -> list[Epoch]:
    """A training that learns nothing: every class is as likely after it as before."""
    return epochs_of([loss] * epochs, [0.1] * epochs, total=max(10, epochs))


HEALTHY = training(epochs_of([2.0, 1.0, 0.5, 0.3], [0.5, 0.7, 0.8, 0.9], layers=[layer(), layer("output", dead=None)]))
COLLAPSED = [0, 195, 5, *[0] * 7]

SICK: list[tuple[str, str, TrialHistory, str]] = [
    ("DIVERGED", Severity.FATAL, training(epochs_of([2.0, None], [0.3, 0.1])), "no finite number"),
    ("DIVERGED", Severity.FATAL, training(epochs_of([2.3, 9.0], [0.1, 0.1])), "guessing gives 2.3"),
    ("DIVERGED", Severity.FATAL, training(curved(at_guess(2, 3.0), [2.3, 90.0, 3.0, 3.0, 3.0])), "shot up to 90"),
    ("NOT_LEARNING", Severity.FATAL, training(at_guess(3)), "guessing gives 10.00 %"),
    ("NOT_LEARNING", Severity.WARNING, training(epochs_of([2.3, 2.0, 1.5], [0.1] * 3)), "after 3 epochs"),
    (
        "NOT_LEARNING", Severity.FATAL,
        training(epochs_of([GUESS], [0.1], layers=[layer(update_ratio=1e-9), layer("output", update_ratio=2e-9)])),
        "no layer by more than 2.0e-09",
    ),
    ("DEAD_UNITS", Severity.WARNING, training(epochs_of([0.5], layers=[layer(dead=6)])), "6 of 10 units"),
    ("DEAD_UNITS", Severity.FATAL,
     training(epochs_of([2.3] * 2, [0.1] * 2, layers=[layer(dead=10)])), "10 of 10 units"),
    ("SATURATED_UNITS", Severity.WARNING,
     training(epochs_of([0.5], layers=[layer(saturated=7, activation="tanh")])), "7 of 10 units sit at an end"),
    ("VANISHING_GRADIENT", Severity.WARNING,
     training(epochs_of([0.5], layers=[layer(gradient_norm=1e-7), layer("output")])), "its gradient is 1e-06"),
    ("VANISHING_GRADIENT", Severity.WARNING,
     training(epochs_of([0.5], layers=[layer(gradient_norm=0.0), layer("output")])), "no gradient reaches it"),
    ("EXPLODING_GRADIENT", Severity.FATAL, training(epochs_of([0.5], layers=[layer(gradient_norm=None)])), "no finite"),
    ("EXPLODING_GRADIENT", Severity.WARNING, training(epochs_of([0.5], layers=[layer(gradient_norm=2e3)])), "2e+03"),
    ("OSCILLATING", Severity.WARNING,
     training(curved(epochs_of([1.0, 1.0]), [1.0, 1.6, 0.7, 1.5, 0.8, 1.4])), "turns at 100 %"),
    ("OSCILLATING", Severity.WARNING,
     training(curved(epochs_of([2.0, 2.2]), [2.0, 4.0, 2.2, 2.1, 2.2])), "jumped from 2 to 4"),
    ("OSCILLATING", Severity.WARNING, training(epochs_of([1.3, 1.2, 1.7, 1.4])), "turned 2 times in 4 epochs"),
    ("OSCILLATING", Severity.WARNING,
     training([replace(one, loss_curve=[2.40, 2.45, 2.38, 2.46, 2.39, 2.44]) for one in epochs_of([2.4, 2.4], [0.1] * 2,
     layers=[layer(update_ratio=0.02)])]), "without falling"),
    ("PLATEAU", Severity.NOTE, training(epochs_of([1.0] * 8)), "has stayed near 1"),
    ("OVERFITTING", Severity.WARNING,
     training([replace(one, accuracy=1.0) for one in epochs_of([0.1], [0.7])]), "100.00 % in training and 70.00 %"),
    ("CLASS_COLLAPSE", Severity.WARNING,
     training([replace(one, predicted=COLLAPSED) for one in epochs_of([1.0])]), "97.50 % of the validation part"),
    ("CLASS_COLLAPSE", Severity.FATAL,
     training([replace(one, predicted=[200, *[0] * 9]) for one in at_guess(3)]), "taken for class 0"),
    ("BLOATED", Severity.WARNING, training(epochs_of([0.5]), parameters=50_000_000), "62\u202f500 for each"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "severity", "history", "said"), SICK, ids=[f"{case[0]}-{case[3]}" for case in SICK])
def test_what_is_sick_is_named_with_evidence_and_advice(
    code: str, severity: str, history: TrialHistory, said: str
) -> None:
    found = named(history)
    assert code in found
    assert found[code].severity == severity and said in found[code].evidence
    assert any(name in found[code].advice for name in [*PARAMETERS, *OTHER_NAMES])
    assert found[code].epoch == history.epochs[-1].epoch
    assert code in found[code].in_words()


def as_text(history: TrialHistory) -> TrialHistory:
    """The same training of a network that reads text."""
    assert history.started is not None
    layers = [{"name": "embedding", "type": "Embedding"}, *history.started.layers]
    return replace(history, started=replace(history.started, layers=layers))


@pytest.mark.parametrize(("code", "history"), [(case[0], case[2]) for case in SICK])
@pytest.mark.parametrize("architecture", Architecture)
def test_advice_names_what_the_network_has(architecture: Architecture, code: str, history: TrialHistory) -> None:
    asked = as_text(history) if architecture is Architecture.LSTM else history
    found = named(asked)[code]
    told = {name for name in re.findall(r"[a-z_]+", found.advice) if name in PARAMETERS}
    assert all(architecture in PARAMETERS[name].architectures for name in told), found.advice
    assert told or any(name in found.advice for name in OTHER_NAMES)


def test_advice_fits_the_layer() -> None:
    dead = {"dead": 10, "units": 10}
    layers = [layer("conv_1", type="Conv2D", **dead), layer("hidden_1", type="Dense", **dead)]
    found = [item.advice for item in diagnose(training(epochs_of([0.5], layers=layers))) if item.code == "DEAD_UNITS"]
    assert "batch_normalization" in found[0] and "hidden_activation" not in found[0]
    assert "hidden_activation=elu" in found[1] and "batch_normalization" not in found[1]


def test_advice_leaves_out_what_is_in_force() -> None:
    asked = [(code, history) for code, _, history, _ in SICK]
    network = [{"name": name, "type": name} for name in ("BatchNormalization", "GlobalAveragePooling2D")]
    for code, history in asked:
        assert history.started is not None
        layers = [*history.started.layers, *network]
        having = replace(history, started=replace(history.started, layers=layers))
        advice = named(having)[code].advice
        assert advice.startswith("try ") and "batch_normalization" not in advice and "global_average" not in advice
    relu, tanh = (
        training(epochs_of([2.3] * 3, [0.1] * 3, layers=[
            layer("conv_1", activation=bent, gradient_norm=1e-9), layer("conv_2", activation=bent, gradient_norm=1.0),
        ]))
        for bent in ("relu", "tanh")
    )  # fmt: skip
    assert "activation=relu" not in against_vanishing(relu) and "activation=relu" in against_vanishing(tanh)
    assert against_idle_units(relu, layer(activation="elu"), "elu") == (
        "try a smaller learning_rate or batch_normalization=true"
    )


def test_every_code_has_a_sick_training() -> None:
    assert {case[0] for case in SICK} == set(CODES)


def test_a_healthy_training_has_no_diagnosis() -> None:
    assert diagnose(HEALTHY) == []
    assert diagnose(TrialHistory()) == []


NEAR_MISSES: list[tuple[str, TrialHistory]] = [
    ("DIVERGED", training(epochs_of([3.0, 2.5], [0.1, 0.1]))),
    ("DIVERGED", training(curved(epochs_of([2.3, 1.0]), [2.3, 90.0, 1.0, 1.0, 1.0]))),  # it came back and learnt
    ("NOT_LEARNING", training(at_guess(2))),  # it has a third epoch to begin
    ("NOT_LEARNING", training(epochs_of([2.3, 2.2, 2.1], [0.1, 0.15, 0.25]))),
    ("DIVERGED", training(curved(epochs_of([2.3, 3.0], [0.1, 0.5]), [2.3, 90.0, 3.0, 2.9, 2.8]))),  # it knows much
    ("DIVERGED", training(epochs_of([5.0, 4.7], [0.1, 0.1]))),  # bad first weights, and it falls
    ("NOT_LEARNING", training(epochs_of([0.7] * 4, [1.0] * 4), n_validation=8, label_counts=[4, 4])),
    ("NOT_LEARNING", training(epochs_of([0.1] * 4, [1.0] * 4), n_validation=50, label_counts=[50, 0])),
    ("CLASS_COLLAPSE", training([replace(one, predicted=[50, 0]) for one in epochs_of([0.1])], label_counts=[50, 0])),
    ("DEAD_UNITS", training(epochs_of([0.5], layers=[layer(dead=4), layer("output", dead=None)]))),
    ("SATURATED_UNITS", training(epochs_of([0.5], layers=[layer(saturated=4)]))),
    ("VANISHING_GRADIENT", training(epochs_of([0.5], layers=[layer(gradient_norm=1e-3), layer("output")]))),
    ("EXPLODING_GRADIENT", training(epochs_of([0.5], layers=[layer(gradient_norm=500.0)]))),
    ("OSCILLATING", training(curved(epochs_of([0.03, 0.03]), [0.03, 0.05, 0.02, 0.04, 0.02]))),  # converged: tiny
    ("OSCILLATING", training(curved(epochs_of([2.0, 1.0]), [1.4, 1.2, 1.1, 0.9, 0.8]))),  # falls
    ("OSCILLATING", training(epochs_of([0.1, 0.05, 0.08, 0.04]))),
    (  # batches differ, but nothing moves
        "OSCILLATING",
        training(
            [
                replace(one, loss_curve=[2.40, 2.45, 2.38, 2.46, 2.39, 2.44])
                for one in epochs_of([2.4, 2.4], layers=[layer(update_ratio=1e-9)])
            ]
        ),
    ),
    (
        "VANISHING_GRADIENT",
        training(
            epochs_of(
                [0.5],
                layers=[
                    layer("embedding", type="Embedding", gradient_norm=1e-7, dead=None, saturated=None),
                    layer("output"),
                ],
            )
        ),
    ),
    ("PLATEAU", training(epochs_of([0.02] * 8))),  # nothing left to learn
    ("PLATEAU", training(epochs_of([1.0] * 3))),
    ("OVERFITTING", training([replace(one, accuracy=0.95) for one in epochs_of([0.1], [0.85])])),
    ("OVERFITTING", training([replace(one, accuracy=1.0) for one in epochs_of([0.1], [0.7])], n_validation=10)),
    ("CLASS_COLLAPSE", training([replace(one, predicted=[120, 80, *[0] * 8]) for one in epochs_of([1.0])])),
    ("CLASS_COLLAPSE", training([replace(one, predicted=[196, 4]) for one in epochs_of([0.1])], label_counts=[195, 5])),
    ("BLOATED", training(epochs_of([0.5]), parameters=200_000)),
]


@pytest.mark.parametrize(("code", "history"), NEAR_MISSES)
def test_what_only_looks_like_it_is_not_named(code: str, history: TrialHistory) -> None:
    assert code not in named(history)


def test_the_gravest_comes_first() -> None:
    history = training(epochs_of([2.0, None], [0.5, 0.1], layers=[layer(dead=6)]), parameters=50_000_000)
    severities = [item.severity for item in diagnose(history)]
    assert severities == sorted(severities, key=list(Severity).index) and severities[0] is Severity.FATAL
    assert diagnose(history)[0].code == "DIVERGED"


def test_a_sudden_growth_of_the_gradient_is_named() -> None:
    calm = epochs_of([0.5, 0.5, 0.5], layers=[layer(gradient_norm=0.2)])
    burst = replace(calm[-1], layers=[layer(gradient_norm=40.0)])
    assert "0.2 in the epochs before" in named(training([*calm[:-1], burst]))["EXPLODING_GRADIENT"].evidence


def test_the_limit_of_a_bias_change_can_be_set() -> None:
    history = training(epochs_of([0.5], layers=[layer(bias_change=3.0)]))
    assert diagnose(history) == []
    history.bias_change_limit = 2.0
    assert "a bias moved by 3 in one epoch, the limit is 2" in named(history)["EXPLODING_GRADIENT"].evidence
    again = TrialHistory.from_json(history.to_json())
    assert "EXPLODING_GRADIENT" in named(again)


def test_a_slow_start_is_a_warning_and_not_the_end() -> None:
    slow = training(epochs_of([1.386, 1.384, 1.381, 1.378], [0.26] * 4, total=10), label_counts=[50] * 4)
    assert named(slow)["NOT_LEARNING"].severity is Severity.WARNING
    assert Severity.FATAL not in {item.severity for item in diagnose(slow)}
    stuck = training(epochs_of([1.386, 1.385, 1.387, 1.386], [0.26] * 4, total=10), label_counts=[50] * 4)
    assert named(stuck)["NOT_LEARNING"].severity is Severity.FATAL


def test_to_know_how_frequent_the_classes_are_is_not_to_learn() -> None:
    counts = [140, 30, 20, 5, 5]
    entropy = -sum(count / 200 * math.log(count / 200) for count in counts)
    epochs = [replace(one, predicted=[200, 0, 0, 0, 0]) for one in epochs_of([entropy] * 4, [0.7] * 4)]
    history = training(epochs, label_counts=counts)
    found = named(history)
    assert found["NOT_LEARNING"].severity is Severity.FATAL and found["CLASS_COLLAPSE"].severity is Severity.FATAL
    assert convergence_quality(history) == pytest.approx(0.0)


def test_one_reading_of_a_dead_layer_is_not_the_end() -> None:
    once = training(epochs_of([2.3], [0.1], layers=[layer(dead=10)]))
    assert named(once)["DEAD_UNITS"].severity is Severity.WARNING


def test_the_advice_for_a_bloated_network_fits_its_kind() -> None:
    text = training(epochs_of([0.5]), parameters=50_000_000, layers=[{"name": "embedding", "type": "Embedding"}])
    assert "vocabulary_size" in named(text)["BLOATED"].advice and "filters" not in named(text)["BLOATED"].advice


@pytest.mark.parametrize(("dense", "expected"), [(1, False), (2, True)])
def test_the_advice_for_a_bloated_network_names_hidden_nodes_only_where_it_has_them(dense: int, expected: bool) -> None:
    layers = [{"name": f"dense_{place}", "type": "Dense"} for place in range(dense)]
    advice = named(training(epochs_of([0.5]), parameters=50_000_000, layers=layers))["BLOATED"].advice
    assert ("first_hidden_nodes" in advice) == expected and "filters" in advice


def test_long_trainings_get_more_patience() -> None:
    patient = epochs_of([GUESS] * 5, [0.1] * 5, total=30)
    assert "NOT_LEARNING" not in named(training(patient))
    assert "NOT_LEARNING" in named(training(epochs_of([GUESS] * 9, [0.1] * 9, total=30)))


def test_the_class_is_called_by_its_name() -> None:
    history = training([replace(one, predicted=[0, 200, *[0] * 8]) for one in epochs_of([1.0])])
    history.class_names = [f"sign {number}" for number in range(CLASSES)]
    assert "sign 1" in named(history)["CLASS_COLLAPSE"].evidence
    assert math.isclose(GUESS, math.log(10))
