"""Runs that go wrong: when to tell people, and when to stop."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.trial import FrozenTrial

from hpo_core.objective import CRASHED, MONEY_CAP, TOO_LARGE
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.prices import in_dollars
from hpo_core.samplers import LEARNS_FROM_PRUNED

# Trials in a row without a result, after which going on would only waste time.
FAILURES_IN_A_ROW = 10
REFUSALS_IN_A_ROW = 10
WORRYING = 3
"""Failures in a row that are no accident any more."""


def worrying(trials: Sequence[FrozenTrial]) -> str:
    """What the last trials failed of, where several in a row did; else ''."""
    ended = [trial for trial in trials if trial.state.is_finished()][-WORRYING:]
    if len(ended) < WORRYING or any(trial.user_attrs.get("outcome") != CRASHED for trial in ended):
        return ""
    return str(ended[-1].user_attrs.get("reason"))


def hopeless(trials: Sequence[FrozenTrial], sampler: str) -> str:
    """Why it makes no sense to go on, or '': only failures, or refusals that the sampler does not learn from."""
    ended = [trial for trial in trials if trial.state.is_finished()]
    outcomes = [trial.user_attrs.get("outcome") for trial in ended]
    failures = outcomes[-FAILURES_IN_A_ROW:]
    if len(failures) == FAILURES_IN_A_ROW and all(outcome == CRASHED for outcome in failures):
        return f"{FAILURES_IN_A_ROW} trials in a row failed; the last one: {ended[-1].user_attrs.get('reason')}"
    refusals = outcomes[-REFUSALS_IN_A_ROW:]
    learns = sampler in LEARNS_FROM_PRUNED
    if not learns and len(refusals) == REFUSALS_IN_A_ROW and all(outcome == TOO_LARGE for outcome in refusals):
        return (
            f"{REFUSALS_IN_A_ROW} models in a row were too large, and the sampler {sampler} does not learn from that; "
            "raise max_parameters, narrow the search space, or use sampler=tpe"
        )
    return ""


def capped(trials: Sequence[FrozenTrial], run_name: str, config: OptimizationConfig) -> str:
    """What to say of a run whose money cap was reached while `trials` were made; '' where it was not."""
    if not any(trial.user_attrs.get("outcome") == MONEY_CAP for trial in trials):
        return ""
    return (
        f"the money cap of {in_dollars(config.max_cost or 0)} was reached: it ended the run early; "
        f"resume run_name={run_name} max_cost=DOLLARS carries it on"
    )
