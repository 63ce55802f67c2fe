"""Formats, numbers and figures."""

from __future__ import annotations

import math
import time

import pytest

import hpo_core.formats
from hpo_core.analysis.targets import UNKNOWN_SCORE
from hpo_core.errors import UsageError
from hpo_core.machine import Machine
from pages.parts import charts, formats, numbers, words
from storage.progress import TrialProgress
from storage.studies import TrialRow


def test_numbers_are_those_of_the_terminal() -> None:
    for name in ("NOTHING", "count", "duration", "is_usual", "percent", "score"):
        assert getattr(formats, name) is getattr(hpo_core.formats, name)


def test_other_formats() -> None:
    assert [formats.about(span) for span in (3, 32, 44, 46, 89)] == ["10 s", "30 s", "40 s", "1 min", "1 min"]
    assert formats.plural(1, "trial") == "1 trial" and formats.plural(0, "trial") == "0 trials"
    assert formats.label("max_epochs_per_trial") == "Max epochs per trial"
    assert [formats.value(item) for item in (True, 0.1234567, 5000, None, "relu")] == [
        "yes", "0.123457", "5\u202f000", "–", "relu",
    ]  # fmt: skip


def test_a_table_rounds_as_texts_do() -> None:
    for share in (0.65625, 0.65635, 0.979166667, 1.0):
        assert f"{formats.rounded_percent(share):.2f} %" == formats.percent(share)
    for value in (0.8125, 0.9135, 0.0005, 12345.678, -1e-7):
        assert formats.score(formats.rounded_score(value)) == formats.score(value)
    assert formats.rounded_percent(0.65625) == 65.62 and formats.rounded_score(0.8125) == 0.812
    assert formats.rounded_percent(None) is formats.rounded_score(None) is None
    assert formats.rounded_score(math.inf) == math.inf


def test_log_line_is_short() -> None:
    line = "2026-01-31 14:22:33,123 INFO [run-1] trial 3 starts: Conv 8"
    assert formats.log_line(line, "run-1") == "14:22:33 INFO trial 3 starts: Conv 8"
    assert formats.log_line("Traceback", "run-1") == "Traceback"
    assert len(formats.log_line("x" * 1000, "run-1")) == formats.LOG_CHARACTERS


def test_history_follows_the_direction() -> None:
    points = [(0, 0.5), (2, 0.7), (3, 0.6)]
    up = numbers.history(points, minimises=False)
    assert (up.best, up.champion) == ((0.5, 0.7, 0.7), 1)
    down = numbers.history(points, minimises=True)
    assert (down.best, down.champion) == ((0.5, 0.5, 0.5), 0)
    assert numbers.history((), minimises=True).champion is None


def _running(epoch: int, share: float, since_s: float = 0.0) -> TrialProgress:
    return TrialProgress(
        trial=epoch, phase="training", epoch=epoch, epochs=4, share=share, started_at=100 - since_s, updated_at=100.0
    )


def test_time_left() -> None:
    left = numbers.time_left
    assert left(total=10, ended=10, running=[], mean_s=5.0, workers=2, now=100) == 0
    assert left(total=10, ended=4, running=[], mean_s=5.0, workers=2, now=100) == pytest.approx(15)
    assert left(total=10, ended=4, running=[_running(3, 0.0)], mean_s=5.0, workers=2, now=100) == pytest.approx(13.75)
    assert left(total=10, ended=9, running=[], mean_s=5.0, workers=8, now=100) == pytest.approx(5)
    assert left(total=10, ended=0, running=[], mean_s=None, workers=2, now=100) is None
    assert left(total=10, ended=0, running=[_running(1, 0.0)], mean_s=None, workers=2, now=100) is None
    first = [_running(3, 0.0, since_s=6)]  # half done after 6 s: 12 s a trial
    assert left(total=10, ended=0, running=first, mean_s=None, workers=1, now=100) == pytest.approx(9.5 * 12)


def test_overall_share() -> None:
    assert numbers.overall_share(total=0, ended=0, running=[]) == 0
    assert numbers.overall_share(total=4, ended=1, running=[_running(3, 0.0)]) == pytest.approx(0.375)
    assert numbers.overall_share(total=1, ended=2, running=[]) == 1


def test_reasons_are_grouped_by_frequency() -> None:
    failed = [TrialRow(n, "fail", None, None, attributes={"reason": r}) for n, r in enumerate(["a", "b", "b", ""])]
    assert numbers.reasons(failed) == [("b", [1, 2]), ("a", [0]), ("no reason was recorded", [3])]


def test_reasons_that_differ_in_numbers_alone_are_one_cause() -> None:
    said = ["no memory for a tensor of (64, 3)", "a bug", "no memory for a tensor of (8, 12)"]
    failed = [TrialRow(n, "fail", None, None, attributes={"reason": reason}) for n, reason in enumerate(said)]
    assert numbers.reasons(failed) == [(said[0], [0, 2]), ("a bug", [1])]


def test_figures() -> None:
    figure = charts.draw_history(numbers.history([(0, 0.5), (2, 0.7)], minimises=False), UNKNOWN_SCORE)
    dots, line, star = figure.data
    assert list(dots.x) == [0, 2] and list(line.y) == [0.5, 0.7] and list(star.x) == [2]
    assert len(charts.draw_history(numbers.history([], minimises=False), UNKNOWN_SCORE).data) == 2
    alone = charts.draw_history(numbers.history([(3, 0.5)], minimises=False), UNKNOWN_SCORE).layout
    assert list(alone.xaxis.range) == [2.1, 3.9] and list(alone.yaxis.range) == [0.45, 0.55]
    level = charts.draw_history(numbers.history([(0, 0.5), (1, 0.5)], minimises=False), UNKNOWN_SCORE).layout
    assert level.xaxis.range is None and list(level.yaxis.range) == [0.45, 0.55]
    assert list(charts.draw_curve({1: 0.1, 2: 0.4}, UNKNOWN_SCORE).data[0].y) == [0.1, 0.4]
    assert charts.draw_curve(dict.fromkeys(range(60), 0.5), UNKNOWN_SCORE).data[0].mode == "lines"


def test_charts_of_accuracy_speak_in_per_cent() -> None:
    score = words.score({"configuration": {"objective": "validation_accuracy", "mode": "simple"}})
    found = numbers.history([(0, 0.5), (2, 0.71234)], minimises=False)
    figures = (charts.draw_history(found, score), charts.draw_curve({1: 0.5, 2: 0.71234}, score),
               charts.draw_curves({"Trial 0": {1: 0.5, 2: 0.71234}}, score, [0]))  # fmt: skip
    for figure in figures:
        assert figure.layout.yaxis.title.text == "Validation accuracy, %"
        assert list(figure.data[0].y) == [50, 71.234] and list(figure.data[0].customdata) == ["50.00 %", "71.23 %"]
    assert list(figures[0].data[1].y) == [50, 71.234] and list(figures[0].data[2].y) == [71.234]


def test_sentences_and_sizes() -> None:
    assert formats.sentence("try elu ") == "Try elu." and formats.sentence("Why?") == "Why?"
    assert [formats.file_size(size) for size in (None, 12, 250_000, 1_500_000, 1_780_000_000)] == [
        "–", "12 B", "250 kB", "1.5 MB", "1.8 GB",
    ]  # fmt: skip


def test_words() -> None:
    assert words.choice("tpe") == "TPE" and words.choice("median") == "Median"
    health = {"configuration": {"objective": "validation_accuracy", "mode": "health"}}
    assert words.score_name(health) == "score with health" and words.score(health).text(0.5) == "0.5"
    assert words.formula({"mode": "simple", "objective": "validation_accuracy"}) == "score = validation accuracy"
    both = {"mode": "health", "objective": "macro_f1", "health_weight": 0.4}
    assert words.formula(both) == "score = 0.6 × macro f1 + 0.4 × health"


def test_a_thousand_points_are_drawn_quickly() -> None:
    points = [(number, number % 97 / 97) for number in range(1000)]
    charts.draw_history(numbers.history(points, minimises=False), UNKNOWN_SCORE)  # plotly loads what it needs at first
    durations = []
    for _ in range(3):
        began = time.process_time()  # not what others do on the machine
        charts.draw_history(numbers.history(points, minimises=False), UNKNOWN_SCORE)
        durations.append(time.process_time() - began)
    assert min(durations) < 1


def test_the_score_is_explained_with_the_weights_of_its_run() -> None:
    config = {"objective": "validation_accuracy", "mode": "health", "health_weight": 0.4}
    told = words.score_in_words({"configuration": config})
    assert "0.6 × validation accuracy + 0.4 × health" in told and "neuron utilisation 20 %" in told
    assert "(https://cs231n.github.io/" in told
    plain = words.score_in_words({"configuration": {**config, "mode": "simple"}})
    assert plain == "What the search makes better: validation accuracy."
    assert words.score_in_words({}) == "What the search makes better: score."


def test_advice_calls_hyperparameters_as_the_form_does() -> None:
    bloated = "try fewer filters, fewer first_hidden_nodes or pooling=global_average"
    assert words.advice(bloated) == (
        "Try fewer filters, fewer first hidden layer nodes or “global average” for “Pooling of maps”."
    )
    assert words.advice("try fewer lstm_units or batch_normalization=true") == (
        "Try fewer LSTM units or “on” for “Batch normalisation”."
    )


def test_a_refusal_calls_fields_and_limits_as_the_form_does() -> None:
    with pytest.raises(UsageError) as many:
        Machine(cores=2, memory_bytes=8 << 30).workers(9)
    assert words.refusal(many.value) == (
        "Workers must be at most 2, the cores of this machine, got 9. Set “Workers” to 2."
    )
    assert "write workers=2" in str(many.value)  # on the command line
    grown = UsageError("objective", "must grow with quality in mode=health, got 'x'", "for example objective=macro_f1")
    assert words.refusal(grown) == (
        "Objective must grow with quality in “Mode” Accuracy and health, got 'x'. For example Macro F1."
    )
    local = UsageError("RUNPOD_API_KEY", "must be set for backend=runpod", "set it, or write backend=local")
    assert words.refusal(local).endswith("Set it, or set “Where trials train” to This machine.")
    low = UsageError("filters", "needs 'low'", "for example {low: 8, high: 16}")
    assert words.refusal(low) == "Filters needs “Lowest”. For example {low: 8, high: 16}."
    spread = UsageError("dropout", "needs 'high'", "for example {'low': 0.0, 'high': 0.2}")
    assert words.refusal(spread) == "Dropout needs “Highest”. For example {'low': 0.0, 'high': 0.2}."
    assert words.refusal(spread, of_file=True) == "Dropout needs 'high'. For example {'low': 0.0, 'high': 0.2}."
    none = UsageError("trials", "must be at least 1, got 0", "for example trials=1")
    assert words.refusal(none) == "Trials must be at least 1, got 0. For example 1."
    small = UsageError("weight_decay", "must be above 0", "for example weight_decay=1e-05")
    assert words.refusal(small) == "Weight decay must be above 0. For example 1e-05."
    assert "low and high" in words.refusal(UsageError("trials", "must be low and high", ""))


@pytest.mark.parametrize(
    ("name", "content", "shown"),
    [
        ("accuracy", 0.934, "93.40 %"),
        ("val_accuracy", 93.4, "93.4"),
        ("accuracy", -0.5, "-0.5"),
        ("macro_f1", 1.0, "100.00 %"),
        ("validation_loss", 0.0810638, "0.08106"),
    ],
)
def test_only_a_share_is_told_in_per_cent(name: str, content: float, shown: str) -> None:
    assert words.recorded_value(name, content) == shown
    if name == "accuracy":
        row = TrialRow(0, "complete", 0.5, 1.0, attributes={"accuracy": content})
        assert row.accuracy == (content if 0 <= content <= 1 else None)


def test_an_axis_around_one_accuracy_ends_at_all_of_it() -> None:
    score = words.score({"configuration": {"objective": "validation_accuracy", "mode": "simple"}})
    assert charts.around_one_value(50.0, score) == [45.0, 55.0]
    low, high = charts.around_one_value(98.0, score)
    assert low == pytest.approx(88.2) and 100 < high < 101
    assert charts.around_one_value(98.0, UNKNOWN_SCORE)[1] == pytest.approx(107.8)


def test_a_single_epoch_stands_in_the_middle_of_its_curve() -> None:
    axes = charts.draw_curve({1: 0.5}, UNKNOWN_SCORE).layout
    assert list(axes.xaxis.range) == pytest.approx([0.1, 1.9]) and list(axes.yaxis.range) == pytest.approx([0.45, 0.55])
    assert charts.draw_curve({1: 0.5, 2: 0.6}, UNKNOWN_SCORE).layout.yaxis.range is None
