"""The samplers and pruners a run can be told to use: what each does, and where Optuna documents it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hpo_core.references import Reference, optuna


@dataclass(frozen=True)
class Method:
    """One sentence for learners, and the page of Optuna's documentation."""

    explanation: str
    reference: Reference


def _sampler(explanation: str, name: str) -> Method:
    return Method(
        explanation, optuna(f"{name} in Optuna’s documentation", f"samplers/generated/optuna.samplers.{name}")
    )


def _pruner(explanation: str, name: str) -> Method:
    return Method(explanation, optuna(f"{name} in Optuna’s documentation", f"generated/optuna.pruners.{name}"))


SAMPLERS: Mapping[str, Method] = {
    "tpe": _sampler(
        "Learns which values the good trials had in common and tries more like them; the best choice for most runs.",
        "TPESampler",
    ),
    "cmaes": _sampler(
        "Moves a cloud of trials towards better ones, as evolution does; for many trials over numbers, "
        "while choices such as an activation are drawn at random.",
        "CmaEsSampler",
    ),
    "qmc": _sampler("Spreads trials evenly over the space without learning: even more so than chance.", "QMCSampler"),
    "random": _sampler("Draws every trial by chance; the baseline that others have to beat.", "RandomSampler"),
    "grid": _sampler(
        "Tries every combination once, five values from each continuous range; for small spaces only.", "GridSampler"
    ),
    "gp": _sampler(
        "Fits a Gaussian process to the scores and tries where it promises most; for few and expensive trials.",
        "GPSampler",
    ),
}
PRUNERS: Mapping[str, Method] = {
    "none": _pruner("Every trial trains to its end.", "NopPruner"),
    "median": _pruner(
        "After ten complete trials: ends one that is worse than half of them were at the same epoch; safe and simple.",
        "MedianPruner",
    ),
    "halving": _pruner(
        "Gives all trials few epochs, the better ones more, the best of them all; saves most, may end late starters.",
        "SuccessiveHalvingPruner",
    ),
    "hyperband": _pruner(
        "Successive halving at several strictnesses at once: late starters get a chance; for 50 trials or more.",
        "HyperbandPruner",
    ),
    "patient": _pruner(
        "As median, but only after a trial has not improved for some epochs.", "PatientPruner"
    ),
}  # fmt: skip
