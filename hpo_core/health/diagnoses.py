"""What is wrong with a training: rules over its history, each a pure function that names code, evidence and advice.

The quantities follow BTTackler (KDD 2024) and SageMaker Debugger's rules; the limits stand beside the rules. A fatal
diagnosis means that going on would be a waste: it is given only where the network has stopped learning anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from hpo_core.health import layer_rules, training_rules
from hpo_core.health.diagnosis import Diagnosis, Severity
from hpo_core.history import TrialHistory

__all__ = ["CODES", "Diagnosis", "Severity", "diagnose"]

Rule = Callable[[TrialHistory], Iterator[Diagnosis]]
RULES: Sequence[tuple[str, Rule]] = (
    ("DIVERGED", training_rules.diverged),
    ("EXPLODING_GRADIENT", layer_rules.exploding_gradient),
    ("EXPLODING_GRADIENT", layer_rules.moving_biases),
    ("DEAD_UNITS", layer_rules.dead_units),
    ("SATURATED_UNITS", layer_rules.saturated_units),
    ("VANISHING_GRADIENT", layer_rules.vanishing_gradient),
    ("NOT_LEARNING", training_rules.not_learning),
    ("CLASS_COLLAPSE", training_rules.class_collapse),
    ("OSCILLATING", training_rules.oscillating),
    ("OVERFITTING", training_rules.overfitting),
    ("PLATEAU", training_rules.plateau),
    ("BLOATED", training_rules.bloated),
)
CODES = tuple(dict.fromkeys(code for code, _ in RULES))


def diagnose(history: TrialHistory) -> list[Diagnosis]:
    """Everything that is wrong after the last epoch, the gravest first."""
    found = [diagnosis for _, rule in RULES for diagnosis in rule(history)]
    return sorted(found, key=lambda diagnosis: list(Severity).index(diagnosis.severity))
