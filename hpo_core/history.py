"""A whole training in one object: what pages show of a trial and what its pictures are drawn from."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from hpo_core.health.readings import LayerReading
from hpo_core.records import Epoch, Finished, Record, Snapshot, Started, from_json, to_json

FILE_NAME = "history.json"
# Biases of healthy trainings move by less than one in an epoch.
BIAS_CHANGE_LIMIT = 10.0


@dataclass
class TrialHistory:
    """The records of a training that are worth keeping, in their order.

    Attributes:
        started: how it began; None before that.
        epochs: one per epoch trained.
        snapshots: what layers put out, at some epochs.
        finished: how it ended; None while it lasts and where it was stopped.
        class_names: what the classes are called.
        bias_change_limit: a bias that moved further than this in an epoch is diagnosed.
    """

    started: Started | None = None
    epochs: list[Epoch] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    finished: Finished | None = None
    class_names: list[str] = field(default_factory=list)
    bias_change_limit: float = BIAS_CHANGE_LIMIT

    def add(self, record: Record) -> None:
        """Keep a record; those that are only progress are passed over."""
        if isinstance(record, Started):
            self.started = record
        elif isinstance(record, Epoch):
            self.epochs.append(record)
        elif isinstance(record, Snapshot):
            self.snapshots.append(record)
        elif isinstance(record, Finished):
            self.finished = record

    @property
    def classes(self) -> int:
        """Number of classes; 0 before the training started."""
        return len(self.started.label_counts) if self.started else 0

    @property
    def read_epochs(self) -> list[Epoch]:
        """The epochs after which layers were read."""
        return [epoch for epoch in self.epochs if epoch.layers]

    def layer(self, name: str) -> list[tuple[int, LayerReading]]:
        """(epoch, reading) of one layer, by epoch."""
        return [
            (epoch.epoch, reading)
            for epoch in self.read_epochs
            for reading in epoch.layers or []
            if reading.name == name
        ]

    def layer_names(self) -> list[str]:
        """Layers that were read, input first."""
        read = self.read_epochs
        return [reading.name for reading in read[-1].layers or []] if read else []

    def records(self) -> list[Record]:
        """Everything kept, as records."""
        ends: list[Record | None] = [self.started, *self.epochs, *self.snapshots, self.finished]
        return [record for record in ends if record is not None]

    def to_json(self) -> str:
        """One JSON object; `from_json` reads it back."""
        records = [json.loads(to_json(record)) for record in self.records()]
        known = {"class_names": self.class_names, "bias_change_limit": self.bias_change_limit}
        return json.dumps({**known, "records": records}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> TrialHistory:
        """Raises ValueError where `text` is no history."""
        data = json.loads(text)
        if not isinstance(data, dict) or not isinstance(data.get("records"), list):
            raise ValueError(f"a history must be an object with records, got {text[:80]}")
        history = cls.of((from_json(json.dumps(item)) for item in data["records"]), data.get("class_names", []))
        history.bias_change_limit = float(data.get("bias_change_limit", BIAS_CHANGE_LIMIT))
        return history

    @classmethod
    def of(cls, records: Iterable[Record], class_names: list[str] | None = None) -> TrialHistory:
        """The history that `records` tell."""
        history = cls(class_names=class_names or [])
        for record in records:
            history.add(record)
        return history


def last_reading(epochs: Iterable[Epoch]) -> list[LayerReading]:
    """The newest reading of all layers; empty where none was taken."""
    return next((epoch.layers for epoch in reversed(list(epochs)) if epoch.layers), [])


def lean(history: TrialHistory) -> TrialHistory:
    """What a page shows while the trial trains: no snapshots, and only the newest reading with its histograms."""
    newest = history.read_epochs[-1] if history.read_epochs else None
    epochs = [epoch if epoch is newest or not epoch.layers else _lean_epoch(epoch) for epoch in history.epochs]
    return dataclasses.replace(history, epochs=epochs, snapshots=[])


def _lean_epoch(epoch: Epoch) -> Epoch:
    layers = [
        dataclasses.replace(layer, activity=[], weight_histogram=None, bias_histogram=None)
        for layer in epoch.layers or []
    ]
    return dataclasses.replace(epoch, layers=layers)
