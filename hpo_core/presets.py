"""Presets: how thorough a run is, as fields of its configuration. Declared once, for pages and command line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import datasets
from datasets import DatasetInfo, Kind
from hpo_core.errors import UsageError, nearest

STEP, LEAST = 5, 5
"""Shares of the data are whole steps, in per cent, and not below the least that a run takes."""


@dataclass(frozen=True)
class Budget:
    """What a preset means for one kind of data.

    Attributes:
        trials, epochs: of the run, and of each trial at most.
        samples: training samples to aim at; None for all. A small set is used whole, a large one in part.
        space: what is searched, where that is not the default.
    """

    trials: int
    epochs: int
    samples: int | None
    space: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Preset:
    """One of the ready-made answers to 'how much'."""

    name: str
    title: str
    explanation: str
    budgets: Mapping[Kind, Budget]

    def values(self, dataset: str) -> dict[str, object]:
        """Fields of the configuration for a run on `dataset`. Raises UnknownDatasetError."""
        info = datasets.dataset_info(dataset)
        budget = self.budgets[info.kind]
        fields: dict[str, object] = {
            "trials": budget.trials,
            "max_epochs_per_trial": budget.epochs,
            "sample_percentage": _share(info, budget.samples),
        }
        return fields | ({"space": dict(budget.space)} if budget.space else {})


def _share(info: DatasetInfo, samples: int | None) -> float:
    """Per cent of the training part that come nearest to a number of samples from above."""
    if samples is None or samples >= info.n_train:
        return 100.0
    return float(max(LEAST, math.ceil(samples / info.n_train * 100 / STEP) * STEP))


_WIDE_PICTURES = {
    "conv_layers": {"low": 2, "high": 5},
    "filters": {"low": 8, "high": 48, "step": 8},
    "pooling": ["flatten", "global_average"],
    "learning_rate": {"low": 3e-4, "high": 1e-2, "log": True},
    "dropout": {"low": 0.0, "high": 0.5, "step": 0.1},
}
_WIDE_TEXT = {
    "lstm_units": {"low": 16, "high": 128, "step": 16},
    "bidirectional": [False, True],
    "learning_rate": {"low": 3e-4, "high": 1e-2, "log": True},
    "dropout": {"low": 0.0, "high": 0.5, "step": 0.1},
}

_DECLARED = (
    Preset(
        "quick", "Quick look",
        "A few short trials, on a part of the data where there is much: shows whether something is learnt at all.",
        {Kind.PICTURES: Budget(12, 12, 3_000), Kind.TEXT: Budget(12, 6, 5_000)},
    ),
    Preset(
        "balanced", "Balanced",
        "Enough trials to tell good hyperparameters from bad ones, on a good part of a large data set.",
        {Kind.PICTURES: Budget(30, 20, 15_000), Kind.TEXT: Budget(25, 10, 12_000)},
    ),
    Preset(
        "thorough", "Thorough",
        "Many long trials on all data in a wider search space: for the model you mean to use.",
        {Kind.PICTURES: Budget(100, 40, None, _WIDE_PICTURES), Kind.TEXT: Budget(60, 20, None, _WIDE_TEXT)},
    ),
)  # fmt: skip

PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in _DECLARED}


def preset_called(name: str) -> Preset:
    """Raises UsageError where there is none of this name."""
    if name not in PRESETS:
        near = nearest(name, PRESETS)
        problem = f"must be one of {', '.join(PRESETS)}, got {name!r}"
        raise UsageError("preset", problem, f"did you mean {near}?" if near else "for example preset=quick")
    return PRESETS[name]
