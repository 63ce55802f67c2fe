"""Tests of the curves for TensorBoard, read back with TensorFlow's own reader."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf

from hpo_core.history import FILE_NAME
from hpo_core.training.tensorboard_log import write_run
from tests.histories import cnn_history, without_readings


def read(folder: Path) -> dict[tuple[str, int], float]:
    (file,) = folder.glob("events.*")
    events = [tf.compat.v1.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(file))]
    return {
        (value.tag, event.step): float(tf.make_ndarray(value.tensor))
        for event in events
        for value in event.summary.value
    }


def test_every_epoch_of_every_trial_is_there_under_speaking_names(tmp_path: Path) -> None:
    histories = [cnn_history(epochs=3), without_readings(cnn_history(epochs=2))]
    for number, history in enumerate(histories):
        (tmp_path / f"trial_{number}").mkdir()
        (tmp_path / f"trial_{number}" / FILE_NAME).write_text(history.to_json())
    for _ in range(2):  # made anew, not added to
        assert write_run(tmp_path) == 2
    for number, history in enumerate(histories):
        values = read(tmp_path / "tensorboard" / f"trial_{number}")
        assert {step for _, step in values} == {epoch.epoch for epoch in history.epochs}
        for epoch in history.epochs:
            assert values["accuracy/validation", epoch.epoch] == pytest.approx(epoch.validation_accuracy, rel=1e-5)
            assert values["loss/training", epoch.epoch] == pytest.approx(epoch.loss or 0, rel=1e-5)
        assert (("gradient/conv_1", 1) in values) is (number == 0)
        assert ("health/parameter_efficiency", 1) in values


def test_a_run_without_histories_has_no_logs(tmp_path: Path) -> None:
    assert write_run(tmp_path) == 0
