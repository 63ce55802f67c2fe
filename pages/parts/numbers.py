"""What pages compute before they draw it. Pure: numbers in, numbers out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from storage.progress import TrialProgress
from storage.studies import TrialRow

NUMBER = re.compile(r"\d+")

# Below this share a running trial says too little about how long it will take.
ENOUGH_SHARE = 0.1


@dataclass(frozen=True)
class History:
    """Scores in the order of trials.

    Attributes:
        numbers, scores: of the complete trials.
        best: the best score up to and including each of them.
        champion: position of the best one, None without trials.
    """

    numbers: tuple[int, ...]
    scores: tuple[float, ...]
    best: tuple[float, ...]
    champion: int | None


def history(points: Sequence[tuple[int, float]], *, minimises: bool) -> History:
    """The best score so far after each complete trial, from (number, score) by number."""
    better = min if minimises else max
    best: list[float] = []
    for _, score in points:
        best.append(better(best[-1], score) if best else score)
    scores = tuple(score for _, score in points)
    champion = scores.index(better(scores)) if scores else None
    return History(tuple(number for number, _ in points), scores, tuple(best), champion)


def time_left(
    *, total: int, ended: int, running: Sequence[TrialProgress], mean_s: float | None, workers: int, now: float
) -> float | None:
    """Seconds until all trials are made, None while nothing is known.

    What is left of `total` trials, less the shares of the running ones, times the mean duration of a trial, shared by
    the workers. Before the first trial has ended, the running ones say how long one takes.
    """
    if ended >= total:
        return 0.0
    if mean_s is None:
        estimates = [(now - trial.started_at) / trial.overall for trial in running if trial.overall >= ENOUGH_SHARE]
        if not estimates:
            return None
        mean_s = sum(estimates) / len(estimates)
    trials_left = max(0.0, total - ended - sum(trial.overall for trial in running))
    at_once = max(1, min(workers, total - ended))
    return trials_left * mean_s / at_once


def overall_share(*, total: int, ended: int, running: Iterable[TrialProgress]) -> float:
    """How much of a run is done, 0 to 1."""
    return min(1.0, (ended + sum(trial.overall for trial in running)) / total) if total else 0.0


def reasons(failed: Iterable[TrialRow]) -> list[tuple[str, list[int]]]:
    """Failures grouped by their cause: (reason of the first, trial numbers), the most frequent first.

    Reasons that differ in numbers alone, such as the shape that did not fit into memory, are one cause.
    """
    groups: dict[str, list[tuple[str, int]]] = {}
    for trial in failed:
        reason = str(trial.attributes.get("reason") or "no reason was recorded")
        groups.setdefault(NUMBER.sub("#", reason), []).append((reason, trial.number))
    by_size = sorted(groups.values(), key=len, reverse=True)
    return [(group[0][0], [number for _, number in group]) for group in by_size]
