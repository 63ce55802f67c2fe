"""The curves of a run's trials as TensorBoard reads them: `python -m hpo_core.training.tensorboard_log RUN_FOLDER`.

Made from the histories that the trials left, wherever they trained, so that nobody has to ask for them beforehand.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from hpo_core.health.metrics import measure_each
from hpo_core.history import FILE_NAME, TrialHistory

FOLDER = "tensorboard"


def write_run(run: Path) -> int:
    """One folder of events for each trial with a history; how many. Logs that are there are made anew.

    Raises:
        OSError: the folder cannot be written to.
    """
    files = sorted(run.glob(f"trial_*/{FILE_NAME}"))
    for file in files:
        history = TrialHistory.from_json(file.read_text(encoding="utf-8"))
        write_history(history, run / FOLDER / file.parent.name)
    return len(files)


def write_history(history: TrialHistory, folder: Path) -> None:
    """A scalar per epoch and quantity. Raises OSError where `folder` cannot be written to."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("events.*"):
        old.unlink()
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        for step, tag, value in scalars(history):
            if value is not None:
                tf.summary.scalar(tag, value, step=step)
    writer.close()


def scalars(history: TrialHistory) -> Iterator[tuple[int, str, float | None]]:
    """(epoch, tag, value) of everything that was measured; TensorBoard groups tags by what stands before the slash."""
    for epoch, (_, metrics) in zip(history.epochs, measure_each(history), strict=True):
        yield epoch.epoch, "loss/training", epoch.loss
        yield epoch.epoch, "loss/validation", epoch.validation_loss
        yield epoch.epoch, "accuracy/training", epoch.accuracy
        yield epoch.epoch, "accuracy/validation", epoch.validation_accuracy
        yield epoch.epoch, "learning rate", epoch.learning_rate
        for name, value in metrics.items():
            yield epoch.epoch, f"health/{name}", value
        for layer in epoch.layers or []:
            yield epoch.epoch, f"gradient/{layer.name}", layer.gradient_rms
            yield epoch.epoch, f"update to weight ratio/{layer.name}", layer.update_ratio


if __name__ == "__main__":
    print(write_run(Path(sys.argv[1])))
