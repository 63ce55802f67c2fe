"""From metrics to one health score, and from accuracy and health to a trial's score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hpo_core.health.metrics import METRICS, WORRYING
from hpo_core.records import Epoch

DEFAULT_HEALTH_WEIGHT = 0.3


def health_score(metrics: Mapping[str, float | None]) -> float | None:
    """Weighted mean of the metrics that were measured, in 0..1; None where none was."""
    known = {name: value for name, value in metrics.items() if value is not None and name in METRICS}
    total = sum(METRICS[name].weight for name in known)
    return round(sum(METRICS[name].weight * value for name, value in known.items()) / total, 6) if total else None


def explain(metrics: Mapping[str, float | None]) -> str:
    """What lifts and what lowers the health score, in words."""
    known = {name: value for name, value in metrics.items() if value is not None and name in METRICS}
    absent = [METRICS[name].title.lower() for name in METRICS if name not in known]
    if not known:
        return "No health was measured."
    best, worst = (f"{extreme:.3f}" for extreme in (max(known.values()), min(known.values())))
    strongest = _named(name for name, value in known.items() if f"{value:.3f}" == best)
    weakest = _named(name for name, value in known.items() if f"{value:.3f}" == worst)
    text = f"Strongest {strongest} ({best})" + (f", weakest {weakest} ({worst})." if best != worst else ".")
    if best != worst and not any(value < WORRYING.get(name, 0.0) for name, value in known.items()):
        lowest = [name for name, value in known.items() if f"{value:.3f}" == worst]
        # Their bars may be red all the same; that is to be said, or the sentence would contradict them.
        text += (
            " None of them is a reason to look closer."
            if any(name in WORRYING for name in lowest)
            else " By itself that is no warning: how high this metric can get depends on the data."
        )
    if absent:
        text += f" Not measured, and left out of the mean: {', '.join(absent)}."
    return text


def worrying_in_words() -> str:
    """Which values of the metrics are a reason to look closer, for people."""
    by_value: dict[float, list[str]] = {}
    for name, value in WORRYING.items():
        by_value.setdefault(value, []).append(METRICS[name].title.lower())
    found = ", or ".join(f"below {value} in {' and '.join(by_value[value])}" for value in sorted(by_value))
    without = " and ".join(metric.title.lower() for name, metric in METRICS.items() if name not in WORRYING)
    return f"{found}. There is no such value for {without}, which depend on the data"


def _named(names: Iterable[str]) -> str:
    """'is gradient health', 'are gradient health and training stability'."""
    titles = [METRICS[name].title.lower() for name in names]
    return f"is {titles[0]}" if len(titles) == 1 else f"are {', '.join(titles[:-1])} and {titles[-1]}"


def weights_in_words() -> str:
    """The weights of the health score, for people."""
    return ", ".join(f"{metric.title.lower()} {metric.weight * 100:.0f} %" for metric in METRICS.values())


def objective_value(objective: str, record: Epoch) -> float:
    """The number that a run optimises in mode 'simple', as it stands after an epoch."""
    if objective == "validation_loss":
        assert record.validation_loss is not None
        return record.validation_loss
    shares = {
        "validation_accuracy": record.validation_accuracy,
        "macro_f1": record.validation_f1,
        "top5_accuracy": record.validation_top5,
    }
    return shares[objective]


def trial_score(objective: str, health_weight: float | None, record: Epoch, health: float | None) -> float:
    """The score of a trial after an epoch.

    Args:
        objective: name of the quality that is optimised.
        health_weight: None in mode 'simple'; else the share of health in 0..1.
        record: the epoch.
        health: overall health after it; None where nothing could be measured, which counts as 0: a trial whose health
            is unknown must not beat one whose health is known.
    """
    value = objective_value(objective, record)
    if health_weight is None:
        return value
    return (1 - health_weight) * value + health_weight * (health or 0.0)


def score_formula(objective: str, health_weight: float | None) -> str:
    """The formula of the score with the numbers of a configuration, for people."""
    name = objective.replace("_", " ")
    if health_weight is None:
        return f"score = {name}"
    return f"score = {1 - health_weight:g} × {name} + {health_weight:g} × health"
