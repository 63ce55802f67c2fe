"""Rules about the training as a whole: its losses, its accuracies, its predictions and its size."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import accumulate, pairwise
from statistics import fmean

from hpo_core.formats import count, percent
from hpo_core.health.advice import against_bloat, against_collapse, against_plateau
from hpo_core.health.diagnosis import Diagnosis, Severity
from hpo_core.health.learning import (
    ONE_CLASS,
    STANDARD_ERRORS,
    curve_of,
    end_of_curve,
    favourite,
    first_loss,
    given_up,
    knows,
    learns,
    patience,
    standard_error,
)
from hpo_core.health.metrics import guessing_accuracy, guessing_loss, scatter
from hpo_core.history import TrialHistory, last_reading

# A loss above this many times that of guessing is no fluctuation.
DIVERGED_LOSS = 2.0
# A loss that grew to this many times what it was at the beginning.
SHOT_UP = 10.0
# Update-to-weight ratio below which nothing moves.
STILL_RATIO = 1e-7
# One class takes so much of the predictions, and at least this part of what does not belong to the most frequent one.
COLLAPSED_SHARE, COLLAPSED_EXCESS, COLLAPSED_ENTIRELY = 0.9, 0.5, 0.99
# Gap between training and validation accuracy where the validation loss rises or everything is known by heart, and
# where neither is so.
OVERFITTING_GAP, WIDE_GAP, BY_HEART = 0.1, 0.15, 0.99
# Parameters for each training sample, and for each of a linear classifier's.
BLOATED_PER_SAMPLE, BLOATED_LINEAR = 300.0, 300.0
# So many epochs, at least this share of all, without a gain of this part of the guess's loss.
PLATEAU_EPOCHS, PLATEAU_SHARE, PLATEAU_GAIN = 4, 0.3, 0.005
# Parts of the guess's loss: a jump is a rise of the first size to a peak of the second, forgiven below the third.
JUMP_RISE, JUMP_PEAK, JUMP_FORGIVEN = 0.3, 1.3, 0.5
# Scatter of a level that is still this part of the epoch before; and what is enough where the level is above guessing.
OSCILLATION_STEPS, OSCILLATION_TURNS = 4, 0.4
# Turns of the loss among the newest epochs, and the rise that one of them must show.
RECENT_EPOCHS, EPOCH_TURNS, EPOCH_RISE = 8, 2, 0.1
LONG_STEP_RATIO = 1e-3
BOUNCE, BOUNCE_LEVEL, BOUNCE_ABOVE_GUESS, ABOVE_GUESS = 0.08, 0.8, 0.008, 1.015


def diverged(history: TrialHistory) -> Iterator[Diagnosis]:
    """The training loss is no number, or has risen far above that of guessing."""
    if not history.epochs:
        return
    last, guess = history.epochs[-1], guessing_loss(history)
    advice = "try a smaller learning_rate"
    if last.loss is None or last.validation_loss is None:
        yield Diagnosis("DIVERGED", Severity.FATAL, last.epoch, None, "the loss is no finite number", advice)
        return
    end = end_of_curve(last)
    peak = max((value for epoch in history.epochs for value in curve_of(epoch)), default=0.0)
    if min(last.loss, end) > DIVERGED_LOSS * guess and end > first_loss(history):
        evidence = f"the training loss is {last.loss:.3g}, guessing gives {guess:.3g}"
        yield Diagnosis("DIVERGED", Severity.FATAL, last.epoch, None, evidence, advice)
    elif peak > SHOT_UP * max(guess, first_loss(history)) and end > guess and not knows(history, history.epochs[-1:]):
        evidence = f"the training loss shot up to {peak:.3g}, guessing gives {guess:.3g}, and nothing was learnt since"
        yield Diagnosis("DIVERGED", Severity.FATAL, last.epoch, None, evidence, advice)


def not_learning(history: TrialHistory) -> Iterator[Diagnosis]:
    """Nothing learnt that holds for the validation part."""
    if not history.epochs:
        return
    last = history.epochs[-1]
    layers = last_reading(history.epochs)
    ratios = [layer.update_ratio for layer in layers if layer.update_ratio is not None]
    still = bool(ratios) and max(ratios) < STILL_RATIO
    if still and not learns(history):
        evidence = f"the last step changed no layer by more than {max(ratios):.1e} of its weights"
        advice = "try a learning_rate that is ten to a thousand times larger"
        yield Diagnosis("NOT_LEARNING", Severity.FATAL, last.epoch, None, evidence, advice)
        return
    if last.epoch < patience(history) or knows(history):
        return
    guess = guessing_accuracy(history.started.label_counts) if history.started else 0.0
    evidence = f"after {last.epoch} epochs the validation accuracy is {percent(last.validation_accuracy)}, guessing "
    evidence += f"gives {percent(guess)}"
    advice = "try another learning_rate, and check that the labels belong to the samples"
    severity = Severity.FATAL if given_up(history) else Severity.WARNING
    yield Diagnosis("NOT_LEARNING", severity, last.epoch, None, evidence, advice)


def class_collapse(history: TrialHistory) -> Iterator[Diagnosis]:
    """One class is predicted for nearly everything."""
    if not history.epochs or history.started is None or history.classes < 2:
        return
    last = history.epochs[-1]
    share, name = favourite(last)
    usual = guessing_accuracy(history.started.label_counts)
    if usual >= ONE_CLASS or share < max(COLLAPSED_SHARE, usual + (1 - usual) * COLLAPSED_EXCESS):
        return
    before = history.epochs[-patience(history) :]
    lasting = len(before) >= patience(history) and all(favourite(epoch)[0] >= COLLAPSED_ENTIRELY for epoch in before)
    label = history.class_names[name] if name < len(history.class_names) else str(name)
    evidence = f"{percent(share)} of the validation part are taken for class {label}"
    severity = Severity.FATAL if lasting and not learns(history) else Severity.WARNING
    yield Diagnosis("CLASS_COLLAPSE", severity, last.epoch, None, evidence, against_collapse(history))


def oscillating(history: TrialHistory) -> Iterator[Diagnosis]:
    """The loss jumps up and down without getting anywhere: every step is too long."""
    if not history.epochs:
        return
    evidence = _jump(history) or _to_and_fro(history) or _bouncing(history)
    if evidence:
        advice = "try a smaller learning_rate or a larger batch_size"
        yield Diagnosis("OSCILLATING", Severity.WARNING, history.epochs[-1].epoch, None, evidence, advice)


def _jump(history: TrialHistory) -> str:
    """That the loss rose far within an epoch and has not come down since, or ''."""
    guess = guessing_loss(history)
    if fmean(curve_of(history.epochs[-1]) or [0.0]) < JUMP_FORGIVEN * guess:
        return ""
    for epoch in history.epochs:
        curve = curve_of(epoch)
        lowest = list(accumulate(curve, min))
        rise, peak = max(((now - low, now) for now, low in zip(curve, lowest, strict=True)), default=(0.0, 0.0))
        if rise >= JUMP_RISE * guess and peak >= JUMP_PEAK * guess:
            return f"in epoch {epoch.epoch} the training loss jumped from {peak - rise:.3g} to {peak:.3g}"
    return ""


def _to_and_fro(history: TrialHistory) -> str:
    """That the epochs' losses rise and fall in turn, by much, or ''."""
    guess = guessing_loss(history)
    losses = [epoch.loss for epoch in history.epochs[-RECENT_EPOCHS:] if epoch.loss is not None]
    moves = [later - earlier for earlier, later in pairwise(losses)]
    turns = sum(1 for one, two in pairwise(moves) if one * two < 0)
    rise = max(moves, default=0.0)
    if turns < EPOCH_TURNS or rise < EPOCH_RISE * guess or losses[-1] < EPOCH_RISE * guess:
        return ""
    return f"the training loss turned {turns} times in {len(losses)} epochs, and rose by {rise:.3g} in one of them"


def _bouncing(history: TrialHistory) -> str:
    """That the newest losses scatter around a level that does not fall, or ''."""
    guess, newest = guessing_loss(history), curve_of(history.epochs[-1])
    before = curve_of(history.epochs[-2]) if len(history.epochs) > 1 else newest[: len(newest) // 2]
    moves = [later - earlier for earlier, later in pairwise(newest)]
    if len(moves) < OSCILLATION_STEPS or not before:
        return ""
    turns = sum(1 for one, two in pairwise(moves) if one * two < 0) / (len(moves) - 1)
    spread, level, earlier = (scatter(newest) or 0.0) / guess, fmean(newest) / guess, fmean(before) / guess
    wide = spread >= BOUNCE and level > BOUNCE_LEVEL * earlier
    above_guessing = spread >= BOUNCE_ABOVE_GUESS and min(level, earlier) > ABOVE_GUESS and _moves(history)
    if turns < OSCILLATION_TURNS or not (wide or above_guessing):
        return ""
    return (
        f"the training loss turns at {turns * 100:.0f} % of its steps and scatters by {spread * guess:.2g} around "
        + (f"{level * guess:.3g}, without falling")
    )


def _moves(history: TrialHistory) -> bool:
    """Whether steps are long enough to be what the loss scatters by; batches differ also where nothing moves."""
    ratios = [layer.update_ratio for layer in last_reading(history.epochs) if layer.update_ratio is not None]
    return not ratios or max(ratios) >= LONG_STEP_RATIO


def overfitting(history: TrialHistory) -> Iterator[Diagnosis]:
    """Much better on the samples it learns than on others."""
    if not history.epochs or history.started is None:
        return
    last = history.epochs[-1]
    losses = [epoch.validation_loss for epoch in history.epochs if epoch.validation_loss is not None]
    if last.accuracy is None or not losses:
        return
    gap = last.accuracy - last.validation_accuracy
    error = standard_error(last.validation_accuracy, history.started.n_validation)
    rises = losses[-1] > 1.1 * min(losses)
    allowed = OVERFITTING_GAP if rises or last.accuracy >= BY_HEART else WIDE_GAP
    if gap > max(allowed, STANDARD_ERRORS * error):
        evidence = f"accuracy is {percent(last.accuracy)} in training and {percent(last.validation_accuracy)} on "
        evidence += "validation" + (
            f"; the validation loss has risen from {min(losses):.3g} to {losses[-1]:.3g}" if rises else ""
        )
        advice = (
            "try more data (sample_percentage), a larger dropout or weight_decay, fewer epochs, or a smaller network"
        )
        yield Diagnosis("OVERFITTING", Severity.WARNING, last.epoch, None, evidence, advice)


def plateau(history: TrialHistory) -> Iterator[Diagnosis]:
    """Nothing has got better for a while, although much is left to learn."""
    span = max(PLATEAU_EPOCHS, math.ceil(PLATEAU_SHARE * history.epochs[-1].epochs)) if history.epochs else 0
    if len(history.epochs) <= span or not knows(history):
        return
    guess = guessing_loss(history)
    before = [epoch.loss for epoch in history.epochs[:-span] if epoch.loss is not None]
    recent = [epoch.loss for epoch in history.epochs[-span:] if epoch.loss is not None]
    if before and recent and min(recent) > min(before) - PLATEAU_GAIN * guess and min(recent) > 0.1 * guess:
        evidence = f"the training loss has stayed near {min(recent):.3g} for {span} epochs"
        yield Diagnosis("PLATEAU", Severity.NOTE, history.epochs[-1].epoch, None, evidence, against_plateau(history))


def bloated(history: TrialHistory) -> Iterator[Diagnosis]:
    """Far more parameters than the samples can fill, and than a linear classifier needs."""
    started = history.started
    if started is None or not started.n_train or not history.classes:
        return
    per_sample = started.parameters / started.n_train
    linear = started.parameters / ((started.input_size + 1) * history.classes)
    if per_sample > BLOATED_PER_SAMPLE and linear > BLOATED_LINEAR:
        evidence = f"{count(started.parameters)} parameters for {count(started.n_train)} samples, "
        evidence += f"{count(round(per_sample))} for each"
        epoch = history.epochs[-1].epoch if history.epochs else 0
        yield Diagnosis("BLOATED", Severity.WARNING, epoch, None, evidence, against_bloat(history))
