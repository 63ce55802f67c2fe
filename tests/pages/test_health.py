"""Health: what is computed, what is drawn, and the page in every state of a trial."""

from __future__ import annotations

import dataclasses
import json

import optuna
import pytest
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df

from hpo_core.formats import THIN_SPACE
from hpo_core.health.diagnoses import Diagnosis, Severity
from hpo_core.health.metrics import METRICS, measure
from hpo_core.health.score import worrying_in_words
from hpo_core.history import TrialHistory, lean
from hpo_core.parameters import PARAMETERS
from pages.parts import (
    diagnosis_cards,
    formats,
    health_bars,
    health_charts,
    health_numbers,
    health_view,
    palette,
    shared,
    trial_choice,
)
from pages.parts.health_numbers import QUANTITIES
from storage.database import Database
from storage.progress import ProgressTable
from storage.studies import TrialRow
from tests import histories
from tests.pages import conftest, examined
from tests.pages.test_pages import open_page, words

PAGE = "pages/health.py"


def trial(number: int = 0, **attributes: object) -> TrialRow:
    return TrialRow(number, "complete", 0.9, 4.0, attributes={"accuracy": 0.9} | attributes)


def test_colours_of_health_run_through_the_scale_and_can_be_read_on() -> None:
    assert [palette.health(value) for value in (-1, 0, 0.5, 1, 2)] == [
        "#B2182B", "#B2182B", "#F7F0D5", "#1B7837", "#1B7837",
    ]  # fmt: skip
    assert palette.health(0.75) not in palette.HEALTH
    for step in range(101):
        ground = palette.health(step / 100)
        light, dark = sorted((palette._luminance(ground), palette._luminance(palette.ink_on(ground))), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.4, step


def test_recorded_values_come_before_computed_ones() -> None:
    history = histories.cnn_history()
    recorded = health_numbers.values_of(trial(health=0.5, gradient_health=0.25), history)
    assert recorded.score == 0.5 and recorded.measured == {"gradient_health": 0.25}
    computed = health_numbers.values_of(trial(), history)
    assert computed.score is not None and computed.metrics == measure(history)
    assert health_numbers.values_of(trial(), None).score is None


def test_absent_metrics_say_why() -> None:
    blind = histories.without_readings(histories.cnn_history())
    assert health_numbers.why_absent("gradient_health", None) == "no epoch was recorded"
    assert health_numbers.why_absent("gradient_health", blind) == "no layer was read"
    assert "five folds" in health_numbers.why_absent("accuracy_consistency", blind)
    drawn = health_bars.bar("Gradient health", None, note="no layer was read")
    assert "not measured: no layer was read" in drawn and "%" not in drawn


def test_bar_is_as_long_as_its_value_and_carries_the_number() -> None:
    drawn = health_bars.bar("Gradient health", 0.75)
    assert "width:75.0%" in drawn and ">0.750</i>" in drawn
    assert "</i><span>0.050</span>" in health_bars.bar("Gradient health", 0.05)


def test_series_of_a_quantity_by_layer() -> None:
    history = histories.cnn_history(epochs=3)
    dead = health_numbers.series(history, QUANTITIES["dead"])
    assert list(dead) == history.layer_names() and dead["conv_1"] == [
        (epoch, reading.dead / reading.units) for epoch, reading in history.layer("conv_1") if reading.dead is not None
    ]
    still = histories.with_readings(history, lambda layer: dataclasses.replace(layer, gradient_norm=0.0, dead=None))
    assert health_numbers.series(still, QUANTITIES["gradient"]) == {}  # a zero has no place on a logarithmic axis
    assert health_numbers.series(still, QUANTITIES["dead"]) == {}
    assert health_numbers.always_zero(still, QUANTITIES["gradient"]) == still.layer_names()
    assert health_numbers.always_zero(still, QUANTITIES["update_ratio"]) == []


def test_table_of_layers_keeps_what_is_absent_empty() -> None:
    history = histories.with_readings(
        histories.cnn_history(), lambda layer: dataclasses.replace(layer, dead=None, weight_change=None)
    )
    rows = health_numbers.layer_table(history.read_epochs[-1])
    assert [row["Layer"] for row in rows] == history.layer_names()
    assert rows[0]["Dead"] is None and rows[0]["Weight change"] is None and rows[0]["Saturated"] == 0
    assert set(health_numbers.CELLS) < set(rows[0])
    assert health_numbers.CELLS["Weights"](20_000) == "20\u202f000"
    assert health_numbers.CELLS["Gradient"](0.04367) == "4.4e-02"


def test_comparison_names_the_better_one_of_each_row() -> None:
    left = trial(3, accuracy=0.98, health=0.6, gradient_health=0.5, parameters=20_000, architecture="A")
    right = trial(7, accuracy=0.96, health=0.8, parameters=10_000, architecture="B")
    longer = dataclasses.replace(right, duration_s=99.0)
    rows = {row.title: row for row in health_numbers.compare(left, longer)}
    assert (rows["Accuracy"].left, rows["Accuracy"].better) == ("98.00 %", "left")
    assert rows["Health"].better == rows["Parameters"].better == "right"
    assert rows["Gradient health"].right == "not measured" and rows["Gradient health"].better == ""
    assert (rows["Duration"].right, rows["Duration"].better) == ("1 min 39 s", "") and rows["Architecture"].right == "B"
    assert {metric.title for metric in METRICS.values()} <= set(rows)


def test_trade_off_in_words() -> None:
    left, right = trial(3, accuracy=0.98, health=0.6), trial(7, accuracy=0.96, health=0.8)
    said = health_numbers.trade_off(left, right)
    assert said == "Compared with Trial 3, Trial 7 has 0.200 more health and 2.00 percentage points less accuracy."
    assert "same accuracy" in health_numbers.trade_off(left, trial(7, accuracy=0.98, health=0.8))
    assert "not measured" in health_numbers.trade_off(trial(3, accuracy=0.98), right)
    assert "an accuracy that was not recorded" in health_numbers.trade_off(left, trial(7, accuracy=96.0, health=0.8))
    assert health_numbers.trade_off(right, right) == "Trial 7 is the best by accuracy and by health alike."


def test_champions_are_named_once() -> None:
    best = trial_choice.Champions(7, trial(7), trial(2))
    assert best.named() == [("Best score and accuracy", 7), ("Best health", 2)]
    assert trial_choice.Champions(7, trial(7), trial(7)).named() == [("Best score, accuracy and health", 7)]
    assert trial_choice.Champions(None, None, None).named() == []


def test_of_equally_accurate_trials_the_healthiest_counts(database: Database) -> None:
    study = conftest.make_run(database, "equal", 2)
    for health in (0.5, 0.8):
        conftest.add_trial(study, 0.9, more={"health": health})
    best = trial_choice.champions("equal", shared.studies().summary("equal"))
    assert best.named() == [("Best score", 0), ("Best accuracy and health", 1)]
    conftest.add_trial(study, 0.8, more={"health": 0.9})
    best = trial_choice.champions("equal", shared.studies().summary("equal"))
    assert best.named() == [("Best score", 0), ("Best accuracy", 1), ("Best health", 2)]


def test_radar_needs_three_metrics() -> None:
    names = list(METRICS)
    assert health_charts.draw_radar({names[0]: 0.5, names[1]: 0.5, names[2]: None}) is None
    figure = health_charts.draw_radar({name: 0.5 for name in names[:4]})
    assert figure is not None and len(figure.data[0].r) == 5


def test_layers_of_one_type_differ_by_dash() -> None:
    figure = health_charts.draw_layers(histories.cnn_history(), QUANTITIES["update_ratio"])
    lines = {line.name: (line.line.color, line.line.dash) for line in figure.data}
    assert lines["conv_1"] == (palette.LAYERS["Conv2D"], "solid") and lines["conv_2"][1] == "dash"
    assert lines["hidden_1"][0] == palette.LAYERS["Dense"] and lines["output"][0] == palette.OUTPUT_LAYER
    assert len(figure.layout.shapes) == 1 and figure.layout.yaxis.type == "log"
    assert len(set(lines.values())) == len(lines)


def test_a_seventh_metric_is_drawn_and_told_from_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    first, *rest = METRICS.values()
    assert len(rest) + 1 == len(health_charts.COLOURS), "one metric more is needed here"
    seven = {metric.name: metric for metric in (first, *rest, dataclasses.replace(first, name="new", title="New"))}
    monkeypatch.setattr(health_charts, "METRICS", seven)
    figure = health_charts.draw_metrics([(1, dict.fromkeys(seven, 0.5))], [0.5])
    styles = {line.name: (line.line.color, line.line.dash, line.marker.symbol) for line in figure.data}
    assert "New" in styles and len(set(styles.values())) == len(seven) + 1


def test_every_quantity_is_drawn() -> None:
    for quantity in QUANTITIES.values():
        assert health_charts.draw_layers(histories.lstm_history(), quantity).data


def test_diagnoses_are_ordered_grouped_and_counted() -> None:
    items = [
        Diagnosis("PLATEAU", Severity.NOTE, 4, None, "evidence", "advice"),
        Diagnosis("DEAD_UNITS", Severity.WARNING, 3, "conv_2", "<half> of them", "try elu"),
        Diagnosis("DIVERGED", Severity.FATAL, 2, None, "evidence", "advice"),
        Diagnosis("DEAD_UNITS", Severity.WARNING, 3, "conv_1", "3 of 4", "try elu"),
        Diagnosis("OVERFITTING", Severity.WARNING, 1, None, "evidence", "advice"),
    ]
    groups = diagnosis_cards.grouped(items)
    assert [group[0].code for group in groups] == ["DIVERGED", "OVERFITTING", "DEAD_UNITS", "PLATEAU"]
    assert diagnosis_cards.counted(groups) == "1 fatal, 2 warnings, 1 note"
    drawn = diagnosis_cards.card(groups[2])
    for expected in ("Dead units", "conv_1, conv_2, epoch 3", "conv_2: &lt;half&gt; of them.", "Try elu.", "warning"):
        assert expected in drawn
    assert drawn.count("Try elu.") == 1 and "Evidence." in diagnosis_cards.card(groups[0])
    assert diagnosis_cards.codes_of(trial(diagnoses="DEAD_UNITS, PLATEAU,DEAD_UNITS,")) == ["DEAD_UNITS", "PLATEAU"]


def test_formula_of_the_score_comes_from_the_configuration() -> None:
    config = {"objective": "validation_accuracy", "mode": "health", "health_weight": 0.4}
    assert health_view.score_words(config) == "score = 0.6 × validation accuracy + 0.4 × health"
    assert health_view.score_words(config | {"mode": "simple"}) == "score = validation accuracy"
    assert health_view.score_words({}) == ""


def test_page_shows_the_best_trial_and_the_one_asked_for(database: Database) -> None:
    examined.make_examined(database)
    app = open_page(PAGE)
    shown = words(app)
    assert app.number_input(key="health_trial").value == 1  # the best score
    for expected in ("Trial 1", "98.36 %", "Neuron utilisation", "Dead units", "24 of ", "score = "):
        assert expected in shown
    assert "Compared with Trial 1, Trial 2 has" in shown and "Conv 16-32" in shown
    app.button(key="health_best_2").click().run()
    assert app.query_params["trial"] in ("2", ["2"])
    assert app.number_input(key="health_trial").value == 2
    assert "None of the diagnoses applies" in words(app) or "Dead units" not in words(app)
    app.number_input(key="health_trial").set_value(0).run()
    assert "91.00 %" in words(app) and app.query_params["trial"] in ("0", ["0"])


def test_page_shows_the_layers_after_the_chosen_epoch(database: Database) -> None:
    examined.make_examined(database)
    app = open_page(PAGE, study="digits-examined", trial="2")
    last = app.dataframe[0].value
    assert list(last["Layer"]) == histories.cnn_history().layer_names()
    app.select_slider(key="epoch").set_value(1).run()
    assert not app.exception
    assert list(app.dataframe[0].value["Weight norm"]) != list(last["Weight norm"])
    for name, quantity in QUANTITIES.items():
        app.button_group(key="quantity").set_value(name).run()
        assert not app.exception and quantity.reading[:40] in words(app)


def test_each_number_of_the_layers_is_written_in_the_way_of_its_column(database: Database) -> None:
    study = conftest.make_run(database, "digits-next", 1)
    history = histories.with_readings(
        histories.cnn_history(), lambda layer: dataclasses.replace(layer, dead=None if layer.name == "conv_1" else 1)
    )
    examined.add_examined(database, study, 0.9, {"history.json": history.to_json().encode()})
    table = open_page(PAGE, study="digits-next", trial="0").dataframe[0]
    shown = convert_arrow_bytes_to_pandas_df(table.proto.arrow_data.styler.display_values)
    conv, normalisation = shown.to_dict("records")[:2]
    assert (conv["Dead"], normalisation["Dead"]) == (formats.NOTHING, "1")
    assert (conv["Weights"], conv["Units"], conv["Saturated"]) == (f"1{THIN_SPACE}000", "24", "0")
    assert (conv["Gradient"], conv["Update ratio"], conv["Bias change"]) == ("8.1e-05", "1.5e-03", "1.0e-02")
    assert (conv["Weight change"], conv["Weight norm"]) == ("5.00 %", "3.8")
    assert list(table.value["Weights"]) == [1000, 2000, 3000, 4000, 5000]  # a column sorts by its numbers


def test_a_running_trial_is_examined_so_far(database: Database) -> None:
    examined.make_watched(database)
    app = open_page(PAGE, study="digits-now", trial="2")
    shown = words(app)
    assert "Epoch by epoch" in shown and "running" in shown and len(app.dataframe[0].value) == 5
    newest = histories.cnn_history(epochs=2).epochs[-1].validation_accuracy
    assert f"<small>accuracy</small>{formats.percent(newest)}" in shown


def test_the_layers_of_a_running_trial_are_those_of_its_newest_epoch(database: Database) -> None:
    examined.make_watched(database)
    table = ProgressTable(database, "digits-now")
    app = open_page(PAGE, study="digits-now", trial="2")
    assert app.select_slider(key="epoch").value == 2
    table.write([], [], {2: lean(histories.cnn_history(epochs=3)).to_json()})
    app.run()
    assert app.select_slider(key="epoch").value == 3
    app.select_slider(key="epoch").set_value(1).run()
    table.write([], [], {2: lean(histories.cnn_history(epochs=4)).to_json()})
    app.run()
    assert app.select_slider(key="epoch").value == 1, "what a visitor chose stays"


@pytest.mark.parametrize(("largest", "labels"), [(0.02, {"0.005", "0.01", "0.02"}), (50.0, None)])
def test_a_short_logarithmic_axis_has_plain_numbers(largest: float, labels: set[str] | None) -> None:
    history = histories.cnn_history(epochs=2)
    for epoch, size in zip(history.epochs, (0.004, largest), strict=True):
        epoch.layers[:] = [dataclasses.replace(layer, update_ratio=size) for layer in epoch.layers]
    shown = health_charts.draw_layers(history, QUANTITIES["update_ratio"]).layout.yaxis
    assert shown.type == "log"
    assert (shown.ticktext is None) == (labels is None) and (labels or set()) <= set(shown.ticktext or ())


def test_the_band_of_healthy_updates_is_named_where_it_lies() -> None:
    figure = health_charts.draw_layers(histories.cnn_history(), QUANTITIES["update_ratio"])
    (name,), (low, high) = figure.layout.annotations, QUANTITIES["update_ratio"].healthy or (0, 0)
    assert name.text == "healthy" and low < 10**name.y <= high * 1.0001


def test_trials_that_were_not_examined_say_what_is_missing(database: Database) -> None:
    conftest.make_finished(database)
    app = open_page(PAGE)
    assert "No readings of this trial are kept" in app.info[0].value
    assert "recorded no health" in words(app)
    conftest.make_failed(database)
    app = open_page(PAGE, study="digits-failed", trial="0")
    assert "failed before anything was read" in app.info[0].value and "out of memory" in words(app)
    conftest.make_plain(database)
    app = open_page(PAGE, study="plain")
    assert "made outside Onegin" in app.info[0].value and "recorded no accuracy" in words(app)
    study = optuna.load_study(study_name="plain", storage=database.optuna_storage())
    with pytest.warns(UserWarning, match="Heartbeat"):
        study.ask()  # it runs, and tells nobody how
    app = open_page(PAGE, study="plain", trial="4")
    assert "made outside Onegin" in app.info[0].value and "has just begun" not in words(app)


def test_numbers_are_shown_where_only_they_were_kept(database: Database) -> None:
    study = conftest.make_run(database, "numbers-only", 1)
    conftest.add_trial(study, 0.9, more={"health": 0.8, "gradient_health": 0.3, "diagnoses": "DEAD_UNITS"})
    shown = words(open_page(PAGE, study="numbers-only"))
    for expected in ("0.800", "0.300", "not measured: no epoch was recorded", "Recorded: dead units", "alike"):
        assert expected in shown


def test_a_bad_trial_in_the_address_is_said_and_the_best_one_shown(database: Database) -> None:
    examined.make_examined(database)
    for asked in ("99", "-1", "x"):
        app = open_page(PAGE, trial=asked)
        assert asked in app.warning[0].value and app.number_input(key="health_trial").value == 1


def test_another_study_begins_with_its_own_best_trial(database: Database) -> None:
    examined.make_examined(database)
    conftest.make_finished(database)
    app = open_page(PAGE, study="digits-examined", trial="0")
    app.selectbox(key="health_study").select("digits-done").run()
    assert "trial" not in app.query_params
    assert app.number_input(key="health_trial").value == 1 and not app.warning


def test_damaged_readings_are_said_in_place(database: Database) -> None:
    study = conftest.make_run(database, "damaged", 1)
    examined.add_examined(database, study, 0.9, {"history.json": b'{"records": [{"kind": "odd"}]}'})
    assert "damaged" in open_page(PAGE, study="damaged").info[0].value


def test_empty_history_draws_nothing_and_fails_nowhere() -> None:
    assert health_charts.draw_layers(TrialHistory(), QUANTITIES["gradient"]).data == ()
    assert health_charts.draw_metrics([], []).data == ()


def test_a_learning_rate_that_is_lowered_on_purpose_explains_small_steps(database: Database) -> None:
    assert {"constant", *health_numbers.FALLING} == set(PARAMETERS["learning_rate_schedule"].allowed.values)
    ratio, gradient = QUANTITIES["update_ratio"], QUANTITIES["gradient"]
    assert "(cosine schedule)" in health_numbers.reading_of(ratio, "cosine")
    assert health_numbers.reading_of(ratio, "constant") == health_numbers.reading_of(ratio, None) == ratio.reading
    assert health_numbers.reading_of(gradient, "cosine") == gradient.reading
    study = conftest.make_run(database, "falling", 2)
    files = {"history.json": histories.cnn_history().to_json().encode()}
    for schedule in ("cosine", "constant"):
        told = json.dumps({"learning_rate_schedule": schedule})
        examined.add_examined(database, study, 0.9, files, {"configuration": told})
    for number, expected in (("0", True), ("1", False)):
        app = open_page(PAGE, study="falling", trial=number)
        app.button_group(key="quantity").set_value("update_ratio").run()
        assert ("are meant to." in words(app)) == expected


def test_the_six_metrics_say_how_to_read_them(database: Database) -> None:
    examined.make_examined(database)
    shown = words(open_page(PAGE, study="digits-examined"))
    assert "Six metrics, from 0 to 1" in shown and worrying_in_words() in shown
