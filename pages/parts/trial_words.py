"""States and scores of trials as text, whatever study they come from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from hpo_core.objective import CANCELLED, INTERRUPTED, MONEY_CAP, STOPPED
from pages.parts import formats, palette
from storage.studies import TrialRow

WAS_STOPPED = "stopped"
STATE_WORDS: Mapping[str, str] = {"fail": "failed"}
# For Optuna these have failed as well.
FROM_OUTSIDE = frozenset((STOPPED, CANCELLED, INTERRUPTED, MONEY_CAP))


def group_word(state: str) -> str:
    """All trials in a state of Optuna as people call them."""
    return "failed or stopped" if state == "fail" else state


def state_word(state: str) -> str:
    """A state of Optuna as people say it."""
    return STATE_WORDS.get(state, state)


def state_of(trial: TrialRow) -> str:
    """How a trial stands, as people say it: one that was ended from outside has been stopped, and did not fail."""
    stopped = trial.state == "fail" and trial.attributes.get("outcome") in FROM_OUTSIDE
    return WAS_STOPPED if stopped else state_word(trial.state)


def state_colour(trial: TrialRow) -> str:
    """The colour of that."""
    return palette.WAITING if state_of(trial) == WAS_STOPPED else palette.TRIAL_STATES.get(trial.state, palette.WAITING)


def score_text(row: TrialRow) -> str:
    """The score; of several objectives all values; infinite ones as such."""
    if row.values:
        return " · ".join(value_text(value) for value in row.values)
    return formats.score(row.score)


def told_apart(rows: Sequence[TrialRow]) -> list[str]:
    """Finite scores of trials with one objective, with so many digits that different ones do not look the same."""
    shown = [score_text(row) for row in rows]
    exact = [f"{row.values[0]:.6g}" for row in rows]
    return exact if len(set(exact)) > len(set(shown)) else shown


def value_text(value: float) -> str:
    """A value of an objective."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return formats.score(value)
