"""Rules about the layers: units that do nothing, gradients that fade or explode, biases that run away."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import median

from hpo_core.health.advice import against_exploding, against_idle_units, against_vanishing
from hpo_core.health.diagnosis import Diagnosis, Severity
from hpo_core.health.learning import given_up, knows, newest_readings
from hpo_core.health.metrics import gradient_norm
from hpo_core.health.readings import SPARSE
from hpo_core.history import TrialHistory

# Shares of a layer's units.
DEAD_SHARE, DEAD_LAYER = 0.5, 0.95
# Of the largest layer's gradient, both as root mean squares.
VANISHED_RATIO = 1e-4
# Norm of the whole gradient; and how many times what it was in the epochs before.
EXPLODED_NORM, EXPLODED_RISE = 1e3, 100.0


def dead_units(history: TrialHistory) -> Iterator[Diagnosis]:
    """Layers most of whose units put out the same for every sample."""
    for epoch, layer in newest_readings(history):
        if not layer.dead or layer.units < 1 or layer.dead / layer.units < DEAD_SHARE:
            continue
        gone = not knows(history) and _stays_dead(history, layer.name)
        evidence = f"{layer.dead} of {layer.units} units do not tell one sample from another"
        advice = against_idle_units(history, layer, "elu")
        yield Diagnosis("DEAD_UNITS", Severity.FATAL if gone else Severity.WARNING, epoch, layer.name, evidence, advice)


def _stays_dead(history: TrialHistory, name: str) -> bool:
    """Whether nearly all units of a layer were dead in the last two readings."""
    readings = [layer for _, layer in history.layer(name)][-2:]
    return len(readings) == 2 and all((layer.dead or 0) / layer.units >= DEAD_LAYER for layer in readings)


def saturated_units(history: TrialHistory) -> Iterator[Diagnosis]:
    """Layers most of whose units sit at an end of their activation's range."""
    for epoch, layer in newest_readings(history):
        if not layer.saturated or layer.saturated / layer.units < DEAD_SHARE:
            continue
        gone = layer.saturated / layer.units >= DEAD_LAYER and given_up(history)
        evidence = f"{layer.saturated} of {layer.units} units sit at an end of the range of {layer.activation}"
        advice = against_idle_units(history, layer, "relu")
        yield Diagnosis(
            "SATURATED_UNITS", Severity.FATAL if gone else Severity.WARNING, epoch, layer.name, evidence, advice
        )


def vanishing_gradient(history: TrialHistory) -> Iterator[Diagnosis]:
    """The gradient of a layer is a tiny part of the largest one."""
    newest = [
        (epoch, layer)
        for epoch, layer in newest_readings(history)
        if layer.gradient_rms is not None and layer.type != SPARSE
    ]
    if not newest:
        return
    largest = max(layer.gradient_rms or 0.0 for _, layer in newest)
    epoch, worst = min(newest, key=lambda item: item[1].gradient_rms or 0.0)
    ratio = (worst.gradient_rms or 0.0) / largest if largest else 0.0
    if ratio < VANISHED_RATIO:
        evidence = f"its gradient is {ratio:.0e} of the largest layer's" if ratio else "no gradient reaches it"
        severity = Severity.FATAL if given_up(history) else Severity.WARNING
        yield Diagnosis("VANISHING_GRADIENT", severity, epoch, worst.name, evidence, against_vanishing(history))


def exploding_gradient(history: TrialHistory) -> Iterator[Diagnosis]:
    """The gradient's norm is no number, very large, or a hundred times what it used to be."""
    epochs = history.read_epochs
    if not epochs:
        return
    norms = [gradient_norm(epoch.layers or []) for epoch in epochs]
    advice = against_exploding(history)
    severity = Severity.FATAL if given_up(history) else Severity.WARNING
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


def moving_biases(history: TrialHistory) -> Iterator[Diagnosis]:
    """A bias has moved further in an epoch than the limit of the run allows."""
    for epoch, layer in newest_readings(history):
        if layer.bias_change is not None and layer.bias_change > history.bias_change_limit:
            evidence = (
                f"a bias moved by {layer.bias_change:.3g} in one epoch, the limit is {history.bias_change_limit:g}"
            )
            advice = "try a smaller learning_rate"
            yield Diagnosis("EXPLODING_GRADIENT", Severity.WARNING, epoch, layer.name, evidence, advice)
