"""Records: what a trial says while it trains, from whichever process or machine it trains in.

A trainer is an iterator of these. They are numbered from 0 within a trial, so that a reader can tell a lost, repeated
or late one; only `Tick`, which a parent makes up while nothing arrives, has no number and is never stored.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from hpo_core.health.readings import LayerReading, layer_reading

if TYPE_CHECKING:
    from hpo_core.trial_config import TrialConfig


@dataclass(frozen=True, kw_only=True)
class Record:
    """Base of all records."""

    kind: ClassVar[str]
    number: int = -1


@dataclass(frozen=True, kw_only=True)
class Started(Record):
    """The model is built and the data is there.

    Attributes:
        layers: one mapping per layer, input first: name, type, output_shape (without the batch), parameters.
        parameters: trainable parameters.
        n_train, n_validation: samples trained on and validated on.
        process: id of the training process.
        input_size: numbers that a linear classifier would take: pixels times channels, or words told apart.
        label_counts: validation samples of each class, whose number is the number of classes.
        batches: in an epoch.
        devices: that share each batch.
    """

    kind: ClassVar[str] = "started"
    layers: list[dict[str, Any]]
    parameters: int
    n_train: int
    n_validation: int
    process: int
    input_size: int = 1
    label_counts: list[int] = field(default_factory=list)
    batches: int = 1
    devices: int = 1


@dataclass(frozen=True, kw_only=True)
class Batch(Record):
    """Progress within an epoch; `loss` and `accuracy` are means over the epoch so far, None where not finite."""

    kind: ClassVar[str] = "batch"
    epoch: int
    batch: int
    batches: int
    loss: float | None
    accuracy: float | None


@dataclass(frozen=True, kw_only=True)
class Epoch(Record):
    """An epoch is over, validation included.

    Attributes:
        epoch, epochs: 1-based number of the epoch, and how many there will be.
        loss, accuracy: means over the epoch's training batches (cross-entropy in nats; share in 0..1).
        validation_loss, validation_accuracy, validation_f1, validation_top5: on the validation part after the epoch;
            macro F1 and top-5 accuracy in 0..1. A loss that is no number (divergence) is None.
        learning_rate: at the end of the epoch.
        seconds: duration of the epoch with its validation and its readings.
        loss_curve: training loss along the epoch: of its first batch, then means over at most 20 equal stretches.
        fold_accuracies: accuracy on each of five stratified folds of the validation part; empty where it is too small.
        predicted: how often each class was predicted on the validation part.
        layers: what the probe read, input first; None in epochs without a reading.
    """

    kind: ClassVar[str] = "epoch"
    epoch: int
    epochs: int
    loss: float | None
    accuracy: float | None
    validation_loss: float | None
    validation_accuracy: float
    validation_f1: float
    validation_top5: float
    learning_rate: float
    seconds: float
    loss_curve: list[float | None] = field(default_factory=list)
    fold_accuracies: list[float] = field(default_factory=list)
    predicted: list[int] = field(default_factory=list)
    layers: list[LayerReading] | None = None

    def __post_init__(self) -> None:
        if self.layers is not None:  # JSON gives mappings
            typed = [layer_reading(item) if isinstance(item, dict) else item for item in self.layers]
            object.__setattr__(self, "layers", typed)


@dataclass(frozen=True, kw_only=True)
class Snapshot(Record):
    """What layers put out for one sample after an epoch, small enough for JSON.

    Attributes:
        epoch: 1-based.
        sample: position in the validation part; `label` and `predicted` its right and its most probable class.
        image: the sample itself as rows of pixels 0 to 255 (grey, or [r, g, b]); None for texts.
        maps: layer name to up to eight maps, each rows of 0 to 255, scaled over the layer (pictures); or to one map of
            units (rows) by words (columns), 0 is -1, 255 is 1 (texts).
    """

    kind: ClassVar[str] = "snapshot"
    epoch: int
    sample: int
    label: int
    predicted: int
    image: list[Any] | None
    maps: dict[str, list[list[list[int]]]]


@dataclass(frozen=True, kw_only=True)
class Artefact(Record):
    """A file that the training made, or could not make.

    Attributes:
        name: of the file, such as 'confusion_matrix.png' or 'model.tflite'.
        path: where it lies on the machine of the reader; None where it could not be made.
        note: why not, or what was checked.
    """

    kind: ClassVar[str] = "artefact"
    name: str
    path: str | None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Phase(Record):
    """What the trial does besides training (waiting, loading data, building); `share` of it done in 0..1, if known."""

    kind: ClassVar[str] = "phase"
    name: str
    share: float | None = None


@dataclass(frozen=True, kw_only=True)
class Resources(Record):
    """What the training process holds: resident memory in megabytes, processor use in per cent of one core."""

    kind: ClassVar[str] = "resources"
    memory_mb: float
    processor_percent: float


@dataclass(frozen=True, kw_only=True)
class LogLine(Record):
    """A line for the run's log; `level` is one of Python's level names."""

    kind: ClassVar[str] = "log"
    level: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Finished(Record):
    """Trained to the end. Nothing follows it.

    Attributes:
        epochs: trained.
        duration_s: with everything that was made afterwards.
        confusion: row per right class, column per predicted one: samples of the validation part, or of the test part
            for the final model; empty where it was not counted.
        test_accuracy, test_loss: of the final model on the test part; None for a trial.
        n_test: samples of the test part they were measured on.
    """

    kind: ClassVar[str] = "finished"
    epochs: int
    duration_s: float
    confusion: list[list[int]] = field(default_factory=list)
    test_accuracy: float | None = None
    test_loss: float | None = None
    n_test: int = 0


@dataclass(frozen=True, kw_only=True)
class Failed(Record):
    """The trial ended with an error inside the training process. Nothing follows it."""

    kind: ClassVar[str] = "failed"
    error_type: str
    message: str
    traceback: str


@dataclass(frozen=True, kw_only=True)
class Answer(Record):
    """What a final model says about one sample; no record of a trial.

    Attributes:
        probabilities: of each class, in 0..1.
        picture: what the model was given, as a PNG file in base64; empty for a text.
        words: of a text as the model reads it, '' for a word that it does not know; empty for a picture.
        label: the right class; None where nobody knows.
        swapped: light and dark of a picture changed places without being told to, as the data set's ink is light.
    """

    kind: ClassVar[str] = "answer"
    probabilities: list[float]
    picture: str = ""
    words: list[str] = field(default_factory=list)
    label: int | None = None
    swapped: bool = False


@dataclass(frozen=True, kw_only=True)
class Tick(Record):
    """Nothing arrived for a while; made by the parent so that its reader can look at flags and clocks."""

    kind: ClassVar[str] = "tick"


# What a training process says about itself, as names of phases: it can take a trial; it ended one when asked to.
READY = "ready"
STOPPED = "stopped"
# Phases of a trial that has to wait for its turn begin like this; they do not count against its time limit.
WAITING = "waiting"
# A training process has a folder of its own for temporary files, which begins like this.
SCRATCH_PREFIX = "onegin-worker-"
# All phases of the final model have these words in their names; until its test it is called as below.
FINAL_MODEL = "final model"
FINAL_PHASE = f"building the {FINAL_MODEL}"

Trainer = Callable[["TrialConfig"], Iterator[Record]]
"""Trains one configuration; closing the iterator stops the trial and frees what it held."""

KINDS: dict[str, type[Record]] = {
    cls.kind: cls
    for cls in (Started, Batch, Epoch, Snapshot, Phase, Resources, LogLine, Artefact, Finished, Failed, Answer, Tick)
}


def is_of_final_model(phase: str) -> bool:
    """Whether a phase belongs to the final model, not to a trial."""
    return FINAL_MODEL in phase


def to_json(record: Record) -> str:
    """One line of JSON. Raises ValueError for a number that is not finite: such values are None in a record."""
    return json.dumps({"kind": record.kind, **dataclasses.asdict(record)}, allow_nan=False)


def from_json(text: str) -> Record:
    """The record that `to_json` wrote. Raises ValueError for an unknown kind and for missing or unknown fields."""
    fields = json.loads(text)
    if not isinstance(fields, dict) or fields.get("kind") not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {text[:200]}")
    cls = KINDS[fields.pop("kind")]
    try:
        return cls(**fields)
    except TypeError as error:
        raise ValueError(f"no {cls.kind} record: {error}") from error


def finite(value: float) -> float | None:
    """`value` as a plain float, or None where it is NaN or infinite (JSON has neither)."""
    return float(value) if math.isfinite(value) else None
