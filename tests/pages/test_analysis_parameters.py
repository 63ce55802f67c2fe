"""Analysis: which hyperparameters a chart shows at first, and what is named on a front."""

from __future__ import annotations

import optuna
import pytest
from optuna.trial import create_trial

from hpo_core.analysis.targets import ACCURACY, HEALTH, Target
from pages.parts.analysis import fronts, of_parameters, parallel
from storage.database import Database
from tests.pages.test_analysis import request
from tests.pages.test_pages import open_page, words

PAGE = "pages/analysis.py"


def test_two_hyperparameters_that_every_trial_has_are_drawn_first(database: Database) -> None:
    study = optuna.create_study(study_name="partly", storage=database.optuna_storage(), direction="maximize")
    for number in range(12):
        params = {"x": number * 7 % 12 / 10, "y": number * 5 % 12 / 10}
        rare = {} if number % 2 else {"rare": number / 10}
        spread = optuna.distributions.FloatDistribution(0, 2)
        study.add_trial(
            create_trial(value=number / 20, params=params | rare, distributions=dict.fromkeys(params | rare, spread))
        )
    app = open_page(PAGE, study="partly", chart="contour")
    assert {app.selectbox(key=key).value for key in ("analysis_x", "analysis_y")} == {"x", "y"}
    assert "Left out" not in words(app)
    app.selectbox(key="analysis_y").set_value("rare").run()
    x = app.selectbox(key="analysis_x").value
    assert f"Left out: 6 trials in which {x} or rare had no part." in words(app)
    assert open_page(PAGE, study="partly", chart="slice").selectbox(key="analysis_x").value in ("x", "y")


@pytest.mark.parametrize(("on_front", "named"), [(fronts.NAMED, True), (fronts.NAMED + 1, False)])
def test_trials_on_a_front_are_numbered_while_the_numbers_have_room(on_front: int, named: bool) -> None:
    aims = [Target(ACCURACY, "accuracy", False), Target(HEALTH, "health", False)]
    known = [(n, {ACCURACY: n / 100, HEALTH: 1 - n / 100}) for n in range(on_front)]
    line = fronts.draw_front(aims, known, []).data[1]
    assert ("text" in line.mode, "with its trial's number" in line.name) == (named, named)


@pytest.mark.parametrize(("trials", "opacity"), [(10, of_parameters.PALE), (60, 1.0)])
def test_a_map_that_few_trials_stand_behind_is_pale(trials: int, opacity: float) -> None:
    """As the sentence above it says that nothing can be compared."""
    space = {name: optuna.distributions.FloatDistribution(0, 1) for name in ("x", "y")}
    spread = [
        create_trial(value=n / trials, params={"x": n / trials, "y": n * 7 % trials / trials}, distributions=space)
        for n in range(trials)
    ]
    answer = of_parameters.contour(request(spread, "x", "y"))
    assert answer.figure is not None and answer.figure.data[0].opacity == opacity
    assert ("Nowhere do 3" in answer.sentence) == (opacity < 1)


def test_gaps_of_lines_are_explained() -> None:
    space = {name: optuna.distributions.FloatDistribution(0, 1) for name in ("dropout", "hidden_shrinkage")}
    whole = [create_trial(value=n / 9, params={name: n / 9 for name in space}, distributions=space) for n in range(9)]
    part = create_trial(value=1.0, params={"dropout": 0.5}, distributions={"dropout": space["dropout"]})
    said = parallel.draw(request([*whole, part], *space)).notes
    assert "A line has a gap where its trial has no such hyperparameter: Shrinkage." in said
    assert not any("gap" in note for note in parallel.draw(request(whole, *space)).notes)


def test_a_landscape_begins_with_numbers_and_needs_trials_behind_it(database: Database) -> None:
    study = optuna.create_study(study_name="words", storage=database.optuna_storage())
    space: dict[str, optuna.distributions.BaseDistribution] = {
        "a": optuna.distributions.CategoricalDistribution(["x", "y"]),
        "b": optuna.distributions.FloatDistribution(0, 1), "c": optuna.distributions.FloatDistribution(0, 1),
    }  # fmt: skip
    for n in range(12):
        parameters = {"a": "xy"[n < 6], "b": n * 5 % 12 / 12, "c": n * 7 % 12 / 12}
        study.add_trial(create_trial(value=float(n < 6), params=parameters, distributions=space))
    app = open_page(PAGE, study="words", chart="surface")
    assert {app.selectbox(key=key).value for key in ("analysis_x", "analysis_y")} == {"b", "c"}
    flat = open_page(PAGE, study="words", chart="contour")
    assert "a" in {flat.selectbox(key=key).value for key in ("analysis_x", "analysis_y")}
    few = of_parameters.landscape(request(study.trials, "b", "c")).figure
    assert few is not None and [trace.type for trace in few.data] == ["scatter3d"]
