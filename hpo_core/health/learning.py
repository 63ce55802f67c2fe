"""Whether a training gets anywhere: what several rules ask about its history."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from hpo_core.health.metrics import guessing_accuracy, guessing_loss
from hpo_core.health.readings import LayerReading
from hpo_core.history import TrialHistory
from hpo_core.records import Epoch

# Learning is: the training loss has fallen by this share of the guess's since the first batch, or the accuracy is this
# many standard errors above guessing.
LEARNT_SHARE = 0.02
STANDARD_ERRORS = 3.0
MOST_ASKED, ONE_CLASS = 0.9, 0.99
# Epochs that a network gets before 'nothing learnt' is fatal: so many, and this share of all.
PATIENCE, PATIENCE_SHARE = 3, 0.3


def learns(history: TrialHistory) -> bool:
    """Whether the training loss has moved below where it began, and below guessing."""
    losses = [epoch.loss for epoch in history.epochs if epoch.loss is not None]
    if not losses:
        return False
    guess = guessing_loss(history)
    lowest = min(losses)
    return lowest < guess * (1 - LEARNT_SHARE) and lowest < first_loss(history) - LEARNT_SHARE * guess


def knows(history: TrialHistory, epochs: Sequence[Epoch] | None = None) -> bool:
    """Whether the validation accuracy of one of `epochs` (of any) was above guessing, beyond chance."""
    if history.started is None:
        return False
    guess = guessing_accuracy(history.started.label_counts)
    if guess >= ONE_CLASS:
        return True  # nothing there to be known, and nothing to be missed
    error = standard_error(guess, history.started.n_validation)
    asked = history.epochs if epochs is None else epochs
    best = max((epoch.validation_accuracy for epoch in asked), default=0.0)
    # Of a handful of samples, chance alone may get nearly all right; more than that cannot be asked for.
    return best > min(guess + STANDARD_ERRORS * error, guess + MOST_ASKED * (1 - guess))


def given_up(history: TrialHistory) -> bool:
    """Whether the network had its chance and learnt nothing."""
    gets_on = learns(history) or knows(history) or falling(history)
    return len(history.epochs) >= patience(history) and not gets_on


def falling(history: TrialHistory) -> bool:
    """Whether the training loss has fallen in each of the last epochs: slowly started is not given up."""
    losses = [epoch.loss for epoch in history.epochs[-PATIENCE:] if epoch.loss is not None]
    return len(losses) >= PATIENCE and all(later < earlier for earlier, later in pairwise(losses))


def patience(history: TrialHistory) -> int:
    """Epochs after which a network must have learnt something."""
    return max(PATIENCE, math.ceil(PATIENCE_SHARE * history.epochs[-1].epochs)) if history.epochs else PATIENCE


def newest_readings(history: TrialHistory) -> list[tuple[int, LayerReading]]:
    """(epoch, reading) of the newest reading."""
    read = history.read_epochs
    return [(read[-1].epoch, layer) for layer in read[-1].layers or []] if read else []


def first_loss(history: TrialHistory) -> float:
    """Training loss where it began: that of the first batch."""
    first = history.epochs[0]
    curve = [value for value in first.loss_curve if value is not None]
    return curve[0] if curve else (first.loss or 0.0)


def end_of_curve(epoch: Epoch) -> float:
    """Training loss where the epoch ended: the median of its last stretches."""
    curve = curve_of(epoch)[-5:]
    return median(curve) if curve else (epoch.loss or 0.0)


def curve_of(epoch: Epoch) -> list[float]:
    """The known points of an epoch's training loss."""
    return [value for value in epoch.loss_curve if value is not None]


def favourite(epoch: Epoch) -> tuple[float, int]:
    """(share, number) of the class that is predicted most often."""
    total = sum(epoch.predicted)
    if not total:
        return 0.0, 0
    most = max(epoch.predicted)
    return most / total, epoch.predicted.index(most)


def standard_error(share: float, n: int) -> float:
    return math.sqrt(max(share * (1 - share), 1e-4) / max(1, n))
