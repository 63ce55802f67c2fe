"""The six metrics of model health, each in 0..1, 1 is healthy; None where one cannot be measured.

Every metric is a pure function of a training's history as it stands after some epoch, so that each is defined from the
first epoch on. A new metric is one function and one entry in `METRICS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean, pstdev

from hpo_core.health.readings import SPARSE, LayerReading
from hpo_core.history import TrialHistory, last_reading
from hpo_core.records import Epoch
from hpo_core.references import LEARNING, Reference

# A tenfold of the linear classifier's size costs this much of the efficiency.
COST_PER_TENFOLD = 1 / 6
# Gradients of two layers may differ by this many powers of ten without harm; so many more make the worst.
USUAL_SPREAD, WORST_SPREAD = 2.0, 6.0
# Norms of the whole gradient up to the first value are usual, at the second one they are as bad as can be.
USUAL_NORM, WORST_NORM = 10.0, 10_000.0
# A gap between training and validation accuracy of this size, or folds that scatter so much, make the worst.
WORST_GAP, WORST_SCATTER = 0.5, 0.25

# Less entropy of the classes than this is no unit to measure a loss in.
LEAST_ENTROPY = 0.05

# Below these values a metric is a reason to look closer; the others have no such line.
WORRYING: Mapping[str, float] = {
    "neuron_utilisation": 0.7,
    "training_stability": 0.5,
    "gradient_health": 0.5,
    "accuracy_consistency": 0.7,
}

Value = float | None


def guessing_loss(history: TrialHistory) -> float:
    """Cross-entropy in nats of a guess that knows only how frequent the classes are: their entropy.

    That is ln(classes) where all are equally frequent; it stands in where one class is nearly all there is.
    """
    counts = [count for count in (history.started.label_counts if history.started else []) if count]
    entropy = -sum(count / sum(counts) * math.log(count / sum(counts)) for count in counts)
    return entropy if entropy > LEAST_ENTROPY else math.log(max(2, history.classes))


def neuron_utilisation(history: TrialHistory) -> Value:
    """Half the mean and half the smallest share of living units, over the hidden layers of the newest reading."""
    shares = [living_share(layer) for layer in last_reading(history.epochs)]
    known = [share for share in shares if share is not None]
    return (fmean(known) + min(known)) / 2 if known else None


def parameter_efficiency(history: TrialHistory) -> Value:
    """Accuracy above guessing, times what the model's size leaves of it."""
    started = history.started
    if started is None or not history.epochs or history.classes < 2:
        return None
    guess = guessing_accuracy(started.label_counts)
    above = max(0.0, history.epochs[-1].validation_accuracy - guess) / (1 - guess) if guess < 1 else 0.0
    linear = (started.input_size + 1) * history.classes
    tenfolds = max(0.0, math.log10(max(1, started.parameters) / linear))
    return above * max(0.0, 1 - COST_PER_TENFOLD * tenfolds)


def training_stability(history: TrialHistory) -> Value:
    """exp(-(scatter + rises)): scatter of the loss within the epochs, and how far it rose from epoch to epoch."""
    if not history.epochs:
        return None
    if any(epoch.loss is None or None in epoch.loss_curve for epoch in history.epochs):
        return 0.0
    unit = guessing_loss(history)
    scatters = [scatter(_numbers(epoch.loss_curve)) for epoch in history.epochs]
    known = [value for value in scatters if value is not None]
    losses = _numbers(epoch.loss for epoch in history.epochs)
    rises = sum(max(0.0, later - earlier) for earlier, later in pairwise(losses))
    return math.exp(-((fmean(known) if known else 0.0) + rises / max(1, len(losses) - 1)) / unit * 2)


def gradient_health(history: TrialHistory) -> Value:
    """Mean over the layers of how near each one's gradient is to the largest, times what the whole norm leaves.

    Embeddings count in the norm alone: they get a gradient only for the words that occur, so their mean says little.
    """
    layers = last_reading(history.epochs)
    if not layers:
        return None
    whole = gradient_norm(layers)
    if whole is None:
        return 0.0
    sizes = [layer.gradient_rms or 0.0 for layer in layers if layer.type != SPARSE]
    largest = max(sizes, default=0.0)
    if largest == 0:
        return 0.0
    return fmean(gradient_nearness(size, largest) for size in sizes) * _fall(
        math.log10(whole), math.log10(USUAL_NORM), math.log10(WORST_NORM)
    )


def convergence_quality(history: TrialHistory) -> Value:
    """How far the validation loss has come from guessing towards zero, times how much of the best value it kept."""
    if not history.epochs:
        return None
    losses = [epoch.validation_loss for epoch in history.epochs]
    if losses[-1] is None:
        return 0.0
    # Losses are taken with a small floor: between 0.001 and 0.002 there is no difference that matters.
    floor = 0.02 * guessing_loss(history)
    best = min(_numbers(losses)) + floor
    came = max(0.0, 1 - losses[-1] / guessing_loss(history))
    return came * best / (losses[-1] + floor)


def accuracy_consistency(history: TrialHistory) -> Value:
    """What the gap between training and validation accuracy and the scatter over the folds leave of 1."""
    if not history.epochs:
        return None
    last = history.epochs[-1]
    if last.accuracy is None or not last.fold_accuracies:
        return None
    gap = max(0.0, last.accuracy - last.validation_accuracy)
    return _fall(gap, 0.0, WORST_GAP) * _fall(pstdev(last.fold_accuracies), 0.0, WORST_SCATTER)


@dataclass(frozen=True)
class Metric:
    """One metric with everything that is said about it.

    Attributes:
        name: key in attributes and files.
        title: as people say it.
        weight: in the overall health score; all weights together are 1.
        explanation: one sentence for learners.
        formula: how it is computed.
        reading: how to read the number.
        sources: where the idea comes from.
        measure: the value for a history, after its last epoch.
    """

    name: str
    title: str
    weight: float
    explanation: str
    formula: str
    reading: str
    sources: tuple[Reference, ...]
    measure: Callable[[TrialHistory], Value]


_DECLARED = (
    Metric(
        "neuron_utilisation", "Neuron utilisation", 0.20,
        "How many filters and units do something: one that never fires, or always sits at its limit, is wasted.",
        "(mean + smallest) / 2 over the hidden layers of 1 - (dead + saturated units) / units",
        f"1: every unit works. Below {WORRYING['neuron_utilisation']}: some layer is half asleep; a small layer counts "
        "as much as a large one.",
        (Reference("Lu et al., Dying ReLU and Initialization (2019)", "https://arxiv.org/abs/1903.06733"), LEARNING),
        neuron_utilisation,
    ),
    Metric(
        "parameter_efficiency", "Parameter efficiency", 0.15,
        "How much accuracy above guessing the model gives for its size, which is compared with a network without "
        "hidden layers.",
        "max(0, accuracy - guess) / (1 - guess) "
        "x max(0, 1 - max(0, log10(parameters / linear classifier)) / 6)",
        "A tenfold size costs a sixth of the value: a model that is as good with fewer parameters is the better one.",
        (Reference("Bianco et al., Benchmark Analysis (2018): accuracy density", "https://arxiv.org/abs/1810.00736"),),
        parameter_efficiency,
    ),
    Metric(
        "training_stability", "Training stability", 0.15,
        "How calmly the loss falls: jumps within an epoch and rises from one epoch to the next cost points.",
        "exp(-2 x (scatter of the loss within epochs + mean rise between epochs) / guess), guess: the classes' entropy",
        f"Above 0.8 is calm, somewhat less is usual. Below {WORRYING['training_stability']} the steps are too long: a "
        "smaller learning rate or a larger batch helps.",
        (
            Reference("Goodfellow et al., Deep Learning (2016), chapter 8",
                      "https://www.deeplearningbook.org/contents/optimization.html"),
            LEARNING,
        ),
        training_stability,
    ),
    Metric(
        "gradient_health", "Gradient health", 0.20,
        "Whether the error reaches every layer: neither fading on its way back nor growing without bounds.",
        "mean over layers but embeddings of nearness to the largest gradient (1 within 2 powers of ten, 0 at 6) "
        "x (1 for a norm up to 10, 0 at 10 000)",
        f"1: all layers learn at a like pace. Below {WORRYING['gradient_health']}: the first layers hardly learn, or "
        "steps explode.",
        (
            Reference("Glorot and Bengio (2010)", "https://proceedings.mlr.press/v9/glorot10a.html"),
            Reference("Pascanu et al. (2013)", "https://arxiv.org/abs/1211.5063"),
        ),
        gradient_health,
    ),
    Metric(
        "convergence_quality", "Convergence quality", 0.15,
        "How far the validation loss has come down from guessing, and whether it stayed at its best.",
        "max(0, 1 - loss / guess) x (best loss + f) / (last loss + f), f = 0.02 guess, guess: the classes' entropy",
        "Near 1: almost certain and right. A value that falls with more epochs: the model learns by heart.",
        (Reference("Prechelt, Early Stopping: But When? (1998)", "https://doi.org/10.1007/3-540-49430-8_3"),),
        convergence_quality,
    ),
    Metric(
        "accuracy_consistency", "Accuracy consistency", 0.15,
        "Whether the accuracy holds for other samples: from training to validation, and between five parts of it.",
        "max(0, 1 - gap / 0.5) x max(0, 1 - deviation over 5 stratified folds / 0.25)",
        f"Above 0.9: what you see is what you get. Below {WORRYING['accuracy_consistency']}: expect another accuracy "
        "on new data.",
        (Reference("Kohavi (1995), on cross-validation", "https://www.ijcai.org/Proceedings/95-2/Papers/016.pdf"),),
        accuracy_consistency,
    ),
)  # fmt: skip

METRICS: Mapping[str, Metric] = {metric.name: metric for metric in _DECLARED}


def measure(history: TrialHistory) -> dict[str, float | None]:
    """All metrics as they stand after the last epoch; None for those that cannot be measured."""
    return {name: _checked(metric.measure(history)) for name, metric in METRICS.items()}


def measure_each(history: TrialHistory) -> list[tuple[int, dict[str, float | None]]]:
    """(epoch, metrics) as they stood after each epoch."""
    return [(epoch.epoch, measure(history_until(history, epoch))) for epoch in history.epochs]


def history_until(history: TrialHistory, epoch: Epoch) -> TrialHistory:
    """The history as it was after `epoch`."""
    epochs = history.epochs[: history.epochs.index(epoch) + 1]
    return replace(history, epochs=epochs, snapshots=[], finished=None)


def living_share(layer: LayerReading) -> float | None:
    """Share of a layer's units that are neither dead nor saturated; None where that means nothing."""
    if layer.dead is None or layer.saturated is None or not layer.units:
        return None
    return 1 - (layer.dead + layer.saturated) / layer.units


def gradient_nearness(size: float, largest: float) -> float:
    """1 for a layer's gradient within two powers of ten of the largest one, 0 at six; both as root mean squares."""
    return _fall(math.log10(largest / size), USUAL_SPREAD, WORST_SPREAD) if size else 0.0


def guessing_accuracy(label_counts: Sequence[int]) -> float:
    """Accuracy of always naming the most frequent class."""
    total = sum(label_counts)
    return max(label_counts) / total if total else 0.0


def gradient_norm(layers: Iterable[LayerReading]) -> float | None:
    """Norm of the whole gradient; None where a layer's is no finite number."""
    norms = [layer.gradient_norm for layer in layers]
    known = [norm for norm in norms if norm is not None]
    return math.hypot(*known) if known and len(known) == len(norms) else None


def scatter(curve: Sequence[float]) -> float | None:
    """Deviation of a curve from its own straight line, the least-squares fit; None below three points."""
    n = len(curve)
    if n < 3:
        return None
    middle, level = (n - 1) / 2, fmean(curve)
    slope = sum((x - middle) * (y - level) for x, y in enumerate(curve)) / sum((x - middle) ** 2 for x in range(n))
    return math.sqrt(fmean((y - level - slope * (x - middle)) ** 2 for x, y in enumerate(curve)))


def _fall(value: float, best: float, worst: float) -> float:
    """1 up to `best`, 0 from `worst` on, a straight line between."""
    return min(1.0, max(0.0, (worst - value) / (worst - best)))


def _numbers(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _checked(value: Value) -> Value:
    return None if value is None or not math.isfinite(value) else round(min(1.0, max(0.0, value)), 6)
