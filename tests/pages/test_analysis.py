"""Analysis: the figures, the files, and the page with studies of every kind."""

from __future__ import annotations

import dataclasses
import io
import json
import math
import warnings
from collections import Counter
from collections.abc import Sequence

import optuna
import pandas as pd
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial
from streamlit.testing.v1 import AppTest

from hpo_core.analysis.importance import Importance, importance, importance_over_time
from hpo_core.analysis.targets import targets
from pages.parts import palette
from pages.parts.analysis import (
    downloads,
    fronts,
    importances,
    of_parameters,
    over_trials,
    parallel,
    style,
)
from pages.parts.analysis.catalogue import CHARTS
from pages.parts.analysis.request import Request
from storage.database import Database
from storage.trial_sample import StudyShape, TrialColumns, TrialSample
from tests.hpo_core.analysis import studies
from tests.pages import conftest
from tests.pages.test_pages import TIMEOUT_S, open_page, words

PAGE = "pages/analysis.py"
ODD = "odd 'study' / <b>bold</b> \N{WHALE}"


def request(
    trials: Sequence[FrozenTrial], *parameters: str, target: str = "score", states: tuple[str, ...] = ("complete",)
) -> Request:
    """A question about trials that no database holds."""
    counts = Counter(trial.state.name.lower() for trial in trials)
    shape = StudyShape((False,), (), dict(counts))
    known = tuple(targets(trials, shape.minimises))
    chosen = next(item for item in known if item.key == target)
    return Request("study", shape, TrialSample(tuple(trials), len(trials), 0), states, chosen, known, parameters)


def columns(trials: Sequence[FrozenTrial]) -> list[TrialColumns]:
    return [
        TrialColumns(trial.number, trial.state.name.lower(), tuple(trial.values or ()) or None, 60.0, trial.user_attrs)
        for trial in trials
    ]


def examined(trials: int = 30) -> list[FrozenTrial]:
    found = studies.drawn(studies.by_learning_rate, trials)
    for trial in found:
        trial.user_attrs = {"accuracy": min(1.0, trial.value or 0), "parameters": trial.params["filters"] * 1000}
        trial.user_attrs["health"] = trial.params["dropout"] * 2
    return found


def test_history_draws_each_state_and_steps_of_the_best() -> None:
    trials = [studies.trial(0, 0.5), studies.trial(1, 0.4), studies.trial(2, 0.9), studies.trial(3, 0.7)]
    trials.append(studies.trial(4, 0.95, TrialState.PRUNED))
    answer = over_trials.history(request(trials, states=("complete", "pruned")), columns(trials))
    assert answer.figure is not None
    names = {trace.name: trace for trace in answer.figure.data}
    assert list(names["highest so far"].x) == [0, 2, 3] and list(names["highest so far"].y) == [0.5, 0.9, 0.9]
    assert list(names["highest"].x) == [2] and list(names["pruned"].x) == [4]
    assert names["complete"].marker.color == palette.COMPLETE and names["pruned"].marker.symbol == "diamond"
    assert "reached by Trial 2" in answer.sentence and list(answer.table["trial"]) == [0, 1, 2, 3, 4]


def test_a_single_trial_stands_in_the_middle_of_its_chart() -> None:
    trials = [studies.trial(4, 0.8)]
    answer = over_trials.history(request(trials), columns(trials))
    assert answer.figure is not None
    assert list(answer.figure.layout.yaxis.range) == pytest.approx([0.72, 0.88])
    assert list(answer.figure.layout.xaxis.range) == pytest.approx([3.1, 4.9])


def test_the_best_so_far_counts_trials_that_are_not_in_the_sample() -> None:
    trials = [studies.trial(number, value) for number, value in enumerate((0.5, 0.8, 0.6))]
    asked = request(trials[::2])
    answer = over_trials.history(asked, columns(trials))
    assert answer.figure is not None
    assert "Trial 1" in answer.sentence and list(answer.figure.data[1].y) == [0.5, 0.8, 0.8]


def test_results_without_a_finite_value_are_left_out_and_that_is_said() -> None:
    trials = [studies.trial(0, 0.5), studies.trial(1, math.inf), studies.trial(2, state=TrialState.FAIL)]
    answer = over_trials.history(request(trials), columns(trials))
    assert answer.notes == [
        "Left out: 2 trials without a result that counts (failed, stopped, or without a finite score)."
    ]
    assert len(answer.table) == 1


def test_importance_marks_chance_on_every_bar() -> None:
    trials = examined(60)
    asked = request(trials)
    found = importance(trials, asked.target)
    answer = importances.bars(found, asked)
    assert answer.figure is not None
    more, less, chance = answer.figure.data
    assert list(more.y) == found.certain == ["learning_rate"] and "learning_rate" not in less.y
    assert list(chance.x) == [pytest.approx(found.chance[name] * 100) for name in chance.y]
    assert answer.figure.layout.yaxis.ticktext[0].startswith("Learning rate <b>")
    assert list(answer.table.columns) == ["hyperparameter", "importance", "chance_alone"]
    over_time = importances.lines(importance_over_time(trials, asked.target), found, asked)
    assert over_time.figure is not None and over_time.figure.data[0].x[-1] == 60


def test_a_mark_far_beyond_its_bar_is_in_sight() -> None:
    found = Importance({"filters": 0.6, "dropout": 0.4}, {"filters": 0.9, "dropout": 0.1}, trials=12)
    figure = importances.bars(found, request(examined(12))).figure
    assert figure is not None and figure.layout.xaxis.range[1] > 90
    figure = importances.bars(dataclasses.replace(found, chance={"filters": 1.0}), request(examined(12))).figure
    assert figure is not None and 100 < figure.layout.xaxis.range[1] < 105


def test_parallel_lines_have_a_place_on_every_axis() -> None:
    trials = examined()
    answer = parallel.draw(request(trials, "learning_rate", "activation", "dropout"))
    assert answer.figure is not None
    others, best = answer.figure.data
    assert (others.name, best.name) == ("others: 25", "best: 5")
    for trace, number in ((others, 25), (best, 5)):
        assert len(trace.x) == number * 5 and all(x is None or -1e-9 <= x <= 1 + 1e-9 for x in trace.x)
    said = [note.text for note in answer.figure.layout.annotations]
    assert {"<b>Learning rate</b>", "<b>Activation</b>", "<b>Score</b>", "none", "relu", "elu"} <= set(said)


def test_labels_never_touch_and_are_never_cut() -> None:
    ticks = [(0.0, "a very long category that nobody should ever cut off"), (0.5, "b"), (0.55, "tanh"), (1.0, "relu")]
    found = parallel.staggered(ticks)
    assert [label.replace("<br>", " ") for _, label, _ in found] == [label for _, label in ticks]
    taken: list[tuple[int, float, float]] = []
    for place, label, level in found:
        lines = label.split("<br>")
        half = max(map(len, lines)) * parallel.LETTER / parallel.NARROWEST / 2
        middle = min(max(place, half), 1 - half)
        for line in range(level, level + len(lines)):
            assert all(line != other or middle - half >= end or middle + half <= start for other, start, end in taken)
            taken.append((line, middle - half, middle + half))
    assert style.wrapped("x" * 40, 18) == "x" * 18 + "<br>" + "x" * 18 + "<br>" + "x" * 4
    assert style.wrapped("<b>bold</b>") == "&lt;b&gt;bold&lt;/b&gt;"


def test_slice_of_a_log_scale_and_of_categories() -> None:
    trials = examined()
    rate = of_parameters.parameter_slice(request(trials, "learning_rate")).figure
    assert rate is not None and rate.layout.xaxis.type == "log" and "0.001" in rate.layout.xaxis.ticktext
    kinds = of_parameters.parameter_slice(request(trials, "activation")).figure
    assert kinds is not None and list(kinds.layout.xaxis.ticktext) == ["relu", "elu", "none"]
    places = {trial.number: x for trial, x in zip(trials, kinds.data[0].x, strict=True)}
    for trial in trials:
        assert round(places[trial.number]) == ["relu", "elu", None].index(trial.params["activation"])
    assert len(kinds.data[1].x) == 3  # the means


@pytest.mark.parametrize(
    ("pair", "kind"), [(("learning_rate", "dropout"), "contour"), (("filters", "activation"), "heatmap")]
)
def test_contour_and_surface(pair: tuple[str, str], kind: str) -> None:
    asked = request(examined(), *pair, target="accuracy")
    flat, spatial = of_parameters.contour(asked), of_parameters.landscape(asked)
    assert flat.figure is not None and spatial.figure is not None
    assert [trace.type for trace in flat.figure.data] == [kind, "scatter"]
    assert [trace.type for trace in spatial.figure.data] == ["mesh3d", "scatter3d"]
    highest = max(value for row in flat.figure.data[0].z for value in row if value is not None)
    assert 50 < highest <= 100 and flat.figure.data[0].colorbar.title.text == "Mean accuracy, %"
    few = of_parameters.contour(request(examined(5), *pair))
    assert few.figure is not None and [trace.type for trace in few.figure.data] == ["scatter"]
    dots = few.figure.data[0]  # which alone show there what was reached
    assert len(set(dots.marker.color)) == len(dots.x) and dots.marker.showscale
    ground, dots = flat.figure.data
    assert (ground.zmin, ground.zmax) == (dots.marker.cmin, dots.marker.cmax) and not dots.marker.showscale


def test_whole_numbers_have_no_labels_between_them() -> None:
    space: dict[str, optuna.distributions.BaseDistribution] = {
        "layers": optuna.distributions.IntDistribution(1, 4), "x": studies.SPACE["dropout"]
    }  # fmt: skip
    trials = [
        create_trial(value=n / 9, params={"layers": 1 + n % 4, "x": n / 20}, distributions=space) for n in range(10)
    ]
    figure = of_parameters.parameter_slice(request(trials, "layers")).figure
    assert figure is not None and figure.layout.xaxis.dtick == 1
    # A colour bar above makes plotly write the title of this axis over its labels, unless it begins a line lower.
    assert figure.layout.xaxis.title.text == "<br>layers"
    lines = parallel.draw(request(trials, "layers", "x")).figure
    assert lines is not None and "2.5" not in [note.text for note in lines.layout.annotations]


def test_long_names_get_letters_in_space() -> None:
    names = ("a very long category name", "b")
    space = {"kind": optuna.distributions.CategoricalDistribution(names), "x": studies.SPACE["dropout"]}
    trials = [
        create_trial(value=n / 9, params={"kind": names[n % 2], "x": n / 20}, distributions=space) for n in range(10)
    ]
    answer = of_parameters.landscape(request(trials, "kind", "x"))
    assert answer.figure is not None and list(answer.figure.layout.scene.xaxis.ticktext) == ["A", "B"]
    assert "kind: A is a very long category name, B is b." in answer.notes


def test_timeline_colours_states() -> None:
    trials = [
        studies.trial(0, 0.1),
        studies.trial(1, state=TrialState.FAIL),
        studies.trial(2, state=TrialState.RUNNING),
    ]
    answer = over_trials.timeline(request(trials, states=("complete", "fail", "running")))
    assert answer.figure is not None
    assert {bar.name: bar.marker.color for bar in answer.figure.data} == {
        "running": palette.RUNNING, "complete": palette.COMPLETE, "failed or stopped": palette.FAILED,
    }  # fmt: skip
    assert all(bar.x[0] > 0 for bar in answer.figure.data) and "1 running" in answer.sentence


def test_front_compares_every_trial_and_draws_all_of_the_front() -> None:
    trials = examined()
    asked = request(trials[:3])
    every = columns(trials)
    answer = fronts.draw(Request(**{**asked.__dict__, "targets": request(trials).targets}), every)
    assert answer.figure is not None and len(answer.table) == 30
    rest, best = answer.figure.data
    assert len(best.x) == int(answer.table["on_front"].sum()) and len(rest.x) <= 3
    assert f"Of 30 trials, {len(best.x)} (" in answer.sentence
    none = fronts.draw(request(studies.drawn(studies.by_chance, 3)), columns(trials))
    assert none.figure is None and "two aims at least" in none.sentence


def test_duration_against_result() -> None:
    answer = over_trials.duration(request(examined(), target="accuracy"))
    assert answer.figure is not None and answer.figure.layout.yaxis.title.text == "Accuracy, %"
    assert over_trials.duration(request(examined(), target="duration")).figure is None


def test_files_open_offline_and_hold_the_numbers() -> None:
    asked = request(examined(), "learning_rate")
    asked = Request(**{**asked.__dict__, "study": ODD})
    answer = of_parameters.parameter_slice(asked)
    assert answer.figure is not None
    page = downloads.page(CHARTS["slice"], asked, answer, answer.figure).decode()
    assert "odd &#x27;study&#x27; / &lt;b&gt;bold&lt;/b&gt;" in page and "<b>bold" not in page
    assert "Plotly.newPlot" in page and "<script src=" not in page and len(page) > 1_000_000
    table = pd.read_csv(io.BytesIO(downloads.csv(answer.table)))
    assert list(table.columns) == ["trial", "state", "learning_rate", "score"] and len(table) == 30
    assert downloads.file_stem(asked, CHARTS["slice"]) == "odd-study-b-bold-b-slice-score-learning_rate"


def drawn(app: AppTest) -> list[dict[str, object]]:
    """The traces of the figure on the page."""
    return list(json.loads(app.get("plotly_chart")[0].proto.spec)["data"])


def test_no_name_and_no_value_is_a_formula_in_the_numbers() -> None:
    table = pd.DataFrame({"=1+1": [1.5], "choice": ["=HYPERLINK(1)"], "none": [None]})
    assert downloads.csv(table).decode().splitlines() == ["'=1+1,choice,none", "1.5,'=HYPERLINK(1),"]
    assert downloads.csv(pd.DataFrame({"self": ["a"]})).decode().splitlines() == ["self", "a"]
    assert list(table.columns) == ["=1+1", "choice", "none"]  # as it was


def make_odd(database: Database) -> None:
    """A study of plain Optuna with everything that may go wrong in it."""
    study = optuna.create_study(study_name=ODD, storage=database.optuna_storage(), direction="minimize")
    for trial in studies.drawn(studies.by_learning_rate, 13):
        trial.user_attrs = {"accuracy": math.nan if trial.number == 3 else 0.5, "text": "<i>"}
        if trial.number in (4, 5):
            trial.state, trial.values = (TrialState.FAIL, None) if trial.number == 4 else (trial.state, [math.inf])
        study.add_trial(trial)


def make_multi(database: Database) -> None:
    study = optuna.create_study(
        study_name="multi", storage=database.optuna_storage(), directions=["minimize", "maximize"]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study.set_metric_names(["loss", "speed"])
    study.add_trials(
        [
            create_trial(values=[n / 10, (n * 7) % 11], params={"dropout": n / 20},
                         distributions={"dropout": studies.SPACE["dropout"]}) for n in range(10)
        ]
    )  # fmt: skip


def each_chart(study: str) -> dict[str, str]:
    """What the page says for every chart of a study."""
    app = open_page(PAGE, study=study)
    said = {}
    for key in CHARTS:
        app.query_params["chart"] = key
        app.run()
        assert not app.exception and not app.error, (key, app.exception)
        said[key] = words(app)
    return said


def test_every_chart_of_an_odd_study_says_something(database: Database) -> None:
    make_odd(database)
    said = each_chart(ODD)
    assert "smallest score of 11 trials" in said["history"]
    assert "Left out: 1 trial without a result that counts (failed" in said["history"]
    assert "Only complete trials count" in said["importance"] and "11 trials" in said["importance"]
    assert "1 failed" in said["timeline"] and "two aims at least" in said["pareto"]
    for key, chart in CHARTS.items():
        assert chart.source[1] in said[key] and chart.explanation[:30] in said[key]
    assert "<b>bold" not in said["history"]


def test_several_objectives_can_be_looked_at_one_by_one(database: Database) -> None:
    make_multi(database)
    said = each_chart("multi")
    assert (
        "is matched or beaten by one of them in loss and speed at once" in said["pareto"]
        and "needs 2 hyperparameters" in said["contour"]
    )
    app = open_page(PAGE, study="multi", chart="history")
    app.selectbox(key="analysis_target").select("score:1").run()
    assert not app.exception and "highest speed of 10 trials is 10" in words(app)
    app.query_params["chart"] = "importance"
    app.run()
    assert not app.exception and "Only dropout was varied" in words(app)


@pytest.mark.parametrize("state", [TrialState.FAIL, TrialState.PRUNED])
def test_studies_in_which_no_trial_is_complete(database: Database, state: TrialState) -> None:
    study = conftest.make_run(database, "none", 2)
    for _ in range(2):
        conftest.add_trial(study, 0.1, state)
    said = each_chart("none")
    assert "No complete trial has a validation accuracy" in said["importance"] and "2 trials" in said["timeline"]


def test_one_trial_and_none(database: Database) -> None:
    study = conftest.make_run(database, "single", 1)
    assert "No trial has begun yet" in words(open_page(PAGE, study="single"))
    conftest.add_trial(study, 0.9836)
    said = each_chart("single")
    assert "So far one trial has a result: Trial 0 with 98.36 %" in said["history"]
    assert "nothing to compare" in said["slice"] and "no choice" in said["pareto"]


def test_the_address_names_the_chart(database: Database) -> None:
    conftest.make_finished(database)
    app = open_page(PAGE, chart="beauty")
    assert "beauty" in app.warning[0].value and "How the best result grew" in words(app)
    app.button_group(key="analysis_chart").set_value("timeline").run()
    assert app.query_params["chart"] in ("timeline", ["timeline"]) and "When trials ran" in words(app)
    assert not app.warning


def test_states_and_targets_are_chosen(database: Database) -> None:
    study = conftest.make_run(database, "mixed", 4)
    for accuracy, state in ((0.9, TrialState.COMPLETE), (0.95, TrialState.COMPLETE), (0.99, TrialState.PRUNED)):
        conftest.add_trial(study, accuracy, state)
    app = open_page(PAGE, study="mixed")
    assert "highest validation accuracy of 2 trials is 95.00 %" in words(app)
    app.selectbox(key="analysis_target").select("accuracy").run()
    assert "highest accuracy of 2 trials is 95.00 %" in words(app)
    app.button_group(key="analysis_states_history").set_value(["pruned"]).run()
    assert not app.exception and "stopped before their end" in words(app)
    app.button_group(key="analysis_states_history").set_value([]).run()
    assert not app.exception and "No complete trial of these has" in words(app)


def test_newer_trials_are_shown_although_older_ones_are_kept(database: Database) -> None:
    study = conftest.make_run(database, "growing", 3)
    conftest.add_trial(study, 0.9)
    app = open_page(PAGE, study="growing")
    assert "Trial 0 with 90.00 %" in words(app)
    study.add_trial(create_trial(state=TrialState.RUNNING))
    conftest.add_trial(study, 0.95)
    app.run()
    assert "reached by Trial 2" in words(app)
    assert sum(len(trace["x"]) for trace in drawn(app) if trace["name"] == "complete") == 2


def test_while_a_study_runs_newer_trials_are_offered(database: Database) -> None:
    conftest.make_running(database)
    study = optuna.load_study(study_name="digits-now", storage=database.optuna_storage())
    code = "from pages.parts.analysis import view\nview._watch('digits-now', {})"
    now = tuple(sorted({"complete": 2, "running": 1}.items()))
    newest = AppTest.from_string(code.replace("{}", repr(now)), default_timeout=TIMEOUT_S).run()
    assert [button.key for button in newest.button] == ["analysis_newest"]
    conftest.add_trial(study, 0.97)
    offered = AppTest.from_string(code.replace("{}", repr(now)), default_timeout=TIMEOUT_S).run()
    assert not offered.exception and offered.button(key="analysis_refresh").label.startswith("1 trial ended since")
