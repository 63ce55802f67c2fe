"""What charts say: the numbers are right, and few trials are not stretched."""

from __future__ import annotations

import dataclasses
import math

import pytest
from optuna.trial import TrialState

from hpo_core.analysis import sentences
from hpo_core.analysis.association import best_trials, close_together, is_clear, narrowing, rank_correlation
from hpo_core.analysis.landscape import Surface, axis, surface
from hpo_core.analysis.targets import Target, plain, targets
from tests.hpo_core.analysis.studies import LOSS, SCORE, by_chance, by_learning_rate, drawn, trial

ACCURACY = Target("accuracy", "accuracy", False, is_share=True)
HEALTH = Target("health", "health", False)


def test_history() -> None:
    points = [(0, 0.91), (2, 0.95), (3, 0.99), (4, 0.9)]
    assert sentences.history(points, ACCURACY) == (
        "The highest accuracy of 4 trials is 99.00 %, up from 91.00 %, reached by Trial 3; the one since was not "
        "better."
    )
    assert "reached by Trial 3, the newest of them" in sentences.history(points[:3], ACCURACY)
    assert "smallest loss of 4 trials is 0.9, from 0.91, reached by Trial 4" in sentences.history(points, LOSS)
    assert sentences.history(points[:1], ACCURACY) == "So far one trial has a result: Trial 0 with 91.00 %."
    assert "it was the first one, Trial 0" in sentences.history([(0, 0.9), (1, 0.8)], ACCURACY)
    assert sentences.history([], HEALTH) == "No complete trial of these has a health yet."
    assert "stopped before their end" in sentences.history([], ACCURACY, others=3)


def test_what_is_good_is_known_of_what_trials_record_and_of_nothing_else() -> None:
    trials = [trial(number, 0.5) for number in range(12)]
    for number, each in enumerate(trials):
        each.user_attrs |= {"validation_loss": 0.1 + number, "macro_f1": 0.1 * number, "widgets": number}
    known = {target.key: target for target in targets(trials, (False,))}
    loss, f1, widgets = known["validation_loss"], known["macro_f1"], known["widgets"]
    assert loss.minimises is True and f1.minimises is False and widgets.minimises is None
    assert best_trials(trials, loss)[0].number == 0 and best_trials(trials, f1)[0].number == 11
    points = [(number, 10.0 + number, float(number)) for number in range(12)]
    assert "tend to a worse validation loss" in sentences.duration(points, loss)
    assert "; the best, Trial 0, took" in sentences.duration(points, loss)
    said = sentences.duration(points, widgets)
    assert "tend to a larger widgets" in said and "; the largest, Trial 11, took" in said
    assert "the one since was not larger" in sentences.history([(0, 1.0), (1, 3.0), (2, 2.0)], widgets)


def test_slice_tells_a_trend_from_none() -> None:
    rising = drawn(lambda params, chance: params["filters"] + chance.gauss(0, 1), 40)
    assert sentences.parameter_slice(rising, "filters", SCORE).startswith(
        "Score rises with filters (rank correlation 1.0"
    )
    assert "Loss rises with filters" in sentences.parameter_slice(rising, "filters", LOSS)
    none = sentences.parameter_slice(drawn(by_chance, 40), "filters", SCORE)
    assert "Filters alone shows no clear influence on score" in none
    hump = sentences.parameter_slice(drawn(by_learning_rate, 60), "learning_rate", SCORE)
    assert "neither rises nor falls with learning rate throughout, but the best 6 lie between" in hump
    assert "too few to say what “Filters” does, it takes 10" in sentences.parameter_slice(rising[:9], "filters", SCORE)


def test_slice_of_categories_names_both_ends_and_doubts_small_differences() -> None:
    apart = drawn(lambda params, chance: (params["activation"] == "elu") + chance.gauss(0, 0.1), 40)  # type: ignore[comparison-overlap]
    said = sentences.parameter_slice(apart, "activation", SCORE)
    assert said.startswith("Activation elu has the highest mean score") and "chance" not in said
    assert sentences.parameter_slice(apart, "activation", LOSS).startswith("Activation") and "smallest mean" in (
        sentences.parameter_slice(apart, "activation", LOSS)
    )
    assert "can be chance" in sentences.parameter_slice(drawn(by_chance, 40), "activation", SCORE)


def test_parallel_names_what_the_best_share_only_beyond_chance() -> None:
    names = ["learning_rate", "activation", "filters", "dropout"]
    said = sentences.parallel(drawn(by_learning_rate, 80), names, SCORE)
    assert said.startswith("The best 8 of 80 trials lie close together in learning rate (between 0.000")
    assert "no closer together" in sentences.parallel(drawn(by_chance, 80), names, SCORE)
    assert "too few" in sentences.parallel(drawn(by_learning_rate, 19), names, SCORE)
    favourite = drawn(lambda params, chance: (params["activation"] is None) + chance.gauss(0, 0.1), 60)
    assert "activation (none: 6 of 6)" in sentences.parallel(favourite, names, SCORE)


def test_contour_speaks_only_of_places_with_trials() -> None:
    trials = drawn(by_learning_rate, 80)
    found = surface(trials, axis("learning_rate", trials), axis("dropout", trials), SCORE)
    said = sentences.contour(found, trials, SCORE)
    assert said.startswith("Where at least 3 trials are near, the highest mean score is 0.9")
    few = trials[:10]
    sparse = surface(few, axis("learning_rate", few), axis("filters", few), SCORE)
    assert "Nowhere do 3 of the 10 trials" in sentences.contour(sparse, few, SCORE)
    assert "too few" in sentences.contour(sparse, few[:5], SCORE)


@pytest.mark.parametrize("minimises", [False, True])
def test_a_better_place_with_few_trials_is_not_passed_over(minimises: bool) -> None:
    """The map shows it too: the sentence would seem to say that it is not there."""
    sign = -1 if minimises else 1
    target = dataclasses.replace(SCORE, minimises=minimises)
    crowd = [trial(n, sign * (0.5 + n / 100), filters=8 + n % 2, activation="relu") for n in range(10)]
    alone = [*crowd, trial(10, sign * 0.9, filters=64, activation="elu")]
    said = [
        sentences.contour(surface(trials, axis("filters", trials), axis("activation", trials), target), trials, target)
        for trials in (crowd, alone)
    ]
    assert "Where fewer" not in said[0] and "activation relu; the other end" in said[0]
    assert "Where fewer are near it comes to " in said[1] and "activation elu: more trials there" in said[1]


def test_surface_is_the_mean_of_near_trials_and_empty_elsewhere() -> None:
    trials = [trial(n, 1.0, filters=8, activation="relu") for n in range(3)]
    trials += [trial(n, 3.0, filters=64, activation="elu") for n in range(3, 6)]
    found = surface(trials, axis("filters", trials), axis("activation", trials), SCORE)
    assert found.y.categories == ("relu", "elu", "none")
    assert found.values[0][0] == pytest.approx(1.0) and found.values[1][-1] == pytest.approx(3.0)
    assert found.values[0][-1] is None and set(found.values[2]) == {None}
    assert found.support[0][0] == pytest.approx(3.0)


def test_triangles_lie_between_places_with_a_value() -> None:
    trials = [trial(0, 1.0, filters=8, activation="relu"), trial(1, 1.0, filters=8, activation="elu")]
    across = axis("activation", trials)
    values = [[1.0, 1.0, 1.0], [1.0, 1.0, None]]
    corners = Surface(across, axis("filters", trials), values, [[1.0] * 3] * 2).triangles()
    assert {frozenset(map(int, triangle)) for triangle in corners} == {
        frozenset(three) for three in ((0, 1, 3), (1, 3, 4), (1, 2, 4))
    }


def test_log_axes_and_places() -> None:
    trials = [trial(n, 0.1, learning_rate=rate) for n, rate in enumerate((1e-4, 1e-2))]
    scale = axis("learning_rate", trials)
    assert scale.log and scale.share(1e-3) == pytest.approx(0.5) and scale.grid()[20] == pytest.approx(1e-3)
    single = axis("learning_rate", trials[:1])
    assert single.grid() == [1e-4] and single.share(1e-4) == 0.5


def test_timeline() -> None:
    trials = [trial(0, 0.1), trial(1, 0.2), trial(2, state=TrialState.FAIL)]
    assert sentences.timeline(trials, {"complete": 2, "fail": 1, "pruned": 0}) == (
        "3 trials: 2 complete, 1 failed or stopped, over 2 min; a trial took 1 min in the median, 1.5 at a time."
    )
    assert "none has ended yet" in sentences.timeline([trial(0, state=TrialState.RUNNING)], {"running": 1})
    assert sentences.timeline([], {}) == "No trial has begun yet."
    assert sentences.timeline(trials, {"complete": 200, "fail": 100}) == (
        "300 trials: 200 complete, 100 failed or stopped; a trial took 1 min in the median of 3 of them."
    )


def test_pareto() -> None:
    front = [(3, {"accuracy": 0.98, "health": 0.6}), (7, {"accuracy": 0.96, "health": 0.8})]
    assert sentences.pareto(front, 40, (ACCURACY, HEALTH)) == (
        "Of 40 trials, 2 (3, 7) are worth choosing from. Each of the others is matched or beaten by one of them in "
        "accuracy and health at once. Trial 3 (98.00 %, 0.600) has the highest accuracy and Trial 7 (96.00 %, 0.800) "
        "has the highest health."
    )
    assert "are worth choosing from: all. Trial 3" in sentences.pareto(front, 2, (ACCURACY, HEALTH))
    many = [(n, {"accuracy": n / 20, "health": 1 - n / 20}) for n in range(9)]
    assert sentences.pareto(many, 40, (ACCURACY, HEALTH)).startswith("Of 40 trials, 9 are worth")
    assert sentences.pareto(front[:1], 40, (ACCURACY, HEALTH)).startswith("Trial 3 beats all other 39 trials")
    assert "no choice" in sentences.pareto(front[:1], 1, (ACCURACY, HEALTH))


def test_duration() -> None:
    clear = [(n, float(n), n / 10) for n in range(20)]
    assert "Longer trials tend to a better score (rank correlation 1.00 over 20 trials)" in (
        sentences.duration(clear, SCORE)
    )
    assert "tend to a worse loss" in sentences.duration(clear, LOSS)
    unclear = [(n, float(n), float(n % 3)) for n in range(20)]
    assert "cannot be told whether longer training pays" in sentences.duration(unclear, SCORE)
    assert "too few" in sentences.duration(clear[:9], SCORE)


def test_rank_correlation() -> None:
    assert rank_correlation([1, 2, 3], [10, 20, 1000]) == pytest.approx(1)
    assert rank_correlation([1, 2, 2, 3], [3, 2, 2, 1]) == pytest.approx(-1)
    assert rank_correlation([1, 1], [1, 2]) is None and rank_correlation([1], [1]) is None
    assert is_clear(0.9, 20) and not is_clear(0.3, 20) and not is_clear(1.0, 9) and not is_clear(None, 99)


def test_best_trials_and_narrowing() -> None:
    trials = drawn(lambda params, _: params["dropout"], 40)
    best = best_trials(trials, SCORE)
    assert [item.value for item in best] == sorted((item.value for item in trials), reverse=True)[:4]
    assert best_trials(trials, LOSS)[0].value == min(item.value for item in trials)
    assert narrowing(trials, best, "dropout") > 0.7 and narrowing(trials, trials, "dropout") == 0
    assert close_together(trials, best_trials(trials, SCORE, 5), ["dropout", "filters"]) == ["dropout"]
    assert best_trials([], SCORE) == []


def test_targets_are_those_that_trials_recorded() -> None:
    first = trial(0, math.inf, dropout=0.1)
    first.user_attrs = {
        "accuracy": 0.9,
        "cost": 0.1,
        "note": "x",
        "flag": True,
        "odd": math.nan,
        "gradient_health": 0.4,
    }
    found = targets(
        [first, trial(1, 0.5, dropout=0.2)],
        (False,),
        (),
        Target("score", "validation accuracy", None, 0, is_share=True),
    )
    assert [(target.key, target.minimises) for target in found] == [
        ("score", False), ("accuracy", False), ("duration", True), ("cost", True), ("gradient_health", False),
    ]  # fmt: skip
    assert found[0].of(first) is None and [found[place].text(0.9) for place in (0, 1)] == ["90.00 %", "90.00 %"]
    assert found[2].of(first) == 60 and found[0].axis == "Validation accuracy, %" and found[2].axis == "Duration, s"
    assert [target.factor for target in found] == [100, 100, 1, 1, 1]
    first.user_attrs["accuracy"] = 90.0  # as other programs may record it
    assert targets([first], (False,))[1].text(90.0) == "90" and targets([first], (False,))[0].title == "score"
    assert targets([first], (False,), ("speed",))[0].title == "speed"
    several = targets([], (True, False), ("loss", "speed"))
    assert [(target.key, target.title, target.minimises) for target in several] == [
        ("score", "loss", True), ("score:1", "speed", False),
    ]  # fmt: skip
    assert targets([], (True, False))[1].title == "objective 2 of 2"


def test_plain_numbers() -> None:
    assert [plain(value) for value in (0.0, 0.98361, 12.0, 1234.5, 3.2e-5, 2e7, -4.25)] == [
        "0", "0.9836", "12", "1\u202f234", "3.2e-05", "2e+07", "-4.25",
    ]  # fmt: skip
