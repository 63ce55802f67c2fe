"""Tests of pictures as files: which there are, odd trainings, and that a fault in one costs no other."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from PIL import Image

from hpo_core.health.readings import Histogram
from hpo_core.history import TrialHistory
from hpo_core.training.plots.drawing import PICTURES, Drawn, Picture, draw_pictures, pictures_of
from tests.histories import (
    cnn_history,
    lstm_history,
    with_confusion,
    with_epochs,
    with_readings,
    without_readings,
    without_snapshots,
)

SHARED = ["training_history.png", "gradient_flow.png", "weights_and_biases.png"]
ENDS = ["activation_progression.png", "confusion_matrix.png", "training_animation.gif"]


@pytest.mark.parametrize(
    ("history", "own"),
    [(cnn_history(3), "activation_maps.png"), (lstm_history(3), "unit_activity.png")],
    ids=["cnn", "lstm"],
)
def test_every_picture_of_a_training_becomes_a_file(history: TrialHistory, own: str, tmp_path: Path) -> None:
    names = [*SHARED, own, *ENDS]
    assert [picture.name for picture in pictures_of(history)] == names
    drawn = list(draw_pictures(history, tmp_path / "new"))
    assert drawn == [Drawn(name, tmp_path / "new" / name) for name in names]
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == sorted(names)
    for name in names:
        with Image.open(tmp_path / "new" / name) as image:
            animated = name.endswith(".gif")
            assert image.format == ("GIF" if animated else "PNG")
            assert image.width == (800 if animated else 1000) and 400 <= image.height <= 1600
            colours = image.convert("RGB").getcolors(1_000_000)
            assert colours is not None and len(colours) > 20, f"{name} is empty"


def test_pictures_need_what_they_show() -> None:
    assert pictures_of(TrialHistory()) == []
    assert [p.name for p in pictures_of(without_readings(cnn_history(3)))] == [
        "training_history.png",
        "confusion_matrix.png",
        "training_animation.gif",
    ]
    one = [picture.name for picture in pictures_of(cnn_history(1))]
    assert "activation_maps.png" in one and not {"activation_progression.png", "training_animation.gif"} & set(one)
    assert "confusion_matrix.png" not in [p.name for p in pictures_of(with_confusion(cnn_history(1), [[0, 0], [0, 0]]))]


def no_snapshot_maps() -> TrialHistory:
    history = cnn_history(2)
    history.snapshots = [replace(history.snapshots[0], maps={}), replace(history.snapshots[1], maps={"conv_1": []})]
    return history


def maps_that_come_and_go() -> TrialHistory:
    history = cnn_history(3)
    history.snapshots[0] = replace(history.snapshots[0], maps={"conv_3": history.snapshots[0].maps["conv_3"][:1]})
    return history


ONE_VALUE = Histogram(low=0.5, high=0.5, counts=[32])
CURVES, LAYERS, ALL = {"training_history", "training_animation"}, {"gradient_flow", "weights_and_biases"}, set[str]()
MAPS = {"activation_maps", "activation_progression", "training_animation"}
# What is odd, and the pictures that it touches (ALL: every one).
ODD: dict[str, tuple[TrialHistory, set[str]]] = {
    "losses are no numbers": (
        with_epochs(cnn_history(2), lambda e: replace(e, loss=None, validation_loss=None)),
        CURVES,
    ),
    "loss within epochs is no number": (
        with_epochs(cnn_history(2), lambda e: replace(e, loss_curve=[None, 1.0, None])),
        CURVES,
    ),
    "loss is zero": (with_epochs(cnn_history(2), lambda e: replace(e, loss=0.0, validation_loss=0.0)), CURVES),
    "learning rate falls to zero": (
        with_epochs(cnn_history(2), lambda e: replace(e, learning_rate=0.1 * (2 - e.epoch))),
        CURVES,
    ),
    "one epoch": (cnn_history(1), ALL),
    "one layer": (with_epochs(cnn_history(2), lambda e: replace(e, layers=(e.layers or [])[:1])), LAYERS),
    "layers were read once": (
        with_epochs(without_snapshots(cnn_history(3)), lambda e: e if e.epoch == 2 else replace(e, layers=None)),
        LAYERS | {"training_animation"},
    ),
    "many layers": (cnn_history(2, layers=45), LAYERS),
    "hundred classes, none named": (cnn_history(2, classes=100, names=False), {"confusion_matrix"}),
    "twenty classes": (cnn_history(2, classes=20), {"confusion_matrix"}),
    "pictures in colour": (cnn_history(2, colours=True), MAPS),
    "one pixel": (cnn_history(2, size=1), MAPS),
    "no snapshots' maps": (no_snapshot_maps(), MAPS | CURVES),
    "maps that come and go": (maps_that_come_and_go(), MAPS),
    "one value": (
        with_readings(
            without_snapshots(cnn_history(2)),
            lambda r: replace(r, weight_histogram=ONE_VALUE, bias_histogram=replace(ONE_VALUE, low=0, high=0)),
        ),
        LAYERS | {"training_animation"},
    ),
    "only biases are numbers": (
        with_readings(
            without_snapshots(cnn_history(2)),
            lambda r: replace(r, gradient_norm=None, update_ratio=None, weight_norm=None, weight_histogram=None),
        ),
        LAYERS | {"training_animation"},
    ),
    "zero everywhere": (
        with_readings(cnn_history(2), lambda r: replace(r, gradient_norm=0.0, update_ratio=0.0)),
        LAYERS,
    ),
    "texts without activity": (with_readings(lstm_history(2), lambda r: replace(r, activity=[])), {"unit_activity"}),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_trainings_are_drawn_all_the_same(name: str, tmp_path: Path) -> None:
    history, touched = ODD[name]
    pictures = [picture for picture in pictures_of(history) if not touched or Path(picture.name).stem in touched]
    drawn = list(draw_pictures(history, tmp_path, pictures))
    assert drawn and [each.note for each in drawn if each.path is None] == []


def test_drawing_loads_neither_pyplot_nor_tensorflow() -> None:
    code = "import sys, hpo_core.training.plots.drawing; print('\\n'.join(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(answer.stdout.split()) & {"matplotlib.pyplot", "tensorflow", "keras", "streamlit", "optuna"}


# --- what goes wrong


def fails(history: TrialHistory) -> Figure:
    raise ZeroDivisionError("no such luck")


def test_a_picture_that_fails_costs_no_other(tmp_path: Path) -> None:
    good, other = PICTURES[0], PICTURES[6]
    bad = Picture("bad.png", fails, lambda history: True)
    first, second, third = draw_pictures(cnn_history(2), tmp_path, [good, bad, other])
    assert first.path and third.path
    assert second == Drawn("bad.png", None, "bad.png could not be drawn: ZeroDivisionError: no such luck.")
    assert {file.name for file in tmp_path.iterdir()} == {good.name, other.name}


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    drawn = list(draw_pictures(cnn_history(1), tmp_path / "file", list(PICTURES[:2])))
    assert [each.path for each in drawn] == [None, None]
    assert drawn[0].note == "training_history.png could not be written: File exists."
    assert (tmp_path / "file").read_text() == "mine"


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "training_history.png" / "in the way").mkdir(parents=True)
    first, second = draw_pictures(cnn_history(1), tmp_path, list(PICTURES[:2]))
    assert first.path is None and "could not be written" in first.note and second.path
    assert sorted(file.name for file in tmp_path.iterdir()) == ["gradient_flow.png", "training_history.png"]


def test_a_failure_keeps_the_file_that_was_there(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"older")
    (drawn,) = draw_pictures(cnn_history(1), tmp_path, [Picture("bad.png", fails, lambda history: True)])
    assert drawn.path is None and (tmp_path / "bad.png").read_bytes() == b"older"
