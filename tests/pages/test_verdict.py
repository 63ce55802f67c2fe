"""The sentence of a comparison that says which trial is the better one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pages.parts.trial_comparison import verdict
from storage.studies import StudySummary, TrialRow

SUMMARY = StudySummary("a", False, {"complete": 3}, 2, 0.9, 0.9, None, None)
OURS = {"configuration": {"mode": "simple", "objective": "validation_accuracy"}}


def trial(number: int, score: float | None, state: str = "complete") -> TrialRow:
    return TrialRow(number, state, score, 1.0, attributes={"configuration": "{}"})


BY = "validation accuracy, by which this run chooses, is the"


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        ([trial(0, 0.5), trial(1, 0.7)], f"Trial 1: its {BY} highest of these."),
        ([trial(2, 0.9), trial(1, 0.7)], f"Trial 2: its {BY} highest of these and of all."),
        ([trial(0, 0.5), trial(1, 0.5)], f"Trial 0 and Trial 1 are equally good: their {BY} same."),
        ([trial(0, 0.5), trial(1, 0.7, "pruned")], ""),
        ([trial(0, 0.5), trial(1, None)], ""),
    ],
)
def test_the_better_one_is_named_by_what_the_run_goes_by(trials: list[TrialRow], expected: str) -> None:
    assert verdict(trials, SUMMARY, OURS) == expected


def test_where_small_is_good_the_lowest_wins() -> None:
    said = verdict([trial(0, 0.5), trial(1, 0.7)], replace(SUMMARY, minimises=True), {})
    assert said == "Trial 0: its score, by which this run chooses, is the lowest of these."


def test_of_two_objectives_none_is_the_better_one() -> None:
    assert verdict([trial(0, 0.5), trial(1, 0.7)], replace(SUMMARY, n_objectives=2), OURS) == ""
