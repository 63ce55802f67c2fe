"""How much each hyperparameter decides whether a trial is among the best.

PED-ANOVA (https://arxiv.org/abs/2304.10255) as Optuna computes it, with a test of what chance alone would give.
"""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpo_core.analysis.targets import Target
from hpo_core.imports import absent

# Of Optuna's evaluators only others need scikit-learn, which takes a second to load and 85 MB to hold.
with absent("sklearn"):
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

FEWEST = 10
"""Complete trials below which nothing is said."""
TOP = 0.1
ENOUGH_AT_TOP = 8
SHUFFLES = 19
MARGIN = 1.5
POINTS = 8
_NOTHING = 1e-9


@dataclass(frozen=True)
class Importance:
    """What separates the best trials from the others.

    Attributes:
        shares: of each hyperparameter, the largest first; they add up to 1. Empty where nothing can be said.
        chance: of each hyperparameter, the share up to which it cannot be told from chance: the results were dealt out
            at random, and it is as far above the mean of those shares as one in twenty studies without any influence
            gets, at most 1: no share is larger. Empty where that was not tried.
        trials: complete trials with a result that were looked at.
        top: share of them that counts as the best.
        constant: hyperparameters that had one value in all trials and so cannot be judged.
    """

    shares: Mapping[str, float] = field(default_factory=dict)
    chance: Mapping[str, float] = field(default_factory=dict)
    trials: int = 0
    top: float = TOP
    constant: tuple[str, ...] = ()

    @property
    def certain(self) -> list[str]:
        """Hyperparameters that matter more than chance explains."""
        return [name for name, share in self.shares.items() if share > self.chance.get(name, 0.0)]


def importance(trials: Sequence[FrozenTrial], target: Target) -> Importance:
    """Importance of every hyperparameter for reaching the best of `target`."""
    judged = _judged(trials, target)
    constant = _constant(judged)
    results = {place: value for place, (_, value) in enumerate(judged)}
    top = _top(len(judged))
    varies = any(name not in constant for trial, _ in judged for name in trial.params)
    if len(judged) < FEWEST or not varies or _all_equal(results.values()):
        return Importance(trials=len(judged), top=top, constant=constant)
    study = _study(judged)
    raw = _evaluate(study, results, target)
    total = sum(raw.values())
    if not total > _NOTHING:
        return Importance(trials=len(judged), top=top, constant=constant)
    varied = {name: value / total for name, value in raw.items() if name not in constant}
    shares = dict(sorted(varied.items(), key=lambda item: -item[1]))
    chance = {name: min(1.0, value / total) for name, value in _chance(study, results, target).items()}
    return Importance(shares, chance, len(judged), top, constant)


def importance_over_time(trials: Sequence[FrozenTrial], target: Target, points: int = POINTS) -> list[Importance]:
    """The importance as it stood after the first trials, after more of them, and after all.

    Evenly many trials lie between two points; each tells of all trials up to it. Empty below ten complete trials.
    """
    judged = _judged(sorted(trials, key=lambda trial: trial.number), target)
    if len(judged) < FEWEST:
        return []
    study = _study(judged)
    steps = min(points, len(judged) - FEWEST + 1)
    counts = sorted({round(FEWEST + (len(judged) - FEWEST) * step / max(steps - 1, 1)) for step in range(steps)})
    if steps == 1:
        counts = [len(judged)]
    found = []
    for count in counts:
        results = {place: value for place, (_, value) in enumerate(judged[:count])}
        raw = {} if _all_equal(results.values()) else _evaluate(study, results, target)
        total = sum(raw.values())
        shares = {name: value / total for name, value in raw.items()} if total > _NOTHING else {}
        ordered = dict(sorted(shares.items(), key=lambda item: -item[1]))
        found.append(Importance(ordered, {}, count, _top(count)))
    return found


def _judged(trials: Sequence[FrozenTrial], target: Target) -> list[tuple[FrozenTrial, float]]:
    """Complete trials with a result, without all that importance does not ask for, and their results."""
    pairs = ((trial, target.of(trial)) for trial in trials if trial.state is TrialState.COMPLETE)
    bare = ((_bare(trial), value) for trial, value in pairs if value is not None)
    return [(trial, value) for trial, value in bare if trial is not None]


def _bare(trial: FrozenTrial) -> FrozenTrial | None:
    """Its parameters alone; None where one lies outside its own range, of which Optuna only warns when enqueuing."""
    try:
        return create_trial(params=trial.params, distributions=trial.distributions, value=0.0)
    except ValueError:
        return None


def _constant(judged: Sequence[tuple[FrozenTrial, float]]) -> tuple[str, ...]:
    """Hyperparameters that all trials had, with one and the same value."""
    names = dict.fromkeys(name for trial, _ in judged for name in trial.params)
    absent = object()
    return tuple(name for name in names if len({repr(trial.params.get(name, absent)) for trial, _ in judged}) == 1)


def _top(trials: int) -> float:
    """Share of the trials that counts as the best: a tenth, but at least eight trials."""
    return min(0.5, max(TOP, ENOUGH_AT_TOP / trials)) if trials else TOP


def _study(judged: Sequence[tuple[FrozenTrial, float]]) -> optuna.Study:
    """A study in memory; the number of a trial is its place in `judged`."""
    with _quiet():
        study = optuna.create_study()
        study.add_trials([trial for trial, _ in judged])
        # Optuna compares the distributions of all trials with one another: copies of one and the same take long.
        for kept, (trial, _) in zip(study.get_trials(deepcopy=False), judged, strict=True):
            kept.distributions = trial.distributions
    return study


def _evaluate(study: optuna.Study, results: Mapping[int, float], target: Target) -> dict[str, float]:
    """Divergence per hyperparameter; trials without a result are left out."""
    sign = 1.0 if target.minimises else -1.0
    evaluator = PedAnovaImportanceEvaluator(target_quantile=_top(len(results)))
    with _quiet():
        found = get_param_importances(
            study,
            evaluator=evaluator,
            target=lambda trial: sign * results.get(trial.number, math.nan),
            normalize=False,
        )
    return {name: float(value) if math.isfinite(value) else 0.0 for name, value in found.items()}


def _chance(study: optuna.Study, results: Mapping[int, float], target: Target) -> dict[str, float]:
    """The divergence of each hyperparameter that chance alone may give.

    After random exchanges of the results the divergences of each hyperparameter have a mean and a deviation. The limit
    lies MARGIN times as many deviations above the mean as the most extreme of all hyperparameters and exchanges does:
    of 40 studies of random numbers 2 then had a hyperparameter above it, with 30 trials and with 120.
    """
    chance = random.Random(0)
    values = list(results.values())
    dealt: list[dict[str, float]] = []
    for _ in range(SHUFFLES):
        chance.shuffle(values)
        dealt.append(_evaluate(study, dict(zip(results, values, strict=True)), target))
    means = {name: fmean(each[name] for each in dealt) for name in dealt[0]}
    deviations = {name: stdev(each[name] for each in dealt) for name in dealt[0]}
    extreme = max(
        (each[name] - means[name]) / deviation for each in dealt for name, deviation in deviations.items() if deviation
    )
    return {name: means[name] + MARGIN * extreme * deviations[name] for name in means}


def _all_equal(values: Iterable[float]) -> bool:
    return len(set(values)) < 2


class _quiet(warnings.catch_warnings):  # noqa: N801 - used like a function
    """Optuna warns of what is meant here: a target of our own, raw values, few trials of a conditional parameter."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore")
        optuna.logging.set_verbosity(optuna.logging.ERROR)  # of studies in memory nobody needs to hear
