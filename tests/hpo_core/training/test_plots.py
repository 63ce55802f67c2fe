"""Tests of what stands in the pictures."""

from __future__ import annotations

import io
import itertools
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from PIL import Image
from PIL.GifImagePlugin import GifImageFile

from hpo_core.health.readings import Histogram
from hpo_core.history import TrialHistory
from hpo_core.training.plots import style
from hpo_core.training.plots.activation_maps import draw_activation_maps
from hpo_core.training.plots.activation_progression import chosen_maps, draw_activation_progression
from hpo_core.training.plots.confusion_matrix import confused_pairs, draw_confusion_matrix, row_shares
from hpo_core.training.plots.gradient_flow import draw_gradient_flow
from hpo_core.training.plots.training_animation import LAST_MS, MAX_BYTES, MAX_FRAMES, draw_training_animation, gif
from hpo_core.training.plots.training_history import draw_training_history
from hpo_core.training.plots.unit_activity import draw_unit_activity
from hpo_core.training.plots.weights_and_biases import draw_weights_and_biases, outline
from tests.histories import (
    UNITS,
    cnn_history,
    lstm_history,
    with_confusion,
    with_epochs,
    with_readings,
    without_readings,
    without_snapshots,
)


def said(figure: Figure) -> str:
    """Everything that is written in a figure, a text to a line."""
    return "\n".join(text.get_text() for text in figure.findobj(Text))


# --- training history


def test_the_history_marks_the_best_epoch() -> None:
    history = with_epochs(cnn_history(4), lambda e: replace(e, validation_accuracy=0.9 - abs(e.epoch - 3) / 10))
    figure = draw_training_history(history)
    stars = [line for line in figure.axes[1].lines if line.get_marker() == "*"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in stars] == [(3, 0.9)]
    assert "80.00 % validation accuracy after epoch 4" in said(figure)
    assert "last of 4 epochs counts; the best was epoch 3 with 90.00 % (star)." in said(figure).replace("\n", " ")
    rising = with_epochs(cnn_history(4), lambda e: replace(e, validation_accuracy=e.epoch / 10))
    assert "last of 4 epochs counts; it is the best (star)." in said(draw_training_history(rising))
    assert "One epoch." in said(draw_training_history(cnn_history(1)))


def test_the_history_shows_training_in_blue_and_validation_in_orange() -> None:
    history = cnn_history(3)
    lines = {line.get_label(): line for line in draw_training_history(history).axes[0].lines}
    assert lines["training"].get_color() == "#0072B2" and lines["validation"].get_color() == "#D55E00"
    assert list(lines["training"].get_ydata()) == [epoch.loss for epoch in history.epochs]
    within = lines["within an epoch"]
    assert len(within.get_xdata()) == 60 and within.get_xdata()[0] == pytest.approx(0.025)


def test_the_learning_rate_has_a_panel_where_it_changes() -> None:
    figure = draw_training_history(cnn_history(3))
    assert [axes.get_ylabel() for axes in figure.axes] == ["Loss (cross-entropy)", "Accuracy (%)", "Learning rate"]
    assert figure.axes[-1].get_xlabel() == "Epoch"
    steady = with_epochs(cnn_history(3), lambda e: replace(e, learning_rate=0.001))
    assert len(draw_training_history(steady).axes) == 2


def test_losses_far_apart_get_a_log_axis() -> None:
    near = draw_training_history(cnn_history(3)).axes[0]
    far = draw_training_history(with_epochs(cnn_history(3), lambda e: replace(e, loss=100.0**e.epoch))).axes[0]
    assert (near.get_yscale(), far.get_yscale()) == (
        "linear",
        "log",
    ) and far.get_ylabel() == "Loss (cross-entropy, log)"


def test_epochs_without_a_finite_loss_are_crossed() -> None:
    history = with_epochs(cnn_history(4), lambda e: replace(e, loss=None) if e.epoch > 2 else e)
    axes = draw_training_history(history).axes[0]
    crosses = [line for line in axes.lines if line.get_marker() == "x"]
    assert [list(line.get_xdata()) for line in crosses] == [[3, 4]]
    assert "Cross: no finite loss." in said(axes.get_figure())


# --- gradients and weights


def test_gradients_and_steps_stand_on_log_axes_by_layer() -> None:
    figure = draw_gradient_flow(cnn_history(3))
    gradients, updates = figure.axes
    assert gradients.get_yscale() == updates.get_yscale() == "log"
    names = [label.get_text() for label in updates.get_xticklabels()]
    assert names == ["conv_1", "normalisation_1", "conv_2", "hidden_1", "output"]
    assert (gradients.get_ylabel(), updates.get_ylabel()) == ("Gradient (RMS)", "Step / weights")
    band = updates.patches[0].get_extents().transformed(updates.transData.inverted())
    assert (band.y0, band.y1) == pytest.approx((1e-4, 1e-2))


def test_the_gradient_drawn_is_that_of_each_layer() -> None:
    history = cnn_history(2)
    expected = [reading.gradient_rms for reading in history.epochs[-1].layers or []]
    (last,) = (line for line in draw_gradient_flow(history).axes[0].lines if line.get_linewidth() == 3)
    assert list(last.get_ydata()) == expected


def test_a_gradient_of_zero_is_a_triangle() -> None:
    history = with_readings(cnn_history(2), lambda r: replace(r, gradient_norm=0.0) if r.name == "conv_2" else r)
    axes = draw_gradient_flow(history).axes[0]
    triangles = [list(line.get_xdata()) for line in axes.lines if line.get_marker() == "v"]
    assert triangles == [[2]] and "zero in some epoch" in axes.texts[0].get_text()


def test_gradients_that_are_no_numbers_are_said() -> None:
    history = with_readings(cnn_history(2), lambda r: replace(r, gradient_norm=None, update_ratio=None))
    figure = draw_gradient_flow(history)
    assert said(figure).count("no finite number was read") == 2


def test_few_epochs_of_many_are_drawn() -> None:
    lines = [line for line in draw_gradient_flow(cnn_history(30)).axes[0].lines if len(line.get_xdata()) == 5]
    assert len(lines) == 8


def test_each_layer_with_weights_has_a_cell() -> None:
    figure = draw_weights_and_biases(cnn_history(3))
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[0] == "conv_1\nnorm 3.2 → 3.6" and [title.split("\n")[0] for title in titles[1:5]] == [
        "normalisation_1",
        "conv_2",
        "hidden_1",
        "output",
    ]
    assert titles[5] == "" and not figure.axes[5].axison


def test_more_layers_than_fit_are_said() -> None:
    figure = draw_weights_and_biases(cnn_history(2, layers=22))
    assert "Weights and biases of 12 of 24 layers" in said(figure) and len(figure.axes) == 12
    assert "conv_1\n" in said(figure) and "output\n" in said(figure)


def test_an_embedding_has_no_half_for_biases() -> None:
    embedding, lstm = draw_weights_and_biases(lstm_history(2)).axes[:2]
    assert embedding.get_ylim()[0] == 0 and lstm.get_ylim()[0] < -1


def test_an_outline_is_scaled_to_its_peak() -> None:
    heights, edges = outline(Histogram(low=-1, high=1, counts=[1, 4, 2, 0]))
    assert heights.tolist() == [0.25, 1, 0.5, 0] and edges.tolist() == [-1, -0.5, 0, 0.5, 1]
    heights, edges = outline(Histogram(low=0.5, high=0.5, counts=[32]))
    assert heights.tolist() == [1] and edges == pytest.approx([0.49, 0.51])
    assert outline(Histogram(low=0, high=1, counts=[0, 0]))[0].tolist() == [0, 0]
    heights, edges = outline(Histogram(low=0, high=5, counts=[1, 3, 2, 2, 1]), most=3)  # densities 2, 2, 1
    assert heights.tolist() == [1, 1, 0.5] and edges.tolist() == [0, 2, 4, 5]


# --- activations


def test_maps_stand_in_a_row_for_each_layer() -> None:
    history = cnn_history(3)
    axes = draw_activation_maps(history).axes[0]
    assert len(axes.images) == 2 * (1 + 3 * 8)  # the last epoch has two samples
    assert np.array_equal(axes.images[0].get_array(), np.asarray(history.snapshots[-2].image))
    assert np.array_equal(axes.images[1].get_array(), np.asarray(history.snapshots[-2].maps["conv_1"][0]))
    assert np.array_equal(axes.images[26].get_array(), np.asarray(history.snapshots[-1].maps["conv_1"][0]))
    words = said(axes.get_figure())
    assert "after epoch 3" in words and "right class: class 1, predicted: class 1 (right)" in words and "4 × 4" in words
    assert axes.images[1].get_extent()[:2] == [190, 283]  # the first tile begins right of the names


def test_samples_have_room_for_all_their_layers_or_are_left_out() -> None:
    history = cnn_history(1)
    maps = {f"layer_{at}": history.snapshots[0].maps["conv_1"] for at in range(5)}
    history.snapshots = [replace(snapshot, maps=maps) for snapshot in history.snapshots]
    assert len(draw_activation_maps(history).axes[0].images) == 1 + 5 * 8


def test_a_wrong_prediction_is_said() -> None:
    assert "right class: class 1, predicted: class 0 (wrong)" in said(draw_activation_maps(cnn_history(1)))
    assert "right class: 1, predicted: 0 (wrong)" in said(draw_activation_maps(cnn_history(1, names=False)))


def test_layers_without_room_are_said() -> None:
    history = cnn_history(1)
    maps = {f"layer_{at}": history.snapshots[0].maps["conv_1"] for at in range(20)}
    history.snapshots[0] = replace(history.snapshots[0], maps=maps)
    assert "8 of 20 layers" in said(draw_activation_maps(history))


def test_the_progression_shows_epochs_beside_each_other() -> None:
    history = cnn_history(30)
    axes = draw_activation_progression(history).axes[0]
    words = said(axes.get_figure())
    assert len(axes.images) == 1 + 8 * 6 and "epoch 1\n" in words and "epoch 30\n" in words
    layers = {name for name, _ in chosen_maps(history.snapshots[-2])}
    assert layers == {"conv_1", "conv_3"}


def test_the_maps_that_differ_most_are_chosen() -> None:
    flat, steep = [[5, 5], [5, 5]], [[0, 255], [0, 255]]
    middle = [[0, 9], [0, 9]]
    snapshot = replace(cnn_history(1).snapshots[0], maps={"conv_1": [flat, steep, flat, middle, steep]})
    assert chosen_maps(snapshot) == [("conv_1", 1), ("conv_1", 3), ("conv_1", 4)]


def test_units_stand_by_words_with_their_mean_activity() -> None:
    history = lstm_history(3)
    figure = draw_unit_activity(history)
    units, bars = figure.axes[0], figure.axes[1]
    assert units.get_title(loc="left") == "lstm_1"
    assert np.array_equal(units.images[0].get_array(), np.asarray(history.snapshots[-1].maps["lstm_1"][0]))
    assert units.images[0].get_clim() == (0, 255) and units.images[0].get_cmap().name == "signed"
    reading = next(r for r in history.epochs[-1].layers or [] if r.name == "lstm_1")
    assert [bar.get_width() for bar in bars.patches if isinstance(bar, Rectangle)] == reading.activity and len(
        bars.patches
    ) == UNITS
    words = said(figure)
    assert (
        "The last words of the text, in their order" in words
        and "Mean |output|" in words
        and "predicted: positive (right)" in words
    )


def test_units_without_room_are_said() -> None:
    history = with_readings(lstm_history(1), lambda r: replace(r, units=2 * UNITS, activity=r.activity * 2))
    figure = draw_unit_activity(history)
    assert "lstm_1: the first 24 of 48 units" in said(figure)
    assert len(figure.axes[1].patches) == UNITS  # those of the rows beside them
    history = with_readings(lstm_history(1), lambda r: replace(r, units=100))
    bars = draw_unit_activity(history).axes[1]
    assert bars.get_title(loc="left") == "24 units"  # chosen among 100: they stand beside no row


# --- confusion


def test_small_matrices_carry_numbers() -> None:
    figure = draw_confusion_matrix(with_confusion(lstm_history(2), [[30, 10], [0, 60]]))
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["30\n75 %", "10\n25 %", "60\n100 %"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["negative", "positive"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Predicted class", "Right class")
    assert "accuracy 90.00 %" in said(figure) and "90 of 100 samples of the validation part" in said(figure)


def test_the_final_model_is_measured_on_the_test_part() -> None:
    history = cnn_history(2)
    assert history.finished is not None
    history.finished = replace(history.finished, test_accuracy=0.9)
    assert "of the test part" in said(draw_confusion_matrix(history))


def test_large_matrices_list_what_is_confused() -> None:
    counts = (np.eye(100, dtype=int) * 9).tolist()
    counts[11][35] = 7
    history = with_confusion(cnn_history(2, classes=100), counts)
    figure = draw_confusion_matrix(history)
    assert len(figure.axes[0].texts) == 0 and "class 11 taken for class 35: 7 of 16" in said(figure)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()][:3] == ["0", "10", "20"]
    assert "Share of the right class (%)" in said(figure)
    right = draw_confusion_matrix(with_confusion(history, (np.eye(100, dtype=int)).tolist()))
    assert "No sample was taken for another class." in said(right)


def test_classes_without_names_are_numbers() -> None:
    axes = draw_confusion_matrix(cnn_history(2, classes=16, names=False)).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == [str(at) for at in range(16)]


def test_confused_pairs_by_hand() -> None:
    counts = np.array([[50, 3, 0], [7, 40, 1], [0, 0, 9]])
    assert confused_pairs(counts, 2) == [(1, 0), (0, 1)]
    assert confused_pairs(counts, 9) == [(1, 0), (0, 1), (1, 2)]


def test_shares_of_a_class_without_samples_are_zero() -> None:
    assert row_shares(np.array([[3, 1], [0, 0]])).tolist() == [[0.75, 0.25], [0, 0]]


# --- animation


def opened(data: bytes) -> GifImageFile:
    film = Image.open(io.BytesIO(data))
    assert isinstance(film, GifImageFile)
    return film


@pytest.mark.parametrize(
    "history",
    [cnn_history(5), lstm_history(5), without_snapshots(cnn_history(5)), without_readings(cnn_history(5))],
    ids=["maps", "units", "weights", "curves only"],
)
def test_the_film_has_a_frame_for_each_epoch(history: TrialHistory) -> None:
    film = opened(draw_training_animation(history))
    assert film.n_frames == 5 and film.size == (800, 440) and film.info["loop"] == 0
    frames, durations = [], []
    for at in range(5):
        film.seek(at)
        durations.append(film.info["duration"])
        frames.append(np.asarray(film.convert("RGB"), dtype=int)[60:])  # below the heading
        assert frames[-1][-1, -1].tolist() == [255, 255, 255]
    assert durations[-1] == LAST_MS > max(durations[:-1])
    for one, next_one in itertools.pairwise(frames):
        curves = slice(0, 400 if history.read_epochs else 800)
        assert np.abs(one[:, curves] - next_one[:, curves]).max() > 100  # the curves grow
        if history.read_epochs:
            assert np.abs(one[:, 430:] - next_one[:, 430:]).max() > 60  # what stands at the right changes


def test_a_long_film_is_thinned_and_small() -> None:
    data = draw_training_animation(cnn_history(60, size=32))
    assert opened(data).n_frames == MAX_FRAMES and len(data) <= MAX_BYTES


def test_a_film_that_is_too_large_loses_frames_but_not_the_last() -> None:
    rng = np.random.default_rng(1)
    frames = [Image.fromarray(rng.integers(0, 255, (60, 60, 3), dtype=np.uint8)) for _ in range(15)]
    frames.append(Image.new("RGB", (60, 60), "#123456"))
    whole, small = gif(frames), gif(frames, most=20_000)
    film = opened(small)
    assert opened(whole).n_frames == 16 and 2 <= film.n_frames < 16 and len(small) <= 20_000
    film.seek(film.n_frames - 1)
    assert np.abs(np.asarray(film.convert("RGB"), dtype=int) - [0x12, 0x34, 0x56]).max() < 30


# --- names and moments


def test_names_are_cut_and_never_formulas() -> None:
    history = TrialHistory(class_names=["cost $a$", "x" * 40, ""])
    assert style.class_name(history, 0) == r"cost \$a\$"
    assert style.class_name(history, 1, 10) == "x" * 4 + "…" + "x" * 5
    assert style.class_name(history, 2) == "2" and style.class_name(history, 7) == "7"


def test_thinned_keeps_both_ends() -> None:
    assert style.thinned(range(3), 8) == [0, 1, 2]
    assert style.thinned(range(100), 5) == [0, 25, 50, 74, 99]
    assert style.thinned(range(9), 1) == [8]


def test_layers_have_the_colours_of_their_types() -> None:
    assert style.layer_colour("conv_1", "Conv2D") == "#0072B2"
    assert style.layer_colour("bidirectional_1", "Bidirectional") == "#882255"
    assert style.layer_colour("output", "Dense") == "#D55E00" != style.layer_colour("hidden_1", "Dense")
