"""What is wrong with a training: rules over its history, each a pure function that names code, evidence and advice.

The quantities follow BTTackler (KDD 2024) and SageMaker Debugger's rules; the limits stand beside each rule. A fatal
diagnosis means that going on would be a waste: it is given only where the network has stopped learning anything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate, pairwise
from statistics import fmean, median

from hpo_core.formats import count, percent
from hpo_core.health.metrics import gradient_norm, guessing_accuracy, guessing_loss, scatter
from hpo_core.health.readings import LayerReading
from hpo_core.history import TrialHistory, last_reading
from hpo_core.records import Epoch

# A loss above this many times that of guessing is no fluctuation.
DIVERGED_LOSS = 2.0
# A loss that grew to this many times what it was at the beginning.
SHOT_UP = 10.0
# Learning is: the training loss has fallen by this share of the guess's since the first stretch of the first epoch,
# or the accuracy is this many standard errors above guessing.
LEARNT_SHARE = 0.02
STANDARD_ERRORS = 3.0
# Epochs that a network gets before 'nothing learnt' is fatal: so many, and this share of all.
PATIENCE, PATIENCE_SHARE = 3, 0.3
STILL_RATIO = 1e-7
DEAD_SHARE, DEAD_LAYER = 0.5, 0.95
VANISHED_RATIO = 1e-5
EXPLODED_NORM, EXPLODED_RISE = 1e3, 100.0
# One class takes so much of the predictions, and at least this part of what does not belong to the most frequent one.
COLLAPSED_SHARE, COLLAPSED_EXCESS, COLLAPSED_ENTIRELY = 0.9, 0.5, 0.99
OVERFITTING_GAP, WIDE_GAP = 0.1, 0.2
BLOATED_PER_SAMPLE, BLOATED_LINEAR = 300.0, 300.0
PLATEAU_EPOCHS, PLATEAU_GAIN, PLATEAU_SHARE = 4, 0.005, 0.3
# Parts of the guess's loss: a jump is a rise of the first size to a peak of the second, forgiven below the third.
JUMP_RISE, JUMP_PEAK, JUMP_FORGIVEN = 0.3, 1.3, 0.5
# Scatter of a level that is still this part of the epoch before; and what is enough where the level is above guessing.
OSCILLATION_STEPS, OSCILLATION_TURNS = 4, 0.4
BOUNCE, BOUNCE_LEVEL, BOUNCE_ABOVE_GUESS, ABOVE_GUESS = 0.08, 0.8, 0.008, 1.015


class Severity(StrEnum):
    """How much a diagnosis matters."""

    FATAL = "fatal"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Diagnosis:
    """One thing that is wrong.

    Attributes:
        code: for filters and scripts, for example DEAD_UNITS.
        severity: fatal ends a trial where health_pruning is on.
        epoch: after which it was seen, 1-based; 0 before the training.
        layer: where, None where it concerns the whole network.
        evidence: what was seen, in numbers.
        advice: what to change, naming the hyperparameter.
    """

    code: str
    severity: Severity
    epoch: int
    layer: str | None
    evidence: str
    advice: str

    def in_words(self) -> str:
        """One line for logs and reasons."""
        where = f" in {self.layer}" if self.layer else ""
        return f"{self.code}{where}: {self.evidence}; {self.advice}"


def diagnose(history: TrialHistory) -> list[Diagnosis]:
    """Everything that is wrong after the last epoch, the gravest first."""
    found = [diagnosis for rule in RULES for diagnosis in rule(history)]
    return sorted(found, key=lambda diagnosis: list(Severity).index(diagnosis.severity))


def fatal(history: TrialHistory) -> Diagnosis | None:
    """The first fatal diagnosis, None where there is none."""
    return next((item for item in diagnose(history) if item.severity is Severity.FATAL), None)


def diverged(history: TrialHistory) -> Iterator[Diagnosis]:
    """The training loss is no number, or has risen far above that of guessing."""
    if not history.epochs:
        return
    last, guess = history.epochs[-1], guessing_loss(history.classes)
    advice = "try a smaller learning_rate"
    if last.loss is None or last.validation_loss is None:
        yield Diagnosis("DIVERGED", Severity.FATAL, last.epoch, None, "the loss is no finite number", advice)
        return
    end = _end_of_curve(last)
    peak = max((value for epoch in history.epochs for value in _curve(epoch)), default=0.0)
    if min(last.loss, end) > DIVERGED_LOSS * guess and end >= 0.5 * _first_loss(history):
        evidence = f"the training loss is {last.loss:.3g}, guessing gives {guess:.3g}"
        yield Diagnosis("DIVERGED", Severity.FATAL, last.epoch, None, evidence, advice)
    elif peak > SHOT_UP * max(guess, _first_loss(history)) and end > guess and not knows(history, history.epochs[-1:]):
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
    if last.epoch < _patience(history) or knows(history):
        return
    guess = guessing_accuracy(history.started.label_counts) if history.started else 0.0
    evidence = f"after {last.epoch} epochs the validation accuracy is {percent(last.validation_accuracy)}, guessing "
    evidence += f"gives {percent(guess)}"
    advice = "try another learning_rate, and check that the labels belong to the samples"
    severity = Severity.WARNING if learns(history) else Severity.FATAL
    yield Diagnosis("NOT_LEARNING", severity, last.epoch, None, evidence, advice)


def dead_units(history: TrialHistory) -> Iterator[Diagnosis]:
    """Layers most of whose units put out the same for every sample."""
    for epoch, layer in _newest(history):
        if not layer.dead or layer.units < 1 or layer.dead / layer.units < DEAD_SHARE:
            continue
        gone = layer.dead / layer.units >= DEAD_LAYER and not knows(history)
        evidence = f"{layer.dead} of {layer.units} units do not tell one sample from another"
        advice = "try a smaller learning_rate, activation=elu or batch_normalization=true"
        yield Diagnosis("DEAD_UNITS", Severity.FATAL if gone else Severity.WARNING, epoch, layer.name, evidence, advice)


def saturated_units(history: TrialHistory) -> Iterator[Diagnosis]:
    """Layers most of whose units sit at an end of their activation's range."""
    for epoch, layer in _newest(history):
        if not layer.saturated or layer.saturated / layer.units < DEAD_SHARE:
            continue
        gone = layer.saturated / layer.units >= DEAD_LAYER and _given_up(history)
        evidence = f"{layer.saturated} of {layer.units} units sit at an end of the range of {layer.activation}"
        advice = "try a smaller learning_rate, activation=relu or batch_normalization=true"
        yield Diagnosis(
            "SATURATED_UNITS", Severity.FATAL if gone else Severity.WARNING, epoch, layer.name, evidence, advice
        )


def vanishing_gradient(history: TrialHistory) -> Iterator[Diagnosis]:
    """The gradient of a layer is a tiny part of the largest one."""
    newest = [(epoch, layer) for epoch, layer in _newest(history) if layer.gradient_rms is not None]
    if not newest:
        return
    largest = max(layer.gradient_rms or 0.0 for _, layer in newest)
    epoch, worst = min(newest, key=lambda item: item[1].gradient_rms or 0.0)
    ratio = (worst.gradient_rms or 0.0) / largest if largest else 0.0
    if ratio < VANISHED_RATIO:
        evidence = f"its gradient is {ratio:.0e} of the largest layer's" if ratio else "no gradient reaches it"
        advice = (
            "try fewer layers (conv_layers, hidden_layers, lstm_layers), activation=relu or batch_normalization=true"
        )
        severity = Severity.FATAL if _given_up(history) else Severity.WARNING
        yield Diagnosis("VANISHING_GRADIENT", severity, epoch, worst.name, evidence, advice)


def exploding_gradient(history: TrialHistory) -> Iterator[Diagnosis]:
    """The gradient's norm is no number, very large, or a hundred times what it used to be."""
    epochs = history.read_epochs
    if not epochs:
        return
    norms = [gradient_norm(epoch.layers or []) for epoch in epochs]
    advice = "try a smaller learning_rate or batch_normalization=true"
    severity = Severity.FATAL if _given_up(history) else Severity.WARNING
    if norms[-1] is None:
        evidence = "the gradient is no finite number"
        yield Diagnosis("EXPLODING_GRADIENT", Severity.FATAL, epochs[-1].epoch, None, evidence, advice)
        return
    earlier = [norm for norm in norms[:-1] if norm is not None]
    usual = median(earlier) if earlier else math.inf
    if norms[-1] > EXPLODED_NORM or (norms[-1] > EXPLODED_RISE * usual and norms[-1] > 10):
        evidence = f"the norm of the gradient is {norms[-1]:.3g}"
        evidence += f", {usual:.3g} in the epochs before" if earlier else ""
        yield Diagnosis("EXPLODING_GRADIENT", severity, epochs[-1].epoch, None, evidence, advice)


def oscillating(history: TrialHistory) -> Iterator[Diagnosis]:
    """The loss jumps up and down without getting anywhere: every step is too long."""
    if not history.epochs:
        return
    evidence = _jump(history) or _bouncing(history)
    if evidence:
        advice = "try a smaller learning_rate or a larger batch_size"
        yield Diagnosis("OSCILLATING", Severity.WARNING, history.epochs[-1].epoch, None, evidence, advice)


def _jump(history: TrialHistory) -> str:
    """That the loss rose far within an epoch and has not come down since, or ''."""
    guess = guessing_loss(history.classes)
    if fmean(_curve(history.epochs[-1]) or [0.0]) < JUMP_FORGIVEN * guess:
        return ""
    for epoch in history.epochs:
        curve = _curve(epoch)
        lowest = list(accumulate(curve, min))
        rise, peak = max(((now - low, now) for now, low in zip(curve, lowest, strict=True)), default=(0.0, 0.0))
        if rise >= JUMP_RISE * guess and peak >= JUMP_PEAK * guess:
            return f"in epoch {epoch.epoch} the training loss jumped from {peak - rise:.3g} to {peak:.3g}"
    return ""


def _bouncing(history: TrialHistory) -> str:
    """That the newest losses scatter around a level that does not fall, or ''."""
    guess, newest = guessing_loss(history.classes), _curve(history.epochs[-1])
    before = _curve(history.epochs[-2]) if len(history.epochs) > 1 else newest[: len(newest) // 2]
    moves = [later - earlier for earlier, later in pairwise(newest)]
    if len(moves) < OSCILLATION_STEPS or not before:
        return ""
    turns = sum(1 for one, two in pairwise(moves) if one * two < 0) / (len(moves) - 1)
    spread, level, earlier = (scatter(newest) or 0.0) / guess, fmean(newest) / guess, fmean(before) / guess
    wide = spread >= BOUNCE and level > BOUNCE_LEVEL * earlier
    above_guessing = spread >= BOUNCE_ABOVE_GUESS and min(level, earlier) > ABOVE_GUESS
    if turns < OSCILLATION_TURNS or not (wide or above_guessing):
        return ""
    return (
        f"the training loss turns at {turns * 100:.0f} % of its steps and scatters by {spread * guess:.2g} around "
        + (f"{level * guess:.3g}, without falling")
    )


def plateau(history: TrialHistory) -> Iterator[Diagnosis]:
    """Nothing has got better for a while, although much is left to learn."""
    span = max(PLATEAU_EPOCHS, math.ceil(PLATEAU_SHARE * history.epochs[-1].epochs)) if history.epochs else 0
    if len(history.epochs) <= span or not knows(history):
        return
    guess = guessing_loss(history.classes)
    before = [epoch.loss for epoch in history.epochs[:-span] if epoch.loss is not None]
    recent = [epoch.loss for epoch in history.epochs[-span:] if epoch.loss is not None]
    if before and recent and min(recent) > min(before) - PLATEAU_GAIN * guess and min(recent) > 0.1 * guess:
        evidence = f"the training loss has stayed near {min(recent):.3g} for {span} epochs"
        advice = "try learning_rate_schedule=cosine, another learning_rate or a larger network (filters, lstm_units)"
        yield Diagnosis("PLATEAU", Severity.NOTE, history.epochs[-1].epoch, None, evidence, advice)


def overfitting(history: TrialHistory) -> Iterator[Diagnosis]:
    """Much better on the samples it learns than on others."""
    if not history.epochs or history.started is None:
        return
    last = history.epochs[-1]
    losses = [epoch.validation_loss for epoch in history.epochs if epoch.validation_loss is not None]
    if last.accuracy is None or not losses:
        return
    gap = last.accuracy - last.validation_accuracy
    error = _standard_error(last.validation_accuracy, history.started.n_validation)
    rises = losses[-1] > 1.1 * min(losses)
    if gap > max(WIDE_GAP if not rises else OVERFITTING_GAP, STANDARD_ERRORS * error):
        evidence = f"accuracy is {percent(last.accuracy)} in training and {percent(last.validation_accuracy)} on "
        evidence += "validation" + (
            f"; the validation loss has risen from {min(losses):.3g} to {losses[-1]:.3g}" if rises else ""
        )
        advice = (
            "try more data (sample_percentage), a larger dropout or weight_decay, fewer epochs, or a smaller network"
        )
        yield Diagnosis("OVERFITTING", Severity.WARNING, last.epoch, None, evidence, advice)


def class_collapse(history: TrialHistory) -> Iterator[Diagnosis]:
    """One class is predicted for nearly everything."""
    if not history.epochs or history.started is None or history.classes < 2:
        return
    last = history.epochs[-1]
    share, name = _favourite(last)
    usual = guessing_accuracy(history.started.label_counts)
    if share < COLLAPSED_SHARE or share < usual + (1 - usual) * COLLAPSED_EXCESS:
        return
    before = history.epochs[-_patience(history) :]
    lasting = len(before) >= _patience(history) and all(_favourite(epoch)[0] >= COLLAPSED_ENTIRELY for epoch in before)
    label = history.class_names[name] if name < len(history.class_names) else str(name)
    evidence = f"{percent(share)} of the validation part are taken for class {label}"
    advice = "try a smaller learning_rate, batch_normalization=true or a larger batch_size"
    severity = Severity.FATAL if lasting and not learns(history) else Severity.WARNING
    yield Diagnosis("CLASS_COLLAPSE", severity, last.epoch, None, evidence, advice)


def bloated(history: TrialHistory) -> Iterator[Diagnosis]:
    """Far more parameters than the samples can fill, and than a linear classifier needs."""
    started = history.started
    if started is None or not started.n_train or not history.classes:
        return
    per_sample = started.parameters / started.n_train
    linear = started.parameters / ((started.input_size + 1) * history.classes)
    if per_sample > BLOATED_PER_SAMPLE and linear > BLOATED_LINEAR:
        evidence = f"{count(started.parameters)} parameters for {count(started.n_train)} samples, "
        evidence += f"{per_sample:,.0f} for each".replace(",", "\u2009")
        advice = "try fewer filters, lstm_units or first_hidden_nodes, or pooling=global_average"
        epoch = history.epochs[-1].epoch if history.epochs else 0
        yield Diagnosis("BLOATED", Severity.WARNING, epoch, None, evidence, advice)


RULES: Sequence[Callable[[TrialHistory], Iterator[Diagnosis]]] = (
    diverged,
    exploding_gradient,
    dead_units,
    saturated_units,
    vanishing_gradient,
    not_learning,
    class_collapse,
    oscillating,
    overfitting,
    plateau,
    bloated,
)
CODES = tuple(rule.__name__.upper() for rule in RULES)


def learns(history: TrialHistory) -> bool:
    """Whether the training loss has moved below where it began, and below guessing."""
    losses = [epoch.loss for epoch in history.epochs if epoch.loss is not None]
    if not losses:
        return False
    guess = guessing_loss(history.classes)
    lowest = min(losses)
    return lowest < guess * (1 - LEARNT_SHARE) and lowest < _first_loss(history) - LEARNT_SHARE * guess


def knows(history: TrialHistory, epochs: Sequence[Epoch] | None = None) -> bool:
    """Whether the validation accuracy of one of `epochs` (of any) was above guessing, beyond chance."""
    if history.started is None:
        return False
    guess = guessing_accuracy(history.started.label_counts)
    error = _standard_error(guess, history.started.n_validation)
    asked = history.epochs if epochs is None else epochs
    best = max((epoch.validation_accuracy for epoch in asked), default=0.0)
    return best > guess + STANDARD_ERRORS * error


def _given_up(history: TrialHistory) -> bool:
    """Whether the network had its chance and learnt nothing."""
    return len(history.epochs) >= _patience(history) and not learns(history) and not knows(history)


def _patience(history: TrialHistory) -> int:
    """Epochs after which a network must have learnt something."""
    return max(PATIENCE, math.ceil(PATIENCE_SHARE * history.epochs[-1].epochs)) if history.epochs else PATIENCE


def _newest(history: TrialHistory) -> list[tuple[int, LayerReading]]:
    """(epoch, reading) of the newest reading."""
    read = history.read_epochs
    return [(read[-1].epoch, layer) for layer in read[-1].layers or []] if read else []


def _first_loss(history: TrialHistory) -> float:
    """Training loss where it began: that of the first batch."""
    first = history.epochs[0]
    curve = [value for value in first.loss_curve if value is not None]
    return curve[0] if curve else (first.loss or 0.0)


def _end_of_curve(epoch: Epoch) -> float:
    """Training loss where the epoch ended: the median of its last stretches."""
    curve = _curve(epoch)[-5:]
    return median(curve) if curve else (epoch.loss or 0.0)


def _curve(epoch: Epoch) -> list[float]:
    """The known points of an epoch's training loss."""
    return [value for value in epoch.loss_curve if value is not None]


def _favourite(epoch: Epoch) -> tuple[float, int]:
    """(share, number) of the class that is predicted most often."""
    total = sum(epoch.predicted)
    if not total:
        return 0.0, 0
    most = max(epoch.predicted)
    return most / total, epoch.predicted.index(most)


def _standard_error(share: float, n: int) -> float:
    return math.sqrt(max(share * (1 - share), 1e-4) / max(1, n))
