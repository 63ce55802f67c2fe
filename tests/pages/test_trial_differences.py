"""What compared trials have in common and what not."""

from __future__ import annotations

from pages.parts import trial_comparison, trial_differences
from storage.studies import TrialRow


def test_a_compared_number_is_short_on_the_page_and_exact_in_the_file() -> None:
    rates = (0.00124161, 0.0012849)
    trials = [TrialRow(n, "complete", 0.5, 1.0, {"learning_rate": rate}) for n, rate in enumerate(rates)]
    rows = trial_differences.parameters(trials)
    shown, written = trial_comparison.table(trials, rows), trial_differences.as_csv(trials, rows)
    assert ">0.001242<" in shown and "0.00124161" not in shown
    assert "Learning rate,learning_rate,0.00124161,0.0012849" in written
