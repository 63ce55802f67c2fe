"""Small made-up trainings: only what a rule or a metric looks at is given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from hpo_core.health.readings import LayerReading
from hpo_core.history import TrialHistory
from hpo_core.records import Epoch, Started
from tests.stubs import epoch as plain_epoch

CLASSES = 10
GUESS = math.log(CLASSES)


def layer(name: str = "conv_1", **changes: object) -> LayerReading:
    """A healthy layer of ten units and 100 weights, with `changes`."""
    fields: dict[str, object] = {
        "name": name, "type": "Conv2D", "activation": "relu", "units": 10, "dead": 0, "saturated": 0,
        "activity": [0.5] * 10, "output_mean": 0.5, "output_std": 0.3, "weights": 100, "weight_norm": 1.0,
        "gradient_norm": 0.1, "update_ratio": 1e-3, "weight_change": 0.01, "bias_change": 0.001,
        "weight_histogram": None, "bias_histogram": None,
    }  # fmt: skip
    return LayerReading(**(fields | changes))  # type: ignore[arg-type]


def epochs_of(
    losses: Sequence[float | None],
    accuracies: Sequence[float] | None = None,
    *,
    total: int | None = None,
    layers: Sequence[LayerReading] | None = None,
    **changes: object,
) -> list[Epoch]:
    """One epoch per loss; the validation does as well as the training."""
    right = accuracies or [0.9] * len(losses)
    return [
        replace(
            plain_epoch(number, total or len(losses), accuracy, loss),
            loss_curve=[loss] * 5,
            predicted=[20] * CLASSES,
            fold_accuracies=[accuracy] * 5,
            layers=list(layers) if layers is not None else None,
            **changes,  # type: ignore[arg-type]
        )
        for number, (loss, accuracy) in enumerate(zip(losses, right, strict=True), start=1)
    ]


def training(epochs: list[Epoch], **changes: object) -> TrialHistory:
    """A history with 200 validation samples of ten equal classes."""
    fields: dict[str, object] = {
        "layers": [], "parameters": 5000, "n_train": 800, "n_validation": 200, "process": 1, "input_size": 64,
        "label_counts": [20] * CLASSES, "batches": 25,
    }  # fmt: skip
    return TrialHistory(started=Started(**(fields | changes)), epochs=epochs)  # type: ignore[arg-type]
