"""What trials are judged by: the score, accuracy, health, duration, size, or any number that they recorded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from optuna.trial import FrozenTrial

from hpo_core import formats
from hpo_core.health.metrics import METRICS
from hpo_core.parameters import PARAMETERS

SCORE, ACCURACY, HEALTH, DURATION, PARAMETERS_KEY = "score", "accuracy", "health", "duration", "parameters"
# Recorded beside what the targets above say already.
_REPEATED = {"duration_s", "accuracy", "health", "parameters"}
# Attributes of which less is better, and those of which more is; of any other number nobody knows.
_SMALLER = {"cost", "validation_loss"}
_LARGER = {"macro_f1", "top5_accuracy", "training_accuracy", *METRICS}
# Shares of one where their values are.
_SHARES = {ACCURACY, "macro_f1", "top5_accuracy", "training_accuracy"}
_LOG_SPAN = 30.0
_PLAIN_FROM, _PLAIN_TO = 1e-3, 1e6


@dataclass(frozen=True)
class Target:
    """A number that each trial may have.

    Attributes:
        key: stands in addresses and file names: score, score:1 (the second objective), accuracy, health, duration,
            parameters, or the name of an attribute.
        title: in the middle of a sentence, such as 'validation accuracy'.
        minimises: whether smaller values are better; None where neither is.
        objective: which objective of the study it is, None for what is recorded beside them.
        is_share: whether values are shares of 1, and written in per cent.
    """

    key: str
    title: str
    minimises: bool | None
    objective: int | None = None
    is_share: bool = False

    def of(self, trial: FrozenTrial) -> float | None:
        """The finite value of a trial; None where it has none."""
        if self.objective is not None:
            values = trial.values
            value = values[self.objective] if values is not None and self.objective < len(values) else None
        elif self.key == DURATION:
            value = trial.duration.total_seconds() if trial.duration is not None else None
        else:
            value = trial.user_attrs.get(self.key)
        return number(value)

    @property
    def unit(self) -> str:
        """How the axis is labelled: '%' where values are shares of 1, 's' for durations, else empty."""
        return "%" if self.is_share else "s" if self.key == DURATION else ""

    @property
    def factor(self) -> float:
        """What a value is multiplied by on an axis."""
        return 100.0 if self.is_share else 1.0

    @property
    def may_be_log(self) -> bool:
        """Whether decades mean anything: not for shares of 1."""
        return not self.is_share and self.key not in (HEALTH, *METRICS)

    @property
    def axis(self) -> str:
        """The title of an axis, with its unit."""
        title = self.title[:1].upper() + self.title[1:]
        return f"{title}, {self.unit}" if self.unit else title

    @property
    def best_word(self) -> str:
        """What the best value is called."""
        if self.minimises is None:
            return "largest"
        return "smallest" if self.minimises else "highest"

    @property
    def top_word(self) -> str:
        """What trials at the better end are called: the largest where nobody knows whether large is good."""
        return "largest" if self.minimises is None else "best"

    @property
    def better_word(self) -> str:
        """What a value nearer to that end is called."""
        return "larger" if self.minimises is None else "better"

    def text(self, value: float) -> str:
        """A value with its unit, such as '98.36 %'."""
        if self.is_share:
            return formats.percent(value)
        if self.key == DURATION:
            return formats.duration(value)
        if self.key == PARAMETERS_KEY:
            return formats.count(round(value))
        if self.key == HEALTH or self.key in METRICS:
            return formats.score(value)
        return plain(value)

    def better(self, left: float, right: float) -> bool:
        """Whether `left` is the better of two values; the larger one where nobody knows."""
        return left < right if self.minimises else left > right


UNKNOWN_SCORE = Target(SCORE, SCORE, None, 0)
"""The only objective of a study that does not say what it is."""


def targets(
    trials: Iterable[FrozenTrial],
    minimises: Sequence[bool],
    objectives: Sequence[str] = (),
    score: Target = UNKNOWN_SCORE,
) -> list[Target]:
    """What these trials can be judged by, the objectives first.

    Args:
        trials: of one study.
        minimises: per objective.
        objectives: their names, where they have some.
        score: what the only objective is; before the name that Optuna has for it.
    """
    found = [_objective(place, minimises, objectives, score) for place in range(len(minimises))]
    known = (
        Target(ACCURACY, "accuracy", False),
        Target(HEALTH, "health", False),
        Target(DURATION, "duration", True),
        Target(PARAMETERS_KEY, "number of parameters", True),
    )
    trials = list(trials)
    found += [_in_its_unit(target, trials) for target in known if any(target.of(trial) is not None for trial in trials)]
    names = sorted({name for trial in trials for name, value in trial.user_attrs.items() if number(value) is not None})
    for name in names:
        if name not in _REPEATED and all(target.key != name for target in found):
            minimised = True if name in _SMALLER else False if name in _LARGER else None
            found.append(_in_its_unit(Target(name, _title(name), minimised), trials))
    return found


def number(value: object) -> float | None:
    """A finite number; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def plain(value: float) -> str:
    """A number of any size with four digits, such as '0.9836', '12 340', '3.2e-05'."""
    if value and not _PLAIN_FROM <= abs(value) < _PLAIN_TO:
        return f"{value:.3g}"
    if float(value).is_integer():
        return formats.count(int(value))
    return f"{value:.4g}" if abs(value) < 1000 else formats.count(round(value))


def spans_decades(values: Sequence[float]) -> bool:
    """Whether a logarithmic axis shows these values better: all positive, the largest 30 times the smallest."""
    return bool(values) and min(values) > 0 and max(values) / min(values) >= _LOG_SPAN


def parameter_title(name: str) -> str:
    """A hyperparameter as people call it; its own name where it is none of ours, and Optuna allows an empty one."""
    return PARAMETERS[name].title if name in PARAMETERS else name or "(no name)"


def _objective_key(place: int) -> str:
    return SCORE if place == 0 else f"{SCORE}:{place}"


def _objective(place: int, minimises: Sequence[bool], objectives: Sequence[str], score: Target) -> Target:
    alone = len(minimises) == 1
    if alone and (score.title != SCORE or not objectives):
        return replace(score, minimises=minimises[0])
    title = objectives[place] if place < len(objectives) else f"objective {place + 1} of {len(minimises)}"
    return Target(_objective_key(place), title, minimises[place], place)


def _in_its_unit(target: Target, trials: Sequence[FrozenTrial]) -> Target:
    """In per cent where it is a share; other programs may record an accuracy of 96.3 under the same name."""
    values = (target.of(trial) for trial in trials)
    return replace(target, is_share=target.key in _SHARES and all(value is None or 0 <= value <= 1 for value in values))


def _title(name: str) -> str:
    return METRICS[name].title.lower() if name in METRICS else name.replace("_", " ")
