"""States and scores of trials as text, whatever study they come from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from pages.parts import formats
from storage.studies import TrialRow

STATE_WORDS: Mapping[str, str] = {"fail": "failed"}


def state_word(state: str) -> str:
    """A state of Optuna as people say it."""
    return STATE_WORDS.get(state, state)


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
