"""The leaderboard, against formulas written a second time."""

from __future__ import annotations

import itertools
import math
from statistics import mean, variance

import pytest
from optuna.trial import FrozenTrial, TrialState
from scipy import stats

from hpo_core.analysis import sentences
from hpo_core.analysis.leaderboard import LEVEL, Place, holm, leaderboard, left_out, smallest_level
from tests.hpo_core.analysis.studies import LOSS, SCORE, trial

RESULTS = {0.1: (0.95, 0.97, 0.96, 0.99, 0.94), 0.2: (0.90, 0.91, 0.89, 0.92, 0.90), 0.3: (0.95, 0.95, 0.98, 0.94)}


def judged(results: dict[float, tuple[float, ...]], sizes: tuple[int, ...] = ()) -> list[tuple[FrozenTrial, float]]:
    numbers = itertools.count()
    found = []
    for place, (dropout, values) in enumerate(results.items()):
        for value in values:
            made = trial(next(numbers), value, dropout=dropout)
            made.user_attrs = {"rerun": f"Trial {place} of x"} | ({"parameters": sizes[place]} if sizes else {})
            found.append((made, value))
    return found


def welch(left: tuple[float, ...], right: tuple[float, ...]) -> float:
    a, b = variance(left) / len(left), variance(right) / len(right)
    t = (mean(left) - mean(right)) / math.sqrt(a + b)
    freedom = (a + b) ** 2 / (a**2 / (len(left) - 1) + b**2 / (len(right) - 1))
    return float(2 * stats.t.sf(abs(t), freedom))


def test_places_by_mean_with_corrected_chances() -> None:
    first, second, third = leaderboard(judged(RESULTS), SCORE)
    assert [place.name for place in (first, second, third)] == ["Trial 0 of x", "Trial 2 of x", "Trial 1 of x"]
    assert (first.mean, first.deviation) == pytest.approx((0.962, math.sqrt(variance(RESULTS[0.1]))))
    assert first.trials == (0, 1, 2, 3, 4) and first.params == {"dropout": 0.1} and first.p_value is None
    assert third.p_value == pytest.approx(2 * welch(RESULTS[0.1], RESULTS[0.2])) and third.p_value < LEVEL
    assert second.p_value == pytest.approx(welch(RESULTS[0.1], RESULTS[0.3])) and second.is_level
    assert not third.is_level and first.is_level


def test_the_interval_holds_the_true_mean_in_95_of_100_cases() -> None:
    import random

    chance, held = random.Random(1), 0
    for _ in range(600):
        place = Place("x", (), tuple(chance.gauss(0.5, 0.1) for _ in range(4)), {})
        held += abs(place.mean - 0.5) <= place.half_interval
    assert 0.92 < held / 600 < 0.98


def test_a_smaller_loss_comes_first() -> None:
    places = leaderboard(judged(RESULTS), LOSS)
    assert [place.name for place in places] == ["Trial 1 of x", "Trial 2 of x", "Trial 0 of x"]


@pytest.mark.parametrize(
    ("chances", "raised"),
    [([], []), ([0.2], [0.2]), ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]), ([0.9, 0.8], [1.0, 1.0])],
)
def test_holms_method(chances: list[float], raised: list[float]) -> None:
    assert holm(chances) == pytest.approx(raised)


def test_what_was_trained_once_has_no_place() -> None:
    assert leaderboard(judged({0.1: (0.9,), 0.2: (0.8,)}), SCORE) == [] == leaderboard([], SCORE)
    (place,) = leaderboard(judged({0.1: (0.9,), 0.2: (0.8, 0.7)}), SCORE)
    assert place.name == "Trial 1 of x"


@pytest.mark.parametrize(("second", "p_value"), [((0.9, 0.9), 1.0), ((0.8, 0.8), 0.0)])
def test_results_that_do_not_vary(second: tuple[float, ...], p_value: float) -> None:
    assert leaderboard(judged({0.1: (0.9, 0.9), 0.2: second}), SCORE)[1].p_value == p_value


def test_the_smallest_of_equals() -> None:
    places = leaderboard(judged(RESULTS, (5000, 10, 400)), SCORE)
    smallest = smallest_level(places)
    assert smallest is not None and smallest.name == "Trial 2 of x"
    assert smallest_level(leaderboard(judged(RESULTS), SCORE)) is None


def test_in_words() -> None:
    assert "nobody knows how much of a result is luck" in sentences.leaderboard([], SCORE)
    places = leaderboard(judged(RESULTS, (5000, 10, 400)), SCORE)
    assert sentences.leaderboard(places, SCORE) == (
        "Trial 0 of x reaches 0.962 ± 0.019 over 5 seeds; Trial 2 of x, with 0.955 ± 0.017, cannot be told from it "
        "(p = 0.58): of these take Trial 2 of x, the smallest with 400 parameters."
    )
    apart = leaderboard(judged({0.1: (0.9, 0.91, 0.92), 0.2: (0.1, 0.11, 0.12)}), SCORE)
    assert sentences.leaderboard(apart, SCORE).endswith("the highest score of 2, and by more than chance explains.")
    assert sentences.leaderboard(apart[:1], SCORE).endswith("no other configuration was trained more than once.")


def lost(*dropouts: float) -> list[FrozenTrial]:
    return [trial(100 + n, state=TrialState.FAIL, dropout=dropout) for n, dropout in enumerate(dropouts)]


def test_what_does_not_work_with_every_seed_stands_behind_what_does() -> None:
    known = judged({0.1: (0.99, 0.98), 0.2: (0.90, 0.91, 0.89, 0.92, 0.90)})
    first, second = leaderboard(known, SCORE, lost(0.1, 0.1, 0.1))
    assert (first.name, first.lost) == ("Trial 1 of x", 0) and (second.name, second.lost) == ("Trial 0 of x", 3)
    assert not second.is_level
    said = sentences.leaderboard([first, second], SCORE)
    assert said.endswith("and is the only one of 2 that works with every seed.")
    three = leaderboard([*known, *judged({0.3: (0.1, 0.11, 0.12)})], SCORE, lost(0.1))
    assert "the highest score of the 2 that work with every seed" in sentences.leaderboard(three, SCORE)
    both = leaderboard(known, SCORE, lost(0.1, 0.2))
    assert sentences.leaderboard(both, SCORE).startswith("Nothing here works with every seed: Trial 0 of x reaches")


def test_what_hardly_ever_works_is_named() -> None:
    known = judged({0.1: (0.99,), 0.2: (0.90, 0.91), 0.3: (0.5,)})
    assert left_out(known, lost(0.1, 0.1, 0.2)) == ["Trial 100"]
    assert left_out(known, []) == []
