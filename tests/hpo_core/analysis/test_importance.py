"""Importance: what was planted is found, what was not is not claimed."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial, TrialState

from hpo_core.analysis import sentences
from hpo_core.analysis.importance import FEWEST, Importance, importance, importance_over_time
from tests.hpo_core.analysis.studies import LOSS, SCORE, by_chance, by_learning_rate, drawn, trial

COMPUTED = """
import sys
from hpo_core.analysis.importance import importance
from tests.hpo_core.analysis.studies import SCORE, by_learning_rate, drawn
print(*importance(drawn(by_learning_rate, 80), SCORE).certain)
print(*sorted(name for name in sys.modules if name in ("sklearn", "scipy")))
import sklearn
"""


def without(trials: list[FrozenTrial], name: str, every: int) -> list[FrozenTrial]:
    """The trials, some without a hyperparameter, as in a conditional space."""
    for item in trials[::every]:
        item.params = {key: value for key, value in item.params.items() if key != name}
        item.distributions = {key: value for key, value in item.distributions.items() if key != name}
    return trials


def test_what_decides_is_found_and_the_rest_is_not_claimed() -> None:
    found = importance(drawn(by_learning_rate, 80), SCORE)
    assert next(iter(found.shares)) == "learning_rate" and found.certain == ["learning_rate"]
    assert sum(found.shares.values()) == pytest.approx(1) and found.trials == 80 and found.top == 0.1
    said = sentences.importance(found, SCORE)
    share = f"{found.shares['learning_rate'] * 100:.0f} %"
    assert said.startswith(f"Learning rate makes up {share} of what separates the best tenth of 80 trials in score")
    assert "the other 3 cannot be told from chance" in said


def test_smaller_is_better_where_the_study_says_so() -> None:
    """A steep rise: the smallest losses are at one end, the largest scores at the other."""
    trials = drawn(lambda params, chance: params["dropout"] + chance.gauss(0, 0.01), 60)
    for target in (SCORE, LOSS):
        assert importance(trials, target).certain == ["dropout"]
    lopsided = drawn(lambda params, _: 0.0 if params["dropout"] < 0.1 else params["filters"], 80)
    assert importance(lopsided, LOSS).certain[0] == "dropout"
    assert importance(lopsided, SCORE).certain[0] == "filters"


def test_random_results_are_called_random() -> None:
    said = [sentences.importance(importance(drawn(by_chance, 40, seed), SCORE), SCORE) for seed in range(5)]
    assert sum("no influence on score can be told from chance" in sentence for sentence in said) >= 4


def test_chance_alone_reaches_no_more_than_everything() -> None:
    """With few trials the spread of the shuffled shares is wide: beyond the whole it means nothing."""
    limits = [limit for seed in range(5) for limit in importance(drawn(by_chance, 12, seed), SCORE).chance.values()]
    assert limits and max(limits) == 1


def test_too_few_trials_say_so() -> None:
    found = importance(drawn(by_learning_rate, FEWEST - 1), SCORE)
    assert not found.shares and "Only 9 complete trials have a score: too few" in sentences.importance(found, SCORE)
    assert "No complete trial has a score" in sentences.importance(importance([], SCORE), SCORE)


def test_only_complete_trials_with_a_finite_result_count() -> None:
    trials = drawn(by_learning_rate, 20)
    trials += [trial(20, float("inf"), dropout=0.1), trial(21, 0.5, TrialState.PRUNED, dropout=0.1)]
    assert importance(trials, SCORE).trials == 20


def test_values_outside_of_their_range_are_left_out() -> None:
    """Optuna keeps them where somebody enqueued them."""
    trials = drawn(by_learning_rate, 20)
    trials[3].params = trials[3].params | {"filters": 1000}
    assert importance(trials, SCORE).trials == 19
    assert importance_over_time(trials, SCORE)[-1].trials == 19


def test_equal_results_and_single_values_are_not_explained() -> None:
    same = drawn(lambda *_: 0.5, 20)
    assert "nothing can be told apart" in sentences.importance(importance(same, SCORE), SCORE)
    fixed = [trial(number, value.value, dropout=0.2) for number, value in enumerate(drawn(by_chance, 20))]
    found = importance(fixed, SCORE)
    assert not found.shares and found.constant == ("dropout",)
    alone = [
        trial(number, item.value, dropout=item.params["dropout"]) for number, item in enumerate(drawn(by_chance, 20))
    ]
    assert "Only dropout was varied" in sentences.importance(importance(alone, SCORE), SCORE)


def test_conditional_hyperparameters_are_judged() -> None:
    trials = without(drawn(by_learning_rate, 60), "dropout", 2)
    found = importance(trials, SCORE)
    assert set(found.shares) == {"learning_rate", "activation", "filters", "dropout"}
    assert next(iter(found.shares)) == "learning_rate"


def test_importance_over_time_ends_with_all_trials() -> None:
    trials = drawn(by_learning_rate, 60)
    points = importance_over_time(trials, SCORE, points=4)
    assert [point.trials for point in points] == [10, 27, 43, 60]
    whole = importance(trials, SCORE)
    assert dict(points[-1].shares) == pytest.approx(dict(whole.shares))
    assert dict(points[0].shares) == pytest.approx(dict(importance(trials[:10], SCORE).shares))
    assert "it is learning rate" in (said := sentences.importance_over_time(points, whole, SCORE)) or "led from" in said
    assert importance_over_time(trials[:9], SCORE) == []
    assert [point.trials for point in importance_over_time(trials[:10], SCORE)] == [10]


def test_a_change_of_the_leader_is_told() -> None:
    points = [
        Importance({"dropout": 0.6, "filters": 0.4}, {}, 10),
        Importance({"filters": 0.7, "dropout": 0.3}, {}, 20),
        Importance({"filters": 0.8, "dropout": 0.2}, {}, 30),
    ]
    now = dataclasses.replace(points[-1], chance={"filters": 0.1, "dropout": 0.5})
    said = sentences.importance_over_time(points, now, SCORE)
    assert said == "After the first 10 trials dropout led with 60 %; since 20 trials it is filters, now with 80 %."
    unsure = dataclasses.replace(now, chance={"filters": 0.9, "dropout": 0.9})
    assert "the lines move means nothing yet" in sentences.importance_over_time(points, unsure, SCORE)
    assert "Too few" in sentences.importance_over_time([], now, SCORE)
    assert "Lines begin with 11 complete trials" in sentences.importance_over_time(points[:1], now, SCORE)


def test_scikit_learn_is_not_loaded_for_it_and_can_be_loaded_afterwards() -> None:
    words = [sys.executable, "-c", COMPUTED]
    root = Path(__file__).parents[3]
    answer = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
    assert answer.stdout.splitlines() == ["learning_rate", ""] and answer.returncode == 0, answer.stderr
